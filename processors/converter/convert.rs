//! What a value becomes in another type.

use crate::encoding::decode_base64;
use agent_api::Value;
use agent_golang::number::{parse_bool, parse_float};
use std::fmt;

/// What a tag or field becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Measurement,
    Tag,
    Text,
    Integer,
    Unsigned,
    Boolean,
    Float,
    Timestamp,
    Base64Float,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Measurement => "measurement",
            Target::Tag => "tag",
            Target::Text => "string",
            Target::Integer => "integer",
            Target::Unsigned => "unsigned",
            Target::Boolean => "boolean",
            Target::Float => "float",
            Target::Timestamp => "timestamp",
            Target::Base64Float => "base64_ieee_float32",
        })
    }
}

impl Target {
    /// The value in this type; texts stay texts.
    pub(super) fn of(self, value: Value<'_>) -> Result<Value<'_>, ()> {
        match self {
            Target::Text => Ok(value),
            _ => self.number(value),
        }
    }

    /// The value as a number or boolean of this type.
    pub(super) fn number(self, value: Value<'_>) -> Result<Value<'static>, ()> {
        match self {
            Target::Integer => integer(value).map(Value::Int),
            Target::Unsigned => unsigned(value).map(Value::Uint),
            Target::Boolean => boolean(value).map(Value::Bool),
            Target::Float => float(value).map(Value::Float),
            Target::Base64Float => base64_float(value).map(Value::Float),
            Target::Measurement | Target::Tag | Target::Text | Target::Timestamp => Err(()),
        }
    }
}

/// Floats are rounded, halves away from zero, and numbers beyond the range become its end.
fn integer(value: Value<'_>) -> Result<i64, ()> {
    match value {
        Value::Int(v) => Ok(v),
        Value::Uint(v) => Ok(i64::try_from(v).unwrap_or(i64::MAX)),
        Value::Float(v) => Ok(v.round() as i64),
        Value::Bool(v) => Ok(v.into()),
        Value::Str(text) => match text.parse() {
            Ok(v) => Ok(v),
            Err(_) => number(text).and_then(integer),
        },
    }
}

/// As `integer`; negative numbers become 0.
fn unsigned(value: Value<'_>) -> Result<u64, ()> {
    match value {
        Value::Int(v) => Ok(u64::try_from(v).unwrap_or(0)),
        Value::Uint(v) => Ok(v),
        Value::Float(v) => Ok(v.round() as u64),
        Value::Bool(v) => Ok(v.into()),
        Value::Str(text) => match text.parse() {
            Ok(v) => Ok(v),
            Err(_) => number(text).and_then(unsigned),
        },
    }
}

/// Numbers are true above 0.
fn boolean(value: Value<'_>) -> Result<bool, ()> {
    match value {
        Value::Int(v) => Ok(v > 0),
        Value::Uint(v) => Ok(v > 0),
        Value::Float(v) => Ok(v > 0.0),
        Value::Bool(v) => Ok(v),
        Value::Str(text) => parse_bool(text).map_err(drop),
    }
}

fn float(value: Value<'_>) -> Result<f64, ()> {
    match value {
        Value::Int(v) => Ok(v as f64),
        Value::Uint(v) => Ok(v as f64),
        Value::Float(v) => Ok(v),
        Value::Bool(v) => Ok(v.into()),
        Value::Str(text) => match number(text)? {
            Value::Uint(v) => Ok(v as f64),
            Value::Float(v) => Ok(v),
            _ => Err(()),
        },
    }
}

/// A float as Go reads it, or a whole number with the prefix `0x`.
fn number(text: &str) -> Result<Value<'static>, ()> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(match u64::from_str_radix(digits, 16) {
                Ok(v) => Value::Uint(v),
                // Wider than 64 bits: exact to the first 53, as a float is.
                Err(_) => Value::Float(
                    digits
                        .bytes()
                        .fold(0.0, |sum, b| sum * 16.0 + f64::from((b as char).to_digit(16).unwrap_or_default())),
                ),
            })
        }
        Some(_) => Err(()),
        None => parse_float(text).map(Value::Float).map_err(drop),
    }
}

fn base64_float(value: Value<'_>) -> Result<f64, ()> {
    let Value::Str(text) = value else { return Err(()) };
    let bytes: [u8; 4] = decode_base64(text).ok_or(())?.try_into().map_err(drop)?;
    Ok(f32::from_be_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_numbers_as_go_reads_them() {
        let int = |text| integer(Value::Str(text)).ok();
        assert_eq!([int("17"), int("-3"), int("17.6"), int("0x1F"), int("1e3")], [17, -3, 18, 31, 1000].map(Some));
        assert_eq!(
            [int("007"), int("+4"), int("-0"), int(".5"), int("3."), int("1_000")],
            [7, 4, 0, 1, 3, 1000].map(Some)
        );
        assert_eq!([int(""), int(" 5"), int("twelve"), int("0x"), int("0X1F"), int("0b11"), int("1e999")], [None; 7]);
        assert_eq!(int("9223372036854775808"), Some(i64::MAX));
        let uint = |text| unsigned(Value::Str(text)).ok();
        assert_eq!(
            [uint("-3"), uint("0xffffffffffffffff"), uint("0x1ffffffffffffffff")],
            [0, u64::MAX, u64::MAX].map(Some)
        );
    }

    #[test]
    fn numbers_are_rounded_and_held_within_the_range() {
        assert_eq!([2.5, -2.5, 2.4999, 1e300].map(|v| integer(Value::Float(v))), [3, -3, 2, i64::MAX].map(Ok));
        assert_eq!([0.2, -1.0, 3.49].map(|v| unsigned(Value::Float(v))), [0, 0, 3].map(Ok));
        assert_eq!(unsigned(Value::Int(-1)), Ok(0));
        assert_eq!([-1, 0, 7].map(|v| boolean(Value::Int(v))), [false, false, true].map(Ok));
    }

    #[test]
    fn four_bytes_in_base64_are_a_float() {
        let float = |text| base64_float(Value::Str(text)).ok();
        assert_eq!([float("wUgAAA=="), float("QEj1"), float("???"), float("wUgAAA")], [Some(-12.5), None, None, None]);
    }
}
