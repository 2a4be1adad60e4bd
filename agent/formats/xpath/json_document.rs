//! JSON as a document: a member becomes an element of its name, an element of an array one without a name, a value a text.
//!
//! Members stand in the order of their names, as in Telegraf, and of members of one name the last counts. So an object is looked through
//! before it is read, passing over what is in its members; where those end was noted by a pass over the whole document before.

use super::show;
use crate::jsontext::{check, escape, number_end, skip_space, string_end, unescape};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_xpath::{Builder, Data, Document, Kind, NodeId, TooLarge};
use std::borrow::Cow;

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let text = text.trim_start_matches('\u{feff}');
    let checked = check(text).map_err(|e| e.to_string())?;
    build(text, checked.from).map_err(|e| format!("read JSON: {e}"))
}

fn build(text: &str, from: usize) -> Result<Document, TooLarge> {
    // Places are kept in 32 bits.
    u32::try_from(text.len()).map_err(|_| TooLarge::Text)?;
    let outline = Outline::of(text, from);
    let mut builder = Builder::new(as_text);
    builder.reserve_exact(outline.nodes(), text.len());
    let mut reader = Reader { text, branches: outline.branches, members: Vec::new(), builder };
    reader.value(None, from, 0)?;
    Ok(reader.builder.finish(Data::None))
}

/// What is known of a document before it is read.
struct Outline {
    branches: Vec<Branch>,
    /// Values that are neither objects nor arrays.
    leaves: usize,
}

/// An object or array. They are numbered in the order in which they begin.
#[derive(Clone, Copy, Default)]
struct Branch {
    /// The place behind it.
    end: u32,
    /// The number of the first that begins behind it.
    next: u32,
}

impl Outline {
    /// Of a document that is JSON and smaller than 4 GiB.
    fn of(text: &str, from: usize) -> Self {
        let bytes = text.as_bytes();
        let (mut branches, mut open): (Vec<Branch>, Vec<usize>) = (Vec::new(), Vec::new());
        let (mut texts, mut names, mut others) = (0, 0, 0);
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => {
                    open.push(branches.len());
                    branches.push(Branch::default());
                }
                b'}' | b']' => {
                    if let Some(number) = open.pop() {
                        branches[number] = Branch { end: at as u32, next: branches.len() as u32 };
                    }
                }
                b'"' => {
                    at = string_end(bytes, at - 1);
                    texts += 1;
                }
                b':' => names += 1,
                b',' | b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => {
                    at = number_end(bytes, at);
                    others += 1;
                }
            }
        }
        Outline { branches, leaves: texts - names + others }
    }

    /// How many nodes it becomes, if no name stands twice: an element for each value but the outermost, and a text for each leaf.
    fn nodes(&self) -> usize {
        2 * self.leaves + self.branches.len()
    }
}

struct Reader<'t> {
    text: &'t str,
    branches: Vec<Branch>,
    /// Those of the objects that are being read.
    members: Vec<Member<'t>>,
    builder: Builder,
}

#[derive(Default)]
struct Member<'t> {
    name: Cow<'t, str>,
    /// Where its value stands.
    at: u32,
    /// The number of the first object or array from there on.
    next: u32,
}

impl<'t> Reader<'t> {
    /// Puts the value at `at` into the open element, in an element of its own if there is a name for it; `next` is the number of the
    /// first object or array from there on. Gives the place behind the value, and the number that is the next there.
    fn value(&mut self, name: Option<&str>, at: usize, next: u32) -> Result<(usize, u32), TooLarge> {
        let bytes = self.text.as_bytes();
        let node = name.map(|name| self.builder.open(name)).transpose()?;
        let (end, behind) = self.behind(at, next);
        let data = match bytes[at] {
            b'{' => Data::Map,
            b'[' => Data::List,
            b'n' => Data::Null,
            b't' => Data::Bool(true),
            b'f' => Data::Bool(false),
            b'"' => self.builder.text(&plain(&self.text[at + 1..end - 1]))?,
            _ => Data::Float(self.text[at..end].parse().expect("the document was checked")),
        };
        match data {
            Data::Map => self.members(at, next)?,
            Data::List => self.elements(at, next)?,
            _ => {
                let text = self.builder.leaf(Kind::Text, "")?;
                self.builder.set_data(text, data);
            }
        }
        if let Some(node) = node {
            self.builder.set_data(node, data);
            self.builder.close();
        }
        Ok((end, behind))
    }

    /// The place behind the value at `at`, and the number that is the next there.
    fn behind(&self, at: usize, next: u32) -> (usize, u32) {
        let bytes = self.text.as_bytes();
        match bytes[at] {
            b'{' | b'[' => {
                let Branch { end, next } = self.branches[next as usize];
                (end as usize, next)
            }
            b'"' => (string_end(bytes, at), next),
            _ => (number_end(bytes, at), next),
        }
    }

    /// The elements of the array number `next`, which stands at `at`.
    fn elements(&mut self, at: usize, mut next: u32) -> Result<(), TooLarge> {
        let bytes = self.text.as_bytes();
        let mut at = skip_space(bytes, at + 1);
        next += 1;
        while bytes[at] != b']' {
            (at, next) = self.value(Some(""), at, next)?;
            at = skip_comma(bytes, at);
        }
        Ok(())
    }

    /// The members of the object number `next`, which stands at `at`.
    fn members(&mut self, at: usize, mut next: u32) -> Result<(), TooLarge> {
        let bytes = self.text.as_bytes();
        let mark = self.members.len();
        let mut at = skip_space(bytes, at + 1);
        next += 1;
        while bytes[at] != b'}' {
            let end = string_end(bytes, at);
            let name = plain(&self.text[at + 1..end - 1]);
            at = skip_space(bytes, skip_space(bytes, end) + 1);
            self.members.push(Member { name, at: at as u32, next });
            (at, next) = self.behind(at, next);
            at = skip_comma(bytes, at);
        }
        let members = &mut self.members[mark..];
        if !members.is_sorted_by(|a, b| a.name < b.name) {
            // Of those with one name the order stays.
            members.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let end = self.members.len();
        for i in mark..end {
            let member = std::mem::take(&mut self.members[i]);
            if i + 1 == end || self.members[i + 1].name != member.name {
                self.value(Some(&member.name), member.at as usize, member.next)?;
            }
        }
        self.members.truncate(mark);
        Ok(())
    }
}

/// The place of the next value or the end of what is open, behind a value.
fn skip_comma(bytes: &[u8], at: usize) -> usize {
    let at = skip_space(bytes, at);
    if bytes[at] == b',' { skip_space(bytes, at + 1) } else { at }
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
