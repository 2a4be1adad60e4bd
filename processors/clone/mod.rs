//! Puts a copy with another name and other tags before each metric.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::processor::<Clone>());

/// Makes the copies.
struct Clone {
    settings: Settings,
    /// The name being put together.
    name: String,
    /// The rows of the batch in their new order.
    rows: Vec<u32>,
}

/// What is different about the copies.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name of the copy in place of the metric's own; empty leaves it.
    name_override: String,
    /// Text put before the name of the copy.
    name_prefix: String,
    /// Text put after the name of the copy.
    name_suffix: String,
    /// Tags that every copy gets, in place of its own of the same key.
    tags: BTreeMap<String, String>,
}

impl Plugin for Clone {
    const NAME: &'static str = "clone";
    const ABOUT: &'static str = "Copies metrics, with another name or other tags.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Clone { settings, name: String::new(), rows: Vec::new() })
    }
}

impl Processor for Clone {
    fn apply(&mut self, batch: &mut Batch) {
        let Clone { settings: Settings { name_override, name_prefix, name_suffix, tags }, name, rows } = self;
        let changes_name = [&*name_override, name_prefix, name_suffix].iter().any(|part| !part.is_empty());
        rows.clear();
        for row in 0..batch.len() {
            let copy = batch.duplicate(row);
            rows.extend([copy as u32, row as u32]);
            let mut m = batch.at_mut(copy);
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
    fn a_copy_stands_before_each_metric() {
        let settings = json!({"name_prefix": "p_", "name_suffix": "_s", "tags": {"k": "new"}});
        let expected = "p_a_s,k=new v=1i 1\na,k=old v=1i 1\np_b_s,k=new v=2i 2\nb v=2i 2";
        assert_eq!(applied::<Clone>(settings, "a,k=old v=1i 1\nb v=2i 2"), expected);
    }
}
