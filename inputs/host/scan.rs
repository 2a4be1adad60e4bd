//! Takes text apart that a kernel wrote: lines, words, numbers.
//!
//! All functions take bytes, as file names and names of processes need not be UTF-8.

use std::borrow::Cow;

/// The lines, without their ends.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    text.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l))
}

/// The words between blanks of any kind.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

/// What stands before and after the first `separator`.
pub fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A whole number without a sign, in decimal digits.
pub fn uint(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, &b| {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 { None } else { sum.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

/// A whole number, in decimal digits.
pub fn int(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(uint(digits)?),
        [b'+', digits @ ..] => i64::try_from(uint(digits)?).ok(),
        digits => i64::try_from(uint(digits)?).ok(),
    }
}

/// A number; infinities and the like are none.
pub fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|v: &f64| v.is_finite())
}

/// A whole number in hexadecimal digits.
pub fn hex(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0, |sum, &b| Some(sum << 4 | u64::from(char::from(b).to_digit(16)?)))
}

/// The text; bytes that are no UTF-8 are replaced.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The text in quotes for an error message, cut at 60 characters.
pub fn quoted(bytes: &[u8]) -> String {
    let text = text(&bytes[..bytes.len().min(240)]);
    let cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() || bytes.len() > 240 { format!("{cut:?}...") } else { format!("{cut:?}") }
}

/// The text with escapes such as `\040` replaced by their character, as they stand in tables of mounts.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, after) {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers() {
        assert_eq!(uint(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"18446744073709551616", b"-1", b"+1", b"1x", b" 1", b"\xff"] {
            assert_eq!(uint(bad), None);
        }
        assert_eq!(int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(int(b"+7"), Some(7));
        for bad in [&b"-"[..], b"-9223372036854775809", b"9223372036854775808", b"--1"] {
            assert_eq!(int(bad), None);
        }
        assert_eq!(float(b"-1.50"), Some(-1.5));
        assert_eq!(float(b"inf"), None);
        assert_eq!(hex(b"0A"), Some(10));
        assert_eq!(hex(b"0x0A"), None);
        assert_eq!(hex(b"12345678123456781"), None);
    }

    #[test]
    fn takes_lines_and_words_apart() {
        let got: Vec<Vec<&[u8]>> = lines(b"a  b\tc\r\n\n d").map(|l| words(l).collect()).collect();
        assert_eq!(got, [vec![&b"a"[..], b"b", b"c"], vec![], vec![b"d"]]);
        assert_eq!(split_once(b"a:b:c", b':'), Some((&b"a"[..], &b"b:c"[..])));
        assert_eq!(split_once(b"abc", b':'), None);
    }

    #[test]
    fn replaces_escapes() {
        assert_eq!(unescaped(br"a\040b\\c\134\0"), b"a b\\\\c\\\\0");
        assert_eq!(unescaped(br"\777\400"), br"\777\400");
    }

    #[test]
    fn cuts_what_it_quotes() {
        assert_eq!(quoted(b"a\"b"), "\"a\\\"b\"");
        assert!(quoted(&[b'x'; 61]).ends_with("x\"..."));
        assert!(quoted(&[0xff; 300]).len() < 300);
    }
}
