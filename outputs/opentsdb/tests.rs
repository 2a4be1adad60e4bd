//! The output against scripted servers on the loopback.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};
use tokio::io::AsyncReadExt;

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    batch.metric("m").tag("k", "a b").field("i", -3i64).field("f", 2.5).field("s", "x").time(1_999_999_999);
    batch.metric("n").field("u", u64::MAX).field("b", true).field("nan", f64::NAN).time(2_000_000_000);
    batch.metric("o").field("v", 1i64).time(3_000_000_000);
    batch.into()
}

async fn output(stub: &Stub, size: usize) -> Opentsdb {
    let url = stub.url("");
    let (host, port) = url.rsplit_once(':').unwrap();
    let own =
        Settings { host: host.to_owned(), port: port.parse().unwrap(), http_batch_size: size, ..Settings::default() };
    let mut output = Opentsdb::new(own, &Env::new("outputs.opentsdb")).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output
}

fn text(seen: &Seen) -> String {
    String::from_utf8(Coding::Gzip.decode(&seen.body, 10_000).unwrap()).unwrap()
}

#[tokio::test]
async fn points_go_in_requests_of_a_size() {
    let stub = Stub::list(vec![Reply::new(204, "")]).await;
    output(&stub, 2).await.write(&metrics()).await.unwrap();
    let seen = stub.seen();
    assert_eq!((seen.len(), seen[0].line.as_str()), (2, "POST /api/put"));
    let first = r#"[{"metric":"m_i","timestamp":1,"value":-3,"tags":{"k":"a_b"}},{"metric":"m_f","timestamp":1,"value":2.5,"tags":{"k":"a_b"}}]"#;
    assert_eq!(text(&seen[0]), first);
    assert!(text(&seen[1]).contains("18446744073709551615"));
}

#[tokio::test]
async fn what_was_taken_is_not_sent_again() {
    let stub = Stub::list(vec![Reply::new(204, ""), Reply::new(400, ""), Reply::new(500, "")]).await;
    match output(&stub, 1).await.write(&metrics()).await {
        // The first metric has two points, of which the second was refused for good; then came the 500.
        Err(WriteError::Partial { written, rejected, .. }) => assert_eq!((written, rejected), (vec![], vec![0])),
        other => panic!("{other:?}"),
    }
    let stub = Stub::new(|seen| Reply::new(if text(seen).matches("metric").count() > 1 { 413 } else { 204 }, "")).await;
    output(&stub, 0).await.write(&metrics()).await.unwrap();
    assert_eq!(stub.seen().len(), 7);
}

#[tokio::test]
async fn lines_go_over_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let own = Settings { host: "tcp://127.0.0.1".to_owned(), port, prefix: "p.".to_owned(), ..Settings::default() };
    let mut output = Opentsdb::new(own, &Env::new("outputs.opentsdb")).unwrap();
    let read = tokio::spawn(async move {
        let mut text = String::new();
        for _ in 0..2 {
            listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
        }
        text
    });
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output.write(&metrics()).await.unwrap();
    let want = "put p.m_i 1 -3 k=a_b\nput p.m_f 1 2.500000 k=a_b\nput p.n_u 2 18446744073709551615 \nput p.o_v 3 1 \n";
    assert_eq!(read.await.unwrap(), want);
}

#[tokio::test]
async fn nobody_there_is_an_error_at_the_start() {
    let own = Settings { host: "http://127.0.0.1".to_owned(), port: 1, ..Settings::default() };
    let mut output = Opentsdb::new(own, &Env::new("outputs.opentsdb")).unwrap();
    assert!(matches!(output.open().await, Err(StartError::Retry(_))));
    let own = Settings { host: "ftp://h".to_owned(), ..Settings::default() };
    assert!(Opentsdb::new(own, &Env::new("x")).err().unwrap().to_string().contains("ftp"));
}
