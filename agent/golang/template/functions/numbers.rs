//! Arithmetic (sprig, "Math Functions" and "Float Math Functions").
//!
//! As in sprig every argument is turned into a number first, and what is none counts as 0. Whole numbers wrap around as
//! Go's do.

use std::iter::once;

use super::decimals::{self, Operation};
use super::{Args, Function, as_text};
use crate::number::{parse_float, parse_int};
use crate::template::{LARGEST, Value};

pub(super) const FUNCTIONS: &[Function] =
    &[
        Function::new("add1", 1, |args| Ok(int(args.value(0)).wrapping_add(1).into())),
        Function::variadic("add", 0, |args| Ok(fold(args, 0, i64::wrapping_add))),
        Function::new("sub", 2, |args| Ok(int(args.value(0)).wrapping_sub(int(args.value(1))).into())),
        Function::variadic("mul", 1, |args| Ok(fold(args, 1, i64::wrapping_mul))),
        Function::new("div", 2, |args| {
            let divided = int(args.value(0)).checked_div(int(args.value(1)));
            Ok(divided.ok_or("integer divide by zero")?.into())
        }),
        Function::new("mod", 2, |args| {
            let rest = int(args.value(0)).checked_rem(int(args.value(1)));
            Ok(rest.ok_or("integer divide by zero")?.into())
        }),
        Function::variadic("max", 1, |args| Ok(fold_first(args, i64::max))),
        Function::variadic("biggest", 1, |args| Ok(fold_first(args, i64::max))),
        Function::variadic("min", 1, |args| Ok(fold_first(args, i64::min))),
        Function::new("add1f", 1, |args| Ok(decimals::chain(Operation::Add, float(args.value(0)), once(1.0))?.into())),
        Function::variadic("addf", 0, |args| {
            Ok(decimals::chain(Operation::Add, 0.0, args.all().iter().map(float))?.into())
        }),
        Function::variadic("subf", 1, |args| chain(args, Operation::Subtract)),
        Function::variadic("mulf", 1, |args| chain(args, Operation::Multiply)),
        Function::variadic("divf", 1, |args| chain(args, Operation::Divide)),
        Function::variadic("maxf", 1, |args| extreme(args, f64::max)),
        Function::variadic("minf", 1, |args| extreme(args, f64::min)),
        Function::new("floor", 1, |args| Ok(float(args.value(0)).floor().into())),
        Function::new("ceil", 1, |args| Ok(float(args.value(0)).ceil().into())),
        Function::ranged("round", 2, 3, round),
        Function::new("atoi", 1, |args| Ok(atoi(args.text(0)?).into())),
        Function::new("int", 1, |args| Ok(int(args.value(0)).into())),
        Function::new("int64", 1, |args| Ok(int(args.value(0)).into())),
        Function::new("float64", 1, |args| Ok(float(args.value(0)).into())),
        Function::new("toDecimal", 1, |args| Ok(parse_int(&as_text(args.value(0)), 8).unwrap_or(0).into())),
        Function::new("until", 1, |args| {
            let stop = args.int(0)?;
            Ok(Value::list(steps(0, stop, if stop < 0 { -1 } else { 1 })?))
        }),
        Function::new("untilStep", 3, |args| Ok(Value::list(steps(args.int(0)?, args.int(1)?, args.int(2)?)?))),
        Function::variadic("seq", 0, seq),
    ];

/// The value as a whole number: floats lose their fraction, texts are read in the base their prefix names.
fn int(value: &Value<'_>) -> i64 {
    match value {
        Value::Int(number) | Value::Counted(number, _) => *number,
        Value::Uint(number) => *number as i64,
        // What does not fit is what x86-64 makes of it.
        Value::Float(number) if number.abs() < i64::MAX as f64 => *number as i64,
        Value::Float(_) => i64::MIN,
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => whole(text),
        _ => 0,
    }
}

/// What is too large is the largest number: sprig does not look at the error.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    parse_int(text, 10).unwrap_or_else(|_| match text.as_bytes().first() {
        _ if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => 0,
        Some(b'-') => i64::MIN,
        _ => i64::MAX,
    })
}

/// Reads any base by its prefix; zeros after a point are no fraction.
fn whole(text: &str) -> i64 {
    let text = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    parse_int(text, 0).unwrap_or(0)
}

fn float(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(number) | Value::Counted(number, _) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn fold<'a>(args: &Args<'_, 'a>, start: i64, with: fn(i64, i64) -> i64) -> Value<'a> {
    args.all().iter().map(int).fold(start, with).into()
}

fn fold_first<'a>(args: &Args<'_, 'a>, with: fn(i64, i64) -> i64) -> Value<'a> {
    args.all().iter().map(int).reduce(with).unwrap_or(0).into()
}

fn chain<'a>(args: &Args<'_, 'a>, operation: Operation) -> Result<Value<'a>, String> {
    Ok(decimals::chain(operation, float(args.value(0)), args.from(1).iter().map(float))?.into())
}

fn extreme<'a>(args: &Args<'_, 'a>, with: fn(f64, f64) -> f64) -> Result<Value<'a>, String> {
    let mut numbers = args.all().iter().map(float);
    let first = numbers.next().unwrap_or(0.0);
    // As in Go, one number that is none makes the result none.
    let pick = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { with(a, b) };
    Ok(numbers.fold(first, pick).into())
}

/// Rounds to so many digits after the point; up from the third argument on, one half if it is missing.
fn round<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let limit = match args.value(2) {
        Value::Nil => 0.5,
        other => float(other),
    };
    let digits = i32::try_from(args.int(1)?).map_err(|_| "too many digits")?;
    let power = 10_f64.powi(digits);
    let scaled = float(args.value(0)) * power;
    let rounded = if scaled.fract() >= limit { scaled.ceil() } else { scaled.floor() };
    Ok((rounded / power).into())
}

/// The numbers from `start` to before `stop`.
fn steps<'a>(start: i64, stop: i64, step: i64) -> Result<Vec<Value<'a>>, String> {
    let mut numbers = Vec::new();
    let mut number = start;
    while step > 0 && number < stop || step < 0 && number > stop {
        numbers.push(Value::Int(number));
        if numbers.len() > LARGEST / size_of::<Value<'_>>() {
            return Err("the result is too large".to_owned());
        }
        let Some(next) = number.checked_add(step) else { break };
        number = next;
    }
    Ok(numbers)
}

/// The numbers from the first to the last argument, by the middle one, as a text.
fn seq<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let (start, step, end) = match args.all().len() {
        1 => (1, None, args.int(0)?),
        2 => (args.int(0)?, None, args.int(1)?),
        3 => (args.int(0)?, Some(args.int(1)?), args.int(2)?),
        _ => return Ok("".into()),
    };
    let direction = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if step.signum() != direction {
        return Ok("".into());
    }
    let numbers = steps(start, end.saturating_add(direction), step)?;
    let texts: Vec<String> = numbers.iter().map(as_text).collect();
    Ok(texts.join(" ").into())
}
