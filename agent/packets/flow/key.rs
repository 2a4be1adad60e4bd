//! What packets of one flow have in common, packed into words.
//!
//! The usual key (addresses, ports, protocol) has two words for IPv4 and five for IPv6. What a packet can be told apart by beyond that makes a
//! third kind of eight words, so that the usual tables stay small.

use crate::packets::Packets;
use crate::seen::Seen;
use foldhash::quality::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

/// What tells flows apart. What is left out is 0 in the reported flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The sender's address.
    pub src: bool,
    /// The receiver's address.
    pub dst: bool,
    /// The sender's port.
    pub src_port: bool,
    /// The receiver's port.
    pub dst_port: bool,
    /// The protocol above IP.
    pub protocol: bool,
    /// The VLANs. Off by default, as with other tools: one direction may be seen in several, of which a mirror port shows all.
    pub vlan: bool,
    /// The network number of VXLAN, Geneve and NVGRE.
    pub network: bool,
    /// The sender's hardware address.
    pub src_mac: bool,
    /// The receiver's hardware address.
    pub dst_mac: bool,
    /// The type of service (traffic class); the two directions may differ and then are two flows.
    pub tos: bool,
    /// The interface that saw the packet.
    pub interface: bool,
    /// Bits of an IPv4 address that count, at most 32.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that count, at most 128.
    pub ipv6_prefix: u8,
}

impl Default for Keys {
    fn default() -> Self {
        Self { src: true, dst: true, src_port: true, dst_port: true, protocol: true, network: true, ..Self::NONE }
    }
}

impl Keys {
    /// Nothing: all packets are one flow for each version of IP.
    pub const NONE: Self = Self {
        src: false,
        dst: false,
        src_port: false,
        dst_port: false,
        protocol: false,
        vlan: false,
        network: false,
        src_mac: false,
        dst_mac: false,
        tos: false,
        interface: false,
        ipv4_prefix: 32,
        ipv6_prefix: 128,
    };

    /// True if both directions of a conversation can be told to belong together: there are ends in the key, and of each pair both.
    #[must_use]
    pub fn symmetric(&self) -> bool {
        let pairs = self.src == self.dst && self.src_port == self.dst_port && self.src_mac == self.dst_mac;
        pairs && (self.src || self.src_port || self.src_mac)
    }

    /// True if a flow is one conversation, or one direction of it, and not several.
    #[must_use]
    pub fn conversation(&self) -> bool {
        let ends = self.src && self.dst && self.src_port && self.dst_port;
        ends && self.protocol && self.ipv4_prefix >= 32 && self.ipv6_prefix >= 128
    }

    /// True if packets can be taken as they are.
    pub(super) fn plain(&self) -> bool {
        *self == Self { vlan: self.vlan, network: self.network, ..Self::default() }
    }

    /// True if more than the usual words are needed.
    pub(super) fn wide(&self) -> bool {
        self.src_mac || self.dst_mac || self.tos || self.interface
    }

    /// What is in the key, of the packet of a number; the rest is 0.
    pub(super) fn reduce(&self, packets: &Packets, number: usize) -> Reduced {
        let seen = &packets.seen()[number];
        let mask = if seen.v6() {
            u128::MAX.checked_shl(128 - u32::from(self.ipv6_prefix.min(128))).unwrap_or(0)
        } else {
            u128::MAX.checked_shl(32 - u32::from(self.ipv4_prefix.min(32))).unwrap_or(0)
        };
        let ([src, dst], [src_port, dst_port]) = (packets.addresses(seen), seen.ports());
        let [src_mac, dst_mac] = packets.macs(number);
        Reduced {
            addresses: [if self.src { src & mask } else { 0 }, if self.dst { dst & mask } else { 0 }],
            ports: [if self.src_port { src_port } else { 0 }, if self.dst_port { dst_port } else { 0 }],
            macs: [if self.src_mac { src_mac } else { [0; 6] }, if self.dst_mac { dst_mac } else { [0; 6] }],
            tos: if self.tos { seen.tos } else { 0 },
            interface: if self.interface { seen.interface } else { 0 },
            protocol: if self.protocol { seen.protocol() } else { 0 },
            v6: seen.v6(),
        }
    }
}

/// What a key has of a packet. Of pairs, the first is the sender's.
pub(super) struct Reduced {
    pub(super) addresses: [u128; 2],
    pub(super) ports: [u16; 2],
    pub(super) protocol: u8,
    pub(super) v6: bool,
    macs: [[u8; 6]; 2],
    tos: u8,
    interface: u16,
}

/// A key of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    V4([u64; 2]),
    V6([u64; 5]),
    Wide([u64; 8]),
}

/// A key taken apart. Of pairs, the first is of the lower end.
pub(super) struct Parts {
    pub(super) addresses: [IpAddr; 2],
    pub(super) ports: [u16; 2],
    pub(super) protocol: u8,
    pub(super) macs: [[u8; 6]; 2],
    pub(super) tos: u8,
    pub(super) interface: u32,
}

/// The key of an IPv4 packet, and whether its sender is the higher end. `ordered` keys know which end is which.
#[inline(always)]
pub(crate) fn key4([src, dst]: [u32; 2], ports: [u16; 2], protocol: u8, ordered: bool) -> ([u64; 2], bool) {
    let (src, dst) = (u64::from(src), u64::from(dst));
    let swapped = !ordered && (src << 16 | u64::from(ports[0])) > (dst << 16 | u64::from(ports[1]));
    let addresses = if swapped { dst << 32 | src } else { src << 32 | dst };
    ([addresses, ends(ports, protocol, swapped)], swapped)
}

/// The key of an IPv6 packet, and whether its sender is the higher end.
#[inline(always)]
pub(crate) fn key6([src, dst]: [u128; 2], ports: [u16; 2], protocol: u8, ordered: bool) -> ([u64; 5], bool) {
    let swapped = !ordered && (src, ports[0]) > (dst, ports[1]);
    let (low, high) = if swapped { (dst, src) } else { (src, dst) };
    // Truncated on purpose: each half in turn.
    let [a, b, c, d] = [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64];
    ([a, b, c, d, ends(ports, protocol, swapped)], swapped)
}

/// The key of a packet of either version with all there is, and whether its sender is the higher end.
pub(super) fn key_wide(of: &Reduced, ordered: bool) -> ([u64; 8], bool) {
    let ([src, dst], [src_mac, dst_mac], ports) = (of.addresses, of.macs, of.ports);
    let swapped = !ordered && (src, ports[0], src_mac) > (dst, ports[1], dst_mac);
    let (low, high) = if swapped { (dst, src) } else { (src, dst) };
    let macs = if swapped { [dst_mac, src_mac] } else { [src_mac, dst_mac] };
    let mac = |mac: [u8; 6]| mac.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let rest = u64::from(of.interface) << 16 | u64::from(of.tos) << 8 | u64::from(of.v6);
    let [a, b, c, d] = [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64];
    ([a, b, c, d, ends(ports, of.protocol, swapped), mac(macs[0]), mac(macs[1]), rest], swapped)
}

/// Lower port, higher port, protocol: 16, 16 and 8 bits.
#[inline]
fn ends([src, dst]: [u16; 2], protocol: u8, swapped: bool) -> u64 {
    let (src, dst) = (u64::from(src), u64::from(dst));
    let ports = if swapped { dst << 16 | src } else { src << 16 | dst };
    ports << 8 | u64::from(protocol)
}

/// In which of several networks with equal addresses a packet was seen: its VLANs and its network number, 16, 16 and 24 bits, as far as
/// they are in the key.
#[inline]
pub(super) fn scope(packets: &Packets, seen: &Seen, keys: &Keys) -> u64 {
    let vlans = u64::from(seen.vlans[0]) << 16 | u64::from(seen.vlans[1]);
    let network = if keys.network { u64::from(packets.network(seen) & 0xff_ffff) } else { 0 };
    (if keys.vlan { vlans << 24 } else { 0 }) | network
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
    /// The key out of the words of its table.
    pub(super) fn of<const N: usize>(words: &[u64; N]) -> Self {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(words);
        match N {
            2 => Self::V4([wide[0], wide[1]]),
            5 => Self::V6([wide[0], wide[1], wide[2], wide[3], wide[4]]),
            _ => Self::Wide(wide),
        }
    }

    pub(super) fn parts(&self) -> Parts {
        let long = |a: u64, b: u64| u128::from(a) << 64 | u128::from(b);
        let (low, high, ends, macs, rest) = match *self {
            Self::V4([addresses, ends]) => {
                (u128::from(addresses >> 32), u128::from(addresses & 0xffff_ffff), ends, [0; 2], 0)
            }
            Self::V6([a, b, c, d, ends]) => (long(a, b), long(c, d), ends, [0; 2], 1),
            Self::Wide([a, b, c, d, ends, low, high, rest]) => (long(a, b), long(c, d), ends, [low, high], rest),
        };
        let v6 = rest & 1 != 0;
        // Each cast takes the field that stands there.
        Parts {
            addresses: [crate::decode::address(v6, low), crate::decode::address(v6, high)],
            ports: [(ends >> 24) as u16, (ends >> 8) as u16],
            protocol: ends as u8,
            macs: macs.map(|mac| {
                let [_, _, mac @ ..] = mac.to_be_bytes();
                mac
            }),
            tos: (rest >> 8) as u8,
            interface: (rest >> 16) as u32,
        }
    }
}
