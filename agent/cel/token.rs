//! Splits the source into tokens, with string and number literals already decoded.
//!
//! Literals follow CEL's grammar: raw and triple-quoted strings, bytes, hexadecimal integers, `u` for unsigned.

use crate::error::{Mistake, excerpt};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    /// A field name in backquotes; allowed after a dot only.
    Quoted(String),
    /// The digits of an integer, still without sign, with their radix.
    Int(String, u32),
    Uint(u64),
    Double(f64),
    Str(String),
    Bytes(Vec<u8>),
    /// An operator or bracket; `in` is one, too.
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// The tokens of `source` with their byte offsets, the last being [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let mut scanner = Scanner { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        scanner.skip_blanks();
        let start = scanner.at;
        let token = scanner.token()?;
        let end = token == Token::End;
        tokens.push((start, token));
        if end {
            return Ok(tokens);
        }
    }
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Scanner<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.source.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn mistake<T>(&self, start: usize, message: &str) -> Result<T, Mistake> {
        Err(Mistake::new(start, message))
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'s str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn skip_blanks(&mut self) {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|byte| byte != b'\n');
        }
    }

    fn token(&mut self) -> Result<Token, Mistake> {
        let first = self.byte(0);
        if self.rest().is_empty() {
            return Ok(Token::End);
        }
        if first.is_ascii_digit() || (first == b'.' && self.byte(1).is_ascii_digit()) {
            return self.number();
        }
        if let Some(literal) = self.string()? {
            return Ok(literal);
        }
        if first.is_ascii_alphabetic() || first == b'_' {
            let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return Ok(if name == "in" { Token::Sign("in") } else { Token::Ident(name.to_owned()) });
        }
        if first == b'`' {
            return self.quoted();
        }
        match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None if self.rest().starts_with('=') => {
                self.mistake(self.at, "syntax error: '=' is no operator, '==' compares")
            }
            None => {
                let character = self.rest().chars().next().unwrap_or_default();
                self.mistake(self.at, &format!("syntax error: unexpected character {character:?}"))
            }
        }
    }

    fn quoted(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        self.at += 1;
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-/ ".contains(&byte));
        if name.is_empty() || self.byte(0) != b'`' {
            return self.mistake(start, "syntax error: invalid field name in backquotes");
        }
        self.at += 1;
        Ok(Token::Quoted(name.to_owned()))
    }

    fn number(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') && self.byte(2).is_ascii_hexdigit() {
            self.at += 2;
            let digits = self.take_while(|byte| byte.is_ascii_hexdigit());
            return self.integer(start, digits, 16);
        }
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let mut float = false;
        if self.byte(0) == b'.' && self.byte(1).is_ascii_digit() {
            float = true;
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
            float = true;
            self.at += 1 + sign;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        if !float {
            return self.integer(start, digits, 10);
        }
        match self.source[start..self.at].parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Double(number)),
            _ => self.mistake(start, "invalid double literal"),
        }
    }

    fn integer(&mut self, start: usize, digits: &str, radix: u32) -> Result<Token, Mistake> {
        if !matches!(self.byte(0), b'u' | b'U') {
            return Ok(Token::Int(digits.to_owned(), radix));
        }
        self.at += 1;
        match u64::from_str_radix(digits, radix) {
            Ok(number) => Ok(Token::Uint(number)),
            Err(_) => self.mistake(start, "invalid uint literal"),
        }
    }

    /// A string or bytes literal, if one starts here: `b`, then `r`, then one or three quotation marks.
    fn string(&mut self) -> Result<Option<Token>, Mistake> {
        let start = self.at;
        let bytes = matches!(self.byte(0), b'b' | b'B');
        let raw = matches!(self.byte(usize::from(bytes)), b'r' | b'R');
        let quote_at = usize::from(bytes) + usize::from(raw);
        let quote = match self.byte(quote_at) {
            b'"' => "\"\"\"",
            b'\'' => "'''",
            _ => return Ok(None),
        };
        let triple = self.rest()[quote_at..].starts_with(quote);
        let quote = if triple { quote } else { &quote[..1] };
        self.at += quote_at + quote.len();
        let mut text = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len();
                break;
            }
            match rest.chars().next() {
                None => return self.mistake(start, "syntax error: string without end"),
                Some('\n' | '\r') if !triple => {
                    return self.mistake(start, "syntax error: string without end");
                }
                Some('\\') if !raw => self.escape(bytes, &mut text)?,
                Some(character) => {
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += character.len_utf8();
                }
            }
        }
        if bytes {
            return Ok(Some(Token::Bytes(text)));
        }
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(Token::Str(text))),
            Err(_) => self.mistake(start, "string is not UTF-8"),
        }
    }

    fn escape(&mut self, bytes: bool, text: &mut Vec<u8>) -> Result<(), Mistake> {
        let start = self.at;
        let plain = match self.byte(1) {
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            mark @ (b'\\' | b'"' | b'\'' | b'`' | b'?') => mark,
            b'x' | b'X' => return self.code(2, 2, 16, bytes, text),
            b'u' if !bytes => return self.code(2, 4, 16, bytes, text),
            b'U' if !bytes => return self.code(2, 8, 16, bytes, text),
            b'0'..=b'3' => return self.code(1, 3, 8, bytes, text),
            _ => {
                let shown: String = self.rest().chars().take(2).collect();
                return self.mistake(start, &format!("syntax error: unknown escape sequence {}", excerpt(&shown)));
            }
        };
        self.at += 2;
        text.push(plain);
        Ok(())
    }

    /// An escape sequence of `digits` digits after `skip` characters.
    fn code(&mut self, skip: usize, digits: usize, radix: u32, bytes: bool, text: &mut Vec<u8>) -> Result<(), Mistake> {
        let start = self.at;
        let code =
            self.rest().get(skip..skip + digits).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = code.and_then(|code| u32::from_str_radix(code, radix).ok()) else {
            return self.mistake(start, "syntax error: incomplete escape sequence");
        };
        self.at += skip + digits;
        match (u8::try_from(code), char::from_u32(code)) {
            (Ok(byte), _) if bytes => text.push(byte),
            (_, Some(character)) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => return self.mistake(start, "invalid unicode code point"),
        }
        Ok(())
    }
}
