//! What a builtin works with: the heap, and the host for its objects.

use super::Class;
use crate::error::{Result, fail};
use crate::heap::{Heap, Iterable, Other, Pieces};
use crate::host::Host;
use crate::modules::moment;
use crate::value::{Symbol, Value};

pub(crate) struct Cx<'a> {
    pub(crate) heap: &'a mut Heap,
    pub(crate) host: &'a mut dyn Host,
}

impl Cx<'_> {
    pub(crate) fn type_name(&self, value: Value) -> &'static str {
        match value {
            Value::Host(object) => self.host.type_name(object),
            other => self.heap.type_of(other).unwrap_or("object"),
        }
    }

    pub(crate) fn truth(&self, value: Value) -> bool {
        match value {
            Value::Bool(value) => value,
            Value::None => false,
            Value::Int(value) => value != 0,
            Value::Float(value) => value != 0.0,
            Value::Str(id) => !self.heap.bytes_of(id).is_empty(),
            Value::Duration(value) => value != 0,
            Value::Host(object) => self.host.truth(object),
            other => self.len(other) != Some(0),
        }
    }

    /// Length of what has one.
    pub(crate) fn len(&self, value: Value) -> Option<usize> {
        match value {
            Value::Str(id) => Some(self.heap.bytes_of(id).len()),
            Value::List(_) | Value::Tuple(_) => self.heap.items(value).map(<[Value]>::len),
            Value::Dict(id) => Some(self.heap.dict_ref(id).len()),
            Value::Set(id) => Some(self.heap.set_ref(id).len()),
            Value::Host(object) => self.host.len(object),
            Value::Other(id) => match self.heap.other_ref(id) {
                Other::Bytes(bytes) => Some(bytes.len()),
                &Other::Range { start, stop, step } => usize::try_from(Heap::range_len(start, stop, step)).ok(),
                Other::Pieces { of, kind: Pieces::Elems | Pieces::ElemOrds } => self.len(*of),
                Other::Pieces { of, kind: Pieces::ByteElems } => self.heap.bytes_value(*of).map(<[u8]>::len),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of anything that can be looped over; an error, starting with `what`, for anything else.
    pub(crate) fn iterate(&mut self, value: Value, what: &str) -> Result<Vec<Value>> {
        match self.iterable(value)? {
            Some(items) => Ok(items),
            None => fail!("{what}: got {}, want iterable", self.type_name(value)),
        }
    }

    /// The items of anything that can be looped over.
    pub(crate) fn iterable(&mut self, value: Value) -> Result<Option<Vec<Value>>> {
        let items = match self.heap.iterable(value)? {
            Some(Iterable::Values(items)) => items,
            Some(Iterable::Host(object)) => match self.host.keys(self.heap, object)? {
                Some(keys) => keys,
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        self.heap.charge(items.len());
        Ok(Some(items))
    }

    /// `value.name`; nothing if there is no such attribute.
    pub(crate) fn attr(&mut self, value: Value, name: Symbol) -> Result<Option<Value>> {
        if let Value::Host(object) = value {
            if let Some(found) = self.host.attr(self.heap, object, name)? {
                return Ok(Some(found));
            }
            let method = self.host.has_method(object, name);
            return Ok(method.then(|| self.heap.other(Other::Method { receiver: value, name })));
        }
        if let Value::Other(id) = value
            && let Other::Module { members, .. } = self.heap.other_ref(id)
        {
            return Ok(members.iter().find(|(member, _)| *member == name).map(|&(_, member)| member));
        }
        let Some(class) = self.heap.class(value) else { return Ok(None) };
        if self.heap.symbols.method(name, class).is_some() {
            return Ok(Some(self.heap.other(Other::Method { receiver: value, name })));
        }
        Ok(self.heap.time_attr(value, name))
    }

    /// The names of all attributes, sorted.
    pub(crate) fn attributes(&self, value: Value) -> Vec<String> {
        let mut names: Vec<String> = match value {
            Value::Host(object) => self.host.attributes(object).iter().map(|&name| name.to_owned()).collect(),
            Value::Other(id) if matches!(self.heap.other_ref(id), Other::Module { .. }) => {
                let Other::Module { members, .. } = self.heap.other_ref(id) else { return Vec::new() };
                members.iter().map(|&(name, _)| self.heap.symbol_name(name).to_owned()).collect()
            }
            _ => {
                let class = self.heap.class(value);
                let methods = class.map(super::methods).unwrap_or_default().iter().map(|(name, _)| name);
                methods.chain(moment::attributes(class)).map(|&name| name.to_owned()).collect()
            }
        };
        names.sort_unstable();
        names
    }
}

impl Heap {
    /// Which methods a value has.
    pub(crate) fn class(&self, value: Value) -> Option<Class> {
        match value {
            Value::Str(_) => Some(Class::Str),
            Value::List(_) => Some(Class::List),
            Value::Dict(_) => Some(Class::Dict),
            Value::Set(_) => Some(Class::Set),
            Value::Duration(_) => Some(Class::Duration),
            Value::Other(id) => match self.other_ref(id) {
                Other::Bytes(_) => Some(Class::Bytes),
                Other::Time(_) => Some(Class::Time),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of anything that can be looped over; objects of the host are left to it.
    pub(crate) fn iterable(&mut self, value: Value) -> Result<Option<Iterable>> {
        let items = match value {
            Value::List(_) | Value::Tuple(_) => self.items(value).unwrap_or_default().to_vec(),
            Value::Dict(_) => self.entries(value).map(|(key, _)| key).collect(),
            Value::Set(id) => self.set_items(id),
            Value::Host(object) => return Ok(Some(Iterable::Host(object))),
            Value::Other(id) => match *self.other_ref(id) {
                Other::Range { start, stop, step } => {
                    let len = Heap::range_len(start, stop, step);
                    self.reserve(usize::try_from(len).unwrap_or(usize::MAX).saturating_mul(size_of::<Value>()))?;
                    (0..len).map(|at| Value::Int(start.wrapping_add(at.wrapping_mul(step)))).collect()
                }
                Other::Pieces { of, kind } => self.pieces(of, kind)?,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Iterable::Values(items)))
    }

    fn pieces(&mut self, of: Value, kind: Pieces) -> Result<Vec<Value>> {
        let length = self.str_bytes(of).or(self.bytes_value(of)).map_or(0, <[u8]>::len);
        self.reserve(length.saturating_mul(2 * size_of::<Value>()))?;
        let ord = |byte: &u8| Value::Int(i64::from(*byte));
        Ok(match (kind, of) {
            (Pieces::ByteElems, _) => self.bytes_value(of).unwrap_or_default().iter().map(ord).collect(),
            (Pieces::ElemOrds, _) => self.str_bytes(of).unwrap_or_default().iter().map(ord).collect(),
            (Pieces::Elems, Value::Str(id)) => (0..length).map(|at| self.substring(id, at, at + 1)).collect(),
            (Pieces::CodepointOrds, _) => self.text(of).chars().map(|c| Value::Int(i64::from(u32::from(c)))).collect(),
            (Pieces::Codepoints, _) => {
                let text = self.text(of).into_owned();
                text.chars().map(|c| self.string(c.encode_utf8(&mut [0; 4]))).collect()
            }
            (Pieces::Elems, _) => Vec::new(),
        })
    }
}
