//! The one error type: a message, and where in the script it happened.
//!
//! An error is boxed so that a `Result<Value>` stays small on the hot path; the trace is filled in while the error
//! passes through the frames of the script, from the innermost outwards.

use std::fmt;

/// Line and column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One function of the script that was active when an error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of the function, `<toplevel>` for the top level, `lambda` for a lambda.
    pub function: String,
    /// Name of the script's file.
    pub file: String,
    /// Where in the script the function was.
    pub position: Position,
}

/// What can go wrong with a script; `Display` shows the message only, [`Error::traceback`] everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    message: String,
    /// Innermost first.
    sites: Vec<Site>,
    builtin: Option<String>,
    last: bool,
}

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with this message and no place yet; the interpreter adds the place.
    pub fn new(message: impl Into<String>) -> Error {
        Error(Box::new(Inner { message: message.into(), sites: Vec::new(), builtin: None, last: false }))
    }

    /// An error found before the script ran; its message starts with the place, as `file:line:column: `.
    pub(crate) fn syntax(file: &str, position: Position, message: impl fmt::Display) -> Error {
        Error::new(format!("{file}:{}:{}: {message}", position.line, position.column))
    }

    /// An error that ends the whole call: the limits, which a script's `catch` must not be able to outlive.
    pub(crate) fn limit(message: impl Into<String>) -> Error {
        let mut error = Error::new(message);
        error.0.last = true;
        error
    }

    pub(crate) fn is_limit(&self) -> bool {
        self.0.last
    }

    /// The message without the trace.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The functions of the script that were active, the outermost first; empty for errors found before the run.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.0.sites.iter().rev()
    }

    /// The trace as text of several lines, ending in the message and without a line end.
    pub fn traceback(&self) -> String {
        let mut text = String::new();
        if !self.0.sites.is_empty() {
            text.push_str("Traceback (most recent call last):\n");
        }
        for site in self.sites() {
            let Position { line, column } = site.position;
            text.push_str(&format!("  {}:{line}:{column}: in {}\n", site.file, site.function));
        }
        match &self.0.builtin {
            Some(name) => text.push_str(&format!("Error in {name}: {}", self.0.message)),
            None if self.0.sites.is_empty() => text.push_str(&self.0.message),
            None => text.push_str(&format!("Error: {}", self.0.message)),
        }
        text
    }

    /// Notes the builtin in which the error arose, unless a function of the script is known already.
    pub(crate) fn inside(mut self, builtin: &str) -> Error {
        if self.0.builtin.is_none() && self.0.sites.is_empty() {
            self.0.builtin = Some(builtin.to_owned());
        }
        self
    }

    pub(crate) fn push_site(&mut self, site: Site) {
        // A deep recursion must not make a text of megabytes.
        const MOST: usize = 50;
        if self.0.sites.len() < MOST {
            self.0.sites.push(site);
        }
    }

    /// Puts `builtin: ` in front of the message.
    pub(crate) fn prefixed(mut self, builtin: &str) -> Error {
        self.0.message = format!("{builtin}: {}", self.0.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// Shortcut for `Err(Error::new(format!(..)))`.
macro_rules! fail {
    ($($arg:tt)*) => { return Err($crate::Error::new(format!($($arg)*))) };
}
pub(crate) use fail;
