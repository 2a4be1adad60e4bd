//! Reading numbers in network order from what exporters send: never beyond the end, never a panic.

/// The bytes that are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
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

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A number of up to 8 bytes, as RFC 7011 (6.2) lets exporters shorten it; None if it is longer.
pub(super) fn unsigned(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// The same with a sign.
pub(super) fn signed(bytes: &[u8]) -> Option<i64> {
    let unused = 64 - 8 * u32::try_from(bytes.len()).ok()?.min(8);
    let n = unsigned(bytes)?;
    Some(if bytes.is_empty() { 0 } else { (n << unused).cast_signed() >> unused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        assert_eq!(unsigned(&[]), Some(0));
        assert_eq!(unsigned(&[1, 0, 2]), Some(0x10002));
        assert_eq!(unsigned(&[255; 8]), Some(u64::MAX));
        assert_eq!(unsigned(&[0; 9]), None);
        assert_eq!(signed(&[]), Some(0));
        assert_eq!(signed(&[0xff]), Some(-1));
        assert_eq!(signed(&[0x80, 0, 0]), Some(-0x80_0000));
        assert_eq!(signed(&[0x7f, 0xff]), Some(0x7fff));
        assert_eq!(signed(&[255; 8]), Some(-1));
        assert_eq!(signed(&[0; 9]), None);
    }

    #[test]
    fn nothing_is_taken_beyond_the_end() {
        let mut r = Reader(&[1, 2, 3]);
        assert_eq!(r.u32(), None);
        assert_eq!((r.u16(), r.u16(), r.u8(), r.u8()), (Some(0x102), None, Some(3), None));
    }
}
