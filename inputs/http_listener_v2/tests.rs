//! The server over loopback.

use super::*;
use crate::testing::{Running, env, http};
use std::net::SocketAddr;

async fn start(own: impl FnOnce(&mut Settings)) -> (SocketAddr, Running) {
    let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
    settings.own.service_address = "127.0.0.1:0".to_owned();
    own(&mut settings.own);
    let mut plugin = HttpListenerV2::new(settings, &env("inputs.http_listener_v2", "influx")).unwrap();
    plugin.open().await.unwrap();
    (plugin.bound.as_ref().unwrap().local().unwrap(), Running::start(plugin))
}

#[tokio::test]
async fn a_body_is_taken_whole_or_not_at_all() {
    let (at, server) = start(|_| {}).await;
    assert_eq!(http(at, "POST", "/telegraf", "", b"a v=1 1\nb v=2 2\n").await.0, 204);
    let (status, head, body) = http(at, "POST", "/telegraf", "", b"a v=3 3\nbad\n").await;
    assert_eq!((status, body.as_str()), (400, r#"{"error":"http: bad request"}"#));
    assert!(head.contains("content-type: application/json"));
    assert_eq!(http(at, "POST", "/telegraf", "Content-Encoding: gzip\r\n", b"a v=1 1").await.0, 400);
    assert_eq!(http(at, "GET", "/telegraf", "", b"").await.0, 405);
    assert_eq!(http(at, "POST", "/other", "", b"a v=1 1").await.0, 404);
    server.interval().await;
    server.interval().await;
    assert_eq!(server.stop().await.lines(), ["a v=1 1", "b v=2 2"]);
}

#[tokio::test]
async fn a_large_body_comes_in_small_batches_in_order() {
    let (at, server) = start(|_| {}).await;
    let body: String = (0..50_000).map(|i| format!("room,floor={} t={i}i {i}\n", i % 7)).collect();
    assert!(body.len() > 1 << 20);
    assert_eq!(http(at, "POST", "/telegraf", "", body.as_bytes()).await.0, 204);
    let kept = server.stop().await;
    let lines: String = kept.lines().iter().map(|l| format!("{l}\n")).collect();
    assert!(lines == body);
    assert!(kept.take().len() > 4);
}

#[tokio::test]
async fn headers_and_path_become_tags() {
    let (at, server) = start(|s| {
        s.path_tag = true;
        s.paths = vec!["/in".to_owned()];
        s.http_header_tags = [("X-Own-Host", "host"), ("X-None", "none")].map(|(a, b)| (a.into(), b.into())).into();
        s.http_headers = [("X-Own".to_owned(), "yes".to_owned())].into();
        s.http_success_code = 202;
    })
    .await;
    let (status, head, _) = http(at, "PUT", "/in", "x-own-host: h 1\r\n", b"a,host=x v=1 1").await;
    assert_eq!(status, 202);
    assert!(head.contains("x-own: yes"));
    assert!(http(at, "PUT", "/none", "", b"").await.1.contains("x-own: yes"));
    assert_eq!(server.stop().await.lines(), ["a,host=h 1,http_listener_v2_path=/in v=1 1"]);
}

#[tokio::test]
async fn who_may_send_and_how_much() {
    let (at, server) = start(|s| {
        (s.basic_username, s.basic_password) = (Secret::new("own"), Secret::new("pw"));
        s.max_body_size = Size(10);
    })
    .await;
    let (status, _, body) = http(at, "POST", "/none", "", b"").await;
    assert_eq!((status, body.as_str()), (401, "Unauthorized.\n"));
    let good = "Authorization: Basic b3duOnB3\r\n";
    assert_eq!(http(at, "POST", "/none", good, b"").await.0, 404);
    assert_eq!(http(at, "POST", "/telegraf", good, b"a v=1 1").await.0, 204);
    assert_eq!(http(at, "POST", "/telegraf", good, b"a v=1 1\n\n\n\n").await.0, 413);
    assert_eq!(server.stop().await.lines(), ["a v=1 1"]);
}

#[tokio::test]
async fn the_query_as_data() {
    let (at, server) = start(|s| (s.data_source, s.methods) = ("query".to_owned(), vec!["GET".to_owned()])).await;
    assert_eq!(http(at, "GET", "/telegraf?a+v=1%201", "", b"").await.0, 204);
    assert_eq!(http(at, "GET", "/telegraf?%zz", "", b"").await.0, 400);
    assert_eq!(server.stop().await.lines(), ["a v=1 1"]);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    for own in [
        |s: &mut Settings| s.http_success_code = 99,
        |s: &mut Settings| s.data_source = "form".to_owned(),
        |s: &mut Settings| s.service_address = "udp://:1".to_owned(),
        |s: &mut Settings| s.socket_mode = "rw".to_owned(),
        |s: &mut Settings| s.http_headers = [("a b".to_owned(), String::new())].into(),
    ] {
        let mut settings = With { own: Settings::default(), shared: ServerTls::default() };
        own(&mut settings.own);
        assert!(HttpListenerV2::new(settings, &Env::new("inputs.http_listener_v2")).is_err());
    }
}
