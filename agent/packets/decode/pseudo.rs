//! Headers that no wire has: what those who capture put in front of a packet.
//!
//! Sources: the pages of the tcpdump group on LINKTYPE_NULL, LINUX_SLL, LINUX_SLL2, NFLOG, PFLOG, PKTAP and the Juniper types.

use super::{Decoder, Outcome, Rest};
use crate::tally::Cause;

/// The device of Linux whose packets are messages to and from the kernel.
const NETLINK: u16 = 824;

impl Decoder {
    /// The address family, in the byte order of the host that captured or of the network.
    pub(super) fn loopback(&mut self, mut rest: Rest<'_>) -> Outcome {
        let family = rest.take::<4>()?;
        match u32::from_be_bytes(*family).min(u32::from_le_bytes(*family)) {
            2 => self.ipv4(rest),
            // Linux, Windows, OpenBSD, FreeBSD, macOS each have their own number for IPv6.
            10 | 23 | 24 | 28 | 30 => self.ipv6(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// Linux's cooked captures.
    pub(super) fn cooked(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<16>()?;
        self.cooked_type(u16::from_be_bytes([head[2], head[3]]), u16::from_be_bytes([head[14], head[15]]), rest)
    }

    /// Their second version.
    pub(super) fn cooked2(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<20>()?;
        self.cooked_type(u16::from_be_bytes([head[8], head[9]]), u16::from_be_bytes([head[0], head[1]]), rest)
    }

    /// An ethertype, or a small number for frames without one; for some devices it is another thing.
    fn cooked_type(&mut self, device: u16, kind: u16, rest: Rest<'_>) -> Outcome {
        match kind {
            _ if device == NETLINK => Err(Cause::NotIp),
            3 => self.inner_ethernet(rest),
            4 => self.logical_link(rest),
            7 => self.ppp(rest),
            0..=0x05dc => Err(Cause::NotIp),
            _ => self.ether_type(kind, rest),
        }
    }

    /// Linux's packet filter: family, version, group, then values behind their lengths and types, one of which is the packet.
    pub(super) fn nflog(&mut self, mut rest: Rest<'_>) -> Outcome {
        rest.skip(4)?;
        // In the byte order of the host that captured; the first value, a header, is short.
        let &[a, b] = rest.peek::<2>()?;
        let big = u16::from_be_bytes([a, b]) < u16::from_le_bytes([a, b]);
        loop {
            let head = rest.peek::<4>()?;
            let [length, kind] = [[head[0], head[1]], [head[2], head[3]]]
                .map(|two| if big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) });
            let length = usize::from(length);
            if length < 4 {
                return Err(Cause::Malformed);
            }
            // The upper bits are marks.
            if kind & 0x3fff == 9 {
                rest.limit(length);
                rest.skip(4)?;
                return self.ip(rest);
            }
            rest.skip(length.next_multiple_of(4))?;
        }
    }

    /// The packet filter of the BSDs: a header that tells its length, without the padding behind it.
    pub(super) fn packet_filter(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[length] = rest.peek::<1>()?;
        rest.skip(usize::from(length).next_multiple_of(4))?;
        self.ip(rest)
    }

    /// macOS: the length of the header, whether a packet follows, and the kind of link.
    pub(super) fn tap(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.peek::<12>()?;
        let [length, kind, link] = std::array::from_fn(|i| {
            u32::from_le_bytes([head[i * 4], head[i * 4 + 1], head[i * 4 + 2], head[i * 4 + 3]])
        });
        if length < 12 {
            return Err(Cause::Malformed);
        }
        rest.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
        if kind == 1 { self.link_inside(link, rest) } else { Err(Cause::NotIp) }
    }

    /// A link behind a header that says which it is.
    pub(super) fn link_inside(&mut self, link: u32, rest: Rest<'_>) -> Outcome {
        self.deeper()?;
        self.link(u16::try_from(link).map_err(|_| Cause::UnknownLink)?, rest)
    }

    /// Juniper's routers: a magic number, flags, and an extension if one of them says so. Another says that there is no link below IP.
    pub(super) fn juniper(&mut self, link: u16, mut rest: Rest<'_>) -> Outcome {
        let &[b'M', b'G', b'C', flags] = rest.take::<4>()? else { return Err(Cause::Malformed) };
        if flags & 0x80 != 0 {
            let length = u16::from_be_bytes(*rest.take::<2>()?);
            rest.skip(length.into())?;
        }
        if flags & 0x02 != 0 {
            rest.skip(4)?;
            return self.ip(rest);
        }
        match link {
            178 => self.ethernet(rest),
            179 => self.ppp(rest),
            180 => self.frame_relay(rest),
            _ => self.hdlc(rest),
        }
    }
}
