//! Ports and flags, and which protocols carry packets themselves.

use super::{Decoder, Outcome, Rest};

impl Decoder {
    #[inline]
    pub(super) fn transport(&mut self, protocol: u8, rest: Rest<'_>) -> Outcome {
        match protocol {
            6 => self.tcp(rest),
            17 => self.udp(rest),
            _ => self.other_transport(protocol, rest),
        }
    }

    #[inline]
    fn tcp(&mut self, rest: Rest<'_>) -> Outcome {
        self.ports(rest)?;
        // A capture that ends behind the ports still tells the flow; the flags are unknown then.
        let packet = &mut self.packet;
        match rest.peek::<20>() {
            Ok(head) => {
                packet.tcp_flags = head[13];
                packet.tcp_header = true;
                packet.sequence = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
                packet.window = u16::from_be_bytes([head[14], head[15]]);
                let header = usize::from(head[12] >> 4) * 4;
                packet.payload = rest.wire.saturating_sub(header) as u32;
                self.data(rest.bytes, header.max(20));
            }
            Err(_) => packet.tcp_flags = rest.bytes.get(13).copied().unwrap_or(0),
        }
        Ok(())
    }

    /// Notes where what is behind a header lies.
    #[inline]
    fn data(&mut self, bytes: &[u8], header: usize) {
        let place = |at: usize| u16::try_from(bytes.as_ptr().addr().wrapping_sub(self.frame) + at);
        if let (Ok(from), Ok(to)) = (place(header.min(bytes.len())), place(bytes.len())) {
            self.packet.data = [from, to];
        }
    }

    #[inline]
    fn udp(&mut self, mut rest: Rest<'_>) -> Outcome {
        self.ports(rest)?;
        let (src, dst) = (self.packet.src_port, self.packet.dst_port);
        if tunnels(dst) || tunnels(src) {
            // One whose header is not all there is a flow of its own.
            if rest.skip(8).is_ok() {
                return self.udp_tunnel(src, dst, rest);
            }
        }
        self.data(rest.bytes, 8);
        Ok(())
    }

    #[inline]
    fn ports(&mut self, rest: Rest<'_>) -> Outcome {
        let head = rest.peek::<4>()?;
        self.packet.src_port = u16::from_be_bytes([head[0], head[1]]);
        self.packet.dst_port = u16::from_be_bytes([head[2], head[3]]);
        Ok(())
    }

    fn other_transport(&mut self, protocol: u8, rest: Rest<'_>) -> Outcome {
        match protocol {
            // SCTP, DCCP, UDP-Lite.
            132 | 33 | 136 => self.ports(rest),
            1 | 58 => {
                // Type and code only describe the flow; without them it is still one.
                self.packet.icmp = rest.peek::<2>().map_or((0, 0), |head| (head[0], head[1]));
                Ok(())
            }
            4 | 41 | 47 | 97 | 137 | 143 => self.ip_tunnel(protocol, rest),
            // Addresses and protocol are the whole flow.
            _ => Ok(()),
        }
    }
}

/// Ports that are looked at more closely.
#[inline]
pub(super) fn tunnels(port: u16) -> bool {
    matches!(port, 2152 | 3544 | 4754 | 4789 | 4790 | 5247 | 6081 | 6635 | 8472 | 37008)
}
