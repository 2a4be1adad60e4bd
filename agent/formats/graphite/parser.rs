//! Reading: a line is a metric of one field; templates take its path apart.

use crate::lines;
use crate::templates::Templates;
use agent_api::*;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Graphite>());

/// How paths are taken apart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Text between parts of a path that belong together.
    separator: String,
    /// Templates such as `servers.* .host.measurement* dc=north`: a filter, what the parts of the path are, and tags. Without a filter a
    /// template is for all paths that no other fits.
    templates: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { separator: ".".to_owned(), templates: Vec::new() }
    }
}

/// The parser of Graphite's lines.
pub struct Graphite {
    templates: Templates,
}

impl Plugin for Graphite {
    const NAME: &'static str = "graphite";
    const ABOUT: &'static str = "Graphite's lines of path, value and time.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let separator = if settings.separator.is_empty() { "." } else { &settings.separator };
        Ok(Graphite { templates: Templates::compile(&settings.templates, separator).context("templates")? })
    }
}

impl Parser for Graphite {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        lines::read(body, out, |line, batch| self.line(line, batch))
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        Some(lines::whole(bytes))
    }

    fn share(&mut self) -> bool {
        true
    }
}

impl Graphite {
    fn line(&self, line: &str, batch: &mut Batch) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        let Some(path) = words.next() else { return Ok(()) };
        let Some(value) = words.next() else { return Err("expected path and value") };
        let time = words.next();
        if words.next().is_some() {
            return Err("expected path, value and time");
        }
        let value = parse_float(value).map_err(|_| "the value is no number")?;
        let time = match time {
            None => None,
            Some(text) => match parse_float(text) {
                // Senders without a clock write -1.
                Ok(-1.0) => None,
                Ok(seconds) if seconds.abs() < 9.2e9 => {
                    let fraction = (seconds - seconds.floor()) * 1e9;
                    Some(seconds.trunc() as i64 * 1_000_000_000 + fraction as i64)
                }
                Ok(_) => return Err("the time is out of range"),
                Err(_) => return Err("the time is no number"),
            },
        };
        let mut parts = path.split(';');
        let path = parts.next().unwrap_or_default();
        let applied = self.templates.apply(path);
        let name = if applied.name.is_empty() { path } else { &applied.name };
        let mut m = batch.metric(name).tags(applied.tags);
        for tag in parts {
            // Graphite forbids these characters; such a tag is left out.
            match tag.split_once('=') {
                Some((key, value))
                    if !key.is_empty()
                        && !value.is_empty()
                        && !key.contains(['!', '^'])
                        && !value.contains('=')
                        && !value.starts_with('~') =>
                {
                    m.add_tag(key, value);
                }
                _ => {}
            }
        }
        m.add_field(if applied.field.is_empty() { "value" } else { &applied.field }, value);
        if let Some(time) = time {
            m = m.time(time);
        }
        drop(m);
        Ok(())
    }
}
