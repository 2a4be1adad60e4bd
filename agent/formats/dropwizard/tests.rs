//! What registries become.

use super::Dropwizard;
use crate::testing::{build, list, parse, random_texts, read, text};
use agent_api::Table;
use agent_api::options::{Item, Setting, Span};

const REGISTRY: &str = r#"{"version": "3.0.0",
    "counters": {"trips,zone=n1": {"count": 7}}, "gauges": {"a.b": {"value": "open"}, "odd": {"value": [1]}, "none": {}, "bad,x": {"value": true}},
    "timers": {"req,path=/a\\ b": {"count": 1, "max": 0.25, "units": "s"}}, "meters": 5}"#;

fn table(entries: &[(&str, &str)]) -> Setting {
    let span = Span::default();
    let mut table = Table::default();
    for (key, value) in entries {
        table.set(key, span, Item { value: text(value), span });
    }
    Setting::Table(table)
}

#[test]
fn a_registry_becomes_metrics() {
    assert_eq!(
        parse::<Dropwizard>(REGISTRY, &[]),
        "trips,metric_type=counter,zone=n1 count=Float(7.0) 0\na.b,metric_type=gauge value=Str(\"open\") 0\n\
         bad,x,metric_type=gauge value=Bool(true) 0\nreq,metric_type=timer,path=/a b count=Float(1.0),max=Float(0.25),units=Str(\"s\") 0"
    );
}

#[test]
fn paths_lead_to_registry_time_and_tags() {
    let document = r#"{"at": "2020-09-13T12:26:40Z", "tags": {"app": "x", "zone": "doc"}, "m": {"r": {"counters": {"c,zone=own": {"count": 1}}}}}"#;
    let options = [
        ("dropwizard_metric_registry_path", text("m.r")),
        ("dropwizard_time_path", text("at")),
        ("dropwizard_tags_path", text("tags")),
    ];
    assert_eq!(
        parse::<Dropwizard>(document, &options),
        "c,app=x,metric_type=counter,zone=own count=Float(1.0) 1600000000000000000"
    );
    let maps = [
        ("dropwizard_metric_registry_path", text("m.r")),
        ("dropwizard_time_path", text("at")),
        ("dropwizard_time_format", text("2006-01-02T15:04:05Z")),
        ("dropwizard_tag_paths_map", table(&[("a", "tags.app"), ("n", "tags.none")])),
        ("dropwizard_tag_paths", table(&[("b", "m.r.counters.c,zone=own.count")])),
    ];
    assert_eq!(
        parse::<Dropwizard>(document, &maps),
        "c,a=x,b=1,metric_type=counter,zone=own count=Float(1.0) 1600000000000000000"
    );
}

#[test]
fn templates_take_names_apart() {
    let document = r#"{"gauges": {"jvm.heap.used,host=h": {"value": 1}, "vm.x": {"value": 2}}}"#;
    let options = [("templates", list(&["jvm.* measurement.kind.field", "measurement*"])), ("separator", text("_"))];
    assert_eq!(
        parse::<Dropwizard>(document, &options),
        "jvm,kind=heap,metric_type=gauge used,host=h_value=Float(1.0) 0\nvm_x,metric_type=gauge value=Float(2.0) 0"
    );
}

#[test]
fn what_is_not_there_is_told() {
    let error = |document: &str, options: &[(&str, Setting)]| {
        read(&mut build::<Dropwizard>(options).unwrap(), document).1.unwrap_or_default()
    };
    assert!(error(REGISTRY, &[("dropwizard_time_path", text("when"))]).contains("nothing is at \"when\""));
    assert!(error(REGISTRY, &[("dropwizard_time_path", text("version"))]).contains("3.0.0"));
    assert!(error(REGISTRY, &[("dropwizard_metric_registry_path", text("x"))]).contains("nothing is at \"x\""));
    assert!(error("[1]", &[]).contains("no object"));
    assert!(!error("{\"counters\": {", &[]).is_empty());
    assert!(build::<Dropwizard>(&[("templates", list(&["a.b"]))]).is_err());
    let mut parser = build::<Dropwizard>(&[("dropwizard_tags_path", text("t"))]).unwrap();
    for document in
        random_texts(&["{", "}", "\"counters\":", "\"a,b=\\\\ c\"", ":", "1", "\"t\"", ",", "[", "]", " "], 14, 5_000)
    {
        let _read = read(&mut parser, &document);
    }
}
