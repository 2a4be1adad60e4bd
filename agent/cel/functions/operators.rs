//! The operators that are no syntax of their own, and `size`, `type` and `dyn`.
//!
//! Integers do not wrap: whatever does not fit is an error.

use super::{Function, no_overload};
use crate::error::{Fault, Outcome};
use crate::eval::Context;
use crate::moment::Moment;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "_+_",
        signatures: &[
            "(bytes, bytes) -> bytes",
            "(double, double) -> double",
            "(duration, duration) -> duration",
            "(duration, timestamp) -> timestamp",
            "(timestamp, duration) -> timestamp",
            "(int, int) -> int",
            "(list(A), list(A)) -> list(A)",
            "(string, string) -> string",
            "(uint, uint) -> uint",
        ],
        run: add,
    },
    Function {
        name: "_-_",
        signatures: &[
            "(double, double) -> double",
            "(duration, duration) -> duration",
            "(int, int) -> int",
            "(timestamp, duration) -> timestamp",
            "(timestamp, timestamp) -> duration",
            "(uint, uint) -> uint",
        ],
        run: subtract,
    },
    Function {
        name: "_*_",
        signatures: &["(double, double) -> double", "(int, int) -> int", "(uint, uint) -> uint"],
        run: multiply,
    },
    Function {
        name: "_/_",
        signatures: &["(double, double) -> double", "(int, int) -> int", "(uint, uint) -> uint"],
        run: divide,
    },
    Function { name: "_%_", signatures: &["(int, int) -> int", "(uint, uint) -> uint"], run: remainder },
    Function { name: "-_", signatures: &["(double) -> double", "(int) -> int"], run: negate },
    Function {
        name: "size",
        signatures: &[
            "(bytes) -> int",
            "bytes.() -> int",
            "(list(A)) -> int",
            "list(A).() -> int",
            "(map(A, B)) -> int",
            "map(A, B).() -> int",
            "(string) -> int",
            "string.() -> int",
        ],
        run: size,
    },
    Function { name: "type", signatures: &["(A) -> type(A)"], run: |_, args| Ok(Value::Kind(args[0].kind())) },
    Function { name: "dyn", signatures: &["(A) -> dyn"], run: |_, args| Ok(args[0].clone()) },
];

pub(super) const OVERFLOW: &str = "integer overflow";
pub(super) const UNSIGNED_OVERFLOW: &str = "unsigned integer overflow";
const TIME_OVERFLOW: &str = "timestamp overflow";

fn int<'a>(result: Option<i64>) -> Outcome<'a> {
    result.map(Value::Int).ok_or(Fault::from(OVERFLOW))
}

fn uint<'a>(result: Option<u64>) -> Outcome<'a> {
    result.map(Value::Uint).ok_or(Fault::from(UNSIGNED_OVERFLOW))
}

fn duration<'a>(result: Option<i64>) -> Outcome<'a> {
    result.map(Value::Duration).ok_or(Fault::from("duration overflow"))
}

fn timestamp<'a>(result: Option<Moment>) -> Outcome<'a> {
    result.map(Value::Timestamp).ok_or(Fault::from(TIME_OVERFLOW))
}

fn add<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], &args[1]) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_add(*b)),
        (Value::Duration(span), Value::Timestamp(moment)) | (Value::Timestamp(moment), Value::Duration(span)) => {
            timestamp(moment.plus(i128::from(*span)))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            context.spend_bytes(a.len() + b.len())?;
            Ok(Value::Bytes([&**a, &**b].concat().into()))
        }
        (Value::List(a), Value::List(b)) => {
            context.spend(a.len() + b.len())?;
            Ok(Value::List(a.iter().chain(b.iter()).cloned().collect()))
        }
        (a, b) => match (a.text(), b.text()) {
            (Some(a), Some(b)) => {
                context.spend_bytes(a.len() + b.len())?;
                Ok(Value::Text([a, b].concat().into()))
            }
            _ => no_overload("_+_"),
        },
    }
}

fn subtract<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], &args[1]) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => duration(a.checked_sub(*b)),
        (Value::Timestamp(moment), Value::Duration(span)) => timestamp(moment.plus(-i128::from(*span))),
        (Value::Timestamp(later), Value::Timestamp(earlier)) => duration(later.since(*earlier)),
        _ => no_overload("_-_"),
    }
}

fn multiply<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], &args[1]) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_mul(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        _ => no_overload("_*_"),
    }
}

fn divide<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], &args[1]) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err("division by zero".into()),
        (Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_div(*b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => no_overload("_/_"),
    }
}

fn remainder<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match (&args[0], &args[1]) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err("modulus by zero".into()),
        (Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
        (Value::Uint(a), Value::Uint(b)) => uint(a.checked_rem(*b)),
        _ => no_overload("_%_"),
    }
}

fn negate<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match &args[0] {
        Value::Int(a) => int(a.checked_neg()),
        Value::Double(a) => Ok(Value::Double(-a)),
        // Only behind `dyn`: there is no overload for it.
        Value::Duration(a) => duration(a.checked_neg()),
        _ => no_overload("-_"),
    }
}

/// Characters of a string, bytes of bytes, elements of a list, keys of a map.
fn size<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let length = match &args[0] {
        Value::Bytes(bytes) => bytes.len(),
        value => match (value.text(), context.count(value)) {
            (Some(text), _) => {
                context.spend_bytes(text.len())?;
                text.chars().count()
            }
            (None, Some(count)) => count,
            (None, None) => return no_overload("size"),
        },
    };
    int(i64::try_from(length).ok())
}
