//! Reads the text of fields and tags in a data format, and makes metrics of it or puts it into the metric that it came from.

#[cfg(test)]
mod tests;

use crate::complaints::Complaints;
use crate::encoding::decode_base64;
use crate::scalar::append;
use agent_api::plugin::{BoxParser, now};
use agent_api::*;
use agent_golang::number::FloatStyle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

register!(Entry::processor::<Parser>());

/// Reads texts of metrics.
struct Parser {
    settings: Settings,
    parser: BoxParser,
    /// What the parser makes.
    collector: Collector,
    /// The rows of the batch that stay, in their order.
    rows: Vec<u32>,
    complaints: Complaints,
}

/// What is read and what becomes of it. The options of the data format stand beside these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Keys of the fields that are read.
    parse_fields: Vec<String>,
    /// Keys of the fields that are decoded from base64 and read.
    parse_fields_base64: Vec<String>,
    /// Keys of the tags that are read.
    parse_tags: Vec<String>,
    /// Whether the metric that the text came from is left out. It is, too, if there was nothing to read.
    drop_original: bool,
    /// What becomes of the metrics read: "" passes them on beside the original; "override" puts their tags and fields into the
    /// original, or into the first of them if that is left out; "override-with-timestamp" takes over their time as well, where
    /// there is one; "parent" gives each of them what the original has.
    merge: Merge,
}

/// What becomes of the metrics read.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Merge {
    /// They are passed on.
    #[default]
    #[serde(rename = "")]
    Nothing,
    /// All are put into the first metric.
    Override,
    /// All are put into the first metric, with their time.
    OverrideWithTimestamp,
    /// Each is put into a copy of the original.
    Parent,
}

impl Plugin for Parser {
    const NAME: &'static str = "parser";
    const ABOUT: &'static str = "Reads the text of fields and tags in a data format.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        for field in settings.parse_fields.iter().filter(|field| settings.parse_fields_base64.contains(field)) {
            env.log.error(format_args!("field {field:?} is listed both plain and as base64, so it is not read"));
        }
        Ok(Parser {
            parser: env.parser()?,
            settings,
            collector: Collector::new(),
            rows: Vec::new(),
            complaints: Complaints::new(&env.log),
        })
    }
}

impl Processor for Parser {
    fn apply(&mut self, batch: &mut Batch) {
        self.rows.clear();
        for row in 0..batch.len() {
            let from = now();
            let mut parsed = self.parse(batch.at(row));
            let read = from..=now().saturating_add(parsed.len() as i64);
            for i in 0..parsed.len() {
                let mut m = parsed.at_mut(i);
                // Formats without names of their own give the name of the plugin.
                if matches!(m.name(), "" | Self::NAME) {
                    m.set_name(batch.at(row).name());
                }
            }
            self.merge(batch, row, parsed, |m| m.has_time() && !read.contains(&m.time()));
        }
        batch.arrange(&self.rows);
    }
}

impl Parser {
    /// All metrics that the fields and tags of one give.
    fn parse(&mut self, metric: MetricRef<'_>) -> Batch {
        let Settings { parse_fields, parse_fields_base64, parse_tags, .. } = &self.settings;
        let lists = |list: &[String], key: &str| list.iter().any(|own| own == key);
        let mut bodies = Vec::new();
        for (key, value) in metric.fields() {
            match (lists(parse_fields, key), lists(parse_fields_base64, key)) {
                (true, false) => bodies.push((key, Body::from(text(value)))),
                (false, true) => match decode_base64(&text(value)) {
                    Some(bytes) => bodies.push((key, Body::new(bytes))),
                    None => self.complaints.add(format_args!("decode field {key:?}: no base64")),
                },
                _ => {}
            }
        }
        bodies.extend(parse_tags.iter().filter_map(|key| Some((key.as_str(), Body::from(metric.tag(key)?)))));
        for (key, body) in bodies {
            if let Err(e) = self.parser.parse(&body, &mut self.collector) {
                self.complaints.add(format_args!("parse {key:?}: {e}"));
            }
        }
        for error in self.collector.take_errors().0 {
            self.complaints.add(format_args!("{error:#}"));
        }
        self.collector.take()
    }

    /// Notes the rows that come of one metric and what was read from it. `has_time` is false for metrics without a time of their
    /// own and for those that the format gave the time of reading.
    fn merge(&mut self, batch: &mut Batch, row: usize, mut parsed: Batch, has_time: impl Fn(MetricRef<'_>) -> bool) {
        let Settings { drop_original, merge: how, .. } = self.settings;
        let original = (!drop_original).then_some(row);
        match how {
            Merge::Nothing => {
                parsed.settle_times(now(), 0);
                self.rows.extend(original.map(|row| row as u32));
                self.rows.extend(parsed.iter().map(|metric| batch.push(metric) as u32));
            }
            Merge::Parent => {
                self.rows.extend(original.map(|row| row as u32));
                for metric in parsed.iter() {
                    let copy = batch.duplicate(row);
                    put(metric, &mut batch.at_mut(copy));
                    self.rows.push(copy as u32);
                }
            }
            Merge::Override | Merge::OverrideWithTimestamp => {
                let mut metrics = parsed.iter();
                let base = original.or_else(|| metrics.next().map(|first| batch.push(first)));
                let Some(base) = base else { return };
                let mut m = batch.at_mut(base);
                for metric in metrics {
                    put(metric, &mut m);
                    if how == Merge::OverrideWithTimestamp && has_time(metric) {
                        m.set_time(metric.time());
                    }
                }
                if !m.read().has_time() {
                    m.set_time(now());
                }
                self.rows.push(base as u32);
            }
        }
    }
}

/// Puts name, tags and fields of a metric into another.
fn put(from: MetricRef<'_>, to: &mut MetricMut<'_>) {
    to.set_name(from.name());
    for (key, value) in from.tags() {
        to.set_tag(key, value);
    }
    for (key, value) in from.fields() {
        to.set_field(key, value);
    }
}

fn text(value: Value<'_>) -> String {
    let mut text = String::new();
    append(value, FloatStyle::Plain, &mut text);
    text
}
