//! Loopback, captured through the ring and through libpcap: both give the same.
//!
//! Capturing needs CAP_NET_RAW, the second way libpcap. Where one of them is missing the test says so and does what is left.

use super::*;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const OPTIONS: Options = Options { promiscuous: false, ring: 1 << 20, snaplen: 2048 };
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends datagrams to itself.
struct Sender {
    socket: UdpSocket,
    port: u16,
}

impl Sender {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        Sender { socket, port }
    }

    fn send(&self, payload: &[u8]) {
        self.socket.send_to(payload, ("127.0.0.1", self.port)).expect("loopback takes it");
    }

    /// Loopback by all ways that there are here, which see only what this sends: the first half by an expression, the second by a program.
    fn captures(&self, options: Options) -> Vec<(&'static str, Capture)> {
        let mut open = Vec::new();
        // Ethernet, IPv4 without options, UDP, and the port where it was sent to.
        let port = self.port;
        let text = format!(
            "8, 40 0 0 12, 21 0 5 2048, 48 0 0 23, 21 0 3 17, 40 0 0 36, 21 0 1 {port}, 6 0 0 {}, 6 0 0 0",
            options.snaplen
        );
        let program = Filter::parse(&text).expect("a filter");
        let expression = format!("udp dst port {port}");
        let mut keep = |way, capture: std::io::Result<Capture>| match capture {
            Ok(capture) => open.push((way, capture)),
            Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
                eprintln!("left out: {way}: {e}")
            }
            Err(e) => panic!("{way}: {e}"),
        };
        keep("ring, program", Ring::open("lo", options, Some(&program)).map(Capture::Ring));
        let session = |choose: &dyn Fn(&mut Session) -> Result<(), String>| {
            let mut session = Session::open("lo", options)?;
            choose(&mut session).expect("a filter");
            Ok(Capture::Session(session))
        };
        keep("libpcap, program", session(&|session| session.filter(&program)));
        keep("libpcap, expression", session(&|session| session.want(&expression)));
        if let Ok(compiled) = compile(&expression, 1, options.snaplen) {
            keep("ring, expression", Ring::open("lo", options, Some(&compiled)).map(Capture::Ring));
        }
        open
    }
}

/// What came in until there is so much of it, or nothing more comes: payload, length on the wire, time.
fn collect(capture: &mut Capture, wanted: usize) -> Vec<(Vec<u8>, u32, i64)> {
    let (mut all, since) = (Vec::new(), Instant::now());
    loop {
        let each = |frame: Frame<'_>| {
            if !frame.outgoing {
                all.push((frame.bytes.get(42..).unwrap_or_default().to_vec(), frame.wire, frame.time));
            }
        };
        let some = capture.each(PATIENCE, each).expect("packets");
        // Also when all is there it is looked whether that was all.
        if (!some && all.len() >= wanted) || since.elapsed() > Duration::from_secs(10) {
            return all;
        }
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64
}

#[test]
fn every_packet_once_and_in_order() {
    let sender = Sender::new();
    let other = Sender::new();
    let mut captures = sender.captures(OPTIONS);
    let begun = now();
    let payload = |n: usize| (0..n % 1400 + 2).map(|at| (n >> (at % 2 * 8)) as u8).collect::<Vec<u8>>();
    for n in 0..300 {
        sender.send(&payload(n));
        other.send(b"not wanted");
    }
    for (way, capture) in &mut captures {
        let all = collect(capture, 300);
        assert_eq!(all.len(), 300, "{way}");
        for (n, (bytes, wire, time)) in all.iter().enumerate() {
            assert_eq!((bytes, *wire as usize), (&payload(n), payload(n).len() + 42), "{way}: {n}");
            // The clock of packets and that of programs may differ by a tick.
            assert!((begun - 20_000_000..=now()).contains(time), "{way}: {time}");
        }
        assert_eq!(capture.drops().expect("counts").dropped, 0, "{way}");
    }
}

#[test]
fn long_packets_are_cut() {
    let sender = Sender::new();
    let mut captures = sender.captures(Options { snaplen: 64, ..OPTIONS });
    sender.send(&[7; 1000]);
    for (way, capture) in &mut captures {
        let all = collect(capture, 1);
        assert_eq!((all.len(), &all[0].0, all[0].1), (1, &vec![7; 64 - 42], 1042), "{way}");
    }
}

#[test]
fn what_has_no_room_is_counted() {
    let sender = Sender::new();
    let mut captures = sender.captures(Options { ring: 1 << 19, ..OPTIONS });
    for _ in 0..2000 {
        sender.send(&[7; 1400]);
    }
    for (way, capture) in &mut captures {
        let read = collect(capture, 0).len() as u32;
        let drops = capture.drops().expect("counts");
        assert!(drops.dropped > 0 && read > 0 && read + drops.dropped >= 2000, "{way}: {read} and {drops:?}");
        assert_eq!(capture.drops().expect("counts").dropped, 0, "{way}: counts are those since the last call");
    }
}

#[test]
fn waiting_ends_in_time() {
    let sender = Sender::new();
    let mut captures = sender.captures(OPTIONS);
    for (way, capture) in &mut captures {
        let begun = Instant::now();
        let none = |frame: Frame<'_>| panic!("{way}: nobody has sent {frame:?}");
        assert!(!capture.each(PATIENCE, none).expect("packets"), "{way}");
        let waited = begun.elapsed();
        assert!(waited >= PATIENCE / 2 && waited < Duration::from_secs(1), "{way}: {waited:?}");
    }
}

#[test]
fn links() {
    for (way, capture) in Sender::new().captures(OPTIONS) {
        if let Capture::Session(session) = capture {
            assert_eq!((session.link(), session.warning()), (1, None), "{way}");
        }
    }
}

#[test]
fn what_cannot_be_opened() {
    let error = Ring::open("no such one", OPTIONS, None).expect_err("there is none");
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    match Session::open("no such one", OPTIONS).expect_err("there is none") {
        e if e.kind() == ErrorKind::Unsupported => eprintln!("left out: {e}"),
        // Who may not capture is told that first.
        e => assert!(matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied), "{e:?}"),
    }
}
