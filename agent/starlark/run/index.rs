//! Attributes, indexes, slices and unpacking.

use super::Vm;
use crate::builtins::Cx;
use crate::error::{Error, Result, fail};
use crate::heap::{Heap, Other};
use crate::value::{Symbol, Value};

impl Cx<'_> {
    pub(crate) fn need_attr(&mut self, object: Value, name: Symbol) -> Result<Value> {
        match self.attr(object, name)? {
            Some(value) => Ok(value),
            None => Err(self.no_attr(object, name)),
        }
    }

    /// The error for a missing attribute, with the nearest name if one is near.
    pub(crate) fn no_attr(&self, object: Value, name: Symbol) -> Error {
        let name = self.heap.symbol_name(name);
        let mut text = format!("{} has no .{name} field or method", self.type_name(object));
        let names = self.attributes(object);
        let near = names.iter().map(|other| (distance(name, other), other)).min();
        if let Some((distance, near)) = near
            && distance <= name.len().min(6) / 2
        {
            text.push_str(&format!(" (did you mean .{near}?)"));
        }
        Error::new(text)
    }

    pub(crate) fn set_attr(&mut self, object: Value, name: Symbol, value: Value) -> Result<()> {
        match object {
            Value::Host(host) => self.host.set_attr(self.heap, host, name, value),
            _ => fail!("can't assign to .{} field of {}", self.heap.symbol_name(name), self.type_name(object)),
        }
    }

    pub(crate) fn index(&mut self, object: Value, key: Value) -> Result<Value> {
        match object {
            Value::Host(host) => match self.host.index(self.heap, host, key)? {
                Some(value) => Ok(value),
                None => Err(self.missing_key(object, key)),
            },
            Value::Dict(id) => match self.heap.dict_get(id, key)? {
                Some(value) => Ok(value),
                None => Err(self.missing_key(object, key)),
            },
            Value::List(_) | Value::Tuple(_) => {
                let items = self.heap.items(object).unwrap_or_default();
                Ok(items[self.place(object, key, items.len())?])
            }
            Value::Str(id) => {
                let at = self.place(object, key, self.heap.bytes_of(id).len())?;
                Ok(self.heap.substring(id, at, at + 1))
            }
            Value::Other(id) => match self.heap.other_ref(id) {
                &Other::Range { start, stop, step } => {
                    let len = usize::try_from(Heap::range_len(start, stop, step)).unwrap_or(usize::MAX);
                    let at = self.place(object, key, len)?;
                    Ok(Value::Int(start.wrapping_add((at as i64).wrapping_mul(step))))
                }
                Other::Bytes(bytes) => {
                    let at = self.place(object, key, bytes.len())?;
                    let byte = [bytes[at]].into();
                    Ok(self.heap.other(Other::Bytes(byte)))
                }
                &Other::Pieces { of: Value::Str(id), kind } if kind.name().starts_with("elem") => {
                    let bytes = self.heap.bytes_of(id);
                    let at = self.place(object, key, bytes.len())?;
                    if kind.name() == "elems" {
                        Ok(self.heap.substring(id, at, at + 1))
                    } else {
                        Ok(Value::Int(i64::from(bytes[at])))
                    }
                }
                _ => Err(self.cannot_index(object, key)),
            },
            _ => Err(self.cannot_index(object, key)),
        }
    }

    pub(crate) fn set_index(&mut self, object: Value, key: Value, value: Value) -> Result<()> {
        match object {
            Value::Host(host) => self.host.set_index(self.heap, host, key, value),
            Value::Dict(id) => self.heap.dict_insert(id, key, value),
            Value::List(id) => {
                let len = self.heap.list_ref(id).items.len();
                let at = self.place(object, key, len)?;
                self.heap.list_set(id, at, value)
            }
            _ => fail!("{} value does not support item assignment", self.type_name(object)),
        }
    }

    /// Adds an entry of a dictionary display.
    pub(crate) fn entry(&mut self, dict: Value, key: Value, value: Value) -> Result<()> {
        let Value::Dict(id) = dict else { return Ok(()) };
        let before = self.heap.dict_ref(id).len();
        self.heap.dict_insert(id, key, value)?;
        if self.heap.dict_ref(id).len() == before {
            fail!("duplicate key: {}", self.repr(key)?);
        }
        Ok(())
    }

    pub(crate) fn slice(&mut self, object: Value, low: Value, high: Value, step: Value) -> Result<Value> {
        let Some(len) = self.len(object).filter(|_| self.can_slice(object)) else {
            fail!("invalid slice operand {}", self.type_name(object));
        };
        let step = match step {
            Value::None => 1,
            Value::Int(0) => fail!("zero is not a valid slice step"),
            Value::Int(step) => step,
            _ => fail!("invalid slice step: got {}, want int", self.type_name(step)),
        };
        let len = len as i64;
        let (first, last) = if step > 0 { (0, len) } else { (len - 1, -1) };
        let bound = |value: Value, default: i64, what: &str| {
            let at = match value {
                Value::None => return Ok(default),
                Value::Int(at) => at,
                _ => fail!("invalid {what} index: got {}, want int", self.type_name(value)),
            };
            let at = if at < 0 { at.saturating_add(len) } else { at };
            Ok(if step > 0 { at.clamp(0, len) } else { at.clamp(-1, len - 1) })
        };
        let (low, high) = (bound(low, first, "start")?, bound(high, last, "end")?);
        if let &Value::Other(id) = &object
            && let &Other::Range { start, stop: _, step: by } = self.heap.other_ref(id)
        {
            // Nothing is left: both ends are the first.
            let high = if step > 0 { high.max(low) } else { high.min(low) };
            let at = |place: i64| start.wrapping_add(place.wrapping_mul(by));
            return Ok(self.heap.other(Other::Range { start: at(low), stop: at(high), step: by.saturating_mul(step) }));
        }
        if step == 1 {
            let (low, high) = (low as usize, high.max(low) as usize);
            return Ok(match object {
                Value::Str(id) => self.heap.substring(id, low, high),
                Value::List(_) => {
                    let items = self.heap.items(object).unwrap_or_default()[low..high].to_vec();
                    self.heap.list(items)
                }
                Value::Tuple(_) => {
                    let items = self.heap.items(object).unwrap_or_default()[low..high].to_vec();
                    self.heap.tuple(&items)
                }
                _ => {
                    let bytes = self.heap.bytes_value(object).unwrap_or_default()[low..high].into();
                    self.heap.other(Other::Bytes(bytes))
                }
            });
        }
        let mut places = Vec::new();
        let mut at = low;
        while if step > 0 { at < high } else { at > high } {
            places.push(at as usize);
            at = at.saturating_add(step);
        }
        Ok(match object {
            Value::Str(id) => {
                let bytes = self.heap.bytes_of(id);
                let picked: Vec<u8> = places.iter().map(|&at| bytes[at]).collect();
                self.heap.byte_string(&picked)
            }
            Value::List(_) | Value::Tuple(_) => {
                let items = self.heap.items(object).unwrap_or_default();
                let picked: Vec<Value> = places.iter().map(|&at| items[at]).collect();
                if matches!(object, Value::List(_)) { self.heap.list(picked) } else { self.heap.tuple(&picked) }
            }
            _ => {
                let bytes = self.heap.bytes_value(object).unwrap_or_default();
                let picked = places.iter().map(|&at| bytes[at]).collect();
                self.heap.other(Other::Bytes(picked))
            }
        })
    }

    fn can_slice(&self, object: Value) -> bool {
        match object {
            Value::Str(_) | Value::List(_) | Value::Tuple(_) => true,
            Value::Other(id) => matches!(self.heap.other_ref(id), Other::Bytes(_) | Other::Range { .. }),
            _ => false,
        }
    }

    /// The place that an index, which may count from the end, means.
    fn place(&self, object: Value, key: Value, len: usize) -> Result<usize> {
        let kind = self.type_name(object);
        let Some(key) = self.heap.integer(key) else {
            fail!("{kind} index: got {}, want int", self.type_name(key));
        };
        let at = if key < 0 { key.saturating_add(len as i128) } else { key };
        match usize::try_from(at) {
            Ok(at) if at < len => Ok(at),
            _ if len == 0 => fail!("index {key} out of range: empty {kind}"),
            _ => fail!("{kind} index {key} out of range [-{len}:{}]", len - 1),
        }
    }

    fn missing_key(&mut self, object: Value, key: Value) -> Error {
        let key = self.repr(key).unwrap_or_default();
        Error::new(format!("key {key} not in {}", self.type_name(object)))
    }

    fn cannot_index(&self, object: Value, key: Value) -> Error {
        Error::new(format!("unhandled index operation {}[{}]", self.type_name(object), self.type_name(key)))
    }
}

impl Vm<'_> {
    /// Takes a sequence of exactly `count` items apart, to the stack from `start` on.
    pub(super) fn unpack(&mut self, value: Value, start: usize, count: usize) -> Result<()> {
        if let Some(items) = self.machine.heap.items(value)
            && items.len() == count
        {
            self.machine.stack[start..start + count].copy_from_slice(items);
            return Ok(());
        }
        let mut cx = self.cx();
        let Some(items) = cx.iterable(value)? else {
            fail!("got {} in sequence assignment", cx.type_name(value));
        };
        if items.len() > count {
            fail!("too many values to unpack (got {}, want {count})", items.len());
        }
        if items.len() < count {
            fail!("too few values to unpack (got {}, want {count})", items.len());
        }
        self.machine.stack[start..start + count].copy_from_slice(&items);
        Ok(())
    }
}

/// Number of letters to change, add or remove to come from one name to the other, without regard to case.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    if a.len().max(b.len()) > 100 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = cost.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
