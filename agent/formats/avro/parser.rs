//! Reading: a record, or every record of an array, becomes a metric.

use super::flatten::{Leaf, Unions, Value};
use super::registry::Registry;
use super::schema::Schema;
use super::{binary, json};
use crate::scalar::default_name;
use agent_api::metric::Builder;
use agent_api::*;
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

register!(Entry::parser::<Avro>());

/// What of a message is taken for what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How messages are encoded: `binary` or `json`.
    avro_format: String,
    /// Address of the schema registry, user and password in it where it wants them; messages then begin with the number of their
    /// schema (Confluent's wire format).
    avro_schema_registry: String,
    /// File with the certificates (PEM) that the registry is verified against, in place of the system's.
    avro_schema_registry_cert: String,
    /// The schema, where there is no registry.
    avro_schema: String,
    /// Name of the metrics; without it namespace and name of the schema.
    avro_measurement: String,
    /// Field that holds the name of the metric; `avro_measurement` where it has none.
    avro_measurement_field: String,
    /// Fields that become tags.
    avro_tags: Vec<String>,
    /// Fields that become fields; nothing for all that are no tags.
    avro_fields: Vec<String>,
    /// Field that holds the time; nothing for the time of collection.
    avro_timestamp: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us` or `unix_ns`.
    avro_timestamp_format: String,
    /// What stands between the parts of the names of values in records, maps and arrays.
    avro_field_separator: String,
    /// What becomes of the type of a value in a union: `flatten` adds it to the name, `nullable` and `any` leave it out.
    avro_union_mode: String,
    /// Adds the tag `array_index` to metrics of a message that is an array.
    avro_include_index_tag: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            avro_format: "binary".to_owned(),
            avro_schema_registry: String::new(),
            avro_schema_registry_cert: String::new(),
            avro_schema: String::new(),
            avro_measurement: String::new(),
            avro_measurement_field: String::new(),
            avro_tags: Vec::new(),
            avro_fields: Vec::new(),
            avro_timestamp: String::new(),
            avro_timestamp_format: "unix".to_owned(),
            avro_field_separator: String::new(),
            avro_union_mode: "flatten".to_owned(),
            avro_include_index_tag: false,
        }
    }
}

/// The parser of Avro.
pub struct Avro {
    plugin: String,
    source: From,
    text: bool,
    unions: Unions,
    format: TimestampFormat,
    settings: Settings,
}

/// Where schemas come from.
enum From {
    Given(Arc<Schema>),
    Registry(Box<Registry>),
}

impl Plugin for Avro {
    const NAME: &'static str = "avro";
    const ABOUT: &'static str = "Avro messages, by a schema or a schema registry.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let text = match settings.avro_format.as_str() {
            "" | "binary" => false,
            "json" => true,
            other => bail!("avro_format: {other:?} is none of binary, json"),
        };
        let unions = match settings.avro_union_mode.as_str() {
            "" | "flatten" => Unions::Named,
            "nullable" | "any" => Unions::Bare,
            other => bail!("avro_union_mode: {other:?} is none of flatten, nullable, any"),
        };
        let format = match settings.avro_timestamp_format.as_str() {
            "" => TimestampFormat::Unix,
            format @ ("unix" | "unix_ms" | "unix_us" | "unix_ns") => TimestampFormat::parse_spec(format),
            other => bail!("avro_timestamp_format: {other:?} is none of unix, unix_ms, unix_us, unix_ns"),
        };
        let source = match (settings.avro_schema.as_str(), settings.avro_schema_registry.as_str()) {
            ("", "") => bail!("exactly one of avro_schema and avro_schema_registry has to be given, not none"),
            (schema, "") => From::Given(Arc::new(Schema::parse(schema).context("avro_schema")?)),
            ("", registry) => {
                let registry = Registry::new(registry, &settings.avro_schema_registry_cert);
                From::Registry(Box::new(registry.context("avro_schema_registry")?))
            }
            _ => bail!("exactly one of avro_schema and avro_schema_registry has to be given, not both"),
        };
        Ok(Avro { plugin: default_name(env), source, text, unions, format, settings })
    }
}

impl Parser for Avro {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let (schema, message) = self.schema(body.bytes()).map_err(ParseError::whole)?;
        let value =
            if self.text { json::read(&schema, &String::from_utf8_lossy(message)) } else { binary(&schema, message) };
        let value = value.map_err(|cause| ParseError::whole(format_args!("read Avro: {cause}")))?;
        match value {
            Value::List(items) => {
                let mut errors = ParseError::default();
                for (i, item) in items.iter().enumerate() {
                    if let Err(cause) = self.metric(&schema, item, Some(i), out) {
                        errors.add(0, "", format_args!("element {i}: {cause}"));
                    }
                    out.checkpoint();
                }
                errors.or_ok()
            }
            record => self.metric(&schema, &record, None, out).map_err(ParseError::whole),
        }
    }
}

/// Reads a message, which may begin with the mark of single objects and the fingerprint of its schema.
fn binary<'s>(schema: &'s Schema, message: &[u8]) -> Result<Value<'s>, String> {
    if message.starts_with(&[0xc3, 0x01])
        && let Some(rest) = message.get(10..)
        && let Ok((value, taken)) = binary::read(schema, rest)
        && taken == rest.len()
    {
        return Ok(value);
    }
    Ok(binary::read(schema, message)?.0)
}

impl Avro {
    /// The schema of a message, and the message without what stands before it.
    fn schema<'b>(&mut self, bytes: &'b [u8]) -> Result<(Arc<Schema>, &'b [u8]), String> {
        let registry = match &mut self.source {
            From::Given(schema) => return Ok((schema.clone(), bytes)),
            From::Registry(registry) => registry,
        };
        match bytes {
            [0, a, b, c, d, message @ ..] => Ok((registry.schema(u32::from_be_bytes([*a, *b, *c, *d]))?, message)),
            [0, ..] => Err(format!("read Avro: {} bytes are too few for the number of a schema", bytes.len())),
            _ => Err("read Avro: it does not begin with 0, as messages with the number of their schema do".to_owned()),
        }
    }

    fn metric(
        &self,
        schema: &Schema,
        value: &Value<'_>,
        index: Option<usize>,
        out: &mut Collector,
    ) -> Result<(), String> {
        let Value::Map(members) = value else { return Err("read Avro: a message that is no record".to_owned()) };
        let own = &self.settings;
        let find = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let mut name = Cow::Borrowed("");
        if !own.avro_measurement_field.is_empty()
            && let Some(leaf) = find(&own.avro_measurement_field).and_then(Value::leaf)
        {
            name = Cow::Owned(leaf.text().into_owned());
        }
        for other in [&own.avro_measurement, &schema.name, &self.plugin] {
            if name.is_empty() {
                name = Cow::Borrowed(other);
            }
        }
        let time = if own.avro_timestamp.is_empty() {
            None
        } else {
            let leaf = find(&own.avro_timestamp).and_then(Value::leaf);
            let leaf = leaf.ok_or_else(|| format!("avro_timestamp: no field {:?}", own.avro_timestamp))?;
            let stamp = match &leaf {
                Leaf::Int(value) => Stamp::Int(*value),
                Leaf::Float(value) => Stamp::Float(*value),
                Leaf::Text(value) => Stamp::Text(value),
                Leaf::Bool(_) => return Err(format!("avro_timestamp: {:?} is a boolean", own.avro_timestamp)),
            };
            Some(self.format.parse(stamp, &Zone::Utc).map_err(|e| format!("avro_timestamp: {e}"))?)
        };
        let mut m = out.metric(&name);
        if let Some(time) = time {
            m = m.time(time);
        }
        if own.avro_include_index_tag
            && let Some(index) = index
        {
            m.add_tag("array_index", &index.to_string());
        }
        for tag in &own.avro_tags {
            if let Some(value) = find(tag) {
                self.each(tag, value, |name, leaf| m.add_tag(name, &leaf.text()));
            }
        }
        self.fields(members, &mut m);
        match m.field_count() {
            0 => Err("a record without fields".to_owned()),
            _ => Ok(()),
        }
    }

    fn fields(&self, members: &[(Cow<'_, str>, Value<'_>)], m: &mut Builder<'_>) {
        let own = &self.settings;
        let chosen = |key: &str| match own.avro_fields.is_empty() {
            true => !own.avro_tags.iter().any(|tag| tag == key),
            false => own.avro_fields.iter().any(|field| field == key),
        };
        for (key, value) in members.iter().filter(|(key, _)| chosen(key)) {
            self.each(key, value, |name, leaf| match leaf {
                Leaf::Bool(value) => m.add_field(name, value),
                Leaf::Int(value) => m.add_field(name, value),
                Leaf::Float(value) => m.add_field(name, value),
                Leaf::Text(value) => m.add_field(name, &*value),
            });
        }
    }

    fn each(&self, name: &str, value: &Value<'_>, mut each: impl FnMut(&str, Leaf<'_>)) {
        value.flatten(&mut name.to_owned(), &self.settings.avro_field_separator, self.unions, &mut each);
    }
}
