//! What became of the rows of a write.

use agent_api::Error;

/// What became of the rows of a write.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The transaction ended well: all rows are in but those that were refused. Otherwise none is.
    pub(super) done: bool,
    /// Places of the rows that the database refused, ascending.
    pub(super) refused: Vec<usize>,
    /// Why the first of them was.
    pub(super) cause: Option<Error>,
}

impl Outcome {
    /// Takes note of a row that was refused.
    pub(super) fn refuse(&mut self, place: usize, cause: impl FnOnce() -> Error) {
        self.refused.push(place);
        self.cause.get_or_insert_with(cause);
    }
}
