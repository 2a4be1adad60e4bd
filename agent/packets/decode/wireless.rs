//! 802.11, bare or behind what a card says of how it was received.
//!
//! Sources: IEEE 802.11; radiotap.org; the pages of the tcpdump group on the AVS, Prism and PPI types.

use super::{Decoder, Kind, Outcome, Rest};
use crate::tally::Cause;

impl Decoder {
    /// A header that tells its length. A field of it may say that the frame's header is padded.
    pub(super) fn radiotap(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[_, _, low, high, ..] = rest.peek::<8>()?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let padded = rest.bytes.get(..length).and_then(radiotap_flags).is_some_and(|flags| flags & 0x20 != 0);
        rest.skip(length)?;
        self.wireless(rest, padded)
    }

    /// AVS tells its length; Prism's, which may stand for it, has always the same.
    pub(super) fn prism(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.peek::<8>()?;
        let avs = [head[0], head[1], head[2] & 0xf0] == [0x80, 0x21, 0x10];
        let length = if avs { u32::from_be_bytes([head[4], head[5], head[6], head[7]]) } else { 144 };
        rest.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
        self.wireless(rest, false)
    }

    /// PPI: its length and the kind of link behind it.
    pub(super) fn per_packet(&mut self, mut rest: Rest<'_>) -> Outcome {
        let &[_, _, low, high, a, b, c, d] = rest.peek::<8>()?;
        rest.skip(usize::from(u16::from_le_bytes([low, high])).max(8))?;
        self.link_inside(u32::from_le_bytes([a, b, c, d]), rest)
    }

    /// Data frames; management, control and data without a body carry no IP. The header may be padded to a multiple of four.
    pub(super) fn wireless(&mut self, mut rest: Rest<'_>, padded: bool) -> Outcome {
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
        // Frames between access points have a fourth address.
        let mut length = if flags & 3 == 3 { 30 } else { 24 };
        let mut aggregated = false;
        if kind & 0x80 != 0 {
            aggregated = rest.bytes.get(length).is_some_and(|quality| quality & 0x80 != 0);
            length += if flags & 0x80 != 0 { 6 } else { 2 };
        }
        rest.skip(if padded { length.next_multiple_of(4) } else { length })?;
        if aggregated {
            // The first of several: receiver, sender, length.
            rest.skip(14)?;
        }
        self.logical_link(rest)
    }
}

/// The field of flags, behind a time of eight bytes if that is there, and behind all words that say which fields are.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let word = |at: usize| header.get(at..at + 4)?.first_chunk().map(|word| u32::from_le_bytes(*word));
    let present = word(4)?;
    let mut at = 4;
    while word(at)? & 1 << 31 != 0 {
        at += 4;
    }
    at += 4;
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if present & 2 != 0 { header.get(at).copied() } else { None }
}
