//! Values to JSON and back, with the bytes that Go's encoding/json writes.

use std::fmt::Write;

use super::access::append_time;
use super::value::Text;
use super::{DEEPEST, LARGEST, Value, print};
use crate::number::{FloatStyle, append_float, append_int, append_uint};
use crate::time::{Layout, Zone};

/// How JSON is written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// On one line, with `<`, `>` and `&` escaped.
    Html,
    /// On one line.
    Raw,
    /// On lines indented by two blanks, with `<`, `>` and `&` escaped.
    Pretty,
}

pub(super) fn encode(value: &Value<'_>, style: Style) -> Result<String, String> {
    let mut writer = Writer { out: String::new(), style, depth: 0 };
    writer.value(value)?;
    Ok(writer.out)
}

/// Numbers become floats and `null` nothing, as in Go.
pub(super) fn decode<'a>(text: &str) -> Result<Value<'a>, String> {
    let parsed = serde_json::from_str(text).map_err(|error| format!("parse JSON: {error}"))?;
    Ok(from_json(parsed))
}

/// The parser bounds the depth.
fn from_json<'a>(value: serde_json::Value) -> Value<'a> {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(from_json)),
        serde_json::Value::Object(entries) => {
            let entries = entries.into_iter();
            Value::map(entries.map(|(key, value)| (Text::from(key), from_json(value))))
        }
    }
}

struct Writer {
    out: String,
    style: Style,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value<'_>) -> Result<(), String> {
        if self.out.len() > LARGEST || self.depth > DEEPEST {
            return Err("the JSON is too large".to_owned());
        }
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) | Value::Counted(number, _) => append_int(*number, &mut self.out),
            Value::Uint(number) => append_uint(*number, &mut self.out),
            Value::Float(number) if number.is_finite() => {
                append_float(*number, FloatStyle::Json, &mut self.out);
            }
            Value::Float(number) => return Err(format!("unsupported value: {number}")),
            Value::Text(text) => self.text(text),
            Value::Time(time, zone) => {
                let mut text = String::new();
                time_text(*time, zone, &mut text);
                self.text(&text);
            }
            Value::Object(_) => self.text(&print::to_text(value)),
            Value::List(items) => {
                self.open('[');
                for (index, item) in items.iter().enumerate() {
                    self.next(index);
                    self.value(item)?;
                }
                self.close(']', items.is_empty());
            }
            Value::Map(map) => {
                let entries = map.entries.borrow();
                self.open('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.next(index);
                    self.text(key);
                    self.out.push_str(if self.style == Style::Pretty { ": " } else { ":" });
                    self.value(value)?;
                }
                self.close('}', entries.is_empty());
            }
        }
        Ok(())
    }

    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.depth += 1;
    }

    /// What stands before an item.
    fn next(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
        self.line();
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        if self.style == Style::Pretty {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push_str("  ");
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for char in text.chars() {
            match char {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\x08' => self.out.push_str("\\b"),
                '\x0c' => self.out.push_str("\\f"),
                '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => self.escaped(char),
                '<' | '>' | '&' if self.style != Style::Raw => self.escaped(char),
                _ => self.out.push(char),
            }
        }
        self.out.push('"');
    }

    fn escaped(&mut self, char: char) {
        // Writing to a String cannot fail.
        let _ = write!(self.out, "\\u{:04x}", u32::from(char));
    }
}

/// RFC 3339 with as many digits as needed; outside the years of four digits as it prints.
fn time_text(time: crate::time::Time, zone: &Zone, out: &mut String) {
    let year = crate::time::Civil::at(time, zone.offset_at(time.unix())).year;
    if (0..=9999).contains(&year) {
        Layout::parse_spec("2006-01-02T15:04:05.999999999Z07:00").format_time(time, zone, out);
    } else {
        append_time(time, zone, out);
    }
}
