//! Content encodings: packing bodies to send, unpacking what came with a bound on what comes out.
//!
//! Packing a large body takes milliseconds of pure computing, so it is moved off the async workers; a small one is packed in
//! place, as the way to another thread costs more than the work.

mod unpack;

use agent_api::{Context, Result, anyhow};
use bytes::Bytes;
use std::io::Read;
pub use unpack::{DecodeError, Unpacker};

/// How a body is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip (RFC 1952), several members after each other allowed.
    Gzip,
    /// zlib (RFC 1950), which HTTP calls `deflate`.
    Zlib,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Snappy, one block.
    Snappy,
}

/// A body of this size or more is packed on a thread that may block.
const LARGE: usize = 32 << 10;

impl Coding {
    /// The coding of a name as HTTP and Telegraf's `content_encoding` spell it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" | "identity" => Coding::Identity,
            "gzip" | "x-gzip" => Coding::Gzip,
            "zlib" | "deflate" => Coding::Zlib,
            "zstd" => Coding::Zstd,
            "snappy" => Coding::Snappy,
            _ => return None,
        })
    }

    /// The coding of an option's value in which bodies are sent.
    pub fn of_option(option: &str, name: &str) -> Result<Self> {
        let coding = if name == "none" { Some(Coding::Identity) } else { Coding::named(name) };
        coding
            .filter(|coding| *coding != Coding::Snappy)
            .with_context(|| format!("{option}: unknown encoding {name:?}; one of identity, gzip, zlib, zstd"))
    }

    /// The value of the header `Content-Encoding`, or None for identity.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Zlib => Some("deflate"),
            Coding::Zstd => Some("zstd"),
            Coding::Snappy => Some("snappy"),
        }
    }

    /// Packs a body.
    pub fn encode(self, body: &[u8]) -> Result<Vec<u8>> {
        // Line protocol packs to about a tenth; a quarter saves most of the growing.
        let mut packed = Vec::with_capacity(body.len() / 4 + 64);
        let level = flate2::Compression::default();
        match self {
            Coding::Identity => packed.extend_from_slice(body),
            Coding::Gzip => {
                flate2::read::GzEncoder::new(body, level).read_to_end(&mut packed).context("pack body")?;
            }
            Coding::Zlib => {
                flate2::read::ZlibEncoder::new(body, level).read_to_end(&mut packed).context("pack body")?;
            }
            Coding::Zstd => zstd::stream::copy_encode(body, &mut packed, 0).context("pack body")?,
            Coding::Snappy => {
                packed = snap::raw::Encoder::new().compress_vec(body).map_err(|e| anyhow!(e)).context("pack body")?;
            }
        }
        Ok(packed)
    }

    /// Packs a body, away from the async workers if it is large. Identity gives the same memory back.
    pub async fn pack(self, body: Bytes) -> Result<Bytes> {
        if self == Coding::Identity {
            return Ok(body);
        }
        if body.len() < LARGE {
            return self.encode(&body).map(Bytes::from);
        }
        tokio::task::spawn_blocking(move || self.encode(&body)).await.context("pack body")?.map(Bytes::from)
    }
}

/// Takes the memory of a body back once nobody else holds it, emptied; else gives new memory.
pub fn reclaim(body: Bytes) -> Vec<u8> {
    if !body.is_unique() {
        return Vec::new();
    }
    let mut memory = Vec::from(body);
    memory.clear();
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let text = b"room,floor=1 t=20.5\n".repeat(100);
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zlib, Coding::Zstd, Coding::Snappy] {
            let packed = coding.encode(&text).unwrap();
            assert_eq!(coding.decode(&packed, text.len() as u64).unwrap(), text, "{coding:?}");
            assert!(coding.decode(&packed, text.len() as u64 - 1).is_err(), "{coding:?} is not bounded");
            assert!(coding == Coding::Identity || packed.len() < text.len() / 2);
        }
    }

    #[tokio::test]
    async fn large_bodies_are_packed_elsewhere() {
        let text = Bytes::from(b"m v=1\n".repeat(LARGE));
        let packed = Coding::Gzip.pack(text.clone()).await.unwrap();
        assert_eq!(Coding::Gzip.decode(&packed, text.len() as u64).unwrap(), text);
    }

    #[test]
    fn memory_comes_back_when_nobody_holds_it() {
        let mut memory = Vec::with_capacity(1000);
        memory.extend_from_slice(b"abc");
        let at = memory.as_ptr();
        let body = Bytes::from(memory);
        let other = body.clone();
        assert_eq!(reclaim(body).capacity(), 0);
        let memory = reclaim(other);
        assert_eq!((memory.as_ptr(), memory.len(), memory.capacity()), (at, 0, 1000));
    }
}
