//! Community id, version 1: one short text that names a flow in every tool that knows it.
//!
//! Source: the Community ID specification (corelight/community-id-spec). The ends are ordered so that both directions give
//! the same id; for ICMP, type and code stand for the ports, a request being paired with its reply.

use sha1::{Digest, Sha1};
use std::net::IpAddr;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The id of a flow. For ICMP and ICMPv6 the ports are the type and the code of its first message; for protocols without
/// ports both are ignored. `seed` is 0 unless several networks have to be told apart.
#[must_use]
pub fn community_id(seed: u16, protocol: u8, src: IpAddr, dst: IpAddr, src_port: u16, dst_port: u16) -> String {
    let mut text = String::with_capacity(30);
    write(seed, protocol, (src, dst), (src_port, dst_port), &mut text);
    text
}

/// Adds the id of a flow to a text.
pub(crate) fn write(seed: u16, protocol: u8, ends: (IpAddr, IpAddr), ports: (u16, u16), out: &mut String) {
    out.push_str("1:");
    base64(&digest(seed, protocol, ends, ports), out);
}

fn digest(seed: u16, protocol: u8, (src, dst): (IpAddr, IpAddr), ports: (u16, u16)) -> [u8; 20] {
    let (ports, one_way) = match protocol {
        1 => icmp(ports, icmp4_pair),
        58 => icmp(ports, icmp6_pair),
        6 | 17 | 132 => (Some(ports), false),
        _ => (None, false),
    };
    let in_order = one_way || src < dst || (src == dst && ports.is_none_or(|(a, b)| a < b));
    let ((a, b), ports) = if in_order { ((src, dst), ports) } else { ((dst, src), ports.map(|(a, b)| (b, a))) };
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    for address in [a, b] {
        match address {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => hash.update(v6.octets()),
        }
    }
    hash.update([protocol, 0]);
    if let Some((a, b)) = ports {
        hash.update(a.to_be_bytes());
        hash.update(b.to_be_bytes());
    }
    hash.finalize().into()
}

/// A message that is one of a pair has the other's type as the far port; any other has its code there and one direction.
fn icmp((kind, code): (u16, u16), pair: fn(u16) -> Option<u16>) -> (Option<(u16, u16)>, bool) {
    match pair(kind) {
        Some(other) => (Some((kind, other)), false),
        None => (Some((kind, code)), true),
    }
}

/// RFC 792, 950, 1256: echo, router advertisement, timestamp, information, mask.
fn icmp4_pair(kind: u16) -> Option<u16> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// RFC 2710, 4443, 4620, 4861, 6275: listeners, echo, routers, neighbours, node information, home agents.
fn icmp6_pair(kind: u16) -> Option<u16> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

fn base64(bytes: &[u8], text: &mut String) {
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, b)| word | u32::from(*b) << (16 - 8 * i));
        for place in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tuples of the specification's tables, by seed.
    const KNOWN: [(u16, u8, &str, &str, u16, u16, &str); 13] = [
        (0, 6, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM="),
        (0, 6, "5.6.7.8", "1.2.3.4", 3344, 1122, "1:wCb3OG7yAFWelaUydu0D+125CLM="),
        (0, 17, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="),
        (0, 132, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8="),
        (0, 1, "1.2.3.4", "5.6.7.8", 8, 0, "1:crodRHL2FEsHjbv3UkRrfbs4bZ0="),
        (0, 1, "5.6.7.8", "1.2.3.4", 0, 0, "1:crodRHL2FEsHjbv3UkRrfbs4bZ0="),
        (0, 1, "1.2.3.4", "5.6.7.8", 11, 0, "1:f/YiSyWqczrTgfUCZlBUnvHRcPk="),
        (
            0,
            58,
            "fe80:1:203:405:607:809:a0b:c0d",
            "fe80:1011:1213:1415:1617:1819:1a1b:1c1d",
            128,
            0,
            "1:0bf7hyMJUwt3fMED7z8LIfRpBeo=",
        ),
        (
            0,
            58,
            "fe80:1:203:405:607:809:a0b:c0d",
            "fe80:1011:1213:1415:1617:1819:1a1b:1c1d",
            146,
            0,
            "1:fYC8+pz24E+EhANP1EZhpX0Dw10=",
        ),
        (0, 46, "1.2.3.4", "5.6.7.8", 7, 9, "1:ikv3kmf89luf73WPz1jOs49S768="),
        (
            0,
            46,
            "fe80:1011:1213:1415:1617:1819:1a1b:1c1d",
            "fe80:1:203:405:607:809:a0b:c0d",
            0,
            0,
            "1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=",
        ),
        (1, 6, "1.2.3.4", "5.6.7.8", 1122, 3344, "1:HhA1B+6CoLbiKPEs5nhNYN4XWfk="),
        (1, 1, "1.2.3.4", "5.6.7.8", 11, 0, "1:1DD7cWGC/Yg91YGsQeni8du3pIA="),
    ];

    #[test]
    fn the_tables_of_the_specification() {
        for (seed, protocol, src, dst, src_port, dst_port, expected) in KNOWN {
            let (src, dst) = (src.parse().expect("an address"), dst.parse().expect("an address"));
            assert_eq!(community_id(seed, protocol, src, dst, src_port, dst_port), expected);
        }
    }

    #[test]
    fn base64_pads() {
        let mut text = String::new();
        base64(b"any carnal pleas", &mut text);
        assert_eq!(text, "YW55IGNhcm5hbCBwbGVhcw==");
    }
}
