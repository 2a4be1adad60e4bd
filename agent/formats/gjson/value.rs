//! What a path found.

use crate::jsontext::{skip_space, unescape, value_end};
use agent_golang::number::{FloatStyle, append_float};
use std::borrow::Cow;

/// A piece of JSON text that a path found, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found<'a> {
    raw: Cow<'a, str>,
    /// Where in memory the texts begin that this was put together from.
    parts: Vec<usize>,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    None,
    /// `null`.
    Null,
    /// `false`.
    False,
    /// `true`.
    True,
    /// A number.
    Number,
    /// A text.
    Text,
    /// An object or array.
    Json,
}

impl<'a> Found<'a> {
    /// Nothing.
    pub(super) const NONE: Found<'static> = Found { raw: Cow::Borrowed(""), parts: Vec::new() };

    /// The value that begins at `at`.
    pub(super) fn at(text: &'a str, at: usize) -> Found<'a> {
        Found {
            raw: Cow::Borrowed(text.get(at..value_end(text.as_bytes(), at)).unwrap_or_default()),
            parts: Vec::new(),
        }
    }

    /// The value whose text was built.
    pub(super) fn built(raw: String) -> Found<'static> {
        Found { raw: Cow::Owned(raw), parts: Vec::new() }
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> Found<'static> {
        Found { raw: Cow::Owned(self.raw.into_owned()), parts: Vec::new() }
    }

    /// The value put together from others.
    pub(super) fn of_parts(raw: String, parts: Vec<usize>) -> Found<'static> {
        Found { raw: Cow::Owned(raw), parts }
    }

    /// Where in memory this begins, or the pieces of the document begin that it was put together from.
    pub(super) fn addresses(&self) -> Vec<usize> {
        match &self.raw {
            Cow::Borrowed(text) if !text.is_empty() => vec![text.as_ptr() as usize],
            _ => self.parts.clone(),
        }
    }

    /// Where in the document the value begins, or all values of a list that was put together of them.
    pub fn places(&self, document: &str) -> Vec<usize> {
        let start = document.as_ptr() as usize;
        let within = start..start + document.len();
        self.addresses().into_iter().filter(|at| within.contains(at)).map(|at| at - start).collect()
    }

    /// The text of the value as it stands in the document, or as it was built; empty for nothing.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text of the value, and where it is a piece of the document that was searched, with the lifetime of that.
    pub fn into_raw(self) -> Cow<'a, str> {
        self.raw
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.raw.as_bytes() {
            [] => Kind::None,
            [b'{' | b'[', ..] => Kind::Json,
            [b'"', ..] => Kind::Text,
            [b't', ..] => Kind::True,
            [b'f', ..] => Kind::False,
            // "nan" is taken for a number, as numbers are not looked at closely.
            [b'n', b'u', ..] => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// True if something was found.
    pub fn exists(&self) -> bool {
        !self.raw.is_empty()
    }

    /// True for an array.
    pub fn is_array(&self) -> bool {
        self.raw.starts_with('[')
    }

    /// True for an object.
    pub fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// The value as text: without quotes and escapes for a text, nothing for null, in plain digits for a number (`1.50` is `1.5`, `2e3` is
    /// `2000`, as GJSON has it), as it stands for all else.
    pub fn text(&self) -> Cow<'_, str> {
        match self.kind() {
            Kind::Null | Kind::None => Cow::Borrowed(""),
            Kind::Text => {
                let inner = self.raw.get(1..).unwrap_or_default();
                let inner = inner.strip_suffix('"').unwrap_or(inner);
                if !inner.contains('\\') {
                    return Cow::Borrowed(inner);
                }
                let mut out = String::new();
                unescape(inner, &mut out);
                Cow::Owned(out)
            }
            Kind::Number if self.raw.trim_start_matches('-').bytes().any(|b| !b.is_ascii_digit()) => {
                let mut out = String::new();
                append_float(self.number(), FloatStyle::Plain, &mut out);
                Cow::Owned(out)
            }
            _ => Cow::Borrowed(&self.raw),
        }
    }

    /// The value as a number: 0 for what is none.
    pub fn number(&self) -> f64 {
        match self.kind() {
            Kind::Number => self.raw.parse().unwrap_or(0.0),
            Kind::True => 1.0,
            Kind::Text => self.text().parse().unwrap_or(0.0),
            _ => 0.0,
        }
    }
}

/// The members of an object with their keys, or the elements of an array with empty ones; nothing for all else.
pub fn members<'v>(found: &'v Found<'_>) -> impl Iterator<Item = (Cow<'v, str>, Found<'v>)> {
    let raw = found.raw();
    let inner = (found.is_array() || found.is_object()).then(|| Members::new(raw, 0));
    inner.into_iter().flatten().map(move |member| {
        let mut key = Cow::Borrowed(member.key);
        if member.key.contains('\\') {
            let mut plain = String::new();
            unescape(member.key, &mut plain);
            key = Cow::Owned(plain);
        }
        (key, Found::at(raw, member.at))
    })
}

/// A member of an object, or an element of an array.
pub(super) struct Member<'a> {
    /// The key between its quotes, escapes and all; empty in an array.
    pub(super) key: &'a str,
    /// Where the value begins.
    pub(super) at: usize,
}

/// The members of the object, or elements of the array, that begins at a place.
pub(super) struct Members<'a> {
    text: &'a str,
    at: usize,
    keys: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Members { text, at: at + 1, keys: text.as_bytes().get(at) == Some(&b'{') }
    }

    /// Of a list of values that has no brackets, one behind the other.
    pub(super) fn lines(text: &'a str) -> Self {
        Members { text, at: 0, keys: false }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b',' | b' ' | b'\n' | b'\r' | b'\t' | b':') {
            self.at += 1;
        }
        if matches!(bytes[self.at], b'}' | b']') {
            return None;
        }
        let mut key = "";
        if self.keys {
            if bytes[self.at] != b'"' {
                return None;
            }
            let end = value_end(bytes, self.at);
            key = self.text.get(self.at + 1..end.checked_sub(1)?)?;
            let colon = skip_space(bytes, end);
            if bytes.get(colon) != Some(&b':') {
                return None;
            }
            self.at = skip_space(bytes, colon + 1);
        }
        let at = self.at;
        let end = value_end(bytes, at);
        if end == at {
            return None;
        }
        self.at = end;
        Some(Member { key, at })
    }
}
