//! Writing: the entries of a metric one after the other.

use super::{Order, hex};
use agent_api::*;
use agent_golang::number::{parse_bool, parse_float, parse_int, parse_uint};
use schemars::JsonSchema;
use serde::Deserialize;

register!(agent_api::Entry::serializer::<Writer>());

/// What a metric is written as.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Order of bytes: `be` or `le`; nothing or `host` for that of this machine.
    endianness: String,
    /// The elements of a message, in order.
    entries: Vec<Element>,
}

/// One element of a message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Element {
    /// What is written: `field`, `tag`, `time` or `name`.
    read_from: String,
    /// Key of the field or tag.
    name: String,
    /// `int8` to `int64`, `uint8` to `uint64`, `float32`, `float64` or `string`.
    data_format: String,
    /// Byte that fills a string up and ends it: `null`, or hexadecimal digits.
    string_terminator: String,
    /// Bytes of a string, its end included.
    string_length: usize,
    /// Unit of the time: `unix`, `unix_ms`, `unix_us` or `unix_ns`.
    time_format: String,
}

/// The serializer of binary messages.
pub struct Writer {
    order: Order,
    entries: Vec<(Source, Make)>,
}

#[derive(Debug)]
enum Source {
    Field(String),
    Tag(String),
    Name,
    /// In units of so many nanoseconds.
    Time(i64),
}

#[derive(Clone, Copy, Debug)]
enum Make {
    /// Bits of a number.
    Int(u32),
    Uint(u32),
    Float32,
    Float64,
    Text {
        length: usize,
        end: u8,
    },
}

/// A string is at most so long.
const LONGEST: usize = 1 << 20;

impl Plugin for Writer {
    const NAME: &'static str = "binary";
    const ABOUT: &'static str = "Binary messages of a fixed make.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        ensure!(!settings.entries.is_empty(), "entries: there is none");
        let check = |(i, element): (usize, &Element)| {
            element.check().with_context(|| format!("entries: entry {} {:?}", i + 1, element.name))
        };
        let entries = settings.entries.iter().enumerate().map(check).collect::<Result<_>>()?;
        Ok(Writer { order: Order::parse(&settings.endianness)?, entries })
    }
}

impl Element {
    fn check(&self) -> Result<(Source, Make)> {
        let name = || {
            ensure!(!self.name.is_empty(), "it has no name");
            Ok(self.name.clone())
        };
        let source = match self.read_from.to_ascii_lowercase().as_str() {
            "" | "field" => Source::Field(name()?),
            "tag" => Source::Tag(name()?),
            "name" => Source::Name,
            "time" => Source::Time(match self.time_format.as_str() {
                "" | "unix" => 1_000_000_000,
                "unix_ms" => 1_000_000,
                "unix_us" => 1_000,
                "unix_ns" => 1,
                other => bail!("time_format: {other:?} is not unix, unix_ms, unix_us or unix_ns"),
            }),
            other => bail!("read_from: {other:?} is not field, tag, time or name"),
        };
        let make = match (self.data_format.as_str(), &source) {
            ("string", _) | ("", Source::Name) => {
                let length = self.string_length;
                ensure!((1..=LONGEST).contains(&length), "string_length: {length} is not from 1 to {LONGEST}");
                let end = match self.string_terminator.as_str() {
                    "" | "null" => 0,
                    digits => match hex(digits).context("string_terminator")?[..] {
                        [end] => end,
                        _ => bail!("string_terminator: {digits:?} is not one byte"),
                    },
                };
                Make::Text { length, end }
            }
            (_, Source::Name) => bail!("data_format: the name of a metric is a string"),
            ("", _) => bail!("it has no data_format"),
            ("int8", _) => Make::Int(8),
            ("int16", _) => Make::Int(16),
            ("int32", _) => Make::Int(32),
            ("int64", _) => Make::Int(64),
            ("uint8", _) => Make::Uint(8),
            ("uint16", _) => Make::Uint(16),
            ("uint32", _) => Make::Uint(32),
            ("uint64", _) => Make::Uint(64),
            ("float32", _) => Make::Float32,
            ("float64", _) => Make::Float64,
            (other, _) => bail!("data_format: {other:?} is not known"),
        };
        Ok((source, make))
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let begin = out.len();
        for (source, make) in &self.entries {
            let value = match source {
                Source::Field(key) => metric.field(key).with_context(|| format!("there is no field {key:?}")),
                Source::Tag(key) => metric.tag(key).map(Value::Str).with_context(|| format!("there is no tag {key:?}")),
                Source::Name => Ok(Value::Str(metric.name())),
                Source::Time(unit) => Ok(Value::Int(metric.time().div_euclid(*unit))),
            };
            let written = value.and_then(|value| {
                make.write(value, self.order, out).with_context(|| format!("write {source:?} as {make:?}"))
            });
            if let Err(e) = written {
                // No half of a message.
                out.truncate(begin);
                return Err(e);
            }
        }
        Ok(())
    }
}

impl Make {
    fn write(self, value: Value<'_>, order: Order, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Make::Text { length, end } => {
                let text = text(value);
                let used = text.len().min(length - 1);
                out.extend_from_slice(&text.as_bytes()[..used]);
                out.resize(out.len() + length - used, end);
            }
            Make::Int(bits) => {
                let number = int(value)?;
                ensure!(number >> (bits - 1) == 0 || number >> (bits - 1) == -1, "{number} is out of range");
                number_bytes(number as u64, bits, order, out);
            }
            Make::Uint(bits) => {
                let number = uint(value)?;
                ensure!(bits == 64 || number >> bits == 0, "{number} is out of range");
                number_bytes(number, bits, order, out);
            }
            Make::Float32 => number_bytes(u64::from((float(value)? as f32).to_bits()), 32, order, out),
            Make::Float64 => number_bytes(float(value)?.to_bits(), 64, order, out),
        }
        Ok(())
    }
}

fn number_bytes(number: u64, bits: u32, order: Order, out: &mut Vec<u8>) {
    let length = bits as usize / 8;
    match order {
        Order::Little => out.extend_from_slice(&number.to_le_bytes()[..length]),
        Order::Big => out.extend_from_slice(&number.to_be_bytes()[8 - length..]),
    }
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Float(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Uint(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Str(v) => v.to_owned(),
    }
}

fn float(value: Value<'_>) -> Result<f64> {
    Ok(match value {
        Value::Float(v) => v,
        Value::Int(v) => v as f64,
        Value::Uint(v) => v as f64,
        Value::Bool(v) => f64::from(u8::from(v)),
        Value::Str(v) => parse_float(v)?,
    })
}

fn int(value: Value<'_>) -> Result<i64> {
    match value {
        // The first float beyond the integers is 2^63.
        Value::Float(v) if v >= i64::MIN as f64 && v < -(i64::MIN as f64) => Ok(v as i64),
        Value::Float(v) => bail!("{v} is no whole number"),
        Value::Int(v) => Ok(v),
        Value::Uint(v) => i64::try_from(v).with_context(|| format!("{v} is out of range")),
        Value::Bool(v) => Ok(i64::from(v)),
        Value::Str(v) => parse_int(v, 10).or_else(|e| parse_bool(v).map(i64::from).map_err(|_| e.into())),
    }
}

fn uint(value: Value<'_>) -> Result<u64> {
    match value {
        Value::Float(v) if (0.0..18_446_744_073_709_551_616.0).contains(&v) => Ok(v as u64),
        Value::Float(v) => bail!("{v} is out of range"),
        Value::Int(v) => u64::try_from(v).with_context(|| format!("{v} is out of range")),
        Value::Uint(v) => Ok(v),
        Value::Bool(v) => Ok(u64::from(v)),
        Value::Str(v) => parse_uint(v, 10).or_else(|e| parse_bool(v).map(u64::from).map_err(|_| e.into())),
    }
}
