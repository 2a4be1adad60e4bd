//! Writing: every number and boolean is a line; tags are parts of the path, or stand behind semicolons.

use super::bucket::{Sanitizer, Template};
use agent_api::*;
use agent_golang::glob::Glob;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// How paths are put together.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Text before every path.
    prefix: String,
    /// Parts of a path: `measurement`, `field`, `tags` for all other tags, or the key of a tag.
    template: String,
    /// Templates for some metrics: a glob on the name and a template; one without a glob is in place of `template`.
    templates: Vec<String>,
    /// Writes tags behind semicolons instead of as parts of the path.
    graphite_tag_support: bool,
    /// `strict` replaces what is not a letter, a digit or one of `-:._=` in tags, `compatible` only what Graphite does not take.
    graphite_tag_sanitize_mode: String,
    /// Text between prefix, name and field where tags stand behind semicolons.
    graphite_separator: String,
    /// Regular expression of what is replaced by `_` in paths and strict tags.
    graphite_strict_sanitize_regex: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            prefix: String::new(),
            template: String::new(),
            templates: Vec::new(),
            graphite_tag_support: false,
            graphite_tag_sanitize_mode: "strict".to_owned(),
            graphite_separator: ".".to_owned(),
            graphite_strict_sanitize_regex: String::new(),
        }
    }
}

/// The serializer of Graphite's lines.
pub struct Writer {
    prefix: String,
    separator: String,
    tags: bool,
    template: Template,
    templates: Vec<(Glob, Template)>,
    sanitizer: Sanitizer,
}

impl Plugin for Writer {
    const NAME: &'static str = "graphite";
    const ABOUT: &'static str = "Graphite's lines of path, value and time.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let compatible = match settings.graphite_tag_sanitize_mode.as_str() {
            "" | "strict" => false,
            "compatible" => true,
            other => bail!("graphite_tag_sanitize_mode: {other:?} is neither \"strict\" nor \"compatible\""),
        };
        let (mut default, mut templates) = (settings.template.as_str(), Vec::new());
        for text in &settings.templates {
            match text.split_whitespace().collect::<Vec<_>>()[..] {
                [template] => default = template,
                [glob, template] => {
                    templates.push((Glob::compile(glob, &[]).context("templates")?, Template::new(template)))
                }
                _ => bail!("templates: {text:?} is no glob and template"),
            }
        }
        let sanitizer = Sanitizer::new(&settings.graphite_strict_sanitize_regex, compatible);
        Ok(Writer {
            tags: settings.graphite_tag_support,
            template: Template::new(if default.is_empty() { "host.tags.measurement.field" } else { default }),
            templates,
            sanitizer: sanitizer.context("graphite_strict_sanitize_regex")?,
            separator: match settings.graphite_separator {
                separator if separator.is_empty() => ".".to_owned(),
                separator => separator,
            },
            prefix: settings.prefix,
        })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        for (key, value) in metric.fields() {
            if matches!(value, Value::Str(_)) || matches!(value, Value::Float(v) if !v.is_finite()) {
                continue;
            }
            let path = if self.tags { Some(self.tagged(metric, key)) } else { self.dotted(metric, key) };
            let Some(path) = path else { continue };
            out.extend_from_slice(path.as_bytes());
            out.push(b' ');
            match value {
                Value::Float(v) => append_float(v, FloatStyle::Plain, out),
                Value::Int(v) => append_int(v, out),
                Value::Uint(v) => append_uint(v, out),
                Value::Bool(v) => out.push(b'0' + u8::from(v)),
                Value::Str(_) => {}
            }
            out.push(b' ');
            append_int(metric.time() / 1_000_000_000, out);
            out.push(b'\n');
        }
        Ok(())
    }
}

impl Writer {
    fn dotted(&self, metric: MetricRef<'_>, field: &str) -> Option<String> {
        let own = self.templates.iter().find(|(glob, _)| glob.is_match(metric.name()));
        let template = own.map_or(&self.template, |(_, template)| template);
        Some(self.sanitizer.strict(&template.path(metric, field, &self.prefix)?))
    }

    fn tagged(&self, metric: MetricRef<'_>, field: &str) -> String {
        let mut path = String::new();
        if !self.prefix.is_empty() {
            path = format!("{}{}", self.prefix, self.separator);
        }
        path.push_str(metric.name());
        if field != "value" {
            path.push_str(&self.separator);
            path.push_str(field);
        }
        let mut path = self.sanitizer.strict(&path);
        let mut tags: Vec<String> = metric.tags().map(|(key, value)| self.sanitizer.tag(key, value)).collect();
        tags.sort();
        for tag in tags {
            path.push(';');
            path.push_str(&tag);
        }
        path
    }
}
