//! Schemas: types by number, so that a record may hold itself.

use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;

/// A schema that was read.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    top: usize,
    /// Namespace and name of the outermost type, joined, if it has a name.
    pub(super) name: String,
}

/// A type.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Long,
    Float,
    Double,
    /// Bytes; of a decimal number how many digits stand behind the point.
    Bytes(Option<u32>),
    Text,
    Fixed(usize, Option<u32>),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    /// Types by the names that unions know them by.
    Union(Vec<(String, usize)>),
    Record(Vec<Field>),
    /// A named type that is being read.
    Open,
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: usize,
    /// The value where JSON leaves it out.
    pub(super) default: Option<Json>,
}

/// Why a text is no schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SchemaError(String);

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read schema: {}", self.0)
    }
}

impl std::error::Error for SchemaError {}

/// A schema may have so many types.
const TYPES: usize = 10_000;
/// Types may be nested so deep; serde_json stops soon after.
const DEEPEST: usize = 100;

impl Schema {
    /// Reads a schema.
    pub(super) fn parse(text: &str) -> Result<Schema, SchemaError> {
        let json: Json = serde_json::from_str(text).map_err(|e| SchemaError(e.to_string()))?;
        let mut builder = Builder { types: Vec::new(), named: HashMap::new() };
        let top = builder.read(&json, "", 0).map_err(SchemaError)?;
        let part = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
        let name = match (part("namespace"), part("name")) {
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}.{name}"),
        };
        Ok(Schema { types: builder.types, top, name })
    }

    /// The outermost type.
    pub(super) fn top(&self) -> usize {
        self.top
    }

    pub(super) fn get(&self, kind: usize) -> &Type {
        &self.types[kind]
    }
}

struct Builder {
    types: Vec<Type>,
    named: HashMap<String, usize>,
}

impl Builder {
    fn add(&mut self, kind: Type) -> Result<usize, String> {
        if self.types.len() >= TYPES {
            return Err(format!("more than {TYPES} types"));
        }
        self.types.push(kind);
        Ok(self.types.len() - 1)
    }

    fn read(&mut self, json: &Json, space: &str, depth: usize) -> Result<usize, String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        match json {
            Json::String(name) => self.by_name(name, space, None),
            Json::Array(branches) => {
                let mut union = Vec::new();
                for branch in branches {
                    let kind = self.read(branch, space, depth + 1)?;
                    union.push((self.branch_name(branch, kind, space), kind));
                }
                self.add(Type::Union(union))
            }
            Json::Object(_) => self.complex(json, space, depth),
            other => Err(format!("{:.60} is no type", other.to_string())),
        }
    }

    fn by_name(&mut self, name: &str, space: &str, scale: Option<u32>) -> Result<usize, String> {
        let kind = match name {
            "null" => Type::Null,
            "boolean" => Type::Bool,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes(scale),
            "string" => Type::Text,
            named => {
                let known = self.named.get(&full(named, space)).or_else(|| self.named.get(named));
                return known.copied().ok_or_else(|| format!("unknown type {named:.60?}"));
            }
        };
        self.add(kind)
    }

    fn complex(&mut self, json: &Json, space: &str, depth: usize) -> Result<usize, String> {
        let kind = &json["type"];
        let Some(kind) = kind.as_str() else { return self.read(kind, space, depth + 1) };
        let decimal = json["logicalType"] == "decimal";
        let scale = decimal.then(|| json["scale"].as_u64().and_then(|s| u32::try_from(s).ok()).unwrap_or(0));
        match kind {
            "array" => {
                let items = self.read(&json["items"], space, depth + 1)?;
                self.add(Type::Array(items))
            }
            "map" => {
                let values = self.read(&json["values"], space, depth + 1)?;
                self.add(Type::Map(values))
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = json["name"].as_str().ok_or_else(|| format!("a type {kind:?} without a name"))?;
                let own = json["namespace"].as_str().unwrap_or(space);
                let name = full(name, own);
                let place = self.add(Type::Open)?;
                if self.named.insert(name.clone(), place).is_some() {
                    return Err(format!("{name:.60?} is defined twice"));
                }
                let space = name.rsplit_once('.').map_or("", |(space, _)| space);
                self.types[place] = match kind {
                    "enum" => Type::Enum(texts(&json["symbols"])?),
                    "fixed" => {
                        let size = json["size"].as_u64().and_then(|s| usize::try_from(s).ok());
                        Type::Fixed(size.ok_or_else(|| format!("{name:.60?} has no size"))?, scale)
                    }
                    _ => Type::Record(self.fields(json, space, depth)?),
                };
                Ok(place)
            }
            simple => self.by_name(simple, space, scale),
        }
    }

    fn fields(&mut self, json: &Json, space: &str, depth: usize) -> Result<Vec<Field>, String> {
        let fields = json["fields"].as_array().ok_or("a record without fields")?;
        let field = |field: &Json| -> Result<Field, String> {
            let name = field["name"].as_str().ok_or("a field without a name")?.to_owned();
            let kind = self.read(&field["type"], space, depth + 1).map_err(|e| format!("{name:.60?}: {e}"))?;
            Ok(Field { name, kind, default: field.get("default").cloned() })
        };
        fields.iter().map(field).collect()
    }

    /// How a union calls a branch: simple types by their name, named ones by their full name.
    fn branch_name(&self, json: &Json, kind: usize, space: &str) -> String {
        match &self.types[kind] {
            Type::Null => "null".to_owned(),
            Type::Bool => "boolean".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Long => "long".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Double => "double".to_owned(),
            Type::Bytes(_) => "bytes".to_owned(),
            Type::Text => "string".to_owned(),
            Type::Array(_) => "array".to_owned(),
            Type::Map(_) => "map".to_owned(),
            Type::Union(_) => "union".to_owned(),
            Type::Fixed(..) | Type::Enum(_) | Type::Record(_) | Type::Open => match json.as_str() {
                Some(name) if self.named.contains_key(&full(name, space)) => full(name, space),
                Some(name) => name.to_owned(),
                None => {
                    let own = json["namespace"].as_str().unwrap_or(space);
                    full(json["name"].as_str().unwrap_or_default(), own)
                }
            },
        }
    }
}

fn full(name: &str, space: &str) -> String {
    if space.is_empty() || name.contains('.') { name.to_owned() } else { format!("{space}.{name}") }
}

fn texts(json: &Json) -> Result<Vec<String>, String> {
    let list = json.as_array().ok_or("an enumeration without symbols")?;
    let texts: Option<Vec<String>> = list.iter().map(|t| t.as_str().map(str::to_owned)).collect();
    texts.ok_or_else(|| "a symbol that is no text".to_owned())
}
