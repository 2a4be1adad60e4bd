//! Multipaths, which build an object or array of several results, and literals.

use super::build::{LARGEST, push, quote};
use super::find::get;
use super::path::unescape;
use super::value::Found;
use crate::jsontext::{check, string_end, value_end};

/// One of the paths between the brackets.
struct Selector<'p> {
    name: Option<&'p str>,
    path: &'p str,
}

/// Runs the multipath at the start of a path; gives what follows it, too. None if its brackets are not balanced.
pub(super) fn run<'p>(text: &str, path: &'p str, depth: usize) -> Option<(Found<'static>, &'p str)> {
    let (selectors, rest) = selectors(path)?;
    let object = path.starts_with('{');
    let mut out = String::from(if object { "{" } else { "[" });
    for selector in selectors {
        let found = get(text, selector.path, depth);
        if !found.exists() || out.len() + found.raw().len() > LARGEST {
            continue;
        }
        let mut item = String::new();
        if object {
            match selector.name {
                Some(name) if name.starts_with('"') && check(name).is_ok() => item.push_str(name),
                Some(name) => quote(name, &mut item),
                None => quote(&last_name(selector.path), &mut item),
            }
            item.push(':');
        }
        item.push_str(found.raw());
        push(&mut out, &item);
    }
    out.push(if object { '}' } else { ']' });
    Some((Found::built(out), rest))
}

fn selectors(path: &str) -> Option<(Vec<Selector<'_>>, &str)> {
    let bytes = path.as_bytes();
    let (mut at, mut from, mut depth) = (1, 1, 1);
    // A colon behind the `@` of a modifier stands before its argument, not behind a name.
    let (mut colon, mut modifier) = (None, false);
    let mut list = Vec::new();
    let mut add = |from: usize, colon: Option<usize>, to: usize| {
        let selector = match colon {
            Some(colon) => Selector { name: Some(&path[from..colon]), path: &path[colon + 1..to] },
            None => Selector { name: None, path: &path[from..to] },
        };
        if !selector.path.is_empty() {
            list.push(selector);
        }
    };
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 1,
            b'@' if depth == 1 && (at == 1 || b".|,:".contains(&bytes[at - 1])) => modifier = true,
            b':' if depth == 1 && colon.is_none() && !modifier => colon = Some(at),
            b',' if depth == 1 => {
                add(from, colon, at);
                (from, colon, modifier) = (at + 1, None, false);
            }
            b'"' => at = string_end(bytes, at) - 1,
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    add(from, colon, at);
                    return Some((list, &path[at + 1..]));
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The name of a member of which none is given: the last part of its path, if that is simple.
fn last_name(path: &str) -> String {
    let bytes = path.as_bytes();
    let cut = (0..bytes.len()).rev().find(|&i| matches!(bytes[i], b'|' | b'.') && (i == 0 || bytes[i - 1] != b'\\'));
    let last = &path[cut.map_or(0, |i| i + 1)..];
    let simple = !last.is_empty() && !last.bytes().any(|b| b < b' ' || b"[]{}()#|!".contains(&b));
    if simple { unescape(last) } else { "_".to_owned() }
}

/// Reads the literal at the start of a path: `!` and a JSON value; gives what follows it, too.
pub(super) fn literal(path: &str) -> Option<(Found<'static>, &str)> {
    let text = &path[1..];
    let end = match text.as_bytes()[0] {
        b'{' | b'[' | b'"' => value_end(text.as_bytes(), 0),
        _ => text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(text.len()),
    };
    let (value, rest) = text.split_at_checked(end)?;
    Some((Found::built(value.to_owned()), rest))
}
