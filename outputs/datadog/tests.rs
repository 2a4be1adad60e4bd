//! Bodies, and the output against a scripted server on the loopback.

use super::*;
use agent_net::testing::{Reply, Stub};
use std::time::Duration as Time;

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    let metric = batch.metric("m").tag("host", "h").field("value", 3i64).field("s", "x").field("nan", f64::NAN);
    drop(metric.field("ok", true).time(1_999_999_999));
    batch.metric("c").kind(Kind::Counter).tag("metric_type", "counter").field("value", 50.0).time(0);
    batch.into()
}

fn body(rate_interval: u64) -> serde_json::Value {
    let mut out = Vec::new();
    assert!(series::write(&metrics(), Time::from_secs(rate_interval), &mut out).unwrap());
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn numbers_are_series() {
    let series = &body(0)["series"];
    let want = serde_json::json!([
        {"metric": "m", "points": [[1, 3.0]], "host": "h", "tags": ["host:h"], "interval": 1},
        {"metric": "m.ok", "points": [[1, 1.0]], "host": "h", "tags": ["host:h"], "interval": 1},
        {"metric": "c", "points": [[0, 50.0]], "host": "", "type": "count", "tags": ["metric_type:counter"], "interval": 1},
    ]);
    assert_eq!(series, &want);
    let rate = &body(10)["series"][2];
    assert_eq!((&rate["type"], &rate["interval"], &rate["points"][0][1]), (&"rate".into(), &10.into(), &5.0.into()));
}

#[tokio::test]
async fn the_key_is_in_the_query_and_never_in_an_error() {
    let stub = Stub::list(vec![Reply::new(210, "no"), Reply::new(202, "")]).await;
    let own = Settings {
        apikey: Secret::new("key 1"),
        url: stub.url("/api"),
        compression: "zlib".to_owned(),
        ..Settings::default()
    };
    let mut output = Datadog::new(With { own, shared: Proxy::default() }, &Env::new("outputs.datadog")).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    let refused = output.write(&metrics()).await.unwrap_err().to_string();
    assert!(refused.contains("210") && !refused.contains("key"), "{refused}");
    output.write(&metrics()).await.unwrap();
    assert_eq!(stub.lines()[1], "POST /api?api_key=key+1");
    assert_eq!(stub.seen()[1].header("content-encoding"), Some("deflate"));
    let mut batch = Batch::new();
    batch.metric("m").field("s", "text").time(1);
    output.write(&batch.into()).await.unwrap();
    assert_eq!(stub.seen().len(), 2, "a request without a series was sent");
}

#[test]
fn a_key_is_required() {
    let built = Datadog::new(With::default(), &Env::new("outputs.datadog"));
    assert!(built.err().unwrap().to_string().contains("apikey"));
}
