//! The output against scripted servers on the loopback.

use super::*;
use agent_formats as _;
use agent_net::testing::{Reply, Seen, Stub};

fn settings(stub: &Stub) -> Settings {
    Settings {
        urls: vec![stub.url("/base/")],
        content_encoding: "identity".to_owned(),
        skip_database_creation: true,
        write_consistency: String::new(),
        ..Settings::default()
    }
}

async fn output(settings: Settings) -> Influxdb {
    let env = Env::new("outputs.influxdb");
    let mut output = Influxdb::new(With { own: settings, shared: ClientTls::default() }, &env).unwrap();
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

fn error(text: &str) -> String {
    format!("{{\"error\": {text:?}}}")
}

#[tokio::test]
async fn the_database_is_created_and_written_to() {
    let stub = Stub::list(vec![Reply::new(200, "{}"), Reply::new(204, "")]).await;
    let own = Settings {
        skip_database_creation: false,
        database: "own \"db\"".to_owned(),
        retention_policy: "two w".to_owned(),
        username: Secret::new("own"),
        write_consistency: "any".to_owned(),
        ..settings(&stub)
    };
    output(own).await.write(&metrics(&[""])).await.unwrap();
    assert_eq!(stub.lines(), ["POST /base/query", "POST /base/write?consistency=any&db=own+%22db%22&rp=two+w"]);
    assert_eq!(stub.seen()[0].text(), "q=CREATE+DATABASE+%22own+%5C%22db%5C%22%22");
    assert_eq!(stub.seen()[1].text(), "m v=0i 1\n");
    assert_eq!(stub.seen()[1].header("authorization"), Some("Basic b3duOg=="));
}

#[tokio::test]
async fn a_database_that_is_missing_is_created_and_written_to_at_once() {
    let stub = Stub::list(vec![
        Reply::new(200, ""),
        Reply::new(200, ""),
        Reply::new(404, error("database not found: \"x\"")),
        Reply::new(200, ""),
        Reply::new(204, ""),
    ])
    .await;
    let own = Settings { skip_database_creation: false, database_tag: "db".to_owned(), ..settings(&stub) };
    output(own).await.write(&metrics(&["x"])).await.unwrap();
    let bodies: Vec<String> = stub.seen().iter().map(Seen::text).collect();
    assert_eq!(bodies[1], "q=CREATE+DATABASE+%22x%22");
    assert_eq!(bodies[2], bodies[4]);
    assert_eq!(stub.seen().len(), 5);
}

#[tokio::test]
async fn tags_name_database_and_policy_and_may_be_left_out() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    let own = Settings {
        database: "main".to_owned(),
        database_tag: "db".to_owned(),
        exclude_database_tag: true,
        retention_policy_tag: "none".to_owned(),
        ..settings(&stub)
    };
    output(own).await.write(&metrics(&["x", "", "x"])).await.unwrap();
    assert_eq!(stub.lines(), ["POST /base/write?db=x", "POST /base/write?db=main"]);
    assert_eq!(stub.seen()[0].text(), "m v=0i 1\nm v=2i 1\n");
}

#[tokio::test]
async fn answers_mean_written_kept_or_rejected() {
    let cases = [
        (204, String::new(), "written"),
        (200, String::new(), "written"),
        (400, error("unable to parse 'a v'"), "rejected"),
        (400, String::new(), "rejected"),
        (400, "<html>".to_owned(), "kept"),
        (401, error("authorization failed"), "kept"),
        (404, error("database not found"), "rejected"),
        (413, error("too large"), "rejected"),
        (429, String::new(), "kept"),
        (500, error("partial write: field type conflict dropped=1"), "written"),
        (500, error("hinted handoff queue not empty"), "written"),
        (500, error("retention policy not found: x"), "rejected"),
        (500, error("timeout"), "kept"),
        (302, String::new(), "kept"),
    ];
    for (status, body, want) in cases {
        let stub = Stub::list(vec![Reply::new(status, body.clone())]).await;
        let got = match output(settings(&stub)).await.write(&metrics(&[""])).await {
            Ok(()) => "written",
            Err(WriteError::Reject { indices, .. }) if indices == [0] => "rejected",
            Err(WriteError::Retry { .. }) => "kept",
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(got, want, "{status} {body}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_halved() {
    let stub = Stub::new(|seen: &Seen| Reply::new(if seen.text().lines().count() > 1 { 413 } else { 204 }, "")).await;
    output(settings(&stub)).await.write(&metrics(&["", "", ""])).await.unwrap();
    let bodies: Vec<String> = stub.seen().iter().map(Seen::text).collect();
    assert_eq!(bodies.len(), 5);
    assert_eq!([&bodies[1], &bodies[3], &bodies[4]], ["m v=0i 1\n", "m v=1i 1\n", "m v=2i 1\n"]);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_fails() {
    let bad = Stub::list(vec![Reply::new(500, "")]).await;
    let good = Stub::list(vec![Reply::new(204, "")]).await;
    let urls = vec!["http://127.0.0.1:1".to_owned(), bad.url(""), good.url("")];
    let mut output = output(Settings { urls, ..settings(&good) }).await;
    for _ in 0..3 {
        output.write(&metrics(&[""])).await.unwrap();
    }
    assert_eq!(good.seen().len(), 3);
}

#[tokio::test]
async fn lines_go_as_datagrams() {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let urls = vec![format!("udp://{}", server.local_addr().unwrap())];
    let own = Settings { urls, udp_payload: Size(13), ..Settings::default() };
    let mut batch = Batch::new();
    batch.metric("m").field("a", 1i64).field("b", 2i64).time(1);
    batch.metric("n").field("v", 3i64).time(2);
    output(own).await.write(&batch.into()).await.unwrap();
    let mut got = Vec::new();
    for _ in 0..3 {
        let mut buffer = [0; 100];
        let received = tokio::time::timeout(std::time::Duration::from_secs(5), server.recv(&mut buffer));
        let n = received.await.unwrap().unwrap();
        got.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
    }
    assert_eq!(got, ["m a=1i 1\n", "m b=2i 1\n", "n v=3i 2\n"]);
}

#[test]
fn the_old_single_address_is_taken() {
    let mut table = Table::default();
    let item = Item { value: Setting::Str("http://h:1".to_owned()), span: Default::default() };
    table.set("url", Default::default(), item);
    let mut notes = Vec::new();
    Influxdb::migrate(&mut table, &mut notes);
    assert_eq!(table.read::<Settings>().unwrap().urls, ["http://h:1"]);
    assert_eq!(notes.len(), 1);
}

#[test]
fn bad_options_are_refused() {
    let env = Env::new("outputs.influxdb");
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        let built = Influxdb::new(With { own, shared: ClientTls::default() }, &env);
        format!("{:#}", built.err().unwrap())
    };
    assert!(error(|s| s.urls = vec!["ftp://h".to_owned()]).contains("unsupported scheme \"ftp\""));
    assert!(error(|s| s.urls = vec!["udp://h".to_owned()]).contains("no port"));
    assert!(error(|s| s.content_encoding = "zstd".to_owned()).contains("zstd"));
}
