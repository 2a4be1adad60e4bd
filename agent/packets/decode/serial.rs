//! Lines between two ends: PPP, HDLC, frame relay, ATM, SLIP.
//!
//! Sources: RFC 1661, 1662, 2516, 3518 (PPP), 2427 (frame relay), 2684 (ATM); libpcap's header of SLIP.

use super::{Decoder, Outcome, Rest};
use crate::tally::Cause;

impl Decoder {
    pub(super) fn pppoe(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<6>()?;
        if head[0] != 0x11 {
            return Err(Cause::Malformed);
        }
        if head[1] != 0 {
            return Err(Cause::NotIp);
        }
        // The length it tells is of no use: IP has its own, and there are concentrators that get this one wrong.
        self.ppp(rest)
    }

    pub(super) fn ppp(&mut self, mut rest: Rest<'_>) -> Outcome {
        match rest.peek::<2>() {
            // Cisco's framing, which captures of this kind may have as well (RFC 1547).
            Ok([0x0f | 0x8f, 0]) => {
                self.deeper()?;
                return self.hdlc(rest);
            }
            // Address and control are left off where the ends agreed so; a protocol below 256 may have one byte.
            Ok([0xff, 3]) => rest.skip(2)?,
            _ => {}
        }
        let &[first] = rest.take::<1>()?;
        let protocol =
            if first & 1 == 1 { u16::from(first) } else { u16::from_be_bytes([first, rest.take::<1>()?[0]]) };
        match protocol {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            0x0031 => self.bridged(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// Bridging over PPP: flags, the kind of frame, the number of the LAN if a flag says so.
    fn bridged(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[flags, kind] = rest.take::<2>()?;
        if flags & 0x40 != 0 {
            rest.skip(4)?;
        }
        if kind == 1 { self.inner_ethernet(rest) } else { Err(Cause::NotIp) }
    }

    /// Cisco's: address, control, ethertype.
    pub(super) fn hdlc(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<4>()?;
        match u16::from_be_bytes([head[2], head[3]]) {
            // Numbers that are ethertypes elsewhere are lengths or keep-alives here.
            0..=0x05dc | 0x8035 => Err(Cause::NotIp),
            kind => self.ether_type(kind, rest),
        }
    }

    pub(super) fn frame_relay(&mut self, mut rest: Rest<'_>) -> Outcome {
        // The address is two to four bytes; the last one has its lowest bit set.
        let mut last = rest.take::<2>()?[1];
        for _ in 0..2 {
            if last & 1 == 0 {
                last = rest.take::<1>()?[0];
            }
        }
        if last & 1 == 0 {
            return Err(Cause::Malformed);
        }
        let &[control, kind] = rest.peek::<2>()?;
        if control != 3 {
            // Cisco's: an ethertype.
            rest.skip(2)?;
            let kind = u16::from_be_bytes([control, kind]);
            return if kind <= 0x05dc { Err(Cause::NotIp) } else { self.ether_type(kind, rest) };
        }
        // A byte of padding may make the header even.
        rest.skip(if kind == 0 { 2 } else { 1 })?;
        match rest.take::<1>()?[0] {
            0x80 => self.snap(rest),
            0x8e => self.ipv6(rest),
            0xcc => self.ipv4(rest),
            0xcf => self.ppp(rest),
            _ => Err(Cause::NotIp),
        }
    }

    /// Reassembled ATM (AAL5) with 802.2 in front; bridged frames are moved to an even place.
    pub(super) fn atm(&mut self, mut rest: Rest<'_>) -> Outcome {
        if let Ok([0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1 | 7, 0, 0]) = rest.peek::<10>() {
            rest.skip(10)?;
            return self.inner_ethernet(rest);
        }
        self.logical_link(rest)
    }

    /// The direction and what a compressed header was, then the packet as it was before.
    pub(super) fn slip(&mut self, mut rest: Rest<'_>) -> Outcome {
        rest.skip(16)?;
        self.ip(rest)
    }
}
