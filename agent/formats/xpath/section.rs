//! A section of the settings: its queries, compiled, and the metric that they make of a node.

use super::reading::{Found, Reading};
use super::settings::Section;
use agent_api::metric::Builder;
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::FloatStyle;
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use agent_xpath::{Expression, NodeId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// A compiled query.
pub(super) struct Query {
    pub(super) expression: Expression,
    /// Whether it begins at the document; any other begins at the selected node, and takes that for the root of the document in
    /// what it has in parentheses and brackets, as in Telegraf.
    pub(super) absolute: bool,
}

impl Query {
    fn new(option: &str, text: &str) -> Result<Query> {
        let expression = Expression::compile(text).with_context(|| format!("{option} {text:?}"))?;
        Ok(Query { expression, absolute: text.starts_with('/') })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        self.expression.text()
    }
}

/// Nodes that become fields or tags.
pub(super) struct Selection {
    pub(super) nodes: Query,
    pub(super) name: Option<Query>,
    pub(super) value: Option<Query>,
    pub(super) expand: bool,
}

/// A section with its queries compiled.
pub(super) struct Prepared {
    pub(super) selection: Query,
    name: Option<Query>,
    time: Option<Query>,
    format: TimestampFormat,
    zone: Zone,
    tags: Vec<(String, Query)>,
    fields: Vec<(String, Query)>,
    integers: Vec<(String, Query)>,
    many_tags: Option<Selection>,
    many_fields: Option<Selection>,
    hex: Filter,
    base64: Filter,
}

impl Prepared {
    pub(super) fn new(section: &Section) -> Result<Prepared> {
        let all = |option: &str,
                   queries: &std::collections::BTreeMap<String, String>|
         -> Result<Vec<(String, Query)>> {
            let named =
                |(name, text): (&String, &String)| Ok((name.clone(), Query::new(&format!("{option} {name}"), text)?));
            queries.iter().map(named).collect()
        };
        let or = |text: &str, default: &'static str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        Ok(Prepared {
            selection: Query::new("metric_selection", &or(&section.metric_selection, "/"))?,
            name: optional("metric_name", &section.metric_name)?,
            time: optional("timestamp", &section.timestamp)?,
            format: TimestampFormat::parse_spec(&or(&section.timestamp_format, "unix")),
            zone: Zone::parse(&section.timezone).context("timezone")?,
            tags: all("tags", &section.tags)?,
            fields: all("fields", &section.fields)?,
            integers: all("fields_int", &section.fields_int)?,
            many_tags: selection(
                "tag",
                [&section.tag_selection, &section.tag_name, &section.tag_value],
                section.tag_name_expansion,
            )?,
            many_fields: selection(
                "field",
                [&section.field_selection, &section.field_name, &section.field_value],
                section.field_name_expansion,
            )?,
            hex: Filter::compile(&section.fields_bytes_as_hex, &[]).context("fields_bytes_as_hex")?,
            base64: Filter::compile(&section.fields_bytes_as_base64, &[]).context("fields_bytes_as_base64")?,
        })
    }

    /// Adds the metric of a node.
    pub(super) fn metric(
        &self,
        reading: &mut Reading<'_>,
        node: NodeId,
        default_name: &str,
        out: &mut Collector,
    ) -> Result<(), String> {
        let name = match &self.name {
            None => Cow::Borrowed(default_name),
            Some(query) => match reading.ask(query, node).map_err(|e| format!("metric_name: {e}"))? {
                Found::Text(text) => text,
                Found::Nothing => {
                    let hint = "a fixed name needs quotes of its own";
                    return Err(format!("metric_name {:?} leads to nothing ({hint})", query.text()));
                }
                _ => return Err(format!("metric_name {:?} gives no text", query.text())),
            },
        };
        let time = match &self.time {
            None => None,
            Some(query) => self.time(reading, query, node).map_err(|e| format!("timestamp: {e}"))?,
        };
        let mut m = out.metric(&name);
        if let Some(time) = time {
            m = m.time(time);
        }
        match self.fill(reading, node, &mut m) {
            Ok(()) => Ok(()),
            Err(cause) => {
                m.discard();
                Err(cause)
            }
        }
    }

    fn time(&self, reading: &Reading<'_>, query: &Query, node: NodeId) -> Result<Option<i64>, String> {
        let found = reading.ask(query, node)?;
        let stamp = match &found {
            Found::Nothing => return Ok(None),
            Found::Text(text) => Stamp::Text(text),
            Found::Float(value) => Stamp::Float(*value),
            Found::Int(value) => Stamp::Int(*value),
            Found::Uint(value) => Stamp::Uint(*value),
            Found::Bool(_) | Found::Bytes(_) => return Err(format!("{:?} gives no time", query.text())),
        };
        self.format.parse(stamp, &self.zone).map(Some).map_err(|e| e.to_string())
    }

    fn fill(&self, reading: &mut Reading<'_>, node: NodeId, m: &mut Builder<'_>) -> Result<(), String> {
        if let Some(many) = &self.many_tags {
            reading.many(many, node, |name, found| {
                if let Some(text) = found.tag(FloatStyle::Plain) {
                    m.add_tag(name, &text);
                }
            })?;
        }
        for (name, query) in &self.tags {
            let found = reading.ask(query, node).map_err(|e| format!("tag {name:?}: {e}"))?;
            if let Some(text) = found.tag(FloatStyle::ShortestUpper) {
                m.add_tag(name, &text);
            }
        }
        if let Some(many) = &self.many_fields {
            reading.many(many, node, |name, found| self.field(m, name, found))?;
        }
        for (name, query) in &self.integers {
            let found = reading.ask(query, node).map_err(|e| format!("field {name:?}: {e}"))?;
            if let Some(value) = found.integer().map_err(|e| format!("field {name:?}: {e}"))? {
                m.add_field(name, value);
            }
        }
        for (name, query) in &self.fields {
            let found = reading.ask(query, node).map_err(|e| format!("field {name:?}: {e}"))?;
            self.field(m, name, found);
        }
        Ok(())
    }

    fn field(&self, m: &mut Builder<'_>, name: &str, found: Found<'_>) {
        match found {
            Found::Nothing => {}
            Found::Text(text) => m.add_field(name, &*text),
            Found::Float(value) => m.add_field(name, value),
            Found::Int(value) => m.add_field(name, value),
            Found::Uint(value) => m.add_field(name, value),
            Found::Bool(value) => m.add_field(name, value),
            Found::Bytes(bytes) if self.base64.is_match(name) => m.add_field(name, STANDARD.encode(bytes).as_str()),
            Found::Bytes(bytes) if self.hex.is_match(name) => {
                let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                m.add_field(name, text.as_str());
            }
            Found::Bytes(bytes) => m.add_field(name, &*String::from_utf8_lossy(bytes)),
        }
    }
}

fn optional(option: &str, text: &str) -> Result<Option<Query>> {
    if text.is_empty() { Ok(None) } else { Query::new(option, text).map(Some) }
}

fn selection(kind: &str, [nodes, name, value]: [&String; 3], expand: bool) -> Result<Option<Selection>> {
    let Some(nodes) = optional(&format!("{kind}_selection"), nodes)? else { return Ok(None) };
    let name = optional(&format!("{kind}_name"), name)?;
    let value = optional(&format!("{kind}_value"), value)?;
    Ok(Some(Selection { nodes, name, value, expand }))
}
