//! What a cell is taken for.

use crate::scalar::guess;
use agent_api::Value;
use agent_golang::number::{FloatStyle, append_float, parse_bool, parse_float, parse_int};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Guess,
    Int,
    Float,
    Bool,
    Text,
}

/// The value of a cell; an error says what it is not.
pub(super) fn convert(kind: Type, text: &str) -> Result<Value<'_>, String> {
    let quoted = |what: &str| format!("{text:?} is no {what}");
    Ok(match kind {
        Type::Guess => guess(text),
        Type::Int => Value::Int(parse_int(text, 10).map_err(|_| quoted("integer"))?),
        Type::Float => Value::Float(parse_float(text).map_err(|_| quoted("float"))?),
        Type::Bool => Value::Bool(parse_bool(text).map_err(|_| quoted("boolean"))?),
        Type::Text => Value::Str(text),
    })
}

/// A value as the name of a metric.
pub(super) fn printed(value: Value<'_>) -> String {
    match value {
        Value::Float(v) => {
            let mut out = String::new();
            append_float(v, FloatStyle::Shortest, &mut out);
            out
        }
        Value::Int(v) => v.to_string(),
        Value::Uint(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Str(v) => v.to_owned(),
    }
}
