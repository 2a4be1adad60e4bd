//! The values that a template works on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::{DEEPEST, MOST_VISITED, Unit};
use crate::time::{Time, Zone};

/// A text, borrowed from the template or its data, or made by a function and shared.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// Lives as long as the template or its data.
    Borrowed(&'a str),
    /// Made on the way.
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

/// The entries of a map, in the order of keys; shared, since `set` changes a map for all who hold it.
pub(super) type Entries<'a> = Rc<RefCell<BTreeMap<Text<'a>, Value<'a>>>>;

/// A value. Numbers have Go's 64-bit types only: what Go calls `int` is an `Int` like any other here.
#[derive(Clone, Debug, Default)]
pub enum Value<'a> {
    /// Nothing; printed as `<no value>`.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number without a sign.
    Uint(u64),
    /// A float.
    Float(f64),
    /// A whole number that prints as a name: a month, a day of the week, a duration.
    Counted(i64, Unit),
    /// A text.
    Text(Text<'a>),
    /// A time as a clock in a zone shows it.
    Time(Time, Arc<Zone>),
    /// A list.
    List(List<'a>),
    /// A map with texts for keys, made with [`Value::map`].
    Map(Map<'a>),
    /// Something of the program that runs the template.
    Object(&'a dyn Object),
}

/// A list of values, made with [`Value::list`].
#[derive(Clone, Debug)]
pub struct List<'a> {
    items: Rc<[Value<'a>]>,
}

/// A map from texts to values.
#[derive(Clone, Debug, Default)]
pub struct Map<'a> {
    pub(super) entries: Entries<'a>,
    /// Go's `map[string]string`, in which `index` finds an empty text for a key that is missing.
    pub(super) of_texts: bool,
}

/// Something of the program that a template can ask for its fields and methods.
pub trait Object {
    /// The field, or what the method gives for the arguments.
    fn member<'a>(&'a self, name: &str, args: &[Value<'a>]) -> Result<Value<'a>, MemberError>;

    /// Appends what `{{ . }}` prints.
    fn print(&self, out: &mut String);

    /// What the object is called in errors and by `typeOf`.
    fn type_name(&self) -> &str;
}

impl std::fmt::Debug for dyn Object + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.type_name())
    }
}

/// Why an object has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberError {
    /// It has no field or method of that name.
    Unknown,
    /// The arguments are not what the method wants, or it failed; the text says how.
    Failed(String),
}

impl<'a> Value<'a> {
    /// A text that was made on the way.
    pub fn text(text: impl Into<Rc<str>>) -> Value<'a> {
        Value::Text(Text::Shared(text.into()))
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value<'a>>) -> Value<'a> {
        let items = items.into_iter().collect();
        Value::List(List { items })
    }

    /// A map; of several entries with one key the last one counts.
    pub fn map(entries: impl IntoIterator<Item = (Text<'a>, Value<'a>)>) -> Value<'a> {
        let entries = entries.into_iter().collect();
        Value::Map(Map { entries: Rc::new(RefCell::new(entries)), of_texts: false })
    }

    /// A map that holds nothing but texts, as the tags of a metric.
    pub fn text_map(entries: impl IntoIterator<Item = (Text<'a>, Text<'a>)>) -> Value<'a> {
        let entries = entries.into_iter().map(|(key, text)| (key, Value::Text(text)));
        Value::Map(Map { entries: Rc::new(RefCell::new(entries.collect())), of_texts: true })
    }

    /// The text, if it is one: what an object's method wants for a name.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one with a sign.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Value::Int(number) | Value::Counted(number, _) => Some(*number),
            _ => None,
        }
    }

    /// Whether it counts as true: it is not nothing, zero or empty.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) | Value::Counted(value, _) => *value != 0,
            Value::Uint(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(map) => !map.entries.borrow().is_empty(),
            Value::Time(..) | Value::Object(_) => true,
        }
    }

    /// Go's name of the type.
    pub(super) fn type_name(&self) -> &str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int64",
            Value::Uint(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Counted(_, unit) => unit.type_name(),
            Value::Text(_) => "string",
            Value::Time(..) => "time.Time",
            Value::List(_) => "[]interface {}",
            Value::Map(map) if map.of_texts => "map[string]string",
            Value::Map(_) => "map[string]interface {}",
            Value::Object(object) => object.type_name(),
        }
    }

    /// What it takes of a run's memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Text(Text::Shared(text)) => text.len(),
            Value::List(items) => items.len() * size_of::<Value<'_>>(),
            Value::Map(map) => map.entries.borrow().len() * 2 * size_of::<Value<'_>>(),
            _ => 0,
        }
    }
}

impl<'a> Map<'a> {
    /// Sets an entry; an error if the map would then hold itself, which nothing could print or free.
    pub(super) fn insert(&self, key: Text<'a>, value: Value<'a>) -> Result<(), String> {
        if self.is_within(&value, DEEPEST, &mut { MOST_VISITED }) {
            return Err("a map cannot hold itself, nor values of such depth".to_owned());
        }
        self.entries.borrow_mut().insert(key, value);
        Ok(())
    }

    /// Whether the map is in the value, or that is so deep or wide that it may as well be.
    fn is_within(&self, value: &Value<'a>, depth: usize, visits: &mut usize) -> bool {
        *visits = visits.saturating_sub(1);
        if depth == 0 || *visits == 0 {
            return true;
        }
        match value {
            Value::Map(map) if Rc::ptr_eq(&map.entries, &self.entries) => true,
            Value::Map(map) => {
                let entries = map.entries.borrow();
                let mut values = entries.values();
                values.any(|value| self.is_within(value, depth - 1, visits))
            }
            Value::List(items) => {
                let mut items = items.iter();
                items.any(|value| self.is_within(value, depth - 1, visits))
            }
            _ => false,
        }
    }
}

impl<'a> Deref for List<'a> {
    type Target = [Value<'a>];

    fn deref(&self) -> &[Value<'a>] {
        &self.items
    }
}

/// Frees values without recursion: a template can nest lists and maps as deep as it has steps.
fn release(mut values: Vec<Value<'_>>) {
    while let Some(mut value) = values.pop() {
        match &mut value {
            Value::List(list) => values.extend(list.take_containers()),
            Value::Map(map) => values.extend(map.take_containers()),
            _ => {}
        }
    }
}

fn is_container(value: &Value<'_>) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

impl<'a> List<'a> {
    /// The lists and maps in the list, if no one else holds it.
    fn take_containers(&mut self) -> Vec<Value<'a>> {
        let items = Rc::get_mut(&mut self.items).into_iter().flatten();
        let containers = items.filter(|item| is_container(item));
        containers.map(std::mem::take).collect()
    }
}

impl<'a> Map<'a> {
    /// The lists and maps in the map, if no one else holds it.
    fn take_containers(&mut self) -> Vec<Value<'a>> {
        let entries = Rc::get_mut(&mut self.entries).into_iter();
        let values = entries.flat_map(|entries| entries.get_mut().values_mut());
        let containers = values.filter(|value| is_container(value));
        containers.map(std::mem::take).collect()
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        release(self.take_containers());
    }
}

impl Drop for Map<'_> {
    fn drop(&mut self) {
        release(self.take_containers());
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Text<'a> {
        Text::Borrowed(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text::Shared(text.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::Text(Text::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::text(text)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Value::Uint(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}
