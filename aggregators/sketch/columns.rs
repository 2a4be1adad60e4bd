//! Hashes of chosen parts of packets, made once for all sketches that look at the same parts.

use super::key::Parts;
use agent_packets::Packets;
use foldhash::quality::FixedState;
use std::hash::BuildHasher;

/// For each choice of parts the hash of every packet.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<(Parts, Vec<u64>)>);

impl Columns {
    /// Of these choices, each once.
    pub(super) fn new<'a>(all: impl IntoIterator<Item = &'a Parts>) -> Self {
        let mut columns = Columns::default();
        for parts in all {
            if !columns.0.iter().any(|(known, _)| known.same(parts)) {
                columns.0.push((parts.clone(), Vec::new()));
            }
        }
        columns
    }

    /// Takes the hashes of these packets in place of those before.
    pub(super) fn fill(&mut self, packets: &Packets, seed: &FixedState) {
        for (parts, hashes) in &mut self.0 {
            hashes.clear();
            hashes.extend(packets.seen().iter().map(|seen| seed.hash_one(parts.of(packets, seen))));
        }
    }

    /// The hashes of a choice; none if it is not among these.
    pub(super) fn of(&self, parts: &Parts) -> &[u64] {
        self.0.iter().find(|(known, _)| known.same(parts)).map_or(&[], |(_, hashes)| hashes)
    }
}
