//! What the files define: as they are written, and linked.

use std::collections::HashMap;

/// A file as it is written.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) package: String,
    pub(super) imports: Vec<String>,
    /// Messages, those within others after them.
    pub(super) messages: Vec<Declared>,
    /// Full names of enumerations.
    pub(super) enums: Vec<String>,
    /// Fields that extend messages elsewhere.
    pub(super) extensions: Vec<Extension>,
}

/// A message as it is written.
#[derive(Debug)]
pub(super) struct Declared {
    /// Full name.
    pub(super) name: String,
    pub(super) fields: Vec<DeclaredField>,
}

/// Fields for a message that is defined elsewhere.
#[derive(Debug)]
pub(super) struct Extension {
    /// The message, as it is written in `scope`.
    pub(super) target: String,
    pub(super) scope: String,
    pub(super) field: DeclaredField,
    pub(super) line: usize,
}

/// A field as it is written.
#[derive(Debug)]
pub(super) struct DeclaredField {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) kind: DeclaredKind,
    pub(super) repeated: bool,
    pub(super) explicit: bool,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) enum DeclaredKind {
    /// A type by its name.
    Named(String),
    /// A group, by the full name of its message.
    Group(String),
    /// A map: names of the types of its keys and values.
    Map(String, String),
}

/// All messages, linked.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) messages: Vec<Message>,
}

impl Schema {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.messages.iter().position(|m| m.name == name)
    }
}

/// A message.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Full name.
    pub(super) name: String,
    /// In the order of the definition, extensions last.
    pub(super) fields: Vec<Field>,
    /// Place in `fields` by number.
    pub(super) by_number: HashMap<u32, usize>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
    /// Whether it is there with the value zero, too.
    pub(super) explicit: bool,
}

/// The type of a field; messages by their place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
    Enum,
    Message(usize),
    /// A message between two marks instead of behind its length.
    Group(usize),
    /// A map, by the message of its entries.
    Map(usize),
}

impl Kind {
    /// A type that has a name of its own.
    pub(super) fn scalar(name: &str) -> Option<Kind> {
        Some(match name {
            "double" => Kind::Double,
            "float" => Kind::Float,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "uint32" => Kind::Uint32,
            "uint64" => Kind::Uint64,
            "sint32" => Kind::Sint32,
            "sint64" => Kind::Sint64,
            "fixed32" => Kind::Fixed32,
            "fixed64" => Kind::Fixed64,
            "sfixed32" => Kind::Sfixed32,
            "sfixed64" => Kind::Sfixed64,
            "bool" => Kind::Bool,
            "string" => Kind::Text,
            "bytes" => Kind::Bytes,
            _ => return None,
        })
    }
}
