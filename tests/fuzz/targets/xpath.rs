//! XPath: the first line is a query, the rest a document of the format that the last byte names; every query ends, and says the same
//! of the same document again. For protobuf the query is a definition of messages, which ends with an empty line.
#![no_main]

use agent_api::Table;
use agent_api::options::{Item, Setting, Span};
use agent_fuzz::{lines, list, parse, parser, split, text};
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const FORMATS: &[&str] = &["xml", "xpath_json", "xpath_msgpack", "xpath_cbor"];

/// A section that makes a metric of everything that a query selects.
fn section(query: &str) -> (&'static str, Setting) {
    let span = Span::default();
    let mut section = Table::default();
    for (key, query) in [("metric_selection", query), ("field_selection", "descendant-or-self::node()|@*")] {
        section.set(key, span, Item { value: text(query), span });
    }
    section.set("field_name_expansion", span, Item { value: Setting::Bool(true), span });
    ("xpath", Setting::Array(vec![Item { value: Setting::Table(section), span }]))
}

/// A file of this process, in memory where there is such a place.
fn definitions() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        base.join(format!("agent-fuzz-{}.proto", std::process::id()))
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((input, mode)) = split(data) else { return };
    let native = ("xpath_native_types", Setting::Bool(mode & 0x80 != 0));
    let empty = ("xpath_allow_empty_selection", Setting::Bool(true));
    let mode = usize::from(mode & 0x7f);
    let Some(format) = FORMATS.get(mode) else { return protobuf(input, native) };
    let cut = input.iter().position(|b| *b == b'\n').unwrap_or(input.len());
    let (Ok(query), document) = (std::str::from_utf8(&input[..cut]), input.get(cut + 1..).unwrap_or_default()) else { return };
    let Some(mut parser) = parser(format, &[section(query), native, empty]) else { return };
    let (first, error) = parse(&mut parser, document);
    let (again, _) = parse(&mut parser, document);
    assert_eq!(lines(&first), lines(&again));
    assert!(error.is_none_or(|e| !e.to_string().is_empty()));
});

/// The first message of a definition reads any document, or refuses it.
fn protobuf(input: &[u8], native: (&'static str, Setting)) {
    let cut = input.windows(2).position(|w| w == b"\n\n").unwrap_or(input.len());
    let Ok(definition) = std::str::from_utf8(&input[..cut]) else { return };
    let name = definition.split_once("message ").map(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default());
    let Some(name) = name.filter(|n| !n.is_empty()) else { return };
    std::fs::write(definitions(), definition).expect("the file can be written");
    let file = definitions().to_string_lossy();
    let settings = [
        section("//*"),
        native,
        ("xpath_protobuf_files", list(&[&file])),
        ("xpath_protobuf_type", text(name)),
        ("xpath_allow_empty_selection", Setting::Bool(true)),
    ];
    if let Some(mut parser) = parser("xpath_protobuf", &settings) {
        let _read_or_refused = parse(&mut parser, input.get(cut + 2..).unwrap_or_default());
    }
}
