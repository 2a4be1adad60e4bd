//! The functions that templates know: those of Go's text/template, and sprig's.
//!
//! One table by name; each family of functions has its own file, with its part of the table at the top.

mod basic;
mod dates;
mod decimals;
mod dicts;
mod encode;
mod environment;
mod lists;
mod numbers;
mod paths;
mod patterns;
mod random;
mod strings;
mod types;
mod versions;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::value::{List, Map};
use super::{LARGEST, Text, Value, print};
use crate::time::Zone;

/// What a function works by.
type Call = for<'a> fn(&Args<'_, 'a>) -> Result<Value<'a>, String>;

/// A function of the table.
pub(super) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    call: Call,
    /// Its arguments are evaluated only as far as they matter.
    pub(super) short: Option<Short>,
}

/// Which of the two functions that stop early it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Short {
    And,
    Or,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// A function that takes exactly `count` arguments.
    const fn new(name: &'static str, count: usize, call: Call) -> Function {
        Function::ranged(name, count, count, call)
    }

    /// A function that takes `least` arguments or more.
    const fn variadic(name: &'static str, least: usize, call: Call) -> Function {
        Function::ranged(name, least, usize::MAX, call)
    }

    const fn ranged(name: &'static str, least: usize, most: usize, call: Call) -> Function {
        Function { name, least, most, call, short: None }
    }

    const fn short(name: &'static str, short: Short, call: Call) -> Function {
        Function { short: Some(short), ..Function::variadic(name, 1, call) }
    }

    pub(super) fn call<'a>(&self, args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
        let count = args.values.len();
        if count < self.least || count > self.most {
            let (name, least) = (self.name, self.least);
            let wanted = if count < self.least { "at least" } else { "at most" };
            let limit = if count < least { least } else { self.most };
            return Err(format!("wrong number of args for {name}: want {wanted} {limit}, got {count}"));
        }
        (self.call)(args).map_err(|cause| format!("{}: {cause}", self.name))
    }
}

/// Finds a function by its name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    static TABLE: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
        let families = [
            basic::FUNCTIONS,
            dates::FUNCTIONS,
            dicts::FUNCTIONS,
            encode::FUNCTIONS,
            environment::FUNCTIONS,
            lists::FUNCTIONS,
            numbers::FUNCTIONS,
            paths::FUNCTIONS,
            patterns::FUNCTIONS,
            random::FUNCTIONS,
            strings::FUNCTIONS,
            types::FUNCTIONS,
            versions::FUNCTIONS,
            words::FUNCTIONS,
        ];
        let all = families.into_iter().flatten();
        all.map(|function| (function.name, function)).collect()
    });
    TABLE.get(name).copied()
}

/// The arguments of a call, read as the types that the function wants.
pub(super) struct Args<'v, 'a> {
    values: &'v [Value<'a>],
    local: &'v Arc<Zone>,
}

impl<'v, 'a> Args<'v, 'a> {
    pub(super) fn new(values: &'v [Value<'a>], local: &'v Arc<Zone>) -> Args<'v, 'a> {
        Args { values, local }
    }

    /// What Go calls the local zone.
    fn local(&self) -> &'v Arc<Zone> {
        self.local
    }

    fn all(&self) -> &'v [Value<'a>] {
        self.values
    }

    /// The arguments from `index` on.
    fn from(&self, index: usize) -> &'v [Value<'a>] {
        self.values.get(index..).unwrap_or_default()
    }

    /// The argument, or nothing.
    fn value(&self, index: usize) -> &'v Value<'a> {
        self.values.get(index).unwrap_or(&Value::Nil)
    }

    fn text(&self, index: usize) -> Result<&'v Text<'a>, String> {
        match self.value(index) {
            Value::Text(text) => Ok(text),
            other => Err(wrong("string", other)),
        }
    }

    fn int(&self, index: usize) -> Result<i64, String> {
        match self.value(index) {
            Value::Int(number) | Value::Counted(number, _) => Ok(*number),
            Value::Uint(number) => i64::try_from(*number).map_err(|_| "number too large".to_owned()),
            // As a constant in Go, a float without a fraction is a whole number.
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Ok(*number as i64),
            other => Err(wrong("int", other)),
        }
    }

    fn truth(&self, index: usize) -> Result<bool, String> {
        match self.value(index) {
            Value::Bool(value) => Ok(*value),
            other => Err(wrong("bool", other)),
        }
    }

    fn list(&self, index: usize) -> Result<&'v List<'a>, String> {
        match self.value(index) {
            Value::List(items) => Ok(items),
            other => Err(wrong("list", other)),
        }
    }

    /// The map; nothing is an empty one.
    fn map(&self, index: usize) -> Result<Map<'a>, String> {
        match self.value(index) {
            Value::Map(map) => Ok(map.clone()),
            Value::Nil => Ok(Map::default()),
            other => Err(wrong("map", other)),
        }
    }
}

fn wrong(wanted: &str, value: &Value<'_>) -> String {
    format!("wrong type for value; expected {wanted}; got {}", value.type_name())
}

/// The value as text: a text itself, anything else as it prints.
fn as_text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        _ => print::to_text(value),
    }
}

/// The values of a list as texts, without those that are nothing; of anything else the one text.
fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().filter(|item| !matches!(item, Value::Nil)).map(as_text).collect(),
        Value::Nil => Vec::new(),
        _ => vec![as_text(value)],
    }
}

/// Joins texts with a bound on the result.
fn join<'t>(parts: impl IntoIterator<Item = &'t str>, separator: &str) -> Result<String, String> {
    let mut out = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(part);
        if out.len() > LARGEST {
            return Err("the result is too large".to_owned());
        }
    }
    Ok(out)
}

/// Repeats a text with a bound on the result.
fn repeat(text: &str, count: usize) -> Result<String, String> {
    match text.len().checked_mul(count) {
        Some(size) if size <= LARGEST => Ok(text.repeat(count)),
        _ => Err("the result is too large".to_owned()),
    }
}
