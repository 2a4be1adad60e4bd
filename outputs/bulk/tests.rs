//! Documents, templates, and the nodes of a cluster against scripted servers.

use super::document::{document, id};
use super::*;
use agent_api::*;
use agent_net::client::Method;
use agent_net::testing::{Reply, Seen, Stub};
use agent_net::tls::ClientTls;

fn batch() -> Batch {
    let mut batch = Batch::new();
    let m = batch.metric("m").tag("k", "ä").field("u", 7u64).field("f", 2.0).field("b", true).field("s", "x \"y\"<");
    drop(m.time(1_700_000_000_120_000_000));
    drop(batch.metric("tag").field("nan", f64::NAN).field("low", f64::NEG_INFINITY).field("v", 1e21).time(0));
    drop(batch.metric("a").tag("k", "a").field("v", 1i64).time(1_700_000_010_000_000_000));
    batch
}

fn json(i: usize, floats: Floats) -> Result<String> {
    let mut out = Vec::new();
    document(batch().at(i), floats, &mut out)?;
    Ok(String::from_utf8(out)?)
}

#[test]
fn documents_and_their_identifiers() {
    assert_eq!(
        json(0, Floats::Refuse).unwrap(),
        "{\"@timestamp\":\"2023-11-14T22:13:20.12Z\",\"m\":{\"b\":true,\"f\":2,\"s\":\"x \\\"y\\\"<\",\"u\":7},\
         \"measurement_name\":\"m\",\"tag\":{\"k\":\"ä\"}}\n"
    );
    assert!(json(1, Floats::Refuse).unwrap_err().to_string().contains("\"low\" is -inf"));
    let head = "{\"@timestamp\":\"1970-01-01T00:00:00Z\",\"measurement_name\":\"tag\",\"tag\":{},\"tag_\":";
    assert_eq!(json(1, Floats::Drop).unwrap(), format!("{head}{{\"v\":1e+21}}}}\n"));
    assert_eq!(json(1, Floats::Replace(3.0)).unwrap(), format!("{head}{{\"low\":-3,\"nan\":3,\"v\":1e+21}}}}\n"));
    // As Telegraf 1.40 makes it.
    assert_eq!(id(batch().at(2)), "524113aee5620cf3dcd23996a8f13af0e9ea0cdc443ac42924284e9cd555d29b");
}

#[test]
fn templates_of_all_generations() {
    let pattern = pattern("own-{{k}}-%Y", &["%", "{{"]).unwrap();
    assert_eq!(pattern, "own-*");
    assert!(super::pattern("%Y", &["%"]).is_err());
    let seven = template(&pattern, Generation::Seven, None);
    assert_eq!(seven["index_patterns"][0], "own-*");
    assert_eq!(seven["settings"]["index"]["codec"], "best_compression");
    assert_eq!(seven["mappings"]["dynamic_templates"][1]["metrics_long"]["mapping"]["type"], "float");
    let six = template(&pattern, Generation::Six, None);
    assert_eq!(six["mappings"]["metrics"]["properties"]["@timestamp"]["type"], "date");
    let own = serde_json::from_str("{\"codec\": \"default\"}").unwrap();
    let five = template(&pattern, Generation::Five, Some(&own));
    assert_eq!(
        (five["template"].as_str(), five["settings"]["index"].to_string()),
        (Some("own-*"), "{\"codec\":\"default\"}".to_owned())
    );
    assert_eq!(five["mappings"]["metrics"]["_all"]["enabled"], false);
}

fn cluster(urls: Vec<String>, own: impl FnOnce(&mut Common)) -> Cluster {
    let mut common = Common { urls, ..Common::default() };
    own(&mut common);
    Cluster::new(&common, common.setup(ClientTls::default()), &Env::new("outputs.test").log).unwrap()
}

async fn get(cluster: &mut Cluster) -> Result<u16> {
    Ok(cluster.send(&Call::new(Method::GET, "/x")).await?.status.as_u16())
}

#[tokio::test]
async fn a_node_that_is_gone_is_passed_over_and_asked_again_later() {
    let stub = Stub::list(vec![Reply::new(200, "")]).await;
    let mut cluster = cluster(vec!["http://127.0.0.1:1/".to_owned(), stub.url("")], |c| {
        c.health_check_interval = Duration::secs(3600);
    });
    cluster.open().await.unwrap();
    for _ in 0..4 {
        assert_eq!(get(&mut cluster).await.unwrap(), 200);
    }
    assert_eq!(stub.lines(), ["GET /x"; 4]);
    let mut gone = super::tests::cluster(vec!["http://127.0.0.1:1/".to_owned()], |_| {});
    gone.open().await.unwrap();
    for _ in 0..2 {
        assert!(get(&mut gone).await.unwrap_err().to_string().contains("127.0.0.1:1"));
    }
}

#[tokio::test]
async fn nodes_that_the_cluster_tells() {
    let other = Stub::list(vec![Reply::new(200, "")]).await;
    let at = other.url("").trim_start_matches("http://").to_owned();
    let stub = Stub::new(move |seen: &Seen| match seen.line.as_str() {
        "GET /_nodes/http" => Reply::new(
            200,
            format!("{{\"nodes\": {{\"n\": {{\"http\": {{\"publish_address\": \"{at}\"}}}}, \"m\": {{}}}}}}"),
        ),
        _ => Reply::new(500, ""),
    })
    .await;
    let mut cluster = cluster(vec![stub.url("")], |c| c.enable_sniffer = true);
    cluster.open().await.unwrap();
    assert_eq!(get(&mut cluster).await.unwrap(), 200);
    assert_eq!((stub.seen().len(), other.lines()), (1, vec!["GET /x".to_owned()]));
}

async fn written(replies: Vec<Reply>, names: &[&str]) -> (Result<(), WriteError>, Stub) {
    let stub = Stub::list(replies).await;
    let mut cluster = cluster(vec![stub.url("/base/")], |_| {});
    cluster.open().await.unwrap();
    let mut batch = Batch::new();
    names.iter().for_each(|name| drop(batch.metric(name).field("v", 1i64).time(0)));
    let mut bulk = Bulk::new(names.len());
    for (i, metric) in batch.iter().enumerate() {
        bulk.add(i, metric, "create", &[("_index", "own"), ("pipeline", "")], false, Floats::Refuse);
    }
    bulk.send(&mut cluster, &Call::new(Method::POST, "/_bulk"), "application/x-ndjson").await;
    (bulk.result(), stub)
}

#[tokio::test]
async fn every_document_has_its_own_answer() {
    let answer = r#"{"errors": true, "items": [{"create": {"status": 201}},
        {"create": {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "no number"}}},
        {"create": {"status": 429, "error": {"type": "busy"}}}, {"create": {"status": 409}}]}"#;
    let (result, stub) = written(vec![Reply::new(200, answer)], &["a", "b", "c", "d"]).await;
    match result {
        Err(WriteError::Partial { written, rejected, cause }) => {
            assert_eq!((written, rejected), (vec![0, 3], vec![1]));
            assert!(cause.to_string().contains("mapper_parsing_exception: no number"), "{cause}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stub.lines(), ["POST /base/_bulk"]);
    assert!(stub.seen()[0].text().starts_with("{\"create\":{\"_index\":\"own\"}}\n{\"@timestamp\""));
}

#[tokio::test]
async fn what_is_too_large_is_halved() {
    let good = || Reply::new(200, r#"{"errors": false, "items": []}"#);
    let (result, stub) =
        written(vec![Reply::new(413, ""), good(), Reply::new(413, ""), good()], &["a", "b", "c"]).await;
    result.unwrap();
    assert_eq!(stub.seen().len(), 5);
    assert_eq!(stub.seen()[1].text().lines().count(), 2);
}

#[tokio::test]
async fn answers_that_are_about_the_whole() {
    for (text, seconds) in [("7", 7), ("31536000", 600), ("1e300", 600), ("tomorrow", 10), ("-1", 10), ("NaN", 10)] {
        let (result, _) = written(vec![Reply::new(503, "").header("Retry-After", text)], &["a"]).await;
        let wait = Some(std::time::Duration::from_secs(seconds));
        assert!(matches!(result, Err(WriteError::Retry { after, .. }) if after == wait), "{text}");
    }
    let (result, _) = written(vec![Reply::new(400, "what?")], &["a", "b"]).await;
    assert!(matches!(result, Err(WriteError::Reject { indices, .. }) if indices == [0, 1]));
    for strange in ["", "[]", "{\"errors\": true}", "{\"errors\": true, \"items\": [{}, {}]}"] {
        let (result, _) = written(vec![Reply::new(200, strange)], &["a"]).await;
        assert!(matches!(result, Err(WriteError::Retry { .. })), "{strange}");
    }
}
