//! Reading tables through serde, with the place of the value that did not fit.

use super::{Item, Setting, Span, Table};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use std::fmt;

/// A value that does not fit, or a key that does not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionError {
    /// What is wrong, the option named where it is known.
    pub message: String,
    /// Where it stands.
    pub span: Option<Span>,
}

impl OptionError {
    /// An error about a place.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        OptionError { message: message.into(), span: Some(span) }
    }

    fn at(mut self, key: &str, span: Span) -> Self {
        if self.span.is_none() {
            self.span = Some(span);
        }
        self.message = match self.message.strip_prefix('[') {
            Some(_) => format!("{key}{}", self.message),
            None if self.message.starts_with('.') => format!("{key}{}", self.message),
            None => format!("{key}: {}", self.message),
        };
        self
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for OptionError {}
impl de::Error for OptionError {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        OptionError { message: msg.to_string(), span: None }
    }
}

/// The keys that a struct takes from a table: asks serde with a reader that only listens.
pub fn keys_of<T: DeserializeOwned>() -> Vec<&'static str> {
    struct Listener<'a>(&'a mut Vec<&'static str>);
    impl<'de> de::Deserializer<'de> for Listener<'_> {
        type Error = de::value::Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("only struct fields are asked for"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            v: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend_from_slice(fields);
            self.deserialize_any(v)
        }
        serde::forward_to_deserialize_any! { bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any }
    }
    let mut keys = Vec::new();
    // The listener always refuses; what it heard before is what counts.
    let _refused = T::deserialize(Listener(&mut keys));
    keys
}

pub(super) struct TableReader<'a> {
    entries: std::slice::Iter<'a, super::Entry>,
    current: Option<&'a super::Entry>,
}

impl<'a> TableReader<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        TableReader { entries: table.entries.iter(), current: None }
    }
}

impl<'de> de::Deserializer<'de> for TableReader<'_> {
    type Error = OptionError;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        visitor.visit_map(self)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, OptionError> {
        visitor.visit_newtype_struct(self)
    }
    serde::forward_to_deserialize_any! { bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
    seq tuple tuple_struct map struct enum identifier ignored_any }
}

impl<'de> de::MapAccess<'de> for TableReader<'_> {
    type Error = OptionError;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, OptionError> {
        self.current = self.entries.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key: de::value::StrDeserializer<'_, OptionError> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|e| OptionError { span: Some(entry.at), ..e })
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, OptionError> {
        let entry = self.current.take().ok_or_else(|| <OptionError as de::Error>::custom("value without a key"))?;
        seed.deserialize(ItemReader(&entry.item)).map_err(|e| e.at(&entry.key, entry.item.span))
    }
}

struct ItemReader<'a>(&'a Item);

impl<'de> de::Deserializer<'de> for ItemReader<'_> {
    type Error = OptionError;
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match &self.0.value {
            Setting::Str(v) | Setting::Datetime(v) => visitor.visit_str(v),
            Setting::Int(v) => visitor.visit_i64(*v),
            Setting::Float(v) => visitor.visit_f64(*v),
            Setting::Bool(v) => visitor.visit_bool(*v),
            Setting::Array(list) => visitor.visit_seq(ListReader { items: list.iter(), at: 0 }),
            Setting::Table(table) => visitor.visit_map(TableReader::new(table)),
        }
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match self.0.value {
            Setting::Int(v) => visitor.visit_f64(v as f64),
            _ => self.deserialize_any(visitor),
        }
    }
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        self.deserialize_f64(visitor)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, OptionError> {
        visitor.visit_newtype_struct(self)
    }
    /// Choices are unit variants named by a text.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OptionError> {
        match &self.0.value {
            Setting::Str(v) => visitor.visit_enum(v.as_str().into_deserializer()),
            other => Err(de::Error::custom(format_args!("invalid type: {}, expected a string", other.kind()))),
        }
    }
    /// A single table stands for a list of one, as `[x.y]` for `[[x.y]]`.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionError> {
        match &self.0.value {
            Setting::Table(_) => visitor.visit_seq(ListReader { items: std::slice::from_ref(self.0).iter(), at: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }
    serde::forward_to_deserialize_any! { bool i8 i16 i32 i64 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct
    tuple tuple_struct map struct identifier ignored_any }
}

struct ListReader<'a> {
    items: std::slice::Iter<'a, Item>,
    at: usize,
}

impl<'de> de::SeqAccess<'de> for ListReader<'_> {
    type Error = OptionError;
    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, OptionError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let key = format!("[{}]", self.at);
        self.at += 1;
        seed.deserialize(ItemReader(item)).map(Some).map_err(|e| e.at(&key, item.span))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}
