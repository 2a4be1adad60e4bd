//! The output against scripted servers.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};

fn output(url: String, own: impl FnOnce(&mut <Opensearch as Plugin>::Settings)) -> Result<Opensearch> {
    let mut settings = <Opensearch as Plugin>::Settings::default();
    settings.own.index_name = "own-{{.Tag \"k\"}}-{{.Time.Format \"2006\"}}".to_owned();
    settings.shared.own.urls = vec![url];
    own(&mut settings);
    Opensearch::new(settings, &Env::new("outputs.opensearch"))
}

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    for (name, pipeline) in [("a", "p q"), ("b", ""), ("c", "p q")] {
        drop(batch.metric(name).tag("k", "x").tag("pipe", pipeline).field("v", 1i64).time(0));
    }
    batch.into()
}

#[tokio::test]
async fn each_pipeline_has_its_request() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "HEAD /_template/t" => Reply::new(200, ""),
        _ => Reply::new(200, "{\"errors\": false, \"items\": []}"),
    })
    .await;
    let mut output = output(stub.url(""), |s| {
        s.own.use_pipeline = "{{.Tag \"pipe\"}}".to_owned();
        let c = &mut s.shared.own;
        (c.manage_template, c.template_name) = (true, "t".to_owned());
        (c.default_pipeline, c.auth_bearer_token) = ("usual".to_owned(), Secret::new("tok"));
    })
    .unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output.write(&metrics()).await.unwrap();
    assert_eq!(stub.lines(), ["HEAD /", "HEAD /_template/t", "POST /_bulk?pipeline=p+q", "POST /_bulk?pipeline=usual"]);
    let seen = &stub.seen()[2];
    assert_eq!(seen.text().lines().next(), Some("{\"index\":{\"_index\":\"own-x-1970\"}}"));
    assert_eq!(seen.text().lines().count(), 4);
    assert_eq!(
        (seen.header("content-type"), seen.header("authorization")),
        (Some("application/json"), Some("Bearer tok"))
    );
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let mut none = output("http://127.0.0.1:1".to_owned(), |_| {}).unwrap();
    assert!(matches!(none.open().await, Err(StartError::Retry(_))));
    let stub = Stub::list(vec![Reply::new(401, "")]).await;
    let error = output(stub.url(""), |_| {}).unwrap().open().await.unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    type Own = fn(&mut <Opensearch as Plugin>::Settings);
    for own in [
        (|s| s.own.index_name.clear()) as Own,
        |s| s.own.index_name = "{{.Tag".to_owned(),
        |s| s.own.use_pipeline = "{{own}}".to_owned(),
        |s| s.shared.own.urls.clear(),
    ] {
        assert!(output("http://127.0.0.1:1".to_owned(), own).is_err());
    }
}
