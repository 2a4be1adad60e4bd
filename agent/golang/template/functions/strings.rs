//! Functions on texts (sprig, "String Functions" and "String Slice Functions").
//!
//! Lengths and positions count bytes, as in Go; a cut that would halve a character moves to its beginning.

use super::{Args, Function, as_text, join, repeat, texts, words};
use crate::template::{LARGEST, Value, escape, print};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("trim", 1, |args| Ok(args.text(0)?.trim().to_owned().into())),
    Function::new("trimAll", 2, trim_all),
    Function::new("trimall", 2, trim_all),
    Function::new("trimPrefix", 2, |args| {
        let text = args.text(1)?;
        Ok(text.strip_prefix(&**args.text(0)?).unwrap_or(text).to_owned().into())
    }),
    Function::new("trimSuffix", 2, |args| {
        let text = args.text(1)?;
        Ok(text.strip_suffix(&**args.text(0)?).unwrap_or(text).to_owned().into())
    }),
    Function::new("upper", 1, |args| Ok(words::upper(args.text(0)?).into())),
    Function::new("lower", 1, |args| Ok(words::lower(args.text(0)?).into())),
    Function::new("repeat", 2, |args| {
        let count = usize::try_from(args.int(0)?).map_err(|_| "negative count")?;
        Ok(repeat(args.text(1)?, count)?.into())
    }),
    Function::new("substr", 3, substr),
    Function::new("trunc", 2, trunc),
    Function::new("abbrev", 2, |args| Ok(abbreviate(args.text(1)?, 0, args.int(0)?).into())),
    Function::new("abbrevboth", 3, |args| Ok(abbreviate(args.text(2)?, args.int(0)?, args.int(1)?).into())),
    Function::new("contains", 2, |args| Ok(args.text(1)?.contains(&**args.text(0)?).into())),
    Function::new("hasPrefix", 2, |args| Ok(args.text(1)?.starts_with(&**args.text(0)?).into())),
    Function::new("hasSuffix", 2, |args| Ok(args.text(1)?.ends_with(&**args.text(0)?).into())),
    Function::variadic("quote", 0, |args| quoted(args, '"')),
    Function::variadic("squote", 0, |args| quoted(args, '\'')),
    Function::variadic("cat", 0, |args| {
        let texts: Vec<String> = present(args).map(print::to_text).collect();
        Ok(join(texts.iter().map(String::as_str), " ")?.into())
    }),
    Function::new("indent", 2, |args| Ok(indent(args, "")?.into())),
    Function::new("nindent", 2, |args| Ok(indent(args, "\n")?.into())),
    Function::new("replace", 3, |args| Ok(replace(args.text(2)?, args.text(0)?, args.text(1)?)?.into())),
    Function::new("plural", 3, |args| Ok(args.value(if args.int(2)? == 1 { 0 } else { 1 }).clone())),
    Function::new("splitList", 2, |args| {
        let parts = split(args.text(1)?, args.text(0)?, -1);
        Ok(Value::list(parts.into_iter().map(Value::text)))
    }),
    Function::new("split", 2, |args| Ok(numbered(split(args.text(1)?, args.text(0)?, -1)))),
    Function::new("splitn", 3, |args| Ok(numbered(split(args.text(2)?, args.text(0)?, args.int(1)?)))),
    Function::new("join", 2, |args| {
        let texts = texts(args.value(1));
        Ok(join(texts.iter().map(String::as_str), args.text(0)?)?.into())
    }),
    Function::new("sortAlpha", 1, |args| {
        let mut texts = texts(args.value(0));
        texts.sort_unstable();
        Ok(Value::list(texts.into_iter().map(Value::from)))
    }),
];

fn trim_all<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let set = args.text(0)?;
    Ok(args.text(1)?.trim_matches(|char| set.contains(char)).to_owned().into())
}

/// The nearest position at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn substr<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let (start, end, text) = (args.int(0)?, args.int(1)?, args.text(2)?);
    let end = match usize::try_from(end) {
        Ok(end) => floor(text, end),
        Err(_) if start < 0 => return Err("index out of range".to_owned()),
        Err(_) => text.len(),
    };
    let start = floor(text, usize::try_from(start).unwrap_or(0));
    match text.get(start..end) {
        Some(part) => Ok(part.to_owned().into()),
        None => Err("start after end".to_owned()),
    }
}

fn trunc<'a>(args: &Args<'_, 'a>) -> Result<Value<'a>, String> {
    let (count, text) = (args.int(0)?, args.text(1)?);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let part = if size >= text.len() {
        text
    } else if count < 0 {
        &text[floor(text, text.len() - size)..]
    } else {
        &text[..floor(text, size)]
    };
    Ok(part.to_owned().into())
}

/// Cuts the text to `width` with "..." at its end and, from `offset` on, at its beginning.
fn abbreviate(text: &str, offset: i64, width: i64) -> String {
    const DOTS: &str = "...";
    let size = text.len() as i64;
    if width < 4 || offset > 0 && width < 7 || size <= width {
        return text.to_owned();
    }
    let offset = offset.clamp(0, size);
    let offset = if size - offset < width - 3 { size - (width - 3) } else { offset };
    let at = |position: i64| floor(text, usize::try_from(position).unwrap_or(0));
    if offset <= 4 {
        return format!("{}{DOTS}", &text[..at(width - 3)]);
    }
    let rest = &text[at(offset)..];
    if offset + width - 3 < size {
        let rest = abbreviate(rest, 0, width - 3);
        return format!("{DOTS}{rest}");
    }
    format!("{DOTS}{}", &text[at(size - (width - 3))..])
}

/// The arguments that are not nothing.
fn present<'v, 'a>(args: &Args<'v, 'a>) -> impl Iterator<Item = &'v Value<'a>> {
    args.all().iter().filter(|value| !matches!(value, Value::Nil))
}

fn quoted<'a>(args: &Args<'_, 'a>, quote: char) -> Result<Value<'a>, String> {
    let mut out = String::new();
    for value in present(args) {
        if !out.is_empty() {
            out.push(' ');
        }
        match quote {
            '"' => escape::quote(&as_text(value), &mut out),
            _ => {
                out.push(quote);
                print::append(value, &mut out);
                out.push(quote);
            }
        }
        if out.len() > LARGEST {
            return Err("the result is too large".to_owned());
        }
    }
    Ok(out.into())
}

fn indent(args: &Args<'_, '_>, before: &str) -> Result<String, String> {
    let spaces = usize::try_from(args.int(0)?).map_err(|_| "negative count")?;
    let pad = repeat(" ", spaces)?;
    let lines = replace(args.text(1)?, "\n", &format!("\n{pad}"))?;
    Ok(format!("{before}{pad}{lines}"))
}

/// Replaces all, with a bound on the result.
fn replace(text: &str, old: &str, new: &str) -> Result<String, String> {
    let found = text.matches(old).count();
    match found.checked_mul(new.len()) {
        Some(more) if more + text.len() <= LARGEST => Ok(text.replace(old, new)),
        _ => Err("the result is too large".to_owned()),
    }
}

/// Splits into at most `most` parts; all parts if it is negative. Nothing between the parts splits into characters.
fn split<'t>(text: &'t str, separator: &str, most: i64) -> Vec<&'t str> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(most, separator).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let end = if parts.len() + 1 == most { rest.len() } else { char.len_utf8() };
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

/// A map with the keys `_0`, `_1` and so on.
fn numbered<'a>(parts: Vec<&str>) -> Value<'a> {
    let entries = parts.into_iter().enumerate();
    Value::text_map(entries.map(|(index, part)| (format!("_{index}").into(), part.to_owned().into())))
}
