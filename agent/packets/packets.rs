//! Decoded packets on their way from a source to those that count them, and the names of interfaces.

use crate::decode::Seen;
use crate::flow;
use crate::metadata::Inspector;
use crate::tally::Tally;
use std::sync::{Arc, Mutex, PoisonError};

/// What a source hands on at once.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// The packets that belong to flows.
    pub seen: Vec<Seen>,
    /// What became of all packets of which these are a part.
    pub tally: Tally,
    /// Who looked into them, if anybody did, and knows more of their flows.
    pub inspector: Option<Arc<Mutex<Inspector>>>,
    hashes: Vec<u64>,
    latest: Option<i64>,
}

impl Packets {
    /// These, of which nothing is noted down.
    #[must_use]
    pub fn new(seen: Vec<Seen>, tally: Tally) -> Self {
        Self { seen, tally, ..Self::default() }
    }

    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(packets: usize, inspector: Option<Arc<Mutex<Inspector>>>) -> Self {
        let (seen, hashes) = (Vec::with_capacity(packets), Vec::with_capacity(packets));
        Self { seen, hashes, inspector, ..Self::default() }
    }

    /// Notes down what all who count the packets need to know, of those that were added. It is best done while they are in the nearest
    /// cache, and none is added or changed after that.
    pub fn note(&mut self) {
        for seen in &self.seen[self.hashes.len()..] {
            self.hashes.push(flow::hash(&seen.packet));
            self.latest = self.latest.max(Some(seen.time));
        }
    }

    /// For each packet the hash of its ends (`flow::hash`); none if they were not noted down.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        if self.hashes.len() == self.seen.len() { &self.hashes } else { &[] }
    }

    /// The time of the latest packet.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        if self.hashes.len() == self.seen.len() { self.latest } else { self.seen.iter().map(|seen| seen.time).max() }
    }
}

/// Names that are told apart; those of more interfaces are left out.
const MAX_INTERFACES: usize = u16::MAX as usize;

static INTERFACES: Mutex<Vec<Arc<str>>> = Mutex::new(Vec::new());

/// The number of an interface of this process, from 1; the same for the same name. 0 if there are too many.
pub fn interface_number(name: &str) -> u16 {
    let mut names = INTERFACES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = names.iter().position(|known| **known == *name).unwrap_or_else(|| {
        if names.len() < MAX_INTERFACES {
            names.push(name.into());
        }
        names.iter().position(|known| **known == *name).unwrap_or(MAX_INTERFACES)
    });
    if place == MAX_INTERFACES { 0 } else { u16::try_from(place + 1).unwrap_or(0) }
}

/// The name of an interface, nothing for 0.
pub fn interface_name(number: u32) -> Option<Arc<str>> {
    let names = INTERFACES.lock().unwrap_or_else(PoisonError::into_inner);
    names.get((number as usize).checked_sub(1)?).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_numbers() {
        let (a, b) = (interface_number("test-a"), interface_number("test-b"));
        assert!(a > 0 && b > 0 && a != b);
        assert_eq!(interface_number("test-a"), a);
        assert_eq!(interface_name(b.into()).as_deref(), Some("test-b"));
        assert_eq!(interface_name(0), None);
    }
}
