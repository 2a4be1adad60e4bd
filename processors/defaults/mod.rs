//! Fills in fields and tags that a metric lacks or that hold nothing but white space.

use crate::scalar::Scalar;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::processor::<Defaults>());

/// What is filled in.
struct Defaults(Settings);

/// The values to fill in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Values of fields: texts, numbers or booleans.
    fields: BTreeMap<String, Scalar>,
    /// Values of tags: texts.
    tags: BTreeMap<String, String>,
}

impl Plugin for Defaults {
    const NAME: &'static str = "defaults";
    const ABOUT: &'static str = "Sets fields and tags that are missing or empty.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Defaults(settings))
    }
}

impl Processor for Defaults {
    fn apply(&mut self, batch: &mut Batch) {
        let Settings { fields, tags } = &self.0;
        batch.each(|m| {
            for (key, value) in fields {
                let lacks = match m.field(key) {
                    None => true,
                    Some(Value::Str(text)) => text.trim().is_empty(),
                    Some(_) => false,
                };
                if lacks {
                    m.set_field(key, value.value());
                }
            }
            for (key, value) in tags {
                if m.tag(key).is_none_or(|text| text.trim().is_empty()) {
                    m.set_tag(key, value);
                }
            }
        });
    }
}
