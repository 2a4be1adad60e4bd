//! Decoded packets on their way from a source to those that count them, and the names of interfaces.
//!
//! They are read by another core than the one that wrote them, and each line of the cache costs its way. So what counting needs of every
//! packet is together in few bytes; what few packets have (IPv6 addresses, tunnels) or few ask for (hardware addresses) is in lists beside
//! it. The hash of the ends is noted down for all who count them while the packet is in the nearest cache.

use crate::decode::{Decoder, Packet, Tunnel};
use crate::flow;
use crate::metadata::Inspector;
use crate::read::Record;
use crate::tally::Tally;
use std::sync::{Arc, Mutex, PoisonError};

/// What a source hands on at once.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// What became of all packets of which these are a part.
    pub tally: Tally,
    /// Who looked into them, if anybody did, and knows more of their flows.
    pub inspector: Option<Arc<Mutex<Inspector>>>,
    seen: Vec<Seen>,
    hashes: Vec<u64>,
    macs: Vec<[[u8; 6]; 2]>,
    /// Addresses of IPv6: sender, receiver.
    long: Vec<[u128; 2]>,
    tunnels: Vec<Tunnel>,
    latest: Option<i64>,
}

/// What every packet has. Of pairs, the first is the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Addresses of IPv4, or in the first the place among those of IPv6.
    short: [u32; 2],
    /// The ports; 0 where there are none.
    pub ports: [u16; 2],
    /// The bytes that were on the wire.
    pub wire: u32,
    /// The bytes of the innermost IP packet (`Packet::ip_bytes`).
    pub ip_bytes: u32,
    /// The bytes behind the header of TCP.
    pub payload: u32,
    /// The sequence number of TCP.
    pub sequence: u32,
    /// The place of the tunnel plus 1, 0 for none.
    tunnel: u32,
    /// The VLANs from the outside in, 0 where there are fewer.
    pub vlans: [u16; 2],
    /// The window of TCP, not scaled.
    pub window: u16,
    /// The number of the interface that saw it.
    pub interface: u16,
    /// The number of the protocol above IP.
    pub protocol: u8,
    /// The flags of TCP.
    pub tcp_flags: u8,
    /// The type of service or traffic class.
    pub tos: u8,
    /// `V6` and `TCP_HEADER`.
    marks: u8,
    /// Type and code of ICMP.
    pub icmp: (u8, u8),
}

/// The addresses are IPv6.
const V6: u8 = 1;
/// `payload`, `sequence` and `window` are known.
const TCP_HEADER: u8 = 2;

// Eight lines of the cache have nine packets with their hashes.
const _: () = assert!(size_of::<Seen>() == 56);

impl Seen {
    /// Whether the addresses are IPv6.
    #[inline]
    #[must_use]
    pub fn v6(&self) -> bool {
        self.marks & V6 != 0
    }

    /// Whether `payload`, `sequence` and `window` are known.
    #[inline]
    #[must_use]
    pub fn tcp_header(&self) -> bool {
        self.marks & TCP_HEADER != 0
    }

    /// The addresses if they are IPv4.
    #[inline]
    pub(crate) fn short(&self) -> [u32; 2] {
        self.short
    }
}

impl Packets {
    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(packets: usize, inspector: Option<Arc<Mutex<Inspector>>>) -> Self {
        Self {
            seen: Vec::with_capacity(packets),
            hashes: Vec::with_capacity(packets),
            macs: Vec::with_capacity(packets),
            inspector,
            ..Self::default()
        }
    }

    /// Adds a packet: its time in nanoseconds since 1970, its bytes on the wire, and the number of the interface that saw it.
    #[inline]
    pub fn push(&mut self, packet: &Packet, time: i64, wire: u32, interface: u16) {
        let (short, hash) = if packet.v6 {
            self.long.push([packet.src, packet.dst]);
            ([self.long.len() as u32 - 1, 0], flow::hash6([packet.src, packet.dst], packet))
        } else {
            // Addresses of 32 bits stand in fields of 128.
            let short = [packet.src as u32, packet.dst as u32];
            (short, flow::hash4(short, packet))
        };
        let tunnel = if packet.tunnel.is_none() {
            0
        } else {
            self.tunnels.push(packet.tunnel);
            self.tunnels.len() as u32
        };
        self.seen.push(Seen {
            time,
            short,
            ports: [packet.src_port, packet.dst_port],
            wire,
            ip_bytes: packet.ip_bytes,
            payload: packet.payload,
            sequence: packet.sequence,
            tunnel,
            vlans: packet.vlans,
            window: packet.window,
            interface,
            protocol: packet.protocol,
            tcp_flags: packet.tcp_flags,
            tos: packet.tos,
            marks: (u8::from(packet.v6) * V6) | (u8::from(packet.tcp_header) * TCP_HEADER),
            icmp: packet.icmp,
        });
        self.hashes.push(hash);
        self.macs.push(packet.macs);
        self.latest = self.latest.max(Some(time));
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
            self.decode_one(decoder, record, record.bytes(bytes), None, inspector.as_deref_mut());
        }
    }

    /// Decodes a packet whose tag may have been taken off its frame.
    #[inline]
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
        if seen.v6() { self.long[seen.short[0] as usize] } else { seen.short.map(u128::from) }
    }

    /// The hardware addresses of the packet of a number.
    #[must_use]
    pub fn macs(&self, number: usize) -> [[u8; 6]; 2] {
        self.macs[number]
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
        self.latest
    }

    /// Forgets the packets, not what became of them.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.hashes.clear();
        self.macs.clear();
        self.long.clear();
        self.tunnels.clear();
        self.latest = None;
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
                    (seen.v6(), seen.tcp_header(), seen.ports[0]),
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
