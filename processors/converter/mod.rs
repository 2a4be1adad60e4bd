//! Turns tags and fields into other types, into each other, into the name or into the time of a metric.

mod convert;

use crate::complaints::{Complaints, quoted};
use crate::scalar::append;
use agent_api::options::{Item, Setting};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::FloatStyle;
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use convert::Target;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Converter>());

/// The compiled conversions: for each type the keys that it is for, by precedence.
struct Converter {
    tags: Conversions,
    fields: Conversions,
    /// The key and the text at hand, kept so that they need no new memory.
    key: String,
    text: String,
    complaints: Complaints,
}

/// What is converted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What becomes of tags.
    tags: Option<Tags>,
    /// What becomes of fields.
    fields: Option<Fields>,
}

/// Keys of tags, wildcards allowed, by what they become. A key under several of them becomes the first of: measurement, string,
/// integer, unsigned, boolean, float, timestamp. A tag that does not fit its type is removed, but for timestamp.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Tags {
    /// The name of the metric.
    measurement: Vec<String>,
    /// A text field.
    string: Vec<String>,
    /// An integer field; numbers with a fraction are rounded.
    integer: Vec<String>,
    /// An unsigned integer field; negative numbers become 0.
    unsigned: Vec<String>,
    /// A boolean field, from 1, t, true, 0, f, false.
    boolean: Vec<String>,
    /// A float field.
    float: Vec<String>,
    /// The time of the metric.
    timestamp: Vec<String>,
    /// Format of the timestamp: "unix", "unix_ms", "unix_us", "unix_ns" or a layout of Go.
    timestamp_format: String,
}

/// Keys of fields, wildcards allowed, by what they become. A key under several of them becomes the first of: measurement, tag,
/// float, integer, unsigned, boolean, string, timestamp, base64_ieee_float32. A field that does not fit its type is removed, but
/// for timestamp.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    /// The name of the metric.
    measurement: Vec<String>,
    /// A tag.
    tag: Vec<String>,
    /// A text.
    string: Vec<String>,
    /// An integer; numbers with a fraction are rounded.
    integer: Vec<String>,
    /// An unsigned integer; negative numbers become 0.
    unsigned: Vec<String>,
    /// A boolean; numbers are true above 0, texts are 1, t, true, 0, f, false.
    boolean: Vec<String>,
    /// A float.
    float: Vec<String>,
    /// The time of the metric.
    timestamp: Vec<String>,
    /// Format of the timestamp: "unix", "unix_ms", "unix_us", "unix_ns" or a layout of Go.
    timestamp_format: String,
    /// A float, from the base64 of its four bytes, the highest first.
    base64_ieee_float32: Vec<String>,
}

/// What becomes of which keys.
struct Conversions {
    /// By precedence.
    targets: Vec<(Target, Filter)>,
    format: TimestampFormat,
}

impl Conversions {
    fn compile(targets: &[(Target, &[String])], format: &str) -> Result<Conversions> {
        let mut compiled = Vec::new();
        for (target, keys) in targets {
            if !keys.is_empty() {
                compiled.push((*target, Filter::compile(keys, &[]).with_context(|| target.to_string())?));
            }
        }
        let format = TimestampFormat::parse_spec(if format.is_empty() { "unix" } else { format });
        Ok(Conversions { targets: compiled, format })
    }

    fn target(&self, key: &str) -> Option<Target> {
        self.targets.iter().find(|(_, keys)| keys.is_match(key)).map(|(target, _)| *target)
    }
}

impl Plugin for Converter {
    const NAME: &'static str = "converter";
    const ABOUT: &'static str = "Converts tags and fields to other types.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(settings.tags.is_some() || settings.fields.is_some(), "neither tags nor fields are to be converted");
        let t = settings.tags.unwrap_or_default();
        let f = settings.fields.unwrap_or_default();
        let tags = Conversions::compile(
            &[
                (Target::Measurement, &t.measurement),
                (Target::Text, &t.string),
                (Target::Integer, &t.integer),
                (Target::Unsigned, &t.unsigned),
                (Target::Boolean, &t.boolean),
                (Target::Float, &t.float),
                (Target::Timestamp, &t.timestamp),
            ],
            &t.timestamp_format,
        );
        let fields = Conversions::compile(
            &[
                (Target::Measurement, &f.measurement),
                (Target::Tag, &f.tag),
                (Target::Float, &f.float),
                (Target::Integer, &f.integer),
                (Target::Unsigned, &f.unsigned),
                (Target::Boolean, &f.boolean),
                (Target::Text, &f.string),
                (Target::Timestamp, &f.timestamp),
                (Target::Base64Float, &f.base64_ieee_float32),
            ],
            &f.timestamp_format,
        );
        Ok(Converter {
            tags: tags.context("tags")?,
            fields: fields.context("fields")?,
            key: String::new(),
            text: String::new(),
            complaints: Complaints::new(&env.log),
        })
    }

    /// Telegraf has one list of types for both, and takes those of fields for tags without doing anything.
    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        let Some(Item { value: Setting::Table(tags), .. }) = table.get_mut("tags") else { return };
        for key in ["tag", "base64_ieee_float32"] {
            if tags.remove(key).is_some() {
                notes.push(format!("option \"tags.{key}\" is left out: it has no effect"));
            }
        }
    }
}

impl Processor for Converter {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            if !self.tags.targets.is_empty() {
                self.convert_tags(m);
            }
            if !self.fields.targets.is_empty() {
                self.convert_fields(m);
            }
        });
    }
}

impl Converter {
    fn convert_tags(&mut self, m: &mut MetricMut<'_>) {
        let mut i = 0;
        while i < m.tag_len() {
            let (key, value) = m.tag_at(i);
            let Some(target) = self.tags.target(key) else {
                i += 1;
                continue;
            };
            self.key.clear();
            self.key.push_str(key);
            self.text.clear();
            self.text.push_str(value);
            let value = Value::Str(&self.text);
            let converted = match target {
                Target::Timestamp => match self.tags.format.parse(Stamp::Text(&self.text), &Zone::Utc) {
                    Ok(time) => {
                        m.set_time(time);
                        Ok(None)
                    }
                    Err(e) => {
                        self.complaints.add(format_args!("convert tag {:?} to timestamp: {e}", self.key));
                        i += 1;
                        continue;
                    }
                },
                Target::Measurement => {
                    m.set_name(&self.text);
                    Ok(None)
                }
                target => target.of(value).map(Some),
            };
            let key = self.key.as_str();
            m.remove_tag(key);
            match converted {
                Ok(Some(value)) => m.set_field(key, value),
                Ok(None) => {}
                Err(()) => self.complaints.add(format_args!("convert tag {key:?} to {target}: {}", quoted(&self.text))),
            }
        }
    }

    fn convert_fields(&mut self, m: &mut MetricMut<'_>) {
        let mut i = 0;
        while i < m.field_len() {
            let Some(target) = self.fields.target(m.field_key_at(i)) else {
                i += 1;
                continue;
            };
            let (key, value) = m.field_at(i);
            match target {
                Target::Measurement => {
                    self.text.clear();
                    append(value, FloatStyle::Plain, &mut self.text);
                    m.remove_field_at(i);
                    m.set_name(&self.text);
                }
                Target::Tag => {
                    self.text.clear();
                    append(value, FloatStyle::Plain, &mut self.text);
                    self.key.clear();
                    self.key.push_str(key);
                    m.remove_field_at(i);
                    m.set_tag(&self.key, &self.text);
                }
                Target::Timestamp => match time(value, &self.fields.format) {
                    Ok(time) => {
                        m.set_time(time);
                        m.remove_field_at(i);
                    }
                    Err(e) => {
                        self.complaints.add(format_args!("convert field {key:?} to timestamp: {e}"));
                        i += 1;
                    }
                },
                Target::Text => {
                    if !matches!(value, Value::Str(_)) {
                        self.text.clear();
                        append(value, FloatStyle::Plain, &mut self.text);
                        m.set_field_at(i, &self.text);
                    }
                    i += 1;
                }
                Target::Base64Float if !matches!(value, Value::Str(_)) => {
                    self.complaints.add(format_args!("convert field {key:?} to {target}: it is no text"));
                    i += 1;
                }
                target => match target.number(value) {
                    Ok(number) => {
                        m.set_field_at(i, number);
                        i += 1;
                    }
                    Err(()) => {
                        self.text.clear();
                        append(value, FloatStyle::Plain, &mut self.text);
                        self.complaints.add(format_args!("convert field {key:?} to {target}: {}", quoted(&self.text)));
                        m.remove_field_at(i);
                    }
                },
            }
        }
    }
}

fn time(value: Value<'_>, format: &TimestampFormat) -> Result<i64> {
    let stamp = match value {
        Value::Int(v) => Stamp::Int(v),
        Value::Uint(v) => Stamp::Uint(v),
        Value::Float(v) => Stamp::Float(v),
        Value::Str(v) => Stamp::Text(v),
        Value::Bool(_) => bail!("a boolean is no time"),
    };
    Ok(format.parse(stamp, &Zone::Utc)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::applied;
    use serde_json::json;

    #[test]
    fn tags_are_converted_first_and_replace_fields() {
        let settings = json!({"tags": {"integer": ["n"]}, "fields": {"tag": ["who"]}});
        assert_eq!(applied::<Converter>(settings, "p,n=5,who=old n=1.5,who=\"new\",v=1i 1"), "p,who=new n=5i,v=1i 1");
    }

    #[test]
    fn what_does_not_fit_is_removed_but_for_times() {
        let fields = json!({"integer": ["i"], "timestamp": ["t*"], "measurement": ["m"]});
        let settings = json!({"tags": {"float": ["f"]}, "fields": fields});
        let input = "p,f=x i=\"no\",t=\"no\",t2=1600000000i,m=true,v=1i 1";
        assert_eq!(applied::<Converter>(settings, input), "true t=\"no\",v=1i 1600000000000000000");
    }
}
