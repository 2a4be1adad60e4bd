//! The short way for the packets that nearly all are: Ethernet with one tag at most, IP without options and extensions, not in fragments, and
//! in it TCP, or UDP of no tunnel.
//!
//! It says what the decoder says (a test holds them together), or nothing; then the decoder is asked. As it keeps nothing, all that it reads
//! stays in registers until it is where it is counted from: half of the time of the decoder.

use super::transport::tunnels;

/// What a usual packet says. Of pairs, the first is the sender's.
pub(crate) struct Usual {
    pub(crate) addresses: Addresses,
    pub(crate) ports: [u16; 2],
    pub(crate) protocol: u8,
    pub(crate) tos: u8,
    pub(crate) vlan: u16,
    pub(crate) ip_bytes: u32,
    /// Nothing for UDP.
    pub(crate) tcp: Tcp,
}

/// Addresses in the order of the header.
pub(crate) enum Addresses {
    V4([u32; 2]),
    V6([u128; 2]),
}

/// What the header of TCP says.
pub(crate) struct Tcp {
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) window: u16,
    pub(crate) payload: u32,
}

/// Reads a frame of Ethernet that had so many bytes on the wire; nothing if it is not usual.
#[inline(always)]
pub(crate) fn usual(frame: &[u8], wire: u32) -> Option<Usual> {
    let wire = (wire as usize).max(frame.len());
    let (kind, at, vlan) = match short(frame, 12)? {
        0x8100 => (short(frame, 16)?, 18, short(frame, 14)? & 0xfff),
        kind => (kind, 14, 0),
    };
    let (bytes, wire) = (frame.get(at..)?, wire - at);
    match kind {
        0x0800 => {
            let (head, rest) = bytes.split_first_chunk::<20>()?;
            let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
            if head[0] != 0x45 || u16::from_be_bytes([head[6], head[7]]) & 0x3fff != 0 || total < 20 {
                return None;
            }
            let wire = wire.min(total);
            let [.., a, b, c, d, e, f, g, h] = *head;
            let addresses = Addresses::V4([u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]);
            let tos = head[1];
            transport(rest, wire - 20, head[9], Usual { addresses, tos, vlan, ip_bytes: wire as u32, ..Usual::NONE })
        }
        0x86dd => {
            let (head, rest) = bytes.split_first_chunk::<40>()?;
            let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
            if head[0] >> 4 != 6 || payload == 0 {
                return None;
            }
            let wire = (wire - 40).min(payload);
            let addresses = Addresses::V6([number(&head[8..24])?, number(&head[24..])?]);
            let tos = head[0] << 4 | head[1] >> 4;
            transport(rest, wire, head[6], Usual { addresses, tos, vlan, ip_bytes: 40 + wire as u32, ..Usual::NONE })
        }
        _ => None,
    }
}

/// Reads what is behind IP, of which `wire` bytes were on the wire.
#[inline(always)]
fn transport(rest: &[u8], wire: usize, protocol: u8, known: Usual) -> Option<Usual> {
    // What is behind that is padding.
    let rest = &rest[..rest.len().min(wire)];
    match protocol {
        6 => {
            let head = rest.first_chunk::<20>()?;
            let tcp = Tcp {
                flags: head[13],
                sequence: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
                window: u16::from_be_bytes([head[14], head[15]]),
                payload: wire.saturating_sub(usize::from(head[12] >> 4) * 4) as u32,
            };
            Some(Usual { ports: [short(head, 0)?, short(head, 2)?], protocol, tcp, ..known })
        }
        17 => {
            let ports = [short(rest, 0)?, short(rest, 2)?];
            let tunnel = tunnels(ports[0]) || tunnels(ports[1]);
            (!tunnel).then_some(Usual { ports, protocol, ..known })
        }
        _ => None,
    }
}

impl Usual {
    const NONE: Self = Self {
        addresses: Addresses::V4([0; 2]),
        ports: [0; 2],
        protocol: 0,
        tos: 0,
        vlan: 0,
        ip_bytes: 0,
        tcp: Tcp { flags: 0, sequence: 0, window: 0, payload: 0 },
    };
}

#[inline(always)]
fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b))
}

#[inline(always)]
fn number(bytes: &[u8]) -> Option<u128> {
    bytes.first_chunk().map(|b| u128::from_be_bytes(*b))
}
