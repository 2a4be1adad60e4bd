//! The wildcard patterns of Telegraf's filters: gobwas/glob v0.2.3, and Telegraf's rule for when a list holds patterns.
//!
//! | pattern | matches |
//! | --- | --- |
//! | `*` | any text without a separator |
//! | `**` | any text |
//! | `?` | one character that is no separator |
//! | `[abc]` `[!abc]` | one character of the list, or one that is not |
//! | `[a-c]` `[!a-c]` | one character of the range, or one that is not; a range stands alone in its brackets |
//! | `{a,b*}` | one of the patterns, which may nest |
//! | `\x` | the character itself |
//!
//! A pattern matches the whole text, with regard to case. Filters run on the name, every tag and every field of every
//! metric, so almost all patterns of real configurations (names, `prefix*`, `*suffix`, `*part*`) are matched without any
//! machinery, names by a hash; the rest becomes one regular expression, which is linear in the text whatever the pattern.

mod filter;
mod parse;
mod set;

use std::fmt;

pub use filter::{Filter, IncludeExclude};
pub use set::Set;

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobError {
    pattern: Box<str>,
    cause: &'static str,
}

impl GlobError {
    fn new(pattern: &str, cause: &'static str) -> GlobError {
        GlobError { pattern: pattern.chars().take(60).collect::<String>().into(), cause }
    }
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compile pattern {:?}: {}", self.pattern, self.cause)
    }
}

impl std::error::Error for GlobError {}

/// One compiled pattern.
#[derive(Clone, Debug)]
pub struct Glob {
    set: Set,
}

impl Glob {
    /// Compiles a pattern; `*` and `?` do not match the characters in `separators`.
    pub fn compile(pattern: &str, separators: &[char]) -> Result<Glob, GlobError> {
        let set = Set::compile(&[pattern], separators)?;
        Ok(Glob { set })
    }

    /// Whether the pattern matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.set.is_match(text)
    }
}

#[cfg(test)]
mod tests;
