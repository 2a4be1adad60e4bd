//! Texts in quotes.

use super::{Read, Reader};
use crate::config::errors::Problem;

/// A mistake in a text is quoted with so many bytes at most.
const MARKED: usize = 40;

impl Reader<'_> {
    /// `"..."` with escapes.
    pub(super) fn basic_string(&mut self) -> Read<String> {
        let from = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(['"', '\\', '\n']).unwrap_or(rest.len());
            self.copy(&rest[..end], &mut out);
            match rest.as_bytes().get(end) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => self.escape(&mut out),
                _ => return Err(self.unclosed(from)),
            }
        }
    }

    /// `'...'`, taken as it stands.
    pub(super) fn literal_string(&mut self) -> Read<String> {
        let from = self.at;
        self.at += 1;
        let rest = &self.text[self.at..];
        match rest.find(['\'', '\n']) {
            Some(end) if rest[end..].starts_with('\'') => {
                let mut out = String::new();
                self.copy(&rest[..end], &mut out);
                self.at += 1;
                Ok(out)
            }
            _ => Err(self.unclosed(from)),
        }
    }

    /// `"""..."""` with escapes. All line ends at its beginning are left out, as Telegraf does; TOML leaves out one.
    pub(super) fn long_basic_string(&mut self) -> Read<String> {
        let from = self.at;
        self.at += 3;
        while matches!(self.peek(), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(['"', '\\']) else { return Err(self.unclosed(from)) };
            self.copy(&rest[..end], &mut out);
            if rest[end..].starts_with('\\') {
                let after = rest[end + 1..].trim_start_matches([' ', '\t', '\r']);
                if after.starts_with('\n') {
                    let next = after.trim_start_matches([' ', '\t', '\r', '\n']);
                    self.at = self.text.len() - next.len();
                } else {
                    self.escape(&mut out);
                }
            } else if self.long_end("\"", &mut out) {
                return Ok(out);
            }
        }
    }

    /// `'''...'''`, taken as it stands but for line ends at its beginning: all of them, as in the other kind.
    pub(super) fn long_literal_string(&mut self) -> Read<String> {
        let from = self.at;
        self.at += 3;
        while matches!(self.peek(), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('\'') else { return Err(self.unclosed(from)) };
            self.copy(&rest[..end], &mut out);
            if self.long_end("'", &mut out) {
                return Ok(out);
            }
        }
    }

    /// At one or more quotation marks: true if three of them end the text; up to two before these belong to it.
    fn long_end(&mut self, mark: &str, out: &mut String) -> bool {
        let rest = &self.text[self.at..];
        let marks = (rest.len() - rest.trim_start_matches(mark).len()).min(5);
        self.at += marks;
        let own = if marks >= 3 { marks - 3 } else { marks };
        out.push_str(&mark[..].repeat(own));
        marks >= 3
    }

    /// Takes a piece of text over and looks for what no text may hold.
    fn copy(&mut self, piece: &str, out: &mut String) {
        let from = self.at;
        self.at += piece.len();
        out.push_str(piece);
        let bad = |c: char| {
            (c.is_control() && !"\t\r\n".contains(c) && c.is_ascii()) || (self.source.replaced && c == '\u{fffd}')
        };
        if let Some((i, c)) = piece.char_indices().find(|(_, c)| bad(*c)) {
            let span = self.span(from + i, from + i + c.len_utf8());
            self.problems.push(if c == '\u{fffd}' {
                Problem::at(span, "text is not UTF-8").hint("save the file as UTF-8")
            } else {
                Problem::at(span, format!("control character U+{:04X} in a text", c as u32))
                    .hint("write it as an escape")
            });
        }
    }

    /// At a backslash. A mistake is noted and the reading of the text goes on.
    fn escape(&mut self, out: &mut String) {
        let from = self.at;
        let rest = &self.text[from + 1..];
        let code = rest.chars().next();
        self.at += 1 + code.map_or(0, char::len_utf8);
        let plain = match code {
            Some('b') => Some('\u{8}'),
            Some('t') => Some('\t'),
            Some('n') => Some('\n'),
            Some('f') => Some('\u{c}'),
            Some('r') => Some('\r'),
            Some(c @ ('"' | '\\')) => Some(c),
            Some(c @ ('u' | 'U')) => {
                let len = if c == 'u' { 4 } else { 8 };
                let digits = rest.get(1..=len).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                self.at += digits.map_or(0, str::len);
                digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32)
            }
            _ => None,
        };
        match plain {
            Some(c) => out.push(c),
            None => {
                let span = self.span(from, self.at);
                self.problems.push(
                    Problem::at(span, format!("invalid escape {:?} in a text", &self.text[from..self.at]))
                        .hint("double the backslash, or write the text in single quotes"),
                );
            }
        }
    }

    fn unclosed(&self, from: usize) -> Problem {
        let rest = &self.text[from..];
        let end = rest.find('\n').unwrap_or(rest.len()).min(MARKED);
        let end = (0..=end).rev().find(|i| rest.is_char_boundary(*i)).unwrap_or(0);
        Problem::at(self.span(from, from + end), "text without end: the closing quotation mark is missing")
    }
}
