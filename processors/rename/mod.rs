//! Gives measurements, tags and fields other names.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Rename>());

/// The renames in the order of the file.
struct Rename(Vec<Rule>);

/// What is renamed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The renames; each sees what those before it made.
    replace: Vec<Replace>,
}

/// One rename: `measurement`, `tag` or `field`, the first of them that is given, becomes `dest`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Replace {
    /// Name of the measurement to rename.
    measurement: String,
    /// Key of the tag to rename.
    tag: String,
    /// Key of the field to rename.
    field: String,
    /// The new name; without it nothing is renamed.
    dest: String,
}

enum Rule {
    Name(String, String),
    Tag(String, String),
    Field(String, String),
}

impl Plugin for Rename {
    const NAME: &'static str = "rename";
    const ABOUT: &'static str = "Renames measurements, tags and fields.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let rules = settings.replace.into_iter().enumerate().filter_map(|(i, r)| rule(i, r, &env.log));
        Ok(Rename(rules.collect()))
    }
}

/// The rule of a block; a block that does less than it says is pointed out once.
fn rule(i: usize, Replace { measurement, tag, field, dest }: Replace, log: &Log) -> Option<Rule> {
    let n = i + 1;
    if dest.is_empty() {
        log.warn(format_args!("replace {n}: no dest, so nothing is renamed"));
        return None;
    }
    if [&measurement, &tag, &field].into_iter().filter(|key| !key.is_empty()).count() > 1 {
        log.warn(format_args!("replace {n}: only the first of measurement, tag and field is renamed"));
    }
    if !measurement.is_empty() {
        Some(Rule::Name(measurement, dest))
    } else if !tag.is_empty() {
        Some(Rule::Tag(tag, dest))
    } else if !field.is_empty() {
        Some(Rule::Field(field, dest))
    } else {
        log.warn(format_args!("replace {n}: no measurement, tag or field, so nothing is renamed"));
        None
    }
}

impl Processor for Rename {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            for rule in &self.0 {
                match rule {
                    Rule::Name(from, to) => {
                        if m.name() == from {
                            m.set_name(to);
                        }
                    }
                    Rule::Tag(from, to) => {
                        m.rename_tag(from, to);
                    }
                    Rule::Field(from, to) => {
                        m.rename_field(from, to);
                    }
                }
            }
        });
    }
}
