//! Echo packets of ICMP (RFC 792) and ICMPv6 (RFC 4443).
//!
//! The payload begins with bytes of chance, so that an answer is known to be one to us whatever else comes in on the socket; the
//! kernel changes the identifier on sockets that need no privilege.

/// Bytes of the payload that tell our packets from others.
pub(super) const TOKEN: usize = 16;

/// Which version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

impl Version {
    fn request(self) -> u8 {
        if self == Version::V4 { 8 } else { 128 }
    }

    fn reply(self) -> u8 {
        if self == Version::V4 { 0 } else { 129 }
    }
}

/// A request with `size` bytes of payload, at least those of the token.
pub(super) fn request(version: Version, token: [u8; TOKEN], sequence: u16, size: usize) -> Vec<u8> {
    let mut packet = vec![version.request(), 0, 0, 0, token[0], token[1]];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&token);
    packet.extend((TOKEN..size).map(|i| i as u8));
    // That of ICMPv6 covers addresses, and the kernel makes it.
    if version == Version::V4 {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// The sequence number of an answer to a request of ours; `packet` may begin with an IPv4 header, whose time to live is given then.
pub(super) fn reply(version: Version, token: [u8; TOKEN], packet: &[u8]) -> Option<(u16, Option<u8>)> {
    // An ICMP message never begins with 4 in the upper half of its first byte as long as it is a reply.
    let (ttl, message) = match (version, packet.first()?) {
        (Version::V4, first) if first >> 4 == 4 => (packet.get(8).copied(), packet.get(usize::from(first & 15) * 4..)?),
        _ => (None, packet),
    };
    let (head, payload) = message.split_at_checked(8)?;
    let ours = head[0] == version.reply() && head[1] == 0 && payload.starts_with(&token);
    ours.then(|| (u16::from_be_bytes([head[6], head[7]]), ttl))
}

/// The ones' complement of the ones' complement sum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u64 =
        bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const OURS: [u8; TOKEN] = [7; TOKEN];

    #[test]
    fn answers_are_known_by_their_token() {
        for (version, kind) in [(Version::V4, 0), (Version::V6, 129)] {
            let mut packet = request(version, OURS, 513, 57);
            assert_eq!(packet.len(), 8 + 57);
            assert_eq!(reply(version, OURS, &packet), None);
            packet[0] = kind;
            assert_eq!(reply(version, OURS, &packet), Some((513, None)));
            assert_eq!(reply(version, [8; TOKEN], &packet), None);
        }
        let mut framed = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 57, 1, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        framed.extend(request(Version::V4, OURS, 3, 24));
        framed[20] = 0;
        assert_eq!(reply(Version::V4, OURS, &framed), Some((3, Some(57))));
    }

    #[test]
    fn the_sum_over_a_packet_with_its_checksum_is_nothing() {
        for size in [TOKEN, 33, 56] {
            assert_eq!(checksum(&request(Version::V4, OURS, 1, size)), 0);
        }
    }

    #[test]
    fn takes_anything() {
        noise(&request(Version::V4, OURS, 1, 24), |packet| {
            let _any = reply(Version::V4, OURS, packet);
            let _any = reply(Version::V6, OURS, packet);
        });
    }
}
