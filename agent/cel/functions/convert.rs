//! Conversions between types: `int`, `uint`, `double`, `string`, `bytes`, `bool`, `timestamp`, `duration`.

use agent_golang::duration;
use agent_golang::number::{self, FloatStyle};

use super::operators::{OVERFLOW, UNSIGNED_OVERFLOW};
use super::{Function, no_overload};
use crate::error::{Fault, Outcome, excerpt};
use crate::eval::Context;
use crate::moment::{Moment, duration_text};
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
    Function { name: "duration", signatures: &["(duration) -> duration", "(string) -> duration"], run: span },
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
            Some(text) => number::parse_int(text, 10).map_err(|_| bad(text, "int"))?,
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
            Some(text) => number::parse_uint(text, 10).map_err(|_| bad(text, "uint"))?,
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
            Some(text) => number::parse_float(text).map_err(|_| bad(text, "double"))?,
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
        Value::Double(value) => number::format_float(*value, FloatStyle::Shortest, None),
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
        (_, Some(text)) => number::parse_bool(text).map_err(|_| bad(text, "bool"))?,
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

fn span<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], args[0].text()) {
        (Value::Duration(_), _) => Ok(args[0].clone()),
        (_, Some(text)) => duration::parse(text).map(Value::Duration).map_err(|_| bad(text, "duration")),
        _ => no_overload("duration"),
    }
}
