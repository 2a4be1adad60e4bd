//! Modifiers: `@name` or `@name:argument` makes something else of the value so far.

use super::build::{LARGEST, list, push, quote};
use super::find::{DEEPEST, get, whole};
use super::value::{Found, Members};
use crate::jsontext::{check, skip_space, value_end};

/// Whether there is a modifier of that name.
pub(super) fn is_known(name: &str) -> bool {
    matches!(
        name,
        "pretty"
            | "ugly"
            | "reverse"
            | "this"
            | "flatten"
            | "join"
            | "valid"
            | "keys"
            | "values"
            | "tostr"
            | "fromstr"
            | "group"
            | "dig"
    )
}

/// Runs the modifier at the start of a path; gives what follows it, too. None if there is none of that name.
pub(super) fn run<'a, 'p>(text: &'a str, path: &'p str, depth: usize) -> Option<(Found<'a>, &'p str)> {
    let end = path.find([':', '|', '.']).unwrap_or(path.len());
    let name = &path[1..end];
    if !is_known(name) {
        return None;
    }
    let (argument, rest) = match path[end..].strip_prefix(':') {
        Some(rest) => rest.split_at(argument_end(rest)),
        None => ("", &path[end..]),
    };
    let on = |option: &str| get(argument, option, depth).raw() == "true";
    let value = whole(text);
    let found = match name {
        "this" => value,
        "valid" if check(text).is_ok() => value,
        "valid" => Found::NONE,
        "reverse" => reverse(value),
        "flatten" if value.is_array() => {
            let mut out = String::from("[");
            flatten(value.raw(), on("deep"), 0, &mut out);
            out.push(']');
            Found::built(out)
        }
        "flatten" => value,
        "join" if value.is_array() => join(value.raw(), on("preserve")),
        "join" => value,
        "keys" => keys(&value),
        "values" if value.is_array() => value,
        "values" if !value.is_object() => list(Some(value).filter(Found::exists).into_iter()),
        "values" => list(Members::new(value.raw(), 0).map(|m| Found::at(value.raw(), m.at))),
        "tostr" => {
            let mut out = String::new();
            quote(text, &mut out);
            Found::built(out)
        }
        "fromstr" => match value.text() {
            said if check(text).is_ok() && check(&said).is_ok() => Found::built(said.into_owned()),
            _ => Found::NONE,
        },
        "group" => group(value.raw()),
        "dig" => {
            let mut all = String::from("[");
            dig(value.raw(), argument, depth, &mut all);
            all.push(']');
            Found::built(all)
        }
        "ugly" => {
            let mut out = String::new();
            squeeze(value.raw(), &mut out);
            Found::built(out)
        }
        _ => {
            let indent = get(argument, "indent", depth);
            let mut out = String::new();
            let unit = if indent.exists() { indent.text() } else { "  ".into() };
            indented(value.raw(), &unit, &mut out);
            Found::built(out)
        }
    };
    Some((found, rest))
}

/// Where the argument ends at the start of a text: behind a JSON value, or before the next pipe.
fn argument_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    if matches!(bytes.first(), Some(b'{' | b'[' | b'"')) {
        return value_end(bytes, 0);
    }
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'|' {
        at = match bytes[at] {
            b'{' | b'[' | b'"' => value_end(bytes, at),
            _ => at + 1,
        };
    }
    at
}

fn members(raw: &str) -> Vec<(&str, Found<'_>)> {
    match raw.as_bytes().first() {
        Some(b'{' | b'[') => Members::new(raw, 0).map(|m| (m.key, Found::at(raw, m.at))).collect(),
        _ => Vec::new(),
    }
}

fn member(key: &str, value: &str) -> String {
    format!("\"{key}\":{value}")
}

fn reverse(value: Found<'_>) -> Found<'_> {
    let mut out = match value.raw().as_bytes().first() {
        Some(b'[') => "[".to_owned(),
        Some(b'{') => "{".to_owned(),
        _ => return value,
    };
    for (key, item) in members(value.raw()).into_iter().rev() {
        if value.is_array() { push(&mut out, item.raw()) } else { push(&mut out, &member(key, item.raw())) }
    }
    out.push(if value.is_array() { ']' } else { '}' });
    Found::built(out)
}

fn flatten(raw: &str, deep: bool, depth: usize, out: &mut String) {
    for (_, item) in members(raw) {
        match item.is_array() && depth < DEEPEST && (deep || depth == 0) {
            true => flatten(item.raw(), deep, depth + 1, out),
            false => push(out, item.raw()),
        }
    }
}

/// One object of the members of all. Of a key given twice the last value stays, in the place of the first.
fn join(raw: &str, preserve: bool) -> Found<'static> {
    let all = members(raw);
    let objects = all.iter().filter(|(_, item)| item.is_object());
    let pairs: Vec<(&str, Found<'_>)> = objects.flat_map(|(_, item)| members(item.raw())).collect();
    let mut out = String::from("{");
    if preserve {
        pairs.iter().for_each(|(key, value)| push(&mut out, &member(key, value.raw())));
    } else {
        let last: std::collections::HashMap<&str, &str> =
            pairs.iter().map(|(key, value)| (*key, value.raw())).collect();
        let mut seen = std::collections::HashSet::new();
        for (key, _) in pairs.iter().filter(|(key, _)| seen.insert(*key)) {
            push(&mut out, &member(key, last[key]));
        }
    }
    out.push('}');
    Found::built(out)
}

fn keys(value: &Found<'_>) -> Found<'static> {
    let mut out = String::from("[");
    if value.is_object() || value.is_array() {
        for (key, _) in members(value.raw()) {
            if value.is_object() { push(&mut out, &format!("\"{key}\"")) } else { push(&mut out, "null") }
        }
    } else if value.exists() {
        out.push_str("null");
    }
    out.push(']');
    Found::built(out)
}

/// Of an object of arrays an array of objects.
fn group(raw: &str) -> Found<'static> {
    if !raw.starts_with('{') {
        return Found::NONE;
    }
    let mut rows: Vec<String> = Vec::new();
    for (key, column) in members(raw).iter().filter(|(_, value)| value.is_array()) {
        for (i, (_, item)) in members(column.raw()).into_iter().enumerate() {
            if i == rows.len() {
                rows.push(String::from("{"));
            }
            push(&mut rows[i], &member(key, item.raw()));
        }
    }
    let mut out = String::from("[");
    for mut row in rows {
        row.push('}');
        push(&mut out, &row);
    }
    out.push(']');
    Found::built(out)
}

/// Everything that a path finds in the value and all below it.
fn dig(raw: &str, path: &str, depth: usize, out: &mut String) {
    if depth > DEEPEST || out.len() > LARGEST {
        return;
    }
    let found = get(raw, path, depth + 1);
    if found.exists() {
        push(out, found.raw());
    }
    for (_, item) in members(raw) {
        dig(item.raw(), path, depth + 1, out);
    }
}

/// The pieces of a value without the white space between them.
fn pieces(raw: &str) -> impl Iterator<Item = &str> {
    let bytes = raw.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at = skip_space(bytes, at);
        let from = at;
        at = match bytes.get(at)? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => at + 1,
            b'"' => value_end(bytes, at),
            _ => bytes[at..]
                .iter()
                .position(|b| {
                    matches!(b, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
                })
                .map_or(bytes.len(), |i| at + i),
        };
        raw.get(from..at)
    })
}

fn squeeze(raw: &str, out: &mut String) {
    out.extend(pieces(raw));
}

fn indented(raw: &str, indent: &str, out: &mut String) {
    let mut depth = 0usize;
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth.min(DEEPEST)).for_each(|_| out.push_str(indent));
    };
    let mut before = "";
    for piece in pieces(raw) {
        let closes = matches!(piece, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        if matches!(before, "{" | "[") != closes && (closes || matches!(before, "{" | "[")) || before == "," {
            line(out, depth);
        }
        out.push_str(piece);
        match piece {
            "{" | "[" => depth += 1,
            ":" => out.push(' '),
            _ => {}
        }
        before = piece;
    }
    out.push('\n');
}
