//! The output against scripted servers on the loopback.

use super::*;
use agent_formats as _;
use agent_net::testing::{Reply, Seen, Stub};

fn settings(stub: &Stub) -> Settings {
    Settings {
        urls: vec![stub.url("")],
        token: Secret::new("t"),
        organization: "o r&g".to_owned(),
        bucket: "b/1".to_owned(),
        content_encoding: "identity".to_owned(),
        ..Settings::default()
    }
}

async fn output(settings: Settings) -> InfluxdbV2 {
    let env = Env::new("outputs.influxdb_v2");
    let mut output = InfluxdbV2::new(With { own: settings, shared: ClientTls::default() }, &env).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output
}

/// Metrics `m,db=DB v=0i 1`, numbered.
fn metrics(dbs: &[&str]) -> Chunk {
    let mut batch = Batch::new();
    for (n, db) in dbs.iter().enumerate() {
        let metric = batch.metric("m").field("v", n as i64).time(1);
        if db.is_empty() {
            metric
        } else {
            metric.tag("db", db)
        };
    }
    batch.into()
}

fn split(result: Result<(), WriteError>) -> (Vec<usize>, Vec<usize>) {
    match result {
        Err(WriteError::Partial { written, rejected, .. }) => (written, rejected),
        Err(WriteError::Reject { indices, .. }) => (vec![], indices),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_has_bucket_organization_and_token() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    let mut output = output(settings(&stub)).await;
    output.write(&metrics(&["", "x"])).await.unwrap();
    let seen = &stub.seen()[0];
    assert_eq!(seen.line, "POST /api/v2/write?bucket=b%2F1&org=o+r%26g");
    assert_eq!(seen.header("authorization"), Some("Token t"));
    assert_eq!(seen.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(seen.text(), "m v=0i 1\nm,db=x v=1i 1\n");
}

#[tokio::test]
async fn gzip_is_the_default() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    let mut output = output(Settings { content_encoding: "gzip".to_owned(), ..settings(&stub) }).await;
    output.write(&metrics(&[""])).await.unwrap();
    assert_eq!(stub.seen()[0].header("content-encoding"), Some("gzip"));
    assert_eq!(Coding::Gzip.decode(&stub.seen()[0].body, 100).unwrap(), b"m v=0i 1\n");
    assert_eq!(Settings::default().content_encoding, "gzip");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_halved_down_to_the_poison() {
    let stub = Stub::new(|seen: &Seen| match seen.text() {
        text if text.contains("v=2i") || text.lines().count() > 2 => Reply::new(413, ""),
        _ => Reply::new(204, ""),
    })
    .await;
    let mut output = output(settings(&stub)).await;
    let (written, rejected) = split(output.write(&metrics(&[""; 4])).await);
    assert_eq!((written, rejected), (vec![], vec![2]));
    let bodies: Vec<String> = stub.seen().iter().map(Seen::text).collect();
    assert_eq!(bodies.len(), 5);
    assert_eq!(bodies[1], "m v=0i 1\nm v=1i 1\n");
    assert_eq!(bodies[4], "m v=3i 1\n");
}

#[tokio::test]
async fn buckets_stand_for_themselves() {
    let stub = Stub::new(|seen: &Seen| match seen.line.contains("bucket=x") {
        true => Reply::new(500, r#"{"code": "internal error", "message": "oops"}"#),
        false => Reply::new(204, ""),
    })
    .await;
    let own =
        Settings { bucket_tag: "db".to_owned(), exclude_bucket_tag: true, concurrent_writes: 2, ..settings(&stub) };
    let mut output = output(own).await;
    let result = output.write(&metrics(&["x", "y", "", "x"])).await;
    assert!(result.as_ref().unwrap_err().to_string().contains("internal error: oops"));
    assert_eq!(split(result), (vec![1, 2], vec![]));
    let y = stub.seen().into_iter().find(|s| s.line.contains("bucket=y")).unwrap();
    assert_eq!(y.text(), "m v=1i 1\n");
}

#[tokio::test]
async fn statuses_mean_keep_or_reject() {
    let answers =
        [400, 404, 405, 422].map(|s| (s, true)).into_iter().chain([401, 403, 408, 429, 500, 302].map(|s| (s, false)));
    for (status, rejected) in answers {
        let stub = Stub::list(vec![Reply::new(status, "").header("Retry-After", "7")]).await;
        let result = output(settings(&stub)).await.write(&metrics(&["", ""])).await;
        match result {
            Err(WriteError::Reject { indices, .. }) if rejected => assert_eq!(indices, [0, 1]),
            Err(WriteError::Retry { after, .. }) if !rejected => assert_eq!(after.is_some(), status == 429, "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_is_down() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    let own = Settings { urls: vec!["http://127.0.0.1:1".to_owned(), stub.url("")], ..settings(&stub) };
    let mut output = output(own).await;
    for _ in 0..4 {
        output.write(&metrics(&[""])).await.unwrap();
    }
    assert_eq!(stub.seen().len(), 4);
}

#[tokio::test]
async fn what_the_rate_does_not_allow_is_kept() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    let own = Settings { rate_limit: Size(20), rate_limit_period: Duration::secs(3600), ..settings(&stub) };
    let mut output = output(own).await;
    assert_eq!(split(output.write(&metrics(&["", "", ""])).await), (vec![0, 1], vec![]));
    assert_eq!(stub.seen()[0].text(), "m v=0i 1\nm v=1i 1\n");
    let later = output.write(&metrics(&[""])).await;
    assert!(matches!(later, Err(WriteError::Retry { after: Some(wait), .. }) if wait.as_secs() > 3000), "{later:?}");
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn bad_options_are_refused() {
    let env = Env::new("outputs.influxdb_v2");
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        let built = InfluxdbV2::new(With { own, shared: ClientTls::default() }, &env);
        format!("{:#}", built.err().unwrap())
    };
    assert!(error(|s| s.rate_limit = Size(60)).contains("rate_limit_period"));
    assert!(error(|s| s.content_encoding = "zlib".to_owned()).contains("zlib"));
    assert!(error(|s| s.urls = vec!["udp://h:1".to_owned()]).contains("udp://h:1"));
    assert!(error(|s| s.concurrent_writes = 0).contains("concurrent_writes"));
}
