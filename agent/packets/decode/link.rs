//! The layers below IP: links, VLAN, MPLS, PPP, wireless.
//!
//! Sources: the tcpdump group's list of link types; IEEE 802.1Q, 802.1ad, 802.1ah, 802.11; RFC 1661, 2516, 3032, 4385.

use super::{Decoder, Kind, MAX_DEPTH, Outcome, Rest};
use crate::tally::Cause;

/// Labels of one stack at most.
const MAX_LABELS: usize = 32;
/// VLAN tags of one frame at most.
const MAX_TAGS: u8 = 16;

impl Decoder {
    #[inline]
    pub(super) fn link(&mut self, link: u16, rest: Rest<'_>) -> Outcome {
        if link == 1 { self.ethernet(rest) } else { self.other_link(link, rest) }
    }

    fn other_link(&mut self, link: u16, mut rest: Rest<'_>) -> Outcome {
        match link {
            // NULL in the byte order of the host that captured, LOOP in that of the network.
            0 | 108 => {
                let family = rest.take::<4>()?;
                match u32::from_be_bytes(*family).min(u32::from_le_bytes(*family)) {
                    2 => self.ipv4(rest),
                    // OpenBSD, FreeBSD, macOS, Linux each have their own number for IPv6.
                    10 | 24 | 28 | 30 => self.ipv6(rest),
                    _ => Err(Cause::NotIp),
                }
            }
            9 | 50 => self.ppp(rest),
            12 | 14 | 101 => self.ip(rest),
            228 => self.ipv4(rest),
            229 => self.ipv6(rest),
            51 => self.pppoe(rest),
            // Cisco's HDLC: address, control, ethertype.
            104 => {
                let head = rest.take::<4>()?;
                self.ether_type(u16::from_be_bytes([head[2], head[3]]), rest)
            }
            105 => self.wireless(rest),
            113 => {
                let head = rest.take::<16>()?;
                self.cooked(u16::from_be_bytes([head[14], head[15]]), rest)
            }
            276 => {
                let head = rest.take::<20>()?;
                self.cooked(u16::from_be_bytes([head[0], head[1]]), rest)
            }
            // Radiotap: a header that tells its length.
            127 => {
                let &[_, _, low, high] = rest.peek::<4>()?;
                rest.skip(usize::from(u16::from_le_bytes([low, high])))?;
                self.wireless(rest)
            }
            _ => Err(Cause::UnknownLink),
        }
    }

    #[inline]
    pub(super) fn ethernet(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<14>()?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *head;
        self.packet.macs = [[s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]];
        self.ether_type(u16::from_be_bytes([head[12], head[13]]), rest)
    }

    /// An Ethernet frame inside of another or of a tunnel: its tags are its own.
    pub(super) fn inner_ethernet(&mut self, rest: Rest<'_>) -> Outcome {
        self.deeper()?;
        let tags = std::mem::take(&mut self.tags);
        let outcome = self.ethernet(rest);
        self.tags += tags;
        outcome
    }

    pub(super) fn deeper(&mut self) -> Outcome {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Cause::TooDeep) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn ether_type(&mut self, kind: u16, rest: Rest<'_>) -> Outcome {
        match kind {
            0x0800 => self.ipv4(rest),
            0x86dd => self.ipv6(rest),
            _ => self.other_ether_type(kind, rest),
        }
    }

    fn other_ether_type(&mut self, mut kind: u16, mut rest: Rest<'_>) -> Outcome {
        while let 0x8100 | 0x88a8 | 0x9100 | 0x9200 = kind {
            let tag = rest.take::<4>()?;
            let vlan = u16::from_be_bytes([tag[0], tag[1]]) & 0xfff;
            match self.tags {
                0 => self.packet.vlans = [vlan, 0],
                1 => self.packet.vlans[1] = vlan,
                MAX_TAGS => return Err(Cause::TooDeep),
                _ => {}
            }
            self.tags += 1;
            kind = u16::from_be_bytes([tag[2], tag[3]]);
        }
        match kind {
            0x0800 => self.ipv4(rest),
            0x86dd => self.ipv6(rest),
            0..=0x05dc => self.logical_link(rest),
            0x0806 | 0x8035 => Err(Cause::Arp),
            0x8847 | 0x8848 => self.mpls(rest),
            0x8864 => self.pppoe(rest),
            0x6558 => self.inner_ethernet(rest),
            // FabricPath: switch addresses in front, then two bytes with tag and hops.
            0x8903 => {
                rest.skip(2)?;
                self.inner_ethernet(rest)
            }
            // Provider backbone: service instance, then the customer's frame.
            0x88e7 => {
                rest.skip(4)?;
                self.inner_ethernet(rest)
            }
            0x880b => self.ppp(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// 802.2: only what has an ethertype in its SNAP header can be IP.
    fn logical_link(&mut self, mut rest: Rest<'_>) -> Outcome {
        match rest.peek::<8>() {
            Ok([0xaa, 0xaa, 3, 0, 0, 0, high, low]) => {
                let kind = u16::from_be_bytes([*high, *low]);
                rest.skip(8)?;
                if kind <= 0x05dc { Err(Cause::NotIp) } else { self.ether_type(kind, rest) }
            }
            Ok([0x06, 0x06, 3, ..]) => {
                rest.skip(3)?;
                self.ipv4(rest)
            }
            _ => Err(Cause::NotIp),
        }
    }

    /// Linux's cooked captures have an ethertype, or a small number for frames without one.
    fn cooked(&mut self, kind: u16, rest: Rest<'_>) -> Outcome {
        match kind {
            1 => self.inner_ethernet(rest),
            4 => self.logical_link(rest),
            0..=0x05dc => Err(Cause::NotIp),
            _ => self.ether_type(kind, rest),
        }
    }

    pub(super) fn mpls(&mut self, mut rest: Rest<'_>) -> Outcome {
        for _ in 0..MAX_LABELS {
            let label = rest.take::<4>()?;
            if label[2] & 1 == 0 {
                continue;
            }
            // The label does not say what follows. IP shows itself by its version, a control word by zeros; else it is Ethernet.
            let &[first] = rest.peek::<1>()?;
            return match first >> 4 {
                4 | 6 => {
                    let before = (self.packet, self.depth, self.tags);
                    match self.ip(rest) {
                        // A frame whose receiver's address begins like a version.
                        Err(cause) => {
                            (self.packet, self.depth, self.tags) = before;
                            self.inner_ethernet(rest).map_err(|_| cause)
                        }
                        done => done,
                    }
                }
                0 => {
                    rest.skip(4)?;
                    self.inner_ethernet(rest)
                }
                1 => Err(Cause::NotIp),
                _ => self.inner_ethernet(rest),
            };
        }
        Err(Cause::TooDeep)
    }

    fn pppoe(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<6>()?;
        if head[0] != 0x11 {
            return Err(Cause::Malformed);
        }
        if head[1] != 0 {
            return Err(Cause::NotIp);
        }
        rest.limit(usize::from(u16::from_be_bytes([head[4], head[5]])));
        self.ppp(rest)
    }

    pub(super) fn ppp(&mut self, mut rest: Rest<'_>) -> Outcome {
        // Address and control are left off where the ends agreed so; a protocol below 256 may have one byte.
        if let Ok([0xff, 3]) = rest.peek::<2>() {
            rest.skip(2)?;
        }
        let &[first] = rest.take::<1>()?;
        let protocol =
            if first & 1 == 1 { u16::from(first) } else { u16::from_be_bytes([first, rest.take::<1>()?[0]]) };
        match protocol {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            0x0031 => self.inner_ethernet(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// 802.11 data frames; management, control and data without a body carry no IP.
    pub(super) fn wireless(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.peek::<24>()?;
        // Some access points turn the two bytes around when they send frames to their controller.
        let turned = self.packet.tunnel.kind == Kind::Capwap && head[0] & 0x0f != 0x08 && head[1] & 0x0f == 0x08;
        let (kind, flags) = if turned { (head[1], head[0]) } else { (head[0], head[1]) };
        if kind & 0x0c != 0x08 || kind & 0x40 != 0 {
            return Err(Cause::NotIp);
        }
        if flags & 0x40 != 0 {
            return Err(Cause::Encrypted);
        }
        rest.skip(24)?;
        if flags & 3 == 3 {
            rest.skip(6)?;
        }
        let mut aggregated = false;
        if kind & 0x80 != 0 {
            aggregated = rest.take::<2>()?[0] & 0x80 != 0;
            if flags & 0x80 != 0 {
                rest.skip(4)?;
            }
        }
        if aggregated {
            // The first of several: receiver, sender, length.
            rest.skip(14)?;
        }
        self.logical_link(rest)
    }
}
