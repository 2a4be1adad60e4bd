//! All data formats of the registry: every document is read or refused, what was read can be written in every format, and a
//! format whose documents can be cut finds whole records.
#![no_main]

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{Family, entries};
use agent_api::{Batch, Chunk, View};
use agent_fuzz::{list, parse, parser, serializer, split, table, text};
use libfuzzer_sys::fuzz_target;

/// Settings without which a format reads little or nothing; the last byte of the input chooses among those of one format.
fn settings(format: &str, choice: u8) -> Vec<(&'static str, Setting)> {
    match (format, choice % 2) {
        ("csv", 0) => vec![("csv_header_row_count", Setting::Int(1))],
        ("csv", _) => vec![
            ("csv_header_row_count", Setting::Int(2)),
            ("csv_trim_space", Setting::Bool(true)),
            ("csv_comment", text("#")),
            ("csv_skip_rows", Setting::Int(1)),
            ("csv_delimiter", text(";")),
        ],
        ("json", 1) => vec![("json_query", text("a.b")), ("json_name_key", text("name"))],
        ("openmetrics", 1) => vec![("openmetrics_metric_version", Setting::Int(1))],
        ("prometheus" | "prometheusremotewrite", 1) => vec![("prometheus_metric_version", Setting::Int(1))],
        ("value", 1) => vec![("data_type", text("auto_integer"))],
        ("grok", 0) => vec![("grok_patterns", list(&["%{COMBINED_LOG_FORMAT}", "%{SYSLOGLINE}", "%{GREEDYDATA:all}"]))],
        ("avro", _) => vec![(
            "avro_schema",
            text(
                r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "long", "string"]},
                    {"name": "b", "type": {"type": "array", "items": "double"}}, {"name": "next", "type": ["null", "R"]}]}"#,
            ),
        )],
        ("grok", _) => vec![
            (
                "grok_patterns",
                list(&["(?s)%{WORD:m:measurement}.*?%{NOTSPACE:t:ts}?%{NUMBER:n:int}%{GREEDYDATA:d:duration}"]),
            ),
            ("grok_multiline", Setting::Bool(true)),
        ],
        ("binary", 0) => vec![("endianness", text("be")), ("binary", messages())],
        ("binary", _) => vec![("endianness", text("le")), ("binary_encoding", text("base64")), ("binary", messages())],
        ("collectd", 1) => vec![("collectd_parse_multivalue", text("join"))],
        ("dropwizard", 1) => vec![
            ("dropwizard_metric_registry_path", text("m")),
            ("dropwizard_tags_path", text("tags")),
            ("templates", list(&["a.* measurement.field*", "measurement.tag.field"])),
        ],
        _ => Vec::new(),
    }
}

/// Sections of binary messages with elements of every kind.
fn messages() -> Setting {
    let entry = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (*key, text(value))).collect();
        Setting::Table(table(&pairs))
    };
    let entries = [
        entry(&[("assignment", "measurement"), ("terminator", "null")]),
        Setting::Table(table(&[("name", text("odd")), ("type", text("uint16")), ("bits", Setting::Int(13))])),
        entry(&[("name", "flag"), ("type", "bool")]),
        entry(&[("name", "tag"), ("assignment", "tag"), ("terminator", "0x0d0a")]),
        entry(&[("name", "float"), ("type", "float32")]),
        entry(&[("assignment", "time"), ("type", "unix_ms")]),
    ];
    let array = |values: &[Setting]| {
        Setting::Array(values.iter().map(|value| Item { value: value.clone(), span: Span::default() }).collect())
    };
    array(&[Setting::Table(table(&[("entries", array(&entries))]))])
}

fuzz_target!(|data: &[u8]| {
    let Some((document, mode)) = split(data) else { return };
    for entry in entries().iter().filter(|e| e.family == Family::Parsers) {
        let Some(mut parser) = parser(entry.name, &settings(entry.name, mode)) else { continue };
        if let Some(whole) = parser.cut(document) {
            assert!(whole <= document.len(), "{}", entry.name);
        }
        let (batch, error) = parse(&mut parser, document);
        if let Some(error) = error {
            assert!(!error.to_string().is_empty(), "{}", entry.name);
        }
        if !batch.is_empty() {
            write(batch);
        }
    }
});

/// In every format; a metric that a format cannot express is an error, and no more than that.
fn write(batch: Batch) {
    let mut chunk = Chunk::default();
    chunk.push(View::all(batch));
    for entry in entries().iter().filter(|e| e.family == Family::Serializers) {
        let settings = match entry.name {
            "template" => {
                vec![("template", text("{{ . }}{{ range .FieldList }}{{ .Key | quote }}={{ .Value }}{{ end }}"))]
            }
            _ => Vec::new(),
        };
        let Some(mut serializer) = serializer(entry.name, &settings) else { continue };
        let mut out = Vec::new();
        for metric in chunk.iter() {
            let _expressed = serializer.serialize(metric, &mut out);
        }
        let _expressed = serializer.serialize_batch(&chunk, &mut out);
    }
}
