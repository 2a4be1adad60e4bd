//! What goes wrong: a source that does not compile, and an evaluation that fails.
//!
//! A compile error is the user's and carries a position. An evaluation error is mostly a key that is not there,
//! and `&&` and `||` absorb it, so it must be made without formatting: text is built only when somebody reads it.

use std::borrow::Cow;
use std::fmt;

use crate::value::Value;

/// A source that is no valid expression, with the place of the first mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for CompileError {}

/// A mistake at a byte offset of the source, before the offset is turned into line and column.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Mistake {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    pub(crate) fn locate(self, source: &str) -> CompileError {
        let before = &source[..source.floor_char_boundary(self.at)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        CompileError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: self.message,
        }
    }
}

/// An evaluation that came to no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError(String);

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EvalError {}

/// An evaluation error that has not been asked for its text yet.
#[derive(Debug)]
pub(crate) enum Fault<'a> {
    /// A map has no such key.
    NoSuchKey(Value<'a>),
    /// The operator or function does not take values of these types.
    NoSuchOverload(&'static str),
    /// The evaluation would take too long or too much memory.
    Exhausted,
    /// Anything else.
    Message(Cow<'static, str>),
}

pub(crate) type Outcome<'a> = Result<Value<'a>, Fault<'a>>;

impl From<&'static str> for Fault<'_> {
    fn from(message: &'static str) -> Self {
        Self::Message(Cow::Borrowed(message))
    }
}

impl From<String> for Fault<'_> {
    fn from(message: String) -> Self {
        Self::Message(Cow::Owned(message))
    }
}

impl From<Fault<'_>> for EvalError {
    fn from(fault: Fault<'_>) -> Self {
        Self(match fault {
            Fault::NoSuchKey(key) => format!("no such key: {}", excerpt(&key.to_string())),
            Fault::NoSuchOverload("") => "no such overload".to_owned(),
            Fault::NoSuchOverload(function) => format!("no such overload: {function}"),
            Fault::Exhausted => format!("expression takes more than {} steps", crate::MAX_STEPS),
            Fault::Message(text) => text.into_owned(),
        })
    }
}

/// Data for an error text, cut at 60 characters.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
