//! A value of a setting that may be a text, a number or a boolean, and becomes the value of a tag or field.

use agent_api::Value;
pub use agent_formats::templated::append;
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
