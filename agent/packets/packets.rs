//! Decoded packets on their way from a source to those that count them, and the names of interfaces.
//!
//! They are read by another core than the one that wrote them, and each line of the cache costs its way. So what counting needs of every
//! packet is together in few bytes; what few packets have (IPv6 addresses, tunnels) or few ask for (hardware addresses) is in lists beside
//! it. The hash of the ends is noted down for all who count them while the packet is in the nearest cache.

use crate::decode::{Addresses, Decoder, Packet, Tunnel, Usual, usual};
use crate::flow;
use crate::metadata::Inspector;
use crate::read::Record;
use crate::seen::{SWAPPED, Seen, TCP_HEADER, V6};
use crate::tally::Tally;
use std::sync::{Arc, Mutex, PoisonError};

/// What a source hands on at once.
#[derive(Clone, Debug)]
pub struct Packets {
    /// What became of all packets of which these are a part.
    pub tally: Tally,
    /// Who looked into them, if anybody did, and knows more of their flows.
    pub inspector: Option<Arc<Mutex<Inspector>>>,
    seen: Vec<Seen>,
    hashes: Vec<u64>,
    /// The receiver's hardware address, and the sender's, as in the frame.
    macs: Vec<[u8; 12]>,
    /// What stands for both addresses of IPv6 in keys.
    long: Vec<[u64; 4]>,
    tunnels: Vec<Tunnel>,
    latest: i64,
}

/// `LINKTYPE_ETHERNET`.
const ETHERNET: u16 = 1;

impl Packets {
    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(packets: usize, inspector: Option<Arc<Mutex<Inspector>>>) -> Self {
        Self {
            seen: Vec::with_capacity(packets),
            hashes: Vec::with_capacity(packets),
            macs: Vec::with_capacity(packets),
            inspector,
            tally: Tally::default(),
            long: Vec::new(),
            tunnels: Vec::new(),
            latest: i64::MIN,
        }
    }

    /// Adds a packet: its time in nanoseconds since 1970, its bytes on the wire, and the number of the interface that saw it.
    pub fn push(&mut self, packet: &Packet, time: i64, wire: u32, interface: u16) {
        let ports = [packet.src_port, packet.dst_port];
        let ends = if packet.v6 {
            self.ends6([packet.src, packet.dst], ports, packet.protocol)
        } else {
            // Addresses of 32 bits stand in fields of 128.
            ends4([packet.src as u32, packet.dst as u32], ports, packet.protocol)
        };
        let tunnel = if packet.tunnel.is_none() {
            0
        } else {
            self.tunnels.push(packet.tunnel);
            self.tunnels.len() as u32
        };
        let icmp = matches!(packet.protocol, 1 | 58);
        let seen = Seen {
            time,
            addresses: ends.addresses,
            ends: ends.ends,
            wire,
            ip_bytes: packet.ip_bytes,
            payload: packet.payload,
            sequence: packet.sequence,
            tunnel,
            vlans: packet.vlans,
            window: if icmp { u16::from_be_bytes([packet.icmp.0, packet.icmp.1]) } else { packet.window },
            interface,
            tcp_flags: packet.tcp_flags,
            tos: packet.tos,
            marks: ends.marks | (u8::from(packet.tcp_header) * TCP_HEADER),
        };
        let [[s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]] = packet.macs;
        self.note(seen, ends.hash, [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]);
    }

    /// Adds a packet that is as nearly all are.
    #[inline(always)]
    fn push_usual(&mut self, usual: Usual, macs: [u8; 12], record: &Record) {
        let ends = match usual.addresses {
            Addresses::V4(short) => ends4(short, usual.ports, usual.protocol),
            Addresses::V6(both) => self.ends6(both, usual.ports, usual.protocol),
        };
        let seen = Seen {
            time: record.time,
            addresses: ends.addresses,
            ends: ends.ends,
            wire: record.wire,
            ip_bytes: usual.ip_bytes,
            payload: usual.tcp.payload,
            sequence: usual.tcp.sequence,
            tunnel: 0,
            vlans: [usual.vlan, 0],
            window: usual.tcp.window,
            interface: record.interface,
            tcp_flags: usual.tcp.flags,
            tos: usual.tos,
            marks: ends.marks | if usual.protocol == 6 { TCP_HEADER } else { 0 },
        };
        self.note(seen, ends.hash, macs);
    }

    /// The ends of a packet of IPv6; what has no room is noted beside it.
    #[inline]
    fn ends6(&mut self, addresses: [u128; 2], ports: [u16; 2], protocol: u8) -> Ends {
        let ([a, b, c, d, ends], swapped) = flow::key6(addresses, ports, protocol, false);
        let place = self.long.len() as u64;
        self.long.push([a, b, c, d]);
        let marks = V6 | if swapped { SWAPPED } else { 0 };
        Ends { addresses: place, ends, marks, hash: flow::hash(&[a, b, c, d, ends]) }
    }

    #[inline(always)]
    fn note(&mut self, seen: Seen, hash: u64, macs: [u8; 12]) {
        self.latest = self.latest.max(seen.time);
        self.seen.push(seen);
        self.hashes.push(hash);
        self.macs.push(macs);
    }

    /// Decodes packets whose bytes are in `bytes`, adds those of flows, and enters all in the tally.
    #[inline]
    pub fn decode(
        &mut self,
        decoder: &mut Decoder,
        records: &[Record],
        bytes: &[u8],
        mut inspector: Option<&mut Inspector>,
    ) {
        for record in records {
            let frame = record.bytes(bytes);
            if record.link == ETHERNET
                && inspector.is_none()
                && let Some(usual) = usual(frame, record.wire)
            {
                self.tally.in_flow();
                self.push_usual(usual, frame.first_chunk().copied().unwrap_or_default(), record);
            } else {
                self.decode_one(decoder, record, frame, None, inspector.as_deref_mut());
            }
        }
    }

    /// Decodes a packet whose tag may have been taken off its frame.
    pub fn decode_one(
        &mut self,
        decoder: &mut Decoder,
        record: &Record,
        frame: &[u8],
        tag: Option<u16>,
        inspector: Option<&mut Inspector>,
    ) {
        let packet = match decoder.decode(record.link, frame, record.wire) {
            Ok(packet) => packet,
            Err(cause) => return self.tally.not_counted(cause),
        };
        self.tally.in_flow();
        if let Some(inspector) = inspector {
            inspector.packet(record.time, packet, packet.content(frame));
        }
        match tag {
            // The outermost of the frame; one in a tunnel has its own.
            Some(tag) if packet.tunnel.is_none() => {
                let packet = Packet { vlans: [tag & 0xfff, packet.vlans[0]], ..*packet };
                self.push(&packet, record.time, record.wire, record.interface);
            }
            _ => self.push(packet, record.time, record.wire, record.interface),
        }
    }

    /// The packets, in the order in which they were added.
    #[inline]
    #[must_use]
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// For each packet the hash of its ends, which is the same in both directions.
    #[inline]
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The addresses of one of these; those of IPv4 are in the lowest 32 bits.
    #[inline]
    #[must_use]
    pub fn addresses(&self, seen: &Seen) -> [u128; 2] {
        let [low, high] = if seen.v6() {
            let [a, b, c, d] = self.long[seen.addresses as usize].map(u128::from);
            [a << 64 | b, c << 64 | d]
        } else {
            [seen.addresses >> 32, seen.addresses & 0xffff_ffff].map(u128::from)
        };
        if seen.swapped() { [high, low] } else { [low, high] }
    }

    /// The key of one of these that is IPv6.
    #[inline]
    pub(crate) fn key6(&self, seen: &Seen) -> [u64; 5] {
        let [a, b, c, d] = self.long[seen.addresses as usize];
        [a, b, c, d, seen.ends]
    }

    /// The hardware addresses of the packet of a number.
    #[must_use]
    pub fn macs(&self, number: usize) -> [[u8; 6]; 2] {
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = self.macs[number];
        [[s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]]
    }

    /// The tunnel of one of these.
    #[inline]
    #[must_use]
    pub fn tunnel(&self, seen: &Seen) -> Tunnel {
        let place = (seen.tunnel as usize).checked_sub(1);
        place.map(|place| self.tunnels[place]).unwrap_or_default()
    }

    /// The network number of one of these, 0 where there is none.
    #[inline]
    #[must_use]
    pub fn network(&self, seen: &Seen) -> u32 {
        if seen.tunnel == 0 { 0 } else { self.tunnel(seen).network }
    }

    /// The time of the latest packet.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        (!self.seen.is_empty()).then_some(self.latest)
    }

    /// Forgets the packets, not what became of them.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.hashes.clear();
        self.macs.clear();
        self.long.clear();
        self.tunnels.clear();
        self.latest = i64::MIN;
    }
}

impl Default for Packets {
    fn default() -> Self {
        Self::with_capacity(0, None)
    }
}

/// Packets with their times and their bytes on the wire, all in flows.
impl FromIterator<(Packet, i64, u32)> for Packets {
    fn from_iter<I: IntoIterator<Item = (Packet, i64, u32)>>(packets: I) -> Self {
        let mut all = Self::default();
        for (packet, time, wire) in packets {
            all.push(&packet, time, wire, 0);
            all.tally.in_flow();
        }
        all
    }
}

/// The ends of a packet as they stand in `Seen`, and their hash.
struct Ends {
    addresses: u64,
    ends: u64,
    marks: u8,
    hash: u64,
}

#[inline(always)]
fn ends4(addresses: [u32; 2], ports: [u16; 2], protocol: u8) -> Ends {
    let (key, swapped) = flow::key4(addresses, ports, protocol, false);
    Ends { addresses: key[0], ends: key[1], marks: if swapped { SWAPPED } else { 0 }, hash: flow::hash(&key) }
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
    use crate::decode::{Kind, Random};

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        let mut random = Random(5);
        let mut number = |bits: u32| (0..bits / 16).fold(0u128, |n, _| n << 16 | random.below(1 << 16) as u128);
        let mut packet = |i: usize| {
            let v6 = number(16) & 3 == 0;
            let tunnel = Tunnel { kind: Kind::Vxlan, id: 7, network: number(16) as u32, v6, src: number(128), dst: 4 };
            Packet {
                v6,
                src: number(if v6 { 128 } else { 32 }),
                dst: number(if v6 { 128 } else { 32 }),
                src_port: number(16) as u16,
                macs: [[i as u8; 6], [3; 6]],
                tcp_header: i.is_multiple_of(5),
                tunnel: if i.is_multiple_of(3) { tunnel } else { Tunnel::default() },
                ..Packet::default()
            }
        };
        let all: Vec<Packet> = (0..500).map(&mut packet).collect();
        let mut packets = Packets::default();
        for _ in 0..2 {
            all.iter().enumerate().for_each(|(i, packet)| packets.push(packet, i as i64, 9, 2));
            for (i, (seen, packet)) in packets.seen().iter().zip(&all).enumerate() {
                assert_eq!(packets.addresses(seen), [packet.src, packet.dst]);
                assert_eq!(
                    (seen.v6(), seen.tcp_header(), seen.ports()[0]),
                    (packet.v6, packet.tcp_header, packet.src_port)
                );
                assert_eq!((packets.tunnel(seen), packets.network(seen)), (packet.tunnel, packet.tunnel.network));
                assert_eq!((packets.macs(i), seen.time), (packet.macs, i as i64));
            }
            assert_eq!((packets.seen().len(), packets.hashes().len(), packets.latest()), (500, 500, Some(499)));
            packets.clear();
            assert_eq!((packets.seen().len(), packets.hashes().len(), packets.latest()), (0, 0, None));
        }
    }

    #[test]
    fn the_hash_is_that_of_both_directions() {
        for v6 in [false, true] {
            let there = Packet { v6, src: 5, dst: 9, src_port: 7, dst_port: 80, protocol: 6, ..Packet::default() };
            let back = Packet { src: 9, dst: 5, src_port: 80, dst_port: 7, ..there };
            let other = Packet { dst_port: 81, ..there };
            let packets: Packets = [there, back, other].into_iter().map(|packet| (packet, 0, 0)).collect();
            let [there, back, other] = [0, 1, 2].map(|i| packets.hashes()[i]);
            assert!(there == back && there != other);
        }
    }

    #[test]
    fn interfaces_have_numbers() {
        let (a, b) = (interface_number("test-a"), interface_number("test-b"));
        assert!(a > 0 && b > 0 && a != b);
        assert_eq!(interface_number("test-a"), a);
        assert_eq!(interface_name(b.into()).as_deref(), Some("test-b"));
        assert_eq!(interface_name(0), None);
    }
}
