//! Errors that the agent branches on; every other error is an `anyhow::Error` with context.

use crate::options::OptionError;
use std::fmt;

/// Why a plugin could not be built.
#[derive(Debug)]
pub enum BuildError {
    /// A setting does not fit; knows its place.
    Settings(OptionError),
    /// The plugin refused its settings.
    Plugin(anyhow::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Settings(e) => e.fmt(f),
            BuildError::Plugin(e) => write!(f, "{e:#}"),
        }
    }
}
impl std::error::Error for BuildError {}
impl From<OptionError> for BuildError {
    fn from(e: OptionError) -> Self {
        BuildError::Settings(e)
    }
}
impl From<anyhow::Error> for BuildError {
    fn from(e: anyhow::Error) -> Self {
        BuildError::Plugin(e)
    }
}

/// Why a plugin could not be opened.
#[derive(Debug)]
pub enum StartError {
    /// It may succeed later: `startup_error_behavior` decides.
    Retry(anyhow::Error),
    /// It will not.
    Fatal(anyhow::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (StartError::Retry(e) | StartError::Fatal(e)) = self;
        write!(f, "{e:#}")
    }
}
impl<E: Into<anyhow::Error>> From<E> for StartError {
    fn from(e: E) -> Self {
        StartError::Fatal(e.into())
    }
}

/// What an output could not write.
#[derive(Debug)]
pub enum WriteError {
    /// Nothing that is still to be written was: keep the whole batch and try again, not before `after` where it is given.
    Retry {
        /// Why.
        cause: anyhow::Error,
        /// How long the other side asked to wait.
        after: Option<std::time::Duration>,
    },
    /// These metrics (places in the chunk, ascending) can never be written; all others were.
    Reject {
        /// Which.
        indices: Vec<usize>,
        /// Why.
        cause: anyhow::Error,
    },
    /// Only some were written: `written` (places in the chunk, ascending) are done, `rejected` can never be written, the rest
    /// is to be kept.
    Partial {
        /// Which are done.
        written: Vec<usize>,
        /// Which never can be.
        rejected: Vec<usize>,
        /// Why.
        cause: anyhow::Error,
    },
    /// The output can never write anything again.
    Fatal(anyhow::Error),
}

impl WriteError {
    /// Keep everything and try again.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        WriteError::Retry { cause: cause.into(), after: None }
    }

    /// The whole chunk of `len` metrics can never be written.
    pub fn reject_all(len: usize, cause: impl Into<anyhow::Error>) -> Self {
        WriteError::Reject { indices: (0..len).collect(), cause: cause.into() }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (WriteError::Retry { cause, .. }
        | WriteError::Reject { cause, .. }
        | WriteError::Partial { cause, .. }
        | WriteError::Fatal(cause)) = self;
        write!(f, "{cause:#}")
    }
}
impl<E: Into<anyhow::Error>> From<E> for WriteError {
    fn from(e: E) -> Self {
        WriteError::retry(e)
    }
}

/// What a parser could not read. What it could read has been added nevertheless.
#[derive(Debug, Default)]
pub struct ParseError {
    /// Bad lines or records, the first of them only; see `bad`.
    pub lines: Vec<BadLine>,
    /// How many there were.
    pub bad: usize,
}

/// One line or record that could not be read.
#[derive(Debug)]
pub struct BadLine {
    /// Its number, from 1; 0 where the format has no lines.
    pub line: usize,
    /// The text, cut.
    pub text: String,
    /// What is wrong.
    pub cause: String,
}

/// So many bad lines are kept for the message.
const KEPT: usize = 5;
/// A quoted text is cut at so many characters.
const QUOTED: usize = 60;

impl ParseError {
    /// An error about a whole document.
    pub fn whole(cause: impl fmt::Display) -> Self {
        let mut error = ParseError::default();
        error.add(0, "", cause);
        error
    }

    /// Adds a bad line.
    pub fn add(&mut self, line: usize, text: &str, cause: impl fmt::Display) {
        self.bad += 1;
        if self.lines.len() < KEPT {
            let text = match text.char_indices().nth(QUOTED) {
                Some((end, _)) => format!("{}...", &text[..end]),
                None => text.to_owned(),
            };
            self.lines.push(BadLine { line, text, cause: cause.to_string() });
        }
    }

    /// Adds the bad lines of a part that began `lines` lines below.
    pub fn append(&mut self, other: ParseError, lines: usize) {
        self.bad += other.bad;
        for mut bad in other.lines {
            if self.lines.len() < KEPT {
                bad.line += if bad.line > 0 { lines } else { 0 };
                self.lines.push(bad);
            }
        }
    }

    /// Ok if nothing was bad.
    pub fn or_ok(self) -> Result<(), ParseError> {
        if self.bad == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, bad) in self.lines.iter().enumerate() {
            f.write_str(if i > 0 { "; " } else { "" })?;
            match (bad.line, bad.text.is_empty()) {
                (0, true) => write!(f, "{}", bad.cause)?,
                (0, false) => write!(f, "{} in {:?}", bad.cause, bad.text)?,
                (n, true) => write!(f, "line {n}: {}", bad.cause)?,
                (n, false) => write!(f, "line {n}: {} in {:?}", bad.cause, bad.text)?,
            }
        }
        if self.bad > self.lines.len() {
            write!(f, "; and {} more", self.bad - self.lines.len())?;
        }
        Ok(())
    }
}
impl std::error::Error for ParseError {}
