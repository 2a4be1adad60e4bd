//! `"%s and %d" % (a, b)`.

use super::Cx;
use super::convert::truncate;
use super::text::float_text;
use crate::error::{Error, Result, fail};
use crate::value::Value;
use agent_golang::number::{FloatStyle, format_float};

impl Cx<'_> {
    pub(crate) fn interpolate(&mut self, format: Value, operand: Value) -> Result<Value> {
        let format = self.heap.str_bytes(format).unwrap_or_default().to_vec();
        let mut out = Vec::with_capacity(format.len() + 16);
        let mut rest = format.as_slice();
        let given: Vec<Value> = match operand {
            Value::Tuple(_) => self.heap.items(operand).unwrap_or_default().to_vec(),
            other => vec![other],
        };
        let mut next = 0;
        let mut by_name = false;
        while let Some(at) = memchr::memchr(b'%', rest) {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(b"%") {
                out.push(b'%');
                rest = after;
                continue;
            }
            let mut named = None;
            if let Some(after) = rest.strip_prefix(b"(") {
                let Some(end) = memchr::memchr(b')', after) else { fail!("incomplete format key") };
                let Value::Dict(id) = operand else { fail!("format requires a mapping") };
                let key = String::from_utf8_lossy(&after[..end]).into_owned();
                let name = self.heap.string(&key);
                named = self.heap.dict_get(id, name)?;
                if named.is_none() {
                    fail!("key not found: {key}");
                }
                by_name = true;
                rest = &after[end + 1..];
            }
            let Some((&conversion, after)) = rest.split_first() else { fail!("incomplete format") };
            rest = after;
            let arg = match named {
                Some(arg) => arg,
                None => {
                    let arg = given.get(next).copied();
                    next += 1;
                    arg.ok_or_else(|| Error::new("not enough arguments for format string"))?
                }
            };
            self.convert(&mut out, conversion, arg)?;
            self.heap.reserve(out.len())?;
        }
        out.extend_from_slice(rest);
        if next < given.len() && !by_name && !matches!(operand, Value::Dict(_)) {
            fail!("too many arguments for format string");
        }
        self.heap.reserve(out.len())?;
        Ok(self.heap.byte_string(&out))
    }

    fn convert(&mut self, out: &mut Vec<u8>, conversion: u8, arg: Value) -> Result<()> {
        let c = char::from(conversion);
        let text = match c {
            's' => return self.write_str(out, arg),
            'r' => self.repr(arg)?,
            'd' | 'i' | 'o' | 'x' | 'X' => {
                let value = match arg {
                    Value::Float(value) => truncate(value),
                    other => self
                        .heap
                        .integer(other)
                        .ok_or_else(|| Error::new(format!("cannot convert {} to int", self.type_name(other)))),
                };
                let value = value.map_err(|error| Error::new(format!("%{c} format requires integer: {error}")))?;
                let sign = if value < 0 { "-" } else { "" };
                let size = value.unsigned_abs();
                match c {
                    'o' => format!("{sign}{size:o}"),
                    'x' => format!("{sign}{size:x}"),
                    'X' => format!("{sign}{size:X}"),
                    _ => value.to_string(),
                }
            }
            'e' | 'f' | 'g' | 'E' | 'F' | 'G' => {
                let Some(value) = self.heap.number(arg) else {
                    fail!("%{c} format requires float, not {}", self.type_name(arg));
                };
                let text = match c.to_ascii_lowercase() {
                    _ if !value.is_finite() => float_text(value),
                    'e' => format_float(value, FloatStyle::Exponent, Some(6)),
                    'f' => format_float(value, FloatStyle::Plain, Some(6)),
                    _ => float_text(value),
                };
                if c.is_ascii_uppercase() && value.is_finite() { text.to_uppercase() } else { text }
            }
            'c' => match (arg, self.heap.integer(arg)) {
                (Value::Str(id), _) => {
                    let text = self.heap.bytes_of(id);
                    if std::str::from_utf8(text).map_or(0, |text| text.chars().count()) != 1 {
                        fail!("%c format requires a single-character string");
                    }
                    out.extend_from_slice(text);
                    return Ok(());
                }
                (_, Some(code)) => match u32::try_from(code).ok().and_then(char::from_u32) {
                    Some(c) => c.into(),
                    None => fail!("%c format requires a valid Unicode code point, got {code}"),
                },
                _ => fail!("%c format requires int or single-character string, not {}", self.type_name(arg)),
            },
            _ => fail!("unknown conversion %{c}"),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
