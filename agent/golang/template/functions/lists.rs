//! Lists (sprig, "Lists and List Functions"). Every function gives a new list; none changes its argument.

use super::{Args, Function};
use crate::template::value::Text;
use crate::template::{Value, compare};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::variadic("list", 0, |args| Ok(Value::list(args.all().iter().cloned()))),
    Function::variadic("tuple", 0, |args| Ok(Value::list(args.all().iter().cloned()))),
    Function::new("first", 1, |args| Ok(args.list(0)?.first().cloned().unwrap_or_default())),
    Function::new("mustFirst", 1, |args| Ok(args.list(0)?.first().cloned().unwrap_or_default())),
    Function::new("last", 1, |args| Ok(args.list(0)?.last().cloned().unwrap_or_default())),
    Function::new("mustLast", 1, |args| Ok(args.list(0)?.last().cloned().unwrap_or_default())),
    Function::new("rest", 1, rest),
    Function::new("mustRest", 1, rest),
    Function::new("initial", 1, initial),
    Function::new("mustInitial", 1, initial),
    Function::new("append", 2, append),
    Function::new("push", 2, append),
    Function::new("mustAppend", 2, append),
    Function::new("mustPush", 2, append),
    Function::new("prepend", 2, prepend),
    Function::new("mustPrepend", 2, prepend),
    Function::variadic("concat", 0, |args| {
        let mut all = Vec::new();
        for index in 0..args.all().len() {
            all.extend(args.list(index)?.iter().cloned());
        }
        Ok(Value::list(all))
    }),
    Function::new("reverse", 1, reverse),
    Function::new("mustReverse", 1, reverse),
    Function::new("uniq", 1, uniq),
    Function::new("mustUniq", 1, uniq),
    Function::variadic("without", 1, without),
    Function::variadic("mustWithout", 1, without),
    Function::new("has", 2, has),
    Function::new("mustHas", 2, has),
    Function::new("compact", 1, compact),
    Function::new("mustCompact", 1, compact),
    Function::new("chunk", 2, chunk),
    Function::new("mustChunk", 2, chunk),
    Function::ranged("mustSlice", 1, 4, super::basic::slice),
    Function::new("toStrings", 1, |args| {
        let texts = super::texts(args.value(0));
        Ok(Value::list(texts.into_iter().map(|text| Value::Text(Text::from(text)))))
    }),
];

fn rest<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(Value::list(args.list(0)?.iter().skip(1).cloned()))
}

fn initial<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let items = args.list(0)?;
    Ok(Value::list(items.iter().take(items.len().saturating_sub(1)).cloned()))
}

fn append<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let items = args.list(0)?.iter().chain([args.value(1)]);
    Ok(Value::list(items.cloned()))
}

fn prepend<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let items = [args.value(1)].into_iter().chain(args.list(0)?.iter());
    Ok(Value::list(items.cloned()))
}

fn reverse<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    Ok(Value::list(args.list(0)?.iter().rev().cloned()))
}

fn uniq<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    // Comparing each with each is slow for a long list.
    const LONGEST: usize = 10_000;
    let items = args.list(0)?;
    if items.len() > LONGEST {
        return Err("the list is too long".to_owned());
    }
    let mut kept: Vec<Value<'a>> = Vec::new();
    for item in items.iter() {
        if !contains(&kept, item) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn without<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let items = args.list(0)?.iter();
    let kept = items.filter(|item| !contains(args.from(1), item));
    Ok(Value::list(kept.cloned()))
}

fn has<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    if let Value::Nil = args.value(1) {
        return Ok(Value::Bool(false));
    }
    Ok(contains(args.list(1)?, args.value(0)).into())
}

fn contains(items: &[Value<'_>], wanted: &Value<'_>) -> bool {
    items.iter().any(|item| compare::deep_equal(item, wanted))
}

fn compact<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let items = args.list(0)?.iter();
    Ok(Value::list(items.filter(|item| item.is_true()).cloned()))
}

fn chunk<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let size = usize::try_from(args.int(0)?).unwrap_or(0);
    if size == 0 {
        return Err("chunks of no size".to_owned());
    }
    let chunks = args.list(1)?.chunks(size);
    Ok(Value::list(chunks.map(|chunk| Value::list(chunk.iter().cloned()))))
}
