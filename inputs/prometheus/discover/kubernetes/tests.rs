//! Pods as a stub of the API gives them.

use super::*;
use agent_net::testing::{Reply, Seen, Stub};

fn pod(name: &str, more: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"shop","labels":{{"app":"web","tier":"front"}},"annotations":{{{more}}}}},
            "spec":{{"nodeName":"n1"}},
            "status":{{"podIP":"10.0.0.7","phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
    )
}

fn pods(settings: Settings, api: &str) -> Pods {
    let mut pods = Pods::new(&settings).unwrap();
    pods.place = Place::Cluster(Some(Url::parse(api).unwrap()));
    pods.directory = super::super::Directory::new(Setup::default());
    pods
}

#[tokio::test]
async fn pods_that_want_it_are_found_page_by_page() {
    let stub = Stub::new(|seen: &Seen| {
        let pods = |list: &[String], next: &str| {
            Reply::new(200, format!(r#"{{"items":[{}],"metadata":{{"continue":"{next}"}}}}"#, list.join(",")))
        };
        let yes = r#""prometheus.io/scrape":"true""#;
        if seen.line.contains("/namespaces?") {
            return Reply::new(200, r#"{"items":[{"metadata":{"name":"shop","annotations":{"team":"a1"}}}]}"#);
        }
        if seen.line.contains("continue=second") {
            let more = format!(
                r#"{yes},"prometheus.io/port":"9999","prometheus.io/path":"own?x=1","prometheus.io/scheme":"https""#
            );
            return pods(&[pod("b", &more)], "");
        }
        let not_ready = pod("c", yes).replace("True", "False");
        pods(&[pod("a", yes), pod("silent", ""), not_ready, pod("no-ip", yes).replace("10.0.0.7", "")], "second")
    })
    .await;
    let settings = Settings {
        monitor_kubernetes_pods_namespace: "shop".to_owned(),
        kubernetes_label_selector: "app=web".to_owned(),
        pod_annotation_exclude: vec!["prometheus.io/*".to_owned()],
        pod_label_include: vec!["app".to_owned()],
        pod_name_label_name: "pod".to_owned(),
        namespace_annotation_pass: [("team".to_owned(), vec!["a*".to_owned()])].into(),
        ..Settings::default()
    };
    let mut pods = pods(settings, &stub.url("/"));
    let found = pods.find().await.unwrap();
    assert_eq!(
        stub.lines(),
        [
            "GET /api/v1/namespaces?resourceVersion=0",
            "GET /api/v1/namespaces/shop/pods?limit=500&labelSelector=app%3Dweb&resourceVersion=0",
            "GET /api/v1/namespaces/shop/pods?limit=500&labelSelector=app%3Dweb&continue=second",
        ]
    );
    let urls: Vec<&str> = found.iter().map(|t| t.url.as_str()).collect();
    assert_eq!(urls, ["http://10.0.0.7:9102/metrics", "https://10.0.0.7:9999/own?x=1"]);
    let tags: Vec<String> = found[0].tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(tags.join(" "), "url=http://10.0.0.7:9102/metrics address=10.0.0.7 pod=a namespace=shop app=web");
    pods.pass.clear();
    pods.drop = vec![("team".to_owned(), Filter::compile(&["a1".to_owned()], &[]).unwrap())];
    assert!(pods.find().await.unwrap().is_empty());
}

#[tokio::test]
async fn methods_and_selectors() {
    let stub = Stub::new(|_: &Seen| {
        let no = pod("no", r#""prometheus.io/scrape":"false""#);
        Reply::new(200, format!(r#"{{"items":[{},{no}]}}"#, pod("a", r#""prometheus.io/port":"1""#)))
    })
    .await;
    let with = |method: &str, fields: &str| Settings {
        monitor_kubernetes_pods_method: method.to_owned(),
        monitor_kubernetes_pods_port: 8080,
        kubernetes_field_selector: fields.to_owned(),
        ..Settings::default()
    };
    for (method, fields, want) in [
        ("annotations", "", &[][..]),
        ("settings", "spec.nodeName=n1", &["http://10.0.0.7:8080/metrics", "http://10.0.0.7:8080/metrics"]),
        ("settings+annotations", "", &["http://10.0.0.7:1/metrics"]),
        ("settings", "spec.nodeName=n2", &[]),
    ] {
        let found = pods(with(method, fields), &stub.url("/")).find().await.unwrap();
        assert_eq!(found.iter().map(|t| t.url.as_str()).collect::<Vec<_>>(), want, "{method} {fields}");
    }
}

#[test]
fn mistakes_are_told() {
    let error = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        format!("{:#}", Pods::new(&settings).err().unwrap())
    };
    assert!(error(|s| s.kube_config = "/x".to_owned()).contains("kube_config"));
    assert!(error(|s| s.monitor_kubernetes_pods_method = "x".to_owned()).contains("monitor_kubernetes_pods_method"));
    assert!(error(|s| s.pod_scrape_scope = "x".to_owned()).contains("pod_scrape_scope"));
    assert!(error(|s| (s.pod_scrape_scope, s.node_ip) = ("node".to_owned(), "x".to_owned())).contains("node_ip"));
    assert!(error(|s| s.kubernetes_label_selector = "a b".to_owned()).contains("kubernetes_label_selector"));
    assert!(error(|s| s.kubernetes_field_selector = "a=b".to_owned()).contains("kubernetes_field_selector"));
    let node = Settings { pod_scrape_scope: "NODE".to_owned(), node_ip: "::1".to_owned(), ..Settings::default() };
    assert_eq!(Pods::new(&node).unwrap().place, Place::Node(Url::parse("https://[::1]:10250/pods").unwrap()));
}
