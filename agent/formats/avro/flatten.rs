//! Values, and how those within others become fields.

use agent_golang::number::{FloatStyle, append_float};
use std::borrow::Cow;

/// A value of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'s> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'s, str>),
    Bytes(Vec<u8>),
    List(Vec<Value<'s>>),
    /// A map or record.
    Map(Vec<(Cow<'s, str>, Value<'s>)>),
    /// The branch of a union, by its name.
    Union(&'s str, Box<Value<'s>>),
}

/// What is done with the name of the branch of a union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unions {
    /// It becomes a part of the name of the field.
    Named,
    /// It is left out.
    Bare,
}

/// A value that holds no others.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leaf<'v> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'v, str>),
}

impl Leaf<'_> {
    /// As a tag.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Leaf::Bool(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
            Leaf::Int(v) => Cow::Owned(v.to_string()),
            Leaf::Float(v) => {
                let mut out = String::new();
                append_float(*v, FloatStyle::Plain, &mut out);
                Cow::Owned(out)
            }
            Leaf::Text(v) => Cow::Borrowed(v),
        }
    }
}

impl Value<'_> {
    /// Calls `each` for every value within, its name made of the parts on the way.
    pub(super) fn flatten(
        &self,
        name: &mut String,
        separator: &str,
        unions: Unions,
        each: &mut dyn FnMut(&str, Leaf<'_>),
    ) {
        let length = name.len();
        match self {
            Value::Null => {}
            Value::Bool(v) => each(name, Leaf::Bool(*v)),
            Value::Int(v) => each(name, Leaf::Int(*v)),
            Value::Float(v) => each(name, Leaf::Float(*v)),
            Value::Text(v) => each(name, Leaf::Text(Cow::Borrowed(v))),
            Value::Bytes(v) => each(name, Leaf::Text(String::from_utf8_lossy(v))),
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    name.push_str(separator);
                    name.push_str(&i.to_string());
                    item.flatten(name, separator, unions, each);
                    name.truncate(length);
                }
            }
            Value::Map(members) => {
                for (key, member) in members {
                    name.push_str(separator);
                    name.push_str(key);
                    member.flatten(name, separator, unions, each);
                    name.truncate(length);
                }
            }
            Value::Union(branch, inner) => {
                if unions == Unions::Named {
                    name.push_str(separator);
                    name.push_str(branch);
                }
                inner.flatten(name, separator, unions, each);
                name.truncate(length);
            }
        }
    }

    /// The value itself, where it is one or the branch of a union.
    pub(super) fn leaf(&self) -> Option<Leaf<'_>> {
        Some(match self {
            Value::Bool(v) => Leaf::Bool(*v),
            Value::Int(v) => Leaf::Int(*v),
            Value::Float(v) => Leaf::Float(*v),
            Value::Text(v) => Leaf::Text(Cow::Borrowed(v)),
            Value::Bytes(v) => Leaf::Text(String::from_utf8_lossy(v)),
            Value::Union(_, inner) => return inner.leaf(),
            Value::Null | Value::List(_) | Value::Map(_) => return None,
        })
    }
}

/// A decimal number: the bytes are a whole number, of which `scale` digits stand behind the point. None if it is longer than 16 bytes.
pub(super) fn decimal(bytes: &[u8], scale: u32) -> Option<Value<'static>> {
    if bytes.len() > 16 {
        return None;
    }
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    let number = bytes.iter().fold(if negative { -1i128 } else { 0 }, |n, b| n << 8 | i128::from(*b));
    // As text, so that 0.1 is what comes out of 1 and 1.
    format!("{number}e-{scale}").parse().ok().map(Value::Float)
}
