//! `json.encode`, `json.indent` and both in one, `json.encode_indent`.

use crate::builtins::{Args, Cx, float_text, quote};
use crate::error::{Result, fail};
use crate::value::Value;

/// Deeper values are refused; so are those that contain themselves.
const MOST_DEPTH: usize = 100;

pub(super) fn encode(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value] = args.unpack(cx.heap, "json.encode", ["x"], 1)?;
    let out = encoded(cx, value, "json.encode")?;
    Ok(cx.heap.byte_string(&out))
}

fn encoded(cx: &mut Cx<'_>, value: Option<Value>, function: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(cx, &mut out, value.unwrap_or(Value::None), 0).map_err(|error| error.prefixed(function))?;
    Ok(out)
}

pub(super) fn encode_indent(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [value, prefix, indent] = args.unpack(cx.heap, "json.encode_indent", ["x", "prefix", "indent"], 1)?;
    let document = encoded(cx, value, "json.encode_indent")?;
    let margins = Margins::new(cx, prefix, indent, "json.encode_indent")?;
    let out = indented(cx, &String::from_utf8_lossy(&document), &margins)?;
    Ok(cx.heap.string(&out))
}

fn write(cx: &mut Cx<'_>, out: &mut Vec<u8>, value: Value, depth: usize) -> Result<()> {
    if depth > MOST_DEPTH {
        fail!("nesting depth limit exceeded");
    }
    cx.heap.reserve(out.len())?;
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::Float(value) if !value.is_finite() => fail!("cannot encode non-finite float {}", float_text(value)),
        Value::Float(value) => out.extend_from_slice(float_text(value).as_bytes()),
        Value::Str(id) => write_string(out, cx.heap.bytes_of(id)),
        Value::Dict(_) => {
            let entries: Vec<_> = cx.heap.entries(value).collect();
            write_object(cx, out, entries, depth)?;
        }
        Value::Host(object) => {
            let Some(keys) = cx.host.keys(cx.heap, object)? else {
                fail!("cannot encode {} as JSON", cx.type_name(value));
            };
            let mut entries = Vec::new();
            for key in keys {
                let value = cx.host.index(cx.heap, object, key)?;
                entries.extend(value.map(|value| (key, value)));
            }
            write_object(cx, out, entries, depth)?;
        }
        _ => {
            if let Some(value) = cx.heap.integer(value) {
                out.extend_from_slice(value.to_string().as_bytes());
                return Ok(());
            }
            let Some(items) = cx.iterable(value)? else {
                fail!("cannot encode {} as JSON", cx.type_name(value));
            };
            let what = cx.type_name(value);
            out.push(b'[');
            for (at, item) in items.into_iter().enumerate() {
                out.extend_from_slice(if at > 0 { b"," } else { b"" });
                write(cx, out, item, depth + 1).map_err(|error| error.prefixed(&format!("at {what} index {at}")))?;
            }
            out.push(b']');
        }
    }
    Ok(())
}

/// Objects are written in the order of their keys.
fn write_object(cx: &mut Cx<'_>, out: &mut Vec<u8>, entries: Vec<(Value, Value)>, depth: usize) -> Result<()> {
    let mut named = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match cx.heap.str_bytes(key) {
            Some(name) => named.push((name.to_vec(), value)),
            None => fail!("dict has {} key, want string", cx.type_name(key)),
        }
    }
    named.sort_by(|a, b| a.0.cmp(&b.0));
    out.push(b'{');
    for (at, (name, value)) in named.into_iter().enumerate() {
        out.extend_from_slice(if at > 0 { b"," } else { b"" });
        write_string(out, &name);
        out.push(b':');
        let inside = |error: crate::Error| {
            let name = String::from_utf8_lossy(&name);
            error.prefixed(&format!("in dict key {name:?}"))
        };
        write(cx, out, value, depth + 1).map_err(inside)?;
    }
    out.push(b'}');
    Ok(())
}

/// Plain text is quoted as it is; text with anything else also hides what is special in HTML, as Go's encoder does.
fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return quote(out, text, false);
    }
    out.push(b'"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

pub(super) fn indent(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [text, prefix, indent] = args.unpack(cx.heap, "json.indent", ["str", "prefix", "indent"], 1)?;
    let id = cx.need_str(text, "json.indent", "str")?;
    let text = cx.heap.text(Value::Str(id)).into_owned();
    let margins = Margins::new(cx, prefix, indent, "json.indent")?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        fail!("json.indent: {error}");
    }
    let out = indented(cx, &text, &margins)?;
    Ok(cx.heap.string(&out))
}

/// What stands before a line: the prefix, and the indent once for each level.
struct Margins {
    prefix: String,
    indent: String,
}

impl Margins {
    fn new(cx: &Cx<'_>, prefix: Option<Value>, indent: Option<Value>, function: &str) -> Result<Margins> {
        let string = |value: Option<Value>, name: &str, default: &str| match value {
            None => Ok(default.to_owned()),
            value => {
                let id = cx.need_str(value, function, name)?;
                Ok(cx.heap.text(Value::Str(id)).into_owned())
            }
        };
        Ok(Margins { prefix: string(prefix, "prefix", "")?, indent: string(indent, "indent", "\t")? })
    }
}

/// Lays out a valid document on lines.
fn indented(cx: &Cx<'_>, text: &str, margins: &Margins) -> Result<String> {
    let blank = |c: &char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let break_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&margins.prefix);
        (0..depth).for_each(|_| out.push_str(&margins.indent));
    };
    let mut out = String::new();
    let mut depth = 0usize;
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        cx.heap.reserve(out.len())?;
        if quoted {
            out.push(c);
            match c {
                '\\' => out.extend(chars.next()),
                '"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match c {
            _ if blank(&c) => {}
            '{' | '[' => {
                out.push(c);
                while chars.next_if(blank).is_some() {}
                match chars.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        break_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                quoted = c == '"';
                out.push(c);
            }
        }
    }
    cx.heap.reserve(out.len())?;
    Ok(out)
}
