//! Maps (sprig, "Dictionaries and Dict Functions"). `set`, `unset` and `merge` change the map they are given, as in Go.
//!
//! Keys come in their order, where sprig gives them in any.

use std::rc::Rc;

use super::{Args, Function, as_text};
use crate::template::value::{Entries, Map};
use crate::template::{DEEPEST, MOST_VISITED, Text, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("dict", 0, dict),
    Function::new("get", 2, |args| {
        let map = args.map(0)?;
        let found = map.entries.borrow().get(&**args.text(1)?).cloned();
        Ok(found.unwrap_or_else(|| "".into()))
    }),
    Function::new("set", 3, |args| {
        let map = args.map(0)?;
        map.insert(args.text(1)?.clone(), args.value(2).clone())?;
        Ok(Value::Map(map))
    }),
    Function::new("unset", 2, |args| {
        let map = args.map(0)?;
        map.entries.borrow_mut().remove(&**args.text(1)?);
        Ok(Value::Map(map))
    }),
    Function::new("hasKey", 2, |args| Ok(args.map(0)?.entries.borrow().contains_key(&**args.text(1)?).into())),
    Function::variadic("pluck", 1, |args| {
        let key = args.text(0)?;
        let mut found = Vec::new();
        for index in 1..args.all().len() {
            found.extend(args.map(index)?.entries.borrow().get(&**key).cloned());
        }
        Ok(Value::list(found))
    }),
    Function::variadic("keys", 0, |args| {
        let mut keys = Vec::new();
        for index in 0..args.all().len() {
            keys.extend(args.map(index)?.entries.borrow().keys().cloned().map(Value::Text));
        }
        Ok(Value::list(keys))
    }),
    Function::new("values", 1, |args| Ok(Value::list(args.map(0)?.entries.borrow().values().cloned()))),
    Function::variadic("pick", 1, |args| chosen(args, true)),
    Function::variadic("omit", 1, |args| chosen(args, false)),
    Function::variadic("merge", 1, |args| merge(args, false)),
    Function::variadic("mustMerge", 1, |args| merge(args, false)),
    Function::variadic("mergeOverwrite", 1, |args| merge(args, true)),
    Function::variadic("mustMergeOverwrite", 1, |args| merge(args, true)),
    Function::new("deepCopy", 1, |args| copy(args.value(0), DEEPEST, &mut { MOST_VISITED })),
    Function::new("mustDeepCopy", 1, |args| copy(args.value(0), DEEPEST, &mut { MOST_VISITED })),
    Function::variadic("dig", 3, dig),
];

fn dict<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let pairs = args.all().chunks(2).map(|pair| {
        let key = match &pair[0] {
            Value::Text(text) => text.clone(),
            other => Text::from(as_text(other)),
        };
        (key, pair.get(1).cloned().unwrap_or_else(|| "".into()))
    });
    Ok(Value::map(pairs))
}

/// The entries whose keys are, or are not, among the arguments.
fn chosen<'a>(args: &Args<'_, 'a>, listed: bool) -> Result<Value<'a>, String> {
    let mut keys = Vec::new();
    for index in 1..args.all().len() {
        keys.push(args.text(index)?);
    }
    let map = args.map(0)?;
    let entries = map.entries.borrow();
    let chosen = entries.iter().filter(|(key, _)| keys.contains(key) == listed);
    Ok(Value::map(chosen.map(|(key, value)| (key.clone(), value.clone()))))
}

/// Takes the entries of the further maps into the first one: those it lacks, or all.
fn merge<'a>(args: &Args<'_, 'a>, overwrite: bool) -> Result<Value<'a>, String> {
    let target = args.map(0)?;
    for index in 1..args.all().len() {
        merge_into(&target, &args.map(index)?, overwrite, DEEPEST)?;
    }
    Ok(Value::Map(target))
}

fn merge_into<'a>(target: &Map<'a>, source: &Map<'a>, overwrite: bool, depth: usize) -> Result<(), String> {
    if depth == 0 {
        return Err("maps nest too deep".to_owned());
    }
    if Rc::ptr_eq(&target.entries, &source.entries) {
        return Ok(());
    }
    for (key, value) in source.entries.borrow().iter() {
        let old = target.entries.borrow().get(key).cloned();
        match (old, value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_into(&old, new, overwrite, depth - 1)?,
            // What is nothing is not taken over.
            (_, Value::Nil) => {}
            (Some(old), _) if old.is_true() && !(overwrite && value.is_true()) => {}
            _ => target.insert(key.clone(), value.clone())?,
        }
    }
    Ok(())
}

fn copy<'a>(value: &Value<'a>, depth: usize, visits: &mut usize) -> Result<Value<'a>, String> {
    *visits = visits.saturating_sub(1);
    if depth == 0 || *visits == 0 {
        return Err("values nest too deep or are too many".to_owned());
    }
    Ok(match value {
        Value::List(items) => {
            let copies: Result<Vec<_>, String> = items.iter().map(|item| copy(item, depth - 1, visits)).collect();
            Value::list(copies?)
        }
        Value::Map(map) => {
            let copies = Entries::default();
            for (key, value) in map.entries.borrow().iter() {
                copies.borrow_mut().insert(key.clone(), copy(value, depth - 1, visits)?);
            }
            Value::Map(Map { entries: copies, of_texts: map.of_texts })
        }
        other => other.clone(),
    })
}

/// Follows keys into the map that is the last argument; the argument before it is for keys that are missing.
fn dig<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let last = args.all().len() - 1;
    let mut value = args.value(last).clone();
    for index in 0..last - 1 {
        let key = args.text(index)?;
        let next = match &value {
            Value::Map(map) => map.entries.borrow().get(&**key).cloned(),
            _ => return Err(format!("{} is no map", value.type_name())),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(args.value(last - 1).clone()),
        }
    }
    Ok(value)
}
