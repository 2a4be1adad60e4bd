//! Makes rows of values: an object is one row, an array a row for each element, and both within another multiply.

use super::convert::{Clock, Type, convert, tag};
use super::row::{Row, combine};
use super::settings::Object;
use crate::gjson::{Found, members};

/// Objects and arrays may be nested so deep.
const DEEPEST: usize = 200;

/// What is known of a value on the way to it.
#[derive(Clone, Default)]
pub(super) struct Node {
    /// The keys on the way, joined by `_`.
    pub(super) set: String,
    /// The key that it gets.
    pub(super) key: String,
    pub(super) tag: bool,
    pub(super) kind: Type,
    /// It is within an array that was chosen as a whole.
    pub(super) chosen: Option<usize>,
}

/// A field or tag that is chosen by its path within an object.
pub(super) struct Choice {
    /// Where the values begin in the document, sorted.
    pub(super) places: Vec<usize>,
    pub(super) tag: bool,
    pub(super) kind: Type,
    pub(super) rename: String,
}

/// Makes the rows of one object of the settings, or of a single field or tag.
pub(super) struct Expand<'s> {
    /// The settings, where objects are to be gone into.
    pub(super) object: Option<&'s Object>,
    pub(super) clock: Option<&'s Clock>,
    /// With choices nothing is taken but those.
    pub(super) choices: Option<Vec<Choice>>,
    /// The document that places are counted in.
    pub(super) document: &'s str,
}

impl Expand<'_> {
    pub(super) fn rows(&self, value: &Found<'_>, node: &Node, depth: usize) -> Result<Vec<Row>, String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        if value.is_object() {
            return self.members(value, node, depth);
        }
        if value.is_array() {
            let mut node = node.clone();
            if node.chosen.is_none() {
                node.chosen = self.choice(value);
            }
            let mut rows = Vec::new();
            for (_, element) in members(value) {
                rows.extend(self.rows(&element, &node, depth + 1)?);
            }
            return Ok(rows);
        }
        Ok(vec![self.scalar(value, node)?])
    }

    fn members(&self, value: &Found<'_>, node: &Node, depth: usize) -> Result<Vec<Row>, String> {
        let Some(object) = self.object else { return Ok(Vec::new()) };
        let mut parts = vec![vec![Row::default()]];
        for (key, value) in members(value) {
            let key = key.replace(' ', "_");
            let set = if node.set.is_empty() { key.clone() } else { format!("{}_{key}", node.set) };
            let container = value.is_array() || value.is_object();
            if object.excluded_keys.contains(&set) || !included(object, &set, container) {
                continue;
            }
            let kind = object.fields.get(&set).map(|name| Type::named(name));
            let member = Node {
                key: match object.renames.get(&set) {
                    Some(name) => name.clone(),
                    None if object.disable_prepend_keys => key,
                    None => set.clone(),
                },
                tag: object.tags.contains(&set),
                kind: kind.unwrap_or(node.kind),
                chosen: node.chosen,
                set,
            };
            // What is asked for as a text by its name is the text of the array or object.
            let more = match kind {
                Some(Type::Text) if container => vec![self.scalar(&value, &member)?],
                _ => self.rows(&value, &member, depth + 1)?,
            };
            parts.push(more);
        }
        // What comes later in the object stands before; each part is added to the end of a row that grows.
        parts.into_iter().rev().try_fold(Vec::new(), combine)
    }

    /// The row of a single value; it has nothing for null.
    fn scalar(&self, value: &Found<'_>, node: &Node) -> Result<Row, String> {
        let mut row = Row::default();
        let time_key = self.object.is_some_and(|object| object.timestamp_key == node.set);
        if let Some(clock) = self.clock.filter(|_| time_key) {
            row.time = Some(clock.read(value)?);
            return Ok(row);
        }
        let (mut key, mut kind, mut is_tag) = (&node.key, node.kind, node.tag);
        if let Some(choices) = &self.choices {
            let Some(choice) = node.chosen.or_else(|| self.choice(value)) else { return Ok(row) };
            let choice = &choices[choice];
            (kind, is_tag) = (choice.kind, is_tag || choice.tag);
            if !choice.rename.is_empty() {
                key = &choice.rename;
            }
        }
        if is_tag {
            row.tags.extend(tag(value).map(|text| (key.clone(), text)));
        } else {
            let cell = convert(value, kind).map_err(|cause| format!("field {key:?}: {cause}"))?;
            row.fields.extend(cell.map(|cell| (key.clone(), cell)));
        }
        Ok(row)
    }

    /// The choice that a value is of.
    fn choice(&self, value: &Found<'_>) -> Option<usize> {
        let at = *value.places(self.document).first()?;
        self.choices.as_ref()?.iter().position(|choice| choice.places.binary_search(&at).is_ok())
    }
}

fn included(object: &Object, set: &str, container: bool) -> bool {
    let mut keys = object.included_keys.iter().chain(&object.tags);
    object.included_keys.is_empty() || keys.any(|key| key == set || container && key.starts_with(set))
}
