//! A JSON value as a tree, for the few places that must look at values in any order.

use super::scan::{number_end, skip_space, string_end};
use super::{check, escape, unescape};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use std::collections::BTreeMap;

/// A JSON value. Numbers that were read are floats, as in Go; integers come from metrics and keep all their digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Tree {
    /// `null`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A whole number of a metric.
    Int(i64),
    /// A whole number of a metric.
    Uint(u64),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Tree>),
    /// An object, its keys sorted.
    Map(BTreeMap<String, Tree>),
}

/// Trees may be so deep: they are built and written by recursion.
const DEEPEST: usize = 500;

impl Tree {
    /// Reads a document; None if it is no JSON or nested deeper than 500.
    pub fn parse(text: &str) -> Option<Tree> {
        let checked = check(text).ok()?;
        let mut at = checked.from;
        value(text, &mut at, 0)
    }

    /// Appends the value as Go's encoding/json writes it: keys sorted, no blanks. NaN and infinities, which JSON has not, become null.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Null => out.extend_from_slice(b"null"),
            Tree::Bool(v) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
            Tree::Number(v) if v.is_finite() => append_float(*v, FloatStyle::Json, out),
            Tree::Number(_) => out.extend_from_slice(b"null"),
            Tree::Int(v) => append_int(*v, out),
            Tree::Uint(v) => append_uint(*v, out),
            Tree::Text(v) => escape(v, out),
            Tree::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Tree::Map(entries) => {
                out.push(b'{');
                for (i, (key, item)) in entries.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    escape(key, out);
                    out.push(b':');
                    item.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Reads the value at `at` of a checked document.
fn value(text: &str, at: &mut usize, depth: usize) -> Option<Tree> {
    let bytes = text.as_bytes();
    if depth > DEEPEST {
        return None;
    }
    Some(match bytes.get(*at)? {
        b'{' => {
            let mut entries = BTreeMap::new();
            loop {
                *at = skip_space(bytes, *at + 1);
                if bytes.get(*at)? == &b'}' {
                    break;
                }
                let key = string(text, at)?;
                *at = skip_space(bytes, *at);
                *at = skip_space(bytes, *at + 1);
                entries.insert(key, value(text, at, depth + 1)?);
                *at = skip_space(bytes, *at);
                if bytes.get(*at)? == &b'}' {
                    break;
                }
            }
            *at += 1;
            Tree::Map(entries)
        }
        b'[' => {
            let mut items = Vec::new();
            loop {
                *at = skip_space(bytes, *at + 1);
                if bytes.get(*at)? == &b']' {
                    break;
                }
                items.push(value(text, at, depth + 1)?);
                *at = skip_space(bytes, *at);
                if bytes.get(*at)? == &b']' {
                    break;
                }
            }
            *at += 1;
            Tree::List(items)
        }
        b'"' => Tree::Text(string(text, at)?),
        _ => {
            let from = *at;
            *at = number_end(bytes, from);
            match &text[from..*at] {
                "true" => Tree::Bool(true),
                "false" => Tree::Bool(false),
                "null" => Tree::Null,
                number => Tree::Number(number.parse().ok()?),
            }
        }
    })
}

fn string(text: &str, at: &mut usize) -> Option<String> {
    let from = *at;
    *at = string_end(text.as_bytes(), from);
    let inner = text.get(from + 1..*at - 1)?;
    let mut out = String::with_capacity(inner.len());
    unescape(inner, &mut out);
    Some(out)
}
