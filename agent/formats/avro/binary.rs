//! The binary encoding.

use super::flatten::{Value, decimal};
use super::schema::{Schema, Type};
use std::borrow::Cow;

/// Values may be nested so deep.
const DEEPEST: usize = 100;
/// A message may have so many values.
const MOST: usize = 1 << 22;

/// Reads a message; gives how many bytes it took.
pub(super) fn read<'s>(schema: &'s Schema, bytes: &[u8]) -> Result<(Value<'s>, usize), String> {
    let mut reader = Reader { schema, bytes, at: 0, left: MOST };
    let value = reader.value(schema.top(), 0).map_err(|cause| format!("byte {}: {cause}", reader.at))?;
    Ok((value, reader.at))
}

struct Reader<'s, 'b> {
    schema: &'s Schema,
    bytes: &'b [u8],
    at: usize,
    left: usize,
}

impl<'s> Reader<'s, '_> {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..count)).ok_or("it ends too early")?;
        self.at += count;
        Ok(taken)
    }

    /// A number of variable length, the sign in its lowest bit.
    fn long(&mut self) -> Result<i64, String> {
        let mut value = 0u64;
        for i in 0..10 {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err("a number longer than ten bytes".to_owned())
    }

    fn length(&mut self) -> Result<usize, String> {
        let length = self.long()?;
        usize::try_from(length).map_err(|_| format!("{length} is no length"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.length()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn value(&mut self, kind: usize, depth: usize) -> Result<Value<'s>, String> {
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST} levels"));
        }
        self.left = self.left.checked_sub(1).ok_or("too many values")?;
        let schema = self.schema;
        Ok(match schema.get(kind) {
            Type::Null | Type::Open => Value::Null,
            Type::Bool => match self.take(1)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => return Err(format!("{other} is no boolean")),
            },
            Type::Int | Type::Long => Value::Int(self.long()?),
            Type::Float => Value::Float(f64::from(f32::from_le_bytes(self.fixed()?))),
            Type::Double => Value::Float(f64::from_le_bytes(self.fixed()?)),
            Type::Bytes(scale) => {
                let length = self.length()?;
                number_or_bytes(self.take(length)?, *scale)
            }
            Type::Fixed(size, scale) => number_or_bytes(self.take(*size)?, *scale),
            Type::Text => Value::Text(Cow::Owned(self.text()?)),
            Type::Enum(symbols) => {
                let place = self.length()?;
                Value::Text(Cow::Borrowed(symbols.get(place).ok_or_else(|| format!("{place} is no symbol"))?))
            }
            Type::Array(items) => {
                let mut list = Vec::new();
                self.blocks(|reader| {
                    list.push(reader.value(*items, depth + 1)?);
                    Ok(())
                })?;
                Value::List(list)
            }
            Type::Map(values) => {
                let mut members = Vec::new();
                self.blocks(|reader| {
                    let key = reader.text()?;
                    members.push((Cow::Owned(key), reader.value(*values, depth + 1)?));
                    Ok(())
                })?;
                Value::Map(members)
            }
            Type::Union(branches) => {
                let place = self.length()?;
                let (name, kind) = branches.get(place).ok_or_else(|| format!("{place} is no branch of the union"))?;
                match self.value(*kind, depth + 1)? {
                    Value::Null => Value::Null,
                    value => Value::Union(name, Box::new(value)),
                }
            }
            Type::Record(fields) => {
                let mut members = Vec::with_capacity(fields.len());
                for field in fields {
                    let value = self.value(field.kind, depth + 1).map_err(|e| format!("{:?}: {e}", field.name))?;
                    members.push((Cow::Borrowed(field.name.as_str()), value));
                }
                Value::Map(members)
            }
        })
    }

    /// Calls `each` for every item of the blocks of an array or map.
    fn blocks(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // The size of the block, for those who want to skip it.
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                each(self)?;
            }
        }
    }
}

fn number_or_bytes<'s>(bytes: &[u8], scale: Option<u32>) -> Value<'s> {
    scale.and_then(|scale| decimal(bytes, scale)).unwrap_or_else(|| Value::Bytes(bytes.to_vec()))
}
