//! Values as text: `str()`, `repr()`, and the spelling of numbers and quoted strings.

use super::Cx;
use crate::error::Result;
use crate::heap::{Heap, Other};
use crate::value::Value;
use agent_golang::number::{FloatStyle, format_float};

/// Deeper structures are shown as `...`.
const MOST_DEPTH: usize = 100;

impl Heap {
    /// What `repr()` shows of a value that holds no others, for hosts that show such values in their own objects.
    pub fn simple_repr(&self, value: Value) -> String {
        match value {
            Value::Str(id) => {
                let mut out = Vec::new();
                quote(&mut out, self.bytes_of(id), false);
                String::from_utf8_lossy(&out).into_owned()
            }
            other => self.plain_text(other).to_string(),
        }
    }
}

impl Cx<'_> {
    /// As `str()` shows it: a string as it is, anything else as `repr()`.
    pub(crate) fn str(&mut self, value: Value) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.write_str(&mut out, value)?;
        Ok(out)
    }

    pub(crate) fn write_str(&mut self, out: &mut Vec<u8>, value: Value) -> Result<()> {
        match value {
            Value::Str(id) => out.extend_from_slice(self.heap.bytes_of(id)),
            other => self.write_repr(out, other, &mut Vec::new())?,
        }
        Ok(())
    }

    /// As `repr()` shows it.
    pub(crate) fn repr(&mut self, value: Value) -> Result<String> {
        let mut out = Vec::new();
        self.write_repr(&mut out, value, &mut Vec::new())?;
        Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// `path` holds the containers around the value, as they may contain themselves.
    fn write_repr(&mut self, out: &mut Vec<u8>, value: Value, path: &mut Vec<Value>) -> Result<()> {
        self.heap.reserve(out.len())?;
        match value {
            Value::Str(id) => quote(out, self.heap.bytes_of(id), false),
            Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
                let same = |other: &Value| match (*other, value) {
                    (Value::List(a), Value::List(b)) | (Value::Dict(a), Value::Dict(b)) => a == b,
                    _ => false,
                };
                if path.len() >= MOST_DEPTH || path.iter().any(same) {
                    let text = if matches!(value, Value::Dict(_)) { "{...}" } else { "[...]" };
                    out.extend_from_slice(text.as_bytes());
                    return Ok(());
                }
                path.push(value);
                self.write_container(out, value, path)?;
                path.pop();
            }
            Value::Host(object) => out.extend_from_slice(self.host.text(self.heap, object).as_bytes()),
            Value::Other(id) if let &Other::Pieces { of, kind } = self.heap.other_ref(id) => {
                self.write_repr(out, of, path)?;
                out.extend_from_slice(format!(".{}()", kind.name()).as_bytes());
            }
            Value::Other(id) if let &Other::Method { receiver, name } = self.heap.other_ref(id) => {
                let kind = self.type_name(receiver);
                let name = self.heap.symbol_name(name);
                out.extend_from_slice(format!("<built-in method {name} of {kind} value>").as_bytes());
            }
            Value::Other(id) if let Other::Bytes(bytes) = self.heap.other_ref(id) => quote(out, bytes, true),
            other => out.extend_from_slice(self.heap.plain_text(other).as_bytes()),
        }
        Ok(())
    }

    fn write_container(&mut self, out: &mut Vec<u8>, value: Value, path: &mut Vec<Value>) -> Result<()> {
        let (open, close) = match value {
            Value::List(_) => ("[", "]"),
            Value::Tuple(_) => ("(", ")"),
            Value::Dict(_) => ("{", "}"),
            _ => ("set([", "])"),
        };
        out.extend_from_slice(open.as_bytes());
        let count = self.len(value).unwrap_or(0);
        if let Value::Dict(_) = value {
            let entries: Vec<_> = self.heap.entries(value).collect();
            for (at, (key, item)) in entries.into_iter().enumerate() {
                out.extend_from_slice(if at > 0 { b", " } else { b"" });
                self.write_repr(out, key, path)?;
                out.extend_from_slice(b": ");
                self.write_repr(out, item, path)?;
            }
        } else {
            let items = self.iterable(value)?.unwrap_or_default();
            for (at, item) in items.into_iter().enumerate() {
                out.extend_from_slice(if at > 0 { b", " } else { b"" });
                self.write_repr(out, item, path)?;
            }
        }
        if matches!(value, Value::Tuple(_)) && count == 1 {
            out.push(b',');
        }
        out.extend_from_slice(close.as_bytes());
        Ok(())
    }
}

impl Heap {
    /// The text of what contains nothing else.
    fn plain_text(&self, value: Value) -> String {
        match value {
            Value::None => "None".into(),
            Value::Bool(true) => "True".into(),
            Value::Bool(false) => "False".into(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => float_text(value),
            Value::Duration(value) => agent_golang::duration::format(value),
            Value::Function(id) => {
                let name = self.function_names.get(self.function_ref(id).code as usize);
                format!("<function {}>", name.map_or("?", |name| name))
            }
            Value::Builtin(index) => {
                let name = self.builtins.get(usize::from(index)).map_or("?", |builtin| &builtin.name);
                format!("<built-in function {name}>")
            }
            Value::Other(id) => match self.other_ref(id) {
                Other::Big(value) => value.to_string(),
                Other::Range { start: 0, stop, step: 1 } => format!("range({stop})"),
                Other::Range { start, stop, step: 1 } => format!("range({start}, {stop})"),
                Other::Range { start, stop, step } => format!("range({start}, {stop}, {step})"),
                Other::Module { name, .. } => format!("<module {name:?}>"),
                Other::Time(moment) => moment.text(),
                _ => "?".into(),
            },
            _ => "?".into(),
        }
    }
}

/// A float as `str()` shows it: the shortest text that reads back, and never like an integer.
pub(crate) fn float_text(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "+inf"
        } else {
            "-inf"
        }
        .into();
    }
    let text = format_float(value, FloatStyle::Shortest, None);
    if text.contains(['e', '.']) { text } else { text + ".0" }
}

/// Writes a string or bytes literal.
pub(crate) fn quote(out: &mut Vec<u8>, text: &[u8], bytes: bool) {
    if bytes {
        out.push(b'b');
    }
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            quote_char(out, c);
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    out.push(b'"');
}

fn quote_char(out: &mut Vec<u8>, c: char) {
    let escape = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ => "",
    };
    if !escape.is_empty() {
        out.extend_from_slice(escape.as_bytes());
    } else if c < ' ' || c == '\u{7f}' {
        out.extend_from_slice(format!("\\x{:02x}", u32::from(c)).as_bytes());
    } else if c.is_ascii() || is_printable(c) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else if u32::from(c) < 0x1_0000 {
        out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
    } else {
        out.extend_from_slice(format!("\\U{:08x}", u32::from(c)).as_bytes());
    }
}

/// Letters, marks, numbers, signs: what the standard library shows as it is behind another letter.
fn is_printable(c: char) -> bool {
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().count() == 2
}
