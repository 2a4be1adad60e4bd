//! What formats without types have in common: what a text is, and how a metric without a name is called.

use agent_api::Env;

/// The value that a text is taken for: an integer, else a float, else a boolean, else itself.
#[cfg(any(feature = "csv", feature = "logfmt"))]
#[inline]
pub(crate) fn guess(text: &str) -> agent_api::Value<'_> {
    use agent_api::Value;
    use agent_golang::number::{parse_bool, parse_float, parse_int};
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'i' | b'I' | b'n' | b'N') => {
            if let Ok(value) = parse_int(text, 10) {
                return Value::Int(value);
            }
            if let Ok(value) = parse_float(text) {
                return Value::Float(value);
            }
            Value::Str(text)
        }
        // What begins with a digit and is a boolean is an integer as well.
        Some(b't' | b'T' | b'f' | b'F') => match parse_bool(text) {
            Ok(value) => Value::Bool(value),
            Err(_) => Value::Str(text),
        },
        _ => Value::Str(text),
    }
}

/// The name of metrics that have none of their own: that of the plugin.
pub(crate) fn default_name(env: &Env) -> String {
    env.plugin.rsplit('.').next().unwrap_or_default().to_owned()
}
