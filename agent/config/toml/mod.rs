//! Reads TOML into tables that know their places, in the dialect of Telegraf's files and all of TOML 1.0.
//!
//! Own, since no crate takes what Telegraf takes: several settings on one line, a comma at the end of an inline table, a
//! multi-line text whose first line breaks do not count. It goes on after a mistake, so that a file's mistakes are shown
//! together. Nesting, the keys of a table and the number of mistakes are bounded, so any text is read in a time
//! proportional to its length.

mod numbers;
mod strings;
mod text;
mod tree;

#[cfg(test)]
mod tests;

pub(super) use text::{Seam, Text};

use super::errors::Problem;
use agent_api::options::{Item, Setting, Span, Table};
use tree::{Branch, Path};

/// Tables and lists may be nested so deep.
const DEPTH: usize = 64;
/// After so many mistakes the rest of a file is not looked at.
const MISTAKES: usize = 50;

/// Reads a text. What could be read comes back with the mistakes, so that it can be checked further.
pub(super) fn read(text: &Text<'_>) -> (Table, Vec<Problem>) {
    let mut reader = Reader { source: text, text: &text.text, at: 0, problems: Vec::new() };
    let root = reader.document();
    (root.into_table(), reader.problems)
}

type Read<T> = Result<T, Problem>;

struct Reader<'a> {
    source: &'a Text<'a>,
    text: &'a str,
    at: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self) -> Branch {
        let mut root = Branch::root(self.span(0, 0));
        // Settings under a header that cannot be used go nowhere, but are read for their own mistakes.
        let mut nowhere = Branch::root(self.span(0, 0));
        let mut current = Some(Vec::new());
        while self.problems.len() < MISTAKES {
            self.skip_blank_lines();
            if self.at >= self.text.len() {
                break;
            }
            let done = if self.peek() == Some(b'[') {
                match self.header().and_then(|(path, list, span)| {
                    root.define(&path, list, span)?;
                    Ok(path.into_iter().map(|(key, _)| key).collect())
                }) {
                    Ok(keys) => {
                        current = Some(keys);
                        Ok(())
                    }
                    Err(problem) => {
                        nowhere = Branch::root(self.span(0, 0));
                        current = None;
                        Err(problem)
                    }
                }
            } else {
                self.setting(0).and_then(|(path, item)| match &current {
                    Some(keys) => root.open(keys, |branch| branch.put(&path, item)),
                    None => nowhere.put(&path, item),
                })
            };
            if let Err(problem) = done {
                self.problems.push(problem);
                self.resume();
            }
        }
        root
    }

    /// `[a.b]` or `[[a.b]]`: the path, whether it is a list, the place.
    fn header(&mut self) -> Read<(Path, bool, Span)> {
        let from = self.at;
        self.at += 1;
        let list = self.take(b'[');
        let path = self.path(0)?;
        self.skip_blanks();
        let closed = self.take(b']') && (!list || self.take(b']'));
        let span = self.span(from, self.at);
        if !closed {
            let want = if list { "]]" } else { "]" };
            return Err(Problem::at(span, format!("expected {want:?} at the end of the header")));
        }
        Ok((path, list, span))
    }

    /// `key = value`.
    fn setting(&mut self, depth: usize) -> Read<(Path, Item)> {
        let path = self.path(depth)?;
        self.skip_blanks();
        if !self.take(b'=') {
            let key = path.last().map_or("", |(key, _)| key);
            return Err(Problem::at(self.here(), format!("expected \"=\" after the key {key:?}")));
        }
        self.skip_blanks();
        Ok((path, self.value(depth)?))
    }

    /// `a.'b' . "c"`
    fn path(&mut self, depth: usize) -> Read<Path> {
        let mut path = Vec::new();
        loop {
            self.skip_blanks();
            path.push(self.key()?);
            if path.len() + depth > DEPTH {
                return Err(Problem::at(self.here(), format!("tables are nested more than {DEPTH} deep")));
            }
            self.skip_blanks();
            if !self.take(b'.') {
                return Ok(path);
            }
        }
    }

    fn key(&mut self) -> Read<(String, Span)> {
        let from = self.at;
        let key = match self.peek() {
            Some(b'"') => self.basic_string()?,
            Some(b'\'') => self.literal_string()?,
            _ => {
                let rest = &self.text[from..];
                let bare = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                let end = rest.find(|c| !bare(c)).unwrap_or(rest.len());
                if end == 0 {
                    return Err(self.no_key());
                }
                self.at += end;
                rest[..end].to_owned()
            }
        };
        Ok((key, self.span(from, self.at)))
    }

    fn no_key(&self) -> Problem {
        match self.text[self.at..].chars().next() {
            None | Some('\n') => Problem::at(self.here(), "expected a key"),
            Some(c) => Problem::at(self.here(), format!("expected a key, found {:?}", c.to_string())),
        }
    }

    fn value(&mut self, depth: usize) -> Read<Item> {
        let from = self.at;
        if depth > DEPTH {
            return Err(Problem::at(self.here(), format!("values are nested more than {DEPTH} deep")));
        }
        let value = match self.peek() {
            Some(b'"') if self.text[from..].starts_with("\"\"\"") => Setting::Str(self.long_basic_string()?),
            Some(b'"') => Setting::Str(self.basic_string()?),
            Some(b'\'') if self.text[from..].starts_with("'''") => Setting::Str(self.long_literal_string()?),
            Some(b'\'') => Setting::Str(self.literal_string()?),
            Some(b'[') => Setting::Array(self.array(depth)?),
            Some(b'{') => return self.inline_table(depth),
            _ => self.word()?,
        };
        Ok(Item { value, span: self.span(from, self.at) })
    }

    fn array(&mut self, depth: usize) -> Read<Vec<Item>> {
        let from = self.at;
        self.at += 1;
        let mut list = Vec::new();
        loop {
            self.skip_blank_lines();
            if self.take(b']') {
                return Ok(list);
            }
            if self.at >= self.text.len() {
                return Err(Problem::at(self.span(from, from + 1), "list without end"));
            }
            list.push(self.value(depth + 1)?);
            self.skip_blank_lines();
            if !self.take(b',') && self.peek() != Some(b']') {
                let (line, _) = self.source.position(from);
                return Err(Problem::at(
                    self.here(),
                    format!("expected \",\" or \"]\" in the list that begins on line {line}"),
                ));
            }
        }
    }

    /// `{ a = 1, b.c = 2, }`, over several lines where the user likes.
    fn inline_table(&mut self, depth: usize) -> Read<Item> {
        let from = self.at;
        self.at += 1;
        let mut branch = Branch::root(self.span(from, from + 1));
        loop {
            self.skip_blank_lines();
            if self.take(b'}') {
                let span = self.span(from, self.at);
                let mut table = branch.into_table();
                table.span = span;
                return Ok(Item { value: Setting::Table(table), span });
            }
            if self.at >= self.text.len() {
                return Err(Problem::at(self.span(from, from + 1), "table without end"));
            }
            let (path, item) = self.setting(depth + 1)?;
            if let Err(problem) = branch.put(&path, item) {
                self.problems.push(problem);
            }
            self.skip_blank_lines();
            if !self.take(b',') && self.peek() != Some(b'}') {
                return Err(Problem::at(self.here(), "expected \",\" or \"}\" in the table"));
            }
        }
    }

    /// After a mistake: to the next line that looks like a header or a setting.
    fn resume(&mut self) {
        while let Some(end) = self.text[self.at..].find('\n') {
            self.at += end + 1;
            self.skip_blanks();
            let line = &self.text[self.at..];
            let line = &line[..line.find('\n').unwrap_or(line.len())];
            let starts = |s: &str| s.starts_with(|c: char| c.is_alphabetic() || c == '_');
            let begins = match line.trim_start_matches('[').trim_start() {
                rest if line.starts_with('[') => starts(rest) && rest.contains(']'),
                rest => starts(rest) && rest.contains('='),
            };
            if begins || line.starts_with('#') {
                return;
            }
        }
        self.at = self.text.len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Blanks, line ends and comments.
    fn skip_blank_lines(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn span(&self, from: usize, to: usize) -> Span {
        self.source.span(from, to)
    }

    /// The character that is next.
    fn here(&self) -> Span {
        let len = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        self.span(self.at, self.at + len)
    }
}
