//! Decompression with a bound on what comes out: a few bytes can hold gigabytes.

use super::Coding;
use std::fmt;
use std::io::{Read, Write};

/// Why bytes were not decompressed.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They give more than allowed.
    TooLarge,
    /// They are not packed so.
    Broken(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::TooLarge => f.write_str("unpack body: too large"),
            DecodeError::Broken(cause) => write!(f, "unpack body: {cause}"),
        }
    }
}
impl std::error::Error for DecodeError {}

impl Coding {
    /// True if the bytes begin as this coding does, as far as that can be seen.
    pub fn fits(self, bytes: &[u8]) -> bool {
        match (self, bytes) {
            (Coding::Gzip, _) => bytes.starts_with(&[0x1f, 0x8b]),
            // RFC 1950 section 2.2: method 8, and both bytes as one number a multiple of 31.
            (Coding::Zlib, [a, b, ..]) => a & 15 == 8 && (u16::from(*a) << 8 | u16::from(*b)).is_multiple_of(31),
            (Coding::Zlib, _) => false,
            (Coding::Zstd, _) => bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
            (Coding::Identity | Coding::Snappy, _) => true,
        }
    }

    /// Decompresses to at most `max` bytes.
    pub fn decode(self, bytes: &[u8], max: u64) -> Result<Vec<u8>, DecodeError> {
        let broken = |e: &dyn fmt::Display| DecodeError::Broken(e.to_string());
        match self {
            Coding::Identity if bytes.len() as u64 > max => Err(DecodeError::TooLarge),
            Coding::Identity => Ok(bytes.to_vec()),
            Coding::Gzip => read_all(flate2::read::MultiGzDecoder::new(bytes), bytes.len(), max),
            Coding::Zlib => read_all(flate2::read::ZlibDecoder::new(bytes), bytes.len(), max),
            Coding::Zstd => match zstd::stream::read::Decoder::with_buffer(bytes) {
                Ok(from) => read_all(from, bytes.len(), max),
                Err(e) => Err(broken(&e)),
            },
            Coding::Snappy => {
                let len = snap::raw::decompress_len(bytes).map_err(|e| broken(&e))?;
                // The announced length is believed only as far as it can be true: a copy of two bytes gives at most 64.
                if len as u64 > max {
                    return Err(DecodeError::TooLarge);
                }
                if len / 64 > bytes.len() {
                    return Err(broken(&"length does not fit"));
                }
                snap::raw::Decoder::new().decompress_vec(bytes).map_err(|e| broken(&e))
            }
        }
    }
}

fn read_all(from: impl Read, packed: usize, max: u64) -> Result<Vec<u8>, DecodeError> {
    // Text packs to a fifth or so; more room than that is made only for what really comes.
    let mut out =
        Vec::with_capacity(packed.saturating_mul(5).min(usize::try_from(max).unwrap_or(usize::MAX)).min(8 << 20));
    from.take(max.saturating_add(1)).read_to_end(&mut out).map_err(|e| DecodeError::Broken(e.to_string()))?;
    if out.len() as u64 > max { Err(DecodeError::TooLarge) } else { Ok(out) }
}

/// Unpacks a stream piece by piece.
pub struct Unpacker(Stream);

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

enum Stream {
    Plain,
    Gzip(flate2::write::MultiGzDecoder<Vec<u8>>),
    Zlib(flate2::write::ZlibDecoder<Vec<u8>>),
    Zstd(zstd::stream::write::Decoder<'static, Vec<u8>>),
}

impl Unpacker {
    /// For a coding of streams: Snappy is none.
    pub fn new(coding: Coding) -> std::io::Result<Self> {
        let out = Vec::new();
        Ok(Unpacker(match coding {
            Coding::Identity => Stream::Plain,
            Coding::Gzip => Stream::Gzip(flate2::write::MultiGzDecoder::new(out)),
            Coding::Zlib => Stream::Zlib(flate2::write::ZlibDecoder::new(out)),
            Coding::Zstd => Stream::Zstd(zstd::stream::write::Decoder::new(out)?),
            Coding::Snappy => return Err(std::io::Error::other("snappy packs no streams")),
        }))
    }

    /// True if what comes is not packed at all.
    pub fn is_plain(&self) -> bool {
        matches!(self.0, Stream::Plain)
    }

    /// So many packed bytes give 4 MiB or so at most. A byte of DEFLATE stands for about 1000 (258 in two bits, RFC 1951 section
    /// 3.2.5), four bytes of zstd for 128 KiB (a block of one byte over and over, RFC 8878 section 3.1.1.2).
    pub fn piece(&self) -> usize {
        if matches!(self.0, Stream::Zstd(_)) { 128 } else { 4 << 10 }
    }

    /// Unpacks the next piece and appends it to `out`: all of it, so pieces should be no longer than [`Unpacker::piece`].
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        let plain = match &mut self.0 {
            Stream::Plain => {
                out.extend_from_slice(piece);
                return Ok(());
            }
            Stream::Gzip(d) => {
                d.write_all(piece)?;
                d.flush()?;
                d.get_mut()
            }
            Stream::Zlib(d) => {
                d.write_all(piece)?;
                d.flush()?;
                d.get_mut()
            }
            Stream::Zstd(d) => {
                d.write_all(piece)?;
                d.flush()?;
                d.get_mut()
            }
        };
        out.append(plain);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        w.write_all(bytes).unwrap();
        w.finish().unwrap()
    }

    #[test]
    fn each_coding_gives_back_what_was_packed() {
        let text = "a v=1 1\n".repeat(1000).into_bytes();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        assert!(Coding::Zlib.fits(&zlib) && Coding::Gzip.fits(&gzip(&text)) && !Coding::Zlib.fits(b"a v"));
        let zstd = zstd::encode_all(&text[..], 1).unwrap();
        for (coding, packed) in
            [(Coding::Gzip, gzip(&text)), (Coding::Zlib, zlib), (Coding::Zstd, zstd), (Coding::Snappy, snappy)]
        {
            assert!(coding.fits(&packed));
            if let Ok(mut unpacker) = Unpacker::new(coding) {
                let mut out = Vec::new();
                packed.chunks(7).for_each(|piece| unpacker.push(piece, &mut out).unwrap());
                assert!(out == text, "{coding:?}");
            }
            assert_eq!(coding.decode(&packed, 8000).unwrap(), text);
            assert!(matches!(coding.decode(&packed, 7999), Err(DecodeError::TooLarge)), "{coding:?}");
            assert!(matches!(coding.decode(&packed[..packed.len() / 2], 8000), Err(DecodeError::Broken(_))));
        }
        let two = [gzip(b"a v=1 1\n"), gzip(b"b v=2 2\n")].concat();
        assert_eq!(Coding::Gzip.decode(&two, 100).unwrap(), b"a v=1 1\nb v=2 2\n");
    }

    #[test]
    fn a_bomb_in_a_stream_unfolds_piece_by_piece() {
        // A frame with a window of 8 MiB and blocks that repeat a byte 128 Ki times.
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x68];
        bomb.extend([0x02, 0x00, 0x10, b'a'].repeat(1024));
        for (coding, packed, whole) in
            [(Coding::Zstd, bomb, 128 << 20), (Coding::Gzip, gzip(&vec![0; 64 << 20]), 64 << 20)]
        {
            let (mut unpacker, mut sum) = (Unpacker::new(coding).unwrap(), 0);
            for piece in packed.chunks(unpacker.piece()) {
                let mut out = Vec::new();
                unpacker.push(piece, &mut out).unwrap();
                assert!(out.len() <= 5 << 20, "{coding:?}: {} bytes at once", out.len());
                sum += out.len();
            }
            assert_eq!(sum, whole, "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 400_000);
        assert!(matches!(Coding::Gzip.decode(&bomb, 1 << 20), Err(DecodeError::TooLarge)));
        // A snappy header that announces 4 GiB less 1 in five bytes.
        let header = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(matches!(Coding::Snappy.decode(&header, 1 << 20), Err(DecodeError::TooLarge)));
        assert!(matches!(Coding::Snappy.decode(&header, u64::MAX), Err(DecodeError::Broken(_))));
    }
}
