//! Takes a path apart, one step at a time: what a step means depends on whether it meets an object or an array.

use super::modifier;
use super::query::Query;
use std::borrow::Cow;

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next<'p> {
    /// Nothing: the step's value is the result.
    End,
    /// A path below the value.
    Below(&'p str),
    /// A path that is applied to the result as to a document of its own.
    Pipe(&'p str),
}

/// A step that meets an object.
#[derive(Debug, PartialEq)]
pub(super) struct Step<'p> {
    name: Cow<'p, str>,
    wild: bool,
    pub(super) next: Next<'p>,
}

/// A step that meets an array.
#[derive(Debug, PartialEq)]
pub(super) enum ArrayStep<'p> {
    /// One element.
    Index(usize, Next<'p>),
    /// `#`: how many elements.
    Count(Next<'p>),
    /// `#.path`: what the path finds in each element, as an array.
    Each(&'p str, Next<'p>),
    /// `#(query)` or, if `all`, `#(query)#`.
    Where { query: Query<'p>, all: bool, next: Next<'p> },
    /// Nothing that an array has.
    Nothing,
}

impl<'p> Step<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        let (end, next) = end_of_step(path, 0);
        let name = &path[..end];
        let wild = has_wildcard(name);
        let name = if wild || !name.contains('\\') { Cow::Borrowed(name) } else { Cow::Owned(unescape(name)) };
        Step { name, wild, next }
    }

    /// Whether a key, as it stands between its quotes, is meant.
    pub(super) fn matches(&self, key: &str) -> bool {
        if !key.contains('\\') {
            return if self.wild { wildcard(key, &self.name) } else { key == self.name };
        }
        let mut plain = String::new();
        crate::jsontext::unescape(key, &mut plain);
        if self.wild { wildcard(&plain, &self.name) } else { plain == self.name }
    }
}

impl<'p> ArrayStep<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        if let Some(below) = path.strip_prefix("#.") {
            // A modifier or multipath after the dot is meant for each element, and ends at a pipe.
            let (below, next) = split_pipe(below);
            return ArrayStep::Each(below, next);
        }
        if path.starts_with("#(") || path.starts_with("#[") {
            let Some((query, len)) = Query::parse(path) else { return ArrayStep::Nothing };
            let all = path.as_bytes().get(len) == Some(&b'#');
            let next = match end_of_step(path, len).1 {
                // Modifiers and multipaths behind the dot are for each element.
                Next::Pipe(rest) if path[..path.len() - rest.len()].ends_with('.') => Next::Below(rest),
                next => next,
            };
            return ArrayStep::Where { query, all, next };
        }
        let (end, next) = end_of_step(path, 0);
        match &path[..end] {
            "#" => ArrayStep::Count(next),
            digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse() {
                Ok(index) => ArrayStep::Index(index, next),
                Err(_) => ArrayStep::Nothing,
            },
            _ => ArrayStep::Nothing,
        }
    }
}

/// Where the step ends that is looked at from `from` on, and what follows it.
fn end_of_step(path: &str, from: usize) -> (usize, Next<'_>) {
    let bytes = path.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'|' => return (at, Next::Pipe(&path[at + 1..])),
            b'.' => {
                let rest = &path[at + 1..];
                return (at, if stands_alone(rest) { Next::Pipe(rest) } else { Next::Below(rest) });
            }
            _ => {}
        }
        at += 1;
    }
    (path.len(), Next::End)
}

/// True for what takes the value before the dot as a whole: a modifier, a multipath, a literal.
fn stands_alone(path: &str) -> bool {
    match path.as_bytes().first() {
        Some(b'[' | b'{' | b'!') => true,
        Some(b'@') => modifier::is_known(path[1..].split(['.', '|', ':']).next().unwrap_or_default()),
        _ => false,
    }
}

/// Cuts at the first pipe that is not within brackets or quotes.
pub(super) fn split_pipe(path: &str) -> (&str, Next<'_>) {
    let bytes = path.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'"' if depth > 0 => at = crate::jsontext::string_end(bytes, at) - 1,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => return (&path[..at], Next::Pipe(&path[at + 1..])),
            _ => {}
        }
        at += 1;
    }
    (path, Next::End)
}

fn has_wildcard(name: &str) -> bool {
    let mut escaped = false;
    name.bytes().any(|b| {
        let literal = escaped;
        escaped = b == b'\\' && !literal;
        !literal && matches!(b, b'*' | b'?')
    })
}

/// Takes the backslashes out.
pub(super) fn unescape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// Whether the text matches a pattern of `*`, `?` and `\` before what is meant literally. Takes at most the product of both lengths.
pub(super) fn wildcard(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star takes one character more.
    let mut back = None;
    while t < text.len() {
        let (step, fits) = match pattern.get(p) {
            Some('*') => {
                back = Some((t, p));
                p += 1;
                continue;
            }
            Some('?') => (1, true),
            Some('\\') => (2, pattern.get(p + 1) == Some(&text[t])),
            Some(c) => (1, *c == text[t]),
            None => (0, false),
        };
        if fits {
            p += step;
            t += 1;
        } else if let Some((star_t, star_p)) = back {
            back = Some((star_t + 1, star_p));
            (t, p) = (star_t + 1, star_p + 1);
        } else {
            return false;
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|c| *c == '*')
}
