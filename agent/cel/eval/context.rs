//! What one evaluation works on: the metric, the variables of loops, the budget; and what depends on them, such as
//! looking into maps and comparing lists.

use std::sync::Arc;

use crate::Subject;
use crate::error::{Fault, Outcome, excerpt};
use crate::value::Value;

/// What one evaluation works on.
pub(crate) struct Context<'a> {
    pub(crate) subject: &'a dyn Subject,
    /// The variables of the loops around, the innermost last.
    pub(super) locals: Vec<Value<'a>>,
    steps: usize,
}

impl<'a> Context<'a> {
    /// An evaluation that may take `steps` units of work.
    pub(crate) fn new(subject: &'a dyn Subject, steps: usize) -> Self {
        Self { subject, locals: Vec::new(), steps }
    }

    /// Pays for `steps` units of work.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Fault<'a>> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => {
                self.steps = 0;
                return Err(Fault::Exhausted);
            }
        }
        Ok(())
    }

    /// Pays for reading or making `length` bytes.
    pub(crate) fn spend_bytes(&mut self, length: usize) -> Result<(), Fault<'a>> {
        self.spend(length / 16)
    }

    /// A string as a value, paid for.
    pub(crate) fn string(&mut self, text: &str) -> Outcome<'a> {
        self.spend_bytes(text.len())?;
        Ok(Value::Text(text.into()))
    }

    pub(crate) fn list(&mut self, items: Vec<Value<'a>>) -> Outcome<'a> {
        self.spend(items.len())?;
        Ok(Value::List(items.into()))
    }

    /// The entries of a map.
    pub(crate) fn entries(&mut self, map: &Value<'a>) -> Result<Arc<[(Value<'a>, Value<'a>)]>, Fault<'a>> {
        let subject = self.subject;
        let entries: Arc<[_]> = match map {
            Value::Map(entries) => Arc::clone(entries),
            Value::Tags => (0..subject.tag_count())
                .map_while(|at| subject.tag_at(at))
                .map(|(key, value)| (Value::Str(key), Value::Str(value)))
                .collect(),
            Value::Fields => (0..subject.field_count())
                .map_while(|at| subject.field_at(at))
                .map(|(key, value)| (Value::Str(key), value.into()))
                .collect(),
            _ => return Err(Fault::NoSuchOverload("")),
        };
        self.spend(entries.len())?;
        Ok(entries)
    }

    /// The number of elements of a list or map.
    pub(crate) fn count(&self, of: &Value<'a>) -> Option<usize> {
        match of {
            Value::List(items) => Some(items.len()),
            Value::Map(entries) => Some(entries.len()),
            Value::Tags => Some(self.subject.tag_count()),
            Value::Fields => Some(self.subject.field_count()),
            _ => None,
        }
    }

    /// The value of a key in a map.
    pub(crate) fn lookup(&mut self, map: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, Fault<'a>> {
        let subject = self.subject;
        match map {
            Value::Tags => Ok(key.text().and_then(|key| subject.tag(key)).map(Value::Str)),
            Value::Fields => Ok(key.text().and_then(|key| subject.field(key)).map(Value::from)),
            Value::Map(entries) => {
                self.spend(entries.len())?;
                for (candidate, value) in entries.iter() {
                    if self.equal(candidate, key)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            _ => Err(Fault::NoSuchOverload("")),
        }
    }

    pub(crate) fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, Fault<'a>> {
        if let (Some(a), Some(b)) = (a.text(), b.text()) {
            self.spend_bytes(a.len().min(b.len()))?;
            return Ok(a == b);
        }
        match (a, b) {
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.spend(a.len())?;
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Map(_) | Value::Tags | Value::Fields, Value::Map(_) | Value::Tags | Value::Fields) => {
                if self.count(a) != self.count(b) {
                    return Ok(false);
                }
                for (key, value) in self.entries(a)?.iter() {
                    match self.lookup(b, key)? {
                        Some(other) if self.equal(value, &other)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            _ => Ok(a.scalar_eq(b)),
        }
    }

    /// `needle in hay`.
    pub(super) fn contains(&mut self, needle: &Value<'a>, hay: &Value<'a>) -> Result<bool, Fault<'a>> {
        match hay {
            Value::List(items) => {
                self.spend(items.len())?;
                for item in items.iter() {
                    if self.equal(needle, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(self.lookup(hay, needle)?.is_some()),
        }
    }

    pub(super) fn index(&mut self, of: &Value<'a>, key: Value<'a>) -> Outcome<'a> {
        match of {
            Value::List(items) => {
                let at = match key {
                    Value::Int(at) => at,
                    Value::Uint(at) => i64::try_from(at).unwrap_or(i64::MAX),
                    Value::Double(at) if at.fract() == 0.0 && at.abs() < 1e15 => at as i64,
                    _ => return Err(format!("unsupported index value {} in list", excerpt(&key.to_string())).into()),
                };
                match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                    Some(item) => Ok(item.clone()),
                    None => Err(format!("index out of bounds: {at}").into()),
                }
            }
            Value::Map(_) | Value::Tags | Value::Fields => match self.lookup(of, &key)? {
                Some(value) => Ok(value),
                None => Err(Fault::NoSuchKey(key)),
            },
            _ => Err(Fault::NoSuchKey(key)),
        }
    }
}
