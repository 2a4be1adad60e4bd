//! A value of a setting that may be a text, a number or a boolean, and becomes the value of a tag or field.

use agent_api::Value;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use schemars::JsonSchema;
use serde::Deserialize;

/// A text, a number or a boolean.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(untagged, expecting = "expected a text, a number or a boolean")]
pub enum Scalar {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The value as a field holds it.
    pub fn value(&self) -> Value<'_> {
        match self {
            Scalar::Bool(v) => Value::Bool(*v),
            Scalar::Int(v) => Value::Int(*v),
            Scalar::Float(v) => Value::Float(*v),
            Scalar::Text(v) => Value::Str(v),
        }
    }
}

/// Appends a value as text; floats in the style given, the rest as they are.
pub fn append(value: Value<'_>, style: FloatStyle, out: &mut String) {
    match value {
        Value::Float(v) => append_float(v, style, out),
        Value::Int(v) => append_int(v, out),
        Value::Uint(v) => append_uint(v, out),
        Value::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        Value::Str(v) => out.push_str(v),
    }
}
