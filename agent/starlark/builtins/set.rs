//! Methods of sets.

use super::{Args, Cx};
use crate::error::{Result, fail};
use crate::heap::Method;
use crate::value::{Id, Value};

pub(super) const METHODS: &[(&str, Method)] = &[
    ("add", add),
    ("clear", clear),
    ("difference", difference),
    ("discard", discard),
    ("intersection", intersection),
    ("issubset", issubset),
    ("issuperset", issuperset),
    ("pop", pop),
    ("remove", remove),
    ("symmetric_difference", symmetric_difference),
    ("union", union),
    ("update", update),
];

fn id(receiver: Value) -> Result<Id> {
    match receiver {
        Value::Set(id) => Ok(id),
        _ => fail!("not a set"),
    }
}

fn add(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let item = args.single("add")?;
    let id = id(receiver)?;
    // Adding what is there already is no change, even of a frozen set.
    if !cx.heap.set_contains(id, item).map_err(|error| error.prefixed("add"))? {
        cx.heap.set_insert(id, item).map_err(|error| error.prefixed("add"))?;
    }
    Ok(Value::None)
}

fn clear(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("clear")?;
    cx.heap.set_clear(id(receiver)?).map_err(|error| error.prefixed("clear"))?;
    Ok(Value::None)
}

fn discard(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let item = args.single("discard")?;
    cx.heap.set_remove(id(receiver)?, item).map_err(|error| error.prefixed("discard"))?;
    Ok(Value::None)
}

fn remove(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let item = args.single("remove")?;
    if !cx.heap.set_remove(id(receiver)?, item).map_err(|error| error.prefixed("remove"))? {
        fail!("remove: missing key");
    }
    Ok(Value::None)
}

fn pop(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    args.none("pop")?;
    match cx.heap.set_remove_first(id(receiver)?).map_err(|error| error.prefixed("pop"))? {
        Some(item) => Ok(item),
        None => fail!("pop: empty set"),
    }
}

fn update(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let id = id(receiver)?;
    for &other in args.positional() {
        for item in cx.iterate(other, "update")? {
            cx.heap.set_insert(id, item).map_err(|error| error.prefixed("update"))?;
        }
    }
    Ok(Value::None)
}

fn union(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let mut items = cx.heap.set_items(id(receiver)?);
    for &other in args.positional() {
        items.extend(cx.iterate(other, "union")?);
    }
    cx.new_set(&items)
}

fn intersection(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    keep(cx, receiver, args, "intersection", true)
}

fn difference(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    keep(cx, receiver, args, "difference", false)
}

fn symmetric_difference(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let other = other_set(cx, args, "symmetric_difference")?;
    let mine = id(receiver)?;
    let mut items = Vec::new();
    for (from, against) in [(mine, other), (other, mine)] {
        for item in cx.heap.set_items(from) {
            if !cx.heap.set_contains(against, item)? {
                items.push(item);
            }
        }
    }
    cx.new_set(&items)
}

fn issubset(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let other = other_set(cx, args, "issubset")?;
    Ok(Value::Bool(cx.heap.subset(id(receiver)?, other)))
}

fn issuperset(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let other = other_set(cx, args, "issuperset")?;
    Ok(Value::Bool(cx.heap.subset(other, id(receiver)?)))
}

/// The items that are (or are not) in every other iterable.
fn keep(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>, function: &str, shared: bool) -> Result<Value> {
    let mut items = cx.heap.set_items(id(receiver)?);
    for &other in args.positional() {
        let other = cx.iterate(other, function)?;
        let Value::Set(other) = cx.new_set(&other)? else { continue };
        let mut kept = Vec::new();
        for item in items {
            if cx.heap.set_contains(other, item)? == shared {
                kept.push(item);
            }
        }
        items = kept;
    }
    cx.new_set(&items)
}

fn other_set(cx: &mut Cx<'_>, args: Args<'_>, function: &str) -> Result<Id> {
    let other = args.single(function)?;
    let items = cx.iterate(other, function)?;
    id(cx.new_set(&items)?)
}

impl Cx<'_> {
    pub(crate) fn new_set(&mut self, items: &[Value]) -> Result<Value> {
        let set = self.heap.set();
        for &item in items {
            self.heap.set_insert(set, item)?;
        }
        Ok(Value::Set(set))
    }
}
