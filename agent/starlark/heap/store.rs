//! Changing lists, dictionaries and sets: every change checks that it is allowed and notes what escapes a call.

use super::table::Table;
use super::{Heap, List};
use crate::error::{Result, fail};
use crate::value::{Id, Value};

/// Which of the two kinds of table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dict,
    Set,
}

impl Heap {
    /// Sets `dict[key]`; an error if the key cannot be one, or the dictionary is frozen or under iteration.
    pub fn insert(&mut self, dict: Value, key: Value, value: Value) -> Result<()> {
        match dict {
            Value::Dict(id) if id.index() < self.dicts.len() => self.dict_insert(id, key, value),
            _ => fail!("cannot insert into {}", self.type_of(dict).unwrap_or("object")),
        }
    }

    pub(crate) fn dict_insert(&mut self, id: Id, key: Value, value: Value) -> Result<()> {
        let hash = self.hash(key)?;
        self.check_table(id, Kind::Dict, "insert into")?;
        self.store_check(id.index() < self.young.dicts, value);
        let place = self.find(&self.dicts[id.index()], hash, key);
        if let Some(place) = place {
            self.dicts[id.index()].replace(place, value);
            return Ok(());
        }
        self.store_check(id.index() < self.young.dicts, key);
        let table = &mut self.dicts[id.index()];
        let before = table.size();
        table.push(hash, key, value);
        let grown = table.size() - before.min(table.size());
        self.grew(id.index() < self.young.dicts, grown)
    }

    pub(crate) fn dict_get(&self, id: Id, key: Value) -> Result<Option<Value>> {
        let hash = self.hash(key)?;
        let table = &self.dicts[id.index()];
        Ok(self.find(table, hash, key).map(|place| table.value(place)))
    }

    pub(crate) fn dict_remove(&mut self, id: Id, key: Value) -> Result<Option<Value>> {
        let hash = self.hash(key)?;
        self.check_table(id, Kind::Dict, "delete from")?;
        let place = self.find(&self.dicts[id.index()], hash, key);
        Ok(place.map(|place| self.dicts[id.index()].remove(place).value))
    }

    /// Removes and returns the first entry.
    pub(crate) fn dict_remove_first(&mut self, id: Id) -> Result<Option<(Value, Value)>> {
        self.check_table(id, Kind::Dict, "delete from")?;
        let table = &mut self.dicts[id.index()];
        let Some((place, entry)) = table.next(0) else { return Ok(None) };
        table.remove(place);
        Ok(Some((entry.key, entry.value)))
    }

    pub(crate) fn dict_clear(&mut self, id: Id) -> Result<()> {
        self.check_table(id, Kind::Dict, "clear")?;
        self.dicts[id.index()].clear();
        Ok(())
    }

    /// Adds to a set; false if it was there already.
    pub(crate) fn set_insert(&mut self, id: Id, key: Value) -> Result<bool> {
        let hash = self.hash(key)?;
        self.check_table(id, Kind::Set, "insert into")?;
        if self.find(&self.sets[id.index()], hash, key).is_some() {
            return Ok(false);
        }
        self.store_check(id.index() < self.young.sets, key);
        let table = &mut self.sets[id.index()];
        let before = table.size();
        table.push(hash, key, Value::None);
        let grown = table.size() - before.min(table.size());
        self.grew(id.index() < self.young.sets, grown)?;
        Ok(true)
    }

    pub(crate) fn set_contains(&self, id: Id, key: Value) -> Result<bool> {
        let hash = self.hash(key)?;
        Ok(self.find(&self.sets[id.index()], hash, key).is_some())
    }

    pub(crate) fn set_remove(&mut self, id: Id, key: Value) -> Result<bool> {
        let hash = self.hash(key)?;
        self.check_table(id, Kind::Set, "delete from")?;
        let place = self.find(&self.sets[id.index()], hash, key);
        Ok(place.map(|place| self.sets[id.index()].remove(place)).is_some())
    }

    pub(crate) fn set_remove_first(&mut self, id: Id) -> Result<Option<Value>> {
        self.check_table(id, Kind::Set, "delete from")?;
        let table = &mut self.sets[id.index()];
        Ok(table.next(0).map(|(place, _)| table.remove(place).key))
    }

    pub(crate) fn set_clear(&mut self, id: Id) -> Result<()> {
        self.check_table(id, Kind::Set, "clear")?;
        self.sets[id.index()].clear();
        Ok(())
    }

    /// The list for a change that `verb` names, such as `append to`.
    pub(crate) fn list_mut(&mut self, id: Id, verb: &str) -> Result<&mut List> {
        let list = &mut self.lists[id.index()];
        if list.frozen {
            fail!("cannot {verb} frozen list");
        }
        if list.iterating > 0 {
            fail!("cannot {verb} list during iteration");
        }
        Ok(list)
    }

    pub(crate) fn list_push(&mut self, id: Id, value: Value) -> Result<()> {
        self.store_check(id.index() < self.young.lists, value);
        let list = self.list_mut(id, "append to")?;
        let before = list.items.capacity();
        list.items.push(value);
        let grown = list.items.capacity() - before;
        self.grew(id.index() < self.young.lists, grown * size_of::<Value>())
    }

    pub(crate) fn list_insert(&mut self, id: Id, at: usize, value: Value) -> Result<()> {
        self.list_mut(id, "insert into")?;
        self.list_push(id, value)?;
        self.lists[id.index()].items[at..].rotate_right(1);
        Ok(())
    }

    pub(crate) fn list_set(&mut self, id: Id, at: usize, value: Value) -> Result<()> {
        self.store_check(id.index() < self.young.lists, value);
        self.list_mut(id, "assign to element of")?.items[at] = value;
        Ok(())
    }

    pub(crate) fn list_extend(&mut self, id: Id, values: &[Value]) -> Result<()> {
        self.list_mut(id, "extend")?;
        self.reserve(size_of_val(values))?;
        values.iter().try_for_each(|&value| self.list_push(id, value))
    }

    pub(crate) fn cell_set(&mut self, id: Id, value: Value) {
        self.store_check(id.index() < self.young.cells, value);
        self.cells[id.index()] = value;
    }

    /// Marks a container as being looped over, or, with `false`, as no longer so.
    pub(crate) fn iterate(&mut self, value: Value, start: bool) {
        let count = match value {
            Value::List(id) => &mut self.lists[id.index()].iterating,
            Value::Dict(id) => &mut self.dicts[id.index()].iterating,
            Value::Set(id) => &mut self.sets[id.index()].iterating,
            Value::Host(object) => {
                if start {
                    self.iterated.push(object);
                } else if let Some(at) = self.iterated.iter().rposition(|&other| other == object) {
                    self.iterated.remove(at);
                }
                return;
            }
            _ => return,
        };
        *count = if start { *count + 1 } else { count.saturating_sub(1) };
    }

    /// Freezes what is reachable from `roots`, except the dictionary `spared` and what only that holds.
    pub(crate) fn freeze(&mut self, roots: &[Value], spared: Value) {
        let mut pending = roots.to_vec();
        let same = |a: Value, b: Value| matches!((a, b), (Value::Dict(a), Value::Dict(b)) if a == b);
        let mut seen = std::collections::HashSet::new();
        while let Some(value) = pending.pop() {
            if same(value, spared) {
                continue;
            }
            match value {
                Value::List(id) if !std::mem::replace(&mut self.lists[id.index()].frozen, true) => {
                    pending.extend_from_slice(&self.lists[id.index()].items);
                }
                Value::Dict(id) if !std::mem::replace(&mut self.dicts[id.index()].frozen, true) => {
                    pending.extend(self.dicts[id.index()].iter().flat_map(|entry| [entry.key, entry.value]));
                }
                Value::Set(id) => self.sets[id.index()].frozen = true,
                Value::Tuple(id) if seen.insert((0, id)) => pending.extend_from_slice(self.tuple_items(id)),
                Value::Function(id) if seen.insert((1, id)) => {
                    let function = &self.functions[id.index()];
                    pending.extend(function.defaults.iter().chain(&function.captured));
                }
                Value::Cell(id) if seen.insert((2, id)) => pending.push(self.cells[id.index()]),
                Value::Other(id) if seen.insert((3, id)) => {
                    if let super::Other::Method { receiver, .. } = self.others[id.index()] {
                        pending.push(receiver);
                    }
                }
                _ => {}
            }
        }
    }

    fn find(&self, table: &Table, hash: u64, key: Value) -> Option<usize> {
        table.find(hash, |other| self.same_key(other, key))
    }

    fn check_table(&self, id: Id, kind: Kind, verb: &str) -> Result<()> {
        let table = match kind {
            Kind::Dict => &self.dicts[id.index()],
            Kind::Set => &self.sets[id.index()],
        };
        if table.frozen {
            fail!("cannot {verb} frozen hash table");
        }
        if table.iterating > 0 {
            fail!("cannot {verb} hash table during iteration");
        }
        Ok(())
    }

    /// Notes that `value` goes into an old or a young container.
    fn store_check(&mut self, old: bool, value: Value) {
        if old && self.is_young(value) {
            self.escaped = true;
        }
    }

    fn grew(&mut self, old: bool, bytes: usize) -> Result<()> {
        if bytes > 0 {
            if old {
                self.old_bytes += bytes;
            } else {
                self.young_bytes += bytes;
            }
            self.check()?;
        }
        Ok(())
    }
}
