//! Operators.

use crate::builtins::Cx;
use crate::compile::code::{Operator, Unary};
use crate::error::{Error, Result, fail};
use crate::heap::{BYTES_PER_STEP, Other};
use crate::value::Value;
use std::cmp::Ordering;

impl Cx<'_> {
    pub(super) fn binary(&mut self, operator: Operator, a: Value, b: Value) -> Result<Value> {
        match operator {
            Operator::Eq | Operator::Ne | Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => {
                return self.test(operator, a, b).map(Value::Bool);
            }
            Operator::In | Operator::NotIn => return self.test(operator, a, b).map(Value::Bool),
            _ => {}
        }
        if let (Some(a), Some(b)) = (self.heap.integer(a), self.heap.integer(b)) {
            return self.integers(operator, a, b);
        }
        if let (Value::Float(_), _) | (_, Value::Float(_)) = (a, b)
            && let (Some(a), Some(b)) = (self.heap.number(a), self.heap.number(b))
            && let Some(result) = floats(operator, a, b)?
        {
            return Ok(Value::Float(result));
        }
        let result = match operator {
            Operator::Add => self.add(a, b)?,
            Operator::Mul => self.repeat(a, b)?,
            Operator::Mod if let Value::Str(_) = a => Some(self.interpolate(a, b)?),
            Operator::Or => self.union(a, b)?,
            Operator::And | Operator::Xor | Operator::Sub => self.set_operation(operator, a, b)?,
            _ => None,
        };
        match result {
            Some(value) => Ok(value),
            None => match self.heap.time_operator(operator, a, b)? {
                Some(value) => Ok(value),
                None => Err(self.no_operator(operator, a, b)),
            },
        }
    }

    /// The value of `a` after `a operator= b`; lists and dictionaries change in place.
    pub(super) fn in_place(&mut self, operator: Operator, a: Value, b: Value) -> Result<Value> {
        match (operator, a, b) {
            (Operator::Add, Value::List(id), _) => {
                if let Some(items) = self.iterable(b)? {
                    self.heap.list_extend(id, &items)?;
                    return Ok(a);
                }
            }
            (Operator::Or, Value::Dict(id), Value::Dict(_)) => {
                let entries: Vec<_> = self.heap.entries(b).collect();
                entries.into_iter().try_for_each(|(key, value)| self.heap.dict_insert(id, key, value))?;
                return Ok(a);
            }
            (Operator::Or, Value::Set(id), Value::Set(other)) => {
                let items = self.heap.set_items(other);
                items.into_iter().try_for_each(|item| self.heap.set_insert(id, item).map(|_| ()))?;
                return Ok(a);
            }
            _ => {}
        }
        self.binary(operator, a, b)
    }

    pub(super) fn test(&mut self, operator: Operator, a: Value, b: Value) -> Result<bool> {
        if let (Value::Set(x), Value::Set(y)) = (a, b) {
            let proper = self.heap.set_ref(x).len() != self.heap.set_ref(y).len();
            match operator {
                Operator::Lt => return Ok(proper && self.heap.subset(x, y)),
                Operator::Le => return Ok(self.heap.subset(x, y)),
                Operator::Gt => return Ok(proper && self.heap.subset(y, x)),
                Operator::Ge => return Ok(self.heap.subset(y, x)),
                _ => {}
            }
        }
        Ok(match operator {
            Operator::Eq => self.heap.equal(a, b)?,
            Operator::Ne => !self.heap.equal(a, b)?,
            Operator::In => self.contains(b, a)?,
            Operator::NotIn => !self.contains(b, a)?,
            _ => {
                let order = self.heap.compare(a, b, operator.name());
                let order = match (order, a, b) {
                    // The heap does not know the names of the host's types.
                    (Err(_), Value::Host(_), _) | (Err(_), _, Value::Host(_)) => {
                        fail!("{} {} {} not implemented", self.type_name(a), operator.name(), self.type_name(b))
                    }
                    (order, ..) => order?,
                };
                match operator {
                    Operator::Lt => order == Ordering::Less,
                    Operator::Le => order != Ordering::Greater,
                    Operator::Gt => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }
            }
        })
    }

    /// `needle in container`.
    fn contains(&mut self, container: Value, needle: Value) -> Result<bool> {
        match container {
            Value::Host(object) => self.host.contains(self.heap, object, needle),
            // What cannot be a key is in no dictionary.
            Value::Dict(id) => Ok(matches!(self.heap.dict_get(id, needle), Ok(Some(_)))),
            Value::Set(id) => self.heap.set_contains(id, needle),
            Value::Str(id) => {
                let Value::Str(part) = needle else {
                    fail!("'in <string>' requires string as left operand, not {}", self.type_name(needle));
                };
                let (text, part) = (self.heap.bytes_of(id), self.heap.bytes_of(part));
                let found = memchr::memmem::find(text, part).is_some();
                self.heap.charge(text.len() / BYTES_PER_STEP);
                Ok(found)
            }
            Value::List(_) | Value::Tuple(_) => {
                let items = self.heap.items(container).unwrap_or_default();
                let mut found = false;
                for &item in items {
                    if self.heap.equal(item, needle)? {
                        found = true;
                        break;
                    }
                }
                self.heap.charge(items.len());
                Ok(found)
            }
            Value::Other(id) => match self.heap.other_ref(id) {
                &Other::Range { start, stop, step } => {
                    let Some(needle) = self.heap.integer(needle) else {
                        fail!("'in <range>' requires integer as left operand, not {}", self.type_name(needle));
                    };
                    let (start, step) = (i128::from(start), i128::from(step));
                    let len = crate::heap::Heap::range_len(start as i64, stop, step as i64);
                    let offset = needle.saturating_sub(start);
                    Ok(offset % step == 0 && (0..i128::from(len)).contains(&(offset / step)))
                }
                Other::Bytes(bytes) => match needle {
                    Value::Int(byte) => match u8::try_from(byte) {
                        Ok(byte) => Ok(bytes.contains(&byte)),
                        Err(_) => fail!("int in bytes: {byte} out of range"),
                    },
                    _ => match self.heap.bytes_value(needle) {
                        Some(part) => Ok(memchr::memmem::find(bytes, part).is_some()),
                        None => {
                            fail!("'in bytes' requires bytes or int as left operand, not {}", self.type_name(needle))
                        }
                    },
                },
                _ => Err(self.no_operator(Operator::In, needle, container)),
            },
            _ => Err(self.no_operator(Operator::In, needle, container)),
        }
    }

    pub(super) fn unary(&mut self, operator: Unary, value: Value) -> Result<Value> {
        let sign = match operator {
            Unary::Minus => "-",
            Unary::Plus => "+",
            _ => "~",
        };
        match (operator, self.heap.integer(value), value) {
            (Unary::Plus, Some(_), _) | (Unary::Plus, _, Value::Float(_)) => Ok(value),
            (Unary::Minus, Some(value), _) => {
                let value = value.checked_neg().ok_or_else(overflow)?;
                Ok(self.heap.int(value))
            }
            (Unary::Minus, _, Value::Float(value)) => Ok(Value::Float(-value)),
            (Unary::Minus, _, Value::Duration(value)) => Ok(Value::Duration(value.wrapping_neg())),
            (Unary::Plus, _, Value::Duration(_)) => Ok(value),
            (Unary::Invert, Some(value), _) => Ok(self.heap.int(!value)),
            _ => fail!("unknown unary op: {sign} {}", self.type_name(value)),
        }
    }

    fn integers(&mut self, operator: Operator, a: i128, b: i128) -> Result<Value> {
        let result = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Sub => a.checked_sub(b),
            Operator::Mul => a.checked_mul(b),
            Operator::Div if b == 0 => fail!("floating-point division by zero"),
            Operator::Div => return Ok(Value::Float(a as f64 / b as f64)),
            Operator::FloorDiv if b == 0 => fail!("floored division by zero"),
            Operator::Mod if b == 0 => fail!("integer modulo by zero"),
            Operator::FloorDiv => {
                let quotient = a.checked_div(b);
                quotient.map(|quotient| quotient - i128::from(a % b != 0 && (a < 0) != (b < 0)))
            }
            Operator::Mod => {
                let rest = a.checked_rem(b).unwrap_or(0);
                Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            Operator::And => Some(a & b),
            Operator::Or => Some(a | b),
            Operator::Xor => Some(a ^ b),
            Operator::Shl | Operator::Shr if b < 0 => fail!("negative shift count: {b}"),
            Operator::Shl if b >= 512 => fail!("shift count too large: {b}"),
            Operator::Shl if a == 0 => Some(0),
            Operator::Shl => {
                let shifted = u32::try_from(b).ok().and_then(|count| a.checked_shl(count));
                shifted.filter(|shifted| shifted >> b == a)
            }
            Operator::Shr => Some(a >> b.min(127)),
            _ => None,
        };
        Ok(self.heap.int(result.ok_or_else(overflow)?))
    }

    fn add(&mut self, a: Value, b: Value) -> Result<Option<Value>> {
        Ok(Some(match (a, b) {
            (Value::Str(a), Value::Str(b)) => self.heap.concat(a, b)?,
            (Value::List(_), Value::List(_)) | (Value::Tuple(_), Value::Tuple(_)) => {
                let (left, right) = (self.heap.items(a).unwrap_or_default(), self.heap.items(b).unwrap_or_default());
                self.heap.reserve((left.len() + right.len()).saturating_mul(size_of::<Value>()))?;
                let joined = [left, right].concat();
                if matches!(a, Value::List(_)) { self.heap.list(joined) } else { self.heap.tuple(&joined) }
            }
            _ => {
                let (Some(left), Some(right)) = (self.heap.bytes_value(a), self.heap.bytes_value(b)) else {
                    return Ok(None);
                };
                self.heap.reserve(left.len() + right.len())?;
                let joined = [left, right].concat();
                self.heap.other(Other::Bytes(joined.into()))
            }
        }))
    }

    /// `"x" * 3` and its kin.
    fn repeat(&mut self, a: Value, b: Value) -> Result<Option<Value>> {
        let (value, count) = match (self.heap.integer(a), self.heap.integer(b)) {
            (Some(count), None) => (b, count),
            (None, Some(count)) => (a, count),
            _ => return Ok(None),
        };
        let unit = match value {
            Value::List(_) | Value::Tuple(_) => size_of::<Value>(),
            Value::Str(_) => 1,
            _ if self.heap.bytes_value(value).is_some() => 1,
            _ => return Ok(None),
        };
        let len = self.len(value).unwrap_or(0);
        let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
        if len == 0 {
            return Ok(Some(value)).map(|value| self.empty_like(value));
        }
        let size = len.saturating_mul(unit).saturating_mul(count);
        if self.heap.is_never_room(size) {
            fail!("excessive repeat ({len} * {count} elements)");
        }
        self.heap.reserve(size)?;
        Ok(Some(match value {
            Value::Str(id) => {
                let text = self.heap.bytes_of(id).repeat(count);
                self.heap.byte_string(&text)
            }
            Value::List(_) => {
                let items = self.heap.items(value).unwrap_or_default().repeat(count);
                self.heap.list(items)
            }
            Value::Tuple(_) => {
                let items = self.heap.items(value).unwrap_or_default().repeat(count);
                self.heap.tuple(&items)
            }
            _ => {
                let bytes = self.heap.bytes_value(value).unwrap_or_default().repeat(count);
                self.heap.other(Other::Bytes(bytes.into()))
            }
        }))
    }

    /// A list must be a new one even if it is empty.
    fn empty_like(&mut self, value: Option<Value>) -> Option<Value> {
        match value {
            Some(Value::List(_)) => Some(self.heap.list(Vec::new())),
            other => other,
        }
    }

    fn union(&mut self, a: Value, b: Value) -> Result<Option<Value>> {
        match (a, b) {
            (Value::Dict(_), Value::Dict(_)) => {
                let entries: Vec<_> = self.heap.entries(a).chain(self.heap.entries(b)).collect();
                let dict = self.heap.dict(entries.len());
                entries.into_iter().try_for_each(|(key, value)| self.heap.insert(dict, key, value))?;
                Ok(Some(dict))
            }
            (Value::Set(_), Value::Set(_)) => self.set_operation(Operator::Or, a, b),
            _ => Ok(None),
        }
    }

    fn set_operation(&mut self, operator: Operator, a: Value, b: Value) -> Result<Option<Value>> {
        let (Value::Set(a), Value::Set(b)) = (a, b) else { return Ok(None) };
        let (left, right) = (self.heap.set_items(a), self.heap.set_items(b));
        let result = self.heap.set();
        for &item in &left {
            let shared = self.heap.set_contains(b, item)?;
            if operator == Operator::Or || shared == (operator == Operator::And) {
                self.heap.set_insert(result, item)?;
            }
        }
        if matches!(operator, Operator::Or | Operator::Xor) {
            for &item in &right {
                if operator == Operator::Or || !self.heap.set_contains(a, item)? {
                    self.heap.set_insert(result, item)?;
                }
            }
        }
        Ok(Some(Value::Set(result)))
    }

    fn no_operator(&self, operator: Operator, a: Value, b: Value) -> Error {
        Error::new(format!("unknown binary op: {} {} {}", self.type_name(a), operator.name(), self.type_name(b)))
    }
}

fn floats(operator: Operator, a: f64, b: f64) -> Result<Option<f64>> {
    Ok(Some(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div if b == 0.0 => fail!("floating-point division by zero"),
        Operator::Div => a / b,
        Operator::FloorDiv if b == 0.0 => fail!("floored division by zero"),
        Operator::FloorDiv => (a / b).floor(),
        Operator::Mod if b == 0.0 => fail!("floating-point modulo by zero"),
        Operator::Mod => {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }
        _ => return Ok(None),
    }))
}

fn overflow() -> Error {
    Error::new("integer overflow: only integers of up to 128 bits are supported")
}
