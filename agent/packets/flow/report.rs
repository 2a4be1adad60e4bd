//! Complete records as everybody sees them.

use super::key::{Key, Parts};
use super::spread::Spreads;
use super::store::Found;
use super::tcp::{self, Tcp};
use crate::community;
use crate::decode::Tunnel;
use std::net::IpAddr;

/// Why a record is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No packet for the idle time.
    Idle,
    /// Longer than the active time, or the end of a period; the flow goes on.
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
#[derive(Clone, Debug, PartialEq)]
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
    /// The VLANs of the first packet, from the outside in, 0 where there are fewer.
    pub vlans: [u16; 2],
    /// The hardware addresses of `src` and `dst`, where they are in the key.
    pub macs: [[u8; 6]; 2],
    /// The type of service, where it is in the key.
    pub tos: u8,
    /// The interface, where it is in the key.
    pub interface: u32,
    /// The tunnel of the first packet.
    pub tunnel: Tunnel,
    /// Type and code of the first packet of ICMP.
    pub icmp: (u8, u8),
    /// All flags of TCP that were seen.
    pub tcp_flags: [u8; 2],
    /// The flags of the whole flow, also of what was reported before.
    pub all_flags: [u8; 2],
    /// More on TCP, if it was followed.
    pub tcp: Option<Tcp>,
    /// How the packets are spread, if that was asked for.
    pub spreads: Option<Box<Spreads>>,
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
    /// The community id, version 1.
    #[must_use]
    pub fn community_id(&self, seed: u16) -> String {
        let mut text = String::new();
        self.write_community_id(seed, &mut text);
        text
    }

    /// Adds the community id, version 1, to a text.
    pub fn write_community_id(&self, seed: u16, out: &mut String) {
        let (a, b) = match self.protocol {
            1 | 58 => (u16::from(self.icmp.0), u16::from(self.icmp.1)),
            _ => (self.src_port, self.dst_port),
        };
        community::write(seed, self.protocol, (self.src, self.dst), (a, b), out);
    }

    /// The state of a TCP connection in the terms of Zeek's `conn_state`; `None` for other protocols.
    #[must_use]
    pub fn state(&self) -> Option<&'static str> {
        (self.protocol == 6).then(|| tcp::state(self.all_flags))
    }
}

/// The public form of a record.
pub(super) fn flow<const N: usize>(key: &Key, found: &mut Found<N>, tunnel: Tunnel, ended: Ended) -> Flow {
    let Parts { mut addresses, mut ports, protocol, mut macs, tos, interface } = key.parts();
    let (record, rest) = (&found.record, &found.rest);
    let [packets, bytes, ip_bytes] = rest.sums(record);
    if record.swapped() {
        addresses.reverse();
        ports.reverse();
        macs.reverse();
    }
    let ended = if ended == Ended::Evicted && record.closed() { Ended::Closed } else { ended };
    let [src, dst] = addresses;
    let [src_port, dst_port] = ports;
    Flow {
        src,
        dst,
        src_port,
        dst_port,
        protocol,
        vlans: rest.vlans,
        macs,
        tos,
        interface,
        tunnel,
        icmp: rest.icmp,
        tcp_flags: record.tcp_flags,
        all_flags: record.all_flags,
        tcp: found.details.filter(|_| record.tcp()).map(|details| details.report()),
        spreads: found.spreads.take(),
        packets,
        bytes,
        ip_bytes,
        first: rest.first,
        last: record.last,
        ended,
    }
}
