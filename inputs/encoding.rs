//! Encodings of text files.

use agent_api::{Result, bail};

/// How the bytes of a file are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As they are.
    Bytes,
    /// UTF-8, bad bytes replaced.
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
}

impl Encoding {
    pub(crate) fn new(name: &str) -> Result<Self> {
        Ok(match name {
            "" | "none" => Encoding::Bytes,
            "utf-8" => Encoding::Utf8,
            "utf-16le" => Encoding::Utf16Le,
            "utf-16be" => Encoding::Utf16Be,
            other => bail!("character_encoding: {other:?} is none of utf-8, utf-16le, utf-16be, none"),
        })
    }

    /// True if these two bytes are a line end in an encoding of two bytes each.
    #[cfg(feature = "tail")]
    pub(crate) fn is_line_end(self, unit: [u8; 2]) -> bool {
        unit == if self == Encoding::Utf16Be { [0, b'\n'] } else { [b'\n', 0] }
    }

    /// True if nothing is decoded.
    #[cfg(feature = "file")]
    pub(crate) fn is_bytes(self) -> bool {
        self == Encoding::Bytes
    }

    /// The text as UTF-8, without a byte order mark.
    pub(crate) fn decode(self, bytes: Vec<u8>) -> Vec<u8> {
        let text = match self {
            Encoding::Bytes => return bytes,
            Encoding::Utf8 => String::from_utf8_lossy(&bytes).into_owned(),
            Encoding::Utf16Le => units(&bytes, u16::from_le_bytes),
            Encoding::Utf16Be => units(&bytes, u16::from_be_bytes),
        };
        text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes().to_vec()
    }
}

fn units(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> String {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|p| unit(*p))).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    text.chain((!odd.is_empty()).then_some(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let decode = |name: &str, bytes: &[u8]| {
            String::from_utf8(Encoding::new(name).expect("known").decode(bytes.to_vec())).expect("text")
        };
        assert_eq!(decode("utf-16le", b"\xff\xfea\0\xe4\0"), "aä");
        assert_eq!(decode("utf-16be", b"\0a\xd8\x3d\xde\0"), "a😀");
        assert_eq!(decode("utf-16le", b"a\0b"), "a\u{fffd}");
        assert_eq!(decode("utf-8", b"\xef\xbb\xbfK\xf6ln"), "K\u{fffd}ln");
        assert!(Encoding::new("latin1").is_err());
    }
}
