//! The page over loopback, and what is on it.

use super::*;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn build(own: impl FnOnce(&mut Settings)) -> Result<PrometheusClient> {
    let mut settings = Settings {
        listen: "127.0.0.1:0".to_owned(),
        collectors_exclude: vec!["process".to_owned(), "gocollector".to_owned()],
        ..Settings::default()
    };
    own(&mut settings);
    let with = With { own: settings, shared: ServerTls::default() };
    PrometheusClient::new(with, &Env::new("outputs.prometheus_client"))
}

async fn start(own: impl FnOnce(&mut Settings)) -> (PrometheusClient, SocketAddr) {
    let mut output = build(own).unwrap();
    output.open().await.map_err(|e| e.to_string()).unwrap();
    let at = output.served.as_ref().unwrap().local.unwrap();
    (output, at)
}

/// Head and body of an answer.
async fn ask(at: SocketAddr, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: own\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

/// The page of some metrics, without its comments.
fn page(own: impl FnOnce(&mut Settings), add: impl FnOnce(&mut Batch)) -> Vec<String> {
    let output = build(own).unwrap();
    let mut batch = Batch::new();
    add(&mut batch);
    let mut table = output.table.lock().unwrap();
    let now = Instant::now();
    output.mapping.add(&batch.into(), &mut table, now);
    let style = Style { first_version: output.mapping.version == 1, times: output.settings.export_timestamp };
    let mut out = Vec::new();
    style.table(&table, now, PageFormat::negotiate(""), &mut out);
    let text = String::from_utf8(out).unwrap();
    text.lines().filter(|l| !l.starts_with("# HELP")).map(str::to_owned).collect()
}

fn second(settings: &mut Settings) {
    settings.metric_version = 2;
}

/// A text, booleans, two label sets.
fn mixed(batch: &mut Batch) {
    batch.metric("a").tag("t", "x").field("v", 1i64).field("on", true).field("s", "q\"\\\n").time(5_999_999);
    batch.metric("a").tag("u", "y").field("v", 2.5e6).time(2_000_000);
}

#[test]
fn labels_texts_and_booleans_of_both_versions() {
    assert_eq!(
        page(|_| {}, mixed),
        ["# TYPE a_v untyped", "a_v{s=\"\",t=\"\",u=\"y\"} 2.5e+06", "a_v{s=\"q\\\"\\\\\\n\",t=\"x\",u=\"\"} 1"]
    );
    assert_eq!(
        page(second, mixed),
        [
            "# TYPE a_on untyped",
            "a_on{s=\"q\\\"\\\\\\n\",t=\"x\"} 1",
            "# TYPE a_v untyped",
            "a_v{u=\"y\"} 2.5e+06",
            "a_v{s=\"q\\\"\\\\\\n\",t=\"x\"} 1",
        ]
    );
    let plain = page(|s| (s.string_as_label, s.export_timestamp) = (false, true), mixed);
    assert_eq!(plain[1..], ["a_v{t=\"\",u=\"y\"} 2.5e+06 2", "a_v{t=\"x\",u=\"\"} 1 5"]);
}

#[test]
fn in_version_1_a_text_that_changes_is_no_new_series() {
    let add = |batch: &mut Batch| {
        batch.metric("a").tag("t", "x").field("s", "old").field("v", 1i64).time(1);
        batch.metric("a").tag("t", "x").field("s", "new").field("v", 2i64).time(2);
    };
    assert_eq!(page(|_| {}, add)[1..], ["a_v{s=\"new\",t=\"x\"} 2"]);
    assert_eq!(page(second, add)[1..], ["a_v{s=\"new\",t=\"x\"} 2", "a_v{s=\"old\",t=\"x\"} 1"]);
}

#[test]
fn histograms_and_summaries_of_version_1() {
    let lines = page(
        |_| {},
        |batch| {
            let histogram = batch.metric("h").tag("t", "x").kind(Kind::Histogram).time(1);
            histogram.field("0.1", 4i64).field("1", 9.0).field("sum", 5.5).field("count", 10u64);
            batch.metric("s").kind(Kind::Summary).field("0.5", 3.0).field("sum", 40i64).field("count", 12i64).time(1);
        },
    );
    assert_eq!(
        lines,
        [
            "# TYPE h histogram",
            "h_bucket{t=\"x\",le=\"0.1\"} 4",
            "h_bucket{t=\"x\",le=\"1\"} 9",
            "h_bucket{t=\"x\",le=\"+Inf\"} 10",
            "h_sum{t=\"x\"} 5.5",
            "h_count{t=\"x\"} 10",
            "# TYPE s summary",
            "s{quantile=\"0.5\"} 3",
            "s_sum 40",
            "s_count 12",
        ]
    );
}

#[test]
fn pieces_of_version_2_are_no_histograms_of_version_1() {
    let add = |batch: &mut Batch| {
        batch.metric("prometheus").tag("le", "1").kind(Kind::Histogram).field("h_bucket", 9.0).time(1);
        batch.metric("prometheus").kind(Kind::Counter).field("c", 5.0).time(1);
    };
    assert_eq!(page(|_| {}, add), ["# TYPE prometheus_c counter", "prometheus_c 5"]);
}

#[test]
fn histograms_and_summaries_of_version_2() {
    let lines = page(second, |batch| {
        for (le, n) in [("1", 9.0), ("0.1", 4.0), ("+Inf", 10.0)] {
            batch.metric("prometheus").tag("le", le).kind(Kind::Histogram).field("h_bucket", n).time(1);
        }
        batch.metric("prometheus").kind(Kind::Histogram).field("h_sum", 5.5).field("h_count", 10.0).time(1);
        batch.metric("own").tag("quantile", "0.5").kind(Kind::Summary).field("s", 3.0).time(1);
        batch.metric("own").kind(Kind::Summary).field("s_sum", 40.0).field("s_count", 12.0).time(1);
        batch.metric("own").kind(Kind::Summary).field("no_quantile_sum", 40.0).time(1);
    });
    assert_eq!(
        lines,
        [
            "# TYPE h histogram",
            "h_bucket{le=\"0.1\"} 4",
            "h_bucket{le=\"1\"} 9",
            "h_bucket{le=\"+Inf\"} 10",
            "h_sum 5.5",
            "h_count 10",
            "# TYPE own_s summary",
            "own_s{quantile=\"0.5\"} 3",
            "own_s_sum 40",
            "own_s_count 12",
        ]
    );
}

#[test]
fn types_by_name_and_names_of_version_1() {
    let add = |batch: &mut Batch| {
        batch.metric("a").kind(Kind::Counter).field("counter", 1i64).field("gauge", 2i64).time(1);
        batch.metric("b").field("value", 1i64).field("n", 2i64).time(1);
    };
    let own = |s: &mut Settings| {
        s.metric_types = MetricTypes { counter: vec!["b*".to_owned()], gauge: vec!["b_n".to_owned()] };
    };
    assert_eq!(
        page(own, add),
        [
            "# TYPE a counter",
            "a 1",
            "# TYPE a_gauge counter",
            "a_gauge 2",
            "# TYPE b counter",
            "b 1",
            "# TYPE b_n gauge",
            "b_n 2"
        ]
    );
    assert_eq!(page(second, add)[..2], ["# TYPE a_counter counter", "a_counter 1"]);
}

#[test]
fn reserved_labels_and_labels_that_become_one() {
    let add = |batch: &mut Batch| {
        batch.metric("a").tag("__b", "1").field("v", 1i64).time(1);
        batch.metric("a").tag("my-tag", "x").field("my_tag", "y").field("v", 2i64).time(1);
    };
    assert_eq!(page(|_| {}, add)[1..], ["a_v{my_tag=\"y\"} 2"]);
    assert_eq!(page(second, add)[1..], ["a_v{my_tag=\"x\"} 2"]);
}

#[test]
fn what_a_reader_asks_for() {
    let kind = |accept: &str| PageFormat::negotiate(accept).content_type();
    let text = "text/plain; version=0.0.4; charset=utf-8; escaping=";
    assert_eq!(kind(""), format!("{text}underscores"));
    assert_eq!(kind("text/plain; version=1.0.0; escaping=allow-utf-8"), format!("{text}allow-utf-8"));
    assert_eq!(kind("application/openmetrics-text; version=1.0.0; escaping=dots, */*"), format!("{text}dots"));
    let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    assert_eq!(kind(&format!("text/plain;q=0.3, {protobuf};q=0.7")), format!("{protobuf}; escaping=underscores"));
    assert_eq!(kind(&format!("{protobuf};q=0.2, text/plain;q=0.3")), format!("{text}underscores"));
    assert!(takes_gzip("deflate, gzip;q=0.5") && !takes_gzip("gzip;q=0") && !takes_gzip("br"));
}

#[tokio::test]
async fn a_page_as_protocol_buffers() {
    let (mut output, at) = start(|s| s.export_timestamp = true).await;
    let mut batch = Batch::new();
    batch.metric("a").tag("t", "x").kind(Kind::Gauge).field("gauge", 1.0).time(2_000_000);
    output.write(&batch.into()).await.unwrap();
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let (head, body) = ask(at, "/metrics", &format!("Accept: {accept}\r\n")).await;
    assert!(head.contains("content-type: application/vnd.google.protobuf; proto="), "{head}");
    // Length; name, help, type gauge; a metric: label pair, gauge 1.0, time 2.
    let mut want = b"\x3f\x0a\x01a\x12\x19Telegraf collected metric\x18\x01\x22\x15\x0a\x06\x0a\x01t\x12\x01x".to_vec();
    want.extend_from_slice(b"\x12\x09\x09\0\0\0\0\0\0\xf0\x3f\x30\x02");
    want[0] = (want.len() - 1) as u8;
    assert_eq!(body, want);
}

#[tokio::test]
async fn paths_networks_and_headers() {
    let (mut output, at) = start(|s| {
        s.http_headers = [("X-Own".to_owned(), Secret::new("yes"))].into();
        s.path = "own".to_owned();
    })
    .await;
    let mut batch = Batch::new();
    batch.metric("a").field("v", 1i64).time(1);
    output.write(&batch.into()).await.unwrap();
    let (head, body) = ask(at, "/own?x=1", "").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("x-own: yes"), "{head}");
    assert_eq!(body, b"# HELP a_v Telegraf collected metric\n# TYPE a_v untyped\na_v 1\n");
    let (head, packed) = ask(at, "/own", "Accept-Encoding: gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip"));
    assert_eq!(coding::Coding::Gzip.decode(&packed, 1000).unwrap(), body);
    assert!(ask(at, "/metrics", "").await.1.starts_with(b"Telegraf Output Plugin"));

    let (_kept, at) = start(|s| s.ip_range = vec!["10.9.0.0/16".to_owned()]).await;
    let (head, body) = ask(at, "/", "").await;
    assert!(head.starts_with("HTTP/1.1 403 ") && body == b"Forbidden\n");
}

#[cfg(target_os = "linux")]
#[test]
fn figures_of_the_agent_are_those_not_excluded() {
    let names = |excluded: &[&str]| {
        let excluded: Vec<String> = excluded.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        Collectors::without(&excluded).append(PageFormat::negotiate(""), &mut out);
        let text = String::from_utf8(out).unwrap();
        ["go_threads ", "process_open_fds "].map(|name| text.lines().any(|line| line.starts_with(name)))
    };
    assert_eq!(names(&[]), [true, true]);
    assert_eq!(names(&["gocollector"]), [false, true]);
    assert_eq!(names(&["process"]), [true, false]);
    assert_eq!(names(&["process", "gocollector"]), [false, false]);
}

#[test]
fn settings_that_make_no_sense() {
    let refused = |own: fn(&mut Settings)| build(own).err().unwrap().to_string();
    assert!(refused(|s| s.metric_version = 3).contains("metric_version"));
    assert!(refused(|s| s.name_sanitization = "own".to_owned()).contains("name_sanitization"));
    assert!(refused(|s| s.collectors_exclude = vec!["own".to_owned()]).contains("collectors_exclude"));
    assert!(refused(|s| s.ip_range = vec!["10.0.0.1".to_owned()]).contains("ip_range"));
    assert!(refused(|s| s.listen = "own".to_owned()).contains("listen"));
}
