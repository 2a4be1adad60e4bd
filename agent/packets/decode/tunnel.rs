//! What carries packets inside packets.
//!
//! Sources: RFC 7348 (VXLAN), 8926 (Geneve), 2784, 2890, 2637, 8086 (GRE), 7637 (NVGRE), 7510 (MPLS in UDP), 4380 (Teredo), 2003, 2473,
//! 4213 (IP in IP), 3378 (EtherIP), 8986 (Ethernet by segment routing), 5415 and 5416 (CAPWAP), Wireshark's page on TZSP, draft-foschiano-erspan, 3GPP TS 29.281 (GTP-U).

use super::{Decoder, Outcome, Packet, Rest, Tunnel};

/// Kinds of tunnels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// No tunnel.
    #[default]
    None,
    /// VXLAN and its generic extension.
    Vxlan,
    /// Geneve.
    Geneve,
    /// GRE, bare, in UDP or of PPTP.
    Gre,
    /// NVGRE: Ethernet in GRE with a subnet number.
    Nvgre,
    /// ERSPAN of types I to III.
    Erspan,
    /// GTP-U.
    Gtp,
    /// IP in IP, any version in any.
    IpInIp,
    /// Teredo: IPv6 in UDP.
    Teredo,
    /// MPLS in IP or in UDP.
    Mpls,
    /// Ethernet in IP, with a header of its own or without.
    EtherIp,
    /// CAPWAP: frames between access points and their controller.
    Capwap,
    /// TZSP: sniffed frames.
    Tzsp,
}

impl Kind {
    /// The name in reports; empty for none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Nvgre => "nvgre",
            Self::Erspan => "erspan",
            Self::Gtp => "gtp",
            Self::IpInIp => "ipip",
            Self::Teredo => "teredo",
            Self::Mpls => "mpls",
            Self::EtherIp => "etherip",
            Self::Capwap => "capwap",
            Self::Tzsp => "tzsp",
        }
    }
}

/// What stands in front of the packet inside.
struct Header {
    kind: Kind,
    id: u32,
    inside: Inside,
}

enum Inside {
    EtherType(u16),
    Ip,
    Ipv6,
    Ppp,
    Mpls,
    Ethernet,
    Wireless,
}

impl Decoder {
    /// A datagram to or from a port that tunnels use. Whoever has the port on the receiving side decides first.
    pub(super) fn udp_tunnel(&mut self, src: u16, dst: u16, mut rest: Rest<'_>) -> Outcome {
        for port in [dst, src] {
            let header = match port {
                4789 | 8472 if port == dst => vxlan(&mut rest),
                4790 if port == dst => vxlan_generic(&mut rest),
                6081 if port == dst => geneve(&mut rest),
                2152 => gtp(&mut rest),
                3544 => teredo(&mut rest),
                4754 if port == dst => gre(&mut rest),
                5247 => capwap(&mut rest),
                37008 if port == dst => tzsp(&mut rest),
                6635 if port == dst => Some(Header { kind: Kind::Mpls, id: 0, inside: Inside::Mpls }),
                _ => continue,
            };
            return self.enter(header, rest);
        }
        Ok(())
    }

    /// A protocol of IP that carries packets.
    pub(super) fn ip_tunnel(&mut self, protocol: u8, mut rest: Rest<'_>) -> Outcome {
        let header = match protocol {
            47 => gre(&mut rest),
            97 => rest.skip(2).ok().map(|()| Header { kind: Kind::EtherIp, id: 0, inside: Inside::Ethernet }),
            143 => Some(Header { kind: Kind::EtherIp, id: 0, inside: Inside::Ethernet }),
            137 => Some(Header { kind: Kind::Mpls, id: 0, inside: Inside::Mpls }),
            _ => Some(Header { kind: Kind::IpInIp, id: 0, inside: Inside::Ip }),
        };
        self.enter(header, rest)
    }

    /// Decodes the inside; if there is none, the flow is the tunnel's.
    fn enter(&mut self, header: Option<Header>, rest: Rest<'_>) -> Outcome {
        let Some(Header { kind, id, inside }) = header else { return Ok(()) };
        let (outer, depth, tags) = (self.packet, self.depth, self.tags);
        let network = if matches!(kind, Kind::Vxlan | Kind::Geneve | Kind::Nvgre) { id } else { outer.tunnel.network };
        let tunnel = if outer.tunnel.kind == Kind::None {
            Tunnel { kind, id, network, v6: outer.v6, src: outer.src, dst: outer.dst }
        } else {
            Tunnel { network, ..outer.tunnel }
        };
        self.packet = Packet { vlans: outer.vlans, tunnel, ..Packet::default() };
        let outcome = self.deeper().and_then(|()| match inside {
            Inside::EtherType(kind) => self.ether_type(kind, rest),
            Inside::Ip => self.ip(rest),
            Inside::Ipv6 => self.ipv6(rest),
            Inside::Ppp => self.ppp(rest),
            Inside::Mpls => self.mpls(rest),
            Inside::Ethernet => self.inner_ethernet(rest),
            Inside::Wireless => self.wireless(rest, false),
        });
        if outcome.is_err() {
            (self.packet, self.depth, self.tags) = (outer, depth, tags);
        }
        Ok(())
    }
}

fn vxlan(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<8>().ok()?;
    // The flag says that there is a network number; with a group policy there is another.
    (head[0] & 0x08 != 0).then(|| Header { kind: Kind::Vxlan, id: upper24(&head[4..8]), inside: Inside::Ethernet })
}

fn vxlan_generic(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<8>().ok()?;
    let inside = match head[3] {
        1 | 2 => Inside::Ip,
        3 => Inside::Ethernet,
        4 => Inside::EtherType(0x894f),
        5 => Inside::Mpls,
        _ => return None,
    };
    (head[0] & 0x0c == 0x0c).then(|| Header { kind: Kind::Vxlan, id: upper24(&head[4..8]), inside })
}

fn geneve(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<8>().ok()?;
    rest.skip(usize::from(head[0] & 0x3f) * 4).ok()?;
    let inside = Inside::EtherType(u16::from_be_bytes([head[2], head[3]]));
    (head[0] >> 6 == 0).then(|| Header { kind: Kind::Geneve, id: upper24(&head[4..8]), inside })
}

fn capwap(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.peek::<8>().ok()?;
    let (length, binding, flags) = (usize::from(head[1] >> 3) * 4, (head[2] >> 1) & 0x1f, head[3]);
    let native = head[2] & 1 != 0;
    // The first byte is 0 unless it is encrypted or of another version. Of a frame in pieces, only the first begins with headers.
    let fragment = flags & 0x80 != 0 && u16::from_be_bytes([head[6], head[7]]) >> 3 != 0;
    if head[0] != 0 || length < 8 || fragment || flags & 0x08 != 0 {
        return None;
    }
    rest.skip(length).ok()?;
    let inside = match (native, binding) {
        (false, _) => Inside::Ethernet,
        (true, 1) => Inside::Wireless,
        _ => return None,
    };
    Some(Header { kind: Kind::Capwap, id: 0, inside })
}

fn tzsp(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<4>().ok()?;
    let inside = match u16::from_be_bytes([head[2], head[3]]) {
        1 => Inside::Ethernet,
        18 => Inside::Wireless,
        _ => return None,
    };
    // A received frame, or one that is to be sent.
    if head[0] != 1 || head[1] > 1 {
        return None;
    }
    loop {
        match rest.take::<1>().ok()?[0] {
            // Padding, the end, or a tag that tells its length.
            0 => {}
            1 => return Some(Header { kind: Kind::Tzsp, id: 0, inside }),
            _ => {
                let length = rest.take::<1>().ok()?[0];
                rest.skip(usize::from(length)).ok()?;
            }
        }
    }
}

fn gtp(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<8>().ok()?;
    // Version 1, not the charging protocol, a packet of the user.
    if head[0] & 0xf0 != 0x30 || head[1] != 0xff {
        return None;
    }
    if head[0] & 7 != 0 {
        let mut next = rest.take::<4>().ok()?[3];
        while head[0] & 4 != 0 && next != 0 {
            let length = usize::from(rest.peek::<1>().ok()?[0]) * 4;
            // The last byte of an extension says what follows it; one without length would never end.
            next = *rest.bytes.get(length.checked_sub(1)?)?;
            rest.skip(length).ok()?;
        }
    }
    let id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    let &[first] = rest.peek::<1>().ok()?;
    // Other users' packets are PPP or bare Ethernet; nothing tells which.
    matches!(first >> 4, 4 | 6).then_some(Header { kind: Kind::Gtp, id, inside: Inside::Ip })
}

fn teredo(rest: &mut Rest<'_>) -> Option<Header> {
    if let Ok(&[0, 1, client, secret]) = rest.peek::<4>() {
        rest.skip(4 + usize::from(client) + usize::from(secret) + 9).ok()?;
    }
    if let Ok([0, 0]) = rest.peek::<2>() {
        rest.skip(8).ok()?;
    }
    let head = rest.peek::<40>().ok()?;
    let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
    (head[0] >> 4 == 6 && payload + 40 <= rest.wire).then_some(Header {
        kind: Kind::Teredo,
        id: 0,
        inside: Inside::Ipv6,
    })
}

fn gre(rest: &mut Rest<'_>) -> Option<Header> {
    let head = rest.take::<4>().ok()?;
    let (flags, version) = (head[0], head[1] & 7);
    let kind = u16::from_be_bytes([head[2], head[3]]);
    let (checksum, routing, keyed, numbered) =
        (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x20 != 0, flags & 0x10 != 0);
    if version > 1 {
        return None;
    }
    if checksum || routing {
        rest.skip(4).ok()?;
    }
    let key = if keyed { u32::from_be_bytes(*rest.take::<4>().ok()?) } else { 0 };
    if numbered {
        rest.skip(4).ok()?;
    }
    if version == 1 {
        // PPTP: the flag of the acknowledgement is in the second byte; the key's lower half is the call.
        if head[1] & 0x80 != 0 {
            rest.skip(4).ok()?;
        }
        return (kind == 0x880b).then_some(Header { kind: Kind::Gre, id: key & 0xffff, inside: Inside::Ppp });
    }
    if routing {
        // Entries tell their length; one of zeros is the last.
        loop {
            let entry = rest.take::<4>().ok()?;
            rest.skip(usize::from(entry[3])).ok()?;
            if *entry == [0; 4] {
                break;
            }
        }
    }
    Some(match kind {
        0x88be if !numbered => Header { kind: Kind::Erspan, id: 0, inside: Inside::Ethernet },
        0x88be => {
            let head = rest.take::<8>().ok()?;
            let session = u32::from(u16::from_be_bytes([head[2], head[3]]) & 0x3ff);
            Header { kind: Kind::Erspan, id: session, inside: Inside::Ethernet }
        }
        0x22eb => {
            let head = rest.take::<12>().ok()?;
            // The last bit says that a header of the platform follows; the payload is a frame or an IP packet.
            if head[11] & 1 != 0 {
                rest.skip(8).ok()?;
            }
            let session = u32::from(u16::from_be_bytes([head[2], head[3]]) & 0x3ff);
            let inside = if (head[10] >> 2) & 0x1f == 2 { Inside::Ip } else { Inside::Ethernet };
            Header { kind: Kind::Erspan, id: session, inside }
        }
        0x6558 if flags == 0x20 && head[1] == 0 => Header { kind: Kind::Nvgre, id: key >> 8, inside: Inside::Ethernet },
        // Aruba's access points send wireless frames with these.
        0x8200..=0x83ff | 0x9000 => Header { kind: Kind::Gre, id: key, inside: Inside::Wireless },
        kind => Header { kind: Kind::Gre, id: key, inside: Inside::EtherType(kind) },
    })
}

/// A number of three bytes in front of one of other use.
fn upper24(bytes: &[u8]) -> u32 {
    bytes.iter().take(3).fold(0, |number, byte| number << 8 | u32::from(*byte))
}
