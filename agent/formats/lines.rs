//! Formats of which each line is read alone: one bad line costs no other.

use agent_api::{Batch, Body, Collector, ParseError};
use std::fmt::Display;

/// Reads every line; the cause why one is bad is told with its number and text.
pub fn read<E: Display>(
    body: &Body,
    out: &mut Collector,
    mut line: impl FnMut(&str, &mut Batch) -> Result<(), E>,
) -> Result<(), ParseError> {
    let mut errors = ParseError::default();
    for (i, text) in body.text().lines().enumerate() {
        if let Err(cause) = line(text, out.batch()) {
            errors.add(i + 1, text, cause);
        }
        out.checkpoint();
    }
    errors.or_ok()
}

/// Bytes up to the end of the last line that is whole.
pub fn whole(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |i| i + 1)
}
