//! Flows of one kind of key: an index into records that never move.
//!
//! Where millions of flows are under way almost every packet finds its record outside of the caches, and waiting for memory is most of what a
//! packet costs. So packets are taken in blocks, and each step (index, record, count) is done for the whole block before the next: the
//! misses of a block are under way at the same time. Records are in pieces that stay where they are, so growing copies only the index, and
//! memory never has to be twice as large for it.

mod ends;

use crate::decode::Tunnel;
use crate::flow::due::Due;
use crate::flow::key::{hash, scope};
use crate::flow::record::{Cold, Record, Rest, UNSEEN, Usual};
use crate::flow::spread::Spreads;
use crate::flow::tcp::{self, Details};
use crate::flow::{Ended, SEED, Settings};
use crate::packets::Packets;
use agent_capture::prefetch;
use ends::Which;

/// Packets of one block.
pub(in crate::flow) const BLOCK: usize = 32;
/// Records of one piece, a power of two.
pub(in crate::flow) const PIECE: usize = 1024;
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
pub(in crate::flow) struct Found<const N: usize> {
    pub(in crate::flow) key: [u64; N],
    pub(in crate::flow) record: Record,
    pub(in crate::flow) rest: Rest,
    pub(in crate::flow) details: Option<Details>,
    pub(in crate::flow) spreads: Option<Box<Spreads>>,
}

/// What a store asks of the table around it.
pub(in crate::flow) trait Around<const N: usize> {
    /// A record is complete. With `gone`, so is the flow.
    fn report(&mut self, found: &mut Found<N>, ended: Ended, gone: bool);
    /// The place of the tunnel of a new flow.
    fn tunnel(&mut self, tunnel: Tunnel) -> u32;
}

/// The flows of one kind.
#[derive(Debug)]
pub(in crate::flow) struct Store<const N: usize> {
    /// A power of two of words: 0, or the upper half of the hash, whose lowest bits are where it would be, and the place plus 1.
    index: Vec<u64>,
    pieces: Vec<Box<[Entry<N>; PIECE]>>,
    /// As `pieces`: what few packets need.
    rests: Vec<Box<[Rest; PIECE]>>,
    /// If asked for.
    details: Vec<Box<[Details; PIECE]>>,
    spreads: Vec<Box<[Spreads; PIECE]>>,
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
    /// Some packet was in another scope than 0: there may be several flows of the same ends.
    scopes: bool,
    /// Packets whose words of the index are on their way into the cache, and those whose records are.
    coming: Vec<Waiting<N>>,
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
            scopes: false,
            coming: Vec::with_capacity(BLOCK),
            waiting: Vec::with_capacity(BLOCK),
        }
    }
}

impl<const N: usize> Store<N> {
    /// Bytes that a flow takes at most: its record and its words of the index when that has just grown.
    pub(in crate::flow) fn flow_bytes(settings: &Settings) -> usize {
        let details = if settings.tcp { size_of::<Details>() } else { 0 };
        let spreads = if settings.spreads { size_of::<Spreads>() } else { 0 };
        // Half of the old index and all of the new are there at the same time; a free place takes a number.
        size_of::<Entry<N>>() + size_of::<Rest>() + details + spreads + 3 * 8 + 4 + 2 * Due::BYTES
    }

    pub(in crate::flow) fn len(&self) -> usize {
        self.used as usize - self.free.len()
    }

    /// Takes a packet into the next block.
    #[inline]
    pub(in crate::flow) fn push(&mut self, key: [u64; N], hash: u64, of: usize, swapped: bool) {
        if let Some(word) = self.index.get(self.home(hash)) {
            prefetch(word);
        }
        self.coming.push(Waiting { key, hash, of: of as u32, swapped, place: NOWHERE });
    }

    /// Finds the records of the next block, whose turn it is as soon as the one before has been counted.
    pub(in crate::flow) fn locate(&mut self, packets: &Packets, settings: &Settings) {
        std::mem::swap(&mut self.coming, &mut self.waiting);
        if self.index.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        for w in &mut waiting {
            w.place = self.likely(w.hash);
            if let Some(entry) = self.entry(w.place) {
                prefetch(&entry.key[0]);
                if size_of::<Entry<N>>() > 64 {
                    prefetch(&entry.key[N - 1]);
                    prefetch(&entry.record.last);
                }
                // A step of a handshake, for which more than the record is needed.
                if settings.tcp && packets.seen()[w.of as usize].tcp_flags & tcp::SYN != 0 {
                    let (piece, at) = split(w.place);
                    prefetch(self.details[piece][at].first());
                }
            }
        }
        self.waiting = waiting;
    }

    /// Forgets where the records of the block are.
    #[cfg(test)]
    pub(in crate::flow) fn lose(&mut self) {
        self.waiting.iter_mut().for_each(|w| w.place = NOWHERE);
    }

    /// Counts the packets of a block.
    pub(in crate::flow) fn run(&mut self, packets: &Packets, settings: &Settings, around: &mut impl Around<N>) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let usual = Usual::new(settings);
        for w in &waiting {
            let seen = &packets.seen()[w.of as usize];
            let (piece, at) = split(w.place);
            if let Some(entry) = self.pieces.get_mut(piece).map(|p| &mut p[at])
                && entry.key == w.key
                && entry.record.count_usual(seen, w.swapped, &usual)
            {
                if settings.spreads {
                    let side = entry.record.side(w.swapped);
                    self.spreads[piece][at].add(side, seen.time, seen.wire);
                }
                continue;
            }
            self.unusual(w, packets, settings, around);
        }
        waiting.clear();
        self.waiting = waiting;
    }

    /// Counts a packet of any kind.
    #[cold]
    #[inline(never)]
    fn unusual(&mut self, w: &Waiting<N>, packets: &Packets, settings: &Settings, around: &mut impl Around<N>) {
        let scope = scope(packets, &packets.seen()[w.of as usize], &settings.keys);
        self.scopes |= scope != 0;
        let place = match self.entry(w.place) {
            Some(e) if e.key == w.key && e.record.live() => {
                if self.scoped(w.place, &e.record, w.swapped, scope) {
                    w.place
                } else if !self.scopes {
                    // The first packet of its direction, and there is no other flow of these ends.
                    self.enter(w.place, w.swapped, scope);
                    w.place
                } else {
                    self.place(w, packets, scope, settings, around)
                }
            }
            _ => self.place(w, packets, scope, settings, around),
        };
        self.take(place, w, packets, settings, around);
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
        let cold = Cold { rests: &mut self.rests, details: &mut self.details, piece, at };
        if let Some(ended) = self.pieces[piece][at].record.over(&cold, seen, settings) {
            self.renew(place, w, packets, ended, settings, around);
        }
        let mut cold = Cold { rests: &mut self.rests, details: &mut self.details, piece, at };
        let record = &mut self.pieces[piece][at].record;
        let side = record.side(swapped);
        record.count(&mut cold, seen, swapped, settings);
        if tcp::ends(seen.tcp_flags) && record.closed() {
            let last = record.last;
            self.list(place, last, Which::Closed, settings);
        }
        if settings.spreads {
            self.spreads[piece][at].add(side, seen.time, seen.wire);
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
        let mut found = self.found(place);
        around.report(&mut found, ended, gone);
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
                self.pieces.push(piece(Entry { key: [0; N], record: Record::default() }));
                self.rests.push(piece(Rest::EMPTY));
                if settings.tcp {
                    self.details.push(piece(Details::default()));
                }
                if settings.spreads {
                    self.spreads.push(piece(Spreads::NONE));
                }
            }
            place
        });
        let seen = &packets.seen()[w.of as usize];
        let tunnel = around.tunnel(packets.tunnel(seen));
        self.fill(place, w.key, Record::new(seen, w.swapped, scope, tunnel, settings));
        self.link(w.hash, place);
        self.list(place, seen.time, Which::Idle, settings);
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
        self.enter(place, w.swapped, scope);
        Some(place)
    }

    /// Takes note of the scope of the direction of a packet.
    fn enter(&mut self, place: u32, swapped: bool, scope: u64) {
        let (piece, at) = split(place);
        let record = &mut self.pieces[piece][at].record;
        record.enter(&mut self.rests[piece][at], record.side(swapped), scope);
    }

    /// Reports the flows that have had packets since their last report; they go on.
    pub(in crate::flow) fn report(&mut self, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        for place in 0..self.used {
            if self.entry(place).is_some_and(|e| e.record.live() && e.record.fresh()) {
                around.report(&mut self.found(place), Ended::Active, false);
                let (piece, at) = split(place);
                self.pieces[piece][at].record.next_record(&mut self.rests[piece][at], now, settings);
                self.begin_anew(place, settings);
            }
        }
    }

    /// Reports all flows and forgets them, which is much less work than to take them out one by one.
    pub(in crate::flow) fn drain(&mut self, around: &mut impl Around<N>) {
        for place in 0..self.used {
            if self.entry(place).is_some_and(|e| e.record.live()) {
                self.last_report(place, around);
            }
        }
        *self = Self::default();
    }

    /// When the flows began, their places, and the given number.
    pub(in crate::flow) fn begins(&self, of: u8) -> impl Iterator<Item = (i64, u32, u8)> + '_ {
        let live =
            move |place| self.entry(place).filter(|e| e.record.live()).map(|_| (self.rest(place).first, place, of));
        (0..self.used).filter_map(live)
    }

    /// Reports a flow because there is nothing more to read.
    pub(in crate::flow) fn last_report(&self, place: u32, around: &mut impl Around<N>) {
        let mut found = self.found(place);
        let ended = if found.record.closed() { Ended::Closed } else { Ended::Forced };
        around.report(&mut found, ended, true);
    }

    /// Ends the least recently seen of the next few.
    pub(in crate::flow) fn evict(&mut self, around: &mut impl Around<N>) {
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
        let mut found = self.found(place);
        around.report(&mut found, ended, true);
        self.unlink(hash(&SEED, &found.key), place);
        let (piece, at) = split(place);
        self.pieces[piece][at].record.vacate();
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
            spreads: self.spreads.get(piece).map(|spreads| Box::new(spreads[at])),
        }
    }

    fn fill(&mut self, place: u32, key: [u64; N], (record, rest): (Record, Rest)) {
        let (piece, at) = split(place);
        let entry = &mut self.pieces[piece][at];
        *entry = Entry { key, record: record.in_place_of(&entry.record) };
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
        (hash >> 32) as usize & self.index.len().wrapping_sub(1)
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

/// A new piece.
fn piece<T: Clone>(of: T) -> Box<[T; PIECE]> {
    vec![of; PIECE].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("it is as long as a piece"))
}

/// The piece of a place, and where in it.
#[inline]
fn split(place: u32) -> (usize, usize) {
    (place as usize / PIECE, place as usize % PIECE)
}
