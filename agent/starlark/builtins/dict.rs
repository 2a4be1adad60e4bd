//! Methods of dictionaries.

use super::{Args, Cx};
use crate::error::{Result, fail};
use crate::heap::Method;
use crate::value::{Id, Value};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("clear", clear),
    ("get", get),
    ("items", items),
    ("keys", keys),
    ("pop", pop),
    ("popitem", popitem),
    ("setdefault", setdefault),
    ("update", update),
    ("values", values),
];

fn id(receiver: Value) -> Result<Id> {
    match receiver {
        Value::Dict(id) => Ok(id),
        _ => fail!("not a dict"),
    }
}

fn clear(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("clear")?;
    cx.heap.dict_clear(id(receiver)?).map_err(|error| error.prefixed("clear"))?;
    Ok(Value::None)
}

fn get(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [key, default] = args.plain::<2>("get", 1)?;
    let found = cx.heap.dict_get(id(receiver)?, key.unwrap_or(Value::None)).map_err(|error| error.prefixed("get"))?;
    Ok(found.or(default).unwrap_or(Value::None))
}

fn items(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("items")?;
    let entries: Vec<_> = cx.heap.entries(receiver).collect();
    cx.heap.reserve(entries.len() * 64)?;
    let tuples = entries.into_iter().map(|(key, value)| cx.heap.tuple(&[key, value])).collect();
    Ok(cx.heap.list(tuples))
}

fn keys(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("keys")?;
    let keys = cx.heap.entries(receiver).map(|(key, _)| key).collect();
    Ok(cx.heap.list(keys))
}

fn values(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("values")?;
    let values = cx.heap.entries(receiver).map(|(_, value)| value).collect();
    Ok(cx.heap.list(values))
}

fn pop(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [key, default] = args.plain::<2>("pop", 1)?;
    let removed = cx.heap.dict_remove(id(receiver)?, key.unwrap_or(Value::None));
    match removed.map_err(|error| error.prefixed("pop"))?.or(default) {
        Some(value) => Ok(value),
        None => fail!("pop: missing key"),
    }
}

fn popitem(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("popitem")?;
    match cx.heap.dict_remove_first(id(receiver)?).map_err(|error| error.prefixed("popitem"))? {
        Some((key, value)) => Ok(cx.heap.tuple(&[key, value])),
        None => fail!("popitem: empty dict"),
    }
}

fn setdefault(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [key, default] = args.plain::<2>("setdefault", 1)?;
    let (id, key) = (id(receiver)?, key.unwrap_or(Value::None));
    if let Some(found) = cx.heap.dict_get(id, key).map_err(|error| error.prefixed("setdefault"))? {
        return Ok(found);
    }
    let default = default.unwrap_or(Value::None);
    cx.heap.dict_insert(id, key, default).map_err(|error| error.prefixed("setdefault"))?;
    Ok(default)
}

fn update(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    if args.positional().len() > 1 {
        fail!("update: got {} arguments, want at most 1", args.positional().len());
    }
    let id = id(receiver)?;
    let pairs = cx.pairs(args, "update")?;
    for (key, value) in pairs {
        cx.heap.dict_insert(id, key, value).map_err(|error| error.prefixed("update"))?;
    }
    Ok(Value::None)
}

impl Cx<'_> {
    /// The entries that the arguments of `dict()` and `update()` describe: one mapping or sequence of pairs, and
    /// named arguments.
    pub(crate) fn pairs(&mut self, args: Args<'_>, function: &str) -> Result<Vec<(Value, Value)>> {
        let mut pairs = Vec::new();
        if let Some(&from) = args.positional().first() {
            if let Value::Dict(_) = from {
                pairs.extend(self.heap.entries(from));
            } else {
                let Some(items) = self.iterable(from)? else {
                    fail!("{function}: got {}, want iterable", self.type_name(from));
                };
                for (at, item) in items.into_iter().enumerate() {
                    if let Value::Str(_) = item {
                        // A mapping of the host gives its keys.
                        if let Value::Host(object) = from
                            && let Some(value) = self.host.index(self.heap, object, item)?
                        {
                            pairs.push((item, value));
                            continue;
                        }
                    }
                    let Some(pair) = self.iterable(item)? else {
                        fail!(
                            "{function}: dictionary update sequence element #{at} is not iterable ({})",
                            self.type_name(item)
                        );
                    };
                    let [key, value] = pair[..] else {
                        fail!("{function}: dictionary update sequence element #{at} has length {}, want 2", pair.len());
                    };
                    pairs.push((key, value));
                }
            }
        }
        pairs.extend(args.named());
        Ok(pairs)
    }
}
