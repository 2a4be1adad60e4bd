//! Hashing, equality and order of values. None of it asks the host: its objects are equal if they are the same.

use super::{Heap, Other};
use crate::error::{Error, Result, fail};
use crate::value::{Id, Value};
use std::cmp::Ordering;
use std::hash::BuildHasher;

/// Deeper structures cannot be compared or be keys.
const MOST_DEPTH: usize = 50;

impl Heap {
    /// The hash of a key; an error for what can change.
    pub(crate) fn hash(&self, value: Value) -> Result<u64> {
        self.hash_at(value, 0)
    }

    fn hash_at(&self, value: Value, depth: usize) -> Result<u64> {
        if depth > MOST_DEPTH {
            fail!("hash: maximum depth exceeded");
        }
        Ok(match value {
            Value::Str(id) => return Ok(self.hash_str(id)),
            Value::None => self.hasher.hash_one(0u8),
            Value::Bool(value) => self.hasher.hash_one(value),
            Value::Int(value) => self.hasher.hash_one(i128::from(value)),
            // Equal numbers are the same key, so a whole float hashes as the integer does.
            Value::Float(value) => match whole(value) {
                Some(value) => self.hasher.hash_one(value),
                None if value.is_nan() => self.hasher.hash_one(f64::NAN.to_bits()),
                None => self.hasher.hash_one(value.to_bits()),
            },
            Value::Duration(value) => self.hasher.hash_one((1u8, value)),
            Value::Builtin(index) => self.hasher.hash_one((2u8, index)),
            Value::Host(object) => self.hasher.hash_one((3u8, object)),
            // The place of a function changes when the heap is compacted, its code does not.
            Value::Function(id) => self.hasher.hash_one((4u8, self.functions[id.index()].code)),
            Value::Tuple(id) => {
                let mut hash = 5;
                for &item in self.tuple_items(id) {
                    hash = self.hasher.hash_one((hash, self.hash_at(item, depth + 1)?));
                }
                hash
            }
            Value::Other(id) => match self.other_ref(id) {
                Other::Big(value) => self.hasher.hash_one(value),
                Other::Bytes(bytes) => self.hasher.hash_one((6u8, bytes)),
                Other::Range { start, stop, step } => {
                    self.hasher.hash_one((7u8, Heap::range_len(*start, *stop, *step), start))
                }
                Other::Time(moment) => self.hasher.hash_one((8u8, moment.time)),
                Other::Method { receiver, name } => {
                    self.hasher.hash_one((9u8, self.hash_at(*receiver, depth + 1)?, name))
                }
                _ => fail!("unhashable type: {}", self.type_of(value).unwrap_or("object")),
            },
            Value::List(_) | Value::Dict(_) | Value::Set(_) | Value::Cell(_) | Value::Unset => {
                fail!("unhashable type: {}", self.type_of(value).unwrap_or("object"))
            }
        })
    }

    fn hash_str(&self, id: Id) -> u64 {
        let cached = &self.strings[id.index()].hash;
        if cached.get() == 0 {
            cached.set(self.hasher.hash_one(self.bytes_of(id)).max(1));
        }
        cached.get()
    }

    /// Equality of keys that hash alike.
    pub(crate) fn same_key(&self, a: Value, b: Value) -> bool {
        match (a, b) {
            (Value::Str(a), Value::Str(b)) => a == b || self.bytes_of(a) == self.bytes_of(b),
            _ => self.equal(a, b).unwrap_or(false),
        }
    }

    /// Equality; an error only for structures that are too deep.
    pub fn equal(&self, a: Value, b: Value) -> Result<bool> {
        self.equal_at(a, b, 0)
    }

    fn equal_at(&self, a: Value, b: Value, depth: usize) -> Result<bool> {
        if depth > MOST_DEPTH {
            return Err(too_deep());
        }
        Ok(match (a, b) {
            (Value::None, Value::None) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b || self.bytes_of(a) == self.bytes_of(b),
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Builtin(a), Value::Builtin(b)) => a == b,
            (Value::Function(a), Value::Function(b)) => a == b,
            (Value::Host(a), Value::Host(b)) => a == b,
            (Value::List(_), Value::List(_)) | (Value::Tuple(_), Value::Tuple(_)) => {
                let (a, b) = (self.items(a).unwrap_or_default(), self.items(b).unwrap_or_default());
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.charge(a.len());
                for (&a, &b) in a.iter().zip(b) {
                    if !self.equal_at(a, b, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Dict(a), Value::Dict(b)) => {
                let (a, b) = (self.dict_ref(a), self.dict_ref(b));
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.charge(a.len());
                for entry in a.iter() {
                    let Some(place) = b.find(entry.hash, |key| self.same_key(key, entry.key)) else {
                        return Ok(false);
                    };
                    if !self.equal_at(entry.value, b.value(place), depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Set(a), Value::Set(b)) => self.set_ref(a).len() == self.set_ref(b).len() && self.subset(a, b),
            (Value::Other(x), Value::Other(y)) => match (self.other_ref(x), self.other_ref(y)) {
                (Other::Big(a), Other::Big(b)) => a == b,
                (Other::Bytes(a), Other::Bytes(b)) => a == b,
                (Other::Time(a), Other::Time(b)) => a.time == b.time,
                (
                    &Other::Range { start, stop, step },
                    &Other::Range { start: other_start, stop: other_stop, step: other_step },
                ) => {
                    let len = Heap::range_len(start, stop, step);
                    len == Heap::range_len(other_start, other_stop, other_step)
                        && (len == 0 || start == other_start && (len == 1 || step == other_step))
                }
                _ => x == y || self.compare_numbers(a, b) == Some(Ordering::Equal),
            },
            _ => self.compare_numbers(a, b) == Some(Ordering::Equal),
        })
    }

    pub(crate) fn subset(&self, small: Id, large: Id) -> bool {
        let large = self.set_ref(large);
        self.charge(self.set_ref(small).len());
        self.set_ref(small).iter().all(|entry| large.find(entry.hash, |key| self.same_key(key, entry.key)).is_some())
    }

    /// The order of two values; an error, naming `operator`, if they have none.
    pub(crate) fn compare(&self, a: Value, b: Value, operator: &str) -> Result<Ordering> {
        self.compare_at(a, b, operator, 0)
    }

    fn compare_at(&self, a: Value, b: Value, operator: &str, depth: usize) -> Result<Ordering> {
        if depth > MOST_DEPTH {
            return Err(too_deep());
        }
        let order = match (a, b) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
            (Value::Str(a), Value::Str(b)) => Some(self.bytes_of(a).cmp(self.bytes_of(b))),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(&b)),
            (Value::List(_), Value::List(_)) | (Value::Tuple(_), Value::Tuple(_)) => {
                let (a, b) = (self.items(a).unwrap_or_default(), self.items(b).unwrap_or_default());
                self.charge(a.len().min(b.len()));
                for (&a, &b) in a.iter().zip(b) {
                    // Equal items need no order: `[None, 1] < [None, 2]` is fine.
                    if !self.equal_at(a, b, depth + 1)? {
                        return self.compare_at(a, b, operator, depth + 1);
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            (Value::Other(x), Value::Other(y)) => match (self.other_ref(x), self.other_ref(y)) {
                (Other::Bytes(a), Other::Bytes(b)) => Some(a.cmp(b)),
                (Other::Time(a), Other::Time(b)) => Some(a.time.cmp(&b.time)),
                _ => self.compare_numbers(a, b),
            },
            _ => self.compare_numbers(a, b),
        };
        let name = |value| self.type_of(value).unwrap_or("object");
        order.ok_or_else(|| Error::new(format!("{} {operator} {} not implemented", name(a), name(b))))
    }

    /// Numbers are ordered by their exact value; NaN equals itself and is above everything.
    fn compare_numbers(&self, a: Value, b: Value) -> Option<Ordering> {
        match (a, b) {
            (Value::Float(a), Value::Float(b)) => Some(compare_floats(a, b)),
            (Value::Float(a), b) => self.integer(b).map(|b| compare_mixed(b, a).reverse()),
            (a, Value::Float(b)) => self.integer(a).map(|a| compare_mixed(a, b)),
            (a, b) => Some(self.integer(a)?.cmp(&self.integer(b)?)),
        }
    }
}

fn too_deep() -> Error {
    Error::new("comparison exceeded maximum recursion depth")
}

fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn compare_mixed(a: i128, b: f64) -> Ordering {
    if b.is_nan() || b >= i128::MAX as f64 {
        return Ordering::Less;
    }
    if b < i128::MIN as f64 {
        return Ordering::Greater;
    }
    let floor = b.floor();
    match a.cmp(&(floor as i128)) {
        Ordering::Equal if b > floor => Ordering::Less,
        order => order,
    }
}

/// The integer that a float is exactly.
pub(crate) fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < i128::MAX as f64).then_some(value as i128)
}
