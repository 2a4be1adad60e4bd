//! The values of the language, borrowed from metric and program wherever possible.
//!
//! A value is three words, and everything bigger is behind an `Arc`: copying one never copies data. Strings
//! come in two forms, borrowed and made; code asks [`Value::text`] and does not tell them apart.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::Field;
use crate::moment::{self, Moment};

#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(&'a str),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Timestamp(Moment),
    /// Nanoseconds.
    Duration(i64),
    List(Arc<[Value<'a>]>),
    Map(Arc<[(Value<'a>, Value<'a>)]>),
    Kind(Kind),
    /// The tags of the metric, as a map.
    Tags,
    /// The fields of the metric, as a map.
    Fields,
}

/// What `type()` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List,
    Map,
    Type,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Null,
        Self::Bool,
        Self::Int,
        Self::Uint,
        Self::Double,
        Self::String,
        Self::Bytes,
        Self::Timestamp,
        Self::Duration,
        Self::List,
        Self::Map,
        Self::Type,
    ];

    /// The name of the type in an expression.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::List => "list",
            Self::Map => "map",
            Self::Type => "type",
        }
    }
}

impl<'a> Value<'a> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::Str(_) | Self::Text(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::List(_) => Kind::List,
            Self::Map(_) | Self::Tags | Self::Fields => Kind::Map,
            Self::Kind(_) => Kind::Type,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value without counting a reference where it is a string.
    pub(crate) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Value::Str(text),
            other => other.clone(),
        }
    }

    /// The same value without borrowing.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Uint(value) => Value::Uint(value),
            Self::Double(value) => Value::Double(value),
            Self::Str(text) => Value::Text(text.into()),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Timestamp(moment) => Value::Timestamp(moment),
            Self::Duration(nanos) => Value::Duration(nanos),
            Self::List(items) => Value::List(items.iter().cloned().map(Value::into_owned).collect()),
            Self::Map(entries) => {
                let own =
                    |(key, value): &(Value<'a>, Value<'a>)| (key.clone().into_owned(), value.clone().into_owned());
                Value::Map(entries.iter().map(own).collect())
            }
            Self::Kind(kind) => Value::Kind(kind),
            Self::Tags => Value::Tags,
            Self::Fields => Value::Fields,
        }
    }

    /// The order of two values, if they are of comparable types; `Some(None)` if one is not a number.
    pub(crate) fn order(&self, other: &Self) -> Option<Option<Ordering>> {
        if let (Some(a), Some(b)) = (self.text(), other.text()) {
            return Some(Some(a.cmp(b)));
        }
        Some(Some(match (self, other) {
            // What is no number is in no order with anything, whatever its type.
            (Self::Double(number), _) if number.is_nan() => return Some(None),
            (Self::Null | Self::List(_) | Self::Map(_) | Self::Tags | Self::Fields | Self::Kind(_), _) => return None,
            (_, Self::Double(number)) if number.is_nan() => return Some(None),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Uint(a), Self::Uint(b)) => a.cmp(b),
            (Self::Int(a), Self::Uint(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Self::Uint(a), Self::Int(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Self::Double(a), Self::Double(b)) => return Some(a.partial_cmp(b)),
            (Self::Double(a), Self::Int(b)) => return Some(a.partial_cmp(&(*b as f64))),
            (Self::Double(a), Self::Uint(b)) => return Some(a.partial_cmp(&(*b as f64))),
            (Self::Int(a), Self::Double(b)) => return Some((*a as f64).partial_cmp(b)),
            (Self::Uint(a), Self::Double(b)) => return Some((*a as f64).partial_cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            _ => return None,
        }))
    }

    /// Whether two values are equal that are neither lists nor maps.
    pub(crate) fn scalar_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Kind(a), Self::Kind(b)) => a == b,
            _ => matches!(self.order(other), Some(Some(Ordering::Equal))),
        }
    }
}

impl<'a> From<Field<'a>> for Value<'a> {
    fn from(field: Field<'a>) -> Self {
        match field {
            Field::Int(value) => Value::Int(value),
            Field::Uint(value) => Value::Uint(value),
            Field::Float(value) => Value::Double(value),
            Field::Bool(value) => Value::Bool(value),
            Field::Str(value) => Value::Str(value),
        }
    }
}

/// Strings as they are, everything else as in a source: for error texts.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Str(text) => f.write_str(text),
            Self::Text(text) => f.write_str(text),
            Self::Timestamp(moment) => write!(f, "{moment}"),
            Self::Duration(nanos) => f.write_str(&moment::duration_text(*nanos)),
            Self::Kind(kind) => f.write_str(kind.name()),
            Self::Bytes(_) | Self::List(_) | Self::Map(_) | Self::Tags | Self::Fields => {
                f.write_str(self.kind().name())
            }
        }
    }
}
