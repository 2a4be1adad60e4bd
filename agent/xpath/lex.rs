//! Cuts an expression into tokens.
//!
//! Source: XPath 1.0, 3.7. Whether `*` multiplies and whether `div` is a name depends on what stands before; that is left to the parser,
//! which knows whether it looks for an operand or an operator.

use super::expression::CompileError;

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'t> {
    /// A name with its prefix, which is empty where there is none; `*` may be the name.
    Name { prefix: &'t str, local: &'t str },
    /// A name before `::`.
    Axis(&'t str),
    /// A text in quotes.
    Literal(&'t str),
    /// A number.
    Number(f64),
    /// `@`, `/`, `//`, `(`, `[`, `.`, `..`, `=` and so on.
    Sign(&'static str),
    /// Nothing more.
    End,
}

/// The signs, those of two characters first.
const SIGNS: &[&str] = &[
    "//", "..", "::", "!=", "<=", ">=", "/", ".", "@", "(", ")", "[", "]", ",", "|", "+", "-", "=", "<", ">", "*", "$",
];

pub(crate) struct Lexer<'t> {
    text: &'t str,
    /// Where the token begins.
    pub(crate) at: usize,
    /// Where it ends.
    end: usize,
    pub(crate) token: Token<'t>,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Result<Self, CompileError> {
        let mut lexer = Lexer { text, at: 0, end: 0, token: Token::End };
        lexer.next()?;
        Ok(lexer)
    }

    /// Goes to the next token.
    pub(crate) fn next(&mut self) -> Result<(), CompileError> {
        self.at = self.skip_space(self.end);
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            self.token = Token::End;
            return Ok(());
        };
        if first == '"' || first == '\'' {
            let inner = &rest[1..];
            let len = inner.find(first).ok_or_else(|| self.error("text without a closing quote"))?;
            self.token = Token::Literal(&inner[..len]);
            self.end = self.at + len + 2;
        } else if first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let fraction =
                rest[len..].strip_prefix('.').map(|f| f.find(|c: char| !c.is_ascii_digit()).unwrap_or(f.len()));
            let len = len + fraction.map_or(0, |f| f + 1);
            let number = rest[..len].parse().map_err(|_| self.error("invalid number"))?;
            self.token = Token::Number(number);
            self.end = self.at + len;
        } else if starts_name(first) {
            self.name(rest);
        } else {
            let sign =
                SIGNS.iter().find(|s| rest.starts_with(**s)).ok_or_else(|| self.error("unexpected character"))?;
            self.token = Token::Sign(sign);
            self.end = self.at + sign.len();
        }
        Ok(())
    }

    fn name(&mut self, rest: &'t str) {
        let len = name_length(rest);
        let (local, behind) = rest.split_at(len);
        self.end = self.at + len;
        let axis = behind.trim_start();
        if axis.starts_with("::") {
            self.token = Token::Axis(local);
            self.end = self.text.len() - axis.len() + 2;
            return;
        }
        self.token = Token::Name { prefix: "", local };
        if let Some(second) = behind.strip_prefix(':') {
            let len = if second.starts_with('*') { 1 } else { name_length(second) };
            if len > 0 {
                self.token = Token::Name { prefix: local, local: &second[..len] };
                self.end += 1 + len;
            }
        }
    }

    /// True if the next token opens parentheses.
    pub(crate) fn before_parenthesis(&self) -> bool {
        self.text[self.skip_space(self.end)..].starts_with('(')
    }

    /// An error about the place of the token.
    pub(crate) fn error(&self, cause: impl Into<String>) -> CompileError {
        CompileError { at: self.at, cause: cause.into() }
    }

    fn skip_space(&self, at: usize) -> usize {
        self.text.len() - self.text[at..].trim_start().len()
    }
}

fn starts_name(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn name_length(text: &str) -> usize {
    let mut chars = text.char_indices();
    match chars.next() {
        Some((_, first)) if starts_name(first) => {}
        _ => return 0,
    }
    let end = chars.find(|(_, c)| !(starts_name(*c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}')));
    end.map_or(text.len(), |(i, _)| i)
}
