//! Changes values of tags and fields and names of tags, fields and measurements by regular expressions.
//!
//! Results are remembered by text (see `memo`): in a stream of metrics the same values come again and again, and a look-up
//! costs a tenth of a search.

mod rule;

#[cfg(test)]
mod tests;

use crate::memo::Memo;
use agent_api::options::{Item, Setting};
use agent_api::*;
use rule::{Rename, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

register!(Entry::processor::<Regex>());

/// The compiled rules; they run in this order whatever the order in the file.
struct Regex {
    tags: Vec<Rule>,
    fields: Vec<Rule>,
    tag_rename: Vec<Rename>,
    field_rename: Vec<Rename>,
    metric_rename: Vec<Rename>,
    buffers: Buffers,
}

/// Texts that outlive a look at the metric they come from.
#[derive(Default)]
struct Buffers {
    key: String,
    text: String,
}

/// What is changed. Tags come first, then fields, tag_rename, field_rename and metric_rename; within each the order of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Changes of the values of tags.
    tags: Vec<RuleSettings>,
    /// Changes of the values of fields that hold text.
    fields: Vec<RuleSettings>,
    /// Changes of the names of tags.
    tag_rename: Vec<RenameSettings>,
    /// Changes of the names of fields.
    field_rename: Vec<RenameSettings>,
    /// Changes of the names of measurements.
    metric_rename: Vec<MetricRenameSettings>,
}

/// A change of values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RuleSettings {
    /// Key of the tag or field; wildcards allowed. Required.
    key: String,
    /// Regular expression in the syntax of Go (RE2) that is looked for in the value.
    pattern: String,
    /// What takes the place of every match; `${1}` and `${name}` stand for groups. Without it and without `result_key`, if all
    /// groups of the pattern have names, each group becomes a tag or field of its name.
    replacement: String,
    /// Key that gets the result, in place of the one that was looked at.
    result_key: String,
    /// Whether the result is added to the end of what the key it goes to has, in place of replacing it.
    append: bool,
}

/// A change of names of tags or fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RenameSettings {
    /// Regular expression in the syntax of Go (RE2) that is looked for in the name.
    pattern: String,
    /// What takes the place of every match; `${1}` and `${name}` stand for groups.
    replacement: String,
    /// What happens if the new name is taken: "keep" leaves both as they are, "overwrite" replaces the other.
    result_key: Taken,
}

/// A change of names of measurements.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MetricRenameSettings {
    /// Regular expression in the syntax of Go (RE2) that is looked for in the name.
    pattern: String,
    /// What takes the place of every match; `${1}` and `${name}` stand for groups.
    replacement: String,
}

/// What happens if a new name is taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Taken {
    /// Nothing is renamed.
    #[default]
    #[serde(alias = "")]
    Keep,
    /// The other is replaced.
    Overwrite,
}

impl Plugin for Regex {
    const NAME: &'static str = "regex";
    const ABOUT: &'static str = "Changes values and names by regular expressions.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let rules = |rules: Vec<RuleSettings>, family: &str| -> Result<Vec<Rule>> {
            let compile = |(i, rule)| {
                let place = format!("{family} {}", i + 1);
                Rule::compile(rule, &place, &env.log).context(place)
            };
            rules.into_iter().enumerate().map(compile).collect()
        };
        let renames = |renames: Vec<RenameSettings>, family: &str| -> Result<Vec<Rename>> {
            let compile = |(i, r): (usize, RenameSettings)| {
                Rename::compile(&r.pattern, &r.replacement, r.result_key).with_context(|| format!("{family} {}", i + 1))
            };
            renames.into_iter().enumerate().map(compile).collect()
        };
        let metric_rename = settings
            .metric_rename
            .into_iter()
            .map(|r| RenameSettings { pattern: r.pattern, replacement: r.replacement, result_key: Taken::Keep })
            .collect();
        Ok(Regex {
            tags: rules(settings.tags, "tags")?,
            fields: rules(settings.fields, "fields")?,
            tag_rename: renames(settings.tag_rename, "tag_rename")?,
            field_rename: renames(settings.field_rename, "field_rename")?,
            metric_rename: renames(metric_rename, "metric_rename")?,
            buffers: Buffers::default(),
        })
    }

    /// Telegraf has the same options for every rule, and takes those that mean nothing where names are changed.
    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        let idle: [(&str, &[&str]); 3] = [
            ("tag_rename", &["key", "append"]),
            ("field_rename", &["key", "append"]),
            ("metric_rename", &["key", "append", "result_key"]),
        ];
        for (family, keys) in idle {
            let Some(Item { value: Setting::Array(rules), .. }) = table.get_mut(family) else { continue };
            for rule in rules {
                let Setting::Table(rule) = &mut rule.value else { continue };
                for key in keys.iter().filter(|key| rule.remove(key).is_some()) {
                    notes.push(format!("option \"{family}.{key}\" is left out: it has no effect"));
                }
            }
        }
    }
}

impl Processor for Regex {
    fn apply(&mut self, batch: &mut Batch) {
        let buffers = &mut self.buffers;
        batch.each(|m| {
            for rule in &mut self.tags {
                rule.apply_tags(m, buffers);
            }
            for rule in &mut self.fields {
                rule.apply_fields(m, buffers);
            }
            for rename in &mut self.tag_rename {
                rename.apply_tags(m, buffers);
            }
            for rename in &mut self.field_rename {
                rename.apply_fields(m, buffers);
            }
            for rename in &mut self.metric_rename {
                rename.apply_name(m);
            }
        });
    }
}
