//! Reading what values hold. The methods for the host answer with nothing when a value is of another kind.

use super::{Function, Heap, List, Other};
use crate::value::{Id, Symbol, Value};
use std::borrow::Cow;

/// What can be walked through without asking the host.
pub(crate) enum Iterable {
    Values(Vec<Value>),
    Host(crate::value::Object),
}

impl Heap {
    /// The text of a string, with bytes that are not UTF-8 replaced; empty for any other value.
    pub fn text(&self, value: Value) -> Cow<'_, str> {
        String::from_utf8_lossy(self.str_bytes(value).unwrap_or_default())
    }

    /// The text of a string that is UTF-8, as nearly all are.
    pub fn str(&self, value: Value) -> Option<&str> {
        std::str::from_utf8(self.str_bytes(value)?).ok()
    }

    /// The bytes of a string.
    pub fn str_bytes(&self, value: Value) -> Option<&[u8]> {
        match value {
            Value::Str(id) => Some(self.bytes_of(id)),
            _ => None,
        }
    }

    pub(crate) fn bytes_of(&self, id: Id) -> &[u8] {
        &self.text[self.span(id)]
    }

    /// The items of a list or tuple.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::List(id) => self.lists.get(id.index()).map(|list| list.items.as_slice()),
            Value::Tuple(id) => Some(self.tuple_items(id)),
            _ => None,
        }
    }

    pub(crate) fn tuple_items(&self, id: Id) -> &[Value] {
        match self.tuples.get(id.index()) {
            Some(span) => &self.fields[span.start as usize..span.start as usize + span.len as usize],
            None => &[],
        }
    }

    pub(crate) fn list_ref(&self, id: Id) -> &List {
        &self.lists[id.index()]
    }

    /// The entries of a dictionary in their order; none for any other value.
    pub fn entries(&self, value: Value) -> impl Iterator<Item = (Value, Value)> + '_ {
        let table = match value {
            Value::Dict(id) => self.dicts.get(id.index()),
            _ => None,
        };
        table.into_iter().flat_map(|table| table.iter().map(|entry| (entry.key, entry.value)))
    }

    pub(crate) fn dict_ref(&self, id: Id) -> &super::table::Table {
        &self.dicts[id.index()]
    }

    pub(crate) fn set_ref(&self, id: Id) -> &super::table::Table {
        &self.sets[id.index()]
    }

    pub(crate) fn set_items(&self, id: Id) -> Vec<Value> {
        self.sets[id.index()].iter().map(|entry| entry.key).collect()
    }

    pub(crate) fn function_ref(&self, id: Id) -> &Function {
        &self.functions[id.index()]
    }

    pub(crate) fn cell_value(&self, id: Id) -> Value {
        self.cells[id.index()]
    }

    pub(crate) fn other_ref(&self, id: Id) -> &Other {
        &self.others[id.index()]
    }

    /// An integer of any size; nothing for other values, booleans included.
    pub fn integer(&self, value: Value) -> Option<i128> {
        match value {
            Value::Int(value) => Some(value.into()),
            Value::Other(id) => match self.other_ref(id) {
                Other::Big(value) => Some(*value),
                _ => None,
            },
            _ => None,
        }
    }

    /// An integer or float as float.
    pub(crate) fn number(&self, value: Value) -> Option<f64> {
        match value {
            Value::Float(value) => Some(value),
            Value::Int(value) => Some(value as f64),
            other => self.integer(other).map(|value| value as f64),
        }
    }

    pub(crate) fn bytes_value(&self, value: Value) -> Option<&[u8]> {
        match value {
            Value::Other(id) => match self.other_ref(id) {
                Other::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type as `type()` names it; `None` for objects of the host.
    pub fn type_of(&self, value: Value) -> Option<&'static str> {
        Some(match value {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "string",
            Value::List(_) => "list",
            Value::Tuple(_) => "tuple",
            Value::Dict(_) => "dict",
            Value::Set(_) => "set",
            Value::Function(_) => "function",
            Value::Builtin(_) => "builtin_function_or_method",
            Value::Duration(_) => "time.duration",
            Value::Host(_) => return None,
            Value::Cell(_) | Value::Unset => "unset",
            Value::Other(id) => match self.other_ref(id) {
                Other::Big(_) => "int",
                Other::Bytes(_) => "bytes",
                Other::Range { .. } => "range",
                Other::Method { .. } => "builtin_function_or_method",
                Other::Module { .. } => "module",
                Other::Pieces { of, kind } => match (of, kind.name()) {
                    (Value::Str(_), "elems" | "elem_ords") => "string.elems",
                    (Value::Str(_), _) => "string.codepoints",
                    _ => "bytes.elems",
                },
                Other::Time(_) => "time.time",
            },
        })
    }

    /// The name of an attribute.
    pub fn symbol_name(&self, symbol: Symbol) -> &str {
        self.symbols.name(symbol)
    }

    /// Whether a loop of the script runs over this object just now; the host then refuses to change it.
    pub fn is_iterated(&self, object: crate::value::Object) -> bool {
        self.iterated.contains(&object)
    }

    /// Length of a range.
    pub(crate) fn range_len(start: i64, stop: i64, step: i64) -> i64 {
        let (start, stop, step) = (i128::from(start), i128::from(stop), i128::from(step));
        let span = if step > 0 { stop - start } else { start - stop };
        if span <= 0 { 0 } else { i64::try_from((span - 1) / step.abs() + 1).unwrap_or(i64::MAX) }
    }
}
