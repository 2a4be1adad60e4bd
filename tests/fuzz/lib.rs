//! What the targets share: odd metrics made of arbitrary bytes, a parser and a writer of the registry, an input's last byte.
//!
//! The options of a target are taken from the end of its input, so that a file of the format itself is a good seed.

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{Build, Family, find};
use agent_api::{Batch, Body, Collector, Env, Kind, MetricRef, ParseError, Table, Value};
use agent_api::{plugin::BoxParser, plugin::BoxSerializer};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

// Formats and plugins register themselves; a crate that nothing names is dropped by the linker.
use agent_formats as _;
use inputs as _;
use outputs as _;
use processors as _;

/// The input without its last byte, and that byte.
pub fn split(data: &[u8]) -> Option<(&[u8], u8)> {
    data.split_last().map(|(last, rest)| (rest, *last))
}

/// The same for targets that read text; what is no UTF-8 is no input.
pub fn split_text(data: &[u8]) -> Option<(&str, u8)> {
    let (text, last) = split(data)?;
    Some((std::str::from_utf8(text).ok()?, last))
}

/// Settings from pairs.
pub fn table(settings: &[(&str, Setting)]) -> Table {
    let (mut table, span) = (Table::default(), Span::default());
    for (key, value) in settings {
        table.set(key, span, Item { value: value.clone(), span });
    }
    table
}

/// A text as a setting.
pub fn text(value: &str) -> Setting {
    Setting::Str(value.to_owned())
}

/// Texts as a setting.
pub fn list(values: &[&str]) -> Setting {
    Setting::Array(values.iter().map(|value| Item { value: text(value), span: Span::default() }).collect())
}

/// A parser of the registry; None where it needs settings that these are not.
pub fn parser(name: &str, settings: &[(&str, Setting)]) -> Option<BoxParser> {
    match find(Family::Parsers, name)?.build {
        Build::Parser(make) => make(&table(settings), &Env::new("fuzz")).ok(),
        _ => None,
    }
}

/// A serializer of the registry.
pub fn serializer(name: &str, settings: &[(&str, Setting)]) -> Option<BoxSerializer> {
    match find(Family::Serializers, name)?.build {
        Build::Serializer(make) => make(&table(settings), &Env::new("fuzz")).ok(),
        _ => None,
    }
}

/// What a parser makes of a document.
pub fn parse(parser: &mut BoxParser, document: &[u8]) -> (Batch, Option<ParseError>) {
    let mut out = Collector::new();
    let error = parser.parse(&Body::new(document.to_vec()), &mut out).err();
    (out.take(), error)
}

/// A line for each metric: everything but the kind, NaN equal to itself.
pub fn lines(batch: &Batch) -> Vec<String> {
    batch.iter().map(|m| format!("{m:?}")).collect()
}

/// True if a word of the metric has what line protocol cannot give back: white space other than blanks becomes letters, a
/// backslash at the end of a word is left out, and at the start of a line or of its fields some characters are not part of the name.
pub fn is_lossy(metric: MetricRef<'_>) -> bool {
    let odd = |w: &str| w.is_empty() || w.ends_with('\\') || w.contains(['\t', '\n', '\r', '\u{c}']);
    odd(metric.name())
        || metric.name().starts_with(['#', '\0', '\u{b}', '\u{feff}'])
        || metric.tags().any(|(k, v)| odd(k) || odd(v))
        || metric
            .fields()
            .any(|(k, v)| odd(k) || k.starts_with(['\0', '\u{b}']) || matches!(v, Value::Float(f) if !f.is_finite()))
}

/// A batch of metrics that no sane program would send.
pub fn odd_batch(data: &[u8]) -> Result<Batch> {
    let mut from = Unstructured::new(data);
    let mut batch = Batch::new();
    while !from.is_empty() && batch.len() < 100 {
        let kinds = [Kind::Untyped, Kind::Counter, Kind::Gauge, Kind::Summary, Kind::Histogram];
        let mut metric = batch.metric(from.arbitrary()?).kind(*from.choose(&kinds)?);
        if from.arbitrary()? {
            metric = metric.time(from.arbitrary()?);
        }
        for _ in 0..from.int_in_range(0..=40u8)? {
            metric.add_tag(from.arbitrary()?, from.arbitrary()?);
        }
        for _ in 0..from.int_in_range(0..=20u8)? {
            let key = from.arbitrary()?;
            let value = match from.int_in_range(0..=4u8)? {
                0 => Value::Float(from.arbitrary()?),
                1 => Value::Int(from.arbitrary()?),
                2 => Value::Uint(from.arbitrary()?),
                3 => Value::Bool(from.arbitrary()?),
                _ => Value::Str(from.arbitrary()?),
            };
            metric.add_field(key, value);
        }
    }
    Ok(batch)
}
