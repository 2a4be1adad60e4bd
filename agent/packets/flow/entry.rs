//! Keys and records, and one table of them.

use super::{Ended, Settings};
use crate::decode::Packet;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// No packet of this direction yet; no scope has all bits set.
const UNSEEN: u64 = u64::MAX;
/// Flows of the same ends in different scopes.
const MAX_SCOPES: usize = 64;
/// Flows of which the least recently seen is evicted.
const CANDIDATES: usize = 32;

/// A key of either version: the two ends in order, and the protocol, packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    V4([u64; 2]),
    V6([u64; 5]),
}

/// A key taken apart.
pub(super) struct Parts {
    pub(super) low: u128,
    pub(super) high: u128,
    pub(super) low_port: u16,
    pub(super) high_port: u16,
    pub(super) protocol: u8,
}

/// The key of an IPv4 packet, and whether its sender is the higher end.
#[inline]
pub(super) fn key4(packet: &Packet) -> ([u64; 2], bool) {
    // Addresses of 32 bits stand in fields of 128.
    let (src, dst) = (packet.src as u64, packet.dst as u64);
    let swapped = (src << 16 | u64::from(packet.src_port)) > (dst << 16 | u64::from(packet.dst_port));
    let addresses = if swapped { dst << 32 | src } else { src << 32 | dst };
    ([addresses, ends(packet, swapped)], swapped)
}

/// The key of an IPv6 packet, and whether its sender is the higher end.
#[inline]
pub(super) fn key6(packet: &Packet) -> ([u64; 5], bool) {
    let swapped = (packet.src, packet.src_port) > (packet.dst, packet.dst_port);
    let (low, high) = if swapped { (packet.dst, packet.src) } else { (packet.src, packet.dst) };
    // Truncated on purpose: each half in turn.
    let [a, b, c, d] = [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64];
    ([a, b, c, d, ends(packet, swapped)], swapped)
}

/// Lower port, higher port, protocol: 16, 16 and 8 bits.
#[inline]
fn ends(packet: &Packet, swapped: bool) -> u64 {
    let (src, dst) = (u64::from(packet.src_port), u64::from(packet.dst_port));
    let ports = if swapped { dst << 16 | src } else { src << 16 | dst };
    ports << 8 | u64::from(packet.protocol)
}

/// In which of several networks with equal addresses a packet was seen: its VLANs and its network number, 16, 16 and 24 bits.
#[inline]
fn scope(packet: &Packet) -> u64 {
    let vlans = u64::from(packet.vlans[0]) << 16 | u64::from(packet.vlans[1]);
    vlans << 24 | u64::from(packet.tunnel.network & 0xff_ffff)
}

#[inline]
pub(super) fn hash<const N: usize>(seed: &RandomState, key: &[u64; N]) -> u64 {
    let mut hasher = seed.build_hasher();
    for word in key {
        hasher.write_u64(*word);
    }
    hasher.finish()
}

impl Key {
    pub(super) fn parts(&self) -> Parts {
        let (low, high, ends) = match *self {
            Self::V4([addresses, ends]) => (u128::from(addresses >> 32), u128::from(addresses & 0xffff_ffff), ends),
            Self::V6([a, b, c, d, ends]) => {
                (u128::from(a) << 64 | u128::from(b), u128::from(c) << 64 | u128::from(d), ends)
            }
        };
        // Each cast takes the field that stands there.
        Parts { low, high, low_port: (ends >> 24) as u16, high_port: (ends >> 8) as u16, protocol: ends as u8 }
    }
}

/// A packet that is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) packet: &'a Packet,
    /// Whether its sender is the higher end of the key.
    pub(super) swapped: bool,
    pub(super) time: i64,
    pub(super) wire: u32,
}

/// What is known of a flow. Of pairs, the first is of the side that began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) packets: [u64; 2],
    pub(super) bytes: [u64; 2],
    pub(super) ip_bytes: [u64; 2],
    /// The scope of each direction, `UNSEEN` before its first packet: the way back may have other tags.
    scopes: [u64; 2],
    /// The place of the tunnel, 0 for none.
    pub(super) tunnel: u32,
    pub(super) tcp_flags: [u8; 2],
    pub(super) icmp: (u8, u8),
    /// Whether the side that began is the higher end of the key.
    pub(super) swapped: bool,
}

impl Record {
    /// The record of a first packet.
    pub(super) fn new(seen: Seen<'_>, tunnel: u32) -> Self {
        let Seen { packet, swapped, time, .. } = seen;
        // The second step of a handshake comes from the side that was called.
        let answer = packet.protocol == 6 && packet.tcp_flags & (SYN | ACK) == SYN | ACK;
        let mut record = Self {
            first: time,
            last: time,
            packets: [0; 2],
            bytes: [0; 2],
            ip_bytes: [0; 2],
            scopes: [UNSEEN; 2],
            tunnel,
            tcp_flags: [0; 2],
            icmp: packet.icmp,
            swapped: swapped != answer,
        };
        record.scopes[record.side(swapped)] = scope(packet);
        record.count(seen);
        record
    }

    /// The direction of a packet.
    #[inline]
    fn side(&self, swapped: bool) -> usize {
        usize::from(swapped != self.swapped)
    }

    /// The VLANs of the side that began, or of the other if that one was not seen.
    pub(super) fn vlans(&self) -> [u16; 2] {
        let [there, back] = self.scopes;
        let scope = if there == UNSEEN { back } else { there };
        // Each cast takes the field that stands there.
        [(scope >> 40) as u16, (scope >> 24) as u16]
    }

    /// Counts a packet, in a new record if this one lasts too long.
    #[inline]
    fn take(&mut self, seen: Seen<'_>, settings: &Settings) -> Outcome {
        let over = self.over(seen.time, settings);
        if let Some((_, Ended::Idle)) = over {
            // Who speaks first after a silence began.
            *self = Self::new(seen, self.tunnel);
        } else {
            self.count(seen);
        }
        over.map_or(Outcome::Counted, |(record, ended)| Outcome::Over(record, ended))
    }

    #[inline]
    fn count(&mut self, Seen { packet, swapped, time, wire }: Seen<'_>) {
        let side = self.side(swapped);
        self.packets[side] += 1;
        self.bytes[side] += u64::from(wire);
        self.ip_bytes[side] += u64::from(packet.ip_bytes);
        self.tcp_flags[side] |= packet.tcp_flags;
        // Captures of several interfaces are not quite in order.
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// True if the ends closed the connection.
    pub(super) fn closed(&self, protocol: u8) -> bool {
        let [a, b] = self.tcp_flags;
        protocol == 6 && ((a | b) & RST != 0 || a & b & FIN != 0)
    }

    /// Ends the record, if it lasts too long, so that `time` begins the next one.
    #[inline]
    fn over(&mut self, time: i64, settings: &Settings) -> Option<(Self, Ended)> {
        let idle = settings.idle.is_some_and(|idle| time.saturating_sub(self.last) > idle);
        let active = settings.active.is_some_and(|active| time.saturating_sub(self.first) > active);
        if !idle && !active {
            return None;
        }
        let done = *self;
        (self.first, self.last) = (time, time);
        (self.packets, self.bytes, self.ip_bytes, self.tcp_flags) = ([0; 2], [0; 2], [0; 2], [0; 2]);
        Some((done, if idle { Ended::Idle } else { Ended::Active }))
    }
}

/// What came of counting a packet.
pub(super) enum Outcome {
    Counted,
    /// Counted, in a new record; this one is complete.
    Over(Record, Ended),
    /// Not counted: there is no such flow.
    New,
}

/// The flows of one version of IP.
#[derive(Debug)]
pub(super) struct Half<const N: usize> {
    entries: HashTable<([u64; N], Record)>,
    /// Where the search for what to evict goes on.
    hand: usize,
}

impl<const N: usize> Default for Half<N> {
    fn default() -> Self {
        Self { entries: HashTable::new(), hand: 0 }
    }
}

impl<const N: usize> Half<N> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn update(&mut self, hash: u64, key: &[u64; N], seen: Seen<'_>, settings: &Settings) -> Outcome {
        let scope = scope(seen.packet);
        let same =
            |(known, record): &([u64; N], Record)| known == key && record.scopes[record.side(seen.swapped)] == scope;
        match self.entries.find_mut(hash, same) {
            Some((_, record)) => record.take(seen, settings),
            None => self.adopt(hash, key, seen, settings),
        }
    }

    /// Counts the first packet of a way back: best in the flow of the same scope, else in one that has none yet.
    #[cold]
    fn adopt(&mut self, hash: u64, key: &[u64; N], seen: Seen<'_>, settings: &Settings) -> Outcome {
        let scope = scope(seen.packet);
        let (mut flows, mut found) = (0, None);
        for bucket in self.entries.iter_hash_buckets(hash) {
            let Some((known, record)) = self.entries.get_bucket(bucket) else { continue };
            if known != key {
                continue;
            }
            flows += 1;
            let side = record.side(seen.swapped);
            let best = record.scopes[1 - side] == scope;
            if record.scopes[side] == UNSEEN && (best || found.is_none()) {
                found = Some(bucket);
                if best {
                    break;
                }
            } else if flows == MAX_SCOPES && found.is_none() {
                // The same ends in ever more scopes would make a search of each packet: these are one flow.
                return self.entries.get_bucket_mut(bucket).map_or(Outcome::New, |(_, r)| r.take(seen, settings));
            }
        }
        let Some((_, record)) = found.and_then(|bucket| self.entries.get_bucket_mut(bucket)) else {
            return Outcome::New;
        };
        record.scopes[record.side(seen.swapped)] = scope;
        record.take(seen, settings)
    }

    pub(super) fn insert(&mut self, hash: u64, key: [u64; N], record: Record, seed: &RandomState) {
        self.entries.insert_unique(hash, (key, record), |(key, _)| self::hash(seed, key));
    }

    /// Takes out what `over` says, giving it to `each`.
    pub(super) fn remove_if(&mut self, over: impl Fn(&Record) -> bool, mut each: impl FnMut([u64; N], Record)) {
        for (key, record) in self.entries.extract_if(|(_, record)| over(record)) {
            each(key, record);
        }
    }

    /// Takes out the least recently seen of the next few.
    pub(super) fn evict(&mut self) -> Option<([u64; N], Record)> {
        let buckets = self.entries.num_buckets();
        let mut oldest: Option<(i64, usize)> = None;
        let mut seen = 0;
        for _ in 0..buckets {
            self.hand = (self.hand + 1) % buckets;
            if let Some((_, record)) = self.entries.get_bucket(self.hand) {
                if oldest.is_none_or(|(last, _)| record.last < last) {
                    oldest = Some((record.last, self.hand));
                }
                seen += 1;
                if seen == CANDIDATES {
                    break;
                }
            }
        }
        let entry = self.entries.get_bucket_entry(oldest?.1).ok()?;
        Some(entry.remove().0)
    }
}
