//! The server over loopback.

use super::*;
use crate::testing::{Running, http};
use agent_api::metric::View;
use std::net::SocketAddr;

const WRITE: &str = "/api/v2/write?org=o&bucket=b1";

async fn start(own: impl FnOnce(&mut Settings)) -> (SocketAddr, Running) {
    let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
    settings.own.service_address = "127.0.0.1:0".to_owned();
    own(&mut settings.own);
    let mut plugin = InfluxdbV2Listener::new(settings, &Env::new("inputs.influxdb_v2_listener")).unwrap();
    plugin.open().await.unwrap();
    (plugin.server.local().unwrap(), Running::start(plugin))
}

#[tokio::test]
async fn a_body_is_taken_whole_or_not_at_all() {
    let (at, server) = start(|s| s.bucket_tag = "bkt".to_owned()).await;
    assert_eq!(http(at, "POST", WRITE, "", b"a,bkt=x v=1 1").await.0, 204);
    assert_eq!(http(at, "POST", "/api/v2/write?precision=s", "", b"a v=2 2").await.0, 204);
    let (status, head, body) = http(at, "POST", WRITE, "", b"a v=3 3\nbad\n").await;
    assert_eq!(status, 400);
    assert!(body.contains(r#""code":"invalid""#) && head.contains("x-influxdb-error: line 2: "), "{head} {body}");
    server.interval().await;
    server.interval().await;
    assert_eq!(server.stop().await.lines(), ["a,bkt=b1 v=1 1", "a v=2 2000000000"]);
}

#[tokio::test]
async fn tokens_and_pages() {
    let (at, server) = start(|s| (s.token, s.max_body_size) = (Secret::new("own-token"), Size(60))).await;
    let good = "Authorization: Token own-token\r\n";
    assert_eq!(http(at, "POST", WRITE, good, b"a v=1 1").await.0, 204);
    for bad in ["", "Authorization: Token wrong\r\n", "Authorization: Bearer own-token\r\n"] {
        assert_eq!(http(at, "POST", WRITE, bad, b"a v=2 2").await.0, 401);
    }
    let (status, _, body) = http(at, "POST", WRITE, good, &[b'x'; 61]).await;
    assert_eq!(status, 413);
    assert_eq!(body, r#"{"code":"invalid","maxLength":"60","message":"http: request body too large"}"#);
    assert_eq!(http(at, "GET", "/ping", "", b"").await.0, 204);
    assert!(http(at, "GET", "/health", "", b"").await.2.contains(r#""status":"pass""#));
    assert!(http(at, "GET", "/api/v2/ready", "", b"").await.2.contains(r#""status":"ready""#));
    assert_eq!(http(at, "GET", "/none", "", b"").await.0, 401);
    assert_eq!(http(at, "GET", "/none", good, b"").await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn writes_wait_for_those_before_them() {
    let (at, server) = start(|s| s.max_undelivered_metrics = 3).await;
    assert_eq!(http(at, "POST", WRITE, "", b"a v=1 1\na v=2 2\na v=3 3\na v=4 4").await.0, 413);
    assert_eq!(http(at, "POST", WRITE, "", b"a v=1 1\na v=2 2").await.0, 204);
    assert_eq!(http(at, "POST", WRITE, "", b"a v=3 3\na v=4 4").await.0, 429);
    assert_eq!(http(at, "POST", WRITE, "", b"a v=3 3").await.0, 204);
    for batch in server.kept.take() {
        View::all(batch).settle(Settled::Delivered);
    }
    assert_eq!(http(at, "POST", WRITE, "", b"a v=3 3\na v=4 4").await.0, 204);
    assert_eq!(server.stop().await.lines().len(), 2);
}
