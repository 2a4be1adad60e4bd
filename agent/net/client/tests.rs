//! The client against scripted servers on the loopback.

use super::*;
use crate::testing::{Reply, Seen, Stub};
use agent_api::options::{Fields, Item, Setting, Span, Table};
use agent_api::{Duration, Secret};
use std::time::Duration as Time;

fn post(client: &Client, url: &str, body: &'static str) -> RequestBuilder {
    client.request(Method::POST, Address::parse(url).unwrap().url).body(body)
}

#[test]
fn all_options_are_read_from_one_table() {
    let mut table = Table::default();
    for (key, value) in [("timeout", "3s"), ("client_id", "c"), ("tls_ca", "/ca"), ("cookie_auth_url", "http://x/")] {
        let value = Setting::Str(value.to_owned());
        table.set(key, Span::default(), Item { value, span: Span::default() });
    }
    let setup = Setup::from(HttpSettings::load(&table).unwrap());
    assert_eq!(setup.transport.timeout, Duration::secs(3));
    assert_eq!(setup.tls.tls_ca, "/ca");
    assert_eq!(setup.cookies.cookie_auth_url, "http://x/");
    let error = setup.check().unwrap_err().to_string();
    assert!(error.contains("client_secret"), "{error}");
}

#[tokio::test]
async fn only_redirections_that_keep_the_body_are_followed_when_writing() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "POST /307" => Reply::new(307, "").header("location", "/end"),
        "POST /302" => Reply::new(302, "").header("location", "/end"),
        "POST /loop" => Reply::new(308, "").header("location", "/loop"),
        _ => Reply::new(200, "ok"),
    })
    .await;
    let setup = Setup { redirects: Redirects::KeepMethod, ..Setup::default() };
    let client = setup.build(None).unwrap();
    assert_eq!(client.send(post(&client, &stub.url("/307"), "m v=1"), 100).await.unwrap().status, 200);
    assert_eq!(stub.seen()[1].line, "POST /end");
    assert_eq!(stub.seen()[1].text(), "m v=1");
    assert_eq!(client.send(post(&client, &stub.url("/302"), "m v=1"), 100).await.unwrap().status, 302);
    assert_eq!(client.send(post(&client, &stub.url("/loop"), "m v=1"), 100).await.unwrap().status, 308);
}

#[tokio::test]
async fn failures_are_told_apart() {
    let stub = Stub::list(vec![Reply::new(200, "").after(Time::from_secs(5))]).await;
    let mut setup = Setup::default();
    setup.transport.timeout = Duration::millis(50);
    let client = setup.build(None).unwrap();
    let slow = client.send(post(&client, &stub.url("/"), ""), 100).await.unwrap_err();
    assert_eq!(slow.kind, Failure::Timeout, "{slow}");
    let setup = Setup::default();
    let client = setup.build(None).unwrap();
    let nobody = client.send(post(&client, "http://127.0.0.1:1/secret", ""), 100).await.unwrap_err();
    assert_eq!(nobody.kind, Failure::Connect, "{nobody}");
    assert!(!nobody.to_string().contains("secret"), "{nobody}");
    let nowhere = client.send(post(&client, "http://no-such-host.invalid/", ""), 100).await.unwrap_err();
    assert_eq!(nowhere.kind, Failure::Dns, "{nowhere}");
    let mut setup = Setup::default();
    setup.transport.response_timeout = Duration::millis(50);
    let client = setup.build(None).unwrap();
    let slow = client.send(post(&client, &stub.url("/"), ""), 100).await.unwrap_err();
    assert_eq!(slow.kind, Failure::Timeout, "{slow}");
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let stub = Stub::list(vec![Reply::new(200, vec![b'x'; 100_000])]).await;
    let client = Setup::default().build(None).unwrap();
    let answer = client.send(post(&client, &stub.url("/"), ""), 10).await.unwrap();
    assert_eq!((answer.body.len(), answer.cut), (10, true));
    assert!(answer.unpack(10).is_err());
}

#[tokio::test]
async fn a_packed_answer_is_bounded_unpacked() {
    let packed = crate::coding::Coding::Gzip.encode(&vec![b'x'; 1_000_000]).unwrap();
    let stub = Stub::list(vec![Reply::new(200, packed).header("Content-Encoding", "gzip")]).await;
    let client = Setup::default().build(None).unwrap();
    let answer = client.send(post(&client, &stub.url("/"), ""), 1 << 20).await.unwrap();
    assert_eq!(answer.unpack(1_000_000).unwrap().len(), 1_000_000);
    let answer = client.send(post(&client, &stub.url("/"), ""), 1 << 20).await.unwrap();
    assert!(answer.unpack(999_999).is_err());
}

#[tokio::test]
async fn a_cookie_is_asked_for_once_and_again_when_it_is_refused() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "PUT /login" => Reply::new(200, "").header("Set-Cookie", "sid=own; Path=/"),
        "POST /refused" => Reply::new(401, ""),
        _ => Reply::new(200, ""),
    })
    .await;
    let mut setup = Setup::default();
    setup.cookies.cookie_auth_url = stub.url("/login");
    setup.cookies.cookie_auth_method = "put".to_owned();
    let client = setup.build(None).unwrap();
    for path in ["/a", "/refused", "/b"] {
        client.send(post(&client, &stub.url(path), ""), 0).await.unwrap();
    }
    assert_eq!(stub.lines(), ["PUT /login", "POST /a", "POST /refused", "PUT /login", "POST /b"]);
    assert_eq!(stub.seen()[1].header("cookie"), Some("sid=own"));
}

#[tokio::test]
async fn tokens_are_kept_and_sent() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "POST /token" if seen.header("authorization").is_some() => Reply::new(400, "not by header"),
        "POST /token" => Reply::new(200, r#"{"access_token": "t7", "token_type": "bearer", "expires_in": "3600"}"#),
        _ => Reply::new(200, ""),
    })
    .await;
    let oauth = OAuth2 {
        client_id: Secret::new("c i"),
        client_secret: Secret::new("s"),
        token_url: stub.url("/token"),
        audience: String::new(),
        scopes: vec!["x".to_owned(), "y".to_owned()],
    };
    let client = Setup { oauth, ..Setup::default() }.build(None).unwrap();
    for _ in 0..2 {
        client.send(post(&client, &stub.url("/in"), ""), 0).await.unwrap();
    }
    assert_eq!(stub.lines(), ["POST /token", "POST /token", "POST /in", "POST /in"]);
    let seen = stub.seen();
    assert_eq!(seen[0].header("authorization"), Some("Basic YytpOnM="));
    assert_eq!(seen[0].text(), "grant_type=client_credentials&scope=x+y");
    assert_eq!(seen[1].text(), "client_id=c+i&client_secret=s&grant_type=client_credentials&scope=x+y");
    assert_eq!(seen[3].header("authorization"), Some("Bearer t7"));
}

#[tokio::test]
async fn a_refused_token_names_the_reason() {
    let stub = Stub::new(|_: &Seen| Reply::new(401, "{\"error\":\"invalid_client\"}\nmore")).await;
    let oauth = OAuth2 {
        client_id: Secret::new("own"),
        client_secret: Secret::new("s"),
        token_url: stub.url("/token"),
        ..OAuth2::default()
    };
    let client = Setup { oauth, ..Setup::default() }.build(None).unwrap();
    let cause = client.send(post(&client, &stub.url("/in"), ""), 0).await.unwrap_err();
    let said = format!("{:#}", agent_api::Error::new(cause));
    assert!(said.ends_with("ask for a token: status 401 Unauthorized: {\"error\":\"invalid_client\"}"), "{said}");
}

#[test]
fn bad_options_are_found_without_a_connection() {
    let with = |change: fn(&mut Setup)| {
        let mut setup = Setup::default();
        change(&mut setup);
        setup.check().unwrap_err().to_string()
    };
    assert!(with(|s| s.proxy.http_proxy_url = "http://".to_owned()).contains("proxy"));
    assert!(with(|s| s.cookies.cookie_auth_url = "nowhere".to_owned()).contains("cookie_auth_url"));
    assert!(with(|s| s.tls.tls_min_version = "TLS9".to_owned()).contains("tls_min_version"));
    assert!(with(|s| s.tls.tls_cert = "/c".to_owned()).contains("tls_key"));
}
