//! Replaces values of tags and fields by those of a table.

use crate::scalar::{Scalar, append};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::FloatStyle;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::processor::<Enum>());

/// The compiled mappings.
struct Enum {
    mappings: Vec<Mapping>,
    /// What is to be written when all mappings have seen the metric.
    pending: Vec<Pending>,
    /// The keys of `pending` that are the metric's own.
    keys: String,
    /// A number as text.
    text: String,
}

/// What is mapped.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The mappings. All of them see the original values; where several write to one key the last wins.
    mapping: Vec<MappingSettings>,
}

/// A table and what it is for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MappingSettings {
    /// Keys of fields that are looked up, wildcards allowed. Numbers and booleans are looked up as text.
    fields: Vec<String>,
    /// Keys of tags that are looked up, wildcards allowed.
    tags: Vec<String>,
    /// Key that gets the result; the one that was looked up if empty.
    dest: String,
    /// Result for values that the table lacks: a text, number or boolean. Without it they stay.
    default: Option<Scalar>,
    /// The table: the value as text = the result, which is a text, number or boolean.
    value_mappings: BTreeMap<String, Scalar>,
}

struct Mapping {
    fields: Keys,
    tags: Keys,
    dest: Option<String>,
    /// Where the result for a value is in `results`.
    table: HashMap<String, u32, RandomState>,
    default: Option<u32>,
    results: Vec<Outcome>,
}

struct Outcome {
    field: Scalar,
    /// As a tag holds it.
    tag: String,
}

/// Keys by name, which needs no look at the others, or by patterns.
enum Keys {
    Names(Vec<String>),
    Globs(Filter),
}

/// A result to be written; the key is that of the mapping or the given part of `keys`.
struct Pending {
    tag: bool,
    mapping: u32,
    result: u32,
    key: (u32, u32),
}

impl Plugin for Enum {
    const NAME: &'static str = "enum";
    const ABOUT: &'static str = "Replaces values of tags and fields by those of a table.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let mut mappings = Vec::with_capacity(settings.mapping.len());
        for (i, mapping) in settings.mapping.into_iter().enumerate() {
            if mapping.fields.is_empty() && mapping.tags.is_empty() {
                env.log.warn(format_args!("mapping {}: no fields and no tags, so it does nothing", i + 1));
            }
            mappings.push(Mapping::compile(mapping).with_context(|| format!("mapping {}", i + 1))?);
        }
        Ok(Enum { mappings, pending: Vec::new(), keys: String::new(), text: String::new() })
    }
}

impl Keys {
    /// `one_dest` if all results go to one key: then the last of the metric counts, so its order is kept.
    fn compile(keys: Vec<String>, one_dest: bool) -> Result<Keys> {
        let globs = Filter::compile(&keys, &[])?;
        let by_name = globs.names().is_some() && !(one_dest && keys.len() > 1);
        Ok(if by_name { Keys::Names(keys) } else { Keys::Globs(globs) })
    }
}

impl Mapping {
    fn compile(settings: MappingSettings) -> Result<Mapping> {
        let (mut table, mut results) = (HashMap::default(), Vec::new());
        let mut add = |result: Scalar| {
            let mut tag = String::new();
            append(result.value(), FloatStyle::Shortest, &mut tag);
            results.push(Outcome { field: result, tag });
            results.len() as u32 - 1
        };
        for (value, result) in settings.value_mappings {
            table.insert(value, add(result));
        }
        let default = settings.default.map(add);
        let one_dest = !settings.dest.is_empty();
        Ok(Mapping {
            fields: Keys::compile(settings.fields, one_dest).context("fields")?,
            tags: Keys::compile(settings.tags, one_dest).context("tags")?,
            dest: (!settings.dest.is_empty()).then_some(settings.dest),
            table,
            default,
            results,
        })
    }

    fn look_up(&self, text: &str) -> Option<u32> {
        self.table.get(text).copied().or(self.default)
    }
}

impl Processor for Enum {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            self.pending.clear();
            self.keys.clear();
            for i in 0..self.mappings.len() {
                self.look_up(i, m.read());
            }
            for pending in &self.pending {
                let mapping = &self.mappings[pending.mapping as usize];
                let result = &mapping.results[pending.result as usize];
                let own = &self.keys[pending.key.0 as usize..pending.key.1 as usize];
                let key = mapping.dest.as_deref().unwrap_or(own);
                match pending.tag {
                    true => m.set_tag(key, &result.tag),
                    false => m.set_field(key, result.field.value()),
                }
            }
        });
    }
}

impl Enum {
    /// Notes what a mapping makes of a metric.
    fn look_up(&mut self, i: usize, metric: MetricRef<'_>) {
        let Enum { mappings, pending, keys, text } = self;
        let mapping = &mappings[i];
        let mut note = |tag: bool, key: &str, result: Option<u32>| {
            let Some(result) = result else { return };
            let from = keys.len() as u32;
            if mapping.dest.is_none() {
                keys.push_str(key);
            }
            pending.push(Pending { tag, mapping: i as u32, result, key: (from, keys.len() as u32) });
        };
        let mut field = |key: &str, value: Value<'_>| {
            let result = match value {
                Value::Str(value) => mapping.look_up(value),
                number => {
                    text.clear();
                    append(number, FloatStyle::Plain, text);
                    mapping.look_up(text)
                }
            };
            note(false, key, result);
        };
        match &mapping.fields {
            Keys::Names(names) => {
                names.iter().filter_map(|name| Some((name, metric.field(name)?))).for_each(|(k, v)| field(k, v));
            }
            Keys::Globs(globs) => metric.fields().filter(|(k, _)| globs.is_match(k)).for_each(|(k, v)| field(k, v)),
        }
        let mut tag = |key: &str, value: &str| note(true, key, mapping.look_up(value));
        match &mapping.tags {
            Keys::Names(names) => {
                names.iter().filter_map(|name| Some((name, metric.tag(name)?))).for_each(|(k, v)| tag(k, v));
            }
            Keys::Globs(globs) => metric.tags().filter(|(k, _)| globs.is_match(k)).for_each(|(k, v)| tag(k, v)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::applied;
    use serde_json::json;

    #[test]
    fn all_mappings_see_the_original_values() {
        let map = |from: &str, dest: &str, to: serde_json::Value| json!({"fields": [from], "dest": dest, "value_mappings": to});
        let settings = json!({"mapping": [map("a", "b", json!({"x": "y"})), map("b", "", json!({"y": "z"})),
            map("a", "c", json!({"x": 1})), map("a", "c", json!({"x": 2}))]});
        assert_eq!(applied::<Enum>(settings, "m a=\"x\" 1"), "m a=\"x\",b=\"y\",c=2i 1");
    }

    #[test]
    fn of_several_keys_with_one_dest_the_last_of_the_metric_counts() {
        let mapping = json!({"fields": ["a", "b"], "dest": "x", "value_mappings": {"1": "one", "2": "two"}});
        assert_eq!(applied::<Enum>(json!({"mapping": [mapping]}), "m b=2i,a=1i 1"), "m b=2i,a=1i,x=\"one\" 1");
    }

    #[test]
    fn numbers_are_looked_up_as_text_and_tags_get_text() {
        let table = json!({"1000000": true, "false": 2, "7": 1234567.0});
        let settings =
            json!({"mapping": [{"fields": ["?"], "tags": ["t*"], "value_mappings": table, "default": "other"}]});
        let expected = "m,t1=1.234567e+06,t2=other a=true,b=2i,c=\"other\" 1";
        assert_eq!(applied::<Enum>(settings, "m,t1=7,t2=x a=1e6,b=false,c=8u 1"), expected);
    }
}
