//! The builtin functions that call functions of the script.

use super::{Args, CallingFunction};
use crate::error::{Result, fail};
use crate::run::Vm;
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[(&str, CallingFunction)] =
    &[("catch", catch), ("max", max), ("min", min), ("sorted", sorted)];

/// Calls its argument and gives the error's text, or `None`. Not of the language itself, but of Telegraf's dialect.
fn catch(vm: &mut Vm<'_>, args: &[Value], named: &[Value]) -> Result<Value> {
    let function = Args::new(args, named).single("catch")?;
    match vm.call(function, &[], &[]) {
        Ok(_) => Ok(Value::None),
        Err(error) if error.is_limit() => Err(error),
        Err(error) => Ok(vm.machine.heap.string(error.message())),
    }
}

fn max(vm: &mut Vm<'_>, args: &[Value], named: &[Value]) -> Result<Value> {
    extreme(vm, args, named, "max", Ordering::Greater)
}

fn min(vm: &mut Vm<'_>, args: &[Value], named: &[Value]) -> Result<Value> {
    extreme(vm, args, named, "min", Ordering::Less)
}

fn extreme(vm: &mut Vm<'_>, args: &[Value], named: &[Value], function: &str, wanted: Ordering) -> Result<Value> {
    let mut key = None;
    for pair in named.chunks_exact(2) {
        match vm.machine.heap.str(pair[0]) {
            Some("key") => key = Some(pair[1]).filter(|key| !matches!(key, Value::None)),
            name => fail!("{function}: unexpected keyword argument {:?}", name.unwrap_or("?")),
        }
    }
    let items = match args {
        [] => fail!("{function} requires at least one positional argument"),
        &[single] => match vm.cx().iterable(single)? {
            Some(items) => items,
            None => fail!("{function}: {} value is not iterable", vm.cx().type_name(single)),
        },
        several => several.to_vec(),
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        let rank = key_of(vm, key, item)?;
        let better = match best {
            Some((_, best)) => {
                let operator = if wanted == Ordering::Greater { ">" } else { "<" };
                let order = vm.machine.heap.compare(rank, best, operator);
                order.map_err(|error| error.prefixed(function))? == wanted
            }
            None => true,
        };
        if better {
            best = Some((item, rank));
        }
    }
    match best {
        Some((item, _)) => Ok(item),
        None => fail!("{function}: argument is an empty sequence"),
    }
}

fn sorted(vm: &mut Vm<'_>, args: &[Value], named: &[Value]) -> Result<Value> {
    let [values, key, reverse] =
        Args::new(args, named).unpack(&vm.machine.heap, "sorted", ["iterable", "key", "reverse"], 1)?;
    let key = key.filter(|key| !matches!(key, Value::None));
    let reverse = reverse.is_some_and(|reverse| vm.cx().truth(reverse));
    let items = vm.cx().iterate(values.unwrap_or(Value::None), "sorted: for parameter iterable")?;
    let mut ranked = Vec::with_capacity(items.len());
    for item in items {
        ranked.push((key_of(vm, key, item)?, item));
    }
    vm.machine.heap.charge(ranked.len() * 4);
    let heap = &vm.machine.heap;
    let wanted = if reverse { Ordering::Greater } else { Ordering::Less };
    let ranked = merge_sort(ranked, &mut |a, b| Ok(heap.compare(a.0, b.0, "<")? == wanted))?;
    let sorted = ranked.into_iter().map(|(_, item)| item).collect();
    Ok(vm.machine.heap.list(sorted))
}

/// A stable sort that ends at the first comparison that fails, which those of the standard library cannot.
fn merge_sort<T: Copy>(mut items: Vec<T>, before: &mut dyn FnMut(T, T) -> Result<bool>) -> Result<Vec<T>> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some((&a, rest_a)), Some((&b, rest_b))) = (left.split_first(), right.split_first()) {
                if before(b, a)? {
                    merged.push(b);
                    right = rest_b;
                } else {
                    merged.push(a);
                    left = rest_a;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

fn key_of(vm: &mut Vm<'_>, key: Option<Value>, item: Value) -> Result<Value> {
    match key {
        Some(key) => vm.call(key, &[item], &[]),
        None => Ok(item),
    }
}
