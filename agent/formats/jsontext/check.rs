//! Checks that a document is JSON, in one pass without recursion, so that whoever reads it afterwards can do so without a thought of errors.

use super::scan::{plain_end, skip_space};
use agent_api::meter;
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
    /// Where elements of an array begin at which a reader may begin: the first, and others far enough from each other to be worth it.
    pub marks: Vec<usize>,
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
    let mut checker = Checker::new(text);
    let top = checker.end()?;
    Ok(checker.checked(top))
}

/// The same by several threads, where the document is a large array: more than there are cores, as some may begin late.
///
/// Where an element may begin is guessed, and each part is checked as if the guess were right. It was if the check of what stands before
/// comes to an element at this very place; else that check goes on through the part.
pub fn check_by_several(text: &str, workers: usize) -> Result<Checked, Invalid> {
    if workers == 1 {
        return check(text);
    }
    check_from(text, &guesses(text, (workers * EACH).min(text.len() / PART)))
}

/// Checks a document from its begin and from these places, ascending, side by side.
pub(super) fn check_from(text: &str, guesses: &[usize]) -> Result<Checked, Invalid> {
    let mut checker = Checker::new(text);
    if guesses.is_empty() || text.as_bytes().get(checker.at) != Some(&b'[') {
        return check(text);
    }
    let ends = guesses.iter().skip(1).copied().chain([usize::MAX]);
    let cpu = &meter::here();
    let check_part = |from, until| {
        let mut part = Checker { at: from, open: vec![b'['], ..Checker::new(text) };
        let top = meter::meter(cpu, || part.run(until));
        (part, top)
    };
    std::thread::scope(|scope| {
        let start = |(&from, until)| (from, scope.spawn(move || check_part(from, until)));
        let parts: Vec<_> = guesses.iter().zip(ends).map(start).collect();
        let mut top = None;
        for (from, part) in parts {
            if top.is_none() && checker.at < from {
                top = checker.run(from)?;
            }
            let (part, part_top) = part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // It stands at an element, unless it has not begun.
            if top.is_none() && checker.at == from && !checker.open.is_empty() {
                top = part_top?;
                checker.append(part);
            }
        }
        let top = match top {
            Some(top) => top,
            None => checker.end()?,
        };
        Ok(checker.checked(top))
    })
}

/// So many parts there are for each core.
const EACH: usize = 3;
/// Documents are not cut into parts of less than so many bytes.
const PART: usize = 512 << 10;
/// So far after an even cut an element is looked for.
const FAR: usize = 64 << 10;

/// Places that look like the begin of an element of the outermost array, ascending, to cut a document into so many parts.
pub(super) fn guesses(text: &str, parts: usize) -> Vec<usize> {
    let bytes = text.as_bytes();
    let guess = |part: usize| {
        let from = text.len() / parts * part;
        let near = &bytes[from..bytes.len().min(from + FAR)];
        memchr::memchr_iter(b'}', near).find_map(|i| {
            let comma = skip_space(bytes, from + i + 1);
            let at = skip_space(bytes, comma + 1);
            (bytes.get(comma) == Some(&b',') && bytes.get(at) == Some(&b'{')).then_some(at)
        })
    };
    let mut guesses: Vec<usize> = (1..parts).filter_map(guess).collect();
    guesses.dedup();
    guesses
}

/// A check under way.
struct Checker<'t> {
    text: &'t str,
    from: usize,
    at: usize,
    /// The brackets that are open.
    open: Vec<u8>,
    odd: Option<usize>,
    marks: Vec<usize>,
    /// The next mark is not before this place.
    next: usize,
}

impl<'t> Checker<'t> {
    fn new(text: &'t str) -> Self {
        let from = skip_space(text.as_bytes(), 0);
        Checker { text, from, at: from, open: Vec::new(), odd: None, marks: Vec::new(), next: 0 }
    }

    fn checked(self, top: Top) -> Checked {
        Checked { top, from: self.from, odd: self.odd, marks: self.marks }
    }

    /// Goes on where the check of a part that begins here has ended.
    fn append(&mut self, part: Checker<'t>) {
        self.marks.extend(part.marks);
        self.odd = self.odd.or(part.odd);
        (self.at, self.open, self.next) = (part.at, part.open, part.next);
    }

    /// Checks up to the end.
    fn end(&mut self) -> Result<Top, Invalid> {
        loop {
            if let Some(top) = self.run(usize::MAX)? {
                return Ok(top);
            }
        }
    }

    /// Checks up to the end, which tells what the document is, or up to an element of the outermost array at `until` or beyond.
    fn run(&mut self, until: usize) -> Result<Option<Top>, Invalid> {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut at = self.at;
        loop {
            let first = bytes.get(at).copied();
            if self.open.len() == 1 && self.open[0] == b'[' {
                if at >= until {
                    self.at = at;
                    return Ok(None);
                }
                if first != Some(b'{') && self.odd.is_none() {
                    self.odd = Some(at);
                }
                if at >= self.next {
                    self.marks.push(at);
                    self.next = at + APART;
                }
            }
            match first {
                Some(bracket @ (b'{' | b'[')) => {
                    at = skip_space(bytes, at + 1);
                    // The closing brackets are two above the opening ones.
                    if bytes.get(at) == Some(&(bracket + 2)) {
                        at += 1;
                    } else {
                        if self.open.len() == DEEPEST {
                            return Err(Invalid { at, cause: "nested too deep" });
                        }
                        self.open.push(bracket);
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
                let Some(&bracket) = self.open.last() else {
                    if at < bytes.len() {
                        return Err(Invalid { at, cause: "text after the end of the document" });
                    }
                    self.at = at;
                    return Ok(Some(match bytes[self.from] {
                        b'{' => Top::Object,
                        b'[' => Top::Array,
                        b'n' => Top::Null,
                        _ => Top::Scalar,
                    }));
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
                        self.open.pop();
                        at += 1;
                    }
                    Some(_) => return Err(Invalid { at, cause: "expected a comma or the end of what is open" }),
                    None => return Err(Invalid { at, cause: "it ends within an object or array" }),
                }
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
