//! The `encoders` extension: base64 and JSON.

use std::fmt::Write;

use agent_golang::number::{FloatStyle, append_float};

use super::{Function, no_overload, text};
use crate::error::{Fault, Outcome};
use crate::eval::Context;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "base64.encode", signatures: &["(bytes) -> string"], run: base64_encode },
    Function { name: "base64.decode", signatures: &["(string) -> bytes"], run: base64_decode },
    Function { name: "json.encode", signatures: &["(dyn) -> string"], run: json_encode },
];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_encode<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Bytes(bytes)] = args else {
        return no_overload("base64.encode");
    };
    context.string(&base64(bytes))
}

fn base64(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            encoded.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    encoded
}

/// Padding may be left out, line breaks are skipped.
fn base64_decode<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let encoded = text(args, 0, "base64.decode")?;
    context.spend(encoded.len())?;
    let letters: Vec<u8> = encoded.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = letters.iter().rev().take_while(|letter| **letter == b'=').count();
    let (data, problem) = (&letters[..letters.len() - padding], "base64.decode: invalid base64");
    if data.len() % 4 == 1 || (padding > 0 && (padding > 2 || !letters.len().is_multiple_of(4))) {
        return Err(problem.into());
    }
    let mut bytes = Vec::with_capacity(data.len() / 4 * 3 + 2);
    for group in data.chunks(4) {
        let mut bits = 0_u32;
        for (at, letter) in group.iter().enumerate() {
            let Some(value) = ALPHABET.iter().position(|known| known == letter) else {
                return Err(problem.into());
            };
            bits |= (value as u32) << (18 - 6 * at);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Ok(Value::Bytes(bytes.into()))
}

fn json_encode<'a>(context: &mut Context<'a>, args: &[Value<'a>]) -> Outcome<'a> {
    let mut json = String::new();
    write_json(context, &mut json, &args[0])?;
    context.string(&json)
}

/// Integers a double cannot hold become strings, bytes base64; keys must be strings and come sorted.
fn write_json<'a>(context: &mut Context<'a>, out: &mut String, value: &Value<'a>) -> Result<(), Fault<'a>> {
    const EXACT: u64 = 1 << 53;
    context.spend(1)?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) if value.unsigned_abs() < EXACT => out.push_str(&value.to_string()),
        Value::Int(value) => quoted(out, &value.to_string()),
        Value::Uint(value) if *value < EXACT => out.push_str(&value.to_string()),
        Value::Uint(value) => quoted(out, &value.to_string()),
        Value::Double(value) if !value.is_finite() => {
            return Err(format!("json.encode: invalid number {value}").into());
        }
        Value::Double(value) => append_float(*value, FloatStyle::Json, out),
        Value::Str(_) | Value::Text(_) | Value::Timestamp(_) | Value::Duration(_) => {
            let text = value.to_string();
            context.spend_bytes(text.len())?;
            quoted(out, &text);
        }
        Value::Bytes(bytes) => {
            context.spend_bytes(bytes.len())?;
            quoted(out, &base64(bytes));
        }
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_json(context, out, item)?;
            }
            out.push(']');
        }
        Value::Map(_) | Value::Tags | Value::Fields => {
            let entries = context.entries(value)?;
            let mut sorted = Vec::with_capacity(entries.len());
            for (key, value) in entries.iter() {
                match key.text() {
                    Some(key) => sorted.push((key, value)),
                    None => {
                        return Err(format!("json.encode: key of type {}", key.kind().name()).into());
                    }
                }
            }
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                context.spend_bytes(key.len())?;
                quoted(out, key);
                out.push(':');
                write_json(context, out, value)?;
            }
            out.push('}');
        }
        Value::Kind(_) => return Err("json.encode: a type has no JSON form".into()),
    }
    Ok(())
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{08}' => out.push_str("\\b"),
            '\u{0c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("a String takes all text");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
