//! The input against scripted servers on the loopback.

use super::*;
use agent_net::testing::{Reply, Stub};
use std::time::Duration as Time;

fn input(own: Settings) -> Result<HttpResponse> {
    HttpResponse::new(With { own, shared: Default::default() }, &Env::new("inputs.http_response"))
}

/// What one check gives, as `key=value` sorted; without the time.
async fn check(settings: Settings) -> Vec<String> {
    let mut out = Collector::new();
    input(settings).unwrap().gather(&mut out).await.unwrap();
    assert_eq!(out.batch().len(), 1);
    let metric = out.batch().at(0);
    let tags = metric.tags().filter(|t| t.0 != "server").map(|(k, v)| format!("{k}={v}"));
    let fields = metric.fields().filter(|f| f.0 != "response_time").map(|(k, v)| format!("{k}={v:?}"));
    let mut all: Vec<String> = tags.chain(fields).collect();
    all.sort();
    all
}

fn settings(stub: &Stub) -> Settings {
    Settings { urls: vec![stub.url("/p")], ..Settings::default() }
}

#[tokio::test]
async fn an_answer_is_described() {
    let stub = Stub::list(vec![Reply::new(404, "no page").header("X-Ver", "7")]).await;
    let own = Settings {
        http_header_tags: [("x-ver", "ver"), ("X-None", "none")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        response_body_field: "page".to_owned(),
        ..settings(&stub)
    };
    let want = [
        "content_length=Int(7)",
        "http_response_code=Int(404)",
        "method=GET",
        "page=Str(\"no page\")",
        "result=success",
        "result_code=Int(0)",
        "result_type=Str(\"success\")",
        "status_code=404",
        "ver=7",
    ];
    assert_eq!(check(own).await, want);
}

#[tokio::test]
async fn what_is_expected_is_compared() {
    let stub = Stub::list(vec![Reply::new(200, "all is well")]).await;
    let own = Settings { response_string_match: "w.ll$".to_owned(), response_status_code: 404, ..settings(&stub) };
    let got = check(own).await;
    for want in ["response_string_match=Int(1)", "response_status_code_match=Int(0)", "result_code=Int(6)"] {
        assert!(got.iter().any(|g| g == want), "{want} is not in {got:?}");
    }
    let own = Settings { response_string_match: "ill".to_owned(), ..settings(&stub) };
    assert!(check(own).await.contains(&"result=response_string_mismatch".to_owned()));
    let own = Settings { response_body_max_size: Size(5), response_string_match: "all".to_owned(), ..settings(&stub) };
    let got = check(own).await;
    assert!(got.contains(&"result=body_read_error".to_owned()), "{got:?}");
    assert!(got.contains(&"response_string_match=Int(0)".to_owned()), "{got:?}");
    assert!(got.contains(&"content_length=Int(6)".to_owned()), "{got:?}");
}

#[tokio::test]
async fn failures_have_names() {
    let stub = Stub::list(vec![Reply::new(200, "").after(Time::from_secs(30))]).await;
    let own = Settings { response_timeout: Duration::millis(100), ..settings(&stub) };
    assert_eq!(
        check(own).await,
        ["method=GET", "result=timeout", "result_code=Int(4)", "result_type=Str(\"timeout\")"]
    );
    let own = Settings { urls: vec!["http://127.0.0.1:1/".to_owned()], ..Settings::default() };
    assert!(check(own).await.contains(&"result=connection_failed".to_owned()));
    let own = Settings { urls: vec!["http://no-such-host.invalid/".to_owned()], ..Settings::default() };
    assert!(check(own).await.contains(&"result=dns_error".to_owned()));
    let stub = Stub::list(vec![Reply::new(0, "")]).await;
    assert!(check(settings(&stub)).await.contains(&"result=connection_failed".to_owned()));
}

#[tokio::test]
async fn a_form_is_sent_and_redirections_are_answers() {
    let stub = Stub::list(vec![Reply::new(302, "").header("Location", "/q")]).await;
    let form = [("k", vec!["a b", "c"]), ("l", vec!["&"])];
    let own = Settings {
        method: "post".to_owned(),
        body_form: form.map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect())).into(),
        ..settings(&stub)
    };
    assert!(check(own).await.contains(&"status_code=302".to_owned()));
    assert_eq!(stub.seen()[0].text(), "k=a+b&k=c&l=%26");
    assert_eq!(stub.seen().len(), 1);
    let stub = Stub::list(vec![Reply::new(302, "").header("Location", "/q"), Reply::new(200, "")]).await;
    let own = Settings { follow_redirects: true, ..settings(&stub) };
    assert!(check(own).await.contains(&"status_code=200".to_owned()));
}

#[tokio::test]
async fn a_token_is_sent() {
    let stub = Stub::list(vec![Reply::new(200, "")]).await;
    check(Settings { token: Secret::new("t-1"), ..settings(&stub) }).await;
    assert_eq!(stub.seen()[0].header("authorization"), Some("Bearer t-1"));
}

#[test]
fn bad_options_are_refused() {
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        format!("{:#}", input(own).err().unwrap())
    };
    assert!(error(|s| s.urls = vec!["ftp://h".to_owned()]).contains("unsupported scheme"));
    assert!(error(|s| s.response_string_match = "(".to_owned()).contains("response_string_match"));
    assert!(
        error(|s| {
            s.bearer_token = "file".to_owned();
            s.token = Secret::new("t");
        })
        .contains("bearer_token")
    );
    assert!(
        error(|s| {
            s.body = "x".to_owned();
            s.body_form.insert("k".to_owned(), vec![]);
        })
        .contains("body_form")
    );
}
