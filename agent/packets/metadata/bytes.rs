//! Reading what hosts send to each other: never beyond the end, never a panic.

/// The bytes that are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next `n` bytes; None if there are fewer, and then none is taken.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<usize> {
        self.take(3).map(|b| usize::from(b[0]) << 16 | usize::from(b[1]) << 8 | usize::from(b[2]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// What stands behind a length of one byte.
    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let n = self.u8()?;
        self.take(usize::from(n))
    }

    /// What stands behind a length of two bytes.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let n = self.u16()?;
        self.take(usize::from(n))
    }

    /// A number of variable length (RFC 9000, section 16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = self.u8()?;
        let rest = self.take((1 << (first >> 6)) - 1)?;
        Some(rest.iter().fold(u64::from(first & 0x3f), |n, b| n << 8 | u64::from(*b)))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A stream of which pieces come in any order: at most `LIMIT` bytes from its begin.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    data: Vec<u8>,
    /// What is there, from and to, in order and apart from each other.
    have: Vec<(usize, usize)>,
}

/// Longer than any hello that means well.
pub(super) const LIMIT: usize = 16 << 10;
/// Pieces that are kept apart.
const PIECES: usize = 64;

impl Pieces {
    /// Puts a piece where it belongs. False if it is beyond what is kept; then nothing more can come of the stream.
    pub(super) fn put(&mut self, at: usize, piece: &[u8]) -> bool {
        let Some(end) = at.checked_add(piece.len()).filter(|end| *end <= LIMIT) else { return false };
        if piece.is_empty() {
            return true;
        }
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        // What came first stays: a second text for the same place is no reason to believe it.
        let (mut from, mut gaps) = (at, Vec::new());
        for &(start, stop) in &self.have {
            if start >= end {
                break;
            }
            if from < start {
                gaps.push((from, start));
            }
            from = from.max(stop);
        }
        if from < end {
            gaps.push((from, end));
        }
        for &(from, to) in &gaps {
            self.data[from..to].copy_from_slice(&piece[from - at..to - at]);
        }
        self.have.extend(gaps);
        self.have.sort_unstable();
        self.have.dedup_by(|next, kept| {
            let joined = next.0 <= kept.1;
            if joined {
                kept.1 = kept.1.max(next.1);
            }
            joined
        });
        self.have.len() <= PIECES
    }

    /// What is there without a gap from the begin on.
    pub(super) fn begin(&self) -> &[u8] {
        match self.have.first() {
            Some(&(0, end)) => &self.data[..end],
            _ => &[],
        }
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

/// A name that somebody sent, cut at 255 bytes: what is not printable ASCII becomes `?`.
pub(super) fn printable(bytes: &[u8]) -> Box<str> {
    let shown = bytes.iter().take(255).map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '?' });
    shown.collect::<String>().into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order() {
        let text: Vec<u8> = (0..200).collect();
        let mut random = crate::decode::Random(3);
        for _ in 0..200 {
            let mut pieces = Pieces::default();
            let mut tries = 0;
            while pieces.begin().len() < text.len() {
                let at = random.below(text.len());
                let end = (at + 1 + random.below(20)).min(text.len());
                assert!(pieces.put(at, &text[at..end]));
                assert_eq!(pieces.begin(), &text[..pieces.begin().len()]);
                tries += 1;
                assert!(tries < 10_000);
            }
        }
    }

    #[test]
    fn what_came_first_stays_and_the_rest_is_bounded() {
        let mut pieces = Pieces::default();
        assert!(pieces.put(2, b"cd"));
        assert_eq!(pieces.begin(), b"");
        assert!(pieces.put(0, b"abXYef"));
        assert_eq!(pieces.begin(), b"abcdef");
        assert!(!pieces.put(LIMIT - 1, b"ab") && !pieces.put(usize::MAX, b"a"));
        let mut scattered = Pieces::default();
        assert!((0..PIECES).all(|i| scattered.put(i * 2, b"x")));
        assert!(!scattered.put(PIECES * 2, b"x"));
    }

    #[test]
    fn numbers_of_variable_length() {
        // RFC 9000, A.1.
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(Bytes(bytes).varint(), Some(number));
            assert_eq!(Bytes(&bytes[..bytes.len() - 1]).varint(), None);
        }
    }
}
