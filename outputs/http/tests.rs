//! The output against scripted servers on the loopback.

use super::*;
use agent_api::plugin::{Build, Family, find};
use agent_formats as _;
use agent_net::testing::{Reply, Seen, Stub};
use std::sync::Arc;

fn env() -> Env {
    let mut env = Env::new("outputs.http");
    let inner = env.clone();
    env.serializers = Some(Arc::new(move || match find(Family::Serializers, "influx").unwrap().build {
        Build::Serializer(make) => Ok(make(&Table::default(), &inner)?),
        _ => unreachable!("the registry gives a serializer among serializers"),
    }));
    env
}

fn built(settings: Settings) -> Result<Http> {
    Http::new(With { own: settings, shared: Default::default() }, &env())
}

async fn output(settings: Settings) -> Http {
    let mut output = built(settings).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output
}

fn settings(stub: &Stub) -> Settings {
    Settings { url: stub.url("/in"), ..Settings::default() }
}

fn metrics(n: i64) -> Chunk {
    let mut batch = Batch::new();
    for i in 0..n {
        batch.metric("m").field("v", i).time(1);
    }
    batch.into()
}

#[tokio::test]
async fn a_write_is_one_request() {
    let stub = Stub::list(vec![Reply::new(200, vec![b'x'; 200_000])]).await;
    let mut output = output(Settings { username: Secret::new("own"), ..settings(&stub) }).await;
    output.write(&metrics(2)).await.unwrap();
    let seen = &stub.seen()[0];
    assert_eq!((seen.line.as_str(), seen.text().as_str()), ("POST /in", "m v=0i 1\nm v=1i 1\n"));
    assert_eq!(seen.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(seen.header("authorization"), Some("Basic b3duOg=="));
    let memory = output.memory.as_ptr();
    output.write(&metrics(2)).await.unwrap();
    assert_eq!(output.memory.as_ptr(), memory, "the memory of the body was not used again");
}

#[tokio::test]
async fn own_headers_go_over_the_others() {
    let stub = Stub::list(vec![Reply::new(200, "")]).await;
    let headers =
        [("content-type", "a/b"), ("Authorization", "Bearer t"), ("User-Agent", "own/7"), ("Host", "h.example")];
    let own = Settings {
        username: Secret::new("own"),
        method: "put".to_owned(),
        headers: headers.map(|(k, v)| (k.to_owned(), Secret::new(v))).into(),
        ..settings(&stub)
    };
    output(own).await.write(&metrics(1)).await.unwrap();
    let seen = &stub.seen()[0];
    assert_eq!(seen.line, "PUT /in");
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let got: Vec<&str> = seen.headers.iter().filter(|h| h.0 == name).map(|h| h.1.as_str()).collect();
        assert_eq!(got, [value]);
    }
}

#[tokio::test]
async fn statuses_mean_keep_unless_they_are_named() {
    for (status, rejected) in [(400, false), (404, false), (409, true), (429, false), (302, false), (500, false)] {
        let stub = Stub::list(vec![Reply::new(status, "why\nmore").header("Retry-After", "soon")]).await;
        let own = Settings { non_retryable_statuscodes: vec![409], ..settings(&stub) };
        match output(own).await.write(&metrics(2)).await {
            Err(WriteError::Reject { indices, cause }) if rejected => {
                assert_eq!(indices, [0, 1]);
                assert!(cause.to_string().ends_with(": why"), "{cause}");
            }
            Err(WriteError::Retry { after, .. }) if !rejected => {
                assert_eq!(after, (status == 429).then_some(Time::from_secs(10)), "{status}");
            }
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn single_requests_are_not_repeated_for_those_that_were_taken() {
    let stub = Stub::new(|seen: &Seen| match seen.text().as_str() {
        "m v=1i 1\n" => Reply::new(409, ""),
        "m v=2i 1\n" => Reply::new(500, ""),
        _ => Reply::new(200, ""),
    })
    .await;
    let own = Settings { use_batch_format: false, non_retryable_statuscodes: vec![409], ..settings(&stub) };
    let mut output = output(own).await;
    match output.write(&metrics(4)).await {
        Err(WriteError::Partial { written, rejected, .. }) => assert_eq!((written, rejected), (vec![0], vec![1])),
        other => panic!("{other:?}"),
    }
    assert_eq!(stub.seen().len(), 3);
    match output.write(&metrics(2)).await {
        Err(WriteError::Reject { indices, .. }) => assert_eq!(indices, [1]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_service_account_gives_a_token() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "POST /token" => Reply::new(200, r#"{"id_token": "g1"}"#),
        _ => Reply::new(200, ""),
    })
    .await;
    let account = serde_json::json!({
        "client_email": "own@example", "private_key": include_str!("testdata/rsa.key"), "token_uri": stub.url("/token"),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    std::fs::write(&path, account.to_string()).unwrap();
    let own = Settings { google_application_credentials: path.to_str().unwrap().to_owned(), ..settings(&stub) };
    let mut output = output(own).await;
    for _ in 0..2 {
        output.write(&metrics(1)).await.unwrap();
    }
    assert_eq!(stub.lines(), ["POST /token", "POST /in", "POST /in"]);
    assert_eq!(stub.seen()[2].header("authorization"), Some("Bearer g1"));
    let assertion = stub.seen()[0].text().split_once("assertion=").unwrap().1.to_owned();
    assert_eq!(assertion.split('.').count(), 3);
}

#[test]
fn bad_options_are_refused() {
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        format!("{:#}", built(own).err().unwrap())
    };
    assert!(error(|s| s.method = "GET".to_owned()).contains("GET"));
    assert!(error(|s| s.url = "ftp://h".to_owned()).contains("unsupported scheme"));
    assert!(error(|s| s.content_encoding = "rot13".to_owned()).contains("rot13"));
    assert!(error(|s| s.headers = [("a b".to_owned(), Secret::new("x"))].into()).contains("a b"));
}
