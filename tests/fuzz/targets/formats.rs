//! All data formats of the registry: every document is read or refused, what was read can be written in every format, and a
//! format whose documents can be cut finds whole records.
#![no_main]

use agent_api::options::Setting;
use agent_api::plugin::{Family, entries};
use agent_api::{Batch, Chunk, View};
use agent_fuzz::{list, parse, parser, serializer, split, text};
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
        ("value", 1) => vec![("data_type", text("auto_integer"))],
        ("grok", 0) => vec![("grok_patterns", list(&["%{COMBINED_LOG_FORMAT}", "%{SYSLOGLINE}", "%{GREEDYDATA:all}"]))],
        ("grok", _) => vec![
            ("grok_patterns", list(&["(?s)%{WORD:m:measurement}.*?%{NOTSPACE:t:ts}?%{NUMBER:n:int}%{GREEDYDATA:d:duration}"])),
            ("grok_multiline", Setting::Bool(true)),
        ],
        _ => Vec::new(),
    }
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
        let Some(mut serializer) = serializer(entry.name, &[]) else { continue };
        let mut out = Vec::new();
        for metric in chunk.iter() {
            let _expressed = serializer.serialize(metric, &mut out);
        }
        let _expressed = serializer.serialize_batch(&chunk, &mut out);
    }
}
