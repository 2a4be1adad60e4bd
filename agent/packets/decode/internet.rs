//! IPv4 and IPv6 with what can stand between them and the transport.
//!
//! Sources: RFC 791, 8200, 4302 (authentication), 6275, 7401, 5533 (extension headers).

use super::fragments::Datagram;
use super::{Decoder, Outcome, Rest};
use crate::tally::Cause;

/// Extension headers of one packet at most.
const MAX_EXTENSIONS: usize = 16;

impl Decoder {
    /// IP of either version.
    pub(super) fn ip(&mut self, rest: Rest<'_>) -> Outcome {
        match rest.peek::<1>()?[0] >> 4 {
            4 => self.ipv4(rest),
            6 => self.ipv6(rest),
            _ => Err(Cause::Malformed),
        }
    }

    #[inline]
    pub(super) fn ipv4(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.peek::<20>()?;
        let length = usize::from(head[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
        // With segmentation left to the network card, the length is 0 and the packet is all there is.
        let total = if total == 0 { rest.wire } else { total };
        if head[0] >> 4 != 4 || length < 20 || total < length {
            return Err(Cause::Malformed);
        }
        rest.limit(total);
        let packet = &mut self.packet;
        packet.v6 = false;
        packet.tos = head[1];
        packet.ip_bytes = rest.wire as u32;
        packet.src = u128::from(u32::from_be_bytes([head[12], head[13], head[14], head[15]]));
        packet.dst = u128::from(u32::from_be_bytes([head[16], head[17], head[18], head[19]]));
        packet.protocol = head[9];
        rest.skip(length)?;
        let fragment = u16::from_be_bytes([head[6], head[7]]);
        if fragment & 0x3fff == 0 {
            return self.transport(head[9], rest);
        }
        let id = u32::from(u16::from_be_bytes([head[4], head[5]]));
        self.fragment(id, fragment & 0x1fff == 0, head[9], rest)
    }

    #[inline]
    pub(super) fn ipv6(&mut self, mut rest: Rest<'_>) -> Outcome {
        let head = rest.take::<40>()?;
        if head[0] >> 4 != 6 {
            return Err(Cause::Malformed);
        }
        let payload = usize::from(u16::from_be_bytes([head[4], head[5]]));
        // 0 with more behind it is a jumbogram, or segmentation left to the network card.
        if payload > 0 || head[6] == 59 {
            rest.limit(payload);
        }
        let packet = &mut self.packet;
        packet.v6 = true;
        packet.tos = head[0] << 4 | head[1] >> 4;
        packet.ip_bytes = 40 + rest.wire as u32;
        packet.src = number(&head[8..24]);
        packet.dst = number(&head[24..40]);
        packet.protocol = head[6];
        match head[6] {
            6 | 17 | 58 => self.transport(head[6], rest),
            next => self.extensions(next, rest),
        }
    }

    fn extensions(&mut self, mut next: u8, mut rest: Rest<'_>) -> Outcome {
        for _ in 0..MAX_EXTENSIONS {
            let length = match next {
                0 | 43 | 60 | 135 | 139 | 140 => 8 + 8 * usize::from(rest.peek::<2>()?[1]),
                51 => 8 + 4 * usize::from(rest.peek::<2>()?[1]),
                44 => {
                    let head = rest.take::<8>()?;
                    let place = u16::from_be_bytes([head[2], head[3]]);
                    next = head[0];
                    self.packet.protocol = next;
                    // A fragment that is the whole packet (RFC 6946).
                    if place & 0xfff9 == 0 {
                        continue;
                    }
                    let id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
                    return self.fragment(id, place & 0xfff8 == 0, next, rest);
                }
                _ => {
                    self.packet.protocol = next;
                    return self.transport(next, rest);
                }
            };
            next = rest.peek::<2>()?[0];
            self.packet.protocol = next;
            rest.skip(length)?;
        }
        Err(Cause::TooDeep)
    }

    /// The first fragment is decoded and remembered, the others join it.
    fn fragment(&mut self, id: u32, first: bool, protocol: u8, rest: Rest<'_>) -> Outcome {
        let packet = self.packet;
        let datagram = Datagram { src: packet.src, dst: packet.dst, id, protocol, vlan: packet.vlans[0] };
        if first {
            if packet.v6 {
                self.extensions(protocol, rest)?
            } else {
                self.transport(protocol, rest)?
            }
            self.fragments.insert(datagram, self.packet);
        } else if let Some(known) = self.fragments.find(&datagram) {
            let inside = known.tunnel != packet.tunnel;
            // Of a datagram that is itself a tunnel, what follows are bytes of the packet inside it.
            let ip_bytes = if inside { rest.wire as u32 } else { packet.ip_bytes };
            // The numbers of TCP were those of the first one.
            self.packet = super::Packet { ip_bytes, tcp_header: false, macs: packet.macs, ..*known };
        }
        Ok(())
    }
}

#[inline]
fn number(bytes: &[u8]) -> u128 {
    u128::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default())
}
