//! The JSON encoding.

use super::flatten::{Value, decimal};
use super::schema::{Schema, Type};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Reads a message.
pub(super) fn read<'s>(schema: &'s Schema, text: &str) -> Result<Value<'s>, String> {
    // serde_json stops at 128 levels.
    let json: Json = serde_json::from_str(text).map_err(|e| e.to_string())?;
    value(schema, schema.top(), &json)
}

fn value<'s>(schema: &'s Schema, kind: usize, json: &Json) -> Result<Value<'s>, String> {
    let wrong = |wanted: &str| format!("expected {wanted}, not {:.60}", json.to_string());
    Ok(match schema.get(kind) {
        Type::Null | Type::Open => match json {
            Json::Null => Value::Null,
            _ => return Err(wrong("null")),
        },
        Type::Bool => Value::Bool(json.as_bool().ok_or_else(|| wrong("a boolean"))?),
        Type::Int | Type::Long => Value::Int(json.as_i64().ok_or_else(|| wrong("a whole number"))?),
        Type::Float => Value::Float(f64::from(json.as_f64().ok_or_else(|| wrong("a number"))? as f32)),
        Type::Double => Value::Float(json.as_f64().ok_or_else(|| wrong("a number"))?),
        Type::Text => Value::Text(Cow::Owned(json.as_str().ok_or_else(|| wrong("a text"))?.to_owned())),
        Type::Bytes(scale) => bytes(json.as_str().ok_or_else(|| wrong("bytes as a text"))?, *scale)?,
        Type::Fixed(size, scale) => {
            let text = json.as_str().ok_or_else(|| wrong("bytes as a text"))?;
            if text.chars().count() != *size {
                return Err(wrong(&format!("{size} bytes")));
            }
            bytes(text, *scale)?
        }
        Type::Enum(symbols) => {
            let text = json.as_str().ok_or_else(|| wrong("a symbol"))?;
            let symbol = symbols.iter().find(|s| *s == text).ok_or_else(|| wrong("a symbol"))?;
            Value::Text(Cow::Borrowed(symbol))
        }
        Type::Array(items) => {
            let list = json.as_array().ok_or_else(|| wrong("an array"))?;
            Value::List(list.iter().map(|item| value(schema, *items, item)).collect::<Result<_, _>>()?)
        }
        Type::Map(values) => {
            let members = json.as_object().ok_or_else(|| wrong("an object"))?;
            let member =
                |(key, member): (&String, &Json)| Ok((Cow::Owned(key.clone()), value(schema, *values, member)?));
            Value::Map(members.iter().map(member).collect::<Result<_, String>>()?)
        }
        Type::Union(branches) => {
            if json.is_null() && branches.iter().any(|(name, _)| name == "null") {
                return Ok(Value::Null);
            }
            let one = json.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next());
            let (name, inner) = one.ok_or_else(|| wrong("an object with the name of a branch"))?;
            let branch = branches.iter().find(|(own, _)| own == name);
            let (name, kind) = branch.ok_or_else(|| format!("{name:.60?} is no branch of the union"))?;
            match value(schema, *kind, inner)? {
                Value::Null => Value::Null,
                value => Value::Union(name, Box::new(value)),
            }
        }
        Type::Record(fields) => {
            let object = json.as_object().ok_or_else(|| wrong("an object"))?;
            let mut members = Vec::with_capacity(fields.len());
            for field in fields {
                let read = match (object.get(&field.name), &field.default) {
                    (Some(json), _) => value(schema, field.kind, json),
                    (None, Some(default)) => self::default(schema, field.kind, default),
                    (None, None) => Err("it is missing".to_owned()),
                };
                members.push((Cow::Borrowed(field.name.as_str()), read.map_err(|e| format!("{:?}: {e}", field.name))?));
            }
            Value::Map(members)
        }
    })
}

/// A default, which for a union is a value of its first type, without its name.
fn default<'s>(schema: &'s Schema, kind: usize, json: &Json) -> Result<Value<'s>, String> {
    match schema.get(kind) {
        Type::Union(branches) => match branches.first() {
            Some((name, first)) => Ok(match default(schema, *first, json)? {
                Value::Null => Value::Null,
                value => Value::Union(name, Box::new(value)),
            }),
            None => Ok(Value::Null),
        },
        _ => value(schema, kind, json),
    }
}

/// Bytes as a text, a character each.
fn bytes<'s>(text: &str, scale: Option<u32>) -> Result<Value<'s>, String> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let bytes = bytes.ok_or_else(|| format!("{text:.60?} holds characters that are no bytes"))?;
    Ok(scale.and_then(|scale| decimal(&bytes, scale)).unwrap_or(Value::Bytes(bytes)))
}
