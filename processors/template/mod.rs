//! Sets a tag to what a Go template makes of the metric.

use crate::complaints::Complaints;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Template>());

/// The compiled templates.
struct Template {
    key: Key,
    value: MetricTemplate,
    /// What they make, kept so that it needs no new memory.
    key_text: String,
    value_text: String,
    complaints: Complaints,
}

/// The key of the tag: mostly a plain text.
enum Key {
    Text(String),
    Template(MetricTemplate),
}

/// What is set to what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the tag that is set; may be a template itself.
    tag: String,
    /// Go template of the value: `{{ .Name }}`, `{{ .Tag "key" }}`, `{{ .Field "key" }}`, `{{ .Time }}`, and the functions of Go
    /// and sprig.
    template: String,
}

impl Plugin for Template {
    const NAME: &'static str = "template";
    const ABOUT: &'static str = "Sets a tag by a template over the metric.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.tag.is_empty() {
            env.log.warn("tag is empty, so nothing is set");
        }
        let key = match settings.tag.contains("{{") {
            true => Key::Template(MetricTemplate::compile(&settings.tag).context("tag")?),
            false => Key::Text(settings.tag),
        };
        Ok(Template {
            key,
            value: MetricTemplate::compile(&settings.template).context("template")?,
            key_text: String::new(),
            value_text: String::new(),
            complaints: Complaints::new(&env.log),
        })
    }
}

impl Processor for Template {
    fn apply(&mut self, batch: &mut Batch) {
        let Template { key, value, key_text, value_text, complaints } = self;
        batch.each(|m| {
            value_text.clear();
            let mut result = value.render(m.read(), value_text);
            let key = match key {
                Key::Text(key) => key,
                Key::Template(template) => {
                    key_text.clear();
                    result = result.and_then(|()| template.render(m.read(), key_text));
                    &*key_text
                }
            };
            match result {
                Ok(()) if key.is_empty() => {}
                Ok(()) => m.set_tag(key, value_text),
                Err(e) => complaints.add(format_args!("render template for metric {:?}: {e}", m.name())),
            }
        });
    }
}
