//! The keys with most weight, by one of three ways.

use super::count_min::CountMin;
use super::cuckoo::Cuckoo;
use super::heavy::Heavy;
use super::key::Key;
use super::state::{Reading, Writing};
use foldhash::quality::FixedState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How heavy hitters are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    SpaceSaving,
    CountMin,
    Cuckoo,
}

/// One of them.
#[derive(Debug)]
pub(super) enum Ranked {
    SpaceSaving(Heavy<Key, ()>),
    CountMin(CountMin<Key>),
    Cuckoo(Cuckoo<Key>),
}

/// Packets whose counters are fetched at the same time.
pub(super) const BLOCK: usize = 32;

fn each(hashes: &[u64], packet: impl Fn(usize) -> (Key, u64), mut add: impl FnMut(u64, Key, u64)) {
    for (i, hash) in hashes.iter().enumerate() {
        let (key, weight) = packet(i);
        add(*hash, key, weight);
    }
}

impl Ranked {
    pub(super) fn new(method: Method, counters: usize, seed: FixedState) -> Self {
        match method {
            Method::SpaceSaving => Ranked::SpaceSaving(Heavy::new(counters, seed)),
            Method::CountMin => Ranked::CountMin(CountMin::new(counters, seed)),
            Method::Cuckoo => Ranked::Cuckoo(Cuckoo::new(counters, seed)),
        }
    }

    /// Adds packets: the hash of the key of each, and by its number its key and its weight.
    pub(super) fn add_all(&mut self, hashes: &[u64], packet: impl Fn(usize) -> (Key, u64)) {
        match self {
            Ranked::SpaceSaving(heavy) => {
                for (block, hashes) in hashes.chunks(BLOCK).enumerate() {
                    heavy.fetch(hashes);
                    for (i, hash) in hashes.iter().enumerate() {
                        let (key, weight) = packet(block * BLOCK + i);
                        *heavy.add(*hash, key, weight, || ()) = ();
                    }
                }
            }
            Ranked::CountMin(sketch) => each(hashes, packet, |hash, key, weight| sketch.add(hash, key, weight)),
            Ranked::Cuckoo(sketch) => each(hashes, packet, |hash, key, weight| sketch.add(hash, key, weight)),
        }
    }

    /// The keys with most, greatest first.
    pub(super) fn top(&self, count: usize) -> Vec<(Key, u64)> {
        match self {
            Ranked::SpaceSaving(heavy) => heavy.top(count).into_iter().map(|c| (c.key, c.least)).collect(),
            Ranked::CountMin(sketch) => sketch.top(count),
            Ranked::Cuckoo(sketch) => sketch.top(count),
        }
    }

    /// How far off what is told may be, where there is a bound.
    pub(super) fn error(&self) -> Option<u64> {
        match self {
            Ranked::SpaceSaving(heavy) => Some(heavy.error()),
            Ranked::CountMin(sketch) => Some(sketch.error()),
            Ranked::Cuckoo(_) => None,
        }
    }

    /// The weight of everything.
    pub(super) fn total(&self) -> u64 {
        match self {
            Ranked::SpaceSaving(heavy) => heavy.total(),
            Ranked::CountMin(sketch) => sketch.total(),
            Ranked::Cuckoo(sketch) => sketch.total(),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Ranked::SpaceSaving(heavy) => heavy.clear(),
            Ranked::CountMin(sketch) => sketch.clear(),
            Ranked::Cuckoo(sketch) => sketch.clear(),
        }
    }

    pub(super) fn save(&self, state: &mut Writing) {
        match self {
            Ranked::SpaceSaving(heavy) => heavy.save(state, Key::save, |(), _| {}),
            Ranked::CountMin(sketch) => sketch.save(state, Key::save),
            Ranked::Cuckoo(sketch) => sketch.save(state, Key::save),
        }
    }

    /// Takes in what was saved of one like this; nothing of it if it is damaged.
    pub(super) fn merge(&mut self, state: &mut Reading) -> Option<()> {
        match self {
            Ranked::SpaceSaving(heavy) => {
                let other = heavy.load(state, Key::load, |_| Some(())).filter(|_| state.is_empty())?;
                heavy.merge(other, |(), ()| {});
            }
            Ranked::CountMin(sketch) => {
                sketch.merge(&sketch.load(state, Key::load).filter(|_| state.is_empty())?);
            }
            Ranked::Cuckoo(sketch) => {
                sketch.merge(&sketch.load(state, Key::load).filter(|_| state.is_empty())?);
            }
        }
        Some(())
    }
}
