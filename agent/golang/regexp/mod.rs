//! Regular expressions in Go's syntax (RE2, Go packages `regexp` and `regexp/syntax`) on top of the `regex` crate.
//!
//! Both engines are of one family and agree on what matches first, so a pattern only has to be rewritten: in Go `\d \w \s
//! \b` and their opposites are ASCII, `\Q..\E` quotes, classes do not nest, octal escapes exist, and stacked repetitions
//! or back-references are errors. Replacements are Go's as well: `$1`, `${name}`, `$$`, and a `$1_x` that means the group
//! `1_x`.
//!
//! ```
//! use agent_golang::regexp::Regexp;
//!
//! let regexp = Regexp::compile(r"^(\w+)_(?P<number>\d+)$").unwrap();
//! let replacement = regexp.replacement("${number}: $1");
//! assert_eq!(regexp.replace_all("job_7", &replacement), "7: job");
//! ```

mod class;
mod matcher;
mod replace;
mod translate;

use std::borrow::Cow;
use std::fmt;

use regex::{Captures, Regex};

pub use matcher::{Groups, Matcher};
pub use replace::Replacement;

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexpError {
    pattern: Box<str>,
    cause: Box<str>,
}

impl RegexpError {
    fn new(pattern: &str, cause: impl Into<Box<str>>) -> RegexpError {
        RegexpError { pattern: pattern.chars().take(60).collect::<String>().into(), cause: cause.into() }
    }
}

impl fmt::Display for RegexpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compile pattern {:?}: {}", self.pattern, self.cause)
    }
}

impl std::error::Error for RegexpError {}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Regexp {
    regex: Regex,
    pattern: Box<str>,
    /// The name of each group, the whole match (which has none) first.
    names: Box<[Option<Box<str>>]>,
}

impl Regexp {
    /// Compiles a pattern in Go's syntax.
    pub fn compile(pattern: &str) -> Result<Regexp, RegexpError> {
        let translated = translate::translate(pattern).map_err(|cause| RegexpError::new(pattern, cause))?;
        let regex = Regex::new(&translated.pattern).map_err(|error| RegexpError::new(pattern, cause(&error)))?;
        Ok(Regexp { regex, pattern: pattern.into(), names: translated.names.into() })
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The engine below, to search with; its groups have numbers, their names are in [`names`](Regexp::names).
    pub fn as_regex(&self) -> &Regex {
        &self.regex
    }

    /// The name of each group, the whole match (which has none) first.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.names.iter().map(Option::as_deref)
    }

    /// The number of the first group of that name.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own.as_deref() == Some(name))
    }

    /// Whether the pattern matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Compiles a replacement in Go's syntax for this pattern. Never fails: what names no group is empty.
    pub fn replacement(&self, template: &str) -> Replacement {
        Replacement::compile(template, self)
    }

    /// Replaces every match; the text itself comes back where nothing matches.
    pub fn replace_all<'t>(&self, text: &'t str, replacement: &Replacement) -> Cow<'t, str> {
        let Some(first) = self.regex.find(text) else {
            return Cow::Borrowed(text);
        };
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        if let Some(literal) = replacement.as_literal() {
            for found in self.regex.find_iter(text) {
                out.push_str(&text[done..found.start()]);
                out.push_str(literal);
                done = found.end();
            }
        } else {
            out.push_str(&text[..first.start()]);
            done = first.start();
            for captures in self.regex.captures_iter(text) {
                let found = captures.get_match();
                out.push_str(&text[done..found.start()]);
                replacement.expand(&captures, &mut out);
                done = found.end();
            }
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }

    /// Appends the replacement with the groups of one match.
    pub fn expand(&self, replacement: &Replacement, captures: &Captures<'_>, out: &mut String) {
        replacement.expand(captures, out);
    }
}

/// The last line of the engine's message; the lines before it show the rewritten pattern, which no one has seen.
fn cause(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;
