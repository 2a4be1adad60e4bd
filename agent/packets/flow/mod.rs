//! Exact flows: one record for each conversation, with both of its directions.
//!
//! A table for each kind of key, taken over block by block (`store`). The hash is seeded for each process, as whoever sends packets chooses
//! the keys; all tables of a process share it, so that several can divide the flows between them.

mod due;
mod key;
mod record;
mod report;
mod spread;
mod store;
mod tcp;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod ways;

use crate::decode::Tunnel;
use crate::packets::Packets;
use agent_capture::prefetch;
use foldhash::quality::RandomState;
use key::{Key, key_wide};
use std::ops::Range;
use std::sync::LazyLock;
use store::{Around, BLOCK, Found, Store};

pub use key::Keys;
pub(crate) use key::{key4, key6};
pub use report::{Ended, Flow};
pub use spread::{Spread, Spreads};
pub use tcp::Tcp;

/// The seed of all tables. Shares and index take a part of the hash each, so all of its bits have to be good: with the fast variant of
/// this hash, two processes of a thousand had a share of a fifth of its size, or an index with a tenth of the flows in one place.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// What is counted, and what bounds the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What tells flows apart.
    pub keys: Keys,
    /// One record for each direction.
    pub uniflow: bool,
    /// Follow TCP: latencies, retransmissions, windows.
    pub tcp: bool,
    /// Keep how sizes and gaps of packets are spread.
    pub spreads: bool,
    /// Flows held at once, at least 1. One that comes when there are so many ends the least recently seen of a few others.
    pub max_flows: usize,
    /// A flow without a packet for so many nanoseconds has ended. `None` is never.
    pub idle: Option<i64>,
    /// A flow that lasts longer than so many nanoseconds is reported and goes on as a new record. `None` is never.
    pub active: Option<i64>,
    /// A connection that its ends closed has ended when there is no packet for so many nanoseconds. `None` is never.
    pub closed: Option<i64>,
    /// Each report of a flow counts from its begin, not from the report before.
    pub cumulative: bool,
    /// Which share of the flows is taken, of how many.
    pub share: (u32, u32),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: Keys::default(),
            uniflow: false,
            tcp: true,
            spreads: false,
            max_flows: 1 << 20,
            idle: None,
            active: None,
            closed: None,
            cumulative: false,
            share: (0, 1),
        }
    }
}

impl Settings {
    /// The flows that fit into so many bytes, whatever they are.
    #[must_use]
    pub fn flows_in(&self, bytes: usize) -> usize {
        (bytes / self.flow_bytes()).max(1)
    }

    /// Bytes that a flow takes at most.
    fn flow_bytes(&self) -> usize {
        let flow = if self.keys.wide() { Store::<8>::flow_bytes(self) } else { Store::<5>::flow_bytes(self) };
        flow + size_of::<Tunnel>()
    }

    /// Nanoseconds from one search for flows that have ended to the next: four in the shortest time, at most one in a second.
    fn pause(&self) -> i64 {
        self.idle.into_iter().chain(self.closed).min().map_or(i64::MAX, |soonest| (soonest / 4).max(1_000_000_000))
    }
}

/// The hash of a key, the same in all tables of this process.
#[inline]
pub(crate) fn hash<const N: usize>(key: &[u64; N]) -> u64 {
    key::hash(&SEED, key)
}

/// The flows that are going on.
#[derive(Debug)]
pub struct Table {
    settings: Settings,
    plain: bool,
    v4: Store<2>,
    v6: Store<5>,
    wide: Store<8>,
    complete: Complete,
    next_sweep: i64,
    taken: u64,
}

/// What tables of all kinds share: the tunnels, and the complete records.
#[derive(Debug, Default)]
struct Complete {
    tunnels: Tunnels,
    flows: Vec<Flow>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (share, of) = settings.share;
        let settings = Settings {
            max_flows: settings.max_flows.max(1),
            uniflow: settings.uniflow || !settings.keys.symmetric(),
            share: (share, of.max(1)),
            ..settings
        };
        Self {
            settings,
            plain: settings.keys.plain(),
            v4: Store::default(),
            v6: Store::default(),
            wide: Store::default(),
            complete: Complete::default(),
            next_sweep: i64::MIN,
            taken: 0,
        }
    }

    /// What is counted; may differ from what was asked for where that cannot be.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts packets. What belongs to other shares is not even looked at, if flows are conversations.
    pub fn add(&mut self, packets: &Packets) {
        let mut numbers = 0..packets.seen().len();
        let mut counting = 0;
        loop {
            let coming = self.gather(packets, &mut numbers);
            self.run(packets, counting);
            if coming == 0 {
                break;
            }
            let Self { settings, v4, v6, wide, .. } = self;
            v4.locate(packets, settings);
            v6.locate(packets, settings);
            wide.locate(packets, settings);
            counting = coming;
        }
        if let Some(latest) = packets.latest() {
            self.passed(latest);
        }
    }

    /// Takes the next packets of this share into a block; gives how many they are.
    fn gather(&mut self, packets: &Packets, numbers: &mut Range<usize>) -> usize {
        let size = if self.settings.max_flows >= 1024 { BLOCK } else { 1 };
        if !self.plain {
            let mut taken = 0;
            while taken < size
                && let Some(number) = numbers.next()
            {
                taken += usize::from(self.push_reduced(packets, number));
            }
            return taken;
        }
        // Whose packet it is nobody can foretell, so nothing is made to depend on it.
        let (mut mine, mut taken) = ([0; BLOCK], 0);
        while taken < size
            && let Some(number) = numbers.next()
        {
            mine[taken] = number;
            taken += usize::from(self.mine(packets.hashes()[number]));
        }
        // They are in the caches of who decoded them.
        for number in &mine[..taken] {
            prefetch(&packets.seen()[*number]);
        }
        for number in &mine[..taken] {
            self.push(packets, *number);
        }
        taken
    }

    /// Takes a packet of this share into the block by the hash of its ends, which are the key, whatever else is in it.
    #[inline]
    fn push(&mut self, packets: &Packets, number: usize) {
        let (seen, hash) = (&packets.seen()[number], packets.hashes()[number]);
        match (seen.v6(), self.settings.uniflow) {
            (false, false) => self.v4.push([seen.addresses, seen.ends], hash, number, seen.swapped()),
            (true, false) => self.v6.push(packets.key6(seen), hash, number, seen.swapped()),
            (false, true) => {
                // Truncated on purpose: addresses of 32 bits.
                let addresses = packets.addresses(seen).map(|a| a as u32);
                let (key, swapped) = key4(addresses, seen.ports(), seen.protocol(), true);
                self.v4.push(key, key::hash(&SEED, &key), number, swapped);
            }
            (true, true) => {
                let (key, swapped) = key6(packets.addresses(seen), seen.ports(), seen.protocol(), true);
                self.v6.push(key, key::hash(&SEED, &key), number, swapped);
            }
        }
    }

    /// Takes a packet into the block whose key leaves something out, or has more than the ends; shares are told apart by the key.
    fn push_reduced(&mut self, packets: &Packets, number: usize) -> bool {
        let (of, ordered) = (self.settings.keys.reduce(packets, number), self.settings.uniflow);
        if self.settings.keys.wide() {
            let (key, swapped) = key_wide(&of, ordered);
            let hash = key::hash(&SEED, &key);
            if !self.mine(hash) {
                return false;
            }
            self.wide.push(key, hash, number, swapped);
        } else if of.v6 {
            let (key, swapped) = key6(of.addresses, of.ports, of.protocol, ordered);
            let hash = key::hash(&SEED, &key);
            if !self.mine(hash) {
                return false;
            }
            self.v6.push(key, hash, number, swapped);
        } else {
            // Addresses of 32 bits stand in fields of 128.
            let (key, swapped) = key4(of.addresses.map(|a| a as u32), of.ports, of.protocol, ordered);
            let hash = key::hash(&SEED, &key);
            if !self.mine(hash) {
                return false;
            }
            self.v4.push(key, hash, number, swapped);
        }
        true
    }

    /// Whether this share takes the packets of a hash: by its lower half, as the upper one is the index's.
    #[inline]
    fn mine(&self, hash: u64) -> bool {
        let (share, of) = (u64::from(self.settings.share.0), u64::from(self.settings.share.1));
        ((hash & 0xffff_ffff) * of) >> 32 == share
    }

    /// Counts the packets of the block before.
    fn run(&mut self, packets: &Packets, block: usize) {
        // Each packet of the block may be a new flow.
        while self.len() + block > self.settings.max_flows {
            self.evict();
        }
        self.taken += block as u64;
        let Self { settings, v4, v6, wide, complete, .. } = self;
        v4.run(packets, settings, complete);
        v6.run(packets, settings, complete);
        wide.run(packets, settings, complete);
    }

    /// Looks for what has ended, if it is time to.
    fn passed(&mut self, now: i64) {
        // A time far before the last search means that one was wrong.
        if now >= self.next_sweep || now < self.next_sweep.saturating_sub(self.settings.pause().saturating_mul(3)) {
            self.sweep(now);
        }
    }

    /// Flows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.wide.len()
    }

    /// Bytes that the flows held take at most.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.len() * self.settings.flow_bytes()
    }

    /// True if no flow is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Packets that were counted in this table.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the records that became complete. They wait until they are taken, so do so after each batch.
    pub fn ended(&mut self) -> impl ExactSizeIterator<Item = Flow> + '_ {
        self.complete.flows.drain(..)
    }

    /// Ends every flow, in any order.
    pub fn finish(&mut self, each: &mut impl FnMut(Flow)) {
        let Self { v4, v6, wide, complete, .. } = self;
        complete.flows.drain(..).for_each(&mut *each);
        let mut around = Handing { complete, each };
        v4.drain(&mut around);
        v6.drain(&mut around);
        wide.drain(&mut around);
    }

    /// Ends every flow, by the time of the first packet; of those that began at the same time, by their ends.
    pub fn finish_in_order(&mut self, each: &mut impl FnMut(Flow)) {
        let Self { v4, v6, wide, complete, .. } = self;
        complete.flows.drain(..).for_each(&mut *each);
        let mut order: Vec<(i64, u32, u8)> = v4.begins(0).chain(v6.begins(1)).chain(wide.begins(2)).collect();
        order.sort_unstable();
        for together in order.chunk_by(|a, b| a.0 == b.0) {
            for (_, place, of) in together {
                match of {
                    0 => v4.last_report(*place, complete),
                    1 => v6.last_report(*place, complete),
                    _ => wide.last_report(*place, complete),
                }
            }
            complete.flows.sort_unstable_by_key(|f| (f.src, f.src_port, f.dst, f.dst_port, f.protocol, f.vlans));
            complete.flows.drain(..).for_each(&mut *each);
        }
        (*v4, *v6, *wide) = (Store::default(), Store::default(), Store::default());
    }

    /// Reports each flow with packets since its last report; it goes on. `now` is when the next record begins at the latest.
    pub fn report(&mut self, now: i64, each: &mut impl FnMut(Flow)) {
        let Self { settings, v4, v6, wide, complete, .. } = self;
        complete.flows.drain(..).for_each(&mut *each);
        let mut around = Handing { complete, each };
        v4.report(settings, &mut around, now);
        v6.report(settings, &mut around, now);
        wide.report(settings, &mut around, now);
    }

    /// Ends what has been idle or closed for its time at `now`, for when no packets come.
    pub fn sweep(&mut self, now: i64) {
        let settings = self.settings;
        self.next_sweep = now.saturating_add(settings.pause());
        if settings.idle.is_none() && settings.closed.is_none() {
            return;
        }
        let Self { v4, v6, wide, complete, .. } = self;
        v4.sweep(&settings, complete, now);
        v6.sweep(&settings, complete, now);
        wide.sweep(&settings, complete, now);
    }

    /// Ends one flow of the kind of which there are most.
    #[cold]
    fn evict(&mut self) {
        let Self { v4, v6, wide, complete, .. } = self;
        if v4.len() >= v6.len().max(wide.len()) {
            v4.evict(complete);
        } else if v6.len() >= wide.len() {
            v6.evict(complete);
        } else {
            wide.evict(complete);
        }
    }
}

impl Complete {
    /// What is reported of a record: nothing if it was reported already, and had no packet since.
    fn flow<const N: usize>(&mut self, found: &mut Found<N>, ended: Ended, gone: bool) -> Option<Flow> {
        let place = found.rest.tunnel;
        let tunnel = if gone { self.tunnels.remove(place) } else { self.tunnels.find(place) };
        found.record.fresh().then(|| report::flow(&Key::of(&found.key), found, tunnel, ended))
    }
}

impl<const N: usize> Around<N> for Complete {
    fn report(&mut self, found: &mut Found<N>, ended: Ended, gone: bool) {
        let flow = self.flow(found, ended, gone);
        self.flows.extend(flow);
    }

    fn tunnel(&mut self, tunnel: Tunnel) -> u32 {
        self.tunnels.insert(tunnel)
    }
}

/// Hands each record on at once, so that they need no room.
struct Handing<'a, F> {
    complete: &'a mut Complete,
    each: &'a mut F,
}

impl<const N: usize, F: FnMut(Flow)> Around<N> for Handing<'_, F> {
    fn report(&mut self, found: &mut Found<N>, ended: Ended, gone: bool) {
        if let Some(flow) = self.complete.flow(found, ended, gone) {
            (self.each)(flow);
        }
    }

    fn tunnel(&mut self, tunnel: Tunnel) -> u32 {
        self.complete.tunnels.insert(tunnel)
    }
}

/// The tunnels of flows that have one, so that the others need not carry the room for it.
#[derive(Debug, Default)]
struct Tunnels {
    places: Vec<Tunnel>,
    free: Vec<u32>,
}

impl Tunnels {
    /// The place of a tunnel, 0 for none.
    fn insert(&mut self, tunnel: Tunnel) -> u32 {
        if tunnel.is_none() {
            return 0;
        }
        if let Some(place) = self.free.pop() {
            self.places[place as usize - 1] = tunnel;
            return place;
        }
        self.places.push(tunnel);
        u32::try_from(self.places.len()).unwrap_or(0)
    }

    fn find(&self, place: u32) -> Tunnel {
        (place as usize).checked_sub(1).and_then(|p| self.places.get(p)).copied().unwrap_or_default()
    }

    fn remove(&mut self, place: u32) -> Tunnel {
        if place > 0 {
            self.free.push(place);
        }
        self.find(place)
    }
}
