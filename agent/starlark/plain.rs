//! Values without a heap, to bring constants into a script and its state out of it.

use crate::error::{Result, fail};
use crate::heap::{Heap, Other};
use crate::value::Value;

/// A value that stands for itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A span of time in nanoseconds.
    Duration(i64),
    /// A list.
    List(Vec<Plain>),
    /// A tuple.
    Tuple(Vec<Plain>),
    /// A set.
    Set(Vec<Plain>),
    /// A dictionary, in its order.
    Dict(Vec<(Plain, Plain)>),
}

/// Deeper values, and those that contain themselves, are refused.
const MOST_DEPTH: usize = 100;

impl Heap {
    /// Makes the value; an error if a key is of a kind that cannot be one.
    pub fn build(&mut self, plain: &Plain) -> Result<Value> {
        Ok(match plain {
            Plain::None => Value::None,
            Plain::Bool(value) => Value::Bool(*value),
            Plain::Int(value) => self.int(*value),
            Plain::Float(value) => Value::Float(*value),
            Plain::Duration(value) => Value::Duration(*value),
            Plain::Str(text) => {
                self.reserve(text.len())?;
                self.string(text)
            }
            Plain::Bytes(bytes) => self.other(Other::Bytes(bytes.as_slice().into())),
            Plain::List(items) => {
                let items = self.build_all(items)?;
                self.list(items)
            }
            Plain::Tuple(items) => {
                let items = self.build_all(items)?;
                self.tuple(&items)
            }
            Plain::Set(items) => {
                let items = self.build_all(items)?;
                let set = self.set();
                for item in items {
                    self.set_insert(set, item)?;
                }
                Value::Set(set)
            }
            Plain::Dict(entries) => {
                let dict = self.dict(entries.len());
                for (key, value) in entries {
                    let (key, value) = (self.build(key)?, self.build(value)?);
                    self.insert(dict, key, value)?;
                }
                dict
            }
        })
    }

    fn build_all(&mut self, items: &[Plain]) -> Result<Vec<Value>> {
        items.iter().map(|item| self.build(item)).collect()
    }

    /// The value without the heap; an error for functions, points in time and objects of the host.
    pub fn plain(&self, value: Value) -> Result<Plain> {
        self.plain_at(value, 0)
    }

    fn plain_at(&self, value: Value, depth: usize) -> Result<Plain> {
        if depth > MOST_DEPTH {
            fail!("value is nested too deeply");
        }
        let all = |items: &[Value]| items.iter().map(|&item| self.plain_at(item, depth + 1)).collect::<Result<_>>();
        Ok(match value {
            Value::None => Plain::None,
            Value::Bool(value) => Plain::Bool(value),
            Value::Float(value) => Plain::Float(value),
            Value::Duration(value) => Plain::Duration(value),
            Value::Str(_) => Plain::Str(self.text(value).into_owned()),
            Value::List(_) => Plain::List(all(self.items(value).unwrap_or_default())?),
            Value::Tuple(_) => Plain::Tuple(all(self.items(value).unwrap_or_default())?),
            Value::Set(id) => Plain::Set(all(&self.set_items(id))?),
            Value::Dict(_) => {
                let entry = |(key, value)| Ok((self.plain_at(key, depth + 1)?, self.plain_at(value, depth + 1)?));
                Plain::Dict(self.entries(value).map(entry).collect::<Result<_>>()?)
            }
            other => match (self.integer(other), self.bytes_value(other)) {
                (Some(value), _) => Plain::Int(value),
                (_, Some(bytes)) => Plain::Bytes(bytes.to_vec()),
                _ => fail!("{} is not a plain value", self.type_of(other).unwrap_or("object")),
            },
        })
    }
}
