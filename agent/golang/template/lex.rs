//! Splits a template into text and actions, and an action into tokens.
//!
//! Blanks are tokens, since `.a .b` is two operands and `.a.b` is one.

use super::TemplateError;

/// A piece of the source.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'s> {
    Text(&'s str),
    Action(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Blank,
    /// A function, keyword or constant.
    Word(String),
    /// `.name`
    Field(String),
    /// `.` alone
    Dot,
    /// `$name`, with its dollar sign
    Variable(String),
    Text(String),
    Char(char),
    Number(String),
    Open,
    Close,
    Bar,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// The pieces, each with its line.
pub(super) fn pieces(source: &str) -> Result<Vec<(usize, Piece<'_>)>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = source;
    let mut line = 1;
    let mut trim_next = false;
    loop {
        let open = rest.find("{{");
        let (mut text, action) = rest.split_at(open.unwrap_or(rest.len()));
        let text_lines = count_lines(text);
        if trim_next {
            text = text.trim_start_matches(is_blank);
        }
        let inner = action.strip_prefix("{{");
        let marked = inner.and_then(|inner| inner.strip_prefix('-').filter(|rest| rest.starts_with(is_blank)));
        if marked.is_some() {
            text = text.trim_end_matches(is_blank);
        }
        if !text.is_empty() {
            pieces.push((line, Piece::Text(text)));
        }
        line += text_lines;
        let Some(inner) = marked.or(inner) else {
            return Ok(pieces);
        };
        let start = line;
        let mut lexer = Lexer { rest: inner, line };
        let comment = lexer.rest.trim_start_matches(is_blank);
        if comment.starts_with("/*") && (marked.is_some() || lexer.rest.starts_with("/*")) {
            lexer.rest = comment;
            trim_next = lexer.comment().map_err(|cause| TemplateError::new(start, cause))?;
            line += count_lines(&inner[..inner.len() - lexer.rest.len()]);
        } else {
            let tokens = lexer.tokens();
            line = lexer.line;
            let (tokens, trim) = tokens.map_err(|cause| TemplateError::new(line, cause))?;
            trim_next = trim;
            pieces.push((start, Piece::Action(tokens)));
        }
        rest = lexer.rest;
    }
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

struct Lexer<'s> {
    rest: &'s str,
    line: usize,
}

impl Lexer<'_> {
    /// Skips a comment and the end of its action; whether the text after it is to be trimmed.
    fn comment(&mut self) -> Result<bool, String> {
        let end = self.rest[2..].find("*/").ok_or("unclosed comment")?;
        self.rest = &self.rest[2 + end + 2..];
        self.end().ok_or_else(|| "comment ends before closing delimiter".to_owned())
    }

    /// Takes the end of an action, if here is one; whether the text after it is to be trimmed.
    fn end(&mut self) -> Option<bool> {
        let trimmed = self.rest.strip_prefix(is_blank).map(|_| self.rest.trim_start_matches(is_blank));
        if let Some(rest) = trimmed.and_then(|rest| rest.strip_prefix("-}}")) {
            self.rest = rest;
            return Some(true);
        }
        self.rest = self.rest.strip_prefix("}}")?;
        Some(false)
    }

    /// The tokens up to the end of the action; whether the text after it is to be trimmed.
    fn tokens(&mut self) -> Result<(Vec<Token>, bool), String> {
        let mut tokens = Vec::new();
        loop {
            if let Some(trim) = self.end() {
                return Ok((tokens, trim));
            }
            let Some(char) = self.rest.chars().next() else {
                return Err("unclosed action".to_owned());
            };
            let token = match char {
                _ if is_blank(char) => {
                    let after = self.rest.trim_start_matches(is_blank);
                    self.line += count_lines(&self.rest[..self.rest.len() - after.len()]);
                    self.rest = after;
                    Token::Blank
                }
                '"' => Token::Text(self.quoted()?),
                '`' => Token::Text(self.raw()?),
                '\'' => Token::Char(self.character()?),
                '(' => self.one(Token::Open),
                ')' => self.one(Token::Close),
                '|' => self.one(Token::Bar),
                ',' => self.one(Token::Comma),
                '=' => self.one(Token::Assign),
                ':' => {
                    self.rest = self.rest.strip_prefix(":=").ok_or("expected :=")?;
                    Token::Declare
                }
                '$' => Token::Variable(format!("${}", self.name(1)?)),
                '.' if !self.rest[1..].starts_with(|char: char| char.is_ascii_digit()) => match self.name(1)? {
                    name if name.is_empty() => Token::Dot,
                    name => Token::Field(name),
                },
                '+' | '-' | '.' | '0'..='9' => Token::Number(self.number()),
                _ if is_name(char) => Token::Word(self.name(0)?),
                _ => return Err(format!("unexpected {char:?} in action")),
            };
            tokens.push(token);
        }
    }

    fn one(&mut self, token: Token) -> Token {
        self.rest = &self.rest[1..];
        token
    }

    /// Takes a name after `skip` bytes; what follows must not run into it.
    fn name(&mut self, skip: usize) -> Result<String, String> {
        let text = &self.rest[skip..];
        let end = text.find(|char| !is_name(char)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let ends = |char: char| is_blank(char) || matches!(char, '.' | ',' | '|' | ':' | '=' | ')' | '(');
        if !rest.is_empty() && !rest.starts_with(ends) && !rest.starts_with("}}") {
            let bad: String = rest.chars().take(1).collect();
            return Err(format!("bad character {bad:?}"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn number(&mut self) -> String {
        let mut before = ' ';
        let ends = |char: char| {
            let sign = matches!(char, '+' | '-') && (before == ' ' || matches!(before, 'e' | 'E' | 'p' | 'P'));
            before = char;
            !(sign || char.is_alphanumeric() || matches!(char, '_' | '.'))
        };
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number.to_owned()
    }

    fn raw(&mut self) -> Result<String, String> {
        let (text, rest) = self.rest[1..].split_once('`').ok_or("unterminated raw quoted string")?;
        self.line += count_lines(text);
        self.rest = rest;
        Ok(text.replace('\r', ""))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        self.rest = &self.rest[1..];
        loop {
            match self.rest.chars().next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some('"') => break,
                Some(_) => self.push_char(&mut bytes, '"')?,
            }
        }
        self.rest = &self.rest[1..];
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn character(&mut self) -> Result<char, String> {
        let mut bytes = Vec::new();
        self.rest = &self.rest[1..];
        if !self.rest.starts_with('\'') {
            self.push_char(&mut bytes, '\'')?;
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut chars = text.chars();
        let (Some(char), None) = (chars.next(), chars.next()) else {
            return Err("malformed character constant".to_owned());
        };
        self.rest = self.rest.strip_prefix('\'').ok_or("unterminated character constant")?;
        Ok(char)
    }

    /// Takes one character or escape sequence of a quoted text.
    fn push_char(&mut self, bytes: &mut Vec<u8>, quote: char) -> Result<(), String> {
        let mut chars = self.rest.chars();
        let mut next = || chars.next().ok_or_else(|| "unterminated quoted string".to_owned());
        let mut push = |char: char| bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        let char = next()?;
        if char != '\\' {
            push(char);
            self.rest = chars.as_str();
            return Ok(());
        }
        let escape = next()?;
        let digits = match escape {
            'a' => return self.escaped(bytes, 7),
            'b' => return self.escaped(bytes, 8),
            'f' => return self.escaped(bytes, 12),
            'n' => return self.escaped(bytes, b'\n'),
            'r' => return self.escaped(bytes, b'\r'),
            't' => return self.escaped(bytes, b'\t'),
            'v' => return self.escaped(bytes, 11),
            '\\' => return self.escaped(bytes, b'\\'),
            _ if escape == quote => return self.escaped(bytes, quote as u8),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='7' => 3,
            _ => return Err(format!("invalid escape \\{escape} in quoted string")),
        };
        let (radix, start) = if digits == 3 { (8, 1) } else { (16, 2) };
        let text = self.rest.get(start..start + digits).unwrap_or_default();
        let value = match text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            true => u32::from_str_radix(text, radix).ok(),
            false => None,
        };
        let invalid = || format!("invalid escape \\{escape} in quoted string");
        let value = value.ok_or_else(invalid)?;
        match digits {
            2 | 3 => bytes.push(u8::try_from(value).map_err(|_| invalid())?),
            _ => push(char::from_u32(value).ok_or_else(invalid)?),
        }
        self.rest = &self.rest[start + digits..];
        Ok(())
    }

    fn escaped(&mut self, bytes: &mut Vec<u8>, byte: u8) -> Result<(), String> {
        bytes.push(byte);
        self.rest = &self.rest[2..];
        Ok(())
    }
}

fn is_name(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}
