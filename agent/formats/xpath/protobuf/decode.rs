//! Decodes a message and writes it down as a document.
//!
//! Source: the encoding guide. What is not defined, or not encoded as its type wants it, is passed over; of a value that comes again the
//! last counts, of a message all its pieces together.

use super::definition::{Kind, Schema};
use agent_golang::number::{FloatStyle, append_float};
use agent_xpath::{Builder, Data, Document, Kind as Node, NodeId, TooLarge};
use std::borrow::Cow;

/// Messages may be nested so deep.
const DEEPEST: usize = 300;
/// A document may have so many values.
const MOST: usize = 1 << 22;

/// Decodes a message of the schema.
pub(super) fn decode(schema: &Schema, message: usize, bytes: &[u8]) -> Result<Document, String> {
    let mut decoder = Decoder { schema, left: MOST };
    let mut wire = Wire { bytes, at: 0, base: 0 };
    let mut values = Values::default();
    decoder.message(message, &mut wire, &mut values, None, 0)?;
    let mut builder = Builder::new(text);
    builder.reserve(bytes.len() * 2);
    emit(schema, message, &values, &mut builder).map_err(|e| e.to_string())?;
    Ok(builder.finish(Data::None))
}

/// The string-value: the texts below an element; the document itself has none.
fn text(document: &Document, node: NodeId) -> Cow<'_, str> {
    match document.kind(node) {
        Node::Root => Cow::Borrowed(""),
        _ => document.inner_text(node),
    }
}

/// The values of a message: the place of the field and what it holds.
#[derive(Debug, Default)]
struct Values<'b>(Vec<(usize, Vec<Value<'b>>)>);

#[derive(Debug)]
enum Value<'b> {
    Int(i64),
    Uint(u64),
    Float(f64),
    Float32(f32),
    Bool(bool),
    Text(Cow<'b, str>),
    Bytes(&'b [u8]),
    Message(Values<'b>),
}

impl Value<'_> {
    fn is_zero(&self) -> bool {
        match self {
            Value::Int(v) => *v == 0,
            Value::Uint(v) => *v == 0,
            Value::Float(v) => v.to_bits() == 0,
            Value::Float32(v) => v.to_bits() == 0,
            Value::Bool(v) => !v,
            Value::Text(v) => v.is_empty(),
            Value::Bytes(v) => v.is_empty(),
            Value::Message(_) => false,
        }
    }
}

impl<'b> Values<'b> {
    fn of(&mut self, field: usize) -> &mut Vec<Value<'b>> {
        // Fields mostly come one after the other.
        let place = match self.0.iter().rposition(|(own, _)| *own == field) {
            Some(place) => place,
            None => {
                self.0.push((field, Vec::new()));
                self.0.len() - 1
            }
        };
        &mut self.0[place].1
    }

    fn get(&self, field: usize) -> &[Value<'b>] {
        self.0.iter().find(|(own, _)| *own == field).map_or(&[], |(_, values)| values)
    }
}

struct Decoder<'s> {
    schema: &'s Schema,
    left: usize,
}

/// How a value is encoded.
const VARINT: u64 = 0;
const EIGHT: u64 = 1;
const LENGTH: u64 = 2;
const BEGIN: u64 = 3;
const END: u64 = 4;
const FOUR: u64 = 5;

impl Decoder<'_> {
    /// Reads fields up to the end, or up to the mark that ends the group of a number.
    fn message<'b>(
        &mut self,
        message: usize,
        wire: &mut Wire<'b>,
        values: &mut Values<'b>,
        group: Option<u64>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        let schema = self.schema;
        let definition = &schema.messages[message];
        while wire.at < wire.bytes.len() {
            let tag = wire.varint()?;
            let (number, form) = (tag >> 3, tag & 7);
            if form == END {
                return if group == Some(number) {
                    Ok(())
                } else {
                    Err(wire.error("the end of a group that was not begun"))
                };
            }
            if number == 0 || number >= 1 << 29 {
                return Err(wire.error("no number of a field"));
            }
            let place = definition.by_number.get(&(number as u32)).copied();
            let Some((place, field)) = place.map(|p| (p, &definition.fields[p])) else {
                wire.skip(form, number, depth)?;
                continue;
            };
            match (field.kind, form) {
                (Kind::Message(inner) | Kind::Map(inner), LENGTH) => {
                    self.count(wire)?;
                    let mut piece = wire.piece()?;
                    let target = target(values.of(place), field.repeated);
                    self.message(inner, &mut piece, target, None, depth + 1)?;
                }
                (Kind::Group(inner), BEGIN) => {
                    self.count(wire)?;
                    let target = target(values.of(place), field.repeated);
                    self.message(inner, wire, target, Some(number), depth + 1)?;
                }
                (kind, form) if form == kind_form(kind) => {
                    self.count(wire)?;
                    let value = wire.scalar(kind)?;
                    let list = values.of(place);
                    if !field.repeated {
                        list.clear();
                    }
                    list.push(value);
                }
                (kind, LENGTH) if field.repeated && kind_form(kind) != LENGTH && kind_form(kind) != BEGIN => {
                    let mut packed = wire.piece()?;
                    let list = values.of(place);
                    while packed.at < packed.bytes.len() {
                        self.count(&packed)?;
                        list.push(packed.scalar(kind)?);
                    }
                }
                _ => wire.skip(form, number, depth)?,
            }
        }
        if group.is_some() { Err(wire.error("a group is not ended")) } else { Ok(()) }
    }

    fn count(&mut self, wire: &Wire<'_>) -> Result<(), String> {
        self.left = self.left.checked_sub(1).ok_or_else(|| wire.error("too many values"))?;
        Ok(())
    }
}

/// Where the fields of a message go: into a new one where it is repeated, else to those that were read before.
fn target<'v, 'b>(list: &'v mut Vec<Value<'b>>, repeated: bool) -> &'v mut Values<'b> {
    if repeated || list.is_empty() {
        list.push(Value::Message(Values::default()));
    }
    match list.last_mut() {
        Some(Value::Message(values)) => values,
        _ => unreachable!("a field that holds messages holds nothing else"),
    }
}

/// How a type is encoded.
fn kind_form(kind: Kind) -> u64 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => EIGHT,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => FOUR,
        Kind::Text | Kind::Bytes | Kind::Message(_) | Kind::Map(_) => LENGTH,
        Kind::Group(_) => BEGIN,
        _ => VARINT,
    }
}

/// Bytes being read.
struct Wire<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Where they stand in the document.
    base: usize,
}

impl<'b> Wire<'b> {
    fn error(&self, cause: &str) -> String {
        format!("byte {}: {cause}", self.base + self.at)
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..count));
        let taken = taken.ok_or_else(|| self.error("it ends too early"))?;
        self.at += count;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for i in 0..10 {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("a number longer than ten bytes"))
    }

    /// The bytes behind a length.
    fn piece(&mut self) -> Result<Wire<'b>, String> {
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let base = self.base + self.at;
        Ok(Wire { bytes: self.take(length)?, at: 0, base })
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn scalar(&mut self, kind: Kind) -> Result<Value<'b>, String> {
        let zigzag = |n: u64| (n >> 1) as i64 ^ -((n & 1) as i64);
        Ok(match kind {
            Kind::Double => Value::Float(f64::from_le_bytes(self.fixed()?)),
            Kind::Float => Value::Float32(f32::from_le_bytes(self.fixed()?)),
            Kind::Int32 | Kind::Enum => Value::Int(i64::from(self.varint()? as i32)),
            Kind::Int64 => Value::Int(self.varint()? as i64),
            Kind::Uint32 => Value::Uint(u64::from(self.varint()? as u32)),
            Kind::Uint64 => Value::Uint(self.varint()?),
            Kind::Sint32 => Value::Int(zigzag(u64::from(self.varint()? as u32))),
            Kind::Sint64 => Value::Int(zigzag(self.varint()?)),
            Kind::Fixed32 => Value::Uint(u64::from(u32::from_le_bytes(self.fixed()?))),
            Kind::Fixed64 => Value::Uint(u64::from_le_bytes(self.fixed()?)),
            Kind::Sfixed32 => Value::Int(i64::from(i32::from_le_bytes(self.fixed()?))),
            Kind::Sfixed64 => Value::Int(i64::from_le_bytes(self.fixed()?)),
            Kind::Bool => Value::Bool(self.varint()? != 0),
            Kind::Text => Value::Text(String::from_utf8_lossy(self.piece()?.bytes)),
            Kind::Bytes | Kind::Message(_) | Kind::Group(_) | Kind::Map(_) => Value::Bytes(self.piece()?.bytes),
        })
    }

    /// Passes a value over.
    fn skip(&mut self, form: u64, number: u64, depth: usize) -> Result<(), String> {
        match form {
            VARINT => {
                self.varint()?;
            }
            EIGHT => {
                self.take(8)?;
            }
            FOUR => {
                self.take(4)?;
            }
            LENGTH => {
                self.piece()?;
            }
            BEGIN if depth < DEEPEST => loop {
                let tag = self.varint()?;
                match (tag & 7, tag >> 3) {
                    (END, own) if own == number => break,
                    (END, _) => return Err(self.error("the end of a group that was not begun")),
                    (form, inner) => self.skip(form, inner, depth + 1)?,
                }
            },
            BEGIN => return Err(format!("nested deeper than {DEEPEST} levels")),
            _ => return Err(self.error("no way to encode a value")),
        }
        Ok(())
    }
}

/// Puts the values of a message into the open element, in the order of its definition.
fn emit(schema: &Schema, message: usize, values: &Values<'_>, builder: &mut Builder) -> Result<(), TooLarge> {
    for (place, field) in schema.messages[message].fields.iter().enumerate() {
        let list = values.get(place);
        if list.is_empty() {
            continue;
        }
        match field.kind {
            Kind::Message(inner) | Kind::Group(inner) => {
                for value in list {
                    builder.open(&field.name)?;
                    if let Value::Message(values) = value {
                        emit(schema, inner, values, builder)?;
                    }
                    builder.close();
                }
            }
            Kind::Map(entry) => {
                builder.open(&field.name)?;
                map(schema, entry, list, builder)?;
                builder.close();
            }
            _ if field.repeated => {
                builder.open(&field.name)?;
                for value in list {
                    scalar("", value, builder)?;
                }
                builder.close();
            }
            _ => {
                for value in list.iter().filter(|v| field.explicit || !v.is_zero()) {
                    scalar(&field.name, value, builder)?;
                }
            }
        }
    }
    Ok(())
}

/// The members of a map, named by their keys; of members of one key the last counts.
fn map(schema: &Schema, entry: usize, list: &[Value<'_>], builder: &mut Builder) -> Result<(), TooLarge> {
    let value_kind = schema.messages[entry].fields[1].kind;
    let mut members: Vec<(String, &[Value<'_>])> = Vec::with_capacity(list.len());
    for value in list {
        if let Value::Message(values) = value {
            let key = values.get(0).first().map(|key| plain(key).into_owned()).unwrap_or_default();
            members.push((key, values.get(1)));
        }
    }
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (i, (key, values)) in members.iter().enumerate() {
        if members.get(i + 1).is_some_and(|(next, _)| next == key) {
            continue;
        }
        match (value_kind, values.first()) {
            (Kind::Message(inner), value) => {
                builder.open(key)?;
                if let Some(Value::Message(values)) = value {
                    emit(schema, inner, values, builder)?;
                }
                builder.close();
            }
            (_, Some(value)) => scalar(key, value, builder)?,
            // A member whose value is zero may leave it out.
            (Kind::Text | Kind::Bytes, None) => scalar(key, &Value::Text(Cow::Borrowed("")), builder)?,
            (Kind::Bool, None) => scalar(key, &Value::Bool(false), builder)?,
            (Kind::Double | Kind::Float, None) => scalar(key, &Value::Float(0.0), builder)?,
            (_, None) => scalar(key, &Value::Int(0), builder)?,
        }
    }
    Ok(())
}

fn scalar(name: &str, value: &Value<'_>, builder: &mut Builder) -> Result<(), TooLarge> {
    let node = builder.open(name)?;
    let data = match value {
        Value::Int(v) => Data::Int(*v),
        Value::Uint(v) => Data::Uint(*v),
        Value::Float(v) => Data::Float(*v),
        Value::Float32(v) => Data::Float32(*v),
        Value::Bool(v) => Data::Bool(*v),
        Value::Text(v) => builder.text(v)?,
        Value::Bytes(v) => builder.bytes(v)?,
        Value::Message(_) => Data::None,
    };
    builder.set_data(node, data);
    let text = builder.leaf(Node::Text, &plain(value))?;
    builder.set_data(text, data);
    builder.close();
    Ok(())
}

/// A value as Go prints it.
fn plain<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    let float = |v: f64| {
        let mut out = String::new();
        append_float(v, FloatStyle::Shortest, &mut out);
        Cow::Owned(out)
    };
    match value {
        Value::Int(v) => Cow::Owned(v.to_string()),
        Value::Uint(v) => Cow::Owned(v.to_string()),
        Value::Float(v) => float(*v),
        // Rust's digits of the smaller type, laid out as those of the larger.
        Value::Float32(v) => float(format!("{v}").parse().unwrap_or(f64::from(*v))),
        Value::Bool(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
        Value::Text(v) => Cow::Borrowed(v),
        Value::Bytes(v) => {
            let parts: Vec<String> = v.iter().map(u8::to_string).collect();
            Cow::Owned(format!("[{}]", parts.join(" ")))
        }
        Value::Message(_) => Cow::Borrowed(""),
    }
}
