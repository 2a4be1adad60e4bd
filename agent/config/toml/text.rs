//! A text to be read, and where its bytes stand in the file as the user knows it.
//!
//! In non-strict mode variables are filled in before the text is parsed. Places must then point into the file itself: the
//! user never saw the filled text, and what came from the environment may be secret.

use crate::config::errors::position;
use agent_api::options::Span;
use std::borrow::Cow;

/// The text of one source.
pub(in crate::config) struct Text<'a> {
    file: u32,
    /// What is parsed.
    pub(in crate::config) text: Cow<'a, str>,
    /// What the user sees.
    shown: &'a str,
    /// Where the two part, in ascending order; none where they are the same.
    seams: Vec<Seam>,
    /// True if bytes that were no UTF-8 have been replaced: they are allowed in comments only.
    pub(super) replaced: bool,
}

/// From here on a byte of the parsed text stands elsewhere in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::config) struct Seam {
    /// Place in the parsed text.
    pub(in crate::config) at: usize,
    /// Its place in the file.
    pub(in crate::config) shown: usize,
    /// True if all that follows, up to the next seam, was filled in for the one place.
    pub(in crate::config) filled: bool,
}

impl<'a> Text<'a> {
    /// A text that is parsed as it stands.
    pub(in crate::config) fn new(file: u32, text: &'a str, replaced: bool) -> Self {
        Text { file, text: Cow::Borrowed(text), shown: text, seams: Vec::new(), replaced }
    }

    /// A text made from `shown`.
    pub(in crate::config) fn filled(file: u32, shown: &'a str, text: String, seams: Vec<Seam>, replaced: bool) -> Self {
        Text { file, text: Cow::Owned(text), shown, seams, replaced }
    }

    /// The place in the file of a range of the parsed text.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        let from = self.shown_at(from);
        let to = self.shown_at(to).max(from);
        Span { file: self.file, from: from as u32, to: to as u32 }
    }

    /// Line and column in the file of a byte of the parsed text.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        position(self.shown, self.shown_at(at))
    }

    fn shown_at(&self, at: usize) -> usize {
        match self.seams.partition_point(|s| s.at <= at).checked_sub(1).map(|i| self.seams[i]) {
            None => at,
            Some(seam) if seam.filled => seam.shown,
            Some(seam) => seam.shown + (at - seam.at),
        }
    }
}
