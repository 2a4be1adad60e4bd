//! The `math` extension.
//!
//! `math.greatest` and `math.least` are macros over `math.@max` and `math.@min`; the `@` keeps these out of reach.

use std::cmp::Ordering;

use super::operators::OVERFLOW;
use super::{Function, no_overload};
use crate::error::{Fault, Outcome};
use crate::eval::Context;
use crate::value::Value;

const EXTREMUM: &[&str] = &[
    "(double) -> double",
    "(int) -> int",
    "(uint) -> uint",
    "(double, double) -> double",
    "(int, int) -> int",
    "(uint, uint) -> uint",
    "(int, uint) -> dyn",
    "(int, double) -> dyn",
    "(double, int) -> dyn",
    "(double, uint) -> dyn",
    "(uint, int) -> dyn",
    "(uint, double) -> dyn",
    "(list(double)) -> double",
    "(list(int)) -> int",
    "(list(uint)) -> uint",
];
const NUMBER: &[&str] = &["(double) -> double", "(int) -> int", "(uint) -> uint"];
const DOUBLE: &[&str] = &["(double) -> double"];
const QUESTION: &[&str] = &["(double) -> bool"];
const BITS: &[&str] = &["(int, int) -> int", "(uint, uint) -> uint"];
const SHIFT: &[&str] = &["(int, int) -> int", "(uint, int) -> uint"];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "math.@max",
        signatures: EXTREMUM,
        run: |_, args| extremum(args, "math.greatest", Ordering::Greater),
    },
    Function { name: "math.@min", signatures: EXTREMUM, run: |_, args| extremum(args, "math.least", Ordering::Less) },
    Function { name: "math.ceil", signatures: DOUBLE, run: |_, args| double(args, "math.ceil", f64::ceil) },
    Function { name: "math.floor", signatures: DOUBLE, run: |_, args| double(args, "math.floor", f64::floor) },
    Function { name: "math.round", signatures: DOUBLE, run: |_, args| double(args, "math.round", f64::round) },
    Function { name: "math.trunc", signatures: DOUBLE, run: |_, args| double(args, "math.trunc", f64::trunc) },
    Function { name: "math.isNaN", signatures: QUESTION, run: |_, args| question(args, "math.isNaN", f64::is_nan) },
    Function {
        name: "math.isInf",
        signatures: QUESTION,
        run: |_, args| question(args, "math.isInf", f64::is_infinite),
    },
    Function {
        name: "math.isFinite",
        signatures: QUESTION,
        run: |_, args| question(args, "math.isFinite", f64::is_finite),
    },
    Function { name: "math.abs", signatures: NUMBER, run: abs },
    Function { name: "math.sign", signatures: NUMBER, run: sign },
    Function {
        name: "math.sqrt",
        signatures: &["(double) -> double", "(int) -> double", "(uint) -> double"],
        run: sqrt,
    },
    Function { name: "math.bitAnd", signatures: BITS, run: |_, args| bits(args, "math.bitAnd", |a, b| a & b) },
    Function { name: "math.bitOr", signatures: BITS, run: |_, args| bits(args, "math.bitOr", |a, b| a | b) },
    Function { name: "math.bitXor", signatures: BITS, run: |_, args| bits(args, "math.bitXor", |a, b| a ^ b) },
    Function { name: "math.bitNot", signatures: &["(int) -> int", "(uint) -> uint"], run: bit_not },
    Function {
        name: "math.bitShiftLeft",
        signatures: SHIFT,
        run: |_, args| shift(args, "math.bitShiftLeft", u64::checked_shl),
    },
    Function {
        name: "math.bitShiftRight",
        signatures: SHIFT,
        run: |_, args| shift(args, "math.bitShiftRight", u64::checked_shr),
    },
];

/// The first of the arguments, or of the elements of a list, that none other exceeds in the `wanted` direction.
fn extremum<'a>(args: &[Value<'a>], name: &'static str, wanted: Ordering) -> Outcome<'a> {
    let items = match args {
        [Value::List(items)] => items,
        _ => args,
    };
    let mut best: Option<&Value<'a>> = None;
    for item in items {
        if !matches!(item, Value::Int(_) | Value::Uint(_) | Value::Double(_)) {
            return no_overload(name);
        }
        let better = match best.map(|best| item.order(best)) {
            None => true,
            Some(Some(Some(order))) => order == wanted,
            Some(_) => return Err(format!("{name}: NaN cannot be ordered").into()),
        };
        if better {
            best = Some(item);
        }
    }
    best.cloned().ok_or_else(|| format!("{name}: list is empty").into())
}

fn double<'a>(args: &[Value<'a>], name: &'static str, compute: fn(f64) -> f64) -> Outcome<'a> {
    match args {
        [Value::Double(value)] => Ok(Value::Double(compute(*value))),
        _ => no_overload(name),
    }
}

fn question<'a>(args: &[Value<'a>], name: &'static str, ask: fn(f64) -> bool) -> Outcome<'a> {
    match args {
        [Value::Double(value)] => Ok(Value::Bool(ask(*value))),
        _ => no_overload(name),
    }
}

fn abs<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Double(value)] => Ok(Value::Double(value.abs())),
        [Value::Int(value)] => value.checked_abs().map(Value::Int).ok_or(Fault::from(OVERFLOW)),
        [Value::Uint(value)] => Ok(Value::Uint(*value)),
        _ => no_overload("math.abs"),
    }
}

fn sign<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Double(value)] if *value == 0.0 => Ok(Value::Double(0.0)),
        [Value::Double(value)] => Ok(Value::Double(value.signum())),
        [Value::Int(value)] => Ok(Value::Int(value.signum())),
        [Value::Uint(value)] => Ok(Value::Uint((*value).min(1))),
        _ => no_overload("math.sign"),
    }
}

fn sqrt<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Double(value)] => Ok(Value::Double(value.sqrt())),
        [Value::Int(value)] => Ok(Value::Double((*value as f64).sqrt())),
        [Value::Uint(value)] => Ok(Value::Double((*value as f64).sqrt())),
        _ => no_overload("math.sqrt"),
    }
}

fn bits<'a>(args: &[Value<'a>], name: &'static str, combine: fn(u64, u64) -> u64) -> Outcome<'a> {
    match args {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(combine(a.cast_unsigned(), b.cast_unsigned()).cast_signed())),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(combine(*a, *b))),
        _ => no_overload(name),
    }
}

fn bit_not<'a>(_: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    match args {
        [Value::Int(value)] => Ok(Value::Int(!value)),
        [Value::Uint(value)] => Ok(Value::Uint(!value)),
        _ => no_overload("math.bitNot"),
    }
}

/// Shifts fill with zeros on both sides, for signed numbers too, and by 64 and more leave nothing.
fn shift<'a>(args: &[Value<'a>], name: &'static str, shifted: fn(u64, u32) -> Option<u64>) -> Outcome<'a> {
    let [value, Value::Int(by)] = args else {
        return no_overload(name);
    };
    if *by < 0 {
        return Err(format!("{name}: negative offset {by}").into());
    }
    let by = u32::try_from(*by).unwrap_or(u32::MAX);
    match value {
        Value::Int(value) => Ok(Value::Int(shifted(value.cast_unsigned(), by).unwrap_or(0).cast_signed())),
        Value::Uint(value) => Ok(Value::Uint(shifted(*value, by).unwrap_or(0))),
        _ => no_overload(name),
    }
}
