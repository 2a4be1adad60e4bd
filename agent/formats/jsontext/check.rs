//! Checks that a document is JSON, in one pass without recursion, so that whoever reads it afterwards can do so without a thought of errors.

use super::scan::{plain_end, skip_space};
use std::fmt;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// An object.
    Object,
    /// An array.
    Array,
    /// `null`.
    Null,
    /// Any other value.
    Scalar,
}

/// What is known of a good document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it is.
    pub top: Top,
    /// Where its value begins.
    pub from: usize,
    /// The first element of an array that is no object.
    pub odd: Option<usize>,
    /// Elements of an array at which a reader may begin: the first, and others far enough from each other to be worth it.
    pub marks: Vec<Mark>,
}

/// An element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it begins.
    pub at: usize,
    /// So many are before it.
    pub index: usize,
}

/// So many bytes lie between two marks at least.
const APART: usize = 128 << 10;

/// Where and why a document is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The byte.
    pub at: usize,
    /// What is wrong there.
    pub cause: &'static str,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid JSON at byte {}: {}", self.at, self.cause)
    }
}

impl std::error::Error for Invalid {}

/// Objects and arrays may be nested so deep, as in Go.
const DEEPEST: usize = 10_000;

/// Checks a whole document. Numbers beyond the range of a 64-bit float are errors, as in Go.
pub fn check(text: &str) -> Result<Checked, Invalid> {
    let bytes = text.as_bytes();
    let from = skip_space(bytes, 0);
    let mut at = from;
    let mut open: Vec<u8> = Vec::new();
    let (mut odd, mut marks, mut next, mut index) = (None, Vec::new(), 0, 0);
    loop {
        let first = bytes.get(at).copied();
        if open.len() == 1 && open[0] == b'[' {
            if first != Some(b'{') && odd.is_none() {
                odd = Some(at);
            }
            if at >= next {
                marks.push(Mark { at, index });
                next = at + APART;
            }
            index += 1;
        }
        match first {
            Some(bracket @ (b'{' | b'[')) => {
                at = skip_space(bytes, at + 1);
                // The closing brackets are two above the opening ones.
                if bytes.get(at) == Some(&(bracket + 2)) {
                    at += 1;
                } else {
                    if open.len() == DEEPEST {
                        return Err(Invalid { at, cause: "nested too deep" });
                    }
                    open.push(bracket);
                    if bracket == b'{' {
                        at = key(bytes, at)?;
                    }
                    continue;
                }
            }
            Some(b'"') => at = string(bytes, at)?,
            Some(b'-' | b'0'..=b'9') => at = number(text, at)?,
            Some(b't') => at = word(bytes, at, b"true")?,
            Some(b'f') => at = word(bytes, at, b"false")?,
            Some(b'n') => at = word(bytes, at, b"null")?,
            Some(_) => return Err(Invalid { at, cause: "expected a value" }),
            None => return Err(Invalid { at, cause: "it ends where a value is expected" }),
        }
        loop {
            at = skip_space(bytes, at);
            let Some(&bracket) = open.last() else {
                if at < bytes.len() {
                    return Err(Invalid { at, cause: "text after the end of the document" });
                }
                let top = match bytes[from] {
                    b'{' => Top::Object,
                    b'[' => Top::Array,
                    b'n' => Top::Null,
                    _ => Top::Scalar,
                };
                return Ok(Checked { top, from, odd, marks });
            };
            match bytes.get(at) {
                Some(b',') => {
                    at = skip_space(bytes, at + 1);
                    if bracket == b'{' {
                        at = key(bytes, at)?;
                    }
                    break;
                }
                Some(b) if *b == bracket + 2 => {
                    open.pop();
                    at += 1;
                }
                Some(_) => return Err(Invalid { at, cause: "expected a comma or the end of what is open" }),
                None => return Err(Invalid { at, cause: "it ends within an object or array" }),
            }
        }
    }
}

/// Passes a key and its colon; gives where the value begins.
fn key(bytes: &[u8], at: usize) -> Result<usize, Invalid> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Invalid { at, cause: "expected a key in quotes" });
    }
    let at = skip_space(bytes, string(bytes, at)?);
    if bytes.get(at) != Some(&b':') {
        return Err(Invalid { at, cause: "expected a colon after a key" });
    }
    Ok(skip_space(bytes, at + 1))
}

fn string(bytes: &[u8], from: usize) -> Result<usize, Invalid> {
    let mut at = from + 1;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) => at += 6,
                _ => return Err(Invalid { at, cause: "unknown escape" }),
            },
            Some(_) => return Err(Invalid { at, cause: "control character in a string" }),
            None => return Err(Invalid { at: from, cause: "string without an end" }),
        }
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Invalid> {
    match bytes[at..].starts_with(word) {
        true => Ok(at + word.len()),
        false => Err(Invalid { at, cause: "expected a value" }),
    }
}

fn number(text: &str, from: usize) -> Result<usize, Invalid> {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let first = from + usize::from(bytes[from] == b'-');
    let mut at = digits(first);
    if at == first || at > first + 1 && bytes[first] == b'0' {
        return Err(Invalid { at: from, cause: "invalid number" });
    }
    if bytes.get(at) == Some(&b'.') {
        let end = digits(at + 1);
        if end == at + 1 {
            return Err(Invalid { at: from, cause: "invalid number" });
        }
        at = end;
    }
    let plain = at;
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let start = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(start);
        if at == start {
            return Err(Invalid { at: from, cause: "invalid number" });
        }
    }
    // Only an exponent or very many digits can leave the range.
    if (at > plain || at - from > 300) && !text[from..at].parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(Invalid { at: from, cause: "number out of range" });
    }
    Ok(at)
}
