//! Functions that call other functions.

use super::evaluate::Machine;
use super::functions::{Builtin, on_context, plain, sorted};
use super::value::{Function, Map, Value};
use agent_api::{Result, bail, ensure};

pub(super) const BUILTINS: &[Builtin] = &[
    plain("map", 2, 2, map),
    plain("filter", 2, 2, filter),
    plain("single", 1, 2, single),
    plain("reduce", 2, 3, reduce),
    plain("sort", 1, 2, sort),
    on_context("each", 2, 2, each),
    on_context("sift", 2, 2, sift),
];

/// Calls with as many of the arguments as the function takes.
pub(super) fn call_with<'e>(m: &Machine<'e>, function: &Value<'e>, mut arguments: Vec<Value<'e>>) -> Result<Value<'e>> {
    if let Value::Function(f) = function {
        let takes = match &**f {
            Function::Builtin(builtin) => builtin.least.max(1),
            Function::Lambda { parameters, .. } => parameters.len(),
            Function::Partial(_, fixed) => fixed.iter().filter(|v| v.is_none()).count(),
            _ => 1,
        };
        arguments.truncate(takes);
    }
    m.nested(|| m.call(function, arguments, &Value::Undefined))
}

fn map<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut results = Vec::new();
    for (i, item) in a[0].items().iter().enumerate() {
        let result = call_with(m, &a[1], vec![item.clone(), Value::Number(i as f64), a[0].clone()])?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    Ok(if a[0].is_undefined() { Value::Undefined } else { Value::gathered(results) })
}

fn filter<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let passing = passing(m, a)?;
    Ok(if a[0].is_undefined() { Value::Undefined } else { Value::gathered(passing) })
}

fn passing<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Vec<Value<'e>>> {
    let mut results = Vec::new();
    for (i, item) in a[0].items().iter().enumerate() {
        let passes = match a.get(1) {
            Some(f) => call_with(m, f, vec![item.clone(), Value::Number(i as f64), a[0].clone()])?.truth(),
            None => true,
        };
        if passes {
            results.push(item.clone());
        }
    }
    Ok(results)
}

fn single<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut found = passing(m, a)?;
    ensure!(found.len() == 1, "{} values match, not one", found.len());
    Ok(found.remove(0))
}

fn reduce<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    if let Value::Function(f) = &a[1]
        && let Function::Lambda { parameters, .. } = &**f
    {
        ensure!(parameters.len() >= 2, "the function must take two arguments");
    }
    let mut items = a[0].items().iter().enumerate();
    let mut sum = match a.get(2) {
        Some(start) => start.clone(),
        None => items.next().map_or(Value::Undefined, |(_, first)| first.clone()),
    };
    for (i, item) in items {
        sum = call_with(m, &a[1], vec![sum, item.clone(), Value::Number(i as f64), a[0].clone()])?;
    }
    Ok(sum)
}

/// Sorts by a function that says whether the first of two belongs behind the second.
fn sort<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let items = a[0].items();
    if a[0].is_undefined() {
        return Ok(Value::Undefined);
    }
    let Some(function) = a.get(1) else { return Ok(Value::list(sorted(items)?)) };
    let behind = |x: &Value<'e>, y: &Value<'e>| -> Result<bool> {
        Ok(call_with(m, function, vec![x.clone(), y.clone()])?.truth())
    };
    // A merge sort of its own, as the function may fail and need not be an order.
    let mut runs: Vec<Vec<Value<'e>>> = items.iter().map(|item| vec![item.clone()]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            let Some(right) = pairs.next() else {
                merged.push(left);
                break;
            };
            let mut run = Vec::with_capacity(left.len() + right.len());
            let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
            while let (Some(x), Some(y)) = (left.peek(), right.peek()) {
                let taken = if behind(x, y)? { right.next() } else { left.next() };
                run.extend(taken);
            }
            run.extend(left.chain(right));
            merged.push(run);
        }
        runs = merged;
    }
    Ok(Value::list(runs.pop().unwrap_or_default()))
}

fn each<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut results = Vec::new();
    for (key, value) in object(&a[0])? {
        let result = call_with(m, &a[1], vec![value.clone(), Value::Text(key.clone()), a[0].clone()])?;
        if !result.is_undefined() {
            results.push(result);
        }
    }
    Ok(Value::results(results))
}

fn sift<'e>(m: &Machine<'e>, a: &[Value<'e>]) -> Result<Value<'e>> {
    let mut kept = Map::new();
    for (key, value) in object(&a[0])? {
        if call_with(m, &a[1], vec![value.clone(), Value::Text(key.clone()), a[0].clone()])?.truth() {
            kept.insert(key.clone(), value.clone());
        }
    }
    Ok(if kept.is_empty() { Value::Undefined } else { Value::map(kept) })
}

fn object<'v, 'e>(value: &'v Value<'e>) -> Result<impl Iterator<Item = (&'v std::rc::Rc<str>, &'v Value<'e>)>> {
    Ok(match value {
        Value::Map(map) => Some(map.iter()).into_iter().flatten(),
        Value::Undefined => None.into_iter().flatten(),
        other => bail!("expected an object, found a {}", other.kind()),
    })
}
