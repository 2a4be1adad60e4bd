//! What a path found.

use crate::jsontext::{skip_space, unescape, value_end};
use std::borrow::Cow;

/// A piece of JSON text that a path found, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found<'a> {
    raw: Cow<'a, str>,
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
    pub(super) const NONE: Found<'static> = Found { raw: Cow::Borrowed("") };

    /// The value that begins at `at`.
    pub(super) fn at(text: &'a str, at: usize) -> Found<'a> {
        Found { raw: Cow::Borrowed(text.get(at..value_end(text.as_bytes(), at)).unwrap_or_default()) }
    }

    /// The value whose text was built.
    pub(super) fn built(raw: String) -> Found<'static> {
        Found { raw: Cow::Owned(raw) }
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> Found<'static> {
        Found { raw: Cow::Owned(self.raw.into_owned()) }
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

    /// The value as text: without quotes and escapes for a text, nothing for null, as it stands for all else.
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
