//! The functions of text/template itself, and sprig's choices between values.

use std::cmp::Ordering;

use super::{Args, Function, Short, as_text};
use crate::template::{Text, Value, compare, escape, print, printf};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::short("and", Short::And, last),
    Function::short("or", Short::Or, last),
    Function::new("not", 1, |args| Ok((!args.value(0).is_true()).into())),
    Function::variadic("eq", 2, eq),
    Function::new("ne", 2, |args| compare::equal(args.value(0), args.value(1)).map(|equal| Value::Bool(!equal))),
    Function::new("lt", 2, |args| ordered(args, Ordering::is_lt)),
    Function::new("le", 2, |args| ordered(args, Ordering::is_le)),
    Function::new("gt", 2, |args| ordered(args, Ordering::is_gt)),
    Function::new("ge", 2, |args| ordered(args, Ordering::is_ge)),
    Function::new("len", 1, len),
    Function::variadic("index", 1, index),
    Function::ranged("slice", 1, 4, slice),
    Function::variadic("print", 0, |args| Ok(print::sprint(args.all()).into())),
    Function::variadic("println", 0, |args| Ok(print::sprintln(args.all()).into())),
    Function::variadic("printf", 1, |args| Ok(printf::sprintf(args.text(0)?, args.from(1)).into())),
    Function::variadic("html", 0, |args| Ok(escape::html(&joined(args)).into())),
    Function::variadic("js", 0, |args| Ok(escape::javascript(&joined(args)).into())),
    Function::variadic("urlquery", 0, |args| Ok(escape::url_query(&joined(args)).into())),
    Function::variadic("call", 1, |args| {
        let name = args.value(0).type_name();
        Err(format!("non-function of type {name}"))
    }),
    Function::variadic("default", 1, |args| {
        let given = args.value(1);
        Ok(if given.is_true() || is_struct(given) { given } else { args.value(0) }.clone())
    }),
    Function::new("empty", 1, |args| Ok((!args.value(0).is_true()).into())),
    Function::variadic("coalesce", 0, |args| {
        let found = args.all().iter().find(|value| value.is_true());
        Ok(found.cloned().unwrap_or_default())
    }),
    Function::variadic("all", 0, |args| Ok(args.all().iter().all(Value::is_true).into())),
    Function::variadic("any", 0, |args| Ok(args.all().iter().any(Value::is_true).into())),
    Function::new("ternary", 3, |args| Ok(args.value(if args.truth(2)? { 0 } else { 1 }).clone())),
    Function::new("fail", 1, |args| Err(args.text(0)?.to_string())),
    Function::new("hello", 0, |_| Ok("Hello!".into())),
];

fn is_struct(value: &Value<'_>) -> bool {
    matches!(value, Value::Object(_) | Value::Time(..))
}

/// `and` and `or` of arguments that are all evaluated: a lone last one.
fn last<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(args.all().last().cloned().unwrap_or_default())
}

fn eq<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    for other in args.from(1) {
        if compare::equal(args.value(0), other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn ordered<'a>(args: &Args<'_, 'a>, test: fn(Ordering) -> bool) -> Result<Value<'a>, String> {
    let ordering = compare::order(args.value(0), args.value(1))?;
    Ok(Value::Bool(ordering.is_some_and(test)))
}

fn len<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let length = match args.value(0) {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.entries.borrow().len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

/// One step into the value for each further argument.
fn index<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let mut value = args.value(0).clone();
    for (at, key) in args.from(1).iter().enumerate() {
        let position = |length: usize| {
            let position = args.int(at + 1)?;
            let inside = usize::try_from(position).ok().filter(|&position| position < length);
            inside.ok_or_else(|| format!("index out of range: {position}"))
        };
        value = match &value {
            Value::List(items) => items[position(items.len())?].clone(),
            Value::Text(text) => Value::Int(i64::from(text.as_bytes()[position(text.len())?])),
            Value::Map(map) => match key {
                Value::Text(key) => match map.entries.borrow().get(&**key) {
                    Some(value) => value.clone(),
                    None if map.of_texts => "".into(),
                    None => Value::Nil,
                },
                other => return Err(format!("value has type {}; should be string", other.type_name())),
            },
            Value::Nil => return Err("index of untyped nil".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

/// `slice` of text/template, which is sprig's `slice` for lists as well.
pub(super) fn slice<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let bounds = |length: usize| {
        let bound = |index: usize, otherwise: usize| match args.from(index) {
            [] => Ok(otherwise),
            _ => {
                let position = args.int(index)?;
                let inside = usize::try_from(position).ok().filter(|&position| position <= length);
                inside.ok_or_else(|| format!("index out of range: {position}"))
            }
        };
        let (start, end) = (bound(1, 0)?, bound(2, length)?);
        match start <= end {
            true => Ok(start..end),
            false => Err(format!("invalid slice index: {start} > {end}")),
        }
    };
    match args.value(0) {
        Value::List(items) if items.is_empty() => Ok(Value::Nil),
        Value::List(items) => Ok(Value::list(items[bounds(items.len())?].iter().cloned())),
        Value::Text(Text::Borrowed(text)) => {
            let part = text.get(bounds(text.len())?);
            Ok(Value::from(part.ok_or("slice cuts a character")?))
        }
        Value::Text(text) => {
            let part = text.get(bounds(text.len())?);
            Ok(Value::text(part.ok_or("slice cuts a character")?))
        }
        other => Err(format!("can't slice item of type {}", other.type_name())),
    }
}

/// The arguments as one text.
fn joined(args: &Args<'_, '_>) -> String {
    let shown = |value: &Value<'_>| match value {
        Value::Nil => "<no value>".to_owned(),
        value => as_text(value),
    };
    match args.all() {
        [one] => shown(one),
        all if all.iter().any(|value| matches!(value, Value::Nil)) => {
            let named = all.iter().map(|value| match value {
                Value::Nil => Value::from("<no value>"),
                other => other.clone(),
            });
            print::sprint(&named.collect::<Vec<_>>())
        }
        all => print::sprint(all),
    }
}
