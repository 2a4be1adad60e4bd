//! Flows of one kind of key: an index into records that never move.
//!
//! Where millions of flows are under way almost every packet finds its record outside of the caches, and waiting for memory is most of what a
//! packet costs. So packets are taken in blocks, and each step (index, record, count) is done for the whole block before the next: the
//! misses of a block are under way at the same time. Records are in pieces that stay where they are, so growing copies only the index, and
//! memory never has to be twice as large for it.

use super::due::Due;
use super::key::{hash, scope};
use super::record::{Record, Rest, UNSEEN};
use super::spread::Spreads;
use super::tcp::{self, Details};
use super::{Ended, SEED, Settings};
use crate::decode::Tunnel;
use crate::packets::Packets;

/// Packets of one block.
pub(super) const BLOCK: usize = 32;
/// Records of one piece, a power of two.
const PIECE: usize = 1024;
/// Flows of the same ends in different scopes.
const MAX_SCOPES: usize = 64;
/// Flows of which the least recently seen is evicted.
const CANDIDATES: usize = 32;
/// No place.
const NOWHERE: u32 = u32::MAX;

/// A flow in its table, from the begin of a line of the cache.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Entry<const N: usize> {
    key: [u64; N],
    record: Record,
}

// With the key of IPv4 a packet needs one line.
const _: () = assert!(size_of::<Entry<2>>() == 64);

/// A packet of the block on its way.
#[derive(Clone, Copy, Debug)]
struct Waiting<const N: usize> {
    key: [u64; N],
    hash: u64,
    /// The number of the packet.
    of: u32,
    swapped: bool,
    /// Where its record may be.
    place: u32,
}

/// A flow that is taken out or reported.
pub(super) struct Found<const N: usize> {
    pub(super) key: [u64; N],
    pub(super) record: Record,
    pub(super) rest: Rest,
    pub(super) details: Option<Details>,
    pub(super) spreads: Option<Spreads>,
}

/// What a store asks of the table around it.
pub(super) trait Around<const N: usize> {
    /// A record is complete. With `gone`, so is the flow.
    fn report(&mut self, found: &Found<N>, ended: Ended, gone: bool);
    /// The place of the tunnel of a new flow.
    fn tunnel(&mut self, tunnel: Tunnel) -> u32;
}

/// The flows of one kind.
#[derive(Debug)]
pub(super) struct Store<const N: usize> {
    /// A power of two of words: 0, or the upper half of the hash, whose lowest bits are where it would be, and the place plus 1.
    index: Vec<u64>,
    pieces: Vec<Box<[Entry<N>]>>,
    /// As `pieces`: what few packets need.
    rests: Vec<Box<[Rest]>>,
    /// If asked for.
    details: Vec<Box<[Details]>>,
    spreads: Vec<Box<[Spreads]>>,
    /// Places that were ever taken; those of them that are free.
    used: u32,
    free: Vec<u32>,
    /// Where the search for what to evict goes on.
    hand: u32,
    /// When flows are looked at that may be idle, and those that are closed.
    idle: Due,
    closed: Due,
    /// Room for those of them that go on.
    again: Vec<(u32, i64)>,
    waiting: Vec<Waiting<N>>,
}

impl<const N: usize> Default for Store<N> {
    fn default() -> Self {
        Self {
            index: Vec::new(),
            pieces: Vec::new(),
            rests: Vec::new(),
            details: Vec::new(),
            spreads: Vec::new(),
            used: 0,
            free: Vec::new(),
            hand: 0,
            idle: Due::default(),
            closed: Due::default(),
            again: Vec::new(),
            waiting: Vec::with_capacity(BLOCK),
        }
    }
}

impl<const N: usize> Store<N> {
    /// Bytes that a flow takes at most: its record and its words of the index when that has just grown.
    pub(super) fn flow_bytes(settings: &Settings) -> usize {
        let details = if settings.tcp { size_of::<Details>() } else { 0 };
        let spreads = if settings.spreads { size_of::<Spreads>() } else { 0 };
        // Half of the old index and all of the new are there at the same time; a free place takes a number.
        size_of::<Entry<N>>() + size_of::<Rest>() + details + spreads + 3 * 8 + 4 + 2 * Due::BYTES
    }

    pub(super) fn len(&self) -> usize {
        self.used as usize - self.free.len()
    }

    /// Takes a packet into the block; `run` counts it.
    #[inline]
    pub(super) fn push(&mut self, key: [u64; N], hash: u64, of: usize, swapped: bool) {
        self.waiting.push(Waiting { key, hash, of: of as u32, swapped, place: NOWHERE });
    }

    /// Counts the packets of a block.
    pub(super) fn run(&mut self, packets: &Packets, settings: &Settings, around: &mut impl Around<N>) {
        if self.waiting.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        if !self.index.is_empty() {
            // Nothing is done with what is read: it is to be in the cache when it is needed. A sum is what keeps the reads in the program.
            let mut touched = 0;
            for w in &waiting {
                touched ^= self.index[self.home(w.hash)];
            }
            for w in &mut waiting {
                w.place = self.likely(w.hash);
                if let Some(entry) = self.entry(w.place) {
                    touched ^= entry.key[0] ^ u64::from(entry.record.marks);
                    // A step of a handshake, for which more than the record is needed.
                    if settings.tcp && packets.seen()[w.of as usize].tcp_flags & tcp::SYN != 0 {
                        let (piece, at) = split(w.place);
                        touched ^= self.details[piece][at].touch();
                    }
                }
            }
            std::hint::black_box(touched);
        }
        for w in &waiting {
            let seen = &packets.seen()[w.of as usize];
            let scope = scope(packets, seen, &settings.keys);
            let place = match self.entry(w.place) {
                Some(e) if e.key == w.key && e.record.live() && self.scoped(w.place, &e.record, w.swapped, scope) => {
                    w.place
                }
                _ => self.place(w, packets, scope, settings, around),
            };
            self.take(place, w, packets, settings, around);
        }
        waiting.clear();
        self.waiting = waiting;
    }

    /// Counts a packet in its record, or in the next if this one is over.
    #[inline]
    fn take(
        &mut self,
        place: u32,
        w: &Waiting<N>,
        packets: &Packets,
        settings: &Settings,
        around: &mut impl Around<N>,
    ) {
        let (seen, swapped) = (&packets.seen()[w.of as usize], w.swapped);
        let (piece, at) = split(place);
        if let Some(ended) = self.pieces[piece][at].record.over(&self.rests[piece][at], seen, settings) {
            self.renew(place, w, packets, ended, settings, around);
        }
        let details = if settings.tcp && seen.protocol == 6 { Some(&mut self.details[piece][at]) } else { None };
        let record = &mut self.pieces[piece][at].record;
        let side = record.side(swapped);
        record.count(&mut self.rests[piece][at], seen, swapped, details, settings);
        if tcp::ends(seen.tcp_flags) && record.closed() {
            let last = record.last;
            self.closed_at(place, last, settings);
        }
        if settings.spreads {
            self.spreads[piece][at].add(side, seen.time, seen.wire);
        }
    }

    /// Sees to it that a closed flow is looked at when it may have ended.
    #[cold]
    fn closed_at(&mut self, place: u32, last: i64, settings: &Settings) {
        if let Some(closed) = settings.closed {
            self.closed.put(place, turn(last, closed, settings));
        }
    }

    /// Reports a record that is over and begins the next in its place.
    #[cold]
    fn renew(
        &mut self,
        place: u32,
        w: &Waiting<N>,
        packets: &Packets,
        ended: Ended,
        settings: &Settings,
        around: &mut impl Around<N>,
    ) {
        let gone = ended != Ended::Active;
        let found = self.found(place);
        around.report(&found, ended, gone);
        let (piece, at) = split(place);
        let seen = &packets.seen()[w.of as usize];
        if gone {
            // Who speaks first after a silence began.
            let (tunnel, scope) = (around.tunnel(packets.tunnel(seen)), scope(packets, seen, &settings.keys));
            self.fill(place, found.key, Record::new(seen, w.swapped, scope, tunnel, settings));
        } else {
            self.pieces[piece][at].record.next_record(&mut self.rests[piece][at], seen.time, settings);
            self.begin_anew(place, settings);
        }
    }

    /// After a report, sums that are of one record start again.
    fn begin_anew(&mut self, place: u32, settings: &Settings) {
        if settings.cumulative {
            return;
        }
        let (piece, at) = split(place);
        if let Some(details) = self.details.get_mut(piece) {
            details[at].next_record();
        }
        if let Some(spreads) = self.spreads.get_mut(piece) {
            spreads[at].next_record();
        }
    }

    /// The place of the flow that a packet belongs to, which may be a new one.
    #[cold]
    #[inline(never)]
    fn place(
        &mut self,
        w: &Waiting<N>,
        packets: &Packets,
        scope: u64,
        settings: &Settings,
        around: &mut impl Around<N>,
    ) -> u32 {
        if let Some(place) = self.search(w, scope) {
            return place;
        }
        if (self.len() + 1) * 4 > self.index.len() * 3 {
            self.grow();
        }
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.used;
            self.used += 1;
            if place as usize == self.pieces.len() * PIECE {
                self.pieces.push(vec![Entry { key: [0; N], record: Record::default() }; PIECE].into_boxed_slice());
                self.rests.push(vec![Rest::EMPTY; PIECE].into_boxed_slice());
                if settings.tcp {
                    self.details.push(vec![Details::default(); PIECE].into_boxed_slice());
                }
                if settings.spreads {
                    self.spreads.push(vec![Spreads::NONE; PIECE].into_boxed_slice());
                }
            }
            place
        });
        let seen = &packets.seen()[w.of as usize];
        let tunnel = around.tunnel(packets.tunnel(seen));
        self.fill(place, w.key, Record::new(seen, w.swapped, scope, tunnel, settings));
        self.link(w.hash, place);
        if let Some(idle) = settings.idle {
            self.idle.put(place, turn(seen.time, idle, settings));
        }
        place
    }

    /// The flow of a packet: best of the same scope in its direction, else one whose way back this is, else one of far too many.
    fn search(&mut self, w: &Waiting<N>, scope: u64) -> Option<u32> {
        if self.index.is_empty() {
            return None;
        }
        let (mut flows, mut adopted): (_, Option<(u32, bool)>) = (0, None);
        let mut next = self.home(w.hash);
        loop {
            let word = self.index[next];
            if word == 0 {
                break;
            }
            next = (next + 1) & (self.index.len() - 1);
            if word >> 32 != w.hash >> 32 {
                continue;
            }
            let place = word as u32 - 1;
            let Some(entry) = self.entry(place).filter(|e| e.key == w.key) else { continue };
            let (piece, at) = split(place);
            let (side, rest) = (entry.record.side(w.swapped), &self.rests[piece][at]);
            if rest.scope(side) == scope {
                return Some(place);
            }
            flows += 1;
            let better = rest.scope(1 - side) == scope;
            if rest.scope(side) == UNSEEN && (better || adopted.is_none_or(|(_, best)| !best && better)) {
                adopted = Some((place, better));
            } else if flows == MAX_SCOPES && adopted.is_none() {
                // The same ends in ever more scopes would make a search of each packet: these are one flow.
                return Some(place);
            }
        }
        let (place, _) = adopted?;
        let (piece, at) = split(place);
        let record = &mut self.pieces[piece][at].record;
        record.enter(&mut self.rests[piece][at], record.side(w.swapped), scope);
        Some(place)
    }

    /// Ends the flows of which nothing more is waited for.
    pub(super) fn sweep(&mut self, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        if self.idle.disorder() || self.closed.disorder() {
            self.idle.clear();
            self.closed.clear();
            for place in 0..self.used {
                self.look(place, settings, around, now);
            }
            let live = |place| self.entry(place).map(|e| &e.record).filter(|r| r.live()).map(|r| (place, r));
            let (mut idle, mut closed) = (Due::default(), Due::default());
            let flows = (0..self.used).filter_map(live);
            idle.put_all(flows.filter_map(|(place, r)| Some((place, turn(r.last, settings.idle?, settings)))));
            let flows = (0..self.used).filter_map(live).filter(|(_, r)| r.closed());
            closed.put_all(flows.filter_map(|(place, r)| Some((place, turn(r.last, settings.closed?, settings)))));
            (self.idle, self.closed) = (idle, closed);
            return;
        }
        let step = now.div_euclid(settings.pause());
        // What goes on may come into the list of this very step, so it waits until that is done.
        let mut again = std::mem::take(&mut self.again);
        while let Some(places) = self.idle.take(step) {
            self.look_at(&places, settings, around, now, |place, record| {
                again.extend(settings.idle.map(|idle| (place, turn(record.last, idle, settings))));
            });
        }
        again.drain(..).for_each(|(place, step)| self.idle.put(place, step));
        while let Some(places) = self.closed.take(step) {
            self.look_at(&places, settings, around, now, |place, record| {
                let closed = settings.closed.filter(|_| record.closed());
                again.extend(closed.map(|closed| (place, turn(record.last, closed, settings))));
            });
        }
        again.drain(..).for_each(|(place, step)| self.closed.put(place, step));
        self.again = again;
    }

    /// Ends the flows of a list of which nothing more is waited for. As for packets, each step is done for a block of them.
    fn look_at(
        &mut self,
        places: &[u32],
        settings: &Settings,
        around: &mut impl Around<N>,
        now: i64,
        mut goes_on: impl FnMut(u32, &Record),
    ) {
        for block in places.chunks(BLOCK) {
            let entries = || block.iter().filter_map(|place| self.entry(*place));
            let mut touched = entries().fold(0, |touched, e| touched ^ e.key[0] ^ u64::from(e.record.marks));
            for e in entries().filter(|e| e.record.live()) {
                touched ^= self.index[self.home(hash(&SEED, &e.key))];
            }
            std::hint::black_box(touched);
            for place in block {
                if let Some(record) = self.look(*place, settings, around, now) {
                    goes_on(*place, &record);
                }
            }
        }
    }

    /// Ends a flow if nothing more is waited for; gives its record otherwise.
    fn look(&mut self, place: u32, settings: &Settings, around: &mut impl Around<N>, now: i64) -> Option<Record> {
        let record = self.entry(place).map(|e| e.record).filter(Record::live)?;
        if !record.expired(now, settings) {
            return Some(record);
        }
        self.remove(place, if record.closed() { Ended::Closed } else { Ended::Idle }, around);
        None
    }

    /// Reports the flows that have had packets since their last report; they go on.
    pub(super) fn report(&mut self, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        for place in 0..self.used {
            if self.entry(place).is_some_and(|e| e.record.live() && e.record.fresh()) {
                around.report(&self.found(place), Ended::Active, false);
                let (piece, at) = split(place);
                self.pieces[piece][at].record.next_record(&mut self.rests[piece][at], now, settings);
                self.begin_anew(place, settings);
            }
        }
    }

    /// Reports all flows and forgets them, which is much less work than to take them out one by one.
    pub(super) fn drain(&mut self, around: &mut impl Around<N>) {
        for place in 0..self.used {
            if self.entry(place).is_some_and(|e| e.record.live()) {
                self.last_report(place, around);
            }
        }
        *self = Self::default();
    }

    /// When the flows began, their places, and the given number.
    pub(super) fn begins(&self, of: u8) -> impl Iterator<Item = (i64, u32, u8)> + '_ {
        let live =
            move |place| self.entry(place).filter(|e| e.record.live()).map(|_| (self.rest(place).first, place, of));
        (0..self.used).filter_map(live)
    }

    /// Reports a flow because there is nothing more to read.
    pub(super) fn last_report(&self, place: u32, around: &mut impl Around<N>) {
        let found = self.found(place);
        let ended = if found.record.closed() { Ended::Closed } else { Ended::Forced };
        around.report(&found, ended, true);
    }

    /// Ends the least recently seen of the next few.
    pub(super) fn evict(&mut self, around: &mut impl Around<N>) {
        let mut oldest: Option<(i64, u32)> = None;
        let mut seen = 0;
        for _ in 0..self.used {
            self.hand = (self.hand + 1) % self.used;
            let Some(entry) = self.entry(self.hand).filter(|e| e.record.live()) else { continue };
            if oldest.is_none_or(|(last, _)| entry.record.last < last) {
                oldest = Some((entry.record.last, self.hand));
            }
            seen += 1;
            if seen == CANDIDATES {
                break;
            }
        }
        if let Some((_, place)) = oldest {
            self.remove(place, Ended::Evicted, around);
        }
    }

    fn remove(&mut self, place: u32, ended: Ended, around: &mut impl Around<N>) {
        let found = self.found(place);
        around.report(&found, ended, true);
        self.unlink(hash(&SEED, &found.key), place);
        let (piece, at) = split(place);
        self.pieces[piece][at].record = Record::default();
        self.free.push(place);
    }

    fn found(&self, place: u32) -> Found<N> {
        let (piece, at) = split(place);
        let entry = &self.pieces[piece][at];
        Found {
            key: entry.key,
            record: entry.record,
            rest: self.rests[piece][at],
            details: self.details.get(piece).map(|details| details[at]),
            spreads: self.spreads.get(piece).map(|spreads| spreads[at]),
        }
    }

    fn fill(&mut self, place: u32, key: [u64; N], (record, rest): (Record, Rest)) {
        let (piece, at) = split(place);
        self.pieces[piece][at] = Entry { key, record };
        self.rests[piece][at] = rest;
        if let Some(details) = self.details.get_mut(piece) {
            details[at] = Details::default();
        }
        if let Some(spreads) = self.spreads.get_mut(piece) {
            spreads[at] = Spreads::NONE;
        }
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry<N>> {
        let (piece, at) = split(place);
        self.pieces.get(piece).map(|p| &p[at])
    }

    fn rest(&self, place: u32) -> &Rest {
        let (piece, at) = split(place);
        &self.rests[piece][at]
    }

    /// True if a flow is of a scope in a direction.
    #[inline]
    fn scoped(&self, place: u32, record: &Record, swapped: bool, scope: u64) -> bool {
        let side = record.side(swapped);
        if scope == 0 { record.plain(side) } else { self.rest(place).scope(side) == scope }
    }

    /// Where a hash begins to be looked for.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.index.len() - 1)
    }

    /// The first place under a hash: nearly always the right one, if there is one.
    #[inline]
    fn likely(&self, hash: u64) -> u32 {
        let mut at = self.home(hash);
        loop {
            let word = self.index[at];
            if word == 0 {
                return NOWHERE;
            }
            if word >> 32 == hash >> 32 {
                return word as u32 - 1;
            }
            at = (at + 1) & (self.index.len() - 1);
        }
    }

    fn link(&mut self, hash: u64, place: u32) {
        let mut at = self.home(hash);
        while self.index[at] != 0 {
            at = (at + 1) & (self.index.len() - 1);
        }
        self.index[at] = hash >> 32 << 32 | u64::from(place + 1);
    }

    /// Takes a place out of the index, and moves up what was pushed on by it.
    fn unlink(&mut self, hash: u64, place: u32) {
        let mask = self.index.len() - 1;
        let mut hole = self.home(hash);
        while self.index[hole] != 0 && self.index[hole] as u32 != place + 1 {
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let word = self.index[at];
            if word == 0 {
                break;
            }
            // What may stand in the hole: whose home is not between the hole and where it stands.
            if at.wrapping_sub(self.home(word)) & mask >= at.wrapping_sub(hole) & mask {
                self.index[hole] = word;
                hole = at;
            }
        }
        self.index[hole] = 0;
    }

    /// Doubles the index. The words tell their place as long as there are fewer than 2^32.
    fn grow(&mut self) {
        let larger = (self.index.len() * 2).max(64);
        let old = std::mem::replace(&mut self.index, vec![0; larger]);
        for word in old.into_iter().filter(|word| *word != 0) {
            let mut at = self.home(word);
            while self.index[at] != 0 {
                at = (at + 1) & (larger - 1);
            }
            self.index[at] = word;
        }
    }
}

/// The step of time in which a flow is looked at whose last packet was at `last`: the first in which it may have been silent for longer.
fn turn(last: i64, silence: i64, settings: &Settings) -> i64 {
    last.saturating_add(silence).div_euclid(settings.pause())
}

/// The piece of a place, and where in it.
#[inline]
fn split(place: u32) -> (usize, usize) {
    (place as usize / PIECE, place as usize % PIECE)
}
