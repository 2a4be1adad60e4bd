//! The text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), names beyond the older rule in quotes.

use super::names::is_legacy;
use agent_api::Kind;
use agent_golang::number::{FloatStyle, append_float, append_int};
use std::borrow::Cow;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// Of a counter, gauge or untyped metric.
    Number(f64),
    /// Of a histogram or summary.
    Spread(Box<Spread>),
}

/// Buckets or quantiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// Sum of what was observed.
    pub sum: f64,
    /// How often something was observed.
    pub count: u64,
    /// Upper bound and cumulated count of each bucket, or quantile and value; ascending.
    pub points: Vec<(f64, f64)>,
}

impl Spread {
    /// Sets a bucket or quantile.
    pub fn set(&mut self, at: f64, value: f64) {
        match self.points.binary_search_by(|p| p.0.total_cmp(&at)) {
            Ok(i) => self.points[i].1 = value,
            Err(i) => self.points.insert(i, (at, value)),
        }
    }
}

/// A family as it is shown.
pub struct Family<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// What it is; nothing is shown where it is empty.
    pub help: &'a str,
    /// What its series measure.
    pub kind: Kind,
    /// Its series, in order.
    pub rows: Vec<Row<'a>>,
}

/// A series as it is shown.
pub struct Row<'a> {
    /// Name and value of each label, in order.
    pub labels: Vec<(Cow<'a, str>, &'a str)>,
    /// Its value.
    pub point: &'a Point,
    /// Milliseconds since the Unix epoch, where times are shown.
    pub time: Option<i64>,
}

/// Appends a family.
pub fn family(family: &Family<'_>, out: &mut Vec<u8>) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Untyped => "untyped",
        Kind::Summary => "summary",
        Kind::Histogram => "histogram",
    };
    for (word, text) in [("HELP", family.help), ("TYPE", kind)] {
        if text.is_empty() {
            continue;
        }
        out.extend_from_slice(b"# ");
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        name(&family.name, out);
        out.push(b' ');
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
    for row in &family.rows {
        match row.point {
            Point::Number(value) => line(family, "", row, None, |out| float(*value, out), out),
            Point::Spread(spread) => {
                let (suffix, label) = match family.kind {
                    Kind::Histogram => ("_bucket", "le"),
                    _ => ("", "quantile"),
                };
                for &(at, value) in &spread.points {
                    line(family, suffix, row, Some((label, at)), |out| float(value, out), out);
                }
                let open = spread.points.last().is_none_or(|p| p.0 != f64::INFINITY);
                if family.kind == Kind::Histogram && open {
                    let count = spread.count as f64;
                    line(family, suffix, row, Some((label, f64::INFINITY)), |out| float(count, out), out);
                }
                line(family, "_sum", row, None, |out| float(spread.sum, out), out);
                line(family, "_count", row, None, |out| float(spread.count as f64, out), out);
            }
        }
    }
}

/// Appends a series with its value.
fn line(
    family: &Family<'_>,
    suffix: &str,
    row: &Row<'_>,
    more: Option<(&str, f64)>,
    value: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut open = false;
    let mut next = |out: &mut Vec<u8>| {
        out.push(if std::mem::replace(&mut open, true) { b',' } else { b'{' });
    };
    if is_legacy(&family.name) {
        out.extend_from_slice(family.name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
    } else {
        // In quotes the name stands among the labels.
        next(out);
        name(&format!("{}{suffix}", family.name), out);
    }
    for (label, text) in &row.labels {
        next(out);
        name(label, out);
        out.push(b'=');
        quote(text, out);
    }
    if let Some((label, at)) = more {
        next(out);
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        float(at, out);
        out.push(b'"');
    }
    if open {
        out.push(b'}');
    }
    out.push(b' ');
    value(out);
    if let Some(time) = row.time {
        out.push(b' ');
        append_int(time, out);
    }
    out.push(b'\n');
}

fn name(name: &str, out: &mut Vec<u8>) {
    match is_legacy(name) {
        true => out.extend_from_slice(name.as_bytes()),
        false => quote(name, out),
    }
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for b in text.bytes() {
        match b {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
    out.push(b'"');
}

/// All numbers are floats here, counts as well: a million is 1e+06, and zero has no sign.
fn float(value: f64, out: &mut Vec<u8>) {
    append_float(if value == 0.0 { 0.0 } else { value }, FloatStyle::Shortest, out);
}
