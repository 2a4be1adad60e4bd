//! Gives metrics a name and tags, whatever they had before.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::processor::<Override>());

/// Sets name and tags of every metric.
struct Override {
    settings: Settings,
    /// The name being put together.
    name: String,
}

/// What is set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name in place of the metric's own; empty leaves it.
    name_override: String,
    /// Text put before the name.
    name_prefix: String,
    /// Text put after the name.
    name_suffix: String,
    /// Tags that every metric gets, in place of its own of the same key.
    tags: BTreeMap<String, String>,
}

impl Plugin for Override {
    const NAME: &'static str = "override";
    const ABOUT: &'static str = "Sets the name and tags of metrics.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Override { settings, name: String::new() })
    }
}

impl Processor for Override {
    fn apply(&mut self, batch: &mut Batch) {
        let Override { settings: Settings { name_override, name_prefix, name_suffix, tags }, name } = self;
        let changes_name = [&*name_override, name_prefix, name_suffix].iter().any(|part| !part.is_empty());
        batch.each(|m| {
            if changes_name {
                name.clear();
                name.push_str(name_prefix);
                name.push_str(if name_override.is_empty() { m.name() } else { name_override });
                name.push_str(name_suffix);
                m.set_name(name);
            }
            for (key, value) in &*tags {
                m.set_tag(key, value);
            }
        });
    }
}
