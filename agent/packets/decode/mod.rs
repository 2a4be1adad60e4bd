//! From a captured frame to the addresses and ports it belongs to.
//!
//! Written by hand and read from the top: the common packet (Ethernet, IP, TCP or UDP) passes a handful of compares. What is
//! carried in tunnels is looked into, so the result is the innermost conversation, with the outermost tunnel beside it. If the inside of a tunnel makes
//! no sense, or is no IP, the packet belongs to the tunnel's own flow: a tunnel is a guess by port or protocol number, the outer header a fact.

mod fragments;
mod internet;
mod link;
mod pseudo;
mod serial;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod usual;
mod wireless;

use crate::tally::Cause;
use fragments::Fragments;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use tunnel::Kind;
pub(crate) use usual::{Addresses, Usual, usual};

/// Tunnels inside each other, and Ethernet inside Ethernet, that are looked into.
const MAX_DEPTH: u8 = 8;

/// What a packet says of its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Whether the addresses are IPv6.
    pub v6: bool,
    /// The number of the protocol above IP.
    pub protocol: u8,
    /// The flags of TCP.
    pub tcp_flags: u8,
    /// Type and code of ICMP, both 0 for other protocols.
    pub icmp: (u8, u8),
    /// Who sent it; an IPv4 address is in the lowest 32 bits.
    pub src: u128,
    /// Whom it was sent to.
    pub dst: u128,
    /// The sender's port; 0 where there are none.
    pub src_port: u16,
    /// The receiver's port.
    pub dst_port: u16,
    /// The VLANs from the outside in, 0 where there are fewer. Tags of a frame in a tunnel replace those around the tunnel.
    pub vlans: [u16; 2],
    /// The bytes of the innermost IP packet (of this fragment of it), as its header says, as far as they were on the wire.
    pub ip_bytes: u32,
    /// The bytes behind the header of TCP, where that is known.
    pub payload: u32,
    /// The sequence number of TCP.
    pub sequence: u32,
    /// The window of TCP, not scaled.
    pub window: u16,
    /// Whether `payload`, `sequence` and `window` are known.
    pub tcp_header: bool,
    /// The type of service or traffic class of the innermost IP packet.
    pub tos: u8,
    /// The hardware addresses of sender and receiver in the innermost Ethernet frame, zeros where there is none.
    pub macs: [[u8; 6]; 2],
    /// Where what is behind the header of TCP or UDP lies in the captured frame: from, to. Equal where there is none, or where it lies
    /// beyond 64 KiB.
    pub data: [u16; 2],
    /// The tunnel it came in.
    pub tunnel: Tunnel,
}

/// The outermost tunnel of a packet, and the innermost network number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// What kind of tunnel.
    pub kind: Kind,
    /// The number of the tunnel: VNI, VSID, TEID, key or session, 0 where it has none.
    pub id: u32,
    /// The network number (VXLAN, Geneve, NVGRE) that tells equal addresses of different tenants apart; 0 where there is none.
    /// Other numbers are not the same in both directions.
    pub network: u32,
    /// Whether the outer addresses are IPv6.
    pub v6: bool,
    /// The outer sender.
    pub src: u128,
    /// The outer receiver.
    pub dst: u128,
}

/// Decodes packets; remembers fragments.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
    /// What is decoded at present.
    packet: Packet,
    /// The address of its frame, to tell how far into it something is.
    frame: usize,
    depth: u8,
    /// The VLAN tags seen in the current frame.
    tags: u8,
}

type Outcome = Result<(), Cause>;

/// What is left of a frame: the captured bytes, and how many there were on the wire.
#[derive(Clone, Copy, Debug)]
struct Rest<'a> {
    bytes: &'a [u8],
    wire: usize,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what a packet belongs to. `link` is a `LINKTYPE_` number, `wire` its length on the wire, `time` nanoseconds since 1970.
    ///
    /// # Errors
    /// Why it belongs to no flow.
    #[inline]
    pub fn decode(&mut self, link: u16, bytes: &[u8], wire: u32) -> Result<&Packet, Cause> {
        self.packet = Packet::default();
        self.depth = 0;
        self.tags = 0;
        self.frame = bytes.as_ptr().addr();
        let rest = Rest { bytes, wire: (wire as usize).max(bytes.len()) };
        self.link(link, rest)?;
        Ok(&self.packet)
    }
}

impl<'a> Rest<'a> {
    /// The next `N` bytes, without going on.
    #[inline]
    fn peek<const N: usize>(&self) -> Result<&'a [u8; N], Cause> {
        self.bytes.first_chunk().ok_or_else(|| self.short(N))
    }

    /// The next `N` bytes.
    #[inline]
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], Cause> {
        let head = self.peek()?;
        self.skip(N)?;
        Ok(head)
    }

    /// Goes on by so many bytes.
    #[inline]
    fn skip(&mut self, bytes: usize) -> Outcome {
        self.bytes = self.bytes.get(bytes..).ok_or_else(|| self.short(bytes))?;
        self.wire -= bytes;
        Ok(())
    }

    /// Leaves off what is behind so many bytes: padding and checksums.
    #[inline]
    fn limit(&mut self, bytes: usize) {
        self.wire = self.wire.min(bytes);
        self.bytes = &self.bytes[..self.bytes.len().min(bytes)];
    }

    /// Why bytes are missing: the capture left them off, or they never were there.
    #[cold]
    fn short(&self, need: usize) -> Cause {
        if self.wire >= need { Cause::Truncated } else { Cause::Malformed }
    }
}

impl Packet {
    /// The sender's address.
    #[must_use]
    pub fn src_ip(&self) -> IpAddr {
        address(self.v6, self.src)
    }

    /// The receiver's address.
    #[must_use]
    pub fn dst_ip(&self) -> IpAddr {
        address(self.v6, self.dst)
    }

    /// What is behind the header of TCP or UDP, as far as it was captured, out of the captured frame.
    #[inline]
    #[must_use]
    pub fn content<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        let [from, to] = self.data.map(usize::from);
        frame.get(from..to).unwrap_or_default()
    }
}

impl Tunnel {
    /// True if there is no tunnel.
    #[inline]
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.kind == Kind::None
    }

    /// The outer addresses, if there is a tunnel.
    #[must_use]
    pub fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        (!self.is_none()).then(|| (address(self.v6, self.src), address(self.v6, self.dst)))
    }
}

/// An address out of its number.
#[must_use]
pub(crate) fn address(v6: bool, number: u128) -> IpAddr {
    if v6 {
        IpAddr::V6(Ipv6Addr::from_bits(number))
    } else {
        // The upper bits of an IPv4 address are 0.
        IpAddr::V4(Ipv4Addr::from_bits(number as u32))
    }
}

/// Numbers for tests that look random and are the same each time (xorshift).
#[cfg(test)]
pub(crate) struct Random(pub(crate) u64);

#[cfg(test)]
impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}
