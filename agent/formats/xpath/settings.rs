//! The options, the same for all five formats.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is taken out of a document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Definition of the messages of `xpath_protobuf`; `xpath_protobuf_files` is its newer name.
    pub(super) xpath_protobuf_file: String,
    /// Files with the definitions of the messages of `xpath_protobuf`.
    pub(super) xpath_protobuf_files: Vec<String>,
    /// Full name of the message that a document of `xpath_protobuf` is.
    pub(super) xpath_protobuf_type: String,
    /// Folders in which the files and what they import are looked for; nothing for the working directory.
    pub(super) xpath_protobuf_import_paths: Vec<String>,
    /// Bytes at the start of a document of `xpath_protobuf` that are left out, such as the header of gRPC.
    pub(super) xpath_protobuf_skip_bytes: usize,
    /// Logs every document as XML at the level debug.
    pub(super) xpath_print_document: bool,
    /// Lets a section select nothing; otherwise that is an error.
    pub(super) xpath_allow_empty_selection: bool,
    /// Keeps the types of values (all formats but `xml`) where a query leads to a node; otherwise everything but the result of a
    /// function is a text.
    pub(super) xpath_native_types: bool,
    /// Logs what leads to nothing, and how far it gets, at the level debug; the log level `trace` does it as well.
    pub(super) xpath_trace: bool,
    /// Sections; every section reads the whole document.
    pub(super) xpath: Vec<Section>,
    /// Older name of `xpath` in the format `xml`.
    pub(super) xml: Vec<Section>,
    /// Older name of `xpath` in the format `xpath_json`.
    pub(super) xpath_json: Vec<Section>,
    /// Older name of `xpath` in the format `xpath_msgpack`.
    pub(super) xpath_msgpack: Vec<Section>,
    /// Older name of `xpath` in the format `xpath_cbor`.
    pub(super) xpath_cbor: Vec<Section>,
    /// Older name of `xpath` in the format `xpath_protobuf`.
    pub(super) xpath_protobuf: Vec<Section>,
}

/// What one section takes. Queries that begin with `/` begin at the document, others at the selected node.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    /// Query that gives the name, so that a fixed name needs quotes of its own: `"'name'"`; the name of the plugin without it.
    pub(super) metric_name: String,
    /// Query for the nodes that become metrics; the whole document without it.
    pub(super) metric_selection: String,
    /// Query for the time; the time of collection without it.
    pub(super) timestamp: String,
    /// How the time is written: `unix` (the default), `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    pub(super) timestamp_format: String,
    /// Zone of times that have none; UTC without it.
    pub(super) timezone: String,
    /// Tags and the queries that give them.
    pub(super) tags: BTreeMap<String, String>,
    /// Fields and the queries that give them; a query for a node gives a text, see `xpath_native_types`.
    pub(super) fields: BTreeMap<String, String>,
    /// Fields that are whole numbers, and the queries that give them.
    pub(super) fields_int: BTreeMap<String, String>,
    /// Fields of bytes that are written in hexadecimal; globs are allowed.
    pub(super) fields_bytes_as_hex: Vec<String>,
    /// Fields of bytes that are written in base64; globs are allowed.
    pub(super) fields_bytes_as_base64: Vec<String>,
    /// Query for nodes that become fields.
    pub(super) field_selection: String,
    /// Query for the name of each of them; its own name without it.
    pub(super) field_name: String,
    /// Query for the value of each of them; its own value without it.
    pub(super) field_value: String,
    /// Puts the path from the selected node before the name.
    pub(super) field_name_expansion: bool,
    /// Query for nodes that become tags.
    pub(super) tag_selection: String,
    /// Query for the name of each of them; its own name without it.
    pub(super) tag_name: String,
    /// Query for the value of each of them; its own value without it.
    pub(super) tag_value: String,
    /// Puts the path from the selected node before the name.
    pub(super) tag_name_expansion: bool,
}
