//! The server over loopback.

use super::*;
use crate::testing::{Running, env};
use agent_net::server::{Leaving, Sockets};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(address: &str, own: impl FnOnce(&mut Settings)) -> (Option<SocketAddr>, Running) {
    let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
    settings.own.service_address = address.to_owned();
    own(&mut settings.own);
    let mut plugin = SocketListener::new(settings, &env("inputs.socket_listener", "influx")).unwrap();
    plugin.open().await.unwrap();
    let at = match plugin.bound.as_ref().unwrap() {
        Bound::Packets(p) => p.local(),
        Bound::Connections(c) => c.local(),
    };
    (at, Running::start(plugin))
}

const TCP: &str = "tcp://127.0.0.1:0";
const UDP: &str = "udp://127.0.0.1:0";

async fn connect(at: Option<SocketAddr>) -> TcpStream {
    TcpStream::connect(at.unwrap()).await.unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

#[tokio::test]
async fn lines_in_pieces_with_a_bad_one_between() {
    let (at, server) = start(TCP, |_| {}).await;
    let mut client = connect(at).await;
    for piece in ["a v=1 1\r\na v", "=2 2\nbad line\na v=", "3 3\n\na v=4 4"] {
        client.write_all(piece.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    drop(client);
    let lines = server.kept.wait(|l| l.len() == 4).await;
    assert_eq!(lines, ["a v=1 1", "a v=2 2", "a v=3 3", "a v=4 4"]);
    server.interval().await;
    server.interval().await;
    let errors = server.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("\"bad line\""), "{errors:?}");
}

#[tokio::test]
async fn other_delimiters() {
    for (own, stream) in [
        (
            (|s: &mut Settings| s.splitting_strategy = "null".to_owned()) as fn(&mut Settings),
            b"a v=1 1\0a v=2 2\0".as_slice(),
        ),
        (
            |s| (s.splitting_strategy, s.splitting_delimiter) = ("delimiter".to_owned(), "##".to_owned()),
            b"a v=1 1##a v=2 2##",
        ),
        (|s| (s.splitting_strategy, s.splitting_length) = ("fixed length".to_owned(), 8), b"a v=1 1 a v=2 2 "),
    ] {
        let (at, server) = start(TCP, own).await;
        connect(at).await.write_all(stream).await.unwrap();
        assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
        assert!(server.stop().await.errors().is_empty());
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_passed_over() {
    let (at, server) = start(TCP, |_| {}).await;
    let mut client = connect(at).await;
    client.write_all(b"a v=1 1\n").await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        client.write_all(&piece).await.unwrap();
    }
    client.write_all(b"\na v=2 2\n").await.unwrap();
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
    let errors = server.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("longer than"), "{errors:?}");
}

#[tokio::test]
async fn what_was_good_before_the_lengths_were_lost_is_kept() {
    let (at, server) = start(TCP, |s| {
        s.splitting_strategy = "variable length".to_owned();
        s.splitting_length_field = LengthField { offset: 0, bytes: 4, endianness: "be".to_owned(), header_length: 4 };
    })
    .await;
    // One write, so that all of it is there at the first reading.
    let stream = b"\0\0\0\x07a v=1 1\0\0\0\x07a v=2 2\xff\xff\xff\xffa v=3 3";
    connect(at).await.write_all(stream).await.unwrap();
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
    let errors = server.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("split messages"), "{errors:?}");
}

#[tokio::test]
async fn a_packed_stream() {
    let (at, server) = start(TCP, |s| s.content_encoding = "gzip".to_owned()).await;
    let text: String = (0..20_000).map(|i| format!("a v={i} {i}\n")).collect();
    connect(at).await.write_all(&gzip(text.as_bytes())).await.unwrap();
    let lines = server.kept.wait(|l| l.len() == 20_000).await;
    assert_eq!(lines.last().unwrap(), "a v=19999 19999");
    connect(at).await.write_all(b"no gzip at all").await.unwrap();
    for _ in 0..200 {
        if !server.kept.errors().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(server.stop().await.errors().len(), 1);
}

/// Sends the first bytes to a listener, puts another in its place, as a reload does, and sends the rest.
async fn replaced(pieces: [&[u8]; 2], coding: &'static str, other: fn(&mut Settings)) -> (Vec<String>, Vec<String>) {
    let (sockets, leaving) = (Sockets::default(), Arc::new(Leaving::default()));
    let (at, before) = sockets.open(&leaving, start(TCP, |s| s.content_encoding = coding.to_owned())).await;
    let mut client = connect(at).await;
    client.write_all(pieces[0]).await.unwrap();
    before.kept.wait(|l| l.len() == 1).await;
    leaving.add(&sockets);
    let (again, after) = Sockets::default().open(&leaving, start(TCP, other)).await;
    assert_eq!(again, at);
    sockets.hand_over();
    let mut errors = before.stop().await.errors();
    // An error of the first write after an end comes with the second.
    for bytes in pieces[1].chunks(2) {
        client.write_all(bytes).await.unwrap();
    }
    drop(client);
    let lines = after.kept.wait(|l| l.len() == 2).await;
    errors.extend(after.stop().await.errors());
    (lines, errors)
}

#[tokio::test]
async fn connections_go_to_the_listener_that_takes_the_place() {
    // In the middle of a message that then ends by the rules of the new one.
    let null = |s: &mut Settings| s.splitting_strategy = "null".to_owned();
    let (lines, errors) = replaced([b"a v=1 1\na v=", b"2 2\0a v=3 3\0"], "identity", null).await;
    assert_eq!((lines, errors), (vec!["a v=2 2".to_owned(), "a v=3 3".to_owned()], vec![]));

    // In the middle of what is packed, which goes on as it began.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let text = [b"a v=1 1\na v=".as_slice(), b"2 2\na v=3 3\n"];
    let pieces = text.map(|piece| {
        use std::io::Write;
        packed.write_all(piece).unwrap();
        packed.flush().unwrap();
        std::mem::take(packed.get_mut())
    });
    let (lines, errors) = replaced([&pieces[0], &pieces[1]], "gzip", |_| {}).await;
    assert_eq!((lines, errors), (vec!["a v=2 2".to_owned(), "a v=3 3".to_owned()], vec![]));
}

#[tokio::test]
async fn a_connection_that_may_not_send_any_more_is_closed() {
    let (sockets, leaving) = (Sockets::default(), Arc::new(Leaving::default()));
    let (at, before) = sockets.open(&leaving, start(TCP, |_| {})).await;
    let mut client = connect(at).await;
    client.write_all(b"a v=1 1\n").await.unwrap();
    before.kept.wait(|l| l.len() == 1).await;
    leaving.add(&sockets);
    let other = |s: &mut Settings| s.allowed_sources = vec!["192.0.2.1".to_owned()];
    let (_, after) = Sockets::default().open(&leaving, start(TCP, other)).await;
    sockets.hand_over();
    before.stop().await;
    assert_eq!(client.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(after.stop().await.errors().is_empty());
}

#[tokio::test]
async fn who_may_connect_and_for_how_long() {
    let (at, server) = start(TCP, |s| {
        s.max_connections = 1;
        s.read_timeout = Duration::millis(300);
    })
    .await;
    let mut first = connect(at).await;
    first.write_all(b"a v=1 1\n").await.unwrap();
    server.kept.wait(|l| l.len() == 1).await;
    let mut second = connect(at).await;
    assert_eq!(second.read(&mut [0; 8]).await.unwrap_or(0), 0);
    // The first one is closed when nothing comes, and makes room.
    assert_eq!(first.read(&mut [0; 8]).await.unwrap_or(0), 0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    connect(at).await.write_all(b"a v=3 3\n").await.unwrap();
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=3 3"]);
    server.stop().await;

    let (at, server) = start(TCP, |s| s.allowed_sources = vec!["192.0.2.1".to_owned()]).await;
    let mut client = connect(at).await;
    assert_eq!(client.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(server.stop().await.lines().is_empty());
}

#[tokio::test]
async fn many_connections_at_a_time() {
    let (at, server) = start(TCP, |_| {}).await;
    let mut clients = Vec::new();
    for i in 0..300 {
        let mut client = connect(at).await;
        client.write_all(format!("a v={i} 1\n").as_bytes()).await.unwrap();
        clients.push(client);
    }
    assert_eq!(server.kept.wait(|l| l.len() == 300).await.len(), 300);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets() {
    let (at, server) = start(UDP, |s| s.allowed_sources = vec!["127.0.0.1".to_owned()]).await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in [b"a v=1 1\na v=2 2".as_slice(), b"", b"a t=\"open 1", b"a v=3 3\n", b"\xff\xfe v=4 4"] {
        client.send_to(packet, at.unwrap()).unwrap();
    }
    let lines = server.kept.wait(|l| l.len() >= 4).await;
    // A text that is not closed ends with its packet; bytes that are no UTF-8 are shown as such.
    assert_eq!(lines, ["a v=1 1", "a v=2 2", "a v=3 3", "\u{fffd}\u{fffd} v=4 4"]);
    server.interval().await;
    server.interval().await;
    let errors = server.stop().await.errors();
    assert!(!errors.is_empty() && errors.iter().all(|e| e.contains("parse packets")), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_packets_and_bombs() {
    let (at, server) = start(UDP, |s| {
        (s.content_encoding, s.max_decompression_size) = ("gzip".to_owned(), Size(1000));
    })
    .await;
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in [gzip(b"a v=1 1"), gzip(&vec![b'x'; 10 << 20]), b"plain".to_vec(), gzip(b"a v=2 2")] {
        client.send_to(&packet, at.unwrap()).unwrap();
    }
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
    server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_in_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let (grams, stream) = (folder.path().join("grams"), folder.path().join("stream"));
    let (_, server) = start(&format!("unixgram://{}", grams.display()), |s| s.socket_mode = "622".to_owned()).await;
    let client = std::os::unix::net::UnixDatagram::unbound().unwrap();
    client.send_to(b"a v=1 1\n", &grams).unwrap();
    client.send_to(b"a v=2 2", &grams).unwrap();
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
    server.stop().await;
    let (_, server) = start(&format!("unix://{}", stream.display()), |_| {}).await;
    tokio::net::UnixStream::connect(&stream).await.unwrap().write_all(b"a v=1 1\na v=2 2").await.unwrap();
    assert_eq!(server.kept.wait(|l| l.len() == 2).await, ["a v=1 1", "a v=2 2"]);
    server.stop().await;
    assert!(!grams.exists() && !stream.exists());
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for own in [
        |s: &mut Settings| s.content_encoding = "rot13".to_owned(),
        |s: &mut Settings| s.splitting_strategy = "delimiter".to_owned(),
        |s: &mut Settings| s.splitting_strategy = "fixed length".to_owned(),
        |s: &mut Settings| s.allowed_sources = vec!["localhost".to_owned()],
        |s: &mut Settings| s.service_address = "vsock://1:2".to_owned(),
    ] {
        let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
        own(&mut settings.own);
        assert!(SocketListener::new(settings, &Env::new("inputs.socket_listener")).is_err());
    }
}

#[test]
fn a_text_of_several_lines_may_come_in_any_pieces() {
    let stream = b"m a=\"one\ntwo\",b=\"# three\n\" 1\nm v=1 2\nm v=2 3";
    for step in [1, 2, 5, 100] {
        let Some(plugin::Build::Parser(make)) = plugin::find(plugin::Family::Parsers, "influx").map(|e| e.build) else {
            panic!("line protocol is there")
        };
        let parser = make(&Table::default(), &Env::new("test")).unwrap();
        let batch = fuzz::connection(parser, 0, stream, step);
        assert_eq!(batch.len(), 3, "in pieces of {step} bytes");
        assert_eq!(batch.at(0).field("a"), Some(Value::Str("one\ntwo")));
    }
}
