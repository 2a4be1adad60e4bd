//! Conversions between types: `int`, `uint`, `double`, `string`, `bytes`, `bool`, `timestamp`, `duration`.

use super::operators::{OVERFLOW, UNSIGNED_OVERFLOW};
use super::{Function, no_overload};
use crate::error::{Fault, Outcome, excerpt};
use crate::eval::Context;
use crate::moment::{Moment, duration_text, parse_duration};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "int",
        signatures: &[
            "(int) -> int",
            "(double) -> int",
            "(duration) -> int",
            "(string) -> int",
            "(timestamp) -> int",
            "(uint) -> int",
        ],
        run: int,
    },
    Function {
        name: "uint",
        signatures: &["(uint) -> uint", "(double) -> uint", "(int) -> uint", "(string) -> uint"],
        run: uint,
    },
    Function {
        name: "double",
        signatures: &["(double) -> double", "(int) -> double", "(string) -> double", "(uint) -> double"],
        run: double,
    },
    Function {
        name: "string",
        signatures: &[
            "(string) -> string",
            "(bool) -> string",
            "(bytes) -> string",
            "(double) -> string",
            "(duration) -> string",
            "(int) -> string",
            "(timestamp) -> string",
            "(uint) -> string",
        ],
        run: string,
    },
    Function { name: "bytes", signatures: &["(bytes) -> bytes", "(string) -> bytes"], run: bytes },
    Function { name: "bool", signatures: &["(bool) -> bool", "(string) -> bool"], run: boolean },
    Function {
        name: "timestamp",
        signatures: &["(timestamp) -> timestamp", "(int) -> timestamp", "(string) -> timestamp"],
        run: timestamp,
    },
    Function { name: "duration", signatures: &["(duration) -> duration", "(string) -> duration"], run: duration },
];

fn bad<'a>(text: &str, kind: &str) -> Fault<'a> {
    Fault::from(format!("cannot convert string {:?} to {kind}", excerpt(text)))
}

fn int<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Int(match &args[0] {
        Value::Int(value) => *value,
        Value::Uint(value) => i64::try_from(*value).map_err(|_| OVERFLOW)?,
        // The least integer itself is out, too, as in the reference.
        Value::Double(value) if value.abs() < 9_223_372_036_854_775_808.0 => *value as i64,
        Value::Double(_) => return Err(OVERFLOW.into()),
        Value::Duration(nanos) => *nanos,
        Value::Timestamp(moment) => moment.seconds(),
        value => match value.text() {
            Some(text) => text.parse().map_err(|_| bad(text, "int"))?,
            None => return no_overload("int"),
        },
    }))
}

fn uint<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Uint(match &args[0] {
        Value::Uint(value) => *value,
        Value::Int(value) => u64::try_from(*value).map_err(|_| UNSIGNED_OVERFLOW)?,
        Value::Double(value) if (0.0..18_446_744_073_709_551_616.0).contains(value) => *value as u64,
        Value::Double(_) => return Err(UNSIGNED_OVERFLOW.into()),
        value => match value.text() {
            Some(text) if text.starts_with('+') => return Err(bad(text, "uint")),
            Some(text) => text.parse().map_err(|_| bad(text, "uint"))?,
            None => return no_overload("uint"),
        },
    }))
}

fn double<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Double(match &args[0] {
        Value::Double(value) => *value,
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        value => match value.text() {
            Some(text) => match text.parse::<f64>() {
                // A number too big for a double reads as infinity; only the word itself may.
                Ok(number) if !number.is_infinite() || !text.contains(|c: char| c.is_ascii_digit()) => number,
                _ => return Err(bad(text, "double")),
            },
            None => return no_overload("double"),
        },
    }))
}

fn string<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let text = match &args[0] {
        value @ (Value::Str(_) | Value::Text(_)) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::Duration(nanos) => duration_text(*nanos),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return context.string(text),
            Err(_) => return Err("cannot convert bytes to string: invalid UTF-8".into()),
        },
        _ => return no_overload("string"),
    };
    context.string(&text)
}

/// The shortest text of a double, as `%g` has it: `21.5`, `1e+06` (exponents below -4 and from 6 on), `+Inf`.
fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    value.to_string()
}

fn bytes<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], args[0].text()) {
        (Value::Bytes(_), _) => Ok(args[0].clone()),
        (_, Some(text)) => {
            context.spend_bytes(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        _ => no_overload("bytes"),
    }
}

fn boolean<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    Ok(Value::Bool(match (&args[0], args[0].text()) {
        (Value::Bool(value), _) => *value,
        (_, Some("1" | "t" | "T" | "true" | "TRUE" | "True")) => true,
        (_, Some("0" | "f" | "F" | "false" | "FALSE" | "False")) => false,
        (_, Some(text)) => return Err(bad(text, "bool")),
        _ => return no_overload("bool"),
    }))
}

fn timestamp<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], args[0].text()) {
        (Value::Timestamp(_), _) => Ok(args[0].clone()),
        (Value::Int(seconds), _) => {
            Moment::from_seconds(*seconds).map(Value::Timestamp).ok_or(Fault::from("timestamp overflow"))
        }
        (_, Some(text)) => Moment::parse(text).map(Value::Timestamp).ok_or_else(|| bad(text, "timestamp (RFC 3339)")),
        _ => no_overload("timestamp"),
    }
}

fn duration<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], args[0].text()) {
        (Value::Duration(_), _) => Ok(args[0].clone()),
        (_, Some(text)) => parse_duration(text).map(Value::Duration).ok_or_else(|| bad(text, "duration")),
        _ => no_overload("duration"),
    }
}
