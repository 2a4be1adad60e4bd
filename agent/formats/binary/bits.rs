//! Cuts bits out of bytes.

/// The bits `offset..offset + bits`, the first of a byte its highest, put to the right into as few bytes as hold them. None if
/// there are not as many.
pub(super) fn cut(bytes: &[u8], offset: u64, bits: u64) -> Option<Vec<u8>> {
    let end = offset.checked_add(bits)?;
    let first = usize::try_from(offset / 8).ok()?;
    let last = usize::try_from(end.div_ceil(8)).ok()?;
    let source = bytes.get(first..last)?;
    // How far the last bit is from the end of its byte.
    let shift = (8 - end % 8) % 8;
    let count = usize::try_from(bits.div_ceil(8)).ok()?;
    let mut out = vec![0; count];
    for (i, byte) in out.iter_mut().rev().enumerate() {
        let at = |back: usize| source.len().checked_sub(back + 1).map_or(0, |at| u16::from(source[at]));
        *byte = ((at(i + 1) << 8 | at(i)) >> shift) as u8;
    }
    if let Some(byte) = out.first_mut()
        && !bits.is_multiple_of(8)
    {
        *byte &= (1 << (bits % 8)) - 1;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_what_a_large_number_says() {
        let bytes = [0x12, 0x9a, 0xff, 0x00, 0x5c];
        let whole = bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        for offset in 0..=40 {
            for bits in 1..=40 {
                let got = cut(&bytes, offset, bits);
                if offset + bits > 40 {
                    assert_eq!(got, None);
                    continue;
                }
                let got = got.unwrap();
                assert_eq!(got.len() as u64, bits.div_ceil(8));
                let want = whole >> (40 - offset - bits) & ((1 << bits) - 1);
                assert_eq!(got.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)), want, "{offset} {bits}");
            }
        }
        assert_eq!(cut(&bytes, u64::MAX, 1), None);
        assert_eq!(cut(&bytes, 1, u64::MAX), None);
    }
}
