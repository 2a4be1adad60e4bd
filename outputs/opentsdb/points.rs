//! Points: a number of a metric with its time and tags, as JSON or as a `put` line.

use agent_api::*;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint, format_float};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// The points of a write in one text.
pub(super) struct Points<'a> {
    prefix: &'a str,
    separator: &'a str,
    text: Vec<u8>,
    /// For each point: where it ends in the text, and the place of its metric in the write.
    ends: Vec<(usize, usize)>,
}

#[derive(Serialize)]
struct Point<'a> {
    metric: &'a str,
    timestamp: i64,
    value: Number,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Int(i64),
    Uint(u64),
}

impl<'a> Points<'a> {
    pub(super) fn new(prefix: &'a str, separator: &'a str) -> Self {
        Points { prefix, separator, text: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of it.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The place of a point's metric in the write.
    pub(super) fn place(&self, point: usize) -> usize {
        self.ends[point].1
    }

    /// Some points as a JSON list.
    pub(super) fn json(&self, points: &Range<usize>) -> Vec<u8> {
        let mut body = vec![b'['];
        for i in points.clone() {
            if i > points.start {
                body.push(b',');
            }
            let start = i.checked_sub(1).map_or(0, |before| self.ends[before].0);
            body.extend_from_slice(&self.text[start..self.ends[i].0]);
        }
        body.push(b']');
        body
    }

    /// Adds every number as JSON.
    pub(super) fn add_json(&mut self, metrics: &Chunk) -> Result<()> {
        for (place, metric) in metrics.iter().enumerate() {
            let tags = tags(metric);
            for (key, value) in numbers(metric) {
                let name = self.name(metric.name(), key);
                let point = Point { metric: &name, timestamp: seconds(metric), value, tags: &tags };
                serde_json::to_writer(&mut self.text, &point).context("write a point")?;
                self.ends.push((self.text.len(), place));
            }
        }
        Ok(())
    }

    /// Adds every number as a line; without tags it ends with a space.
    pub(super) fn add_lines(&mut self, metrics: &Chunk) {
        for (place, metric) in metrics.iter().enumerate() {
            let tags = tags(metric).iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
            for (key, value) in numbers(metric) {
                let mut line = format!("put {} {} ", self.name(metric.name(), key), seconds(metric));
                match value {
                    Number::Int(v) => append_int(v, &mut line),
                    Number::Uint(v) => append_uint(v, &mut line),
                    Number::Float(v) => line.push_str(&float(v)),
                }
                self.text.extend_from_slice(line.as_bytes());
                self.text.extend_from_slice(format!(" {tags}\n").as_bytes());
                self.ends.push((self.text.len(), place));
            }
        }
    }

    fn name(&self, metric: &str, field: &str) -> String {
        clean(&format!("{}{metric}{}{field}", self.prefix, self.separator)).into_owned()
    }
}

fn seconds(metric: MetricRef<'_>) -> i64 {
    metric.time().div_euclid(1_000_000_000)
}

fn numbers<'a>(metric: MetricRef<'a>) -> impl Iterator<Item = (&'a str, Number)> {
    metric.fields().filter_map(|(key, value)| match value {
        Value::Float(v) if v.is_finite() => Some((key, Number::Float(v))),
        Value::Int(v) => Some((key, Number::Int(v))),
        Value::Uint(v) => Some((key, Number::Uint(v))),
        _ => None,
    })
}

fn tags(metric: MetricRef<'_>) -> BTreeMap<String, String> {
    let cleaned = metric.tags().map(|(key, value)| (clean(key).into_owned(), clean(value).into_owned()));
    cleaned.filter(|(_, value)| !value.is_empty()).collect()
}

/// What OpenTSDB takes in a name: letters, digits and `-_./`. Five signs become a hyphen, all others `_`.
fn clean(text: &str) -> Cow<'_, str> {
    let good = |c: char| c.is_alphabetic() || c.is_ascii_digit() || "-_./".contains(c);
    if text.chars().all(good) {
        return Cow::Borrowed(text);
    }
    let change = |c: char| {
        if good(c) {
            c
        } else if "@*%#$".contains(c) {
            '-'
        } else {
            '_'
        }
    };
    Cow::Owned(text.chars().map(change).collect())
}

/// Six decimals, or as many as it needs.
fn float(value: f64) -> String {
    let six = format_float(value, FloatStyle::Plain, Some(6));
    if six.parse() == Ok(value) {
        return six;
    }
    let mut all = String::new();
    append_float(value, FloatStyle::Plain, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(clean("a b@c%é/1:2"), "a_b-c-é/1_2");
        assert_eq!([float(4.5), float(1e-7), float(7.0)], ["4.500000", "0.0000001", "7.000000"]);
    }
}
