//! Adds tags from a table in files, found by a key that a template makes of each metric.

mod table;

use crate::complaints::Complaints;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use schemars::JsonSchema;
use serde::Deserialize;
use table::{Form, Table};

register!(Entry::processor::<Lookup>());

/// The table that was read at the start.
struct Lookup {
    key: MetricTemplate,
    table: Table,
    /// The key at hand.
    text: String,
    complaints: Complaints,
}

/// Where the table is and how it is used.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Files with the table, read at the start; where several have a key, tags of later ones replace those of earlier ones. Required.
    files: Vec<String>,
    /// Form of the files: "json", "csv_key_name_value" or "csv_key_values", in any case.
    #[serde(deserialize_with = "table::form")]
    format: Form,
    /// Go template of the key: `{{ .Name }}`, `{{ .Tag "key" }}`, `{{ .Field "key" }}`. Required.
    key: String,
}

impl Plugin for Lookup {
    const NAME: &'static str = "lookup";
    const ABOUT: &'static str = "Adds tags from a table in files.";
    type Settings = Settings;

    /// Reads the files: a table that is missing or wrong is a mistake of the settings.
    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.files.is_empty(), "files are required");
        ensure!(!settings.key.is_empty(), "key is required");
        let key = MetricTemplate::compile(&settings.key).context("key")?;
        let mut table = Table::default();
        for path in &settings.files {
            let text = std::fs::read(path).with_context(|| format!("read {path}"))?;
            let text = String::from_utf8(text).with_context(|| format!("read {path}"))?;
            table.add(&text, settings.format).with_context(|| format!("read {path}"))?;
        }
        Ok(Lookup { key, table, text: String::new(), complaints: Complaints::new(&env.log) })
    }
}

impl Processor for Lookup {
    fn apply(&mut self, batch: &mut Batch) {
        let Lookup { key, table, text, complaints } = self;
        batch.each(|m| {
            text.clear();
            if let Err(e) = key.render(m.read(), text) {
                return complaints.add(format_args!("make key of metric {:?}: {e}", m.name()));
            }
            for (key, value) in table.tags(text) {
                m.set_tag(key, value);
            }
        });
    }
}
