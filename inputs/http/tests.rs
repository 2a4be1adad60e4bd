//! The input against scripted servers on the loopback.

use super::*;
use agent_api::plugin::{Build, Family, find};
use agent_formats as _;
use agent_net::testing::{Reply, Seen, Stub};
use std::sync::Arc;
use std::time::Duration as Time;

fn input(settings: Settings, shared: HttpSettings) -> Result<Http> {
    let mut env = Env::new("inputs.http");
    let inner = env.clone();
    env.parsers = Some(Arc::new(move || match find(Family::Parsers, "influx").unwrap().build {
        Build::Parser(make) => Ok(make(&Table::default(), &inner)?),
        _ => unreachable!("the registry gives a parser among parsers"),
    }));
    Http::new(With { own: settings, shared }, &env)
}

fn settings(urls: &[String]) -> Settings {
    Settings { urls: urls.to_vec(), ..Settings::default() }
}

/// The metrics as `name,tags` in order, and the errors.
async fn gather(input: &mut Http) -> (Vec<String>, Vec<String>) {
    let mut out = Collector::new();
    input.gather(&mut out).await.unwrap();
    let shown =
        |m: MetricRef<'_>| m.tags().fold(m.name().to_owned(), |all, (key, value)| format!("{all},{key}={value}"));
    let metrics = out.batch().iter().map(shown).collect();
    (metrics, out.take_errors().0.iter().map(|e| format!("{e:#}")).collect())
}

#[tokio::test]
async fn metrics_are_tagged_with_their_address_unless_they_are() {
    let stub = Stub::list(vec![Reply::new(200, "a,url=own v=1 1\nb v=2 2\nbad\n")]).await;
    let url = stub.url("/m?q=1");
    let (metrics, errors) =
        gather(&mut input(settings(std::slice::from_ref(&url)), HttpSettings::default()).unwrap()).await;
    assert_eq!(metrics, ["a,url=own".to_owned(), format!("b,url={url}")]);
    assert!(errors.len() == 1 && errors[0].contains("line 3"), "{errors:?}");
}

#[tokio::test]
async fn a_slow_or_bad_address_holds_nobody_up() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "GET /slow" => Reply::new(200, "slow v=1").after(Time::from_secs(30)),
        "GET /bad" => Reply::new(500, "why"),
        _ => Reply::new(200, "good v=1"),
    })
    .await;
    let mut shared = HttpSettings::default();
    shared.own.timeout = Duration::millis(300);
    let urls = ["/slow", "/bad", "/good"].map(|p| stub.url(p));
    let mut input = input(settings(&urls), shared).unwrap();
    let (metrics, errors) = gather(&mut input).await;
    assert_eq!(metrics, [format!("good,url={}", stub.url("/good"))]);
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().any(|e| e.contains("500") && e.contains("why")), "{errors:?}");
}

#[tokio::test]
async fn a_request_carries_what_is_set() {
    let stub = Stub::list(vec![Reply::new(202, "")]).await;
    let own = Settings {
        method: "put".to_owned(),
        body: Secret::new("some text"),
        content_encoding: "gzip".to_owned(),
        token: Secret::new("t\n"),
        headers: [("x-own".to_owned(), Secret::new("1"))].into(),
        success_status_codes: vec![202],
        ..settings(&[stub.url("/m")])
    };
    let (metrics, errors) = gather(&mut input(own, HttpSettings::default()).unwrap()).await;
    assert!(metrics.is_empty() && errors.is_empty(), "{errors:?}");
    let seen = &stub.seen()[0];
    assert_eq!(seen.line, "PUT /m");
    assert_eq!(seen.header("authorization"), Some("Bearer t"));
    assert_eq!(seen.header("x-own"), Some("1"));
    assert_eq!(Coding::Gzip.decode(&seen.body, 100).unwrap(), b"some text");
}

#[tokio::test]
async fn packed_documents_are_unpacked_and_bounded() {
    let packed = Coding::Gzip.encode(&b"a v=1\n".repeat(100)).unwrap();
    let stub = Stub::list(vec![Reply::new(200, packed).header("Content-Encoding", "gzip")]).await;
    let own = settings(&[stub.url("/m")]);
    assert_eq!(gather(&mut input(own.clone(), HttpSettings::default()).unwrap()).await.0.len(), 100);
    let own = Settings { response_body_max_size: Size(599), ..own };
    let (metrics, errors) = gather(&mut input(own, HttpSettings::default()).unwrap()).await;
    assert!(metrics.is_empty() && errors[0].contains("599"), "{errors:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_document_comes_through_a_socket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 1000];
        let n = stream.read(&mut seen).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\na v=1\n").await.unwrap();
        String::from_utf8_lossy(&seen[..n]).into_owned()
    });
    let url = format!("http+unix://{}:/v1/x?q=1", path.display());
    let (metrics, errors) =
        gather(&mut input(settings(std::slice::from_ref(&url)), HttpSettings::default()).unwrap()).await;
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(metrics, [format!("a,url={url}")]);
    assert!(served.await.unwrap().starts_with("GET /v1/x?q=1 "));
}

#[test]
fn bad_options_are_refused() {
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        format!("{:#}", input(own, HttpSettings::default()).err().unwrap())
    };
    assert!(error(|s| s.urls = vec!["h:1".to_owned()]).contains("h:1"));
    assert!(error(|s| s.method = "A B".to_owned()).contains("A B"));
    assert!(error(|s| (s.token, s.token_file) = (Secret::new("x"), "/f".to_owned())).contains("token_file"));
    assert_eq!(Target::new("http://u:pw@h/x").unwrap().tag, "http://h/x");
}
