//! Reading one line with all that the format knows: escapes, quotes over several lines, comments, and what is wrong.

use super::number::{self, Number};
use agent_api::{Batch, Value};
use std::borrow::Cow;

/// How a backslash in a text field is read when neither a quote nor a backslash follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// It stays.
    Internal,
    /// `\n`, `\r` and `\t` are what they say, otherwise it stays.
    Upstream,
}

/// How much was read, and what of it.
pub(super) struct Read {
    /// Bytes, the line end included.
    pub(super) len: usize,
    /// Line ends passed.
    pub(super) lines: usize,
    /// What is wrong, if something is.
    pub(super) result: Result<(), String>,
}

/// Reads the line at the start of `text` and adds its metric; comments and blank lines add nothing.
pub(super) fn parse(text: &str, unit: i64, escapes: Escapes, now: i64, batch: &mut Batch) -> Read {
    let blank = text.len() - text.trim_start_matches([' ', '\t', '\u{b}', '\u{c}', '\r', '\u{0}']).len();
    let rest = &text[blank..];
    let first_end = memchr::memchr(b'\n', rest.as_bytes());
    let skip = |result| Read { len: blank + first_end.map_or(rest.len(), |i| i + 1), lines: 1, result };
    if rest.is_empty() || rest.starts_with(['#', '\n']) {
        return skip(Ok(()));
    }
    let mut at = Reader { text: rest, at: 0, escapes, wide: false };
    let mut read = at.metric(unit, now, batch);
    let line = &rest.as_bytes()[..first_end.unwrap_or(rest.len())];
    if read.is_err() && escapes == Escapes::Internal && line.iter().any(|b| WIDE.contains(b)) {
        // Tabs part a line for Telegraf's own parser. They are letters first, so that values that hold one are not lost.
        let mut again = Reader { text: rest, at: 0, escapes, wide: true };
        if again.metric(unit, now, batch).is_ok() {
            (at, read) = (again, Ok(()));
        }
    }
    match read {
        Ok(()) => {
            let passed = &rest[..at.at];
            Read {
                len: blank + at.at,
                lines: memchr::memchr_iter(b'\n', passed.as_bytes()).count().max(1),
                result: Ok(()),
            }
        }
        Err(cause) => skip(Err(cause)),
    }
}

/// What parts a line besides blanks, where tabs do.
const WIDE: &[u8] = b"\t\x0b\x0c";

/// How many bytes at the start are whole lines; a line feed between quotes of a field does not end one.
pub(super) fn whole_lines(bytes: &[u8]) -> usize {
    let (mut whole, mut at, mut quoted, mut fields, mut comment, mut fresh) = (0, 0, false, false, false, true);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if !comment => at += 1,
            b'"' if !comment && (quoted || fields && at > 0 && bytes[at - 1] == b'=') => quoted = !quoted,
            b'#' if fresh => comment = true,
            b' ' if !quoted && !fresh => fields = true,
            b'\n' if !quoted => {
                whole = at + 1;
                (fields, comment, fresh) = (false, false, true);
                at += 1;
                continue;
            }
            _ => {}
        }
        fresh &= bytes.get(at) == Some(&b' ');
        at += 1;
    }
    whole
}

/// The words of a line outside of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Measurement,
    TagKey,
    TagValue,
    FieldKey,
}

impl Word {
    fn name(self) -> &'static str {
        match self {
            Word::Measurement => "measurement",
            Word::TagKey => "tag key",
            Word::TagValue => "tag value",
            Word::FieldKey => "field key",
        }
    }

    /// The bytes that end it.
    fn ends(self) -> &'static [u8] {
        if self == Word::Measurement { b", " } else { b"=, " }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    escapes: Escapes,
    /// Whether tabs part the line.
    wide: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn metric(&mut self, unit: i64, now: i64, batch: &mut Batch) -> Result<(), String> {
        let name = self.word(Word::Measurement)?;
        let mut m = batch.metric(&name).time(now);
        let mut read = || -> Result<i64, String> {
            while self.peek() == Some(b',') {
                self.at += 1;
                let key = self.word(Word::TagKey)?;
                self.expect(b'=', "tag", &key)?;
                let value = self.word(Word::TagValue)?;
                if self.peek() == Some(b'=') {
                    return Err(format!("expected ',' or ' ' after tag {key:?}, found '='"));
                }
                m.add_tag(&key, &value);
            }
            self.blanks();
            loop {
                let key = self.word(Word::FieldKey)?;
                self.expect(b'=', "field", &key)?;
                if self.peek() == Some(b'"') {
                    let value = self.string(&key)?;
                    m.add_field(&key, Value::Str(&value));
                } else {
                    let from = self.at;
                    while self
                        .peek()
                        .is_some_and(|b| !(matches!(b, b',' | b' ' | b'\n') || self.wide && WIDE.contains(&b)))
                        && !self.at_carriage_return()
                    {
                        self.at += 1;
                    }
                    let value = &self.text[from..self.at];
                    match number::read(value) {
                        Some(Number::Plain) => m.add_field(&key, value.parse::<f64>().unwrap_or(f64::NAN)),
                        Some(Number::Value(v)) => m.add_field(&key, v),
                        None => return Err(format!("invalid value {value:?} of field {key:?}")),
                    }
                }
                match self.peek() {
                    Some(b',') => self.at += 1,
                    _ => break,
                }
            }
            self.blanks();
            let from = self.at;
            while matches!(self.peek(), Some(b'0'..=b'9' | b'-')) {
                self.at += 1;
            }
            let digits = &self.text[from..self.at];
            let time = match digits {
                "" => now,
                _ => number::integer(digits.as_bytes())
                    .and_then(|t| t.checked_mul(unit))
                    .ok_or_else(|| format!("timestamp {digits:?} out of range"))?,
            };
            self.blanks();
            match self.peek() {
                None => Ok(time),
                Some(b'\n') => {
                    self.at += 1;
                    Ok(time)
                }
                Some(_) => Err(format!("expected a timestamp or the end of the line, found {:?}", self.rest())),
            }
        };
        match read() {
            Ok(time) => {
                let _added = m.time(time);
                Ok(())
            }
            Err(e) => {
                m.discard();
                Err(e)
            }
        }
    }

    fn rest(&self) -> String {
        self.text[self.at..].chars().take_while(|c| *c != '\n').take(20).collect()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\x0b' | b'\x0c' | 0)) || self.at_carriage_return() {
            self.at += 1;
        }
    }

    /// True at a carriage return that belongs to the end of the line.
    fn at_carriage_return(&self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        rest == b"\r" || rest.starts_with(b"\r\n")
    }

    fn expect(&mut self, byte: u8, what: &str, key: &str) -> Result<(), String> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("expected '=' after {what} {key:?}"))
    }

    /// A word up to what ends it or the end of the line, escapes undone.
    fn word(&mut self, word: Word) -> Result<Cow<'a, str>, String> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        let internal = self.escapes == Escapes::Internal;
        // In names and keys of fields a backslash takes the next character along, be it another backslash.
        let in_pairs = internal && matches!(word, Word::Measurement | Word::FieldKey);
        let mut escaped = false;
        while let Some(&b) = bytes.get(self.at) {
            match b {
                b'\\' if matches!(bytes.get(self.at + 1), Some(b',' | b'=' | b' ')) => {
                    escaped = true;
                    self.at += 2;
                }
                b'\\' if in_pairs && matches!(bytes.get(self.at + 1), Some(b'\\')) => self.at += 2,
                b'\n' => break,
                b'\r' if self.at_carriage_return() => break,
                b if word.ends().contains(&b) || self.wide && WIDE.contains(&b) => break,
                _ => self.at += 1,
            }
        }
        let text = &self.text[from..self.at];
        // A name of backslashes alone could not be written again.
        if text.is_empty() || word == Word::Measurement && text.bytes().all(|b| b == b'\\') {
            return Err(format!("missing {}", word.name()));
        }
        let marks: &[char] = match word {
            Word::Measurement => &[',', ' '],
            _ if internal => &[',', '=', ' ', '"'],
            _ => &[',', '=', ' '],
        };
        Ok(if escaped { Cow::Owned(unescape(text, marks)) } else { Cow::Borrowed(text) })
    }

    fn string(&mut self, key: &str) -> Result<Cow<'a, str>, String> {
        let (from, bytes) = (self.at + 1, self.text.as_bytes());
        let (mut at, mut escaped) = (from, false);
        loop {
            let Some(i) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else {
                return Err(format!("missing '\"' after text field {key:?}"));
            };
            at += i;
            if bytes[at] == b'"' {
                break;
            }
            escaped = true;
            at = (at + 2).min(bytes.len());
        }
        self.at = at + 1;
        let text = &self.text[from..at];
        if !escaped {
            return Ok(Cow::Borrowed(text));
        }
        let mut plain = String::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != '\\' {
                plain.push(c);
                continue;
            }
            match (rest.next(), self.escapes) {
                (Some(c @ ('"' | '\\')), _) => plain.push(c),
                (Some('n'), Escapes::Upstream) => plain.push('\n'),
                (Some('r'), Escapes::Upstream) => plain.push('\r'),
                (Some('t'), Escapes::Upstream) => plain.push('\t'),
                (next, _) => {
                    plain.push('\\');
                    plain.extend(next);
                }
            }
        }
        Ok(Cow::Owned(plain))
    }
}

/// Takes the backslashes before these marks away.
fn unescape(word: &str, marks: &[char]) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some(mark)) if marks.contains(mark) => {}
            _ => plain.push(c),
        }
    }
    plain
}
