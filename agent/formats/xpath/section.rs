//! A section of the settings: its queries, compiled, and the metric that they make of a node.

use super::settings::Section;
use agent_api::metric::Builder;
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::{FloatStyle, append_float, parse_int};
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use agent_xpath::{Answer, Data, Document, Expression, Fault, Kind, NodeId, Work};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashMap;

/// A compiled query.
pub(super) struct Query {
    expression: Expression,
    /// Whether it begins at the document; any other begins at the selected node, and takes that for the root of the document in
    /// what it has in parentheses and brackets, as in Telegraf.
    absolute: bool,
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
struct Selection {
    nodes: Query,
    name: Option<Query>,
    value: Option<Query>,
    expand: bool,
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

/// What a query gives.
enum Found<'d> {
    Nothing,
    Text(Cow<'d, str>),
    Float(f64),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Bytes(&'d [u8]),
}

impl Found<'_> {
    fn tag(&self, style: FloatStyle) -> Option<Cow<'_, str>> {
        Some(match self {
            Found::Nothing => return None,
            Found::Text(text) => Cow::Borrowed(text),
            Found::Float(value) => {
                let mut out = String::new();
                append_float(*value, style, &mut out);
                Cow::Owned(out)
            }
            Found::Int(value) => Cow::Owned(value.to_string()),
            Found::Uint(value) => Cow::Owned(value.to_string()),
            Found::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Found::Bytes(bytes) => String::from_utf8_lossy(bytes),
        })
    }

    /// As a whole number; the fraction of a number is cut off, that of a text is an error, as in Telegraf. NaN is nothing.
    fn integer(&self) -> Result<Option<i64>, String> {
        Ok(Some(match self {
            Found::Nothing => return Ok(None),
            Found::Text(text) => parse_int(text, 10).map_err(|e| e.to_string())?,
            Found::Float(value) if value.is_nan() => return Ok(None),
            Found::Float(value) => *value as i64,
            Found::Int(value) => *value,
            Found::Uint(value) => i64::try_from(*value).map_err(|_| format!("{value} is too large for an integer"))?,
            Found::Bool(value) => i64::from(*value),
            Found::Bytes(_) => return Err("bytes are no integer".to_owned()),
        }))
    }
}

/// A document that is being read by a section.
pub(super) struct Reading<'d> {
    document: &'d Document,
    work: &'d Work,
    native: bool,
    /// The element of an array whose number was asked for last, with the number: the next is mostly the one behind it.
    numbered: Option<(NodeId, usize)>,
}

impl<'d> Reading<'d> {
    pub(super) fn new(document: &'d Document, work: &'d Work, native: bool) -> Self {
        Reading { document, work, native, numbered: None }
    }

    /// The nodes that become metrics.
    pub(super) fn select(&mut self, query: &Query) -> Result<Vec<NodeId>, String> {
        let root = self.document.root();
        query.expression.select(self.document, root, root, self.work).map_err(|e| failed(query, &e))
    }

    /// How many nodes a query selects; None if it is none.
    pub(super) fn count(&mut self, query: &str) -> Option<usize> {
        let root = self.document.root();
        Expression::compile(query).ok()?.select(self.document, root, root, self.work).ok().map(|nodes| nodes.len())
    }

    fn ask(&self, query: &Query, node: NodeId) -> Result<Found<'d>, String> {
        let root = if query.absolute { self.document.root() } else { node };
        let answer = query.expression.answer(self.document, root, root, self.work).map_err(|e| failed(query, &e))?;
        Ok(match answer {
            Answer::Node(None) => Found::Nothing,
            Answer::Node(Some(node)) => self.value(node),
            Answer::Number(number) => Found::Float(number),
            Answer::Text(text) => Found::Text(Cow::Owned(text)),
            Answer::Bool(value) => Found::Bool(value),
        })
    }

    /// The value of a node: its text, or with native types what it is in the source.
    fn value(&self, node: NodeId) -> Found<'d> {
        if !self.native {
            return Found::Text(self.document.text(node));
        }
        match self.document.data(node) {
            Data::None | Data::Null => Found::Nothing,
            Data::Bool(value) => Found::Bool(value),
            Data::Int(value) => Found::Int(value),
            Data::Uint(value) => Found::Uint(value),
            Data::Float(value) => Found::Float(value),
            Data::Float32(value) => Found::Float(f64::from(value)),
            Data::Text(place) => Found::Text(Cow::Borrowed(self.document.slice(place))),
            Data::Bytes(place) => Found::Bytes(self.document.bytes(place)),
            Data::List | Data::Map => Found::Text(super::show::plain(self.document, node)),
        }
    }

    /// The fields or tags of a selection, with names that differ.
    fn many(&mut self, many: &Selection, node: NodeId, mut each: impl FnMut(&str, Found<'d>)) -> Result<(), String> {
        let nodes = many.nodes.expression.select(self.document, node, node, self.work);
        // How often a name was wanted, for the number behind it.
        let mut used: HashMap<String, usize> = HashMap::new();
        for selected in nodes.map_err(|e| failed(&many.nodes, &e))? {
            let own = match &many.name {
                None => self.own_name(selected),
                Some(query) => match self.ask(query, selected)? {
                    Found::Text(text) => text,
                    _ => return Err(format!("the query for names {:?} gives no text", query.text())),
                },
            };
            let mut name = self.name(own, selected, node, many.expand)?;
            if let Some(count) = used.get(&name).copied() {
                let free = (count..).map(|i| (i + 1, format!("{name}_{i}"))).find(|(_, n)| !used.contains_key(n));
                let (count, free) = free.expect("numbers do not end");
                used.insert(name, count);
                name = free;
            }
            let found = match &many.value {
                None => self.value(selected),
                Some(query) => self.ask(query, selected)?,
            };
            each(&name, found);
            used.insert(name, 1);
        }
        Ok(())
    }

    /// The name of a node with its prefix.
    fn own_name(&self, node: NodeId) -> Cow<'d, str> {
        match (self.document.kind(node), self.document.prefix(node)) {
            (Kind::Text | Kind::Comment | Kind::Root, _) => Cow::Borrowed(""),
            (_, "") => Cow::Borrowed(self.document.name(node)),
            (_, prefix) => Cow::Owned(format!("{prefix}:{}", self.document.name(node))),
        }
    }

    /// The name of a field or tag; elements of arrays, which have no name, take that of the array and their number.
    fn name(&mut self, own: Cow<'_, str>, node: NodeId, selected: NodeId, expand: bool) -> Result<String, String> {
        let mut name = own.into_owned();
        if name.is_empty() {
            let parent = self.document.parent(node);
            if self.document.kind(node) == Kind::Text {
                name = parent.map(|p| self.document.name(p).to_owned()).unwrap_or_default();
            } else if let (Some(parent), Some(number)) = (parent, self.number(node)?) {
                name = if expand { number.to_string() } else { format!("{}_{number}", self.document.name(parent)) };
            }
        }
        if !expand {
            return Ok(name);
        }
        let mut parts = vec![name];
        let mut above = self.document.parent(node);
        while let Some(node) = above.filter(|n| *n != selected) {
            self.work.take().map_err(|e| e.to_string())?;
            let mut part = self.document.name(node).to_owned();
            if let Some(number) = self.number(node)? {
                part.push_str(&number.to_string());
            }
            parts.push(part);
            above = self.document.parent(node);
        }
        parts.reverse();
        Ok(parts.join("_"))
    }

    /// The number of an element of an array, from 0.
    fn number(&mut self, node: NodeId) -> Result<Option<usize>, String> {
        let Some(parent) = self.document.parent(node) else { return Ok(None) };
        if self.document.data(parent) != Data::List {
            return Ok(None);
        }
        let (mut number, mut at) = (0, node);
        while let Some(before) = self.document.previous(at) {
            number += 1;
            if let Some((known, count)) = self.numbered
                && known == before
            {
                number += count;
                break;
            }
            self.work.take().map_err(|e| e.to_string())?;
            at = before;
        }
        self.numbered = Some((node, number));
        Ok(Some(number))
    }
}

fn failed(query: &Query, fault: &Fault) -> String {
    format!("query {:?}: {fault}", query.text())
}
