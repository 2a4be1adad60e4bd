//! Identities of events: UUIDs of version 1 (RFC 9562, 5.1), of the clock and a node of random bits.

use std::hash::{BuildHasher, RandomState};

/// From 1582-10-15 to 1970 in units of 100 ns.
const GREGORIAN: u64 = 0x01b2_1dd2_1381_4000;

/// Makes identities of which no two are the same.
#[derive(Debug)]
pub(super) struct Identities {
    last: u64,
    sequence: u16,
    node: u64,
}

impl Identities {
    pub(super) fn new() -> Self {
        // The standard library seeds its hash tables with random bits of the system.
        let random = RandomState::new().hash_one(0);
        // A node that is no network card's has the multicast bit set.
        Identities { last: 0, sequence: (random >> 48) as u16 & 0x3fff, node: random & 0xffff_ffff_ffff | 1 << 40 }
    }

    /// The next identity at `now`, nanoseconds since 1970.
    pub(super) fn next(&mut self, now: i64) -> String {
        let time = (now.max(0) as u64 / 100).wrapping_add(GREGORIAN) & 0x0fff_ffff_ffff_ffff;
        self.last = time.max(self.last + 1);
        let (low, mid, high) = (self.last & 0xffff_ffff, self.last >> 32 & 0xffff, self.last >> 48 & 0x0fff);
        format!("{low:08x}-{mid:04x}-1{high:03x}-{:04x}-{:012x}", self.sequence | 0x8000, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let mut identities = Identities::new();
        let all: std::collections::BTreeSet<String> =
            (0..1000).map(|_| identities.next(1_600_000_000_000_000_000)).collect();
        assert_eq!(all.len(), 1000);
        for id in all {
            let parts: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12]);
            assert!(id[14..].starts_with("11ea") && matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
        }
        assert_ne!(Identities::new().node, Identities::new().node);
    }
}
