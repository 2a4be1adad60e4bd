//! Cutting a stream of bytes into messages.

use agent_api::{Context, Result, bail, ensure};
use memchr::memmem;
use schemars::JsonSchema;
use serde::Deserialize;

/// How messages are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Splitter {
    /// At line ends, LF or CR LF.
    Newline,
    /// At these bytes, of which there is at least one.
    Delimiter(Vec<u8>),
    /// All of this length, more than 0.
    Fixed(usize),
    /// A header with the length of what follows it, or of the whole message.
    Variable(LengthField),
}

/// Where a header holds the length of the message behind it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LengthField {
    /// Bytes before the length.
    pub(super) offset: usize,
    /// Bytes of the length: 1 to 8.
    pub(super) bytes: usize,
    /// `be` (most significant byte first, also where nothing is said) or `le`.
    pub(super) endianness: String,
    /// Bytes before the message that the parser does not get. The length says how many follow them: with 0 it is that of the whole message,
    /// its own bytes included.
    pub(super) header_length: usize,
}

/// A message in a buffer: its bytes, and where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) next: usize,
}

/// A message may be so long.
pub(super) const LONGEST: usize = 16 << 20;

impl Splitter {
    /// Checks the options of the strategies.
    pub(super) fn new(strategy: &str, delimiter: &str, length: usize, field: &LengthField) -> Result<Self> {
        Ok(match strategy {
            "newline" | "" => Splitter::Newline,
            "null" => Splitter::Delimiter(vec![0]),
            "delimiter" => Splitter::Delimiter(delimiter_bytes(delimiter)?),
            "fixed length" => {
                ensure!((1..=LONGEST).contains(&length), "splitting_length: {length} is not between 1 and {LONGEST}");
                Splitter::Fixed(length)
            }
            "variable length" => Splitter::Variable(field.checked()?),
            other => bail!(
                "splitting_strategy {other:?} is unknown, expected newline, null, delimiter, \"fixed length\" or \
                 \"variable length\""
            ),
        })
    }

    /// The first message of a buffer, if it is whole. An error is a length that no message has.
    pub(super) fn first(&self, buffer: &[u8]) -> Result<Option<Message>, String> {
        Ok(match self {
            Splitter::Newline => memchr::memchr(b'\n', buffer).map(|end| {
                let to = if end > 0 && buffer[end - 1] == b'\r' { end - 1 } else { end };
                Message { from: 0, to, next: end + 1 }
            }),
            Splitter::Delimiter(delimiter) => {
                memmem::find(buffer, delimiter).map(|end| Message { from: 0, to: end, next: end + delimiter.len() })
            }
            Splitter::Fixed(length) => {
                (buffer.len() >= *length).then_some(Message { from: 0, to: *length, next: *length })
            }
            Splitter::Variable(field) => match field.read(buffer) {
                None => None,
                Some(length) => {
                    let end = usize::try_from(length).ok().filter(|n| *n <= LONGEST).map(|n| field.header_length + n);
                    // Nothing would ever follow a message without any bytes.
                    let end = end.filter(|n| *n > 0);
                    let end = end.ok_or_else(|| format!("message of {length} bytes, 1 to {LONGEST} may be"))?;
                    (buffer.len() >= end).then_some(Message { from: field.header_length, to: end, next: end })
                }
            },
        })
    }

    /// True if what is left at the end of a stream is a message too.
    pub(super) fn ends_with_stream(&self) -> bool {
        matches!(self, Splitter::Newline | Splitter::Delimiter(_) | Splitter::Fixed(_))
    }

    /// True if a message that is too long can be passed over.
    pub(super) fn is_passable(&self) -> bool {
        matches!(self, Splitter::Newline | Splitter::Delimiter(_))
    }

    /// Where a message that is too long ends in a buffer, for those that can be passed over.
    pub(super) fn pass_over(&self, buffer: &[u8]) -> Option<usize> {
        match self {
            Splitter::Newline => memchr::memchr(b'\n', buffer).map(|i| i + 1),
            Splitter::Delimiter(delimiter) => memmem::find(buffer, delimiter).map(|i| i + delimiter.len()),
            Splitter::Fixed(_) | Splitter::Variable(_) => None,
        }
    }
}

impl LengthField {
    fn checked(&self) -> Result<Self> {
        ensure!((1..=8).contains(&self.bytes), "splitting_length_field: bytes is {}, expected 1 to 8", self.bytes);
        let endianness = self.endianness.to_ascii_lowercase();
        ensure!(
            matches!(endianness.as_str(), "" | "be" | "le"),
            "splitting_length_field: endianness is {:?}, expected be or le",
            self.endianness
        );
        ensure!(
            self.offset <= LONGEST && self.header_length <= LONGEST,
            "splitting_length_field: offset and header_length may be {LONGEST} at most"
        );
        Ok(LengthField { endianness, ..self.clone() })
    }

    /// The length, if it is there.
    fn read(&self, buffer: &[u8]) -> Option<u64> {
        let field = buffer.get(self.offset..self.offset + self.bytes)?;
        let fold = |sum: u64, b: &u8| sum << 8 | u64::from(*b);
        Some(if self.endianness == "le" { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) })
    }
}

/// The bytes of a delimiter: hexadecimal, with `0x` or `x` before it or without; what is no such number is the text itself.
fn delimiter_bytes(text: &str) -> Result<Vec<u8>> {
    ensure!(!text.is_empty(), "splitting_delimiter: the strategy \"delimiter\" needs one");
    let lower = text.to_ascii_lowercase();
    let marked = lower.strip_prefix("0x").or_else(|| lower.strip_prefix('x'));
    let digits = marked.unwrap_or(&lower);
    let whole = !digits.is_empty() && digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !whole && marked.is_none() {
        return Ok(text.as_bytes().to_vec());
    }
    let bad = || format!("splitting_delimiter {text:?} is no hexadecimal number of whole bytes");
    ensure!(whole, bad());
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).with_context(bad)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(offset: usize, bytes: usize, endianness: &str, header_length: usize) -> LengthField {
        LengthField { offset, bytes, endianness: endianness.to_owned(), header_length }
    }

    /// All messages of a stream that comes in pieces of `step` bytes.
    fn split(splitter: &Splitter, stream: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut buffer, mut out) = (Vec::new(), Vec::new());
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(m) = splitter.first(&buffer).unwrap() {
                out.push(buffer[m.from..m.to].to_vec());
                buffer.drain(..m.next);
            }
        }
        if splitter.ends_with_stream() && !buffer.is_empty() {
            out.push(buffer);
        }
        out
    }

    #[test]
    fn each_strategy_in_pieces_of_any_size() {
        let new = |strategy, delimiter, length, f: &LengthField| Splitter::new(strategy, delimiter, length, f).unwrap();
        let none = LengthField::default();
        type Case = (Splitter, &'static [u8], &'static [&'static [u8]]);
        let cases: [Case; 11] = [
            (new("newline", "", 0, &none), b"a\r\n\nb\nc", &[b"a", b"", b"b", b"c"]),
            (new("null", "", 0, &none), b"a\0b\0", &[b"a", b"b"]),
            (new("delimiter", "0x2323", 0, &none), b"a##b#c##", &[b"a", b"b#c"]),
            (new("delimiter", "END", 0, &none), b"aENDbEN", &[b"a", b"bEN"]),
            (new("delimiter", "0D0a", 0, &none), b"a\r\nb\n\r\n", &[b"a", b"b\n"]),
            (new("fixed length", "", 3, &none), b"abcdefg", &[b"abc", b"def", b"g"]),
            (new("variable length", "", 0, &field(0, 1, "", 0)), b"\x02a\x03bb\x09", &[b"\x02a", b"\x03bb"]),
            (new("variable length", "", 0, &field(1, 1, "LE", 1)), b"#\x02a#\x01#\x09", &[b"\x02a", b"\x01"]),
            (new("variable length", "", 0, &field(0, 3, "be", 3)), b"\0\0\x01a\0\0\x02bb", &[b"a", b"bb"]),
            (new("variable length", "", 0, &field(0, 2, "be", 2)), b"\0\x01a\0\x02bb\0\x09c", &[b"a", b"bb"]),
            (new("variable length", "", 0, &field(2, 4, "le", 6)), b"#!\x01\0\0\0a#!\x02\0\0\0bb", &[b"a", b"bb"]),
        ];
        for (splitter, stream, messages) in cases {
            for step in [1, 2, 3, 100] {
                assert_eq!(split(&splitter, stream, step), messages, "{splitter:?} by {step}");
            }
        }
    }

    #[test]
    fn options_that_mean_nothing() {
        let none = LengthField::default();
        for (strategy, delimiter, length, f) in [
            ("lines", "", 0, none.clone()),
            ("delimiter", "", 0, none.clone()),
            ("delimiter", "0x", 0, none.clone()),
            ("delimiter", "0x123", 0, none.clone()),
            ("delimiter", "0xzz", 0, none.clone()),
            ("fixed length", "", 0, none.clone()),
            ("variable length", "", 0, none),
            ("variable length", "", 0, field(0, 9, "be", 9)),
            ("variable length", "", 0, field(0, 2, "middle", 2)),
            ("variable length", "", 0, field(0, 2, "be", usize::MAX)),
            ("variable length", "", 0, field(usize::MAX, 2, "be", 2)),
        ] {
            assert!(Splitter::new(strategy, delimiter, length, &f).is_err(), "{strategy} {delimiter} {f:?}");
        }
    }

    #[test]
    fn a_length_that_no_message_has_is_an_error() {
        let splitter = Splitter::new("variable length", "", 0, &field(0, 8, "le", 8)).unwrap();
        assert!(splitter.first(&[0xff; 8]).is_err());
        assert_eq!(splitter.first(&[0xff; 7]), Ok(None));
        let splitter = Splitter::new("variable length", "", 0, &field(0, 2, "be", 0)).unwrap();
        assert!(splitter.first(&[0; 2]).is_err());
    }
}
