//! Methods of lists.

use super::{Args, Cx};
use crate::error::{Result, fail};
use crate::heap::{BYTES_PER_STEP, Method};
use crate::value::{Id, Value};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("append", append),
    ("clear", clear),
    ("extend", extend),
    ("index", index),
    ("insert", insert),
    ("pop", pop),
    ("remove", remove),
];

fn id(receiver: Value) -> Result<Id> {
    match receiver {
        Value::List(id) => Ok(id),
        _ => fail!("not a list"),
    }
}

fn append(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let value = args.single("append")?;
    cx.heap.list_push(id(receiver)?, value).map_err(|error| error.prefixed("append"))?;
    Ok(Value::None)
}

fn clear(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("clear")?;
    cx.heap.list_mut(id(receiver)?, "clear").map_err(|error| error.prefixed("clear"))?.items.clear();
    Ok(Value::None)
}

fn extend(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let value = args.single("extend")?;
    let items = cx.iterate(value, "extend: for parameter iterable")?;
    cx.heap.list_extend(id(receiver)?, &items).map_err(|error| error.prefixed("extend"))?;
    Ok(Value::None)
}

fn index(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [value, from, to] = args.plain::<3>("index", 1)?;
    let value = value.unwrap_or(Value::None);
    let items = cx.heap.items(receiver).unwrap_or_default();
    let (from, to) = cx.bounds(from, to, items.len(), "index")?;
    cx.heap.charge(to - from);
    for (at, &item) in items.iter().enumerate().take(to).skip(from) {
        if cx.heap.equal(item, value)? {
            return Ok(Value::Int(at as i64));
        }
    }
    fail!("index: value not in list")
}

fn insert(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [at, value] = args.plain::<2>("insert", 2)?;
    let at = cx.small_int(at.unwrap_or(Value::None), "insert", "1")?;
    let id = id(receiver)?;
    let len = cx.heap.list_ref(id).items.len() as i64;
    let at = if at < 0 { at.saturating_add(len) } else { at }.clamp(0, len);
    let value = value.unwrap_or(Value::None);
    cx.heap.list_insert(id, at as usize, value).map_err(|error| error.prefixed("insert"))?;
    cx.heap.charge(len as usize / BYTES_PER_STEP);
    Ok(Value::None)
}

fn pop(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [at] = args.plain::<1>("pop", 0)?;
    let id = id(receiver)?;
    let len = cx.heap.list_ref(id).items.len() as i64;
    let index = at.map_or(Ok(-1), |at| cx.small_int(at, "pop", "1"))?;
    let place = if index < 0 { index.saturating_add(len) } else { index };
    if !(0..len).contains(&place) {
        if len == 0 {
            fail!("pop: index {index} out of range: empty list");
        }
        fail!("pop: list index {index} out of range [-{len}:{}]", len - 1);
    }
    let list = cx.heap.list_mut(id, "pop from").map_err(|error| error.prefixed("pop"))?;
    Ok(list.items.remove(place as usize))
}

fn remove(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let value = args.single("remove")?;
    let id = id(receiver)?;
    cx.heap.list_mut(id, "remove from").map_err(|error| error.prefixed("remove"))?;
    cx.heap.charge(cx.heap.list_ref(id).items.len());
    let mut place = None;
    for (at, &item) in cx.heap.list_ref(id).items.iter().enumerate() {
        if cx.heap.equal(item, value)? {
            place = Some(at);
            break;
        }
    }
    match place {
        Some(place) => {
            cx.heap.list_mut(id, "remove from")?.items.remove(place);
            Ok(Value::None)
        }
        None => fail!("remove: element not found"),
    }
}
