//! What is remembered of a series, and the form in which it outlives a restart.

use agent_api::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last values of a series.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The hash of name and tags that is the same in every process.
    pub(super) partition: u64,
    fields: Fields,
}

type Fields = Vec<(Box<str>, Field)>;

/// The last value of a field, and the time of the metric that brought it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Field {
    #[serde(rename = "v")]
    pub(super) value: Owned,
    /// Nanoseconds since 1970.
    #[serde(rename = "t")]
    pub(super) time: i64,
}

/// A value on its own. Types differ: 1 is not 1.0. Floats are stored by their bits, since JSON has no NaN and no infinity.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Owned {
    #[serde(rename = "f")]
    Float(u64),
    #[serde(rename = "i")]
    Int(i64),
    #[serde(rename = "u")]
    Uint(u64),
    #[serde(rename = "b")]
    Bool(bool),
    #[serde(rename = "s")]
    Text(Box<str>),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Float(v) => Owned::Float(v.to_bits()),
            Value::Int(v) => Owned::Int(v),
            Value::Uint(v) => Owned::Uint(v),
            Value::Bool(v) => Owned::Bool(v),
            Value::Str(v) => Owned::Text(v.into()),
        }
    }
}

impl PartialEq<Value<'_>> for Owned {
    /// As floats are: 0.0 is -0.0, and NaN is never the same.
    fn eq(&self, other: &Value<'_>) -> bool {
        match (self, *other) {
            (Owned::Float(a), Value::Float(b)) => f64::from_bits(*a) == b,
            (Owned::Int(a), Value::Int(b)) => *a == b,
            (Owned::Uint(a), Value::Uint(b)) => *a == b,
            (Owned::Bool(a), Value::Bool(b)) => *a == b,
            (Owned::Text(a), Value::Str(b)) => **a == *b,
            _ => false,
        }
    }
}

impl Series {
    /// Memory of its fields.
    pub(super) fn bytes(&self) -> usize {
        let text = |value: &Owned| if let Owned::Text(text) = value { text.len() } else { 0 };
        let texts: usize = self.fields.iter().map(|(key, field)| key.len() + text(&field.value)).sum();
        texts + self.fields.capacity() * size_of::<(Box<str>, Field)>()
    }

    pub(super) fn new(partition: u64) -> Self {
        Series { partition, fields: Vec::new() }
    }

    pub(super) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|(own, _)| **own == *key).map(|(_, field)| field)
    }

    pub(super) fn set(&mut self, key: &str, field: Field) {
        match self.fields.iter_mut().find(|(own, _)| **own == *key) {
            Some((_, old)) => *old = field,
            None => self.fields.push((key.into(), field)),
        }
    }

    /// True if any field is younger than `oldest`.
    pub(super) fn is_younger(&self, oldest: i64) -> bool {
        self.fields.iter().any(|(_, field)| field.time > oldest)
    }
}

/// All series as they are kept over a restart.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Stored {
    series: Vec<(u64, Fields)>,
}

impl Stored {
    pub(super) fn into_series(self) -> BTreeMap<u64, Series> {
        self.series.into_iter().map(|(partition, fields)| (partition, Series { partition, fields })).collect()
    }

    pub(super) fn from_series(series: BTreeMap<u64, Series>) -> Self {
        Stored { series: series.into_iter().map(|(partition, one)| (partition, one.fields)).collect() }
    }
}
