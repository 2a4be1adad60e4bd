//! The server over TLS, with HTTP/2 and without, against the client that our outputs use and against clients that mean no good.

use super::*;
use crate::tls::testing::Files;
use reqwest::{Client, Version};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Answers the length of the body. A request for `/slow` waits until it is let go.
#[derive(Default)]
struct Lengths {
    waiting: AtomicUsize,
    go: Notify,
}

impl Handler for Lengths {
    async fn answer(&self, mut request: Request) -> Response {
        if request.path() == "/slow" {
            let go = self.go.notified();
            self.waiting.fetch_add(1, SeqCst);
            go.await;
        }
        match request.body(1 << 20, &[]).await {
            Ok(body) => answer(200, "text/plain", body.len().to_string()),
            Err(BodyError::TooLarge) => answer(413, "text/plain", "large"),
            Err(e) => answer(400, "text/plain", e.to_string()),
        }
    }
}

struct Server {
    at: SocketAddr,
    lengths: Arc<Lengths>,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(files: &Files, offered: &[&str]) -> Server {
        let listener = Listener::bind(&Address::parse("127.0.0.1:0", "tcp").unwrap(), None).await.unwrap();
        let (at, stop, lengths) = (listener.local().unwrap(), CancellationToken::new(), Arc::<Lengths>::default());
        let tls = files.server("server").config(offered).unwrap();
        let limits = Limits { connections: 50, read: Duration::from_millis(500), write: Duration::from_millis(500) };
        let done = tokio::spawn(serve(listener, tls, limits, lengths.clone(), stop.clone().cancelled_owned()));
        Server { at, lengths, stop, done }
    }

    fn client(&self, files: &Files) -> Client {
        let tls = files.client("ca.pem").config(&["h2", "http/1.1"]).unwrap();
        let builder = Client::builder().tls_backend_preconfigured((*tls).clone()).no_proxy();
        builder.resolve("server.test", self.at).build().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://server.test:{}{path}", self.at.port())
    }

    async fn waits_for(&self, requests: usize) {
        while self.lengths.waiting.load(SeqCst) < requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_protocol_is_the_best_that_both_have() {
    let files = Files::new();
    for (offered, version) in [(&["h2", "http/1.1"][..], Version::HTTP_2), (&["http/1.1"], Version::HTTP_11)] {
        let server = Server::start(&files, offered).await;
        let client = server.client(&files);
        for (size, status) in [(0, 200), (1 << 20, 200), ((1 << 20) + 1, 413)] {
            let answer = client.post(server.url("/")).body(vec![b'x'; size]).send().await.unwrap();
            assert_eq!((answer.version(), answer.status().as_u16()), (version, status));
            let expected = if status == 200 { size.to_string() } else { "large".to_owned() };
            assert_eq!(answer.text().await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn requests_of_one_connection_do_not_wait_for_each_other() {
    let files = Files::new();
    let server = Server::start(&files, &["h2"]).await;
    let client = server.client(&files);
    let slow: Vec<_> = (0..20).map(|_| tokio::spawn(client.post(server.url("/slow")).body("slow").send())).collect();
    server.waits_for(20).await;
    assert_eq!(client.get(server.url("/")).send().await.unwrap().text().await.unwrap(), "0");
    server.lengths.go.notify_waiters();
    for answer in slow {
        assert_eq!(answer.await.unwrap().unwrap().text().await.unwrap(), "4");
    }
}

#[tokio::test]
async fn what_was_asked_is_answered_at_the_stop() {
    let files = Files::new();
    for offered in ["h2", "http/1.1"] {
        let server = Server::start(&files, &[offered]).await;
        let client = server.client(&files);
        let asked = tokio::spawn(client.post(server.url("/slow")).body("abc").send());
        server.waits_for(1).await;
        server.stop.cancel();
        server.lengths.go.notify_waiters();
        assert_eq!(asked.await.unwrap().unwrap().text().await.unwrap(), "3", "{offered}");
        server.done.await.unwrap();
        assert!(client.get(format!("https://server.test:{}/", server.at.port())).send().await.is_err());
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_is_cut_off() {
    let files = Files::new();
    let server = Server::start(&files, &["h2", "http/1.1"]).await;
    // One speaks without TLS, one begins it and stops, one says nothing.
    for first in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01", b""] {
        let mut client = TcpStream::connect(server.at).await.unwrap();
        client.write_all(first).await.unwrap();
        let mut back = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(10), client.read_to_end(&mut back)).await;
        assert!(cut.is_ok() && !back.starts_with(b"HTTP"), "{back:?}");
    }
    assert_eq!(server.client(&files).get(server.url("/")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn bytes_that_are_no_http2_do_no_harm() {
    let files = Files::new();
    let server = Server::start(&files, &["h2"]).await;
    let tls = tokio_rustls::TlsConnector::from(files.client("ca.pem").config(&["h2"]).unwrap());
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut seed = 1u32;
    for round in 0..30 {
        let tcp = TcpStream::connect(server.at).await.unwrap();
        let mut client = tls.connect("server.test".try_into().unwrap(), tcp).await.unwrap();
        let mut bytes = if round % 3 == 0 { Vec::new() } else { preface.to_vec() };
        // A frame is its length in three bytes, type, flags, stream (RFC 9113, section 4.1).
        for _ in 0..round * 7 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend_from_slice(&[
                0,
                0,
                (seed >> 28) as u8,
                (seed >> 24) as u8 % 12,
                (seed >> 16) as u8,
                0,
                0,
                0,
                1,
            ]);
        }
        let _closed = client.write_all(&bytes).await;
        let mut back = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), client.read_to_end(&mut back)).await;
        assert!(ended.is_ok(), "round {round} is kept open");
    }
    assert_eq!(server.client(&files).get(server.url("/")).send().await.unwrap().version(), Version::HTTP_2);
}
