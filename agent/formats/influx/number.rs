//! Values of fields.

use crate::decimal::is_shortest;
use agent_api::Value;

/// What a number is, before it is turned into one.
pub(super) enum Number<'a> {
    /// A float in plain decimal, in the shortest form that gives the same float: can be copied as it is.
    Plain,
    /// Anything else.
    Value(Value<'a>),
}

/// Reads a value that is not a text. None if it is none of float, integer, unsigned integer and boolean, or out of range.
#[inline]
pub(super) fn read(text: &str) -> Option<Number<'_>> {
    let bytes = text.as_bytes();
    match *bytes.last()? {
        b'0'..=b'9' | b'.' => {
            if is_shortest(bytes) {
                return Some(Number::Plain);
            }
            float(text)
        }
        b'i' => integer(&bytes[..bytes.len() - 1]).map(|v| Number::Value(Value::Int(v))),
        b'u' => unsigned(&bytes[..bytes.len() - 1]).map(|v| Number::Value(Value::Uint(v))),
        _ => match text {
            "t" | "T" | "true" | "True" | "TRUE" => Some(Number::Value(Value::Bool(true))),
            "f" | "F" | "false" | "False" | "FALSE" => Some(Number::Value(Value::Bool(false))),
            _ => None,
        },
    }
}

fn float(text: &str) -> Option<Number<'static>> {
    // The reader also knows "inf" and "nan", which line protocol does not.
    let first = text.bytes().find(|b| !matches!(b, b'-' | b'+'))?;
    if !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    let value: f64 = fast_float2::parse(text).ok()?;
    value.is_finite().then_some(Number::Value(Value::Float(value)))
}

/// A signed integer of decimal digits.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    match bytes.strip_prefix(b"-") {
        Some(digits) => 0i64.checked_sub_unsigned(unsigned(digits)?),
        None => i64::try_from(unsigned(bytes)?).ok(),
    }
}

/// An unsigned integer of decimal digits.
fn unsigned(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= 19 {
        let mut value = 0u64;
        for &b in digits {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(value);
    }
    digits.iter().try_fold(0u64, |v, b| v.checked_mul(10)?.checked_add(u64::from(char::from(*b).to_digit(10)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_means_that_the_writer_would_write_the_same() {
        let texts = "0 1 -1 12.5 0.1 -0.001 100 123456789012345 1234567890123456 12345678901234.5 0.00000000000001 1.0 1. .5 007 00.5 -0 \
                     -0.0 1.50 1e5 999999999999999 0.999999999999999 - . -. 1.2.3 5000000.25";
        for text in texts.split_whitespace() {
            let plain = matches!(read(text), Some(Number::Plain));
            if plain {
                let value: f64 = text.parse().expect("plain numbers are numbers");
                assert_eq!(format!("{value}"), text);
            } else if let Ok(value) = text.parse::<f64>()
                && text.len() <= 15
            {
                assert!(format!("{value}") != text || value == 0.0, "{text} could be plain");
            }
        }
    }

    #[test]
    fn limits() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"9223372036854775808"), None);
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(unsigned(b""), None);
        assert!(read("1e999").is_none() && read("nan").is_none() && read("inf").is_none() && read("0x1p3").is_none());
    }
}
