//! Running loops. Lists and dictionaries are walked in place, as nothing may change them meanwhile.

use super::Vm;
use crate::error::{Result, fail};
use crate::heap::{Heap, Other};
use crate::value::Value;

#[derive(Debug)]
pub(super) struct Iter {
    /// What the loop runs over, and which is marked for it.
    pub(super) source: Value,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Items of a list or tuple from a place on.
    Items(usize),
    /// Keys of a dictionary or set from a place on.
    Keys(usize),
    Range {
        next: i64,
        left: i64,
        step: i64,
    },
    Values {
        values: Vec<Value>,
        next: usize,
    },
}

impl Iter {
    /// Values that only the loop holds.
    pub(super) fn values(&mut self) -> &mut [Value] {
        match &mut self.kind {
            Kind::Values { values, .. } => values,
            _ => &mut [],
        }
    }
}

impl Vm<'_> {
    pub(super) fn start_loop(&mut self, source: Value) -> Result<()> {
        let kind = match source {
            Value::List(_) | Value::Tuple(_) => Kind::Items(0),
            Value::Dict(_) | Value::Set(_) => Kind::Keys(0),
            Value::Other(id) if let &Other::Range { start, stop, step } = self.machine.heap.other_ref(id) => {
                Kind::Range { next: start, left: Heap::range_len(start, stop, step), step }
            }
            _ => {
                let mut cx = self.cx();
                match cx.iterable(source)? {
                    Some(values) => Kind::Values { values, next: 0 },
                    None => fail!("{} value is not iterable", cx.type_name(source)),
                }
            }
        };
        self.machine.heap.iterate(source, true);
        self.machine.iters.push(Iter { source, kind });
        Ok(())
    }

    /// The next item of the innermost loop.
    pub(super) fn next_item(&mut self) -> Option<Value> {
        let machine = &mut *self.machine;
        let iter = machine.iters.last_mut()?;
        match &mut iter.kind {
            Kind::Items(at) => {
                let item = machine.heap.items(iter.source)?.get(*at).copied();
                *at += 1;
                item
            }
            Kind::Keys(at) => {
                let table = match iter.source {
                    Value::Dict(id) => machine.heap.dict_ref(id),
                    Value::Set(id) => machine.heap.set_ref(id),
                    _ => return None,
                };
                let (place, entry) = table.next(*at)?;
                *at = place + 1;
                Some(entry.key)
            }
            Kind::Range { next, left, step } => {
                if *left == 0 {
                    return None;
                }
                let item = Value::Int(*next);
                *left -= 1;
                *next = next.wrapping_add(*step);
                Some(item)
            }
            Kind::Values { values, next } => {
                let item = values.get(*next).copied();
                *next += 1;
                item
            }
        }
    }

    /// Ends all loops but the first `keep`.
    pub(super) fn end_loops(&mut self, keep: usize) {
        while self.machine.iters.len() > keep {
            if let Some(iter) = self.machine.iters.pop() {
                self.machine.heap.iterate(iter.source, false);
            }
        }
    }
}
