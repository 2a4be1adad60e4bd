//! The layers below IP: which link it is, Ethernet and what switches put into it, MPLS.
//!
//! Sources: the tcpdump group's list of link types; IEEE 802.1Q, 802.1ad, 802.1ah, 802.1AE, 802.1BR, 802.2, 802.5; RFC 1042, 1390, 3032,
//! 4385, 6325 (TRILL), 8300 (NSH); IEC 62439-3 (redundant rings); Cisco's VNTag and security groups, Arista's timestamps.

use super::{Decoder, MAX_DEPTH, Outcome, Rest};
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
            0 | 108 => self.loopback(rest),
            6 => self.token_ring(rest),
            8 => self.slip(rest),
            9 | 50 => self.ppp(rest),
            10 => self.fddi(rest),
            12 | 14 | 101 => self.ip(rest),
            51 => self.pppoe(rest),
            100 | 106 => self.atm(rest),
            104 => self.hdlc(rest),
            105 => self.wireless(rest, false),
            107 => self.frame_relay(rest),
            109 => self.behind(12, rest),
            113 => self.cooked(rest),
            117 => self.packet_filter(rest),
            119 | 163 => self.prism(rest),
            // IP over Fibre Channel: both addresses.
            122 => {
                rest.skip(16)?;
                self.logical_link(rest)
            }
            127 => self.radiotap(rest),
            // A byte in front says which way the frame went.
            166 | 204..=206 => {
                let direction = rest.take::<1>()?[0];
                match link {
                    // It stands in place of the address.
                    166 if direction <= 1 && rest.bytes.starts_with(&[3]) => {
                        rest.skip(1)?;
                        self.ppp(rest)
                    }
                    166 | 204 => self.ppp(rest),
                    205 => self.hdlc(rest),
                    _ => self.frame_relay(rest),
                }
            }
            178..=181 => self.juniper(link, rest),
            192 => self.per_packet(rest),
            226 => self.behind(24, rest),
            228 => self.ipv4(rest),
            229 => self.ipv6(rest),
            239 => self.nflog(rest),
            // IP over InfiniBand: a routing header, then an ethertype and two bytes of no use.
            242 => {
                rest.skip(40)?;
                let head = rest.take::<4>()?;
                self.ether_type(u16::from_be_bytes([head[0], head[1]]), rest)
            }
            258 => self.tap(rest),
            276 => self.cooked2(rest),
            281 | 282 | 284 | 285 => self.switch(link, rest),
            _ => Err(Cause::UnknownLink),
        }
    }

    /// IP behind a header of fixed length, which is of no interest.
    fn behind(&mut self, header: usize, mut rest: Rest<'_>) -> Outcome {
        rest.skip(header)?;
        self.ip(rest)
    }

    /// What a switch tells its processor, between the addresses and the ethertype or in front of the frame (Broadcom, Marvell).
    fn switch(&mut self, link: u16, mut rest: Rest<'_>) -> Outcome {
        if link == 282 {
            rest.skip(4)?;
            return self.ethernet(rest);
        }
        let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = rest.take::<12>()?;
        self.packet.macs = [[s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]];
        rest.skip(if link == 285 { 8 } else { 4 })?;
        let kind = rest.take::<2>()?;
        self.ether_type(u16::from_be_bytes(*kind), rest)
    }

    fn token_ring(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<14>()?;
        // Control frames have no 802.2 inside.
        if head[1] & 0xc0 != 0x40 {
            return Err(Cause::NotIp);
        }
        // The route is there if the sender's address has the bit of groups.
        if head[8] & 0x80 != 0 {
            let length = usize::from(rest.peek::<1>()?[0] & 0x1f);
            rest.skip(length.max(2))?;
        }
        self.logical_link(rest)
    }

    fn fddi(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<13>()?;
        if head[0] & 0xf0 == 0x50 { self.logical_link(rest) } else { Err(Cause::NotIp) }
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
            0x880b => self.ppp(rest),
            0x22f3 | 0x8870 | 0x88e5 | 0x88e7 | 0x8903 | 0x8909 | 0x8926 | 0x892f | 0x893f | 0x894f | 0xd28b => {
                self.shim(kind, rest)
            }
            _ => Err(Cause::NotIp),
        }
    }

    /// What switches put in front of a frame or a packet, beside VLAN and MPLS.
    fn shim(&mut self, kind: u16, mut rest: Rest<'_>) -> Outcome {
        self.deeper()?;
        let tag = match kind {
            // TRILL: hops and the length of options, both switches, then the frame.
            0x22f3 => {
                let head = rest.take::<6>()?;
                let options = usize::from(u16::from_be_bytes([head[0], head[1]]) >> 6 & 0x1f);
                rest.skip(options * 4)?;
                return self.inner_ethernet(rest);
            }
            // Long frames with 802.2.
            0x8870 => return self.logical_link(rest),
            // MACsec: flags, length, number, and the channel if a flag says so.
            0x88e5 => {
                let head = rest.take::<6>()?;
                if head[0] & 0x0c != 0 {
                    return Err(Cause::Encrypted);
                }
                if head[0] & 0x20 != 0 { 8 } else { 0 }
            }
            // Provider backbone: service instance, then the customer's frame.
            0x88e7 => {
                rest.skip(4)?;
                return self.inner_ethernet(rest);
            }
            // FabricPath: switch addresses in front, then two bytes with tag and hops.
            0x8903 => {
                rest.skip(2)?;
                return self.inner_ethernet(rest);
            }
            0x894f => return self.service_chain(rest),
            // A security group; the port of an extender (two kinds); redundant rings; when a switch saw it.
            0x8909 | 0x893f => 6,
            0x8926 | 0x892f => 4,
            _ => {
                let head = rest.take::<4>()?;
                // Of 64 or of 48 bits.
                if head[3] >> 4 == 2 { 6 } else { 8 }
            }
        };
        rest.skip(tag)?;
        let kind = rest.take::<2>()?;
        self.ether_type(u16::from_be_bytes(*kind), rest)
    }

    /// The network service header (NSH).
    fn service_chain(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[_, length, _, next] = rest.peek::<4>()?;
        rest.skip(usize::from(length & 0x3f).max(1) * 4)?;
        match next {
            1 | 2 => self.ip(rest),
            3 => self.inner_ethernet(rest),
            5 => self.mpls(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// 802.2: what has an ethertype in its SNAP header, or is IP by its number there or in ISO's list.
    pub(super) fn logical_link(&mut self, mut rest: Rest<'_>) -> Outcome {
        match rest.peek::<4>() {
            Ok([0xaa, 0xaa, 3, _]) => {
                rest.skip(3)?;
                self.snap(rest)
            }
            Ok([0x06, 0x06, 3, _]) => {
                rest.skip(3)?;
                self.ipv4(rest)
            }
            Ok([0xfe, 0xfe, 3, 0xcc]) => {
                rest.skip(4)?;
                self.ipv4(rest)
            }
            Ok([0xfe, 0xfe, 3, 0x8e]) => {
                rest.skip(4)?;
                self.ipv6(rest)
            }
            _ => Err(Cause::NotIp),
        }
    }

    pub(super) fn snap(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[a, b, c, high, low] = rest.take::<5>()?;
        let kind = u16::from_be_bytes([high, low]);
        match [a, b, c] {
            // That of RFC 1042, and that of bridges (802.1H).
            [0, 0, 0] | [0, 0, 0xf8] if kind > 0x05dc => self.ether_type(kind, rest),
            // Bridged Ethernet, with its checksum or without.
            [0, 0x80, 0xc2] if matches!(kind, 1 | 7) => self.inner_ethernet(rest),
            _ => Err(Cause::NotIp),
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
}
