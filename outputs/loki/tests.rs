//! Bodies, and the output against a scripted server on the loopback.

use super::*;
use agent_net::testing::{Reply, Stub};

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    batch.metric("m").tag("k.1", "a").field("v", 3i64).time(3);
    batch.metric("m").tag("k.1", "a").field("v", 1e21).field("s", "say \"x\"").time(1);
    batch.metric("n").tag("__name", "own").field("b", true).field("u", 7u64).time(2);
    batch.into()
}

fn body(name_label: &str, sanitize: bool) -> String {
    let mut out = Vec::new();
    push::write(&metrics(), name_label, sanitize, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn streams_are_sorted_lines() {
    let want = r#"{"streams":[{"stream":{"__name":"m","k.1":"a"},"values":[["1","v=\"1e+21\" s=\"say \\\"x\\\"\" "],["3","v=\"3\" "]]},{"stream":{"__name":"n"},"values":[["2","b=\"true\" u=\"7\" "]]}]}"#;
    assert_eq!(body("__name", false), want);
    assert!(body("", true).starts_with(r#"{"streams":[{"stream":{"k_1":"a"},"#));
    assert!(body("9ä", true).contains(r#""__":"m""#));
}

#[tokio::test]
async fn a_push_has_its_own_type_and_any_other_header() {
    let stub = Stub::list(vec![Reply::new(400, "old\nmore"), Reply::new(204, "")]).await;
    let headers = [("Content-Type", "x/y"), ("X-Scope-OrgID", "7"), ("Host", "h.example")];
    let own = Settings {
        domain: stub.url(""),
        username: Secret::new("own"),
        gzip_request: true,
        http_headers: headers.map(|(k, v)| (k.to_owned(), Secret::new(v))).into(),
        ..Settings::default()
    };
    let mut output = Loki::new(With { own, shared: Default::default() }, &Env::new("outputs.loki")).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    match output.write(&metrics()).await {
        Err(WriteError::Retry { cause, .. }) => assert!(cause.to_string().ends_with("400 Bad Request: old"), "{cause}"),
        other => panic!("{other:?}"),
    }
    output.write(&metrics()).await.unwrap();
    let seen = &stub.seen()[1];
    assert_eq!(seen.line, "POST /loki/api/v1/push");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("x-scope-orgid"), Some("7"));
    assert_eq!(seen.header("host"), Some("h.example"));
    assert_eq!(seen.header("authorization"), Some("Basic b3duOg=="));
    assert_eq!(Coding::Gzip.decode(&seen.body, 1000).unwrap(), body("__name", false).as_bytes());
}

#[test]
fn a_domain_is_required() {
    let built = Loki::new(With::default(), &Env::new("outputs.loki"));
    assert!(built.err().unwrap().to_string().contains("domain"));
}
