//! Packets made here: each kind of header, and whatever bytes there may be.

mod links;

use super::*;
use crate::tally::{Cause, Tally};

fn decode(link: u16, bytes: &[u8]) -> Result<Packet, Cause> {
    Decoder::new().decode(link, bytes, bytes.len() as u32).copied()
}

fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&src.to_be_bytes()[..], &dst.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

fn tcp(src: u16, dst: u16, flags: u8) -> Vec<u8> {
    [&src.to_be_bytes()[..], &dst.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 9, 0, 0, 0, 0]].concat()
}

/// IPv4 from 10.0.0.`src` to 10.0.0.`dst`; `place` are flags and offset of the fragment.
fn fragment(src: u8, dst: u8, protocol: u8, place: u16, payload: &[u8]) -> Vec<u8> {
    let length = ((20 + payload.len()) as u16).to_be_bytes();
    let place = place.to_be_bytes();
    let head =
        [0x45, 0, length[0], length[1], 0, 42, place[0], place[1], 64, protocol, 0, 0, 10, 0, 0, src, 10, 0, 0, dst];
    [&head[..], payload].concat()
}

fn ipv4(src: u8, dst: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment(src, dst, protocol, 0, payload)
}

/// IPv6 from fd00::`src` to fd00::`dst`.
fn ipv6(src: u8, dst: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let mut head = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    for end in [src, dst] {
        head.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
    }
    [&head[..], payload].concat()
}

fn ether(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind.to_be_bytes(), payload].concat()
}

fn inner() -> Vec<u8> {
    ipv4(1, 2, 6, &tcp(1000, 80, 2))
}

/// The packet of `inner`, however it is carried.
fn assert_inner(link: u16, bytes: &[u8]) -> Packet {
    let packet = decode(link, bytes).unwrap_or_else(|cause| panic!("{cause:?}"));
    assert_eq!((packet.src_ip().to_string(), packet.dst_ip().to_string()), ("10.0.0.1".into(), "10.0.0.2".into()));
    assert_eq!((packet.src_port, packet.dst_port, packet.protocol, packet.tcp_flags), (1000, 80, 6, 2));
    assert_eq!(packet.ip_bytes, 40);
    packet
}

#[test]
fn tunnels() {
    let (ip, frame) = (inner(), ether(0x0800, &inner()));
    let numbered = [0, 0, 7, 0];
    let cases: [(Kind, u32, u8, Vec<u8>); 18] = [
        (Kind::Vxlan, 7, 17, udp(9, 4789, &[&[8, 0, 0, 0][..], &numbered, &frame].concat())),
        (Kind::Vxlan, 7, 17, udp(9, 4790, &[&[0x0c, 0, 0, 1][..], &numbered, &ip].concat())),
        (Kind::Geneve, 7, 17, udp(9, 6081, &[&[1, 0, 0x65, 0x58][..], &numbered, &[0; 4], &frame].concat())),
        (Kind::Gtp, 7, 17, udp(2152, 9, &[&[0x30, 0xff, 0, 40, 0, 0, 0, 7][..], &ip].concat())),
        (
            Kind::Gtp,
            7,
            17,
            udp(9, 2152, &[&[0x34, 0xff, 0, 48, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 0, 0][..], &ip].concat()),
        ),
        (Kind::Gre, 0, 17, udp(9, 4754, &[&[0, 0, 8, 0][..], &ip].concat())),
        (Kind::Mpls, 0, 17, udp(9, 6635, &[&[0, 1, 1, 64][..], &ip].concat())),
        (Kind::Gre, 0, 47, [&[0, 0, 8, 0][..], &ip].concat()),
        (Kind::Gre, 5, 47, [&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1][..], &ip].concat()),
        (Kind::Gre, 9, 47, [&[0x30, 0x81, 0x88, 0x0b, 0, 42, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21][..], &ip].concat()),
        (Kind::Nvgre, 7, 47, [&[0x20, 0, 0x65, 0x58][..], &numbered, &frame].concat()),
        (Kind::Erspan, 0, 47, [&[0, 0, 0x88, 0xbe][..], &frame].concat()),
        (Kind::Erspan, 3, 47, [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 3, 0, 0, 0, 0][..], &frame].concat()),
        (
            Kind::Erspan,
            3,
            47,
            [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], &frame].concat(),
        ),
        (Kind::IpInIp, 0, 4, ip.clone()),
        (Kind::EtherIp, 0, 97, [&[0x30, 0][..], &frame].concat()),
        (Kind::EtherIp, 0, 143, frame.clone()),
        (Kind::Vxlan, 7, 17, udp(9, 4790, &[&[0x0c, 0, 0, 4][..], &numbered, &[0, 2, 1, 1, 0, 0, 0, 9], &ip].concat())),
    ];
    for (kind, id, protocol, payload) in cases {
        for outer in [ipv4(8, 9, protocol, &payload), ipv6(8, 9, protocol, &payload)] {
            let packet = assert_inner(101, &outer);
            assert_eq!((packet.tunnel.kind, packet.tunnel.id), (kind, id));
            let network = matches!(kind, Kind::Vxlan | Kind::Geneve | Kind::Nvgre);
            assert_eq!(packet.tunnel.network, if network { id } else { 0 });
            let (src, _) = packet.tunnel.ends().expect("a tunnel");
            assert_eq!(src.to_string(), if outer[0] == 0x45 { "10.0.0.8" } else { "fd00::8" });
        }
    }
}

#[test]
fn teredo() {
    let six = ipv6(1, 2, 17, &udp(5, 6, b"abc"));
    let origin = [&[0, 0, 1, 2, 3, 4, 5, 6][..], &six].concat();
    let authenticated = [&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &origin].concat();
    for payload in [six, origin, authenticated] {
        let packet = decode(101, &ipv4(8, 9, 17, &udp(3544, 700, &payload))).expect("a flow");
        assert_eq!(
            (packet.tunnel.kind, packet.src_ip().to_string(), packet.dst_port),
            (Kind::Teredo, "fd00::1".into(), 6)
        );
    }
}

#[test]
fn a_tunnel_without_a_sensible_inside_is_its_own_flow() {
    for payload in [
        &[8, 0, 0, 0, 0, 0, 7, 0, 1, 2, 3][..],
        &[0; 40],
        b"",
        &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &ether(0x0806, &[0; 28])].concat(),
    ] {
        let packet = decode(101, &ipv4(8, 9, 17, &udp(9, 4789, payload))).expect("a flow");
        assert_eq!((packet.src_port, packet.dst_port, packet.tunnel.kind), (9, 4789, Kind::None));
    }
    let packet = decode(101, &ipv4(8, 9, 47, b"x")).expect("a flow");
    assert_eq!((packet.protocol, packet.src_port), (47, 0));
}

#[test]
fn tunnels_without_end() {
    let mut packet = inner();
    for _ in 0..40 {
        packet = ipv4(8, 9, 4, &packet);
    }
    let decoded = decode(101, &packet).expect("a flow");
    assert_eq!((decoded.protocol, decoded.src_ip().to_string()), (4, "10.0.0.8".into()));
}

#[test]
fn later_fragments_join_the_first() {
    let payload = udp(53, 1000, &[0; 64]);
    let mut decoder = Decoder::new();
    let mut ports = |bytes: Vec<u8>| {
        let packet = decoder.decode(101, &bytes, bytes.len() as u32).expect("a flow");
        (packet.src_port, packet.dst_port, packet.ip_bytes)
    };
    assert_eq!(ports(fragment(1, 2, 17, 4, &payload[32..])), (0, 0, 60), "its first one has not come yet");
    assert_eq!(ports(fragment(1, 2, 17, 0x2000, &payload[..32])), (53, 1000, 52));
    assert_eq!(ports(fragment(1, 2, 17, 4, &payload[32..])), (53, 1000, 60));
    assert_eq!(ports(fragment(2, 1, 17, 4, &payload[32..])), (0, 0, 60), "the other direction");
    let place = |offset: u16, more: u16| {
        let place = ((offset * 8) | more).to_be_bytes();
        vec![17, 0, place[0], place[1], 0, 0, 0, 42]
    };
    assert_eq!(ports(ipv6(1, 2, 44, &[place(0, 1), payload[..32].to_vec()].concat())), (53, 1000, 80));
    assert_eq!(ports(ipv6(1, 2, 44, &[place(4, 0), payload[32..].to_vec()].concat())), (53, 1000, 88));
}

#[test]
fn fragments_of_a_tunnel_belong_to_its_inside() {
    let payload = udp(9, 2152, &[&[0x30, 0xff, 0, 40, 0, 0, 0, 7][..], &inner()].concat());
    let mut decoder = Decoder::new();
    for (place, part, ip_bytes) in [(0x2000, &payload[..40], 24), (5, &payload[40..], 16)] {
        let bytes = fragment(8, 9, 17, place, part);
        let packet = decoder.decode(101, &bytes, bytes.len() as u32).expect("a flow");
        assert_eq!((packet.dst_port, packet.tunnel.kind, packet.ip_bytes), (80, Kind::Gtp, ip_bytes));
    }
}

#[test]
fn extension_headers() {
    let chain = [
        &[60, 0, 0, 0, 0, 0, 0, 0][..],
        &[51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[17, 1, 0, 0],
        &[0; 8],
        &udp(5, 6, b""),
    ]
    .concat();
    let packet = decode(101, &ipv6(1, 2, 0, &chain)).expect("a flow");
    assert_eq!((packet.protocol, packet.src_port, packet.dst_port), (17, 5, 6));
    assert_eq!(decode(101, &ipv6(1, 2, 59, b"")).expect("a flow").protocol, 59);
    assert_eq!(decode(101, &ipv6(1, 2, 0, &[0; 8 * 17])), Err(Cause::TooDeep));
}

#[test]
fn sniffed_frames() {
    let frame = [&[1, 0, 0, 1, 10, 1, 7, 0, 1][..], &ether(0x0800, &inner())].concat();
    assert_eq!(assert_inner(101, &ipv4(8, 9, 17, &udp(9, 37008, &frame))).tunnel.kind, Kind::Tzsp);
    let endless = [1, 0, 0, 1, 10, 200];
    assert_eq!(decode(101, &ipv4(8, 9, 17, &udp(9, 37008, &endless))).expect("a flow").dst_port, 37008);
}

#[test]
fn numbers_of_tcp_and_what_is_beside_the_addresses() {
    let packet = decode(1, &ether(0x0800, &ipv4(1, 2, 6, &[&tcp(1, 2, 16)[..], b"abc"].concat()))).expect("a flow");
    assert_eq!((packet.tcp_header, packet.sequence, packet.window, packet.payload), (true, 1, 9, 3));
    assert_eq!((packet.macs, packet.tos), ([[2; 6]; 2], 0));
    let mut six = ipv6(1, 2, 6, &tcp(1, 2, 16));
    (six[0], six[1]) = (0x6b, 0x80);
    assert_eq!(decode(101, &six).expect("a flow").tos, 0xb8);
}

#[test]
fn causes() {
    let ip = inner();
    let cut = |captured: usize| Decoder::new().decode(101, &ip[..captured], ip.len() as u32).copied();
    assert_eq!(cut(19), Err(Cause::Truncated));
    assert_eq!(cut(23), Err(Cause::Truncated));
    assert_eq!(cut(24).map(|p| (p.dst_port, p.tcp_flags, p.ip_bytes)), Ok((80, 0, 40)));
    assert_eq!(decode(101, &ip[..19]), Err(Cause::Malformed));
    assert_eq!(decode(101, &[0x44; 40]), Err(Cause::Malformed));
    assert_eq!(decode(1, &ether(0x0806, &[0; 28])), Err(Cause::Arp));
    assert_eq!(decode(1, &ether(0x88cc, &[0; 28])), Err(Cause::NotIp));
    assert_eq!(decode(1, &ether(38, &[0x42; 38])), Err(Cause::NotIp));
    assert_eq!(decode(105, &[&[8, 0x40][..], &[0; 40]].concat()), Err(Cause::Encrypted));
}

#[test]
fn segmentation_by_the_network_card() {
    let mut ip = ipv4(1, 2, 6, &[&tcp(1, 2, 16)[..], &[0; 3000]].concat());
    (ip[2], ip[3]) = (0, 0);
    assert_eq!(decode(101, &ip).expect("a flow").ip_bytes, 3040);
}

#[test]
fn bytes_as_they_come() {
    let mut random = Random(2);
    let mut decoder = Decoder::new();
    let mut tally = Tally::default();
    let samples = [
        ether(
            0x0800,
            &ipv4(8, 9, 17, &udp(9, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &ether(0x0800, &inner())].concat())),
        ),
        ether(
            0x86dd,
            &ipv6(1, 2, 0, &[&[44, 0, 0, 0, 0, 0, 0, 0][..], &[17, 0, 0, 1, 0, 0, 0, 1], &udp(5, 6, b"")].concat()),
        ),
        ether(
            0x8847,
            &[
                &[0, 1, 1, 64][..],
                &ipv4(
                    1,
                    2,
                    47,
                    &[&[0x30, 0x81, 0x88, 0x0b, 0, 42, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21][..], &inner()].concat(),
                ),
            ]
            .concat(),
        ),
    ];
    for round in 0..200_000_u32 {
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            (0..random.below(200)).map(|_| random.below(256) as u8).collect()
        } else {
            let mut bytes = samples[random.below(samples.len())].clone();
            for _ in 0..random.below(4) {
                let place = random.below(bytes.len());
                bytes[place] = random.below(256) as u8;
            }
            bytes
        };
        let wire = bytes.len() as u32;
        bytes.truncate(random.below(bytes.len() + 1).max(bytes.len() / 2));
        let link = if round % 2 == 0 { random.below(300) as u16 } else { 1 };
        match decoder.decode(link, &bytes, wire) {
            Ok(packet) => {
                assert!(packet.ip_bytes <= wire);
                tally.in_flow();
            }
            Err(cause) => tally.not_counted(cause),
        }
    }
    assert!(tally.adds_up() && tally.read == 200_000 && tally.in_flows > 10_000, "{tally:?}");
}

#[test]
fn the_short_way_says_what_the_long_way_says() {
    let (tcp, udp) = (tcp(1000, 80, 0x18), udp(1000, 53, b"of a question"));
    let mut samples = Vec::new();
    for (protocol, transport) in [(6, &tcp), (17, &udp)] {
        for ip in [(0x0800, ipv4(1, 2, protocol, transport)), (0x86dd, ipv6(1, 2, protocol, transport))] {
            samples.push(ether(ip.0, &ip.1));
            samples.push(ether(0x8100, &[&[0x60, 40][..], &ip.0.to_be_bytes(), &ip.1].concat()));
            // Padding, and what is cut off.
            samples.push([&ether(ip.0, &ip.1)[..], &[0; 9]].concat());
            samples.push(ether(ip.0, &ip.1[..ip.1.len() - 5]));
        }
    }
    let mut random = Random(11);
    let (mut decoder, mut usual_ones, mut rounds) = (Decoder::new(), 0, 0);
    let mut check = |bytes: &[u8], wire: u32| {
        rounds += 1;
        let Some(short) = usual(bytes, wire) else { return };
        usual_ones += 1;
        let long = decoder.decode(1, bytes, wire).unwrap_or_else(|cause| panic!("{cause:?}: {bytes:02x?}"));
        let (v6, [src, dst]) = match short.addresses {
            Addresses::V4(both) => (false, both.map(u128::from)),
            Addresses::V6(both) => (true, both),
        };
        let expected = Packet {
            v6,
            protocol: short.protocol,
            tcp_flags: short.tcp.flags,
            src,
            dst,
            src_port: short.ports[0],
            dst_port: short.ports[1],
            vlans: [short.vlan, 0],
            ip_bytes: short.ip_bytes,
            payload: short.tcp.payload,
            sequence: short.tcp.sequence,
            window: short.tcp.window,
            tcp_header: short.protocol == 6,
            tos: short.tos,
            macs: long.macs,
            data: long.data,
            ..Packet::default()
        };
        assert_eq!(*long, expected, "{bytes:02x?} of {wire}");
    };
    for sample in &samples {
        for length in 0..=sample.len() {
            check(&sample[..length], sample.len() as u32);
            check(&sample[..length], length as u32);
            check(&sample[..length], 0);
        }
        // Every value of every byte, which takes each condition both ways.
        for place in 0..sample.len() {
            for value in 0..=255 {
                let mut bytes = sample.clone();
                bytes[place] = value;
                check(&bytes, sample.len() as u32 + u32::from(value) * 8);
            }
        }
        for _ in 0..10_000 {
            let mut bytes = sample.clone();
            for _ in 0..4 {
                let place = random.below(bytes.len());
                bytes[place] = random.below(256) as u8;
            }
            bytes.truncate(bytes.len() - random.below(30));
            check(&bytes, random.below(200) as u32);
        }
    }
    assert!(usual_ones > rounds / 3 && usual_ones < rounds * 9 / 10, "{usual_ones} of {rounds}");
}

#[test]
fn what_is_usual() {
    let wire = |bytes: &[u8]| usual(bytes, bytes.len() as u32).is_some();
    assert!(wire(&ether(0x0800, &inner())) && wire(&ether(0x86dd, &ipv6(1, 2, 17, &udp(5, 6, b"")))));
    // A tunnel, a fragment, options, another protocol, two tags, no length.
    assert!(!wire(&ether(0x0800, &ipv4(1, 2, 17, &udp(9, 4789, &[0; 60])))));
    assert!(!wire(&ether(0x0800, &fragment(1, 2, 6, 0x2000, &tcp(1, 2, 3)))));
    assert!(!wire(&ether(0x0800, &[&[0x46], &inner()[1..]].concat())));
    assert!(!wire(&ether(0x0800, &ipv4(1, 2, 1, &[0; 60]))));
    assert!(!wire(&ether(0x8100, &[&[0, 1, 0x81, 0, 0, 2, 8, 0][..], &inner()].concat())));
    assert!(!wire(&ether(0x0800, &[&[0x45, 0, 0, 0], &inner()[4..]].concat())));
}
