//! Exact flows: one record for each conversation, with both of its directions.
//!
//! Two open-addressing tables, one for each version of IP, whose entries hold key and counters side by side: an update of a flow that is
//! not in the cache costs two misses. The hash is seeded for each process, as whoever sends packets chooses the keys.

mod entry;
#[cfg(test)]
mod tests;

use crate::community::community_id;
use crate::decode::{Kind, Packet, Tunnel, address};
use entry::{Half, Key, Outcome, Record, Seen};
use foldhash::fast::RandomState;
use std::net::IpAddr;

/// What bounds the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Flows held at once, at least 1. One that comes when there are so many ends the least recently seen of a few others.
    pub max_flows: usize,
    /// A flow without a packet for so many nanoseconds has ended. `None` is never.
    pub idle: Option<i64>,
    /// A flow that lasts longer than so many nanoseconds is reported and goes on as a new record. `None` is never.
    pub active: Option<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_flows: 1 << 20, idle: None, active: None }
    }
}

/// Why a record is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No packet for the idle time.
    Idle,
    /// Longer than the active time; the flow goes on.
    Active,
    /// Its ends closed it: a reset, or both said that they are done.
    Closed,
    /// Reading ended.
    Forced,
    /// It made room for others.
    Evicted,
}

impl Ended {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Closed => "end",
            Self::Forced => "forced",
            Self::Evicted => "evicted",
        }
    }

    /// The number of IPFIX's flowEndReason.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Idle => 1,
            Self::Active => 2,
            Self::Closed => 3,
            Self::Forced => 4,
            Self::Evicted => 5,
        }
    }
}

/// A complete record. Of pairs, the first is of what `src` sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The side that began.
    pub src: IpAddr,
    /// The other side.
    pub dst: IpAddr,
    /// The port of `src`; 0 where there are none.
    pub src_port: u16,
    /// The port of `dst`.
    pub dst_port: u16,
    /// The number of the protocol above IP.
    pub protocol: u8,
    /// The VLANs of what `src` sent (of what `dst` sent, if that is all), from the outside in, 0 where there are fewer.
    pub vlans: [u16; 2],
    /// The tunnel of the first packet.
    pub tunnel: Tunnel,
    /// Type and code of the first packet of ICMP.
    pub icmp: (u8, u8),
    /// All flags of TCP that were seen.
    pub tcp_flags: [u8; 2],
    /// Packets.
    pub packets: [u64; 2],
    /// Bytes of whole frames on the wire.
    pub bytes: [u64; 2],
    /// Bytes of the innermost IP packets.
    pub ip_bytes: [u64; 2],
    /// The time of the first packet, nanoseconds since 1970.
    pub first: i64,
    /// The time of the last packet.
    pub last: i64,
    /// Why the record is complete.
    pub ended: Ended,
}

impl Flow {
    /// The community id, version 1, without a seed.
    #[must_use]
    pub fn community_id(&self) -> String {
        let (a, b) = match self.protocol {
            1 | 58 => (u16::from(self.icmp.0), u16::from(self.icmp.1)),
            _ => (self.src_port, self.dst_port),
        };
        community_id(0, self.protocol, self.src, self.dst, a, b)
    }
}

/// The flows that are going on.
#[derive(Debug)]
pub struct Table {
    settings: Settings,
    v4: Half<2>,
    v6: Half<5>,
    seed: RandomState,
    tunnels: Tunnels,
    ended: Vec<Flow>,
    next_sweep: i64,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Settings { max_flows: settings.max_flows.max(1), ..settings };
        Self {
            settings,
            v4: Half::default(),
            v6: Half::default(),
            seed: RandomState::default(),
            tunnels: Tunnels::default(),
            ended: Vec::new(),
            next_sweep: i64::MIN,
        }
    }

    /// Counts a packet; `wire` are the bytes of its frame.
    #[inline]
    pub fn add(&mut self, packet: &Packet, time: i64, wire: u32) {
        if self.settings.idle.is_some() && time >= self.next_sweep {
            self.sweep(time);
        }
        if packet.v6 {
            let (key, swapped) = entry::key6(packet);
            let hash = entry::hash(&self.seed, &key);
            let seen = Seen { packet, swapped, time, wire };
            match self.v6.update(hash, &key, seen, &self.settings) {
                Outcome::Counted => {}
                other => self.rare(Key::V6(key), hash, other, seen),
            }
        } else {
            let (key, swapped) = entry::key4(packet);
            let hash = entry::hash(&self.seed, &key);
            let seen = Seen { packet, swapped, time, wire };
            match self.v4.update(hash, &key, seen, &self.settings) {
                Outcome::Counted => {}
                other => self.rare(Key::V4(key), hash, other, seen),
            }
        }
    }

    /// Flows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// True if no flow is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the records that became complete. They wait until they are taken, so do so after each batch.
    pub fn ended(&mut self) -> impl Iterator<Item = Flow> + '_ {
        self.ended.drain(..)
    }

    /// Ends every flow; they are among those `ended` gives.
    pub fn finish(&mut self) {
        self.ended.reserve(self.len());
        let Self { v4, v6, tunnels, ended, .. } = self;
        v4.remove_if(|_| true, |key, record| ended.push(flow(&Key::V4(key), &record, tunnels, Ended::Forced)));
        v6.remove_if(|_| true, |key, record| ended.push(flow(&Key::V6(key), &record, tunnels, Ended::Forced)));
    }

    /// What does not happen for each packet: a new flow, or the end of a record.
    #[cold]
    #[inline(never)]
    fn rare(&mut self, key: Key, hash: u64, outcome: Outcome, seen: Seen<'_>) {
        match outcome {
            Outcome::Counted => {}
            // The flow goes on, and with it the place of its tunnel.
            Outcome::Over(record, ended) => {
                let tunnel = self.tunnels.find(record.tunnel);
                self.ended.push(report(&key, &record, tunnel, ended));
            }
            Outcome::New => {
                if self.len() >= self.settings.max_flows {
                    self.evict(seen.packet.v6);
                }
                let tunnel = self.tunnels.insert(seen.packet.tunnel);
                let record = Record::new(seen, tunnel);
                match key {
                    Key::V4(key) => self.v4.insert(hash, key, record, &self.seed),
                    Key::V6(key) => self.v6.insert(hash, key, record, &self.seed),
                }
            }
        }
    }

    /// Ends one flow, of the wanted version if there is one.
    fn evict(&mut self, v6: bool) {
        let (key, record) = if (v6 && self.v6.len() > 0) || self.v4.len() == 0 {
            let Some((key, record)) = self.v6.evict() else { return };
            (Key::V6(key), record)
        } else {
            let Some((key, record)) = self.v4.evict() else { return };
            (Key::V4(key), record)
        };
        self.ended.push(flow(&key, &record, &mut self.tunnels, Ended::Evicted));
    }

    /// Ends what has been idle; runs four times in the idle time, at most once a second of the packets' clock.
    #[cold]
    fn sweep(&mut self, now: i64) {
        let Some(idle) = self.settings.idle else { return };
        self.next_sweep = now.saturating_add((idle / 4).max(1_000_000_000));
        let over = |record: &Record| now.saturating_sub(record.last) > idle;
        let Self { v4, v6, tunnels, ended, .. } = self;
        v4.remove_if(over, |key, record| ended.push(flow(&Key::V4(key), &record, tunnels, Ended::Idle)));
        v6.remove_if(over, |key, record| ended.push(flow(&Key::V6(key), &record, tunnels, Ended::Idle)));
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

/// The public form of a record that is taken out.
fn flow(key: &Key, record: &Record, tunnels: &mut Tunnels, ended: Ended) -> Flow {
    let tunnel = tunnels.remove(record.tunnel);
    report(key, record, tunnel, ended)
}

fn report(key: &Key, record: &Record, tunnel: Tunnel, ended: Ended) -> Flow {
    let parts = key.parts();
    let v6 = matches!(key, Key::V6(_));
    let (mut src, mut dst) = ((parts.low, parts.low_port), (parts.high, parts.high_port));
    if record.swapped {
        (src, dst) = (dst, src);
    }
    let ended = if matches!(ended, Ended::Forced | Ended::Idle | Ended::Evicted) && record.closed(parts.protocol) {
        Ended::Closed
    } else {
        ended
    };
    Flow {
        src: address(v6, src.0),
        dst: address(v6, dst.0),
        src_port: src.1,
        dst_port: dst.1,
        protocol: parts.protocol,
        vlans: record.vlans(),
        tunnel,
        icmp: record.icmp,
        tcp_flags: record.tcp_flags,
        packets: record.packets,
        bytes: record.bytes,
        ip_bytes: record.ip_bytes,
        first: record.first,
        last: record.last,
        ended,
    }
}
