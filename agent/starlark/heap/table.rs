//! The hash table behind dictionaries and sets: entries in the order of insertion, and an index over them.
//!
//! Small tables, which are nearly all, have no index and are searched by their hashes. A table does not know how to
//! compare keys, since their text is in the heap; the heap passes that in.

use crate::value::Value;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: u64,
    /// `Unset` where an entry was removed.
    pub(crate) key: Value,
    pub(crate) value: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// Places in `entries` plus one, 0 for free; a power of two in length, or empty for a small table.
    index: Vec<u32>,
    live: usize,
    /// All entries before this one are removed ones.
    first: usize,
    pub(crate) iterating: u32,
    pub(crate) frozen: bool,
}

const SMALL: usize = 8;

impl Table {
    pub(crate) fn with_capacity(capacity: usize) -> Table {
        Table { entries: Vec::with_capacity(capacity), ..Table::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn find(&self, hash: u64, equal: impl Fn(Value) -> bool) -> Option<usize> {
        let matches = |entry: &Entry| entry.hash == hash && !entry.key.is_unset() && equal(entry.key);
        if self.index.is_empty() {
            return self.entries.iter().position(matches);
        }
        let mask = self.index.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let place = self.index[slot] as usize;
            if place == 0 {
                return None;
            }
            if matches(&self.entries[place - 1]) {
                return Some(place - 1);
            }
            slot = (slot + 1) & mask;
        }
    }

    pub(crate) fn value(&self, place: usize) -> Value {
        self.entries[place].value
    }

    pub(crate) fn replace(&mut self, place: usize, value: Value) {
        self.entries[place].value = value;
    }

    /// Adds an entry whose key the caller knows to be absent.
    pub(crate) fn push(&mut self, hash: u64, key: Value, value: Value) {
        if self.entries.len() == self.entries.capacity() && self.live < self.entries.len() - self.entries.len() / 4 {
            self.squeeze();
        }
        self.entries.push(Entry { hash, key, value });
        self.live += 1;
        if self.entries.len() * 4 > self.index.len() * 3 && self.entries.len() > SMALL {
            self.reindex();
        } else if !self.index.is_empty() {
            self.link(self.entries.len() - 1);
        }
    }

    pub(crate) fn remove(&mut self, place: usize) -> Entry {
        let gone = Entry { hash: self.entries[place].hash, key: Value::Unset, value: Value::Unset };
        let entry = std::mem::replace(&mut self.entries[place], gone);
        self.live -= 1;
        if self.live == 0 {
            self.clear();
        }
        while self.entries.get(self.first).is_some_and(|entry| entry.key.is_unset()) {
            self.first += 1;
        }
        entry
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.live = 0;
        self.first = 0;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries[self.first..].iter().filter(|entry| !entry.key.is_unset())
    }

    /// Place of the first entry at or after `place`.
    pub(crate) fn next(&self, place: usize) -> Option<(usize, Entry)> {
        let from = place.max(self.first);
        let rest = self.entries.get(from..)?;
        rest.iter().position(|entry| !entry.key.is_unset()).map(|at| (from + at, rest[at]))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&mut Value, &mut Value)> {
        self.entries.iter_mut().map(|entry| (&mut entry.key, &mut entry.value))
    }

    /// Bytes taken, roughly.
    pub(crate) fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.capacity() * 4
    }

    fn squeeze(&mut self) {
        self.entries.retain(|entry| !entry.key.is_unset());
        self.first = 0;
        if !self.index.is_empty() {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        let size = (self.entries.len() * 2).next_power_of_two().max(4 * SMALL);
        self.index.clear();
        self.index.resize(size, 0);
        (0..self.entries.len()).for_each(|place| self.link(place));
    }

    fn link(&mut self, place: usize) {
        let mask = self.index.len() - 1;
        let mut slot = self.entries[place].hash as usize & mask;
        while self.index[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.index[slot] = place as u32 + 1;
    }
}
