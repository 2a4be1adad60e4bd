//! Settings as the user wrote them: tables whose every key and value knows where it stands.
//!
//! The place travels all the way to the plugin's own types, so that an error about any value can show its line. Reading is
//! by serde; types that users spell in several ways (durations, sizes, secrets) are in `types`.

mod de;
mod types;

pub use de::{OptionError, keys_of};
pub use types::{Duration, Secret, SecretResolver, Size, link_secrets, resolve_secrets_with};

use serde::de::DeserializeOwned;

/// Where something stands: a file (as the loader numbers them) and a range of bytes in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Number of the file.
    pub file: u32,
    /// First byte.
    pub from: u32,
    /// One past the last byte.
    pub to: u32,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The value.
    pub value: Setting,
    /// Where it stands.
    pub span: Span,
}

/// A value as TOML knows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A text.
    Str(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// A date, a time or both, as written.
    Datetime(String),
    /// A list.
    Array(Vec<Item>),
    /// A table.
    Table(Table),
}

impl Setting {
    /// What it is, in the words of TOML.
    pub fn kind(&self) -> &'static str {
        match self {
            Setting::Str(_) => "string",
            Setting::Int(_) => "integer",
            Setting::Float(_) => "float",
            Setting::Bool(_) => "boolean",
            Setting::Datetime(_) => "datetime",
            Setting::Array(_) => "array",
            Setting::Table(_) => "table",
        }
    }
}

/// A table in the order in which it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    entries: Vec<Entry>,
    /// Where its header stands.
    pub span: Span,
}

/// A key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Span,
    /// The value.
    pub item: Item,
}

impl Table {
    /// An empty table.
    pub fn new(span: Span) -> Self {
        Table { entries: Vec::new(), span }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.item)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Item> {
        self.entries.iter_mut().find(|e| e.key == key).map(|e| &mut e.item)
    }

    /// True if the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let i = self.entries.iter().position(|e| e.key == key)?;
        Some(self.entries.remove(i))
    }

    /// Puts a key in, or replaces its value.
    pub fn set(&mut self, key: &str, at: Span, item: Item) {
        match self.get_mut(key) {
            Some(old) => *old = item,
            None => self.entries.push(Entry { key: key.to_owned(), at, item }),
        }
    }

    /// Gives a key another name, unless the new one is there; says whether it was done.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        if self.has(to) {
            return false;
        }
        match self.entries.iter_mut().find(|e| e.key == from) {
            Some(entry) => {
                entry.key = to.to_owned();
                true
            }
            None => false,
        }
    }

    /// All entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All entries in order, to change.
    pub fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// All entries in order, taken.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// True if there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes the entries for which `wanted` says true into a table of their own.
    pub fn split(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Table {
        let mut part = Table::new(self.span);
        let mut rest = Vec::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            if wanted(&entry.key) { part.entries.push(entry) } else { rest.push(entry) }
        }
        self.entries = rest;
        part
    }

    /// Reads it into a type; every value keeps its place in an error.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, OptionError> {
        T::deserialize(de::TableReader::new(self))
    }
}

/// Settings of a plugin: any serde type with defaults and a schema, or [`With`] parts that several plugins share.
pub trait Fields: Sized {
    /// The keys that it takes.
    fn keys() -> Vec<&'static str>;
    /// Reads it from a table that holds no other keys.
    fn load(table: &Table) -> Result<Self, OptionError>;
    /// Its JSON Schema: properties with description, type and default.
    fn schema() -> serde_json::Value;
}

impl<T: DeserializeOwned + schemars::JsonSchema + Default> Fields for T {
    fn keys() -> Vec<&'static str> {
        keys_of::<T>()
    }
    fn load(table: &Table) -> Result<Self, OptionError> {
        table.read()
    }
    fn schema() -> serde_json::Value {
        schemars::SchemaGenerator::new(
            schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true),
        )
        .into_root_schema_for::<T>()
        .to_value()
    }
}

/// A plugin's own settings with a part that several plugins share (TLS, HTTP client ...), spelled in one table.
#[derive(Clone, Debug, Default)]
pub struct With<A, B> {
    /// The plugin's own.
    pub own: A,
    /// The shared part; may be a `With` again.
    pub shared: B,
}

impl<A: Fields, B: Fields> Fields for With<A, B> {
    fn keys() -> Vec<&'static str> {
        let mut keys = A::keys();
        keys.extend(B::keys());
        keys
    }
    fn load(table: &Table) -> Result<Self, OptionError> {
        let mut own = table.clone();
        let shared_keys = B::keys();
        let own_keys = A::keys();
        let shared = own.split(|k| shared_keys.contains(&k) && !own_keys.contains(&k));
        Ok(With { own: A::load(&own)?, shared: B::load(&shared)? })
    }
    fn schema() -> serde_json::Value {
        let (mut a, b) = (A::schema(), B::schema());
        if let (Some(to), Some(from)) =
            (a.get_mut("properties").and_then(|p| p.as_object_mut()), b.get("properties").and_then(|p| p.as_object()))
        {
            for (k, v) in from {
                to.entry(k.clone()).or_insert_with(|| v.clone());
            }
        } else if a.get("properties").is_none() {
            a["properties"] = b.get("properties").cloned().unwrap_or_default();
        }
        a
    }
}
