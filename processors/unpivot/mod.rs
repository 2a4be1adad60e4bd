//! Makes a metric of each field: `m temp=21,door=1` becomes `m,name=temp value=21` and `m,name=door value=1`.

use agent_api::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

register!(Entry::processor::<Unpivot>());

/// Takes metrics apart.
struct Unpivot {
    settings: Settings,
    /// The key at hand.
    key: String,
    /// The rows that stay.
    rows: Vec<u32>,
}

/// What the new metrics look like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where the key of the field goes: "tag" (see `tag_key`) or "metric", which makes it the name.
    use_fieldname_as: Use,
    /// Key of the tag that gets the key of the field.
    tag_key: String,
    /// Key of the field that gets the value.
    value_key: String,
}

/// Where the key of a field goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Use {
    /// To a tag.
    #[default]
    #[serde(alias = "")]
    Tag,
    /// To the name.
    Metric,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { use_fieldname_as: Use::Tag, tag_key: "name".to_owned(), value_key: "value".to_owned() }
    }
}

impl Plugin for Unpivot {
    const NAME: &'static str = "unpivot";
    const ABOUT: &'static str = "Makes a metric of each field.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Unpivot { settings, key: String::new(), rows: Vec::new() })
    }
}

impl Processor for Unpivot {
    fn apply(&mut self, batch: &mut Batch) {
        let Unpivot { settings: Settings { use_fieldname_as, tag_key, value_key }, key, rows } = self;
        rows.clear();
        for row in 0..batch.len() {
            for i in 0..batch.at_mut(row).field_len() {
                let new = batch.duplicate(row);
                rows.push(new as u32);
                let mut m = batch.at_mut(new);
                key.clear();
                key.push_str(m.field_key_at(i));
                m.retain_fields(|other| other == key);
                m.rename_field(key, value_key);
                match use_fieldname_as {
                    Use::Tag => m.set_tag(tag_key, key),
                    Use::Metric => m.set_name(key),
                }
            }
        }
        batch.arrange(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::applied;
    use serde_json::json;

    #[test]
    fn each_field_becomes_a_metric_in_its_place() {
        let input = "m,r=1 t=21.5,value=3i 1\nn u=true 2";
        let tag = "m,name=t,r=1 value=21.5 1\nm,name=value,r=1 value=3i 1\nn,name=u value=true 2";
        assert_eq!(applied::<Unpivot>(json!({}), input), tag);
        let name = "t,r=1 x=21.5 1\nvalue,r=1 x=3i 1\nu x=true 2";
        assert_eq!(applied::<Unpivot>(json!({"use_fieldname_as": "metric", "value_key": "x"}), input), name);
    }
}
