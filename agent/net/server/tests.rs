//! The server against clients that mean no good, over loopback.

use super::*;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Answers the length of the body, or what was wrong with it; waits where the path says so.
struct Echo;

impl Handler for Echo {
    async fn answer(&self, mut request: Request) -> Response {
        if request.path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        match request.body(1 << 20, &[Coding::Gzip, Coding::Zlib, Coding::Snappy]).await {
            Ok(body) => answer(200, "text/plain", format!("{} {}", body.len(), request.query("q").unwrap_or_default())),
            Err(BodyError::TooLarge) => answer(413, "text/plain", "large"),
            Err(BodyError::Timeout) => answer(408, "text/plain", "late"),
            Err(e) => answer(400, "text/plain", e.to_string()),
        }
    }
}

struct Server {
    at: std::net::SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

async fn start(limits: Limits) -> Server {
    let listener = Listener::bind(&Address::parse("127.0.0.1:0", "tcp").unwrap(), None).await.unwrap();
    let (at, stop) = (listener.local().unwrap(), CancellationToken::new());
    let done = tokio::spawn(serve(listener, None, limits, Arc::new(Echo), stop.clone().cancelled_owned()));
    Server { at, stop, done }
}

fn quick() -> Limits {
    Limits { connections: 50, read: Duration::from_millis(400), write: Duration::from_millis(400) }
}

/// Sends all at once and gives what comes back until the other side closes.
async fn talk(at: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(at).await.unwrap();
    // The server may have answered and closed before all is sent.
    let _refused = client.write_all(bytes).await;
    let mut back = Vec::new();
    let _reset = client.read_to_end(&mut back).await;
    String::from_utf8_lossy(&back).into_owned()
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8], headers: &str) -> Vec<u8> {
    let mut out = format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(100_000) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

#[tokio::test]
async fn bodies_within_bounds() {
    let server = start(quick()).await;
    let mega = vec![b'x'; 1 << 20];
    assert!(talk(server.at, &post("/?q=a%20b+c", "", b"hello")).await.ends_with("5 a b c"));
    assert!(talk(server.at, &post("/", "", &mega)).await.ends_with("1048576 "));
    assert!(talk(server.at, &chunked(&mega, "Connection: close\r\n")).await.ends_with("1048576 "));
    assert!(talk(server.at, &post("/", "Content-Encoding: gzip\r\n", &gzip(&mega))).await.ends_with("1048576 "));
    assert!(talk(server.at, &post("/", "Content-Encoding: what\r\n", b"plain")).await.ends_with("5 "));
    assert!(talk(server.at, &post("/", "Content-Encoding: gzip\r\n", b"plain")).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn bodies_beyond_bounds() {
    let server = start(quick()).await;
    let much = vec![b'x'; (1 << 20) + 1];
    for request in [
        post("/", "", &much),
        chunked(&much, "Connection: close\r\n"),
        post("/", "Content-Encoding: gzip\r\n", &gzip(&vec![0; 256 << 20])),
        chunked(&gzip(&much), "Connection: close\r\nContent-Encoding: gzip\r\n"),
        // Announced only: nobody waits for what never comes.
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
    ] {
        let begun = Instant::now();
        let back = talk(server.at, &request).await;
        assert!(back.starts_with("HTTP/1.1 413"), "{back:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_client_that_dawdles_is_cut_off() {
    let server = start(quick()).await;
    let begun = Instant::now();
    // A head that never ends, a body that never comes, and a client that says nothing at all.
    assert_eq!(talk(server.at, b"POST / HTTP/1.1\r\nHos").await.split("\r\n").next(), Some(""));
    let late = talk(server.at, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    assert!(late.starts_with("HTTP/1.1 408"), "{late:?}");
    assert_eq!(talk(server.at, b"").await, "");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let server = start(quick()).await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(TcpStream::connect(server.at).await.unwrap());
    }
    // Behind ten rounds of idle ones, each cut off after its time.
    drop(idle.split_off(200));
    assert!(talk(server.at, &post("/", "", b"hello")).await.ends_with("5 "));
}

#[tokio::test]
async fn a_request_in_flight_gets_its_answer_at_the_stop() {
    let server = start(Limits::default()).await;
    let mut idle = TcpStream::connect(server.at).await.unwrap();
    let at = server.at;
    let asked = tokio::spawn(async move { talk(at, &post("/slow", "", b"hello")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    server.stop.cancel();
    server.done.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(asked.await.unwrap().ends_with("5 "));
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    let server = start(quick()).await;
    let mut seed = 7u64;
    for _ in 0..200 {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        };
        let len = usize::from(next()) + 1;
        let bytes: Vec<u8> = std::iter::repeat_with(next).take(len).collect();
        let mut client = TcpStream::connect(server.at).await.unwrap();
        let _refused = client.write_all(&bytes).await;
    }
    assert!(talk(server.at, &post("/", "", b"hello")).await.ends_with("5 "));
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_in_the_file_system() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.sock");
    let address = Address::parse(&format!("unix://{}", path.display()), "tcp").unwrap();
    // One that a crash left behind is no obstacle.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::bind(&address, socket_mode("600").unwrap()).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let stop = CancellationToken::new();
    let done = tokio::spawn(serve(listener, None, quick(), Arc::new(Echo), stop.clone().cancelled_owned()));
    let mut client = tokio::net::UnixStream::connect(&path).await.unwrap();
    client.write_all(&post("/", "", b"hello")).await.unwrap();
    let mut back = String::new();
    client.read_to_string(&mut back).await.unwrap();
    assert!(back.ends_with("5 "));
    stop.cancel();
    done.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn packets_come_many_at_a_time() {
    let packets = Packets::bind(&Address::parse("udp://127.0.0.1:0", "udp").unwrap(), None, None).await.unwrap();
    let (at, waker, drops) = (packets.local().unwrap(), packets.waker(), packets.drops());
    let (seen, counted) = std::sync::mpsc::channel();
    let receiver = std::thread::spawn(move || {
        let (mut packets, mut got) = (packets.receiver(), Vec::new());
        while packets.receive().unwrap() > 0 {
            for packet in packets.iter() {
                assert_eq!(packet.from, Some(std::net::Ipv4Addr::LOCALHOST.into()));
                got.push(packet.bytes.to_vec());
            }
            seen.send(got.len()).unwrap();
        }
        got
    });
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for i in 0..100u32 {
        client.send_to(&vec![i as u8; i as usize * 600], at).unwrap();
    }
    while counted.recv_timeout(Duration::from_secs(5)).unwrap() < 100 {}
    waker.wake();
    let got = receiver.join().unwrap();
    assert_eq!(got.len(), 100);
    assert!(got.iter().enumerate().all(|(i, p)| p.len() == i * 600 && p.iter().all(|b| *b == i as u8)));
    if let Some(drops) = drops {
        assert_eq!(drops.read(), None, "the socket is gone");
    }
}

/// Binds what a plugin binds that takes the place of the one with the sockets `before`.
async fn bind(before: Option<&Sockets>) -> (Sockets, Listener) {
    let leaving = Arc::new(Leaving::default());
    before.into_iter().for_each(|sockets| leaving.add(sockets));
    let (sockets, address) = (Sockets::default(), Address::parse("127.0.0.1:0", "tcp").unwrap());
    let listener = sockets.open(&leaving, Listener::bind(&address, None)).await.unwrap();
    (sockets, listener)
}

/// A connection to a listener, and its client.
async fn connection(to: &Listener) -> (Moving, TcpStream) {
    let client = TcpStream::connect(to.local().unwrap()).await.unwrap();
    let (stream, peer) = to.accept().await.unwrap();
    (Moving { stream, peer, unpacker: Unpacker::new(Coding::Identity).unwrap(), rest: Vec::new() }, client)
}

#[tokio::test]
async fn connections_go_to_whoever_has_the_socket_in_the_end() {
    let (of_first, first) = bind(None).await;
    // The first that takes it over comes to nothing.
    drop(bind(Some(&of_first)).await);
    of_first.hand_over();
    assert!(!first.is_handed_over());

    let (of_second, second) = bind(Some(&of_first)).await;
    let (one, mut client_one) = connection(&first).await;
    let one = first.hand_on(one).unwrap_err();
    of_first.hand_over();
    assert!(first.is_handed_over());
    first.hand_on(*one).unwrap();

    // The second leaves before it has taken that, and before the first has given all.
    let (of_third, third) = bind(Some(&of_second)).await;
    of_second.hand_over();
    drop(second);
    let (two, mut client_two) = connection(&third).await;
    first.hand_on(two).unwrap();
    for client in [&mut client_one, &mut client_two] {
        let mut moving = third.handed_on().await;
        assert_eq!(moving.peer.0, client.local_addr().ok());
        moving.stream.write_all(b"here").await.unwrap();
        let mut back = [0; 4];
        client.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"here");
    }

    let (three, _client) = connection(&third).await;
    drop((third, of_third));
    first.relay().ended().await;
    assert!(first.hand_on(three).is_err());
}

#[tokio::test]
async fn idle_clients_are_answered_as_long_as_another_goes_on() {
    let limits = Limits { read: Duration::from_secs(20), ..Limits::default() };
    let (sockets, listener) = bind(None).await;
    let (at, stop) = (listener.local().unwrap(), CancellationToken::new());
    let server = tokio::spawn(serve(listener, None, limits, Arc::new(Echo), stop.clone().cancelled_owned()));
    let (mut asks, mut idle) = (TcpStream::connect(at).await.unwrap(), TcpStream::connect(at).await.unwrap());
    // Both are accepted once they have been answered.
    let post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    let mut back = [0; 4096];
    for client in [&mut asks, &mut idle] {
        client.write_all(post).await.unwrap();
        assert!(client.read(&mut back).await.unwrap() > 0);
    }
    let (_sockets, successor) = bind(Some(&sockets)).await;
    sockets.hand_over();
    stop.cancel();
    asks.write_all(post).await.unwrap();
    let mut answer = Vec::new();
    asks.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("connection: close") && answer.ends_with("5 "), "{answer}");
    assert!(!server.is_finished());

    // When the run ends nobody waits for those who say nothing.
    drop(successor);
    assert_eq!(idle.read(&mut back).await.unwrap(), 0);
    tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap();
}
