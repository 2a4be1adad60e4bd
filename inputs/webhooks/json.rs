//! Reading values out of JSON by path: what is missing is empty, what is of another type is an error that names it.

use agent_api::{Context, Result, anyhow};
use serde_json::Value;

/// Reads a document.
pub(super) fn parse(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).context("read the body")
}

/// The value at `a/b/c`, if it is there and not null; all on the way to it has to be objects.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Result<Option<&'v Value>> {
    let (mut value, mut passed) = (value, 0);
    for key in path.split('/') {
        let next = match value {
            Value::Object(members) => members.get(key),
            Value::Null => None,
            _ if passed == 0 => return Err(wrong("the body", "object")),
            _ => return Err(wrong(&path[..passed - 1], "object")),
        };
        let Some(next) = next else { return Ok(None) };
        (value, passed) = (next, passed + key.len() + 1);
    }
    Ok(Some(value).filter(|value| !value.is_null()))
}

fn wrong(path: &str, wanted: &str) -> agent_api::Error {
    anyhow!("{path} is no {wanted}")
}

/// A text.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> Result<&'v str> {
    at(value, path)?.map_or(Ok(""), |found| found.as_str().ok_or_else(|| wrong(path, "text")))
}

/// A whole number.
pub(super) fn int(value: &Value, path: &str) -> Result<i64> {
    at(value, path)?.map_or(Ok(0), |found| found.as_i64().ok_or_else(|| wrong(path, "whole number")))
}

/// true or false.
pub(super) fn boolean(value: &Value, path: &str) -> Result<bool> {
    at(value, path)?.map_or(Ok(false), |found| found.as_bool().ok_or_else(|| wrong(path, "boolean")))
}

/// A list.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> Result<&'v [Value]> {
    at(value, path)?.map_or(Ok(&[]), |found| found.as_array().map(Vec::as_slice).ok_or_else(|| wrong(path, "list")))
}
