//! Kinds of links, and what switches, lines and captures put in front of IP: always around the same packet.

use super::*;

#[test]
fn links() {
    let ip = inner();
    assert_inner(1, &ether(0x0800, &ip));
    for link in [12, 101, 228] {
        assert_inner(link, &ip);
    }
    assert_inner(0, &[&[2, 0, 0, 0], &ip[..]].concat());
    assert_inner(108, &[&[0, 0, 0, 2], &ip[..]].concat());
    assert_inner(9, &[&[0xff, 3, 0, 0x21], &ip[..]].concat());
    assert_inner(9, &[&[0x21], &ip[..]].concat());
    assert_inner(113, &[&[0; 14][..], &[8, 0], &ip].concat());
    assert_inner(276, &[&[8, 0][..], &[0; 18], &ip].concat());
    assert_inner(122, &[&[0; 16][..], &snap(&ip)].concat());
    assert_inner(226, &[&[0; 24][..], &ip].concat());
    assert_inner(242, &[&[0; 40][..], &[8, 0, 0, 0], &ip].concat());
    assert_eq!(decode(147, &ip), Err(Cause::UnknownLink));
}

/// 802.2 in front of IPv4.
fn snap(ip: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip].concat()
}

#[test]
fn logical_links() {
    let ip = inner();
    for head in
        [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0], &[6, 6, 3], &[0xfe, 0xfe, 3, 0xcc]]
    {
        assert_inner(1, &ether(60, &[head, &ip].concat()));
        assert_inner(100, &[head, &ip].concat());
        assert_inner(10, &[&[0x50; 13], head, &ip].concat());
        assert_inner(6, &[&[0x10, 0x40], &[2; 12][..], head, &ip].concat());
        // With a route of six bytes.
        assert_inner(6, &[&[0x10, 0x40], &[0x82; 12][..], &[6, 0, 0, 0, 0, 0], head, &ip].concat());
        assert_inner(1, &ether(0x8870, &[head, &ip].concat()));
    }
    let bridged = [&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7][..], &ether(0x0800, &ip)].concat();
    assert_inner(1, &ether(60, &bridged));
    assert_inner(106, &[&bridged[..8], &[0, 0], &bridged[8..]].concat());
    // A beacon of a ring, a ring's frame that is no 802.2, spanning tree.
    for (link, bytes) in [(6, [0x10, 0]), (10, [0xc0, 0]), (100, [0x42, 0x42])] {
        assert_eq!(decode(link, &[&bytes[..], &[0; 40]].concat()), Err(Cause::NotIp));
    }
}

#[test]
fn lines_between_two_ends() {
    let ip = inner();
    for ppp in [&[0xff, 3, 0, 0x21][..], &[0xff, 3, 0x21], &[0, 0x21], &[0x0f, 0, 8, 0], &[0x8f, 0, 8, 0]] {
        assert_inner(9, &[ppp, &ip].concat());
        assert_inner(204, &[&[1], ppp, &ip].concat());
    }
    assert_inner(166, &[&[1, 3, 0, 0x21], &ip[..]].concat());
    assert_inner(9, &[&[0, 0x31, 0x40, 1, 0, 0, 0, 7][..], &ether(0x0800, &ip)].concat());
    assert_inner(104, &[&[0x0f, 0, 8, 0], &ip[..]].concat());
    assert_inner(205, &[&[0, 0x0f, 0, 8, 0], &ip[..]].concat());
    assert_inner(8, &[&[0; 16][..], &ip].concat());
    for address in [&[0x18, 0x41][..], &[0x18, 0x40, 0x01], &[0x18, 0x40, 0x40, 0x01]] {
        for head in [&[3, 0xcc][..], &[3, 0, 0xcc], &[3, 0, 0x80, 0, 0, 0, 8, 0], &[8, 0], &[3, 0xcf, 0, 0x21]] {
            assert_inner(107, &[address, head, &ip].concat());
            assert_inner(206, &[&[1], address, head, &ip].concat());
        }
    }
    assert_eq!(decode(107, &[&[0x18; 5][..], &ip].concat()), Err(Cause::Malformed), "an address without end");
    // Keep-alives and the line's own protocols.
    for (link, bytes) in [(104, [0x8f, 0, 0x80, 0x35]), (107, [0x18, 0x41, 3, 8]), (9, [0xff, 3, 0xc0, 0x21])] {
        assert_eq!(decode(link, &[&bytes[..], &[0; 40]].concat()), Err(Cause::NotIp));
    }
    // Each inside the other.
    assert_eq!(decode(9, &[0x0f, 0, 0x88, 0x0b].repeat(10_000)), Err(Cause::TooDeep));
}

#[test]
fn headers_of_captures() {
    let (ip, frame) = (inner(), ether(0x0800, &inner()));
    for family in [2_u32, 10, 23, 24, 28, 30] {
        let ip = if family == 2 { inner() } else { ipv6(1, 2, 6, &tcp(1000, 80, 2)) };
        for order in [family.to_le_bytes(), family.to_be_bytes()] {
            assert_eq!(decode(0, &[&order, &ip[..]].concat()).map(|p| p.dst_port), Ok(80));
        }
    }
    // Cooked: Ethernet, 802.2 and PPP have small numbers; a message of the kernel is none of them.
    for (kind, rest) in [(3, &frame), (4, &snap(&ip)), (7, &[&[0, 0x21], &ip[..]].concat())] {
        assert_inner(113, &[&[0, 0, 0, 1][..], &[0; 11], &[kind], rest].concat());
        assert_inner(276, &[&[0, kind][..], &[0; 6], &[0, 1], &[0; 10], rest].concat());
        assert_eq!(decode(113, &[&[0, 0, 3, 56][..], &[0; 11], &[kind], rest].concat()), Err(Cause::NotIp));
    }
    assert_inner(109, &[&[2; 12][..], &ip].concat());
    assert_inner(117, &[&[61, 2][..], &[0; 62], &ip].concat());
    let length = ip.len() as u16 + 4;
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let value = |length: u16, kind: u16| [order(length), order(kind)].concat();
        let head = [&[2, 0, 0, 1][..], &value(8, 1), &[0; 4], &value(7, 10), &[0; 4]].concat();
        assert_inner(239, &[&head[..], &value(length, 9), &ip, &[0; 3]].concat());
        assert_eq!(decode(239, &head), Err(Cause::Malformed), "no packet");
        assert_eq!(decode(239, &[&head[..], &value(3, 9), &ip].concat()), Err(Cause::Malformed));
    }
    let tap = |kind: u8, link: u8| [&[16, 0, 0, 0, kind, 0, 0, 0, link, 0, 0, 0, 0, 0, 0, 0][..], &frame].concat();
    assert_inner(258, &tap(1, 1));
    assert_eq!(decode(258, &tap(0, 1)), Err(Cause::NotIp));
    assert_eq!(decode(258, &tap(1, 147)), Err(Cause::UnknownLink));
    let itself = [16, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0].repeat(100);
    assert_eq!(decode(258, &itself), Err(Cause::TooDeep));
    for (link, rest) in [(178, &frame), (179, &[&[0x21], &ip[..]].concat()), (181, &[&[15, 0, 8, 0], &ip[..]].concat())]
    {
        assert_inner(link, &[b"MGC\x01", &rest[..]].concat());
        assert_inner(link, &[b"MGC\x81\x00\x03abc", &rest[..]].concat());
        assert_inner(link, &[b"MGC\x02\x00\x00\x00\x02", &ip[..]].concat());
    }
    assert_eq!(decode(178, &[b"MGD\x01", &frame[..]].concat()), Err(Cause::Malformed));
}

#[test]
fn labels_and_tags() {
    let ip = inner();
    let tagged = ether(0x88a8, &[&[0, 30, 0x81, 0, 0x60, 40, 0x81, 0, 0, 50, 8, 0], &ip[..]].concat());
    assert_eq!(assert_inner(1, &tagged).vlans, [30, 40]);
    assert_inner(1, &ether(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64], &ip[..]].concat()));
    assert_inner(1, &ether(0x8847, &[&[0, 1, 1, 64, 0, 0, 0, 0], &ether(0x0800, &ip)[..]].concat()));
    let session = [&[0x11, 0, 0, 7, 0, 42, 0, 0x21], &ip[..]].concat();
    assert_inner(1, &ether(0x8864, &session));
    // Padded, and with a length that is too short.
    for length in [42, 8] {
        let wrong = [&[0x11, 0, 0, 7, 0, length, 0, 0x21], &ip[..], &[0; 6]].concat();
        assert_inner(1, &ether(0x8864, &wrong));
    }
    for (kind, head) in [
        (0x8909, &[1, 1, 0, 1, 0, 7][..]),
        (0x8926, &[0; 4]),
        (0x892f, &[0, 60, 0, 1]),
        (0x893f, &[0; 6]),
        (0xd28b, &[0, 1, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8]),
        (0xd28b, &[0, 1, 0, 0x20, 1, 2, 3, 4, 5, 6]),
        (0x88e5, &[0, 0, 0, 0, 0, 1]),
        (0x88e5, &[0x20, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0, 1]),
    ] {
        let tagged = assert_inner(1, &ether(kind, &[head, &[0x81, 0, 0, 30, 8, 0], &ip].concat()));
        assert_eq!(tagged.vlans, [30, 0], "{kind:x}");
        assert_eq!(
            decode(1, &[&[2; 12][..], &[&kind.to_be_bytes(), head].concat().repeat(90)].concat()),
            Err(Cause::TooDeep)
        );
    }
    assert_eq!(decode(1, &ether(0x88e5, &[0x0c; 60])), Err(Cause::Encrypted));
    assert_inner(1, &ether(0x894f, &[&[0, 3, 1, 1, 0, 0, 0, 9, 0, 0, 0, 0], &ip[..]].concat()));
    assert_inner(1, &ether(0x22f3, &[&[0, 0x40, 0, 1, 0, 2, 9, 9, 9, 9][..], &ether(0x0800, &ip)].concat()));
    assert_inner(1, &ether(0x88e7, &[&[0, 0, 0, 7][..], &ether(0x0800, &ip)].concat()));
    let addresses = [2; 12];
    for (link, from_switch) in [
        (281, [&addresses[..], &[9; 4], &[8, 0]].concat()),
        (282, [&[9; 4], &addresses[..], &[8, 0]].concat()),
        (284, [&addresses[..], &[9; 4], &[8, 0]].concat()),
        (285, [&addresses[..], &[9; 8], &[8, 0]].concat()),
    ] {
        assert_eq!(assert_inner(link, &[&from_switch[..], &ip].concat()).macs, [[2; 6]; 2]);
    }
    assert_inner(1, &ether(0x8903, &[&[0, 1], &ether(0x0800, &ip)[..]].concat()));
}

#[test]
fn wireless_frames() {
    let (addresses, body) = ([0; 22], snap(&inner()));
    let plain = [&[0x08, 1][..], &addresses, &body].concat();
    let quality = [&[0x88, 2][..], &addresses, &[0, 0], &body].concat();
    let between = [&[0x88, 3][..], &addresses, &[0; 6], &[0, 0], &body].concat();
    let ordered = [&[0x88, 0x82][..], &addresses, &[0, 0, 9, 9, 9, 9], &body].concat();
    let several = [&[0x88, 2][..], &addresses, &[0x80, 0], &[0; 14], &body].concat();
    for frame in [&plain, &quality, &between, &ordered, &several] {
        assert_inner(105, frame);
        assert_inner(127, &[&[0, 0, 8, 0, 0, 0, 0, 0], &frame[..]].concat());
        assert_inner(119, &[&[0x44; 144][..], frame].concat());
        assert_inner(163, &[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], frame].concat());
        assert_inner(192, &[&[0, 0, 8, 0, 105, 0, 0, 0], &frame[..]].concat());
    }
    // The flags, which here say that the header is padded, stand behind a second word of fields and a time.
    let padded = [&[0x88, 2][..], &addresses, &[0, 0], &[0, 0], &body].concat();
    let head = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x20];
    assert_inner(127, &[&head, &padded[..]].concat());
    assert_inner(127, &[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &padded[..]].concat());
    // No data, data that is empty, encrypted.
    for (control, cause) in [([0x80, 0], Cause::NotIp), ([0x48, 0], Cause::NotIp), ([8, 0x40], Cause::Encrypted)] {
        assert_eq!(decode(105, &[&control, &plain[2..]].concat()), Err(cause));
    }
}

#[test]
fn wireless_frames_on_their_way_to_the_controller() {
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner()].concat();
    let wrapped = |control: [u8; 2]| [&[0, 0x10, 0x43, 0, 0, 0, 0, 0][..], &control, &[0; 22], &snap].concat();
    for control in [[0x08, 0x01], [0x02, 0x08]] {
        let packet = assert_inner(101, &ipv4(8, 9, 17, &udp(5247, 9, &wrapped(control))));
        assert_eq!(packet.tunnel.kind, Kind::Capwap);
    }
    // A beacon that is sent again is none of these, and a frame in the tunnel that is no data leaves the tunnel's own flow.
    assert_eq!(decode(105, &[&[0x80, 0x08][..], &[0; 40]].concat()), Err(Cause::NotIp));
    let packet = decode(101, &ipv4(8, 9, 17, &udp(9, 5247, &wrapped([0x80, 0])))).expect("a flow");
    assert_eq!((packet.dst_port, packet.tunnel.kind), (5247, Kind::None));
    // A whole frame, and the second piece of one.
    let whole = [&[0, 0x10, 0x42, 0, 0, 0, 0, 0][..], &ether(0x0800, &inner())].concat();
    assert_inner(101, &ipv4(8, 9, 17, &udp(9, 5247, &whole)));
    let mut piece = whole;
    (piece[3], piece[7]) = (0x80, 8);
    assert_eq!(decode(101, &ipv4(8, 9, 17, &udp(9, 5247, &piece))).expect("a flow").dst_port, 5247);
}
