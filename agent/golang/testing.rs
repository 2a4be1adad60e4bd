//! What the unit tests of this crate share: the tables that Go printed (`oracle/`) and random input that is the same on
//! every run.

use serde_json::Value;

/// The rows of a table, one JSON array a line.
pub(crate) fn rows(table: &str) -> Vec<Vec<Value>> {
    table.lines().map(|line| serde_json::from_str(line).expect("a row is a JSON array")).collect()
}

/// Numbers that look random (xorshift64), from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// A text of at most `most` pieces.
    pub(crate) fn text(&mut self, pieces: &[&str], most: usize) -> String {
        let count = self.below(most + 1);
        (0..count).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}
