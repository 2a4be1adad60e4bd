//! The lexer: text to tokens, with the indentation turned into indent and outdent tokens.

use super::ast::Name;
use super::literal;
use crate::error::{Error, Position, Result};
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Newline,
    Indent,
    Outdent,
    End,
    Name(Name),
    Int(i128),
    Float(f64),
    Str(Rc<[u8]>),
    Bytes(Rc<[u8]>),
    /// Keywords and punctuation, by their spelling.
    Sign(&'static str),
}

impl Token {
    /// As error texts call it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Newline => "newline".into(),
            Token::Indent => "indent".into(),
            Token::Outdent => "outdent".into(),
            Token::End => "end of file".into(),
            Token::Name(_) => "identifier".into(),
            Token::Int(_) => "int literal".into(),
            Token::Float(_) => "float literal".into(),
            Token::Str(_) => "string literal".into(),
            Token::Bytes(_) => "bytes literal".into(),
            Token::Sign(sign) => describe_sign(sign),
        }
    }
}

pub(crate) fn describe_sign(sign: &str) -> String {
    if sign.starts_with(|c: char| c.is_ascii_alphabetic()) { sign.into() } else { format!("'{sign}'") }
}

const KEYWORDS: &[&str] = &[
    "and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass",
    "return", "while",
];
const RESERVED: &[&str] = &[
    "as", "assert", "class", "del", "except", "finally", "from", "global", "import", "is", "nonlocal", "raise", "try",
    "with", "yield",
];
/// The longer ones first, as the first match wins.
const SIGNS: &[&str] = &[
    "<<=", ">>=", "//=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
    "^=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "=", ".", ",", ";", ":", "(", ")", "[", "]", "{", "}",
];
/// Deeper indentation than this is refused.
const MOST_INDENTS: usize = 100;

pub(crate) fn tokens(source: &str, file: &str) -> Result<Vec<(Token, Position)>> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut lexer = Lexer {
        rest: source,
        file,
        line: 1,
        column: 1,
        brackets: 0,
        indents: vec![0],
        out: Vec::with_capacity(source.len() / 3),
    };
    lexer.run()?;
    Ok(lexer.out)
}

struct Lexer<'a> {
    rest: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    brackets: usize,
    indents: Vec<usize>,
    out: Vec<(Token, Position)>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<()> {
        let mut line_start = true;
        loop {
            if line_start && self.brackets == 0 && !self.indentation()? {
                break;
            }
            line_start = false;
            self.skip_blanks();
            let at = self.position();
            let Some(c) = self.rest.chars().next() else { break };
            match c {
                '\n' => {
                    self.advance(1);
                    if self.brackets == 0 {
                        self.out.push((Token::Newline, at));
                        line_start = true;
                    }
                }
                '#' => self.skip_comment(),
                '\\' => {
                    let after = self.rest[1..].strip_prefix('\r').unwrap_or(&self.rest[1..]);
                    if !after.starts_with('\n') {
                        return Err(self.error(at, "stray backslash in source"));
                    }
                    self.advance(self.rest.len() - after.len() + 1);
                }
                '0'..='9' => self.number(at)?,
                '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(at)?,
                '"' | '\'' => self.string(at, false, false)?,
                c if c == '_' || c.is_alphabetic() => self.word(at)?,
                _ => self.sign(at)?,
            }
        }
        self.finish();
        Ok(())
    }

    fn finish(&mut self) {
        let at = self.position();
        if !matches!(self.out.last(), None | Some((Token::Newline, _))) {
            self.out.push((Token::Newline, at));
        }
        while self.indents.len() > 1 {
            self.indents.pop();
            self.out.push((Token::Outdent, at));
        }
        self.out.push((Token::End, at));
    }

    /// Reads the blanks in front of a line; lines without code are skipped. False at the end of the text.
    fn indentation(&mut self) -> Result<bool> {
        loop {
            let mut width = 0;
            while let Some(c) = self.rest.chars().next() {
                match c {
                    ' ' => width += 1,
                    '\t' => width += 8 - width % 8,
                    '\r' | '\u{c}' => {}
                    _ => break,
                }
                self.advance(1);
            }
            match self.rest.chars().next() {
                None => return Ok(false),
                Some('#') => self.skip_comment(),
                Some('\n') => self.advance(1),
                Some(_) => {
                    self.indent_to(width)?;
                    return Ok(true);
                }
            }
        }
    }

    fn indent_to(&mut self, width: usize) -> Result<()> {
        let at = self.position();
        let mut current = self.indents.last().copied().unwrap_or(0);
        if width > current {
            if self.indents.len() >= MOST_INDENTS {
                return Err(self.error(at, "too deep indentation"));
            }
            self.indents.push(width);
            self.out.push((Token::Indent, at));
            return Ok(());
        }
        while width < current {
            self.indents.pop();
            current = self.indents.last().copied().unwrap_or(0);
            self.out.push((Token::Outdent, at));
        }
        if width != current {
            return Err(self.error(at, "unindent does not match any outer indentation level"));
        }
        Ok(())
    }

    fn word(&mut self, at: Position) -> Result<()> {
        let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        let quoted = self.rest[end..].starts_with(['"', '\'']);
        let (raw, bytes) = (word.contains('r'), word.contains('b'));
        if quoted && matches!(word, "r" | "b" | "rb" | "br") {
            self.advance(end);
            return self.string(at, raw, bytes);
        }
        if RESERVED.contains(&word) {
            return Err(self.error(at, &format!("{word} is a reserved keyword")));
        }
        let token = match KEYWORDS.iter().find(|&&keyword| keyword == word) {
            Some(keyword) => Token::Sign(keyword),
            None => Token::Name(word.into()),
        };
        self.out.push((token, at));
        self.advance(end);
        Ok(())
    }

    fn number(&mut self, at: Position) -> Result<()> {
        let (token, length) = literal::number(self.rest).map_err(|text| self.error(at, &text))?;
        self.out.push((token, at));
        self.advance(length);
        Ok(())
    }

    fn string(&mut self, at: Position, raw: bool, bytes: bool) -> Result<()> {
        let length = literal::quoted_length(self.rest).map_err(|text| self.error(at, text))?;
        let value = literal::unquote(&self.rest[..length], raw, bytes).map_err(|text| self.error(at, &text))?;
        self.out.push((if bytes { Token::Bytes(value.into()) } else { Token::Str(value.into()) }, at));
        self.advance(length);
        Ok(())
    }

    fn sign(&mut self, at: Position) -> Result<()> {
        let Some(sign) = SIGNS.iter().find(|&&sign| self.rest.starts_with(sign)) else {
            let c = self.rest.chars().next().unwrap_or(' ');
            return Err(self.error(at, &format!("unexpected input character {c:?}")));
        };
        match *sign {
            "(" | "[" | "{" => self.brackets += 1,
            ")" | "]" | "}" if self.brackets == 0 => {
                return Err(self.error(at, &format!("unexpected '{sign}'")));
            }
            ")" | "]" | "}" => self.brackets -= 1,
            _ => {}
        }
        self.out.push((Token::Sign(sign), at));
        self.advance(sign.len());
        Ok(())
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.find(|c| !matches!(c, ' ' | '\t' | '\r' | '\u{c}')).unwrap_or(self.rest.len());
        self.advance(blanks);
    }

    fn skip_comment(&mut self) {
        self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
    }

    fn advance(&mut self, bytes: usize) {
        for c in self.rest[..bytes].chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = &self.rest[bytes..];
    }

    fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    fn error(&self, at: Position, text: &str) -> Error {
        Error::syntax(self.file, at, text)
    }
}
