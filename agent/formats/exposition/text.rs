//! The text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), names beyond the older rule in quotes.

use super::names::is_legacy;
use super::shown::{Row, Shown};
use super::table::Point;
use agent_api::Kind;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};

/// Appends a family.
pub(super) fn family(family: &Shown<'_>, out: &mut Vec<u8>) {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Untyped => "untyped",
        Kind::Summary => "summary",
        Kind::Histogram => "histogram",
    };
    for (word, text) in [("HELP", family.help), ("TYPE", kind)] {
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
                    let count = |out: &mut Vec<u8>| append_uint(spread.count, out);
                    line(family, suffix, row, Some((label, f64::INFINITY)), count, out);
                }
                line(family, "_sum", row, None, |out| float(spread.sum, out), out);
                line(family, "_count", row, None, |out| append_uint(spread.count, out), out);
            }
        }
    }
}

/// Appends a series with its value.
fn line(
    family: &Shown<'_>,
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

fn float(value: f64, out: &mut Vec<u8>) {
    append_float(value, FloatStyle::Shortest, out);
}
