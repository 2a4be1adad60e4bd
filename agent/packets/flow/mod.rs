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

use crate::decode::{Kind, Packet, Tunnel};
use crate::{Packets, Seen};
use foldhash::fast::RandomState;
use key::{Key, key_wide, key4, key6};
use std::sync::LazyLock;
use store::{Around, BLOCK, Found, Store};

pub use key::Keys;
pub use report::{Ended, Flow};
pub use spread::{Spread, Spreads};
pub use tcp::Tcp;

/// The seed of all tables.
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

/// The hash of a packet's ends, the same in both directions and in all tables of this process.
#[inline]
#[must_use]
pub fn hash(packet: &Packet) -> u64 {
    if packet.v6 {
        key::hash(&SEED, &key6(packet, packet.protocol, false).0)
    } else {
        key::hash(&SEED, &key4(packet, packet.protocol, false).0)
    }
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
    /// Packets that are in a key that leaves something out.
    reduced: Vec<Seen>,
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
            reduced: Vec::new(),
        }
    }

    /// What is counted; may differ from what was asked for where that cannot be.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts packets.
    pub fn add(&mut self, packets: &[Seen]) {
        self.add_hashed(packets, &[]);
        if let Some(latest) = packets.iter().map(|seen| seen.time).max() {
            self.passed(latest);
        }
    }

    /// Counts packets of which more is known. What belongs to other shares is not even looked at, if flows are conversations.
    pub fn add_batch(&mut self, packets: &Packets) {
        self.add_hashed(&packets.seen, packets.hashes());
        if let Some(latest) = packets.latest() {
            self.passed(latest);
        }
    }

    fn add_hashed(&mut self, packets: &[Seen], hashes: &[u64]) {
        let size = if self.settings.max_flows >= 1024 { BLOCK } else { 1 };
        for (i, block) in packets.chunks(size).enumerate() {
            // Each packet of the block may be a new flow.
            while self.len() + block.len() > self.settings.max_flows {
                self.evict();
            }
            if self.plain {
                self.block(block, hashes.get(i * size..i * size + block.len()));
            } else {
                let mut reduced = std::mem::take(&mut self.reduced);
                reduced.clear();
                reduced.extend_from_slice(block);
                for seen in &mut reduced {
                    self.settings.keys.reduce(&mut seen.packet, &mut seen.interface);
                }
                self.block(&reduced, None);
                self.reduced = reduced;
            }
        }
    }

    /// Looks for what has ended, if it is time to.
    fn passed(&mut self, now: i64) {
        // A time far before the last search means that one was wrong.
        if now >= self.next_sweep || now < self.next_sweep.saturating_sub(self.settings.pause().saturating_mul(3)) {
            self.sweep(now);
        }
    }

    /// Counts the packets of a block. Shares are told apart by the hash of the ends where they are the key, whatever else is in it.
    fn block(&mut self, block: &[Seen], hashes: Option<&[u64]>) {
        let Self { settings, plain, v4, v6, wide, complete, .. } = self;
        let (share, of) = (u64::from(settings.share.0), u64::from(settings.share.1));
        let ordered = settings.uniflow;
        let mut taken = 0;
        // The lower half of the hash; the upper one is the index's.
        let mut mine = |hash: u64| {
            let mine = ((hash & 0xffff_ffff) * of) >> 32 == share;
            taken += u64::from(mine);
            mine
        };
        for (i, seen) in block.iter().enumerate() {
            let ends = match hashes {
                Some(hashes) => hashes[i],
                None if *plain => hash(&seen.packet),
                None => 0,
            };
            if *plain && !mine(ends) {
                continue;
            }
            let packet = &seen.packet;
            let protocol = if settings.keys.protocol { packet.protocol } else { 0 };
            if settings.keys.wide() {
                let (key, swapped) = key_wide(packet, protocol, seen.interface, ordered);
                let hash = key::hash(&SEED, &key);
                if mine(hash) {
                    wide.push(key, hash, i, swapped);
                }
            } else if packet.v6 {
                let (key, swapped) = key6(packet, protocol, ordered);
                let hash = if *plain && !ordered { ends } else { key::hash(&SEED, &key) };
                if *plain || mine(hash) {
                    v6.push(key, hash, i, swapped);
                }
            } else {
                let (key, swapped) = key4(packet, protocol, ordered);
                let hash = if *plain && !ordered { ends } else { key::hash(&SEED, &key) };
                if *plain || mine(hash) {
                    v4.push(key, hash, i, swapped);
                }
            }
        }
        self.taken += taken;
        v4.run(block, settings, complete);
        v6.run(block, settings, complete);
        wide.run(block, settings, complete);
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
    pub fn ended(&mut self) -> impl Iterator<Item = Flow> + '_ {
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
    fn flow<const N: usize>(&mut self, found: &Found<N>, ended: Ended, gone: bool) -> Option<Flow> {
        let place = found.record.tunnel;
        let tunnel = if gone { self.tunnels.remove(place) } else { self.tunnels.find(place) };
        found.record.fresh().then(|| report::flow(&Key::of(&found.key), found, tunnel, ended))
    }
}

impl<const N: usize> Around<N> for Complete {
    fn report(&mut self, found: &Found<N>, ended: Ended, gone: bool) {
        let flow = self.flow(found, ended, gone);
        self.flows.extend(flow);
    }

    fn tunnel(&mut self, seen: &Seen) -> u32 {
        self.tunnels.insert(seen.packet.tunnel)
    }
}

/// Hands each record on at once, so that they need no room.
struct Handing<'a, F> {
    complete: &'a mut Complete,
    each: &'a mut F,
}

impl<const N: usize, F: FnMut(Flow)> Around<N> for Handing<'_, F> {
    fn report(&mut self, found: &Found<N>, ended: Ended, gone: bool) {
        if let Some(flow) = self.complete.flow(found, ended, gone) {
            (self.each)(flow);
        }
    }

    fn tunnel(&mut self, seen: &Seen) -> u32 {
        Around::<N>::tunnel(self.complete, seen)
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
        if tunnel.kind == Kind::None {
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

/// A packet as it is counted by those that know nothing else of it.
impl From<(Packet, i64, u32)> for Seen {
    fn from((packet, time, wire): (Packet, i64, u32)) -> Self {
        Self { packet, time, wire, interface: 0, start: 0 }
    }
}
