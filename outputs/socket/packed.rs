//! What is to be sent: documents in one piece of memory, each of which knows its metrics.

use super::connection::Sent;
use agent_api::{Error, Result, WriteError};
use agent_net::coding::Coding;
use std::ops::Range;

/// Documents ready to be sent, and metrics that never can be.
#[derive(Default)]
pub(crate) struct Packed {
    /// All documents in a row.
    pub(crate) bytes: Vec<u8>,
    /// Where each document ends, and the places of its metrics.
    pub(crate) documents: Vec<(usize, Range<usize>)>,
    rejected: Vec<usize>,
    cause: Option<Error>,
}

/// More memory than this is not kept for the next write.
const KEPT: usize = 8 << 20;

impl Packed {
    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.documents.clear();
        self.rejected.clear();
        self.cause = None;
    }

    /// Adds a document of some metrics; an error of its serializer rejects them.
    pub(crate) fn add(
        &mut self,
        coding: Coding,
        metrics: Range<usize>,
        serialize: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) {
        let start = self.bytes.len();
        let pack = || -> Result<()> {
            serialize(&mut self.bytes)?;
            if coding != Coding::Identity && self.bytes.len() > start {
                let packed = coding.encode(&self.bytes[start..])?;
                self.bytes.truncate(start);
                self.bytes.extend_from_slice(&packed);
            }
            Ok(())
        };
        if let Err(e) = pack() {
            self.bytes.truncate(start);
            self.rejected.extend(metrics);
            self.cause = Some(e.context("serialize"));
            return;
        }
        self.documents.push((self.bytes.len(), metrics));
    }

    /// Every document.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.documents.iter().map(move |(end, _)| &self.bytes[std::mem::replace(&mut start, *end)..*end])
    }

    /// The result of a write.
    pub(crate) fn result(&mut self, sent: Sent) -> Result<(), WriteError> {
        for place in sent.refused {
            self.rejected.extend(self.documents[place].1.clone());
        }
        self.rejected.sort_unstable();
        let cause = sent.lost.or(sent.cause).or(self.cause.take());
        let rejected = std::mem::take(&mut self.rejected);
        let Some(cause) = cause else { return Ok(()) };
        if sent.documents == self.documents.len() {
            return Err(WriteError::Reject { indices: rejected, cause });
        }
        let sent = self.documents[..sent.documents].iter().flat_map(|(_, metrics)| metrics.clone());
        let written = sent.filter(|i| rejected.binary_search(i).is_err()).collect::<Vec<_>>();
        Err(WriteError::Partial { written, rejected, cause })
    }
}
