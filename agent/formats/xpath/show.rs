//! Values as text, as Go prints them (`%v`).

use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_xpath::{Data, Document, NodeId};
use std::borrow::Cow;

/// The string-value as `%v` prints it.
pub(super) fn plain(document: &Document, node: NodeId) -> Cow<'_, str> {
    match document.data(node) {
        Data::Text(place) => Cow::Borrowed(document.slice(place)),
        _ => {
            let mut out = String::new();
            append(document, node, &mut out);
            Cow::Owned(out)
        }
    }
}

/// Appends a value as `%v` prints it.
fn append(document: &Document, node: NodeId, out: &mut String) {
    match document.data(node) {
        Data::None | Data::Null => out.push_str("<nil>"),
        Data::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Data::Int(value) => append_int(value, out),
        Data::Uint(value) => append_uint(value, out),
        Data::Float(value) => append_float(value, FloatStyle::Shortest, out),
        Data::Float32(value) => append_float32(value, out),
        Data::Text(place) => out.push_str(document.slice(place)),
        Data::Bytes(place) => {
            out.push('[');
            for (i, byte) in document.bytes(place).iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                append_uint(u64::from(*byte), out);
            }
            out.push(']');
        }
        Data::List => {
            out.push('[');
            for (i, child) in document.children(node).enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                append(document, child, out);
            }
            out.push(']');
        }
        Data::Map => {
            out.push_str("map[");
            for (i, child) in document.children(node).enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.push_str(document.name(child));
                out.push(':');
                append(document, child, out);
            }
            out.push(']');
        }
    }
}

/// A float of 32 bits with as many digits as tell it from the others of its size.
fn append_float32(value: f32, out: &mut String) {
    // Rust's shortest digits of the smaller type, laid out as those of the larger.
    let wide = format!("{value}").parse().unwrap_or(f64::from(value));
    append_float(wide, FloatStyle::Shortest, out);
}
