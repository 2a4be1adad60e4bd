//! The body of a push: streams of lines, as JSON.

use agent_api::*;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

#[derive(Serialize)]
struct Push<'a> {
    streams: Vec<Stream<'a>>,
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: BTreeMap<Cow<'a, str>, &'a str>,
    values: Vec<(String, String)>,
}

/// Appends the body. Lines are sorted by time, as Loki refuses those that are older than the last of their stream; equal times
/// keep their order.
pub(super) fn write(metrics: &Chunk, name_label: &str, sanitize: bool, out: &mut Vec<u8>) -> Result<()> {
    let mut sorted: Vec<MetricRef<'_>> = metrics.iter().collect();
    sorted.sort_by_key(|metric| metric.time());
    let mut streams: Vec<Stream<'_>> = Vec::new();
    let mut known = HashMap::new();
    for metric in sorted {
        let mut labels: BTreeMap<Cow<'_, str>, &str> =
            metric.tags().map(|(key, value)| (label(key, sanitize), value)).collect();
        if !name_label.is_empty() {
            labels.insert(label(name_label, sanitize), metric.name());
        }
        let place = *known.entry(labels.clone()).or_insert_with(|| {
            streams.push(Stream { stream: labels, values: Vec::new() });
            streams.len() - 1
        });
        streams[place].values.push((metric.time().to_string(), line(metric)));
    }
    serde_json::to_writer(out, &Push { streams }).context("write the body")
}

/// The name of a label; sanitized, all but ASCII letters, digits and `_` become `_`, and a digit at the begin too.
fn label(name: &str, sanitize: bool) -> Cow<'_, str> {
    let good = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
    if !sanitize || name.chars().enumerate().all(good) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().enumerate().map(|(i, c)| if good((i, c)) { c } else { '_' }).collect())
}

/// `key="value" ` for every field. Quotes in a value are escaped, as the line could not be read otherwise.
fn line(metric: MetricRef<'_>) -> String {
    let mut line = String::with_capacity(64);
    for (key, value) in metric.fields() {
        line.push_str(key);
        line.push_str("=\"");
        match value {
            Value::Float(v) => append_float(v, FloatStyle::Shortest, &mut line),
            Value::Int(v) => append_int(v, &mut line),
            Value::Uint(v) => append_uint(v, &mut line),
            Value::Bool(v) => line.push_str(if v { "true" } else { "false" }),
            Value::Str(v) if v.contains('"') => line.push_str(&v.replace('\\', r"\\").replace('"', "\\\"")),
            Value::Str(v) => line.push_str(v),
        }
        line.push_str("\" ");
    }
    line
}
