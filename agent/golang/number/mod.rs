//! Numbers and booleans as Go reads and prints them (Go package `strconv`).
//!
//! Telegraf turns text into numbers and back with `strconv` everywhere: parsers, converters, serializers, templates. Its
//! rules differ from Rust's in what is a number ("0x1p-2", "1_000", "inf") and in how a float prints ("1e+06"), and a
//! difference here changes the type of a field or the bytes of an output.

mod float;
mod format;

use std::fmt;

pub use float::parse_float;
pub use format::{FloatStyle, Sink, append_float, append_int, append_uint, format_float};

/// A text that is no number (or truth value), or a number too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberError {
    text: Box<str>,
    /// Whether it is a number, but does not fit.
    out_of_range: bool,
}

impl NumberError {
    pub(super) fn syntax(text: &str) -> NumberError {
        NumberError { text: text.chars().take(60).collect::<String>().into(), out_of_range: false }
    }

    pub(super) fn range(text: &str) -> NumberError {
        NumberError { out_of_range: true, ..NumberError::syntax(text) }
    }

    /// Whether the text is a number that does not fit, and not something else altogether.
    pub fn is_out_of_range(&self) -> bool {
        self.out_of_range
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.out_of_range {
            true => "value out of range",
            false => "invalid syntax",
        };
        write!(f, "parse {:?}: {cause}", self.text)
    }
}

impl std::error::Error for NumberError {}

/// Reads a whole number in `base` (2 to 36). Base 0 takes the base from a prefix `0x 0o 0b 0` and allows underscores
/// between digits.
pub fn parse_int(text: &str, base: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let size = unsigned(digits, text, base)?;
    let value = match negative {
        true => 0_i64.checked_sub_unsigned(size),
        false => i64::try_from(size).ok(),
    };
    value.ok_or_else(|| NumberError::range(text))
}

/// Reads a whole number without a sign in `base`, see [`parse_int`].
pub fn parse_uint(text: &str, base: u32) -> Result<u64, NumberError> {
    unsigned(text, text, base)
}

/// Reads `1 t T true True TRUE` and `0 f F false False FALSE`.
pub fn parse_bool(text: &str) -> Result<bool, NumberError> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(NumberError::syntax(text)),
    }
}

/// `digits` is `text` without its sign; errors quote `text`.
fn unsigned(digits: &str, text: &str, base: u32) -> Result<u64, NumberError> {
    let syntax = || NumberError::syntax(text);
    let (radix, number) = match base {
        0 => prefixed(digits),
        2..=36 => (base, digits),
        _ => return Err(syntax()),
    };
    if number.is_empty() {
        return Err(syntax());
    }
    let mut value = Some(0_u64);
    for byte in number.bytes() {
        if byte == b'_' && base == 0 {
            continue;
        }
        let digit = char::from(byte).to_digit(radix).ok_or_else(syntax)?;
        // A later character may still make it no number at all, so an overflow waits.
        value = value
            .and_then(|value| value.checked_mul(u64::from(radix)))
            .and_then(|value| value.checked_add(u64::from(digit)));
    }
    if base == 0 && !underscores_allowed(digits) {
        return Err(syntax());
    }
    value.ok_or_else(|| NumberError::range(text))
}

/// The base that the prefix names, and the digits after it.
fn prefixed(digits: &str) -> (u32, &str) {
    let bytes = digits.as_bytes();
    match bytes {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// Whether every underscore stands between two digits or between a base prefix and a digit; `text` has no sign.
fn underscores_allowed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (hex, prefix) = match bytes {
        [b'0', b'x' | b'X', ..] => (true, 2),
        [b'0', b'b' | b'B' | b'o' | b'O', ..] => (false, 2),
        _ => (false, 0),
    };
    let mut before = if prefix > 0 { b'0' } else { b'^' };
    for &byte in &bytes[prefix..] {
        before = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' | b'A'..=b'F' if hex => b'0',
            b'_' if before == b'0' => b'_',
            b'_' => return false,
            _ if before == b'_' => return false,
            _ => b'!',
        };
    }
    before != b'_'
}

#[cfg(test)]
mod tests;
