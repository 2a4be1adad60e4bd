//! Dropping what is no longer wanted: cutting the arenas back after a call, and the compacting collection.
//!
//! The collection marks from the roots, then moves what was found together and rewrites every place in every value.
//! Data below `permanent` stays where it is, so the constants in compiled code never need rewriting.

use super::{COLLECT_FIRST, Heap, Id, Marks, Other, Span, Text};
use crate::value::{Object, Value};
use std::collections::HashSet;

impl Heap {
    /// Everything there is now is kept for ever.
    pub(crate) fn make_permanent(&mut self) {
        self.permanent = self.ends();
        self.promote();
    }

    /// Drops or promotes what the last call made; true if a collection is due.
    pub(crate) fn finish_call(&mut self) -> bool {
        if self.escaped {
            self.promote();
            return self.old_bytes > self.collect_at;
        }
        if self.young_bytes == 0 {
            return false;
        }
        let young = self.young;
        self.text.truncate(young.text);
        self.strings.truncate(young.strings);
        self.fields.truncate(young.fields);
        self.tuples.truncate(young.tuples);
        self.lists.truncate(young.lists);
        self.dicts.truncate(young.dicts);
        self.sets.truncate(young.sets);
        self.functions.truncate(young.functions);
        self.cells.truncate(young.cells);
        self.others.truncate(young.others);
        self.young_bytes = 0;
        false
    }

    /// Whether the running call alone has gathered enough for a collection to pay.
    pub(crate) fn is_swollen(&self) -> bool {
        self.young_bytes + self.old_bytes > self.collect_at.saturating_mul(2)
    }

    pub(crate) fn is_young(&self, value: Value) -> bool {
        match value {
            Value::Str(id) => id.index() >= self.young.strings,
            Value::List(id) => id.index() >= self.young.lists,
            Value::Tuple(id) => id.index() >= self.young.tuples,
            Value::Dict(id) => id.index() >= self.young.dicts,
            Value::Set(id) => id.index() >= self.young.sets,
            Value::Function(id) => id.index() >= self.young.functions,
            Value::Cell(id) => id.index() >= self.young.cells,
            Value::Other(id) => id.index() >= self.young.others,
            _ => false,
        }
    }

    fn promote(&mut self) {
        self.young = self.ends();
        self.old_bytes += std::mem::take(&mut self.young_bytes);
        self.escaped = false;
    }

    fn ends(&self) -> Marks {
        Marks {
            text: self.text.len(),
            strings: self.strings.len(),
            fields: self.fields.len(),
            tuples: self.tuples.len(),
            lists: self.lists.len(),
            dicts: self.dicts.len(),
            sets: self.sets.len(),
            functions: self.functions.len(),
            cells: self.cells.len(),
            others: self.others.len(),
        }
    }

    /// Marks from the roots and from all permanent data.
    fn trace<'a>(&self, roots: impl Iterator<Item = &'a Value>) -> Live {
        let mut live = Live::new(self);
        let mut pending: Vec<Value> = roots.copied().collect();
        let permanent = self.permanent;
        let ids = |count: usize| (0..count as u32).map(Id);
        pending.extend(ids(permanent.lists).map(Value::List));
        pending.extend(ids(permanent.dicts).map(Value::Dict));
        pending.extend(ids(permanent.sets).map(Value::Set));
        pending.extend(ids(permanent.tuples).map(Value::Tuple));
        pending.extend(ids(permanent.functions).map(Value::Function));
        pending.extend(ids(permanent.cells).map(Value::Cell));
        pending.extend(ids(permanent.others).map(Value::Other));
        while let Some(value) = pending.pop() {
            if !live.mark(value) {
                continue;
            }
            match value {
                Value::List(id) => pending.extend_from_slice(&self.lists[id.index()].items),
                Value::Tuple(id) => pending.extend_from_slice(self.tuple_items(id)),
                Value::Dict(id) => {
                    pending.extend(self.dicts[id.index()].iter().flat_map(|entry| [entry.key, entry.value]));
                }
                Value::Set(id) => pending.extend(self.sets[id.index()].iter().map(|entry| entry.key)),
                Value::Function(id) => {
                    let function = &self.functions[id.index()];
                    pending.extend(function.defaults.iter().chain(&function.captured));
                }
                Value::Cell(id) => pending.push(self.cells[id.index()]),
                Value::Other(id) => match &self.others[id.index()] {
                    Other::Method { receiver, .. } => pending.push(*receiver),
                    Other::Pieces { of, .. } => pending.push(*of),
                    Other::Module { members, .. } => pending.extend(members.iter().map(|(_, member)| member)),
                    _ => {}
                },
                _ => {}
            }
        }
        live
    }

    /// The objects of the host that are still reachable from `roots`, sorted.
    pub(crate) fn reachable_objects<'a>(&self, roots: impl Iterator<Item = &'a Value>) -> Vec<Object> {
        let mut objects: Vec<Object> = self.trace(roots).objects.into_iter().collect();
        objects.sort_unstable();
        objects
    }

    /// Drops what cannot be reached and moves the rest together; `roots` are rewritten.
    pub(crate) fn collect(&mut self, roots: &mut [&mut [Value]]) {
        let live = self.trace(roots.iter().flat_map(|root| root.iter()));
        let moves = Moves {
            strings: plan(self.permanent.strings, &live.strings),
            lists: plan(self.permanent.lists, &live.lists),
            tuples: plan(self.permanent.tuples, &live.tuples),
            dicts: plan(self.permanent.dicts, &live.dicts),
            sets: plan(self.permanent.sets, &live.sets),
            functions: plan(self.permanent.functions, &live.functions),
            cells: plan(self.permanent.cells, &live.cells),
            others: plan(self.permanent.others, &live.others),
        };
        self.compact_text(&live);
        self.compact_fields(&live);
        keep(&mut self.strings, self.permanent.strings, &live.strings);
        keep(&mut self.tuples, self.permanent.tuples, &live.tuples);
        keep(&mut self.lists, self.permanent.lists, &live.lists);
        keep(&mut self.dicts, self.permanent.dicts, &live.dicts);
        keep(&mut self.sets, self.permanent.sets, &live.sets);
        keep(&mut self.functions, self.permanent.functions, &live.functions);
        keep(&mut self.cells, self.permanent.cells, &live.cells);
        keep(&mut self.others, self.permanent.others, &live.others);
        for root in roots.iter_mut() {
            root.iter_mut().for_each(|value| moves.rewrite(value));
        }
        self.rewrite(&moves);
        self.promote();
        self.old_bytes = self.measure();
        self.collect_at = (self.old_bytes * 2).max(COLLECT_FIRST);
    }

    /// Moves the text of live strings together; strings that shared text go on doing so.
    fn compact_text(&mut self, live: &Live) {
        let first = self.permanent.strings;
        let mut order: Vec<usize> = (first..self.strings.len()).filter(|&at| live.strings[at]).collect();
        order.sort_unstable_by_key(|&at| self.strings[at].start);
        let mut end = self.permanent.text;
        // Text before `taken` was moved already, and lies `taken - end` bytes further back now.
        let mut taken = end;
        for at in order {
            let Text { start, len, .. } = self.strings[at];
            let (start, stop) = (start as usize, start as usize + len as usize);
            if start < self.permanent.text {
                continue;
            }
            if start >= taken {
                self.text.copy_within(start..stop, end);
                self.strings[at].start = end as u32;
                end += stop - start;
                taken = stop;
            } else {
                self.strings[at].start = (end - (taken - start)) as u32;
                if stop > taken {
                    self.text.copy_within(taken..stop, end);
                    end += stop - taken;
                    taken = stop;
                }
            }
        }
        self.text.truncate(end);
        self.text.shrink_to(end * 2);
    }

    fn compact_fields(&mut self, live: &Live) {
        let mut end = self.permanent.fields;
        for at in self.permanent.tuples..self.tuples.len() {
            if live.tuples[at] {
                let Span { start, len } = self.tuples[at];
                self.fields.copy_within(start as usize..start as usize + len as usize, end);
                self.tuples[at].start = end as u32;
                end += len as usize;
            }
        }
        self.fields.truncate(end);
        self.fields.shrink_to(end * 2);
    }

    fn rewrite(&mut self, moves: &Moves) {
        self.fields.iter_mut().for_each(|value| moves.rewrite(value));
        self.cells.iter_mut().for_each(|value| moves.rewrite(value));
        self.lists.iter_mut().flat_map(|list| &mut list.items).for_each(|value| moves.rewrite(value));
        for (key, value) in self.dicts.iter_mut().chain(&mut self.sets).flat_map(|table| table.values_mut()) {
            moves.rewrite(key);
            moves.rewrite(value);
        }
        for function in &mut self.functions {
            function.defaults.iter_mut().chain(&mut function.captured).for_each(|value| moves.rewrite(value));
        }
        for other in &mut self.others {
            match other {
                Other::Method { receiver, .. } => moves.rewrite(receiver),
                Other::Pieces { of, .. } => moves.rewrite(of),
                Other::Module { members, .. } => members.iter_mut().for_each(|(_, member)| moves.rewrite(member)),
                _ => {}
            }
        }
    }

    fn measure(&self) -> usize {
        let tables = self.dicts.iter().chain(&self.sets).map(|table| size_of_val(table) + table.size());
        let lists = self.lists.iter().map(|list| size_of_val(list) + list.items.capacity() * size_of::<Value>());
        let bytes = self.others.iter().map(|other| if let Other::Bytes(bytes) = other { bytes.len() } else { 64 });
        self.text.len()
            + self.strings.len() * size_of::<Text>()
            + self.fields.len() * size_of::<Value>()
            + self.tuples.len() * size_of::<Span>()
            + self.functions.len() * 64
            + self.cells.len() * size_of::<Value>()
            + tables.chain(lists).chain(bytes).sum::<usize>()
    }
}

/// Which things were reached.
struct Live {
    strings: Vec<bool>,
    tuples: Vec<bool>,
    lists: Vec<bool>,
    dicts: Vec<bool>,
    sets: Vec<bool>,
    functions: Vec<bool>,
    cells: Vec<bool>,
    others: Vec<bool>,
    objects: HashSet<Object>,
}

impl Live {
    fn new(heap: &Heap) -> Live {
        Live {
            strings: vec![false; heap.strings.len()],
            tuples: vec![false; heap.tuples.len()],
            lists: vec![false; heap.lists.len()],
            dicts: vec![false; heap.dicts.len()],
            sets: vec![false; heap.sets.len()],
            functions: vec![false; heap.functions.len()],
            cells: vec![false; heap.cells.len()],
            others: vec![false; heap.others.len()],
            objects: HashSet::new(),
        }
    }

    /// True if the value is a thing seen for the first time.
    fn mark(&mut self, value: Value) -> bool {
        let (seen, id) = match value {
            Value::Str(id) => (&mut self.strings, id),
            Value::Tuple(id) => (&mut self.tuples, id),
            Value::List(id) => (&mut self.lists, id),
            Value::Dict(id) => (&mut self.dicts, id),
            Value::Set(id) => (&mut self.sets, id),
            Value::Function(id) => (&mut self.functions, id),
            Value::Cell(id) => (&mut self.cells, id),
            Value::Other(id) => (&mut self.others, id),
            Value::Host(object) => {
                self.objects.insert(object);
                return false;
            }
            _ => return false,
        };
        // A value that the host kept too long may point beyond the end.
        seen.get_mut(id.index()).is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// New places by old place.
struct Moves {
    strings: Vec<u32>,
    lists: Vec<u32>,
    tuples: Vec<u32>,
    dicts: Vec<u32>,
    sets: Vec<u32>,
    functions: Vec<u32>,
    cells: Vec<u32>,
    others: Vec<u32>,
}

impl Moves {
    fn rewrite(&self, value: &mut Value) {
        let (moves, id) = match value {
            Value::Str(id) => (&self.strings, id),
            Value::List(id) => (&self.lists, id),
            Value::Tuple(id) => (&self.tuples, id),
            Value::Dict(id) => (&self.dicts, id),
            Value::Set(id) => (&self.sets, id),
            Value::Function(id) => (&self.functions, id),
            Value::Cell(id) => (&self.cells, id),
            Value::Other(id) => (&self.others, id),
            _ => return,
        };
        if let Some(&to) = moves.get(id.index()) {
            id.0 = to;
        }
    }
}

fn plan(permanent: usize, live: &[bool]) -> Vec<u32> {
    let mut next = permanent as u32;
    let mut place = |(at, &live): (usize, &bool)| match (at < permanent, live) {
        (true, _) => at as u32,
        (false, false) => 0,
        (false, true) => {
            next += 1;
            next - 1
        }
    };
    live.iter().enumerate().map(&mut place).collect()
}

fn keep<T>(things: &mut Vec<T>, permanent: usize, live: &[bool]) {
    let mut at = 0;
    things.retain(|_| {
        at += 1;
        at <= permanent || live[at - 1]
    });
}
