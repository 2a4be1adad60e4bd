//! The body of an insert: a line for each metric, a text for each column (clickhouse.com/docs/interfaces/formats/TabSeparated).

use super::table::{Column, Table, quoted};
use agent_api::{MetricRef, Value};
use std::io::Write;

/// How the value of a column is written.
#[derive(Clone, Copy)]
enum Form {
    /// Nanoseconds since the epoch divided by this, a whole number.
    Whole(i64),
    /// Seconds since the epoch with so many digits behind the point.
    Fraction(u32),
    /// `true` and `false` in place of 1 and 0.
    Bool,
    /// As it is.
    Plain,
}

/// A column on its way into lines.
struct Cell<'a> {
    name: &'a str,
    is_time: bool,
    form: Form,
    /// What stands where a metric has nothing.
    nothing: &'static [u8],
}

/// The names of the columns, in quotes, and the lines.
pub(super) fn make<'a>(
    table: &Table,
    timestamp_column: &str,
    metrics: impl Iterator<Item = MetricRef<'a>>,
) -> (String, Vec<u8>) {
    let cells: Vec<Cell<'_>> = table.columns.iter().map(|column| cell(column, timestamp_column)).collect();
    let names: Vec<String> = cells.iter().map(|cell| quoted(cell.name)).collect();
    let mut out = Vec::new();
    for metric in metrics {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                out.push(b'\t');
            }
            if cell.is_time {
                put_time(metric.time(), cell.form, &mut out);
            } else if let Some(value) = metric.field(cell.name) {
                put(value, cell.form, &mut out);
            } else if let Some(tag) = metric.tag(cell.name) {
                put_text(tag, &mut out);
            } else {
                out.extend_from_slice(cell.nothing);
            }
        }
        out.push(b'\n');
    }
    (names.join(", "), out)
}

fn cell<'a>(column: &'a Column, timestamp_column: &str) -> Cell<'a> {
    let inner = |kind: &'a str, wrapper: &str| kind.strip_prefix(wrapper).and_then(|k| k.strip_suffix(')'));
    let mut kind = column.kind.as_str();
    let mut nullable = false;
    if let Some(low) = inner(kind, "LowCardinality(") {
        kind = low;
    }
    if let Some(own) = inner(kind, "Nullable(") {
        (kind, nullable) = (own, true);
    }
    let form = if let Some(scale) = kind.strip_prefix("DateTime64(") {
        Form::Fraction(scale.bytes().next().map_or(3, |b| u32::from(b.saturating_sub(b'0'))).min(9))
    } else if kind.starts_with("DateTime") {
        Form::Whole(1_000_000_000)
    } else if kind == "Bool" {
        Form::Bool
    } else {
        Form::Plain
    };
    let is_text = ["String", "FixedString", "Enum"].iter().any(|text| kind.starts_with(text));
    let nothing: &[u8] = match (nullable, is_text) {
        (true, _) => b"\\N",
        (false, true) => b"",
        (false, false) => b"0",
    };
    Cell { name: &column.name, is_time: column.name == timestamp_column, form, nothing }
}

fn put_time(time: i64, form: Form, out: &mut Vec<u8>) {
    let _to_memory = match form {
        // Fewer digits would be taken for a year.
        Form::Whole(unit) => write!(out, "{:010}", time.div_euclid(unit)),
        Form::Fraction(digits) => {
            let (sign, nanos) = (if time < 0 { "-" } else { "" }, time.unsigned_abs());
            let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
            match digits {
                0 => write!(out, "{sign}{seconds:010}"),
                _ => {
                    write!(out, "{sign}{seconds:010}.{:0width$}", rest / 10u64.pow(9 - digits), width = digits as usize)
                }
            }
        }
        Form::Bool | Form::Plain => write!(out, "{time}"),
    };
}

fn put(value: Value<'_>, form: Form, out: &mut Vec<u8>) {
    let _to_memory = match (value, form) {
        // A field that is a time counts nanoseconds, as all times do here.
        (Value::Int(v), Form::Whole(_) | Form::Fraction(_)) => return put_time(v, form, out),
        (Value::Float(v), _) => write!(out, "{v}"),
        (Value::Int(v), _) => write!(out, "{v}"),
        (Value::Uint(v), _) => write!(out, "{v}"),
        (Value::Bool(v), Form::Bool) => write!(out, "{v}"),
        (Value::Bool(v), _) => write!(out, "{}", u8::from(v)),
        (Value::Str(v), _) => return put_text(v, out),
    };
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.push(other),
        }
    }
}
