//! CBOR: a member becomes an element of its name, an array as many elements of the name that it has.
//!
//! Source: RFC 8949. Members stand in the order of their names, as in Telegraf; elements of arrays that have no name are called
//! `element`.

use super::parser::Source;
use super::settings::{Section, Settings};
use super::show;
use agent_api::{Body, Result};
use agent_golang::time::{Layout, Time, Zone};
use agent_xpath::{Builder, Data, Document, Kind, TooLarge};

/// The format `xpath_cbor`.
pub(super) struct Cbor;

impl Source for Cbor {
    const NAME: &'static str = "xpath_cbor";
    const ABOUT: &'static str = "CBOR, taken apart by XPath.";

    fn new(_: &Settings) -> Result<Self> {
        Ok(Cbor)
    }

    fn own_sections(settings: &mut Settings) -> &mut Vec<Section> {
        &mut settings.xpath_cbor
    }

    fn read(&self, body: &Body) -> Result<Document, String> {
        let mut bytes = Bytes { all: body.bytes(), at: 0, values: 0 };
        let value = bytes.value(0).map_err(|cause| format!("read CBOR at byte {}: {cause}", bytes.at))?;
        if bytes.at < bytes.all.len() {
            return Err(format!("read CBOR: {} bytes behind the document", bytes.all.len() - bytes.at));
        }
        let mut builder = Builder::new(show::plain);
        emit(&value, "", &mut builder).map_err(|e| format!("read CBOR: {e}"))?;
        Ok(builder.finish(Data::None))
    }
}

/// Puts a value into the open element; `name` is that of the elements of an array.
fn emit(value: &Value<'_>, name: &str, builder: &mut Builder) -> Result<(), TooLarge> {
    match value {
        Value::List(items) => {
            for item in items {
                let node = builder.open(if name.is_empty() { "element" } else { name })?;
                let data = data(item, builder)?;
                builder.set_data(node, data);
                emit(item, "", builder)?;
                builder.close();
            }
        }
        Value::Map(members) => {
            for (key, member) in members {
                if let Value::List(_) = member {
                    emit(member, key, builder)?;
                    continue;
                }
                let node = builder.open(key)?;
                let data = data(member, builder)?;
                builder.set_data(node, data);
                emit(member, "", builder)?;
                builder.close();
            }
        }
        scalar => {
            let data = data(scalar, builder)?;
            let node = builder.leaf(Kind::Text, "")?;
            builder.set_data(node, data);
        }
    }
    Ok(())
}

fn data(value: &Value<'_>, builder: &mut Builder) -> Result<Data, TooLarge> {
    Ok(match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Uint(value) => Data::Uint(*value),
        Value::Int(value) => Data::Int(*value),
        Value::Float(value) => Data::Float(*value),
        Value::Text(text) => builder.text(text)?,
        Value::Bytes(bytes) => builder.bytes(bytes)?,
        Value::List(_) => Data::List,
        Value::Map(_) => Data::Map,
    })
}

/// A value that was read.
enum Value<'b> {
    Null,
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    Text(std::borrow::Cow<'b, str>),
    Bytes(std::borrow::Cow<'b, [u8]>),
    List(Vec<Value<'b>>),
    /// Members in the order of their names.
    Map(Vec<(String, Value<'b>)>),
}

struct Bytes<'b> {
    all: &'b [u8],
    at: usize,
    values: usize,
}

/// Arrays, maps and tags may be nested so deep.
const DEEPEST: usize = 500;
/// A document may have so many values.
const MOST: usize = 1 << 22;
/// What ends an array, map or string without a length.
const BREAK: u8 = 0xff;

impl<'b> Bytes<'b> {
    fn take(&mut self, count: u64) -> Result<&'b [u8], String> {
        let count = usize::try_from(count).map_err(|_| "a length is too large")?;
        let taken = self.all.get(self.at..).and_then(|rest| rest.get(..count)).ok_or("it ends too early")?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// The number that goes with a type; None for one without a length.
    fn argument(&mut self, low: u8) -> Result<Option<u64>, String> {
        let size = match low {
            0..=23 => return Ok(Some(u64::from(low))),
            24..=27 => 1 << (low - 24),
            31 => return Ok(None),
            _ => return Err(format!("{low} is no length")),
        };
        Ok(Some(self.take(size)?.iter().fold(0, |n, b| n << 8 | u64::from(*b))))
    }

    fn value(&mut self, depth: usize) -> Result<Value<'b>, String> {
        self.values += 1;
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        if self.values > MOST {
            return Err(format!("more than {MOST} values"));
        }
        let first = self.byte()?;
        let (kind, low) = (first >> 5, first & 31);
        if kind == 7 {
            return self.simple(low);
        }
        let argument = self.argument(low)?;
        let known = || argument.ok_or_else(|| "a number without a length".to_owned());
        Ok(match kind {
            0 => Value::Uint(known()?),
            1 => match i64::try_from(known()?) {
                Ok(n) => Value::Int(-1 - n),
                Err(_) => Value::Text(format!("-{}", u128::from(known()?) + 1).into()),
            },
            2 => Value::Bytes(self.string(argument, 2)?),
            3 => {
                let text = match self.string(argument, 3)? {
                    std::borrow::Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Into::into).ok(),
                    std::borrow::Cow::Owned(bytes) => String::from_utf8(bytes).map(Into::into).ok(),
                };
                Value::Text(text.ok_or("a text that is no UTF-8")?)
            }
            4 => {
                let mut items = Vec::new();
                while self.more(argument, items.len())? {
                    items.push(self.value(depth + 1)?);
                }
                Value::List(items)
            }
            5 => self.map(argument, depth)?,
            _ => {
                let content = self.value(depth + 1)?;
                tagged(known()?, content)
            }
        })
    }

    /// Whether an array or map has one more; passes the mark at the end of those without a length.
    fn more(&mut self, length: Option<u64>, have: usize) -> Result<bool, String> {
        match length {
            Some(length) => Ok((have as u64) < length),
            None if self.all.get(self.at) == Some(&BREAK) => {
                self.at += 1;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn map(&mut self, length: Option<u64>, depth: usize) -> Result<Value<'b>, String> {
        let mut members: Vec<(String, Value<'b>)> = Vec::new();
        while self.more(length, members.len())? {
            let key = match self.value(depth + 1)? {
                Value::Text(text) => text.into_owned(),
                Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                // A name cannot begin with a digit.
                Value::Uint(n) => format!("n{n}"),
                Value::Int(n) => format!("n{n}"),
                Value::Float(n) => format!("n{n}"),
                Value::Bool(value) => value.to_string(),
                Value::Null | Value::List(_) | Value::Map(_) => return Err("a key that is no name".to_owned()),
            };
            members.push((key, self.value(depth + 1)?));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Of members of one name the last counts; a stable sort has kept it last.
        members.reverse();
        members.dedup_by(|(a, _), (b, _)| a == b);
        members.reverse();
        Ok(Value::Map(members))
    }

    /// The bytes of a text or byte string, put together from its pieces where it has no length.
    fn string(&mut self, length: Option<u64>, kind: u8) -> Result<std::borrow::Cow<'b, [u8]>, String> {
        if let Some(length) = length {
            return Ok(self.take(length)?.into());
        }
        let mut whole = Vec::new();
        loop {
            let first = self.byte()?;
            if first == BREAK {
                return Ok(whole.into());
            }
            match (first >> 5 == kind, self.argument(first & 31)?) {
                (true, Some(length)) => whole.extend_from_slice(self.take(length)?),
                _ => return Err("a piece of a string that is none".to_owned()),
            }
        }
    }

    fn simple(&mut self, low: u8) -> Result<Value<'b>, String> {
        Ok(match low {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 | 23 => Value::Null,
            24 => Value::Uint(u64::from(self.byte()?)),
            25 => Value::Float(half(u16::from_be_bytes([self.byte()?, self.byte()?]))),
            26 => {
                let bits = self.take(4)?.iter().fold(0, |n, b| n << 8 | u32::from(*b));
                Value::Float(f64::from(f32::from_bits(bits)))
            }
            27 => Value::Float(f64::from_bits(self.take(8)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))),
            31 => return Err("an end without a beginning".to_owned()),
            other => Value::Uint(u64::from(other)),
        })
    }
}

/// Times become texts as Go prints them, large numbers their digits; any other tag is left out.
fn tagged(tag: u64, content: Value<'_>) -> Value<'_> {
    match (tag, content) {
        (1, Value::Uint(n)) if n < 1 << 40 => time(n as f64),
        (1, Value::Int(n)) if n > -(1 << 40) => time(n as f64),
        (1, Value::Float(n)) if n.abs() < 1e12 => time(n),
        (2 | 3, Value::Bytes(bytes)) if bytes.len() <= 15 => {
            let number = bytes.iter().fold(0i128, |n, b| n << 8 | i128::from(*b));
            Value::Text(if tag == 2 { number } else { -1 - number }.to_string().into())
        }
        (_, content) => content,
    }
}

fn time(seconds: f64) -> Value<'static> {
    let mut text = String::new();
    let nanos = ((seconds - seconds.floor()) * 1e9) as u32;
    let layout = Layout::parse_spec("2006-01-02 15:04:05.999999999 -0700 MST");
    layout.format_time(Time::new(seconds.floor() as i64, nanos), &Zone::Utc, &mut text);
    Value::Text(text.into())
}

/// A float of 16 bits. Source: RFC 8949, appendix D.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 != 0 { -size } else { size }
}
