//! Makes several metrics of one, each with some of its tags and fields and a name of its own.

use agent_api::*;
use agent_golang::glob::Filter;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Split>());

/// The compiled templates.
struct Split {
    drop_original: bool,
    templates: Vec<Template>,
    /// The rows that stay.
    rows: Vec<u32>,
}

/// What metrics are made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Whether the metric that is split is left out, in place of passing before its parts.
    drop_original: bool,
    /// The metrics to make of each metric; one that would have no field is not made.
    template: Vec<TemplateSettings>,
}

/// A metric to make.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TemplateSettings {
    /// Its name. Required.
    name: String,
    /// Keys of the tags it gets, wildcards allowed.
    tags: Vec<String>,
    /// Keys of the fields it gets, wildcards allowed.
    fields: Vec<String>,
}

struct Template {
    name: String,
    tags: Filter,
    fields: Filter,
}

impl Plugin for Split {
    const NAME: &'static str = "split";
    const ABOUT: &'static str = "Makes several metrics of one.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.template.is_empty(), "a template is required");
        let mut templates = Vec::with_capacity(settings.template.len());
        for (i, TemplateSettings { name, tags, fields }) in settings.template.into_iter().enumerate() {
            let n = i + 1;
            ensure!(!name.is_empty(), "template {n}: name is required");
            if fields.is_empty() {
                env.log.warn(format_args!("template {n}: no fields, so no metric is made"));
            }
            templates.push(Template {
                name,
                tags: Filter::compile(&tags, &[]).with_context(|| format!("template {n}: tags"))?,
                fields: Filter::compile(&fields, &[]).with_context(|| format!("template {n}: fields"))?,
            });
        }
        Ok(Split { drop_original: settings.drop_original, templates, rows: Vec::new() })
    }
}

impl Processor for Split {
    fn apply(&mut self, batch: &mut Batch) {
        self.rows.clear();
        for row in 0..batch.len() {
            if !self.drop_original {
                self.rows.push(row as u32);
            }
            for template in &self.templates {
                if !batch.at(row).field_keys().any(|key| template.fields.is_match(key)) {
                    continue;
                }
                let part = batch.duplicate(row);
                let mut m = batch.at_mut(part);
                m.set_name(&template.name);
                m.retain_tags(|key, _| template.tags.is_match(key));
                m.retain_fields(|key| template.fields.is_match(key));
                self.rows.push(part as u32);
            }
        }
        batch.arrange(&self.rows);
    }
}
