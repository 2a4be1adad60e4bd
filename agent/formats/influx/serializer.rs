//! Writing line protocol. Texts without anything to escape, and floats that were read from shortest-form text, are copied
//! straight from the batch.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// The serializer of line protocol.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    pub(super) settings: Settings,
}

/// How it is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Longest line in bytes; a longer one is cut into several with the same tags and time. 0 means any length.
    influx_max_line_bytes: usize,
    /// Writes fields sorted by key.
    influx_sort_fields: bool,
    /// Writes unsigned integers with `u`, which InfluxDB 1 does not read; otherwise as signed ones, the largest if too large.
    influx_uint_support: bool,
    /// Leaves the timestamp out.
    influx_omit_timestamp: bool,
}

impl Plugin for Writer {
    const NAME: &'static str = "influx";
    const ABOUT: &'static str = "InfluxDB line protocol.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Writer { settings })
    }
}

impl Writer {
    /// The form that the agent itself shows metrics in: fields sorted, unsigned integers as such.
    pub fn readable() -> Self {
        Writer { settings: Settings { influx_sort_fields: true, influx_uint_support: true, ..Settings::default() } }
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.reserve(256);
        series(metric, out);
        // A name that is there is never written as a comma: it is escaped.
        if matches!(out.get(start), None | Some(b',')) {
            out.truncate(start);
            bail!("metric without a name");
        }
        let series_end = out.len();
        let max = self.settings.influx_max_line_bytes;
        let written = if self.settings.influx_sort_fields {
            let mut fields: Vec<_> = metric.raw_fields().collect();
            fields.sort_by_key(|f| f.key());
            self.fields(fields.into_iter(), metric, out)
        } else {
            self.fields(metric.raw_fields(), metric, out)
        };
        if !written {
            out.truncate(start);
            return Ok(());
        }
        self.time(metric, out);
        if max > 0 && out.len() - start > max {
            let line = out[start..series_end].to_vec();
            out.truncate(start);
            return self.split(metric, &line, out);
        }
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        for metric in metrics.iter() {
            // A metric that cannot be written is left out; the others are written all the same.
            let _left_out = self.serialize(metric, out);
        }
        Ok(())
    }
}

impl Writer {
    /// Writes the fields that can be written; false if there is none.
    #[inline]
    fn fields<'a>(
        &self,
        fields: impl Iterator<Item = agent_api::metric::FieldRef<'a>>,
        metric: MetricRef<'a>,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut separator = b' ';
        let mut last = Last::default();
        for field in fields {
            let before = out.len();
            out.push(separator);
            if metric.clean() {
                out.extend_from_slice(field.key().as_bytes())
            } else {
                escape(field.key().trim_end_matches('\\'), b",= ", out)
            }
            // Nothing is left of the key. The value is not written: `last` knows it by its place.
            if out.len() == before + 1 {
                out.truncate(before);
                continue;
            }
            out.push(b'=');
            if self.value(field, &mut last, out) {
                separator = b',';
            } else {
                out.truncate(before);
            }
        }
        separator == b','
    }

    /// Writes a value; false for NaN and infinities.
    #[inline]
    fn value(&self, field: agent_api::metric::FieldRef<'_>, last: &mut Last, out: &mut Vec<u8>) -> bool {
        if let Some(text) = field.decimal() {
            out.extend_from_slice(text.as_bytes());
            return true;
        }
        match field.value() {
            Value::Float(v) if !v.is_finite() => return false,
            Value::Float(v) => last.float(v, out),
            Value::Int(v) => {
                integer(v, out);
                out.push(b'i');
            }
            Value::Uint(v) if self.settings.influx_uint_support => {
                out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
                out.push(b'u');
            }
            Value::Uint(v) => {
                integer(i64::try_from(v).unwrap_or(i64::MAX), out);
                out.push(b'i');
            }
            Value::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
            Value::Str(v) => string(v, out),
        }
        true
    }

    #[inline]
    fn time(&self, metric: MetricRef<'_>, out: &mut Vec<u8>) {
        if !self.settings.influx_omit_timestamp {
            out.push(b' ');
            integer(metric.time(), out);
        }
        out.push(b'\n');
    }

    /// Writes as many lines as needed so that none is longer than allowed; a field that fits no line is left out. As Telegraf counts,
    /// commas between fields are free but for the last one.
    fn split(&self, metric: MetricRef<'_>, series: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let max = self.settings.influx_max_line_bytes;
        let mut tail = Vec::new();
        self.time(metric, &mut tail);
        let mut fields: Vec<_> = metric.raw_fields().collect();
        if self.settings.influx_sort_fields {
            fields.sort_by_key(|f| f.key());
        }
        let (mut line, mut commas) = (series.to_vec(), 0);
        for field in fields {
            let mut text = Vec::new();
            if !self.fields(std::iter::once(field), metric, &mut text) {
                continue;
            }
            if series.len() + text.len() + tail.len() > max {
                continue;
            }
            if line.len() > series.len() && line.len() - commas + text.len() + tail.len() > max {
                out.extend_from_slice(&line);
                out.extend_from_slice(&tail);
                line.truncate(series.len());
                commas = 0;
            }
            if line.len() > series.len() {
                text[0] = b',';
                commas += 1;
            }
            line.extend_from_slice(&text);
        }
        if line.len() > series.len() {
            out.extend_from_slice(&line);
            out.extend_from_slice(&tail);
        }
        Ok(())
    }
}

/// Writes name and tags.
#[inline]
fn series(metric: MetricRef<'_>, out: &mut Vec<u8>) {
    if metric.clean() {
        out.extend_from_slice(metric.name().as_bytes());
        for (key, value) in metric.tags() {
            out.push(b',');
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        }
        return;
    }
    // A backslash at the end of a word would escape what follows it.
    escape(metric.name().trim_end_matches('\\'), b", ", out);
    for (key, value) in metric.tags() {
        let (key, value) = (key.trim_end_matches('\\'), value.trim_end_matches('\\'));
        if !key.is_empty() && !value.is_empty() {
            out.push(b',');
            escape(key, b",= ", out);
            out.push(b'=');
            escape(value, b",= ", out);
        }
    }
}

/// Writes a text with a backslash before each of `special`, and white space other than blanks as letters.
fn escape(text: &str, special: &[u8], out: &mut Vec<u8>) {
    for &b in text.as_bytes() {
        match b {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            12 => out.extend_from_slice(b"\\f"),
            b if special.contains(&b) => out.extend_from_slice(&[b'\\', b]),
            b => out.push(b),
        }
    }
}

#[inline]
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(i) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..i]);
        out.extend_from_slice(&[b'\\', rest[i]]);
        rest = &rest[i + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[inline]
fn integer(v: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
}

/// The float written last and where its text is: neighbouring fields are often equal (minimum and maximum of one value, idle
/// counters), and copying a text costs a tenth of making one.
#[derive(Default)]
struct Last {
    bits: u64,
    text: std::ops::Range<usize>,
}

impl Last {
    #[inline]
    fn float(&mut self, v: f64, out: &mut Vec<u8>) {
        if self.bits == v.to_bits() && !self.text.is_empty() {
            out.extend_from_within(self.text.clone());
            return;
        }
        let start = out.len();
        float(v, out);
        *self = Last { bits: v.to_bits(), text: start..out.len() };
    }
}

/// Writes a finite float in the shortest plain decimal form that reads back the same: `1`, `0.5`, never an exponent.
#[inline]
pub(crate) fn float(v: f64, out: &mut Vec<u8>) {
    use std::io::Write;
    // Whole numbers that a float holds exactly, but not -0, which is written with its sign.
    let whole = v as i64;
    if whole.unsigned_abs() < 1 << 53 && (whole as f64).to_bits() == v.to_bits() {
        integer(whole, out);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v).as_bytes();
    if memchr::memchr(b'e', text).is_some() {
        // Writing into a Vec cannot fail.
        let _written = write!(out, "{v}");
        return;
    }
    out.extend_from_slice(text.strip_suffix(b".0").unwrap_or(text));
}
