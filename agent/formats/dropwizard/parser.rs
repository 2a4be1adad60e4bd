//! Reading: every counter, meter, gauge, histogram and timer is a metric of its values.

use crate::gjson::find;
use crate::jsontext::{Tree, check};
use crate::templates::Templates;
use agent_api::*;
use agent_golang::time::{Layout, Zone, named};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::parser::<Dropwizard>());

/// Where the registry and what belongs to it are in a document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// GJSON path to the registry; nothing for the whole document.
    dropwizard_metric_registry_path: String,
    /// GJSON path to the time; nothing for the time of reading.
    dropwizard_time_path: String,
    /// Layout of Go, or the name of one, of the time.
    dropwizard_time_format: String,
    /// GJSON path to an object of tags.
    dropwizard_tags_path: String,
    /// GJSON paths by the keys of tags, where there is no object of tags.
    dropwizard_tag_paths_map: BTreeMap<String, String>,
    /// The same.
    dropwizard_tag_paths: BTreeMap<String, String>,
    /// Text between parts of a name that belong together.
    separator: String,
    /// Templates that take names apart, as those of the format graphite.
    templates: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            dropwizard_metric_registry_path: String::new(),
            dropwizard_time_path: String::new(),
            dropwizard_time_format: "2006-01-02T15:04:05Z07:00".to_owned(),
            dropwizard_tags_path: String::new(),
            dropwizard_tag_paths_map: BTreeMap::new(),
            dropwizard_tag_paths: BTreeMap::new(),
            separator: ".".to_owned(),
            templates: Vec::new(),
        }
    }
}

/// The parser of Dropwizard's registries.
pub struct Dropwizard {
    settings: Settings,
    layout: Layout,
    templates: Option<Templates>,
}

impl Plugin for Dropwizard {
    const NAME: &'static str = "dropwizard";
    const ABOUT: &'static str = "Registries of Dropwizard's metrics as JSON.";
    type Settings = Settings;

    fn new(mut settings: Settings, _: &Env) -> Result<Self> {
        let default = Settings::default();
        if settings.separator.is_empty() {
            settings.separator = default.separator;
        }
        if settings.dropwizard_time_format.is_empty() {
            settings.dropwizard_time_format = default.dropwizard_time_format;
        }
        settings.dropwizard_tag_paths_map.append(&mut settings.dropwizard_tag_paths);
        let format = &settings.dropwizard_time_format;
        let templates = match settings.templates.is_empty() {
            true => None,
            false => Some(Templates::compile(&settings.templates, &settings.separator).context("templates")?),
        };
        Ok(Dropwizard { layout: Layout::parse_spec(named(format).unwrap_or(format)), templates, settings })
    }
}

impl Parser for Dropwizard {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let text = text.trim_start_matches('\u{feff}');
        check(text).map_err(ParseError::whole)?;
        let time = self.time(text).map_err(ParseError::whole)?;
        let registry = self.registry(text).map_err(ParseError::whole)?;
        let tags = self.tags(text);
        for (kind, group) in [
            ("counter", "counters"),
            ("meter", "meters"),
            ("gauge", "gauges"),
            ("histogram", "histograms"),
            ("timer", "timers"),
        ] {
            let Some(Tree::Map(metrics)) = registry.get(group) else { continue };
            for (name, values) in metrics {
                self.metric(name, kind, values, &tags, time, out.batch());
                out.checkpoint();
            }
        }
        Ok(())
    }
}

impl Dropwizard {
    fn time(&self, text: &str) -> Result<Option<i64>, String> {
        let path = &self.settings.dropwizard_time_path;
        if path.is_empty() {
            return Ok(None);
        }
        let found = find(text, path);
        let stamp = found.text();
        if stamp.is_empty() {
            return Err(format!("dropwizard_time_path: nothing is at {path:?}"));
        }
        self.layout.parse(&stamp, &Zone::Utc).map(Some).map_err(|e| e.to_string())
    }

    fn registry(&self, text: &str) -> Result<BTreeMap<String, Tree>, String> {
        let path = &self.settings.dropwizard_metric_registry_path;
        let tree = match path.is_empty() {
            true => Tree::parse(text),
            false => {
                let found = find(text, path);
                if !found.exists() {
                    return Err(format!("dropwizard_metric_registry_path: nothing is at {path:?}"));
                }
                Tree::parse(found.raw())
            }
        };
        match tree {
            Some(Tree::Map(registry)) => Ok(registry),
            _ => Err("the registry is no object".to_owned()),
        }
    }

    /// The tags of the document.
    fn tags(&self, text: &str) -> Vec<(String, String)> {
        let Settings { dropwizard_tags_path, dropwizard_tag_paths_map, .. } = &self.settings;
        if !dropwizard_tags_path.is_empty()
            && let Some(Tree::Map(tags)) = Tree::parse(find(text, dropwizard_tags_path).raw())
        {
            let texts: Option<Vec<(String, String)>> = tags
                .into_iter()
                .map(|(key, value)| if let Tree::Text(text) = value { Some((key, text)) } else { None })
                .collect();
            if let Some(tags) = texts.filter(|tags| !tags.is_empty()) {
                return tags;
            }
        }
        let at = |path: &String| find(text, path).text().into_owned();
        dropwizard_tag_paths_map.iter().map(|(key, path)| (key.clone(), at(path))).collect()
    }

    fn metric(
        &self,
        name: &str,
        kind: &str,
        values: &Tree,
        tags: &[(String, String)],
        time: Option<i64>,
        batch: &mut Batch,
    ) {
        let Tree::Map(values) = values else { return };
        let applied = self.templates.as_ref().map(|templates| templates.apply(name));
        let series = applied.as_ref().map_or(name, |applied| &applied.name);
        let (name, own) = read_series(series).unwrap_or_else(|| (series.to_owned(), Vec::new()));
        // Of tags with one key the last added stays: what is nearer to the metric counts more.
        let mut m = batch.metric(&name);
        for (key, value) in tags.iter().filter(|(_, value)| !value.is_empty()) {
            m.add_tag(key, value);
        }
        for (key, value) in &own {
            m.add_tag(key, value);
        }
        m.add_tag("metric_type", kind);
        let mut prefix = String::new();
        if let Some(applied) = &applied {
            m = m.tags(applied.tags.iter().map(|(key, value)| (key, value)));
            if !applied.field.is_empty() {
                prefix = format!("{}{}", applied.field, self.settings.separator);
            }
        }
        for (key, value) in values {
            let key = format!("{prefix}{key}");
            match value {
                Tree::Number(value) => m.add_field(&key, *value),
                Tree::Bool(value) => m.add_field(&key, *value),
                Tree::Text(value) => m.add_field(&key, value.as_str()),
                _ => {}
            }
        }
        if let Some(time) = time {
            drop(m.time(time));
        }
    }
}

/// Name and tags of a series in line protocol: `name,tag=value`, blanks, commas and equals signs escaped by backslashes. None if
/// the text is none.
fn read_series(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let (name, mut rest) = word(text, ", ");
    let mut tags = Vec::new();
    while let Some(after) = rest.strip_prefix(',') {
        let (key, after) = word(after, ",= ");
        let (value, after) = word(after.strip_prefix('=')?, ",= ");
        if key.is_empty() || value.is_empty() {
            return None;
        }
        tags.push((key, value));
        rest = after;
    }
    (rest.is_empty() && !name.is_empty()).then_some((name, tags))
}

/// The text up to one of the characters that end it, its escapes resolved, and the rest.
fn word<'t>(text: &'t str, ends: &str) -> (String, &'t str) {
    let mut out = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.peek() {
                Some(&(_, next)) if matches!(next, ',' | '=' | ' ') => {
                    out.push(next);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            _ if ends.contains(char) => return (out, &text[at..]),
            _ => out.push(char),
        }
    }
    (out, "")
}
