//! Reading: follows the paths of every section and combines what they lead to.

use super::convert::{Clock, Type};
use super::expand::{Choice, Expand, Node};
use super::row::{Cell, Row, combine};
use super::settings::{Item, Object, Section, Settings};
use crate::gjson::{self, Found, Kind};
use crate::jsontext::check;
use crate::scalar::default_name;
use agent_api::*;

register!(Entry::parser::<Paths>());

/// The parser of JSON by paths.
pub struct Paths {
    name: String,
    sections: Vec<Prepared>,
}

/// A section with what is made of its options.
struct Prepared {
    section: Section,
    clock: Option<Clock>,
    /// The clocks of its objects.
    clocks: Vec<Option<Clock>>,
}

impl Plugin for Paths {
    const NAME: &'static str = "json_v2";
    const ABOUT: &'static str = "JSON, taken apart by paths.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.json_v2.is_empty(), "no configuration is given, json_v2 has to say what is taken");
        let mut sections = Vec::new();
        for section in settings.json_v2 {
            let Section { timestamp_path, timestamp_format, timestamp_timezone, .. } = &section;
            let clock = Clock::new(timestamp_path, timestamp_format, timestamp_timezone)?;
            let of = |o: &Object| Clock::new(&o.timestamp_key, &o.timestamp_format, &o.timestamp_timezone);
            let clocks = section.object.iter().map(of).collect::<Result<_>>()?;
            let below = section.object.iter().flat_map(|object| object.field.iter().chain(&object.tag));
            let items = section.field.iter().chain(&section.tag).chain(below).map(|item| &item.path);
            ensure!(
                items.chain(section.object.iter().map(|object| &object.path)).all(|path| !path.is_empty()),
                "a field, tag or object has no path"
            );
            sections.push(Prepared { section, clock, clocks });
        }
        Ok(Paths { name: default_name(env), sections })
    }
}

impl Parser for Paths {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let text = text.trim_start_matches('\u{feff}');
        let quoted = |cause: String| {
            let mut error = ParseError::default();
            error.add(0, text.trim(), cause);
            error
        };
        check(text).map_err(|e| quoted(e.to_string()))?;
        let mut read = Vec::new();
        for section in &self.sections {
            read.push(section.read(text).map_err(quoted)?);
        }
        for (name, time, rows) in read {
            for row in rows {
                let mut m = out.metric(name.as_deref().unwrap_or(&self.name)).tags(row.tags);
                if let Some(time) = row.time.or(time) {
                    m = m.time(time);
                }
                for (key, cell) in row.fields.iter().filter(|(key, _)| !key.is_empty()) {
                    match cell {
                        Cell::Float(v) => m.add_field(key, *v),
                        Cell::Int(v) => m.add_field(key, *v),
                        Cell::Uint(v) => m.add_field(key, *v),
                        Cell::Bool(v) => m.add_field(key, *v),
                        Cell::Text(v) => m.add_field(key, v.as_str()),
                    }
                }
                drop(m);
                out.checkpoint();
            }
        }
        Ok(())
    }
}

/// What a section gives: the name of its metrics, their time, and the metrics.
type Read = (Option<String>, Option<i64>, Vec<Row>);

impl Prepared {
    fn read(&self, text: &str) -> Result<Read, String> {
        let Section { measurement_name, measurement_name_path, timestamp_path, .. } = &self.section;
        let mut name = measurement_name.clone();
        if !measurement_name_path.is_empty() {
            let found = gjson::find(text, measurement_name_path);
            if found.kind() != Kind::Json {
                name = found.text().into_owned();
            }
        }
        let mut time = None;
        if let Some(clock) = &self.clock {
            let found = gjson::find(text, timestamp_path);
            time = match found.kind() {
                Kind::None | Kind::Null => return Err(format!("timestamp_path {timestamp_path:?} leads to nothing")),
                Kind::Json => None,
                _ => Some(clock.read(&found)?),
            };
        }
        let fields = items(text, &self.section.field, false)?;
        let tags = items(text, &self.section.tag, true)?;
        let mut objects = Vec::new();
        for (object, clock) in self.section.object.iter().zip(&self.clocks) {
            objects.extend(expand(text, object, clock.as_ref())?);
        }
        let rows = combine(objects, combine(tags, fields)?)?;
        Ok(((!name.is_empty()).then_some(name), time, rows))
    }
}

/// What a path leads to; None if it may lead to nothing and does.
fn find<'t>(text: &'t str, path: &str, optional: bool) -> Result<Option<Found<'t>>, String> {
    let found = gjson::find(text, path);
    match found.exists() {
        true => Ok(Some(found)),
        false if optional => Ok(None),
        false => Err(format!("path {path:?} leads to nothing")),
    }
}

/// The rows of fields or tags.
fn items(text: &str, items: &[Item], tag: bool) -> Result<Vec<Row>, String> {
    let expand = Expand { object: None, clock: None, choices: None, document: text };
    let mut rows = Vec::new();
    for item in items {
        let Some(found) = find(text, &item.path, item.optional)? else { continue };
        let key = if item.rename.is_empty() { item.path.rsplit('.').next().unwrap_or_default() } else { &item.rename };
        let kind = Type::named(&item.kind);
        let node = Node { key: key.replace(' ', "_"), tag, kind, ..Node::default() };
        let more = if kind == Type::Text && found.kind() == Kind::Json {
            vec![Row { fields: vec![(node.key, Cell::Text(found.raw().to_owned()))], ..Row::default() }]
        } else {
            expand.rows(&found, &node, 0)?
        };
        rows = combine(rows, more)?;
    }
    Ok(rows)
}

/// The rows of an object.
fn expand(text: &str, object: &Object, clock: Option<&Clock>) -> Result<Vec<Row>, String> {
    let Some(found) = find(text, &object.path, object.optional)? else { return Ok(Vec::new()) };
    let document = found.raw();
    let mut choices = None;
    if !object.field.is_empty() || !object.tag.is_empty() {
        let mut list = Vec::new();
        let fields = object.field.iter().map(|item| (item, false));
        for (item, tag) in fields.chain(object.tag.iter().map(|item| (item, true))) {
            let Some(chosen) = find(document, &item.path, item.optional)? else { continue };
            let mut places = chosen.places(document);
            places.sort_unstable();
            list.push(Choice { places, tag, kind: Type::named(&item.kind), rename: item.rename.replace(' ', "_") });
        }
        choices = Some(list);
    }
    let value = gjson::find(document, "@this");
    Expand { object: Some(object), clock, choices, document }.rows(&value, &Node::default(), 0)
}
