//! Cutting a stream into messages: by the length before each (RFC 5425, RFC 6587 section 3.4.1) or at trailers (3.4.2).
//!
//! A length that is too large is passed over, and a trailer ends any message however long, so one bad message does not cost the
//! ones behind it. A stream that should begin with a length and does not cannot be taken up again. A text of several lines is one message
//! where what stands behind a trailer is already there and begins none; nothing is waited for, so that the last message is never late.

use std::ops::Range;

/// How messages of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each has its length and a space before it; longer ones than `max` are passed over.
    OctetCounting {
        /// The most bytes of a message.
        max: usize,
    },
    /// Each ends with this byte, or with the stream. Behind the byte stands the `<` of another message, or nothing yet.
    Trailer(u8),
}

/// A message without trailer may be so long.
pub const TOO_LONG: usize = 1 << 20;
/// Digits of a length: a length of more is none.
const DIGITS: usize = 10;

/// What stands at the begin of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message.
    Message(Range<usize>),
    /// A message of so many bytes, which is too long and is passed over.
    TooLong(u64),
}

/// Cuts one stream.
#[derive(Clone, Debug)]
pub struct Splitter {
    framing: Framing,
    /// Bytes of a message that is too long, still to come.
    passing: u64,
    /// Within a message without trailer that is too long.
    skipping: bool,
}

impl Splitter {
    /// A splitter at the begin of a stream.
    pub fn new(framing: Framing) -> Self {
        Splitter { framing, passing: 0, skipping: false }
    }

    /// True if what comes next begins with a message, or a part of one that is not too long.
    pub fn is_between(&self) -> bool {
        self.passing == 0 && !self.skipping
    }

    /// The first piece in `bytes` and how many bytes it takes, none if more has to come. Bytes may be taken without a piece.
    /// An error says that the stream is none; it quotes what stands there.
    pub fn next(&mut self, bytes: &[u8]) -> Result<(usize, Option<Piece>), String> {
        match self.framing {
            Framing::OctetCounting { max } => self.counted(bytes, max),
            Framing::Trailer(trailer) => Ok(self.trailed(bytes, trailer)),
        }
    }

    /// What is left at the end of the stream: a message without trailer, or one that is shorter than it said; the flag says
    /// whether it is whole.
    pub fn last(&self, bytes: &[u8]) -> Option<(Range<usize>, bool)> {
        let whole = 0..bytes.len();
        match self.framing {
            _ if bytes.is_empty() || self.passing > 0 || self.skipping => None,
            Framing::Trailer(_) => Some((whole, true)),
            Framing::OctetCounting { .. } => match length(bytes) {
                Ok(Some((head, _))) if head < bytes.len() => Some((head..bytes.len(), false)),
                _ => Some((whole, false)),
            },
        }
    }

    fn counted(&mut self, bytes: &[u8], max: usize) -> Result<(usize, Option<Piece>), String> {
        if self.passing > 0 {
            let taken = self.passing.min(bytes.len() as u64);
            self.passing -= taken;
            return Ok((taken as usize, None));
        }
        // Some senders put a line end behind each message as well.
        let ends = bytes.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
        if ends > 0 {
            return Ok((ends, None));
        }
        let Some((head, len)) = length(bytes)? else { return Ok((0, None)) };
        if len > max as u64 {
            self.passing = len;
            return Ok((head, Some(Piece::TooLong(len))));
        }
        let end = head + len as usize;
        Ok(if end <= bytes.len() { (end, Some(Piece::Message(head..end))) } else { (0, None) })
    }

    fn trailed(&mut self, bytes: &[u8], trailer: u8) -> (usize, Option<Piece>) {
        let ends = |at: usize| at == 0 || bytes[0] != b'<' || matches!(bytes.get(at + 1), None | Some(b'<'));
        let found = memchr::memchr_iter(trailer, bytes).find(|at| self.skipping || ends(*at));
        if self.skipping {
            self.skipping = found.is_none();
            return (found.map_or(bytes.len(), |at| at + 1), None);
        }
        match found {
            Some(0) => (1, None),
            Some(at) => {
                let end = bytes[..at].iter().rposition(|b| *b != trailer).map_or(0, |last| last + 1);
                (at + 1, Some(Piece::Message(0..end)))
            }
            None if bytes.len() > TOO_LONG => {
                self.skipping = true;
                (bytes.len(), Some(Piece::TooLong(bytes.len() as u64)))
            }
            None => (0, None),
        }
    }
}

/// How many bytes the length at the begin takes with its space, and what it is; nothing if more has to come.
fn length(bytes: &[u8]) -> Result<Option<(usize, u64)>, String> {
    let digits = bytes.iter().take(DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
    let bad = || {
        let shown: String = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        format!("expecting the length of a message, found {shown:?}")
    };
    if digits > DIGITS || (digits > 0 && bytes[0] == b'0') {
        return Err(bad());
    }
    match bytes.get(digits) {
        None => Ok(None),
        Some(b' ') if digits > 0 => {
            let value = bytes[..digits].iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
            Ok(Some((digits + 1, value)))
        }
        Some(_) => Err(bad()),
    }
}
