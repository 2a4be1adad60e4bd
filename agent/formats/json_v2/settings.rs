//! The options: a list of sections, each with its own paths.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What of a document is taken.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sections; every section reads the whole document.
    pub(super) json_v2: Vec<Section>,
}

/// What one section takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    /// Name of the metrics; the name of the plugin without it.
    pub(super) measurement_name: String,
    /// Path to the name of the metrics, instead of `measurement_name`.
    pub(super) measurement_name_path: String,
    /// Path to the time; nothing for the time of collection.
    pub(super) timestamp_path: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    pub(super) timestamp_format: String,
    /// Zone of times that have none.
    pub(super) timestamp_timezone: String,
    /// Values that become fields.
    pub(super) field: Vec<Item>,
    /// Values that become tags.
    pub(super) tag: Vec<Item>,
    /// Objects, or arrays of objects, whose members become fields and tags.
    pub(super) object: Vec<Object>,
}

/// A field or tag.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Item {
    /// Path to a value, or to an array of which every element gives a metric.
    pub(super) path: String,
    /// Key; the last part of the path without it.
    pub(super) rename: String,
    /// `int`, `uint`, `float`, `string` or `bool`; the type that it has in the document without it.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whether the value may be missing.
    pub(super) optional: bool,
}

/// Objects whose members are taken.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Object {
    /// Path to the object or array.
    pub(super) path: String,
    /// Whether it may be missing.
    pub(super) optional: bool,
    /// Key of the time, flattened.
    pub(super) timestamp_key: String,
    /// How the time is written.
    pub(super) timestamp_format: String,
    /// Zone of times that have none.
    pub(super) timestamp_timezone: String,
    /// Leaves the keys on the way to a value out of its name.
    pub(super) disable_prepend_keys: bool,
    /// Flattened keys that are taken, and all below them; nothing for all.
    pub(super) included_keys: Vec<String>,
    /// Flattened keys that are left out, and all below them.
    pub(super) excluded_keys: Vec<String>,
    /// Flattened keys that become tags.
    pub(super) tags: Vec<String>,
    /// New names by flattened key.
    pub(super) renames: BTreeMap<String, String>,
    /// Types by flattened key; the type of an object is that of all below it.
    pub(super) fields: BTreeMap<String, String>,
    /// Paths within the object to the values that become fields; with these, or `tag`, nothing else is taken.
    pub(super) field: Vec<Item>,
    /// Paths within the object to the values that become tags.
    pub(super) tag: Vec<Item>,
}
