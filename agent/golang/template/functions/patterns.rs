//! Regular expressions (sprig, "Regex Functions").
//!
//! A pattern that is wrong is an error of the run in every function but `regexMatch`, for which it matches nothing.
//! Compiled patterns are kept, as a template runs with the same ones again and again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Args, Function};
use crate::regexp::{Regexp, Replacement};
use crate::template::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regexMatch", 2, |args| {
        let compiled = compile(args.text(0)?);
        let text = args.text(1)?;
        Ok(compiled.is_ok_and(|regexp| regexp.is_match(text)).into())
    }),
    Function::new("mustRegexMatch", 2, |args| Ok(compile(args.text(0)?)?.is_match(args.text(1)?).into())),
    Function::new("regexFind", 2, find),
    Function::new("mustRegexFind", 2, find),
    Function::new("regexFindAll", 3, find_all),
    Function::new("mustRegexFindAll", 3, find_all),
    Function::new("regexReplaceAll", 3, replace_all),
    Function::new("mustRegexReplaceAll", 3, replace_all),
    Function::new("regexReplaceAllLiteral", 3, replace_all_literal),
    Function::new("mustRegexReplaceAllLiteral", 3, replace_all_literal),
    Function::new("regexSplit", 3, split),
    Function::new("mustRegexSplit", 3, split),
    Function::new("regexQuoteMeta", 1, |args| Ok(quote_meta(args.text(0)?).into())),
];

fn compile(pattern: &str) -> Result<Rc<Regexp>, String> {
    /// Patterns can be made by the template, so their number is bounded.
    const MOST: usize = 64;
    thread_local! {
        static COMPILED: RefCell<HashMap<Box<str>, Rc<Regexp>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(regexp) = compiled.get(pattern) {
            return Ok(regexp.clone());
        }
        let regexp = Rc::new(Regexp::compile(pattern).map_err(|error| error.to_string())?);
        if compiled.len() >= MOST {
            compiled.clear();
        }
        compiled.insert(pattern.into(), regexp.clone());
        Ok(regexp)
    })
}

fn find<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let regexp = compile(args.text(0)?)?;
    let found = regexp.as_regex().find(args.text(1)?);
    Ok(found.map_or("", |found| found.as_str()).to_owned().into())
}

/// How many at most: all if negative.
fn most(args: &Args<'_, '_>) -> Result<usize, String> {
    Ok(usize::try_from(args.int(2)?).unwrap_or(usize::MAX))
}

fn find_all<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let regexp = compile(args.text(0)?)?;
    let found = regexp.as_regex().find_iter(args.text(1)?).take(most(args)?);
    Ok(Value::list(found.map(|found| Value::text(found.as_str()))))
}

fn replace_all<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let regexp = compile(args.text(0)?)?;
    let replacement = regexp.replacement(args.text(2)?);
    let replaced = regexp.replace_all(args.text(1)?, &replacement);
    Ok(replaced.into_owned().into())
}

fn replace_all_literal<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let regexp = compile(args.text(0)?)?;
    let replacement = Replacement::literal(args.text(2)?);
    let replaced = regexp.replace_all(args.text(1)?, &replacement);
    Ok(replaced.into_owned().into())
}

/// The parts between the matches; an empty match at the beginning splits nothing off.
fn split<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let regexp = compile(args.text(0)?)?;
    let (text, most) = (args.text(1)?, most(args)?);
    if most == 0 {
        return Ok(Value::list([]));
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for found in regexp.as_regex().find_iter(text) {
        if parts.len() + 1 == most {
            break;
        }
        if found.end() == 0 || found.is_empty() && found.start() == text.len() {
            continue;
        }
        parts.push(Value::text(&text[start..found.start()]));
        start = found.end();
    }
    parts.push(Value::text(&text[start..]));
    Ok(Value::list(parts))
}

fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if r"\.+*?()|[]{}^$".contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}
