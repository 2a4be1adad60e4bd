//! What the first fragment of a packet said, for those that follow.
//!
//! Only the first fragment has the ports (or the inner headers of a tunnel), so the later ones take their flow from it. The table is
//! small and of fixed size: a place is overwritten by the next datagram that falls on it. A later fragment whose first one is not known
//! belongs to the flow of its addresses and protocol with ports 0.

use super::Packet;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Datagrams that are remembered at most.
const PLACES: usize = 4096;

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Datagram {
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) id: u32,
    pub(super) protocol: u8,
    pub(super) vlan: u16,
}

#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// Empty until the first fragment comes.
    places: Vec<Option<(Datagram, Packet)>>,
    seed: RandomState,
}

impl Fragments {
    pub(super) fn insert(&mut self, datagram: Datagram, first: Packet) {
        if self.places.is_empty() {
            self.places = vec![None; PLACES];
        }
        let place = self.place(&datagram);
        self.places[place] = Some((datagram, first));
    }

    pub(super) fn find(&self, datagram: &Datagram) -> Option<&Packet> {
        let (known, first) = self.places.get(self.place(datagram))?.as_ref()?;
        (known == datagram).then_some(first)
    }

    fn place(&self, datagram: &Datagram) -> usize {
        // Truncated on purpose: the lowest bits choose the place.
        self.seed.hash_one(datagram) as usize % PLACES
    }
}
