//! From metrics to documents.

use agent_api::{MetricRef, Result, Value, bail};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use ring::digest::{Context, SHA256};
use std::collections::BTreeMap;

/// What becomes of NaN and infinities, which JSON does not know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Floats {
    /// The metric cannot be written.
    Refuse,
    /// The field is left out.
    Drop,
    /// They become this, negative infinity the negative of it.
    Replace(f64),
}

/// Keys of a document that are not the metric's name; a metric of such a name gets an underscore behind it.
const TAKEN: [&str; 3] = ["@timestamp", "measurement_name", "tag"];

/// Appends the document of a metric and a line end.
pub(crate) fn document(metric: MetricRef<'_>, floats: Floats, out: &mut Vec<u8>) -> Result<()> {
    let mut name = metric.name().to_owned();
    if TAKEN.contains(&name.as_str()) {
        name.push('_');
    }
    // In the order of their keys, as every JSON library sorts them.
    let mut keys = [TAKEN[0], TAKEN[1], TAKEN[2], name.as_str()];
    keys.sort_unstable();
    for (i, key) in keys.into_iter().enumerate() {
        out.push(if i == 0 { b'{' } else { b',' });
        text(key, out);
        out.push(b':');
        match key {
            "@timestamp" => text(&time(metric.time()), out),
            "measurement_name" => text(metric.name(), out),
            "tag" => object(metric.tags().map(|(k, v)| (k, Value::Str(v))), floats, out)?,
            _ => object(metric.fields(), floats, out)?,
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends the line that says what becomes of the document behind it.
pub(crate) fn action(kind: &str, parts: &[(&str, &str)], out: &mut Vec<u8>) {
    out.push(b'{');
    text(kind, out);
    out.extend_from_slice(b":{");
    for (i, (key, value)) in parts.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
        out.extend_from_slice(if i == 0 { b"" } else { b"," });
        text(key, out);
        out.push(b':');
        text(value, out);
    }
    out.extend_from_slice(b"}}\n");
}

/// The identifier of a document: a digest of time, name and series, as Telegraf makes it, so that both write the same document.
pub(crate) fn id(metric: MetricRef<'_>) -> String {
    // FNV-1a of name and tags with line ends between.
    let mut series = 0xcbf2_9ce4_8422_2325u64;
    let parts = std::iter::once(metric.name()).chain(metric.tags().flat_map(|(k, v)| [k, v]));
    for byte in parts.flat_map(|part| part.bytes().chain([b'\n'])) {
        series = (series ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut digest = Context::new(&SHA256);
    for part in [metric.time().to_string().as_str(), metric.name(), series.to_string().as_str()] {
        digest.update(part.as_bytes());
    }
    digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object<'a>(entries: impl Iterator<Item = (&'a str, Value<'a>)>, floats: Floats, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    let mut first = true;
    for (key, value) in entries.collect::<BTreeMap<_, _>>() {
        let value = match value {
            Value::Float(v) if !v.is_finite() => match floats {
                Floats::Refuse => bail!("field {key:?} is {v}, which JSON does not know"),
                Floats::Drop => continue,
                Floats::Replace(by) => Value::Float(if v == f64::NEG_INFINITY { -by } else { by }),
            },
            other => other,
        };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        text(key, out);
        out.push(b':');
        match value {
            Value::Float(v) => append_float(v, FloatStyle::Json, out),
            Value::Int(v) => append_int(v, out),
            Value::Uint(v) => append_uint(v, out),
            Value::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
            Value::Str(v) => text(v, out),
        }
    }
    out.push(b'}');
    Ok(())
}

/// Appends a text in quotation marks.
fn text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, text).expect("a text can be written to memory");
}

/// The time as RFC 3339 writes it, with as many digits as it needs.
fn time(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(|_| String::new(), |t| t.to_string())
}
