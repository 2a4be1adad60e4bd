//! Reading: an object, or every object of an array, becomes a metric.
//!
//! A document is checked as a whole first, which is cheap, so that nothing has to be taken back; then every object goes straight into the
//! batch. Where the name or the time is a member of the object, it is looked for by a walk of its own beforehand. The objects of a large array
//! are read by as many threads as there are cores.

use super::objects::{Objects, Reader, Times};
use super::roles::Roles;
use super::time::TimeKey;
use crate::gjson;
use crate::jsontext::{Top, check_by_several};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::time::{TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Json>());

/// What of a document is taken for what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Flattened keys whose texts, numbers and booleans become tags; globs are allowed.
    tag_keys: Vec<String>,
    /// Flattened keys whose texts and booleans become fields, which are left out otherwise; globs are allowed.
    json_string_fields: Vec<String>,
    /// Flattened key of the text that is the name of the metric; without it the name of the plugin is taken.
    json_name_key: String,
    /// Path, in the syntax of GJSON, to the object or the array of objects that is read; nothing for the whole document.
    json_query: String,
    /// Flattened key of the time; nothing for the time of collection.
    json_time_key: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    json_time_format: String,
    /// Zone of times that have none: `UTC`, `Local` or a name of the IANA database such as `Europe/Berlin`.
    json_timezone: String,
    /// Takes nothing of a document if the time of one of its objects is missing or bad; otherwise only that object is left out.
    json_strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tag_keys: Vec::new(),
            json_string_fields: Vec::new(),
            json_name_key: String::new(),
            json_query: String::new(),
            json_time_key: String::new(),
            json_time_format: String::new(),
            json_timezone: String::new(),
            json_strict: true,
        }
    }
}

/// The parser of JSON.
pub struct Json {
    query: String,
    reader: Reader,
}

impl Plugin for Json {
    const NAME: &'static str = "json";
    const ABOUT: &'static str = "JSON documents, flattened: numbers become fields named by their path.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let zone = Zone::parse(&settings.json_timezone).context("json_timezone")?;
        let time = if settings.json_time_key.is_empty() {
            None
        } else {
            ensure!(!settings.json_time_format.is_empty(), "json_time_key needs json_time_format");
            let format = TimestampFormat::parse_spec(&settings.json_time_format);
            Some(TimeKey { key: settings.json_time_key, format, zone })
        };
        let tags = Filter::compile(&settings.tag_keys, &[]).context("tag_keys")?;
        let texts = Filter::compile(&settings.json_string_fields, &[]).context("json_string_fields")?;
        let name = env.plugin.rsplit('.').next().unwrap_or_default().to_owned();
        let roles = Roles::new(tags, texts, time.as_ref().map(|t| t.key.clone()));
        let reader = Reader::new(name, settings.json_name_key, time, settings.json_strict, roles);
        Ok(Json { query: settings.json_query, reader })
    }
}

impl Parser for Json {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let text = text.trim_ascii().trim_start_matches('\u{feff}').trim_ascii();
        if self.query.is_empty() {
            return self.document(text, out);
        }
        let found = gjson::find(text, &self.query);
        match found.kind() {
            gjson::Kind::Json => self.document(found.raw(), out),
            gjson::Kind::None | gjson::Kind::Null => Ok(()),
            _ => {
                let cause = format!("json_query {:?} must lead to an object or an array of objects", self.query);
                Err(bad(found.raw(), 0, cause))
            }
        }
    }
}

impl Json {
    fn document(&mut self, text: &str, out: &mut Collector) -> Result<(), ParseError> {
        if text.is_empty() {
            return Ok(());
        }
        let workers = if out.ships() { plugin::workers() } else { 1 };
        let checked = check_by_several(text, workers).map_err(|e| {
            // Where the text ends too early, what stands before says more than nothing.
            bad(text, if e.at < text.len() { e.at } else { text.len().saturating_sub(30) }, &e)
        })?;
        match (checked.top, checked.odd) {
            (Top::Null, _) => return Ok(()),
            (Top::Scalar, _) => return Err(bad(text, 0, "expected an object or an array of objects")),
            (_, Some(at)) => return Err(bad(text, at, "expected an object in the array")),
            _ => {}
        }
        if workers > 1 && checked.marks.len() > 1 {
            return self.side_by_side(workers, text, &checked.marks, out);
        }
        let from = checked.marks.first().copied().unwrap_or(checked.from);
        let all = Objects { text, from, to: text.len() };
        let times = self.reader.times(all)?;
        self.reader.read(all, times.as_deref(), out)
    }

    /// Reads the objects between two marks each beside the others: first the times of all, as one bad time may refuse the document, then
    /// the metrics, which come in order.
    fn side_by_side(&self, workers: usize, text: &str, marks: &[usize], out: &mut Collector) -> Result<(), ParseError> {
        let ends = marks.iter().skip(1).copied().chain([text.len()]);
        let parts = marks.iter().zip(ends).map(|(&from, to)| Objects { text, from, to });
        let (mut times, mut result) = (Vec::new(), Ok(()));
        if self.reader.has_times() {
            let work = |reader: &mut Reader, part: Objects<'_>| reader.times(part);
            plugin::in_order(vec![self.reader.clone(); workers], parts.clone(), work, |read| {
                result = read.map(|read| times.push(read));
                result.is_ok()
            });
            result?;
        }
        times.resize(marks.len(), None);
        // A collector knows from the part before how much memory the next one takes.
        let workers = (0..plugin::workers_beside_others()).map(|_| (self.reader.clone(), Collector::new())).collect();
        let work = |(reader, metrics): &mut (Reader, Collector), (part, times): (Objects<'_>, Option<Times>)| {
            let result = reader.read(part, times.as_deref(), metrics);
            (metrics.take(), result)
        };
        let mut result = Ok(());
        plugin::in_order(workers, parts.zip(times), work, |(metrics, read)| {
            out.add_batch(metrics);
            result = read;
            result.is_ok()
        });
        result
    }
}

/// The error of a document, with what stands at a place of it.
pub(super) fn bad(text: &str, at: usize, cause: impl std::fmt::Display) -> ParseError {
    let mut error = ParseError::default();
    let from = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    error.add(0, text[from..].lines().next().unwrap_or_default(), cause);
    error
}
