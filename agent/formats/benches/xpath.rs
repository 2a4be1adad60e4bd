//! How fast XML and JSON are taken apart by XPath, beside what reading them alone costs: quick-xml's events, serde_json's `Value`.
//!
//! `cargo bench -p agent-formats --bench xpath --no-default-features --features xml,xpath_json` prints megabytes and metrics a second of
//! one core, the best of several rounds, and the share of the ceiling.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{BoxParser, Build, Family, find};
use agent_api::{Body, Collector, Env};
use agent_formats as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Metrics of a document.
const METRICS: usize = 1000;
/// Rounds, of which the best counts: others use the machine as well.
const ROUNDS: usize = 60;

fn main() {
    let xml: String = (0..METRICS)
        .map(|i| {
            format!(
                "  <sensor id=\"s{i}\" room=\"r{}\">\n    <temp unit=\"C\">{}.{}</temp>\n    <hum>{}</hum>\n    <name>sensor &amp; {i}</name>\n    \
                 <at>{}</at>\n  </sensor>\n",
                i % 40,
                i % 35,
                i % 10,
                i % 100,
                1_600_000_000 + i
            )
        })
        .collect();
    let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<house>\n{xml}</house>\n");
    let json: Vec<String> = (0..METRICS)
        .map(|i| {
            format!(
                "{{\"id\": \"s{i}\", \"room\": \"r{}\", \"temp\": {}.{}, \"hum\": {}, \"name\": \"sensor & {i}\", \"at\": {}}}",
                i % 40,
                i % 35,
                i % 10,
                i % 100,
                1_600_000_000 + i
            )
        })
        .collect();
    let json = format!("{{\"sensor\": [{}]}}", json.join(",\n"));

    let events = time(|| {
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut count = 0;
        while !matches!(reader.read_event().expect("it is XML"), quick_xml::events::Event::Eof) {
            count += 1;
        }
        assert!(count > METRICS);
    });
    let queries = [("metric_selection", "/house/sensor"), ("timestamp", "at")];
    let tags = [("id", "@id"), ("room", "@room")];
    let fields = [("temp", "number(temp)"), ("name", "name"), ("unit", "temp/@unit")];
    let listed = parser("xml", &queries, &tags, &fields);
    report("xml, five queries", &xml, run(listed, &xml), events);
    let selected = parser("xml", &[("metric_selection", "//sensor"), ("field_selection", "*")], &tags, &[]);
    report("xml, field_selection", &xml, run(selected, &xml), events);

    let value = time(|| {
        let value: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert!(black_box(value).is_object());
    });
    let queries = [("metric_selection", "/sensor/*"), ("timestamp", "at")];
    let tags = [("id", "id"), ("room", "room")];
    let fields = [("temp", "number(temp)"), ("name", "name"), ("hum", "hum")];
    let listed = parser("xpath_json", &queries, &tags, &fields);
    report("xpath_json, five queries", &json, run(listed, &json), value);
    let selected = parser("xpath_json", &[("metric_selection", "/sensor/*"), ("field_selection", "*")], &tags, &[]);
    report("xpath_json, field_selection", &json, run(selected, &json), value);
}

/// A parser with one section.
fn parser(format: &str, queries: &[(&str, &str)], tags: &[(&str, &str)], fields: &[(&str, &str)]) -> BoxParser {
    let span = Span::default();
    let texts = |entries: &[(&str, &str)]| {
        let mut table = Table::default();
        for (key, query) in entries {
            table.set(key, span, Item { value: Setting::Str((*query).to_owned()), span });
        }
        table
    };
    let mut section = texts(queries);
    section.set("tags", span, Item { value: Setting::Table(texts(tags)), span });
    section.set("fields", span, Item { value: Setting::Table(texts(fields)), span });
    let sections = vec![Item { value: Setting::Table(section), span }];
    let mut table = Table::default();
    table.set("xpath", span, Item { value: Setting::Array(sections), span });
    table.set("xpath_native_types", span, Item { value: Setting::Bool(true), span });
    let Some(Build::Parser(make)) = find(Family::Parsers, format).map(|e| e.build) else {
        panic!("no parser {format}")
    };
    make(&table, &Env::new("inputs.file")).unwrap_or_else(|e| panic!("{format}: {e}"))
}

fn run(mut parser: BoxParser, document: &str) -> Duration {
    let body = Body::from(document);
    time(|| {
        let mut out = Collector::new();
        parser.parse(&body, &mut out).expect("it is read");
        assert_eq!(out.take().len(), METRICS);
    })
}

/// The time of the best round.
fn time(mut work: impl FnMut()) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    rounds.min().unwrap_or_default()
}

fn report(what: &str, document: &str, took: Duration, ceiling: Duration) {
    let megabytes = |time: Duration| document.len() as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{what}: {:.0} MB/s, {:.0} metrics/s; ceiling {:.0} MB/s, share {:.2}",
        megabytes(took),
        METRICS as f64 / took.as_secs_f64(),
        megabytes(ceiling),
        ceiling.as_secs_f64() / took.as_secs_f64()
    );
}
