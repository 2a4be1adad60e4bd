//! Which numbers can be copied from a document as they stand, because a writer would write them just so.

/// True for a float that a shortest-form writer without exponents would write just so: at most 15 digits (every decimal of up
/// to 15 digits is the shortest for its own float, IEEE 754 double), no needless zero at either end, not negative zero.
#[inline]
pub(crate) fn is_shortest(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || digits.len() > 16 {
        return false;
    }
    let (mut point, mut i) = (usize::MAX, 0);
    while i < digits.len() {
        match digits[i] {
            b'0'..=b'9' => {}
            b'.' if point == usize::MAX => point = i,
            _ => return false,
        }
        i += 1;
    }
    if point == usize::MAX {
        return digits.len() <= 15 && (digits[0] != b'0' || bytes == b"0");
    }
    point > 0 && point + 1 < digits.len() && digits[digits.len() - 1] != b'0' && (digits[0] != b'0' || point == 1)
}
