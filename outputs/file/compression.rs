//! Compression of what is written: every write is a whole frame, and frames in a row are a valid file for all three
//! algorithms (RFC 1952 2.2, RFC 8878 3.1; zlib streams are concatenated as Telegraf does it).

use agent_api::{Result, bail};
use std::io::Write;

/// An algorithm with its level.
pub(super) enum Compression {
    Gzip(flate2::Compression),
    Zlib(flate2::Compression),
    Zstd(i32),
}

impl Compression {
    /// None for no compression; an error for an algorithm or a level that is not known.
    pub(super) fn new(algorithm: &str, level: i64) -> Result<Option<Self>> {
        let flate = || match level {
            -1 => Ok(flate2::Compression::default()),
            0 | 1 | 9 => Ok(flate2::Compression::new(level as u32)),
            other => bail!("compression_level: {other} is none of 0, 1, 9 of {algorithm}"),
        };
        Ok(Some(match algorithm {
            "" | "identity" | "none" => return Ok(None),
            "gzip" => Compression::Gzip(flate()?),
            "zlib" => Compression::Zlib(flate()?),
            "zstd" => match level {
                -1 => Compression::Zstd(3),
                1 | 3 | 7 | 11 => Compression::Zstd(level as i32),
                other => bail!("compression_level: {other} is none of 1, 3, 7, 11 of zstd"),
            },
            other => bail!(
                "compression_algorithm: {other:?} is none of the values of content_encoding: zstd, gzip, zlib, identity"
            ),
        }))
    }

    /// One frame.
    pub(super) fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(match self {
            Compression::Gzip(level) => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), *level);
                out.write_all(bytes)?;
                out.finish()?
            }
            Compression::Zlib(level) => {
                let mut out = flate2::write::ZlibEncoder::new(Vec::new(), *level);
                out.write_all(bytes)?;
                out.finish()?
            }
            Compression::Zstd(level) => zstd::bulk::compress(bytes, *level)?,
        })
    }
}
