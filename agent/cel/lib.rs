#![doc = include_str!("README.md")]
//!
//! # Map
//!
//! `token`, `parse`, `macros` (source to tree, `ast`), `compile` with `types` (tree to plan), `eval` (plan to result, over
//! `value`), `functions` (the library), `moment` (time), `error`.

mod ast;
mod compile;
mod error;
mod eval;
mod functions;
mod macros;
mod moment;
mod parse;
mod token;
mod types;
mod value;

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use error::Mistake;
pub use error::{CompileError, EvalError};
use eval::{Context, Node};
use types::Type;

/// Most bytes of an expression's source.
pub const MAX_SOURCE: usize = 64 * 1024;

/// Most steps of one evaluation: one for each element visited, compared or made and for each 16 bytes of text.
pub const MAX_STEPS: usize = 1_000_000;

/// What an expression is about: a metric, asked piece by piece and never copied.
///
/// Keys must be unique, and counts agree with what the `_at` methods return.
pub trait Subject {
    /// The variable `name`.
    fn name(&self) -> &str;
    /// The variable `time`, in nanoseconds since 1970.
    fn time_ns(&self) -> i64;
    /// The value of a tag.
    fn tag(&self, key: &str) -> Option<&str>;
    /// The number of tags.
    fn tag_count(&self) -> usize;
    /// The tag at a place from 0 to below the count, as key and value.
    fn tag_at(&self, place: usize) -> Option<(&str, &str)>;
    /// The value of a field.
    fn field(&self, key: &str) -> Option<Field<'_>>;
    /// The number of fields.
    fn field_count(&self) -> usize;
    /// The field at a place from 0 to below the count, as key and value.
    fn field_at(&self, place: usize) -> Option<(&str, Field<'_>)>;

    /// What `now()` returns, in nanoseconds since 1970; the system's clock unless overridden.
    fn now_ns(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// `int` in an expression.
    Int(i64),
    /// `uint` in an expression.
    Uint(u64),
    /// `double` in an expression.
    Float(f64),
    /// `bool` in an expression.
    Bool(bool),
    /// `string` in an expression.
    Str(&'a str),
}

/// An expression, compiled: immutable, and evaluated from any number of threads.
#[derive(Debug)]
pub struct Program {
    root: Node,
}

impl Program {
    /// Compiles an expression whose result is a boolean.
    ///
    /// # Errors
    ///
    /// The first mistake with its place: syntax, names, types, a constant that does not convert, a constant pattern that
    /// is none, or a result that is not certainly a boolean.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let (root, of) = plan(source)?;
        match of {
            Type::Bool => Ok(Self { root }),
            Type::Dyn => {
                Err("expression must return a bool, but may return anything; compare it, as in 'fields.x == true'"
                    .to_owned())
            }
            other => Err(format!("expression must return a bool, but returns '{other}'")),
        }
        .map_err(|message| Mistake::new(0, message).locate(source))
    }

    /// Whether the expression holds for `subject`.
    ///
    /// # Errors
    ///
    /// A key that is not there, values of types that do not go together, an overflow, or too much work ([`MAX_STEPS`]), where
    /// `&&` and `||` did not do without.
    pub fn test(&self, subject: &dyn Subject) -> Result<bool, EvalError> {
        self.root.test(&mut Context::new(subject, MAX_STEPS)).map_err(EvalError::from)
    }
}

/// The plan for `source` and the type of its result.
fn plan(source: &str) -> Result<(Node, Type), CompileError> {
    if source.len() > MAX_SOURCE {
        return Err(Mistake::new(0, format!("expression is longer than {MAX_SOURCE} bytes")).locate(source));
    }
    parse::parse(source).and_then(|expr| compile::compile(&expr)).map_err(|mistake| mistake.locate(source))
}

/// Stands in for the metric while constants are computed, which never look at it.
struct NoSubject;

impl Subject for NoSubject {
    fn name(&self) -> &str {
        ""
    }

    fn time_ns(&self) -> i64 {
        0
    }

    fn tag(&self, _: &str) -> Option<&str> {
        None
    }

    fn tag_count(&self) -> usize {
        0
    }

    fn tag_at(&self, _: usize) -> Option<(&str, &str)> {
        None
    }

    fn field(&self, _: &str) -> Option<Field<'_>> {
        None
    }

    fn field_count(&self) -> usize {
        0
    }

    fn field_at(&self, _: usize) -> Option<(&str, Field<'_>)> {
        None
    }
}
