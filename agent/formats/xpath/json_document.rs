//! JSON as a document: a member becomes an element of its name, an element of an array one without a name, a value a text.
//!
//! Members stand in the order of their names, as in Telegraf, and of members of one name the last counts. The document is read once
//! into a list of values, since they can only be put in order when all are known.

use super::show;
use crate::jsontext::{check, escape, number_end, skip_space, string_end, unescape};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_xpath::{Builder, Data, Document, Kind, NodeId, TooLarge};
use std::borrow::Cow;

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let text = text.trim_start_matches('\u{feff}');
    let checked = check(text).map_err(|e| e.to_string())?;
    let mut values = Values { text, items: Vec::new(), order: Vec::new(), waiting: Vec::new() };
    let top = values.value(checked.from, 0, None)?.0;
    let mut builder = Builder::new(as_text);
    builder.reserve(text.len());
    values.emit(top, &mut builder).map_err(|e| format!("read JSON: {e}"))?;
    Ok(builder.finish(Data::None))
}

/// A value of the document.
struct Item<'t> {
    /// The name of a member.
    key: Option<Cow<'t, str>>,
    form: Form,
}

enum Form {
    Null,
    Bool(bool),
    Number(f64),
    /// What stands between the quotes.
    Text(usize, usize),
    /// Places in `order`.
    List(usize, usize),
    Map(usize, usize),
}

struct Values<'t> {
    text: &'t str,
    items: Vec<Item<'t>>,
    /// The members of all objects and elements of all arrays, each in its order.
    order: Vec<u32>,
    /// Those of the objects and arrays that are being read.
    waiting: Vec<u32>,
}

/// Objects and arrays may be nested so deep, as documents may; this is read by recursion.
const DEEPEST: usize = 500;
/// A document may have so many values.
const MOST: usize = 1 << 23;

impl<'t> Values<'t> {
    /// Reads the value at `at`; gives its number and the place behind it.
    fn value(&mut self, mut at: usize, depth: usize, key: Option<Cow<'t, str>>) -> Result<(u32, usize), String> {
        if depth > DEEPEST {
            return Err(format!("read JSON: {}", TooLarge::Depth));
        }
        if self.items.len() >= MOST {
            return Err(format!("read JSON: {}", TooLarge::Nodes));
        }
        let number = self.items.len() as u32;
        let bytes = self.text.as_bytes();
        let form = match bytes.get(at) {
            Some(open @ (b'{' | b'[')) => {
                self.items.push(Item { key, form: Form::Null });
                let (form, end) = self.members(at, depth, *open == b'{')?;
                self.items[number as usize].form = form;
                return Ok((number, end));
            }
            Some(b'"') => {
                let from = at;
                at = string_end(bytes, from);
                Form::Text(from + 1, at - 1)
            }
            _ => {
                let from = at;
                at = number_end(bytes, from);
                match &self.text[from..at] {
                    "null" => Form::Null,
                    "true" => Form::Bool(true),
                    "false" => Form::Bool(false),
                    number => Form::Number(number.parse().map_err(|_| "read JSON: invalid number".to_owned())?),
                }
            }
        };
        self.items.push(Item { key, form });
        Ok((number, at))
    }

    /// Reads an object or array whose opening bracket stands at `at`.
    fn members(&mut self, mut at: usize, depth: usize, map: bool) -> Result<(Form, usize), String> {
        let bytes = self.text.as_bytes();
        let mark = self.waiting.len();
        at = skip_space(bytes, at + 1);
        while !matches!(bytes.get(at), Some(b'}' | b']') | None) {
            let mut key = None;
            if map {
                let end = string_end(bytes, at);
                let raw = &self.text[at + 1..end - 1];
                key = Some(plain(raw));
                at = skip_space(bytes, skip_space(bytes, end) + 1);
            }
            let (member, end) = self.value(at, depth + 1, key)?;
            self.waiting.push(member);
            at = skip_space(bytes, end);
            if bytes.get(at) == Some(&b',') {
                at = skip_space(bytes, at + 1);
            }
        }
        let from = self.order.len();
        if map {
            let items = &self.items;
            let key = |i: &u32| &items[*i as usize].key;
            let members = &mut self.waiting[mark..];
            if !members.is_sorted_by(|a, b| key(a) < key(b)) {
                members.sort_by(|a, b| key(a).cmp(key(b)));
            }
            for (i, member) in members.iter().enumerate() {
                if members.get(i + 1).is_none_or(|next| key(next) != key(member)) {
                    self.order.push(*member);
                }
            }
        } else {
            self.order.extend_from_slice(&self.waiting[mark..]);
        }
        self.waiting.truncate(mark);
        let to = self.order.len();
        Ok((if map { Form::Map(from, to) } else { Form::List(from, to) }, at + 1))
    }

    /// Puts what is below a value into the open element.
    fn emit(&self, number: u32, builder: &mut Builder) -> Result<(), TooLarge> {
        let (from, to) = match self.items[number as usize].form {
            Form::List(from, to) | Form::Map(from, to) => (from, to),
            _ => {
                let data = self.data(number, builder)?;
                let node = builder.leaf(Kind::Text, "")?;
                builder.set_data(node, data);
                return Ok(());
            }
        };
        for member in &self.order[from..to] {
            let node = builder.open(self.items[*member as usize].key.as_deref().unwrap_or_default())?;
            match self.items[*member as usize].form {
                Form::List(..) | Form::Map(..) => {
                    let data = self.data(*member, builder)?;
                    builder.set_data(node, data);
                    self.emit(*member, builder)?;
                }
                _ => {
                    let data = self.data(*member, builder)?;
                    builder.set_data(node, data);
                    let text = builder.leaf(Kind::Text, "")?;
                    builder.set_data(text, data);
                }
            }
            builder.close();
        }
        Ok(())
    }

    fn data(&self, number: u32, builder: &mut Builder) -> Result<Data, TooLarge> {
        Ok(match self.items[number as usize].form {
            Form::Null => Data::Null,
            Form::Bool(value) => Data::Bool(value),
            Form::Number(value) => Data::Float(value),
            Form::Text(from, to) => builder.text(&plain(&self.text[from..to]))?,
            Form::List(..) => Data::List,
            Form::Map(..) => Data::Map,
        })
    }
}

fn plain(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape(raw, &mut out);
    Cow::Owned(out)
}

/// The string-value in JSON: a text is itself, everything else the JSON that it is.
fn as_text(document: &Document, node: NodeId) -> Cow<'_, str> {
    match (document.data(node), document.kind(node)) {
        (Data::Text(place), _) => Cow::Borrowed(document.slice(place)),
        (_, Kind::Text) => show::plain(document, node),
        (_, Kind::Root) => Cow::Borrowed("null"),
        _ => {
            let mut out = Vec::new();
            write_json(document, node, &mut out);
            Cow::Owned(String::from_utf8(out).unwrap_or_default())
        }
    }
}

fn write_json(document: &Document, node: NodeId, out: &mut Vec<u8>) {
    match document.data(node) {
        Data::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Data::Int(value) => append_int(value, out),
        Data::Uint(value) => append_uint(value, out),
        Data::Float(value) => append_float(value, FloatStyle::Json, out),
        Data::Float32(value) => append_float(f64::from(value), FloatStyle::Json, out),
        Data::Text(place) => escape(document.slice(place), out),
        Data::None | Data::Null | Data::Bytes(_) => out.extend_from_slice(b"null"),
        Data::List | Data::Map => {
            let map = document.data(node) == Data::Map;
            out.push(if map { b'{' } else { b'[' });
            for (i, child) in document.children(node).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if map {
                    escape(document.name(child), out);
                    out.push(b':');
                }
                write_json(document, child, out);
            }
            out.push(if map { b'}' } else { b']' });
        }
    }
}
