//! The module `math`. All functions take integers and floats alike; results are Go's to the last digit (see `agent_golang::math`).

use super::gamma::gamma;
use crate::builtins::{Args, Cx, Function};
use crate::error::{Result, fail};
use crate::heap::whole;
use crate::value::Value;
use agent_golang::math;
use std::f64::consts;

pub(super) const CONSTANTS: &[(&str, Value)] = &[("e", Value::Float(consts::E)), ("pi", Value::Float(consts::PI))];

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("acos", |cx, args| one(cx, args, "acos", math::acos)),
    ("acosh", |cx, args| one(cx, args, "acosh", math::acosh)),
    ("asin", |cx, args| one(cx, args, "asin", math::asin)),
    ("asinh", |cx, args| one(cx, args, "asinh", math::asinh)),
    ("atan", |cx, args| one(cx, args, "atan", math::atan)),
    ("atan2", |cx, args| two(cx, args, "atan2", ["y", "x"], math::atan2)),
    ("atanh", |cx, args| one(cx, args, "atanh", math::atanh)),
    ("ceil", |cx, args| integral(cx, args, "ceil", f64::ceil)),
    ("copysign", |cx, args| two(cx, args, "copysign", ["x", "y"], f64::copysign)),
    ("cos", |cx, args| one(cx, args, "cos", math::cos)),
    ("cosh", |cx, args| one(cx, args, "cosh", math::cosh)),
    ("degrees", |cx, args| one(cx, args, "degrees", |x| 360.0 * x / (2.0 * consts::PI))),
    ("exp", |cx, args| one(cx, args, "exp", math::exp)),
    ("fabs", |cx, args| one(cx, args, "fabs", f64::abs)),
    ("floor", |cx, args| integral(cx, args, "floor", f64::floor)),
    ("gamma", |cx, args| one(cx, args, "gamma", gamma)),
    ("hypot", |cx, args| two(cx, args, "hypot", ["x", "y"], math::hypot)),
    ("log", log),
    ("mod", |cx, args| two(cx, args, "mod", ["x", "y"], |x, y| x % y)),
    ("pow", |cx, args| two(cx, args, "pow", ["x", "y"], math::pow)),
    ("radians", |cx, args| one(cx, args, "radians", |x| 2.0 * consts::PI * x / 360.0)),
    ("remainder", |cx, args| two(cx, args, "remainder", ["x", "y"], remainder)),
    ("round", |cx, args| one(cx, args, "round", f64::round)),
    ("sin", |cx, args| one(cx, args, "sin", math::sin)),
    ("sinh", |cx, args| one(cx, args, "sinh", math::sinh)),
    ("sqrt", |cx, args| one(cx, args, "sqrt", f64::sqrt)),
    ("tan", |cx, args| one(cx, args, "tan", math::tan)),
    ("tanh", |cx, args| one(cx, args, "tanh", math::tanh)),
];

fn number(cx: &Cx<'_>, value: Option<Value>, function: &str, place: u8) -> Result<f64> {
    let value = value.unwrap_or(Value::None);
    match cx.heap.number(value) {
        Some(value) => Ok(value),
        None => fail!("{function}: for parameter {place}: got {}, want float or int", cx.type_name(value)),
    }
}

fn one(cx: &mut Cx<'_>, args: Args<'_>, function: &str, compute: fn(f64) -> f64) -> Result<Value> {
    let [x] = args.unpack(cx.heap, function, ["x"], 1)?;
    Ok(Value::Float(compute(number(cx, x, function, 1)?)))
}

fn two(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    function: &str,
    names: [&str; 2],
    compute: fn(f64, f64) -> f64,
) -> Result<Value> {
    let [x, y] = args.unpack(cx.heap, function, names, 2)?;
    Ok(Value::Float(compute(number(cx, x, function, 1)?, number(cx, y, function, 2)?)))
}

/// Rounding to an integer.
fn integral(cx: &mut Cx<'_>, args: Args<'_>, function: &str, round: fn(f64) -> f64) -> Result<Value> {
    let [x] = args.unpack(cx.heap, function, ["x"], 1)?;
    let x = x.unwrap_or(Value::None);
    if cx.heap.integer(x).is_some() {
        return Ok(x);
    }
    let Value::Float(x) = x else { fail!("got {}, want float or int", cx.type_name(x)) };
    match whole(round(x)) {
        Some(value) => Ok(cx.heap.int(value)),
        None if x.is_infinite() => fail!("cannot convert float infinity to integer"),
        None if x.is_nan() => fail!("cannot convert float NaN to integer"),
        None => fail!("{function}: cannot convert float beyond 128 bits to integer"),
    }
}

fn log(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [x, base] = args.unpack(cx.heap, "log", ["x", "base"], 1)?;
    let base = base.map_or(Ok(consts::E), |base| number(cx, Some(base), "log", 2))?;
    if base == 1.0 {
        fail!("division by zero");
    }
    Ok(Value::Float(math::ln(number(cx, x, "log", 1)?) / math::ln(base)))
}

/// The remainder to the nearest multiple, ties to the even one (IEEE 754).
fn remainder(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() || x.is_infinite() || y == 0.0 {
        return f64::NAN;
    }
    let y = y.abs();
    if y.is_infinite() {
        return x;
    }
    // Every step is exact. Of twice `y`, the rest still tells whether the quotient is even.
    let mut rest = if y > f64::MAX / 2.0 { x.abs() } else { x.abs() % (y + y) };
    let half = 0.5 * y;
    if rest > half {
        rest -= y;
        if rest >= half {
            rest -= y;
        }
    }
    if x.is_sign_negative() { -rest } else { rest }
}
