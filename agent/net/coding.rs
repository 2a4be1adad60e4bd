//! Content encodings: packing bodies to send, unpacking answers with a bound on what comes out.
//!
//! Packing a large body takes milliseconds of pure computing, so it is moved off the async workers; a small one is packed in
//! place, as the way to another thread costs more than the work.

use agent_api::{Context, Result, bail};
use bytes::Bytes;
use std::io::Read;

/// How a body is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950; HTTP calls it `deflate`.
    Zlib,
    /// RFC 8878.
    Zstd,
}

/// A body of this size or more is packed on a thread that may block.
const LARGE: usize = 32 << 10;

impl Coding {
    /// The coding of an option's value; "" is identity.
    pub fn named(option: &str, name: &str) -> Result<Self> {
        Ok(match name {
            "" | "identity" | "none" => Coding::Identity,
            "gzip" => Coding::Gzip,
            "zlib" | "deflate" => Coding::Zlib,
            "zstd" => Coding::Zstd,
            _ => bail!("{option}: unknown encoding {name:?}; one of identity, gzip, zlib, zstd"),
        })
    }

    /// The value of the header `Content-Encoding`, or None for identity.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Zlib => Some("deflate"),
            Coding::Zstd => Some("zstd"),
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

    /// Unpacks a body; more than `max` bytes are an error.
    pub fn decode(self, body: &[u8], max: usize) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        let most = (max as u64).saturating_add(1);
        match self {
            Coding::Identity => body.take(most).read_to_end(&mut plain),
            Coding::Gzip => flate2::read::MultiGzDecoder::new(body).take(most).read_to_end(&mut plain),
            Coding::Zlib => flate2::read::ZlibDecoder::new(body).take(most).read_to_end(&mut plain),
            Coding::Zstd => {
                zstd::stream::read::Decoder::with_buffer(body).and_then(|d| d.take(most).read_to_end(&mut plain))
            }
        }
        .context("unpack body")?;
        if plain.len() > max {
            bail!("unpack body: more than {max} bytes");
        }
        Ok(plain)
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
        for coding in [Coding::Identity, Coding::Gzip, Coding::Zlib, Coding::Zstd] {
            let packed = coding.encode(&text).unwrap();
            assert_eq!(coding.decode(&packed, text.len()).unwrap(), text, "{coding:?}");
            assert!(coding.decode(&packed, text.len() - 1).is_err(), "{coding:?} is not bounded");
            assert!(coding == Coding::Identity || packed.len() < text.len() / 2);
        }
    }

    #[tokio::test]
    async fn large_bodies_are_packed_elsewhere() {
        let text = Bytes::from(b"m v=1\n".repeat(LARGE));
        let packed = Coding::Gzip.pack(text.clone()).await.unwrap();
        assert_eq!(Coding::Gzip.decode(&packed, text.len()).unwrap(), text);
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
