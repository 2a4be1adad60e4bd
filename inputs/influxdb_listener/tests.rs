//! The server over loopback.

use super::*;
use crate::testing::{Running, http};
use std::net::SocketAddr;

async fn start(own: impl FnOnce(&mut Settings)) -> (SocketAddr, Running) {
    let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
    settings.own.service_address = "127.0.0.1:0".to_owned();
    own(&mut settings.own);
    let mut plugin = InfluxdbListener::new(settings, &Env::new("inputs.influxdb_listener")).unwrap();
    plugin.open().await.unwrap();
    (plugin.server.local().unwrap(), Running::start(plugin))
}

#[tokio::test]
async fn good_lines_count_around_bad_ones() {
    let (at, server) = start(|s| (s.database_tag, s.retention_policy_tag) = ("db".to_owned(), "rp".to_owned())).await;
    assert_eq!(http(at, "POST", "/write?db=own&rp=week", "", b"a,db=x v=1 1").await.0, 204);
    let (status, head, body) = http(at, "POST", "/write", "", b"a v=2 2\nbad line\na v=3 3\n").await;
    assert_eq!(status, 400);
    assert!(body.starts_with(r#"{"error":"partial write: line 2: "#), "{body}");
    assert!(head.contains("x-influxdb-version: 1.0") && head.contains("x-influxdb-error: partial write: line 2"));
    server.interval().await;
    server.interval().await;
    assert_eq!(server.stop().await.lines(), ["a,db=own,rp=week v=1 1", "a v=2 2", "a v=3 3"]);
}

#[tokio::test]
async fn a_bad_line_in_a_late_block_keeps_its_number() {
    let (at, server) = start(|_| {}).await;
    let mut body: String = (0..40_000).map(|i| format!("a v={i} 1\n")).collect();
    body.push_str("bad\n");
    let answer = http(at, "POST", "/write", "", body.as_bytes()).await;
    assert!(answer.2.contains("line 40001: "), "{}", answer.2);
    assert_eq!(server.stop().await.lines().len(), 40_000);
}

#[tokio::test]
async fn precisions() {
    let (at, server) = start(|_| {}).await;
    for (precision, time) in [("u", 3), ("us", 4), ("ms", 5), ("s", 6), ("m", 7), ("h", 8), ("", 9)] {
        let path = format!("/write?precision={precision}");
        assert_eq!(http(at, "POST", &path, "", format!("a v=1 {time}").as_bytes()).await.0, 204);
    }
    let times = [3_000, 4, 5_000_000, 6_000_000_000, 420_000_000_000, 28_800_000_000_000i64, 9];
    assert_eq!(server.stop().await.lines(), times.map(|t| format!("a v=1 {t}")));
}

#[tokio::test]
async fn ping_query_and_the_rest() {
    let (at, server) = start(|s| (s.basic_username, s.basic_password) = (Secret::new("own"), Secret::new("pw"))).await;
    let (status, head, _) = http(at, "GET", "/ping", "", b"").await;
    assert!(status == 204 && head.contains("x-influxdb-version: 1.0"));
    assert_eq!(http(at, "GET", "/ping?verbose=true", "", b"").await.2, r#"{"version":"1.0"}"#);
    let (status, head, body) = http(at, "GET", "/query", "", b"").await;
    assert_eq!((status, body.as_str()), (401, "Unauthorized\n"));
    assert!(head.contains("www-authenticate: basic realm=\"influxdb\""));
    for good in ["Authorization: Basic b3duOnB3\r\n", "Authorization: Token own:pw\r\n"] {
        assert_eq!(http(at, "GET", "/query", good, b"").await.2, r#"{"results":[]}"#);
        assert_eq!(http(at, "GET", "/api/v2/write", good, b"").await.0, 404);
    }
    server.stop().await;
}

#[tokio::test]
async fn web_tokens() {
    let (at, server) = start(|s| s.token_shared_secret = Secret::new("s3cret")).await;
    for header in ["Authorization", "Authentication"] {
        let good = format!("{header}: Bearer {}\r\n", jwt::tests::GOOD);
        assert_eq!(http(at, "POST", "/write", &good, b"a v=1 1").await.0, 204);
        assert_eq!(http(at, "POST", "/write", &good.replace("eyJ1", "eyJ2"), b"a v=1 1").await.0, 401);
    }
    assert_eq!(http(at, "POST", "/write", "", b"a v=1 1").await.0, 401);
    assert_eq!(server.stop().await.lines().len(), 2);
}
