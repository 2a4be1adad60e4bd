//! What an input received: bytes that several batches and parsers share.

use std::borrow::Cow;
use std::sync::Arc;

/// A received document, file block or packet. Text is checked to be UTF-8 once, here, and never again.
#[derive(Clone, Debug)]
pub struct Body {
    form: Form,
    from: usize,
    to: usize,
}

#[derive(Clone, Debug)]
enum Form {
    Text(Arc<String>),
    Bytes(Arc<Vec<u8>>),
}

impl Body {
    /// Takes the bytes; valid UTF-8 becomes text without being copied.
    pub fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Body::from(text),
            Err(e) => {
                let bytes = e.into_bytes();
                Body { from: 0, to: bytes.len(), form: Form::Bytes(Arc::new(bytes)) }
            }
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.form {
            Form::Text(t) => &t.as_bytes()[self.from..self.to],
            Form::Bytes(b) => &b[self.from..self.to],
        }
    }

    /// The text, with invalid UTF-8 replaced by U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.form {
            Form::Text(t) => Cow::Borrowed(&t[self.from..self.to]),
            Form::Bytes(b) => String::from_utf8_lossy(&b[self.from..self.to]),
        }
    }

    /// The same with text guaranteed: bytes that are no UTF-8 are replaced by U+FFFD, which copies.
    pub fn into_text(self) -> Self {
        match self.form {
            Form::Text(_) => self,
            Form::Bytes(ref b) => Body::from(String::from_utf8_lossy(&b[self.from..self.to]).into_owned()),
        }
    }

    /// A part of it, shared; `from` and `to` are cut to its length.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let len = self.len();
        let (from, to) = (from.min(len), to.min(len));
        let part = Body { form: self.form.clone(), from: self.from + from, to: self.from + to.max(from) };
        match &part.form {
            Form::Text(t) if !(t.is_char_boundary(part.from) && t.is_char_boundary(part.to)) => {
                Body::new(part.bytes().to_vec())
            }
            _ => part,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.to - self.from
    }

    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The whole shared text and the range of this body in it, for batches that borrow it.
    pub(crate) fn shared(&self) -> Option<(&Arc<String>, usize, usize)> {
        match &self.form {
            Form::Text(t) => Some((t, self.from, self.to)),
            Form::Bytes(_) => None,
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body { from: 0, to: text.len(), form: Form::Text(Arc::new(text)) }
    }
}
impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Body::from(text.to_owned())
    }
}
impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::new(bytes)
    }
}
