//! One element of a message: where it ends, what it is, and what becomes of it.

use super::{Order, bits, hex};
use agent_api::{Context, Result, Value, bail, ensure};
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;

/// One element of a message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Key of the field or tag.
    pub(super) name: String,
    /// `int8` to `int64`, `uint8` to `uint64`, `float32`, `float64`, `bool` or `string`; for the time `unix`, `unix_ms`, `unix_us`, `unix_ns`
    /// or a layout of Go.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Length in bits, where the type does not say or less is taken.
    pub(super) bits: u64,
    /// Passes over it.
    pub(super) omit: bool,
    /// End of a text without a fixed length: `null`, or bytes in hexadecimal digits such as `0x0d0a`.
    pub(super) terminator: String,
    /// Zone of a time in text: `utc`, `local` or a name.
    pub(super) timezone: String,
    /// `field`, `tag`, `measurement` or `time`.
    pub(super) assignment: String,
}

/// An element that was checked.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) target: Target,
    kind: Kind,
    length: Length,
}

/// What becomes of an element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Nothing,
    Field(String),
    Tag(String),
    Name,
    Time,
}

#[derive(Debug)]
enum Length {
    Bits(u64),
    /// Up to these bytes.
    Until(Vec<u8>),
}

#[derive(Debug)]
enum Kind {
    Number(Number),
    Bool,
    Text,
    /// A whole number of such units in nanoseconds.
    Unix(i64),
    Stamp(TimestampFormat, Zone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Int(u32),
    Uint(u32),
    Float32,
    Float64,
}

impl Number {
    fn parse(text: &str) -> Option<Number> {
        Some(match text {
            "int8" => Number::Int(8),
            "int16" => Number::Int(16),
            "int32" => Number::Int(32),
            "int64" => Number::Int(64),
            "uint8" => Number::Uint(8),
            "uint16" => Number::Uint(16),
            "uint32" => Number::Uint(32),
            "uint64" => Number::Uint(64),
            "float32" => Number::Float32,
            "float64" => Number::Float64,
            _ => return None,
        })
    }

    fn bits(self) -> u32 {
        match self {
            Number::Int(bits) | Number::Uint(bits) => bits,
            Number::Float32 => 32,
            Number::Float64 => 64,
        }
    }

    /// The bytes as a number; fewer than it has are its lower ones.
    fn read(self, bytes: &[u8], order: Order) -> Read {
        let mut all = [0; 8];
        match order {
            Order::Big => all[8 - bytes.len()..].copy_from_slice(bytes),
            Order::Little => all[..bytes.len()].copy_from_slice(bytes),
        }
        let bits = if order == Order::Big { u64::from_be_bytes(all) } else { u64::from_le_bytes(all) };
        match self {
            Number::Int(length) => Read::Int((bits as i64) << (64 - length) >> (64 - length)),
            Number::Uint(_) => Read::Uint(bits),
            Number::Float32 => Read::Float32(f32::from_bits(bits as u32)),
            Number::Float64 => Read::Float64(f64::from_bits(bits)),
        }
    }
}

/// What an element says.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    Int(i64),
    Uint(u64),
    Float32(f32),
    Float64(f64),
    Bool(bool),
    Text(String),
    /// Nanoseconds since 1970.
    Time(i64),
}

impl Read {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Read::Int(v) | Read::Time(v) => Value::Int(*v),
            Read::Uint(v) => Value::Uint(*v),
            Read::Float32(v) => Value::Float(f64::from(*v)),
            Read::Float64(v) => Value::Float(*v),
            Read::Bool(v) => Value::Bool(*v),
            Read::Text(v) => Value::Str(v),
        }
    }

    /// As the value of a tag: floats in their shortest form, without an exponent.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Read::Int(v) | Read::Time(v) => v.to_string().into(),
            Read::Uint(v) => v.to_string().into(),
            Read::Float32(v) => v.to_string().into(),
            Read::Float64(v) => v.to_string().into(),
            Read::Bool(v) => v.to_string().into(),
            Read::Text(v) => v.as_str().into(),
        }
    }
}

impl Entry {
    pub(super) fn new(settings: &Settings) -> Result<Entry> {
        let assignment = settings.assignment.to_ascii_lowercase();
        let lower = settings.kind.to_ascii_lowercase();
        if settings.omit {
            let bits = match (settings.bits, Number::parse(&lower)) {
                (0, Some(number)) => u64::from(number.bits()),
                (0, None) if lower.is_empty() => bail!("neither type nor bits say how long it is"),
                (0, None) => bail!("the type {lower:?} does not say how long it is"),
                (bits, _) => bits,
            };
            return Ok(Entry { target: Target::Nothing, kind: Kind::Bool, length: Length::Bits(bits) });
        }
        let name = || {
            ensure!(!settings.name.is_empty(), "it has no name");
            Ok(settings.name.clone())
        };
        let target = match assignment.as_str() {
            "" | "field" => Target::Field(name()?),
            "tag" => Target::Tag(name()?),
            "measurement" => Target::Name,
            "time" => return Entry::time(settings),
            other => bail!("assignment: {other:?} is not field, tag, measurement or time"),
        };
        let kind = match (lower.as_str(), &target) {
            ("", Target::Field(_)) => bail!("it has no type"),
            ("" | "string", _) => Kind::Text,
            (_, Target::Name) => bail!("type: the name of the metric is a string"),
            ("bool", _) => Kind::Bool,
            _ => Kind::Number(Number::parse(&lower).with_context(|| format!("type: {lower:?} is not known"))?),
        };
        let length = match &kind {
            Kind::Number(number) => {
                let most = u64::from(number.bits());
                ensure!(settings.bits <= most, "bits: {} are more than the type {lower:?} has", settings.bits);
                Length::Bits(if settings.bits == 0 { most } else { settings.bits })
            }
            Kind::Bool => Length::Bits(settings.bits.max(1)),
            _ => text_length(settings)?,
        };
        Ok(Entry { target, kind, length })
    }

    fn time(settings: &Settings) -> Result<Entry> {
        let zone = match settings.timezone.as_str() {
            "" | "utc" => Zone::Utc,
            "local" => Zone::local(),
            name => Zone::parse(name).context("timezone")?,
        };
        let unit = match settings.kind.as_str() {
            "" | "unix" => Some(1_000_000_000),
            "unix_ms" => Some(1_000_000),
            "unix_us" => Some(1_000),
            "unix_ns" => Some(1),
            _ => None,
        };
        let default = if unit.is_some() { 64 } else { settings.kind.len() as u64 * 8 };
        let bits = if settings.bits == 0 { default } else { settings.bits };
        let kind = match unit {
            Some(unit) => {
                ensure!(bits <= 64, "bits: {bits} are more than the 64 of a time");
                Kind::Unix(unit)
            }
            None => Kind::Stamp(TimestampFormat::parse_spec(&settings.kind), zone),
        };
        Ok(Entry { target: Target::Time, kind, length: Length::Bits(bits) })
    }

    /// Takes the element off a message at `offset` bits, which is moved behind it.
    pub(super) fn take(&self, message: &[u8], offset: &mut u64) -> Result<Vec<u8>> {
        let (bytes, length) = match &self.length {
            Length::Bits(bits) => {
                let cut = bits::cut(message, *offset, *bits);
                (cut.with_context(|| format!("the message ends before the {bits} bits at bit {offset}"))?, *bits)
            }
            Length::Until(end) => {
                let left = (message.len() as u64 * 8).saturating_sub(*offset) / 8;
                let mut bytes = bits::cut(message, *offset, left * 8).unwrap_or_default();
                let at = memchr::memmem::find(&bytes, end);
                let at = at.with_context(|| format!("the text at bit {offset} has no end"))?;
                bytes.truncate(at);
                (bytes, (at + end.len()) as u64 * 8)
            }
        };
        *offset += length;
        Ok(bytes)
    }

    /// What the bytes of the element say.
    pub(super) fn read(&self, bytes: Vec<u8>, order: Order) -> Result<Read> {
        Ok(match &self.kind {
            Kind::Number(number) => number.read(&bytes, order),
            Kind::Bool => Read::Bool(bytes.iter().any(|byte| *byte != 0)),
            Kind::Text => Read::Text(text(bytes)),
            Kind::Unix(unit) => match Number::Int(64).read(&bytes, order) {
                Read::Int(units) => Read::Time(units.checked_mul(*unit).context("the time is out of range")?),
                other => other,
            },
            Kind::Stamp(format, zone) => Read::Time(format.parse(Stamp::Text(&text(bytes)), zone)?),
        })
    }
}

fn text_length(settings: &Settings) -> Result<Length> {
    let terminator = settings.terminator.to_ascii_lowercase();
    if matches!(terminator.as_str(), "" | "fixed") {
        ensure!(settings.bits > 0, "a string without a terminator needs bits");
        ensure!(settings.bits.is_multiple_of(8), "bits: {} of a string are no whole bytes", settings.bits);
        return Ok(Length::Bits(settings.bits));
    }
    ensure!(settings.bits == 0, "a string has either bits or a terminator");
    let end = if terminator == "null" { vec![0] } else { hex(&terminator).context("terminator")? };
    ensure!(!end.is_empty(), "terminator: it has no bytes");
    Ok(Length::Until(end))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
