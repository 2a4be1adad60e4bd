//! Flows of a few packets, put together, damaged and mixed; captures that nobody here made are in the tests of the agent.

use super::*;
use crate::decode::Random;

const CLIENT: (u128, u16) = (0x0a00_0001, 50_000);

fn packet(protocol: u8, port: u16, back: bool, sequence: u32) -> Packet {
    let (src, dst) = if back { ((0x0a00_0002, port), CLIENT) } else { (CLIENT, (0x0a00_0002, port)) };
    Packet {
        protocol,
        src: src.0,
        dst: dst.0,
        src_port: src.1,
        dst_port: dst.1,
        sequence,
        tcp_header: true,
        ..Packet::default()
    }
}

/// The flow of those packets.
fn take(inspector: &mut Inspector, protocol: u8, port: u16) -> Metadata {
    let mut table = crate::Table::new(crate::flow::Settings::default());
    table.add(&[(packet(protocol, port, false, 0), 0, 0)].into_iter().collect());
    let mut flow = None;
    table.finish(&mut |f| flow = Some(f));
    inspector.take(&flow.unwrap(), false)
}

/// A message of the handshake around a body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn sized(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes()[..], body].concat()
}

fn extension(number: u16, body: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &sized(body)].concat()
}

/// The client's hello that FoxIO's description of JA4 works through, with its GREASE.
fn hello(name: &str) -> Vec<u8> {
    let ciphers = [
        0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
        0x002f, 0x0035u16,
    ];
    let ciphers: Vec<u8> = ciphers.into_iter().flat_map(u16::to_be_bytes).collect();
    let signatures: Vec<u8> = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601u16]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    let server = [&[0][..], &sized(name.as_bytes())].concat();
    let extensions = [
        extension(0x2a2a, &[]),
        extension(0x001b, &[2, 0, 2]),
        extension(0x0000, &sized(&server)),
        extension(0x0033, &[0, 0]),
        extension(0x0010, &sized(b"\x02h2\x08http/1.1")),
        extension(0x4469, &[]),
        extension(0x0017, &[]),
        extension(0x002d, &[1, 1]),
        extension(0x000d, &sized(&signatures)),
        extension(0x0005, &[1, 0, 0, 0, 0]),
        extension(0x0023, &[]),
        extension(0x0012, &[]),
        extension(0x002b, &[6, 0x3a, 0x3a, 3, 4, 3, 3]),
        extension(0xff01, &[0]),
        extension(0x000b, &[1, 0]),
        extension(0x000a, &sized(&[0x4a, 0x4a, 0, 29, 0, 23, 0, 24])),
        extension(0x0015, &[0; 200]),
    ]
    .concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &sized(&ciphers), &[1, 0], &sized(&extensions)].concat();
    message(1, &body)
}

fn server_hello(version: u8) -> Vec<u8> {
    let extensions = match version {
        4 => extension(43, &[3, 4]),
        _ => extension(16, &sized(b"\x08http/1.1")),
    };
    message(2, &[&[3, 3][..], &[9; 32], &[0], &[0x13, 1, 0], &sized(&extensions)].concat())
}

fn record(message: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &sized(message)].concat()
}

#[test]
fn a_handshake_over_tcp() {
    let mut inspector = Inspector::new(10);
    inspector.packet(0, &packet(6, 443, false, 1), &record(&hello("example.org")));
    inspector.packet(1, &packet(6, 443, true, 1), &record(&server_hello(4)));
    let tls = take(&mut inspector, 6, 443).tls.unwrap();
    assert_eq!(
        (tls.server_name.as_deref(), tls.alpn.as_deref(), tls.version),
        (Some("example.org"), Some("h2"), 0x304)
    );
    // FoxIO's description: t13d1516h2_8daaf6152771_e5627efa2ab1.
    assert_eq!(&*tls.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    // MD5 of "771,4865-4866-4867-[...]-47-53,27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0", by md5sum.
    assert_eq!(&*tls.ja3, "c000e2caf3a25423f9de6c8a4b12a975");
    assert_eq!(take(&mut inspector, 6, 443), Metadata::default(), "it was taken");
}

#[test]
fn what_the_server_chose_counts() {
    for (first, second) in [(false, true), (true, false)] {
        let mut inspector = Inspector::new(10);
        for back in [first, second] {
            let message = if back { server_hello(3) } else { hello("a.example") };
            inspector.packet(0, &packet(6, 443, back, 1), &record(&message));
        }
        let tls = take(&mut inspector, 6, 443).tls.unwrap();
        assert_eq!((tls.alpn.as_deref(), tls.version), (Some("http/1.1"), 0x303));
        assert_eq!((tls.server_name.as_deref(), tls.ja4.is_empty()), (Some("a.example"), false));
    }
}

#[test]
fn a_hello_in_pieces_of_any_order() {
    let plain = hello("example.org");
    // In two records, the second of which begins within the message.
    let stream = [record(&plain[..100]), record(&plain[100..])].concat();
    let mut random = Random(5);
    for _ in 0..300 {
        let mut cuts: Vec<usize> = (0..random.below(8)).map(|_| 10 + random.below(stream.len() - 10)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut pieces: Vec<(usize, &[u8])> = cuts.windows(2).map(|w| (w[0], &stream[w[0]..w[1]])).collect();
        // The first has to come first: nothing else says that this is TLS.
        let first = pieces.remove(0);
        for i in (1..pieces.len()).rev() {
            pieces.swap(i, random.below(i + 1));
        }
        let mut inspector = Inspector::new(10);
        let start = u32::MAX - 50;
        for (at, piece) in std::iter::once(first).chain(pieces) {
            inspector.packet(0, &packet(6, 443, false, start.wrapping_add(at as u32)), piece);
        }
        assert_eq!(take(&mut inspector, 6, 443).tls.unwrap().server_name.as_deref(), Some("example.org"), "{cuts:?}");
        assert!(inspector.open.iter().all(HashMap::is_empty));
    }
}

#[test]
fn a_hello_in_short_records() {
    for length in [1, 2, 5] {
        let stream: Vec<u8> = hello("example.org").chunks(length).flat_map(record).collect();
        let mut inspector = Inspector::new(10);
        inspector.packet(0, &packet(6, 443, false, 1), &stream);
        assert_eq!(take(&mut inspector, 6, 443).tls.unwrap().server_name.as_deref(), Some("example.org"), "{length}");
    }
}

#[test]
fn a_handshake_in_quic() {
    let message = hello("quic.example");
    let frame = |at: usize, piece: &[u8]| {
        let mut frame = vec![6, 0x40 | (at >> 8) as u8, at as u8, 0x40 | (piece.len() >> 8) as u8, piece.len() as u8];
        frame.extend(piece);
        frame
    };
    let middle = message.len() / 2;
    let packets = [
        quic::tests::seal(1, b"12345678", 1, &frame(middle, &message[middle..])),
        quic::tests::seal(1, b"12345678", 0, &frame(0, &message[..middle])),
    ];
    let mut inspector = Inspector::new(10);
    for sealed in &packets {
        inspector.packet(0, &packet(17, 443, false, 0), sealed);
    }
    let tls = take(&mut inspector, 17, 443).tls.unwrap();
    assert_eq!((tls.server_name.as_deref(), tls.quic, tls.version), (Some("quic.example"), Some(1), 0x304));
    assert!(tls.ja4.starts_with("q13d1516h2_"));
}

fn dns(id: u16, flags: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = [id, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend([kind, 1].map(u16::to_be_bytes).concat());
    bytes
}

#[test]
fn questions_and_answers() {
    for (protocol, port) in [(17, 53), (6, 53), (17, 5353)] {
        let mut inspector = Inspector::new(10);
        for (time, back, message) in [
            (1_000, false, dns(1, 0x100, "www.example", 1)),
            (1_500, false, dns(2, 0x100, "www.example", 28)),
            (3_000, true, dns(2, 0x8180, "www.example", 28)),
            (5_000, true, dns(1, 0x8183, "www.example", 1)),
            (9_000, true, dns(1, 0x8180, "www.example", 1)),
        ] {
            let data = if protocol == 6 { sized(&message) } else { message };
            inspector.packet(time, &packet(protocol, port, back, 1), &data);
        }
        let dns = take(&mut inspector, protocol, port).dns.unwrap();
        assert_eq!(
            (&*dns.query, dns.kind, dns.code, dns.latency, dns.queries),
            ("www.example", 1, Some(3), Some(4_000), 2)
        );
    }
    let mut inspector = Inspector::new(10);
    inspector.packet(5, &packet(17, 53, true, 0), &dns(1, 0x8180, "late.example", 1));
    let dns = take(&mut inspector, 17, 53).dns.unwrap();
    assert_eq!((dns.code, dns.latency, dns.queries), (Some(0), None, 0));
}

#[test]
fn requests_and_responses() {
    let mut inspector = Inspector::new(10);
    for (back, sequence, data) in [
        (false, 1, &b"POST /a HTTP/1.1\r\nAccept: "[..]),
        (true, 1, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (false, 27, b"*/*\r\nHost: example.org\r\n\r\n"),
        (true, 26, b"HTTP/1.1 201 Created\r\n\r\n"),
        (false, 53, b"GET /b HTTP/1.1\r\nHost: other\r\n\r\n"),
        (true, 50, b"HTTP/1.1 404 Not Found\r\n\r\n"),
    ] {
        inspector.packet(0, &packet(6, 80, back, sequence), data);
    }
    let http = take(&mut inspector, 6, 80).http.unwrap();
    assert_eq!((http.method.as_deref(), http.host.as_deref()), (Some("POST"), Some("example.org")));
    assert_eq!((http.status, http.requests), (Some(201), 2));
}

#[test]
fn flows_and_streams_are_bounded() {
    let mut inspector = Inspector::new(100);
    for n in 0..5000u32 {
        let mut side = packet(6, 443, false, 1);
        side.src = u128::from(n);
        inspector.packet(0, &side, &record(&hello("x"))[..50]);
        side.dst_port = 80;
        inspector.packet(0, &side, b"GET / HTTP/1.1\r\n\r\n");
    }
    assert!(inspector.open.iter().map(HashMap::len).sum::<usize>() <= 2 * OPEN);
    let known: Vec<usize> = inspector.known.iter().map(HashMap::len).collect();
    assert!(known.iter().all(|n| *n <= 100) && known.iter().sum::<usize>() >= 100, "{known:?}");
}

#[test]
fn the_next_flow_of_the_same_ends() {
    for (anew, host) in [(false, "first"), (true, "second")] {
        let mut inspector = Inspector::new(10);
        if anew {
            inspector = inspector.anew();
        }
        for host in ["first", "second"] {
            inspector.packet(0, &Packet { tcp_flags: 2, ..packet(6, 80, false, 0) }, b"");
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            inspector.packet(0, &packet(6, 80, false, 1), request.as_bytes());
        }
        assert_eq!(take(&mut inspector, 6, 80).http.unwrap().host.as_deref(), Some(host));
        for (time, name) in [(0, "first"), (30, "again"), (100, "second")] {
            inspector.packet(time * 1_000_000_000, &packet(17, 53, false, 0), &dns(1, 0x100, name, 1));
        }
        assert_eq!(&*take(&mut inspector, 17, 53).dns.unwrap().query, host);
    }
}

#[test]
fn damaged_packets_do_no_harm() {
    let seeds = [
        (6, 443, record(&hello("example.org"))),
        (6, 443, record(&server_hello(4))),
        (6, 80, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        (17, 53, dns(1, 0x100, "www.example", 1)),
        (17, 443, quic::tests::seal(1, b"12345678", 0, &[6, 0, 4, 1, 0, 0, 0])),
    ];
    let mut random = Random(9);
    let mut inspector = Inspector::new(1000);
    for _ in 0..20_000 {
        let (protocol, port, seed) = &seeds[random.below(seeds.len())];
        let mut data = seed.clone();
        for _ in 0..random.below(4) {
            let at = random.below(data.len());
            data[at] = random.below(256) as u8;
        }
        data.truncate(random.below(data.len() + 1));
        let sequence = random.below(2000) as u32;
        inspector.packet(0, &packet(*protocol, *port, random.below(2) == 0, sequence), &data);
    }
}
