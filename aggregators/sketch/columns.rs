//! Packets as keys, and the hashes of chosen parts of them, made once for all sketches that look at the same parts.

use super::key::{Key, Only, Parts};
use agent_packets::Packets;
use foldhash::quality::FixedState;
use std::hash::BuildHasher;

/// All there is of every packet, and for each choice of parts its hash.
#[derive(Debug, Default)]
pub(super) struct Columns {
    whole: Vec<Key>,
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

    /// Takes these packets in place of those before.
    pub(super) fn fill(&mut self, packets: &Packets, seed: &FixedState) {
        self.whole.clear();
        self.whole.extend(packets.seen().iter().map(|seen| Key::whole(packets, seen)));
        for (parts, hashes) in &mut self.hashes {
            hashes.clear();
            let whole = self.whole.iter();
            match parts.only {
                Only::Src => hashes.extend(whole.map(|whole| seed.hash_one(whole.src()))),
                Only::Dst => hashes.extend(whole.map(|whole| seed.hash_one(whole.dst()))),
                Only::Whatever => hashes.extend(whole.map(|whole| seed.hash_one(parts.masked(whole)))),
            }
        }
    }

    /// The packets.
    pub(super) fn whole(&self) -> &[Key] {
        &self.whole
    }

    /// The hashes of a choice; none if it is not among these.
    pub(super) fn of(&self, parts: &Parts) -> &[u64] {
        self.hashes.iter().find(|(known, _)| known.same(parts)).map_or(&[], |(_, hashes)| hashes)
    }
}
