//! The hashes of chosen parts of packets, made once for all sketches that look at the same parts.

use super::key::{Key, Only, Parts};
use agent_packets::{Packets, Seen};
use foldhash::quality::FixedState;
use std::hash::BuildHasher;

/// For each choice of parts the hashes of some packets.
#[derive(Debug, Default)]
pub(super) struct Columns {
    hashes: Vec<(Parts, Vec<u64>)>,
}

impl Columns {
    /// Of these choices, each once.
    pub(super) fn new<'a>(all: impl IntoIterator<Item = &'a Parts>) -> Self {
        let mut columns = Columns::default();
        for parts in all {
            if !columns.hashes.iter().any(|(known, _)| known.same(parts)) {
                columns.hashes.push((parts.clone(), Vec::new()));
            }
        }
        columns
    }

    /// Takes these of the packets in place of those before.
    pub(super) fn fill(&mut self, packets: &Packets, seen: &[Seen], seed: &FixedState) {
        for (parts, hashes) in &mut self.hashes {
            hashes.clear();
            match parts.only {
                Only::Src => hashes.extend(seen.iter().map(|seen| seed.hash_one(Key::src(packets, seen)))),
                Only::Dst => hashes.extend(seen.iter().map(|seen| seed.hash_one(Key::dst(packets, seen)))),
                Only::Whatever => hashes.extend(seen.iter().map(|seen| seed.hash_one(parts.masked(packets, seen)))),
            }
        }
    }

    /// The hashes of a choice; none if it is not among these.
    pub(super) fn of(&self, parts: &Parts) -> &[u64] {
        self.hashes.iter().find(|(known, _)| known.same(parts)).map_or(&[], |(_, hashes)| hashes)
    }
}
