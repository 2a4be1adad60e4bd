//! The output against scripted servers.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};

fn output(url: String, own: impl FnOnce(&mut <Elasticsearch as Plugin>::Settings)) -> Result<Elasticsearch> {
    let mut settings = <Elasticsearch as Plugin>::Settings::default();
    settings.own.index_name = "own-{{k}}".to_owned();
    settings.shared.own.urls = vec![url];
    own(&mut settings);
    Elasticsearch::new(settings, &Env::new("outputs.elasticsearch"))
}

async fn server(version: &'static str) -> Stub {
    Stub::new(move |seen: &Seen| match seen.line.as_str() {
        "GET /" => Reply::new(200, format!("{{\"version\": {{\"number\": \"{version}\"}}}}")),
        "HEAD /_template/t" => Reply::new(404, ""),
        _ => Reply::new(200, "{\"errors\": false, \"items\": []}"),
    })
    .await
}

fn metrics() -> Chunk {
    let mut batch = Batch::new();
    drop(batch.metric("a").tag("k", "x").field("v", 1i64).time(0));
    batch.into()
}

#[tokio::test]
async fn all_of_the_options() {
    let stub = server("6.8.1").await;
    let mut output = output(stub.url(""), |s| {
        s.own.use_pipeline = "p-{{none}}".to_owned();
        s.own.use_optype_create = true;
        s.own.headers.insert("X-Own".to_owned(), Texts::Many(vec![Secret::new("1"), Secret::new("2")]));
        let c = &mut s.shared.own;
        (c.manage_template, c.template_name, c.force_document_id) = (true, "t".to_owned(), true);
        (c.default_pipeline, c.enable_gzip) = ("usual".to_owned(), true);
        (c.username, c.password) = (Secret::new("own"), Secret::new("pw"));
    })
    .unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    output.write(&metrics()).await.unwrap();
    assert_eq!(stub.lines(), ["GET /", "HEAD /_template/t", "PUT /_template/t", "POST /_bulk"]);
    let seen = &stub.seen()[3];
    assert_eq!(seen.header("authorization"), Some("Basic b3duOnB3"));
    assert_eq!(seen.headers.iter().filter(|h| h.0 == "x-own").count(), 2);
    assert_eq!(seen.header("content-type"), Some("application/x-ndjson"));
    let body = agent_net::coding::Coding::Gzip.decode(&seen.body, 10_000).unwrap();
    let line = String::from_utf8(body).unwrap().lines().next().unwrap().to_owned();
    let id = line.split('"').nth(9).unwrap().to_owned();
    assert_eq!(id.len(), 64);
    let expected = format!(r#"{{"create":{{"_index":"own-x","_id":"{id}","_type":"metrics","pipeline":"usual"}}}}"#);
    assert_eq!(line, expected);
}

#[tokio::test]
async fn servers_that_are_too_old_or_none_at_all() {
    for version in ["2.4.6", "own"] {
        let stub = server(version).await;
        let error = output(stub.url(""), |_| {}).unwrap().open().await.unwrap_err().to_string();
        assert!(error.contains("not supported"), "{error}");
    }
    let mut none = output("http://127.0.0.1:1".to_owned(), |_| {}).unwrap();
    assert!(matches!(none.open().await, Err(StartError::Retry(_))));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    type Own = fn(&mut <Elasticsearch as Plugin>::Settings);
    for own in [
        (|s| s.own.index_name.clear()) as Own,
        |s| s.shared.own.urls.clear(),
        |s| s.shared.own.urls = vec!["own".to_owned()],
        |s| s.shared.own.float_handling = "own".to_owned(),
        |s| s.shared.own.manage_template = true,
        |s| {
            (s.shared.own.manage_template, s.shared.own.template_name) = (true, "t".to_owned());
            s.own.index_name = "%Y".to_owned();
        },
        |s| drop(s.own.headers.insert("a b".to_owned(), Texts::One(Secret::new("x")))),
    ] {
        assert!(output("http://127.0.0.1:1".to_owned(), own).is_err());
    }
}
