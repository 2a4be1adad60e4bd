//! Turns the value of a tag into the key of a field: `m,sensor=temp value=21` becomes `m temp=21`.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Pivot>());

/// Renames the value field after the tag.
struct Pivot {
    settings: Settings,
    /// The key being moved.
    key: String,
}

/// What is turned into what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the tag whose value becomes the key of the field.
    tag_key: String,
    /// Key of the field that is renamed.
    value_key: String,
}

impl Plugin for Pivot {
    const NAME: &'static str = "pivot";
    const ABOUT: &'static str = "Names a field after the value of a tag.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.tag_key.is_empty() || settings.value_key.is_empty() {
            env.log.warn("tag_key or value_key is empty, so nothing is changed");
        }
        Ok(Pivot { settings, key: String::new() })
    }
}

impl Processor for Pivot {
    fn apply(&mut self, batch: &mut Batch) {
        let Pivot { settings: Settings { tag_key, value_key }, key } = self;
        batch.each(|m| {
            let (Some(tag), true) = (m.tag(tag_key), m.field(value_key).is_some()) else { return };
            key.clear();
            key.push_str(tag);
            m.remove_tag(tag_key);
            m.rename_field(value_key, key);
        });
    }
}
