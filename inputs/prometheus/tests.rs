//! The input against scripted servers on the loopback.

use super::settings::{Consul, ConsulQuery, HttpServiceDiscovery};
use super::*;
use agent_formats as _;
use agent_net::testing::{Reply, Seen, Stub};
use std::time::Duration as Time;

fn input(settings: Settings) -> Prometheus {
    let mut shared = HttpSettings::default();
    shared.own.timeout = Duration::millis(2000);
    Prometheus::new(With { own: settings, shared }, &Env::new("inputs.prometheus")).unwrap()
}

fn settings(urls: &[String]) -> Settings {
    Settings { urls: urls.to_vec(), ..Settings::default() }
}

/// The metrics, sorted, and the errors.
async fn gather(input: &mut Prometheus) -> (Vec<String>, Vec<String>) {
    let mut out = Collector::new();
    input.gather(&mut out).await.unwrap();
    out.batch().settle_times(0, 0);
    let mut metrics: Vec<String> = out.batch().iter().map(|m| format!("{m:?}")).collect();
    metrics.sort();
    (metrics, out.take_errors().0.iter().map(|e| format!("{e:#}")).collect())
}

#[tokio::test]
async fn pages_of_both_kinds_are_read_and_tagged() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "GET /om" => Reply::new(200, "# TYPE hits counter\nhits_total 5 1\n# EOF\n")
            .header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "GET /metrics" => Reply::new(200, "# TYPE a gauge\na{url=\"own\",k=\"v\"} 1 1000\nbad line\n"),
        _ => Reply::new(404, "no such page"),
    })
    .await;
    let url = |path: &str| stub.url(path);
    let mut input = input(settings(&[url(""), url("/om"), url("/none"), url("/om")]));
    let (metrics, errors) = gather(&mut input).await;
    let (page, om) = (stub.url("/metrics"), stub.url("/om"));
    assert_eq!(
        metrics,
        [
            format!("a,k=v,url={page} gauge=Float(1.0) 1000000000"),
            format!("hits,url={om} counter=Float(5.0) 1000000000")
        ]
    );
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().any(|e| e.contains("line 3") && e.contains("/metrics")), "{errors:?}");
    assert!(errors.iter().any(|e| e.contains("404") && e.contains("no such page")), "{errors:?}");
    let accept = stub.seen()[0].header("accept").unwrap_or_default().to_owned();
    assert!(accept.starts_with("application/vnd.google.protobuf;") && accept.contains("text/plain;version=0.0.4"));
}

#[tokio::test]
async fn tokens_users_and_headers_are_sent() {
    let stub = Stub::list(vec![Reply::new(200, "a 1\n")]).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "from-file\n").unwrap();
    let base = settings(&[stub.url("/m")]);
    let user = Settings { username: Secret::new("u"), password: Secret::new("p"), ..base.clone() };
    let token = Settings { bearer_token_string: Secret::new("text"), ..user.clone() };
    let file = Settings { bearer_token: token_file.to_string_lossy().into_owned(), ..token.clone() };
    let headers = Settings { http_headers: [("X-Own".to_owned(), Secret::new("h"))].into(), ..base };
    for settings in [user, token, file, headers] {
        let (metrics, errors) = gather(&mut input(settings)).await;
        assert_eq!((metrics.len(), errors.len()), (1, 0), "{errors:?}");
    }
    let seen = stub.seen();
    let sent: Vec<_> = seen.iter().map(|s| s.header("authorization")).collect();
    assert_eq!(sent, [Some("Basic dTpw"), Some("Bearer text"), Some("Bearer from-file"), None]);
    assert_eq!(seen[3].header("x-own"), Some("h"));
}

#[tokio::test]
async fn options_of_pages() {
    let stub = Stub::list(vec![Reply::new(200, "# TYPE a gauge\na 1 1000\n# EOF\n")]).await;
    let base = settings(&[stub.url("/m")]);
    let url = stub.url("/m");
    let (metrics, _) = gather(&mut input(Settings {
        metric_version: 2,
        url_tag: "from".to_owned(),
        ignore_timestamp: true,
        enable_request_metrics: true,
        ..base.clone()
    }))
    .await;
    assert_eq!(metrics[0], format!("prometheus,from={url} a=Float(1.0) 0"));
    let request = format!("prometheus_request,from={url} response_time=Float(");
    assert!(metrics[1].starts_with(&request) && metrics[1].ends_with("content_length=Int(30) 0"), "{}", metrics[1]);
    let kind = "application/openmetrics-text; version=1.0.0".to_owned();
    let (metrics, _) =
        gather(&mut input(Settings { metric_version: 2, content_type_override: kind, ..base.clone() })).await;
    assert_eq!(metrics, [format!("openmetric,url={url} a=Float(1.0) 1000000000000")]);
    let (metrics, errors) = gather(&mut input(Settings { content_length_limit: Size(10), ..base })).await;
    assert!(metrics.is_empty() && errors[0].contains("content_length_limit"), "{errors:?}");
}

#[tokio::test]
async fn a_slow_page_holds_no_other_up_and_its_request_is_told() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "GET /slow" => Reply::new(200, "slow 1\n").after(Time::from_secs(30)),
        _ => Reply::new(200, "good 1\n"),
    })
    .await;
    let mut shared = HttpSettings::default();
    shared.own.timeout = Duration::millis(300);
    let own = Settings { enable_request_metrics: true, ..settings(&[stub.url("/slow"), stub.url("/good")]) };
    let mut input = Prometheus::new(With { own, shared }, &Env::new("inputs.prometheus")).unwrap();
    let (metrics, errors) = gather(&mut input).await;
    assert_eq!((metrics.len(), errors.len()), (2, 1), "{metrics:?} {errors:?}");
    assert!(metrics[0].starts_with("good,") && metrics[1].contains("prometheus_request,url="), "{metrics:?}");
}

#[tokio::test]
async fn services_of_consul() {
    let stub = Stub::new(|seen: &Seen| match seen.line.as_str() {
        "GET /v1/catalog/service/my%20web?tag=prod&dc=d1" => Reply::new(
            200,
            r#"[{"Node":"n1","Address":"10.0.0.1","ServiceAddress":"","ServicePort":PORT,"ServiceTags":["a","b"],"ServiceMeta":null},
                {"Node":"n2","Address":"10.0.0.2","ServiceAddress":"127.0.0.1","ServicePort":PORT,"ServiceMeta":{"metrics_path":"own"}}]"#
                .replace("PORT", seen.header("host").and_then(|h| h.split_once(':')).map_or("0", |h| h.1)),
        ),
        "GET /own" => Reply::new(200, "a 1\n"),
        _ => Reply::new(500, ""),
    })
    .await;
    let query = ConsulQuery {
        name: "my web".to_owned(),
        tag: "prod".to_owned(),
        dc: "d1".to_owned(),
        url: "http://{{if ne .ServiceAddress \"\"}}{{.ServiceAddress}}{{else}}{{.Address}}{{end}}:{{.ServicePort}}/\
              {{with .ServiceMeta.metrics_path}}{{.}}{{else}}metrics{{end}}"
            .to_owned(),
        tags: [("node".to_owned(), "{{.Node}}".to_owned())].into(),
    };
    let consul = Consul { enabled: true, agent: stub.url("/"), query: vec![query], ..Consul::default() };
    let mut input = input(Settings { consul: consul.clone(), ..Settings::default() });
    input.discoveries[0].refresh().await.unwrap();
    let found: Vec<String> = input.discoveries[0].targets().iter().map(|t| t.shown()).collect();
    assert!(found[0].starts_with("http://10.0.0.1:") && found[0].ends_with("/metrics"), "{found:?}");
    assert_eq!(found[1], stub.url("/own"));
    let tags = &input.discoveries[0].targets()[1].tags;
    assert_eq!(tags[1], ("node".to_owned(), "n2".to_owned()));
    // The list is good for five minutes.
    input.discoveries[0].refresh().await.unwrap();
    assert_eq!(stub.seen().len(), 1);
    for (name, url) in [("web", ""), ("", "http://h"), ("web", "{{")] {
        let mut consul = consul.clone();
        (consul.query[0].name, consul.query[0].url) = (name.to_owned(), url.to_owned());
        let own = Settings { consul, ..Settings::default() };
        let error = Prometheus::new(With { own, shared: HttpSettings::default() }, &Env::new("inputs.prometheus"));
        assert!(format!("{:#}", error.err().unwrap()).starts_with("consul"));
    }
}

#[tokio::test]
async fn targets_of_a_directory_stay_where_it_fails() {
    let stub = Stub::list(vec![
        Reply::new(200, r#"[{"targets":["h:1","https://h:2/own"],"labels":{"zone":"z"}},{"targets":[]}]"#),
        Reply::new(500, "broken"),
    ])
    .await;
    let directory = HttpServiceDiscovery { enabled: true, url: stub.url("/sd"), query_interval: Duration::millis(1) };
    let mut input = input(Settings { http_service_discovery: directory, ..Settings::default() });
    let discovery = &mut input.discoveries[0];
    discovery.refresh().await.unwrap();
    let shown = |d: &Discovery| d.targets().iter().map(|t| format!("{} {:?}", t.url, t.tags)).collect::<Vec<_>>();
    let want = [
        r#"http://h:1/metrics [("url", "http://h:1/metrics"), ("zone", "z")]"#,
        r#"https://h:2/own [("url", "https://h:2/own"), ("zone", "z")]"#,
    ];
    assert_eq!(shown(discovery), want);
    tokio::time::sleep(Time::from_millis(5)).await;
    let error = format!("{:#}", discovery.refresh().await.unwrap_err());
    assert!(error.contains("500") && error.contains("broken"), "{error}");
    assert_eq!(shown(discovery), want);
}

#[test]
fn mistakes_are_told() {
    let error = |change: fn(&mut Settings)| {
        let mut own = Settings::default();
        change(&mut own);
        let built = Prometheus::new(With { own, shared: HttpSettings::default() }, &Env::new("inputs.prometheus"));
        format!("{:#}", built.err().unwrap())
    };
    assert!(error(|s| s.metric_version = 3).contains("metric_version: 3"));
    assert!(error(|s| s.urls = vec!["ftp://h".to_owned()]).contains("urls: \"ftp://h\""));
    assert!(error(|s| s.kubernetes_services = vec!["h".to_owned()]).contains("kubernetes_services"));
    assert!(error(|s| (s.monitor_kubernetes_pods, s.kube_config) = (true, "/x".to_owned())).contains("kube_config"));
    assert!(error(|s| s.consul.enabled = true).contains("consul: there is no query"));
}
