//! Splits a text into rows of fields. A field that is quoted from its first character may hold anything; a quote elsewhere is an error.

use std::borrow::Cow;

/// How rows are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: char,
    pub(super) comment: Option<char>,
    /// White space at the start of a field does not count.
    pub(super) trim: bool,
}

/// One field of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    from: usize,
    to: usize,
    /// There are doubled quotes or line ends of two bytes in it.
    escaped: bool,
}

impl Field {
    /// The text of the field.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let raw = &text[self.from..self.to];
        if self.escaped { Cow::Owned(raw.replace("\"\"", "\"").replace("\r\n", "\n")) } else { Cow::Borrowed(raw) }
    }
}

/// Where a text is being read.
pub(super) struct Rows<'t> {
    text: &'t str,
    /// The place of the next row.
    pub(super) at: usize,
    dialect: Dialect,
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t str, at: usize, dialect: Dialect) -> Self {
        Rows { text, at, dialect }
    }

    /// The text that is read.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Takes one line as it is, without its end.
    pub(super) fn line(&mut self) -> Option<&'t str> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |i| i + 1);
        self.at += end;
        Some(rest[..end].trim_end_matches(['\r', '\n']))
    }

    /// Reads the next row into `fields` and gives where it begins; blank lines and comments are passed. On an error the line at which the
    /// row begins is left out.
    pub(super) fn next(&mut self, fields: &mut Vec<Field>) -> Option<Result<usize, (usize, &'static str)>> {
        let bytes = self.text.as_bytes();
        loop {
            let rest = &self.text[self.at..];
            let first = rest.chars().next()?;
            if first == '\n' {
                self.at += 1;
            } else if rest.starts_with("\r\n") || rest == "\r" {
                self.at += rest.len().min(2);
            } else if Some(first) == self.dialect.comment {
                self.line();
            } else {
                break;
            }
        }
        let start = self.at;
        fields.clear();
        match self.row(fields) {
            Ok(()) => Some(Ok(start)),
            Err(cause) => {
                self.at = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |i| start + i + 1);
                Some(Err((start, cause)))
            }
        }
    }

    fn row(&mut self, fields: &mut Vec<Field>) -> Result<(), &'static str> {
        let bytes = self.text.as_bytes();
        let mut code = [0; 4];
        let delimiter = self.dialect.delimiter.encode_utf8(&mut code).as_bytes();
        let quotes = self.dialect.delimiter != '"';
        loop {
            if self.dialect.trim {
                let rest = &self.text[self.at..];
                let blank = |c: char| c.is_whitespace() && c != '\n' && c != '\r';
                self.at += rest.len() - rest.trim_start_matches(blank).len();
            }
            let quoted = quotes && bytes.get(self.at) == Some(&b'"');
            let from = self.at + usize::from(quoted);
            let (to, escaped) =
                if quoted { self.quoted_end(from)? } else { (self.plain_end(from, delimiter, quotes)?, false) };
            fields.push(Field { from, to, escaped });
            self.at = to + usize::from(quoted);
            let rest = &bytes[self.at..];
            if rest.starts_with(delimiter) {
                self.at += delimiter.len();
                continue;
            }
            // What is left is a line end, or a quote that ended too early.
            self.at += match rest {
                [] => 0,
                [b'\n', ..] | [b'\r'] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => return Err("text behind a closing quote"),
            };
            return Ok(());
        }
    }

    fn plain_end(&self, from: usize, delimiter: &[u8], quotes: bool) -> Result<usize, &'static str> {
        let bytes = self.text.as_bytes();
        let mut at = from;
        while let Some(&b) = bytes.get(at) {
            match b {
                b'\n' => break,
                b'\r' if matches!(bytes.get(at + 1), None | Some(b'\n')) => break,
                b'"' if quotes => return Err("quote in a field that is not quoted"),
                b if b == delimiter[0] && bytes[at..].starts_with(delimiter) => break,
                _ => at += 1,
            }
        }
        Ok(at)
    }

    fn quoted_end(&self, from: usize) -> Result<(usize, bool), &'static str> {
        let bytes = self.text.as_bytes();
        let (mut at, mut escaped) = (from, false);
        loop {
            match memchr::memchr2(b'"', b'\r', &bytes[at..]) {
                None => return Err("quoted field without an end"),
                Some(i) => at += i,
            }
            match (bytes[at], bytes.get(at + 1)) {
                (b'"', Some(b'"')) | (b'\r', Some(b'\n')) => {
                    escaped = true;
                    at += 2;
                }
                (b'"', _) => return Ok((at, escaped)),
                _ => at += 1,
            }
        }
    }
}

/// A table with commas: its rows, each with the line at which it begins, 1 the first. White space before a field does not count, and lines
/// that begin with `#` are notes. An error is what is wrong with its row.
pub fn table(text: &str) -> impl Iterator<Item = (usize, Result<Vec<Cow<'_, str>>, &'static str>)> {
    let mut rows = Rows::new(text, 0, Dialect { delimiter: ',', comment: Some('#'), trim: true });
    let mut fields = Vec::new();
    let (mut counted, mut line) = (0, 1);
    std::iter::from_fn(move || {
        let (start, row) = match rows.next(&mut fields)? {
            Ok(start) => (start, Ok(fields.iter().map(|field| field.text(text)).collect())),
            Err((start, cause)) => (start, Err(cause)),
        };
        line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..start]).count();
        counted = start;
        Some((line, row))
    })
}

/// How many bytes at the start are whole rows, of which the first `raw` are lines without quotes.
pub(super) fn whole_rows(bytes: &[u8], raw: usize, dialect: Dialect) -> usize {
    let mut code = [0; 4];
    let delimiter = dialect.delimiter.encode_utf8(&mut code).as_bytes();
    let mut comment = [0; 4];
    let comment = dialect.comment.map(|c| c.encode_utf8(&mut comment).len());
    let (mut whole, mut at, mut lines) = (0, 0, 0);
    'row: loop {
        let line_end = |at: usize| memchr::memchr(b'\n', &bytes[at..]).map(|i| at + i + 1);
        let is_comment = comment.is_some_and(|len| {
            let c =
                std::str::from_utf8(bytes.get(at..at + len).unwrap_or_default()).ok().and_then(|c| c.chars().next());
            c.is_some() && c == dialect.comment
        });
        if lines < raw || is_comment {
            let Some(end) = line_end(at) else { return whole };
            lines += 1;
            (whole, at) = (end, end);
            continue;
        }
        // A row: quotes count where a field begins.
        loop {
            while dialect.trim && matches!(bytes.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            if bytes.get(at) == Some(&b'"') && dialect.delimiter != '"' {
                at += 1;
                loop {
                    let Some(i) = memchr::memchr(b'"', &bytes[at..]) else { return whole };
                    at += i + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    at += 1;
                }
            }
            loop {
                match bytes.get(at) {
                    None => return whole,
                    Some(b'\n') => {
                        at += 1;
                        whole = at;
                        lines += 1;
                        continue 'row;
                    }
                    Some(b) if *b == delimiter[0] && bytes[at..].starts_with(delimiter) => {
                        at += delimiter.len();
                        break;
                    }
                    Some(_) => at += 1,
                }
            }
        }
    }
}
