//! Writing: a metric is an object of its name, tags, fields and time, the keys of each sorted.
//!
//! Without a transformation the bytes are written straight from the batch; with one the object is built first.

use crate::jsonata::{Expression, Undefined};
use crate::jsontext::{Tree, append_value, escape};
use agent_api::metric::FieldRef;
use agent_api::*;
use agent_golang::glob::IncludeExclude;
use agent_golang::number::append_int;
use agent_golang::time::{Layout, Zone, named};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::serializer::<Writer>());

/// How metrics are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Unit of timestamps, cut to a power of ten nanoseconds: `1ns` to `1s` and beyond.
    json_timestamp_units: Duration,
    /// Layout of Go, or the name of one, for timestamps in UTC; nothing for numbers.
    json_timestamp_format: String,
    /// Expression in JSONata that is applied to what would be written; nothing for none.
    json_transformation: String,
    /// Keys of text fields that are written as the JSON they hold, where they hold any; globs are allowed.
    json_nested_fields_include: Vec<String>,
    /// Keys of text fields that are written as texts nevertheless; globs are allowed.
    json_nested_fields_exclude: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            json_timestamp_units: Duration::secs(1),
            json_timestamp_format: String::new(),
            json_transformation: String::new(),
            json_nested_fields_include: Vec::new(),
            json_nested_fields_exclude: Vec::new(),
        }
    }
}

/// The serializer of JSON.
pub struct Writer {
    /// Nanoseconds of one unit of a timestamp.
    unit: i64,
    layout: Option<Layout>,
    transformation: Option<Expression>,
    nested: Option<IncludeExclude>,
    scratch: String,
}

impl Plugin for Writer {
    const NAME: &'static str = "json";
    const ABOUT: &'static str = "JSON objects, one a line, or one with a list of all metrics.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let format = &settings.json_timestamp_format;
        let transformation = &settings.json_transformation;
        let (include, exclude) = (&settings.json_nested_fields_include, &settings.json_nested_fields_exclude);
        Ok(Writer {
            unit: power_of_ten(settings.json_timestamp_units),
            layout: (!format.is_empty()).then(|| Layout::parse_spec(named(format).unwrap_or(format))),
            transformation: match transformation.is_empty() {
                true => None,
                false => Some(Expression::compile(transformation).context("json_transformation")?),
            },
            nested: match include.is_empty() && exclude.is_empty() {
                true => None,
                false => Some(IncludeExclude::compile(include, exclude, &[]).context("json_nested_fields_include")?),
            },
            scratch: String::new(),
        })
    }
}

/// The largest power of ten nanoseconds that is not above the duration; a second for none.
fn power_of_ten(unit: Duration) -> i64 {
    match unit.as_nanos() {
        0 => 1_000_000_000,
        nanos => 10i64.pow(nanos.ilog10().min(18)),
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        match &self.transformation {
            None => self.write(metric, out),
            Some(expression) => transform(expression, self.tree(metric), "maybe it is meant for batches", out)?,
        }
        out.push(b'\n');
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        match &self.transformation {
            None => {
                out.extend_from_slice(b"{\"metrics\":[");
                for (i, metric) in metrics.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    self.write(metric, out);
                }
                out.extend_from_slice(b"]}");
            }
            Some(expression) => {
                let list = metrics.iter().map(|metric| self.tree(metric)).collect();
                let whole = Tree::Map(BTreeMap::from([("metrics".to_owned(), Tree::List(list))]));
                transform(expression, whole, "maybe it is meant for single metrics", out)?;
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Writes what the expression makes of the value.
fn transform(expression: &Expression, value: Tree, hint: &str, out: &mut Vec<u8>) -> Result<()> {
    match expression.evaluate(value) {
        Ok(value) => value.write(out),
        Err(e) if e.is::<Undefined>() => return Err(e.context(hint.to_owned())),
        Err(e) => return Err(e),
    }
    Ok(())
}

impl Writer {
    fn write(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"fields\":{");
        let mut fields: Vec<FieldRef<'_>> = metric.raw_fields().collect();
        if !fields.is_sorted_by_key(|f| f.key()) {
            fields.sort_by_key(|f| f.key());
        }
        let mut first = true;
        for field in fields {
            let before = out.len();
            if !first {
                out.push(b',');
            }
            escape(field.key(), out);
            out.push(b':');
            if self.value(field, out) { first = false } else { out.truncate(before) }
        }
        out.extend_from_slice(b"},\"name\":");
        escape(metric.name(), out);
        out.extend_from_slice(b",\"tags\":{");
        for (i, (key, value)) in metric.tags().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            escape(key, out);
            out.push(b':');
            escape(value, out);
        }
        out.extend_from_slice(b"},\"timestamp\":");
        match &self.layout {
            None => append_int(metric.time() / self.unit, out),
            Some(layout) => {
                self.scratch.clear();
                layout.format_into(metric.time(), &Zone::Utc, &mut self.scratch);
                escape(&self.scratch, out);
            }
        }
        out.push(b'}');
    }

    /// Writes a value; false for NaN and infinities, which JSON has not.
    fn value(&self, field: FieldRef<'_>, out: &mut Vec<u8>) -> bool {
        // Six zeros after the point may be below 1e-6, which is written with an exponent.
        if let Some(text) = field.decimal().filter(|text| !text.trim_start_matches('-').starts_with("0.00000")) {
            out.extend_from_slice(text.as_bytes());
            return true;
        }
        match field.value() {
            Value::Float(v) if !v.is_finite() => return false,
            Value::Str(v) => match self.nested(field.key(), v) {
                Some(tree) => tree.write(out),
                None => escape(v, out),
            },
            value => append_value(value, out),
        }
        true
    }

    /// The JSON that a text field holds, if that is asked for.
    fn nested(&self, key: &str, text: &str) -> Option<Tree> {
        if self.nested.as_ref()?.passes(key) { Tree::parse(text) } else { None }
    }

    fn tree(&self, metric: MetricRef<'_>) -> Tree {
        let text = |text: &str| Tree::Text(text.to_owned());
        let tags = metric.tags().map(|(key, value)| (key.to_owned(), text(value))).collect();
        let mut fields = BTreeMap::new();
        for (key, value) in metric.fields() {
            let value = match value {
                Value::Float(v) if !v.is_finite() => continue,
                Value::Float(v) => Tree::Number(v),
                Value::Int(v) => Tree::Int(v),
                Value::Uint(v) => Tree::Uint(v),
                Value::Bool(v) => Tree::Bool(v),
                Value::Str(v) => self.nested(key, v).unwrap_or_else(|| text(v)),
            };
            fields.insert(key.to_owned(), value);
        }
        let time = match &self.layout {
            None => Tree::Int(metric.time() / self.unit),
            Some(layout) => Tree::Text(layout.format(metric.time(), &Zone::Utc)),
        };
        Tree::Map(BTreeMap::from([
            ("fields".to_owned(), Tree::Map(fields)),
            ("name".to_owned(), text(metric.name())),
            ("tags".to_owned(), Tree::Map(tags)),
            ("timestamp".to_owned(), time),
        ]))
    }
}
