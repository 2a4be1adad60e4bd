//! `json.decode`.

use crate::builtins::{Args, Cx};
use crate::error::{Error, Result};
use crate::heap::Heap;
use crate::value::Value;

/// Deeper documents are refused.
const MOST_DEPTH: usize = 100;

pub(super) fn decode(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [text, default] = args.unpack(cx.heap, "json.decode", ["x", "default"], 1)?;
    let text = cx.heap.text(Value::Str(cx.need_str(text, "json.decode", "x")?)).into_owned();
    let mut reader = Reader { text: &text, at: 0, heap: cx.heap };
    match (reader.document(), default) {
        (Err(error), None) => Err(error.prefixed("json.decode")),
        (Err(error), _) if error.is_limit() => Err(error),
        (Err(_), Some(default)) => Ok(default),
        (Ok(value), _) => Ok(value),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    heap: &'a mut Heap,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value> {
        let value = self.value(0)?;
        self.skip_blanks();
        match self.peek() {
            Some(_) => Err(self.unexpected(" after value")),
            None => Ok(value),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > MOST_DEPTH {
            return Err(self.error("nesting depth limit exceeded"));
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                self.heap.reserve(text.len())?;
                Ok(self.heap.string(&text))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.dict(depth),
            _ => {
                let words = [("null", Value::None), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected(""))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        let mut open = self.open(b']');
        while open {
            items.push(self.value(depth + 1)?);
            open = self.more(b']', "", "',' or ']'")?;
        }
        self.heap.reserve(size_of_val(items.as_slice()))?;
        Ok(self.heap.list(items))
    }

    fn dict(&mut self, depth: usize) -> Result<Value> {
        let dict = self.heap.dict(0);
        let mut open = self.open(b'}');
        while open {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.no_key(depth));
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.unlike("after object key, ", "':' "));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            let key = self.heap.string(&key);
            self.heap.insert(dict, key, value)?;
            open = self.more(b'}', "in object, ", "',' or '}'")?;
        }
        Ok(dict)
    }

    /// Steps over a bracket; false if it is closed at once.
    fn open(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_blanks();
        let empty = self.peek() == Some(close);
        self.at += usize::from(empty);
        !empty
    }

    /// Steps over what follows an item; true if another one follows.
    fn more(&mut self, close: u8, place: &str, wanted: &str) -> Result<bool> {
        self.skip_blanks();
        let next = self.peek();
        if next != Some(b',') && next != Some(close) {
            return Err(self.unlike(place, wanted));
        }
        self.at += 1;
        Ok(next == Some(b','))
    }

    /// Numbers without point and exponent are integers.
    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leading = self.peek() == Some(b'0');
        let whole = self.digits();
        let mut valid = whole > 0 && !(leading && whole > 1);
        let mut float = false;
        if self.peek() == Some(b'.') {
            float = true;
            self.at += 1;
            valid &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.peek() {
            float = true;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            valid &= self.digits() > 0;
        }
        let end = self.at;
        let text = &self.text[start..end];
        let invalid = || {
            let text: String = text.chars().take(60).collect();
            Error::new(format!("at offset {end}, invalid number: {text}"))
        };
        if !valid {
            return Err(invalid());
        }
        match text.parse::<i128>() {
            Ok(value) if !float => Ok(self.heap.int(value)),
            // Integers beyond what fits become the nearest float: better than no value.
            _ => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Value::Float(value)),
                _ => Err(invalid()),
            },
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn string(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(at) = rest.find(['"', '\\']) else {
                return Err(Error::new(format!("at offset {start}, unclosed string literal")));
            };
            if rest[..at].bytes().any(|byte| byte < b' ') {
                return Err(Error::new(format!("at offset {start}, invalid character in string literal")));
            }
            out.push_str(&rest[..at]);
            self.at += at + 1;
            if rest[at..].starts_with('"') {
                return Ok(out);
            }
            let escaped = match self.peek() {
                Some(c @ (b'"' | b'\\' | b'/')) => Some(char::from(c)),
                Some(b'b') => Some('\u{8}'),
                Some(b'f') => Some('\u{c}'),
                Some(b'n') => Some('\n'),
                Some(b'r') => Some('\r'),
                Some(b't') => Some('\t'),
                Some(b'u') => self.unicode(),
                _ => None,
            };
            match escaped {
                Some(c) => out.push(c),
                None => return Err(Error::new(format!("at offset {start}, invalid escape in string literal"))),
            }
            self.at += 1;
        }
    }

    /// The letter of `uXXXX`, which may come in two halves; stays on the last digit.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex(self.at + 1)?;
        self.at += 4;
        if (0xd800..0xdc00).contains(&first)
            && self.text[self.at + 1..].starts_with("\\u")
            && let Some(second) = self.hex(self.at + 3)
            && (0xdc00..0xe000).contains(&second)
        {
            self.at += 6;
            return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
        Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, what: &str) -> Error {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.error(&format!("unexpected character {c:?}{what}")),
            None => self.error("unexpected end of file"),
        }
    }

    /// What stands in an object in place of a key: the error of a value that is none, or the type of the value.
    fn no_key(&mut self, depth: usize) -> Error {
        match self.value(depth + 1) {
            Ok(value) => {
                let kind = self.heap.type_of(value).unwrap_or("object");
                self.error(&format!("got {kind} for object key, want string"))
            }
            Err(error) => error,
        }
    }

    fn unlike(&self, place: &str, wanted: &str) -> Error {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.error(&format!("{place}got {c:?}, want {wanted}")),
            None => self.error("unexpected end of file"),
        }
    }

    fn error(&self, text: &str) -> Error {
        Error::new(format!("at offset {}, {text}", self.at))
    }
}
