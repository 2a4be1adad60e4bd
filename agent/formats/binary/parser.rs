//! Reading: every section whose filter fits a message makes a metric of it.

use super::entry::{self, Entry, Target};
use super::{Order, bits, hex};
use crate::scalar::default_name;
use agent_api::{Batch, Body, Collector, Context, Env, ParseError, Parser, Plugin, Result, bail, ensure, register};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;

register!(agent_api::Entry::parser::<Messages>());

/// What messages are made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Order of bytes: `be` or `le`; nothing or `host` for that of this machine.
    endianness: String,
    /// The same, as older versions spelled it.
    endianess: String,
    /// How messages are packed: `hex` or `base64`; nothing or `none` if they are not.
    binary_encoding: String,
    /// Messages are hexadecimal digits, as older versions spelled it.
    hex_encoding: bool,
    /// Whether a message that no section fits is fine.
    allow_no_match: bool,
    /// Sections; every one that fits makes a metric.
    binary: Vec<Section>,
}

/// A kind of message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Section {
    /// Name of the metric; the name of the plugin without it.
    metric_name: String,
    /// The elements, from the start on.
    entries: Vec<entry::Settings>,
    /// Which messages these are; all without it.
    filter: Option<Filter>,
}

/// Which messages are of a kind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    /// Bits that say it.
    selection: Vec<Selection>,
    /// Length in bytes.
    length: u64,
    /// Least length in bytes.
    length_min: u64,
}

/// Bits that say which kind a message is of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Selection {
    /// First bit.
    offset: u64,
    /// Number of bits.
    bits: u64,
    /// What they are, in hexadecimal digits.
    #[serde(rename = "match")]
    expected: String,
}

/// The parser of binary messages.
pub struct Messages {
    order: Order,
    encoding: Encoding,
    allow_no_match: bool,
    kinds: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    None,
    Hex,
    Base64,
}

/// A section that was checked.
struct Kind {
    name: String,
    entries: Vec<Entry>,
    /// Exact and least length in bytes; 0 is any.
    length: u64,
    least: u64,
    /// First bit, number of bits and what they are.
    selections: Vec<(u64, u64, Vec<u8>)>,
}

impl Plugin for Messages {
    const NAME: &'static str = "binary";
    const ABOUT: &'static str = "Binary messages of a fixed make.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let encoding = match settings.binary_encoding.as_str() {
            "" | "none" if settings.hex_encoding => Encoding::Hex,
            "" | "none" => Encoding::None,
            "hex" => Encoding::Hex,
            "base64" => Encoding::Base64,
            other => bail!("binary_encoding: {other:?} is not none, hex or base64"),
        };
        let Settings { endianness, endianess, .. } = &settings;
        let order = Order::parse(if endianness.is_empty() { endianess } else { endianness })?;
        ensure!(!settings.binary.is_empty(), "binary: no section is given");
        let kind = |(i, section): (usize, &Section)| {
            Kind::new(section, &default_name(env)).with_context(|| format!("binary: section {}", i + 1))
        };
        let kinds = settings.binary.iter().enumerate().map(kind).collect::<Result<_>>()?;
        Ok(Messages { order, encoding, allow_no_match: settings.allow_no_match, kinds })
    }
}

impl Kind {
    fn new(section: &Section, default: &str) -> Result<Kind> {
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        for (i, settings) in section.entries.iter().enumerate() {
            let entry = Entry::new(settings).with_context(|| format!("entry {} {:?}", i + 1, settings.name))?;
            let key = match &entry.target {
                Target::Nothing => None,
                Target::Field(name) => Some(("field", name.as_str())),
                Target::Tag(name) => Some(("tag", name.as_str())),
                Target::Name => Some(("measurement", "")),
                Target::Time => Some(("time", "")),
            };
            if let Some((assignment, name)) = key {
                let is_new = known.insert((assignment, name.to_owned()));
                ensure!(is_new, "entry {}: there is a {assignment} {name:?} already", i + 1);
            }
            entries.push(entry);
        }
        ensure!(entries.iter().any(|entry| matches!(entry.target, Target::Field(_))), "no entry is a field");
        let filter = section.filter.clone().unwrap_or_default();
        let Filter { length, length_min, .. } = filter;
        ensure!(length == 0 || length_min == 0, "filter: either length or length_min is given");
        let (mut selections, mut needed) = (Vec::new(), 0);
        for Selection { offset, bits, expected } in &filter.selection {
            let end = offset.checked_add(*bits).context("filter: offset and bits are too large")?;
            needed = needed.max(end.div_ceil(8));
            selections.push((*offset, *bits, hex(expected).context("filter: match")?));
        }
        ensure!(length == 0 || needed <= length, "filter: a selection lies beyond the length of {length}");
        let name = if section.metric_name.is_empty() { default } else { &section.metric_name };
        let least = if length == 0 { length_min.max(needed) } else { 0 };
        Ok(Kind { name: name.to_owned(), entries, length, least, selections })
    }

    fn fits(&self, message: &[u8]) -> bool {
        let length = message.len() as u64;
        let is_long_enough = (self.length == 0 || length == self.length) && length >= self.least;
        let says = |(offset, count, expected): &(u64, u64, Vec<u8>)| {
            bits::cut(message, *offset, *count).is_some_and(|found| found == *expected)
        };
        is_long_enough && self.selections.iter().all(says)
    }

    /// Adds the metric of a message, or nothing if it cannot be read.
    fn add(&self, message: &[u8], order: Order, batch: &mut Batch) -> Result<()> {
        let (mut read, mut offset, mut name) = (Vec::new(), 0, None);
        for entry in &self.entries {
            let bytes = entry.take(message, &mut offset)?;
            match &entry.target {
                Target::Nothing => {}
                Target::Name => name = Some(entry.read(bytes, order)?),
                target => read.push((target, entry.read(bytes, order)?)),
            }
        }
        let name = name.as_ref().map(|name| name.text());
        let mut m = batch.metric(name.as_deref().unwrap_or(&self.name));
        let mut time = None;
        for (target, read) in &read {
            match (target, read) {
                (Target::Field(key), _) => m.add_field(key, read.value()),
                (Target::Tag(key), _) => m.add_tag(key, &read.text()),
                (Target::Time, entry::Read::Time(read)) => time = Some(*read),
                _ => {}
            }
        }
        if let Some(time) = time {
            drop(m.time(time));
        }
        Ok(())
    }
}

impl Parser for Messages {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let message = self.unpack(body.bytes()).map_err(|e| ParseError::whole(format_args!("{e:#}")))?;
        let mut errors = ParseError::default();
        let mut matches = 0;
        for kind in self.kinds.iter().filter(|kind| kind.fits(&message)) {
            matches += 1;
            if let Err(cause) = kind.add(&message, self.order, out.batch()) {
                errors.add(0, "", format_args!("{}: {cause:#}", kind.name));
            }
        }
        if matches == 0 && !self.allow_no_match {
            errors.add(0, "", format_args!("no section matches this message of {} bytes", message.len()));
        }
        errors.or_ok()
    }
}

impl Messages {
    fn unpack<'b>(&self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>> {
        if self.encoding == Encoding::None {
            return Ok(bytes.into());
        }
        let text = String::from_utf8_lossy(bytes);
        let plain: String = text.split_ascii_whitespace().collect();
        Ok(match self.encoding {
            Encoding::Hex => hex(&plain).context("decode hex")?.into(),
            _ => STANDARD.decode(plain).context("decode base64")?.into(),
        })
    }
}
