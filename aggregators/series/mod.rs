//! A table of series with flat state for each field: what almost every aggregator keeps for a period.
//!
//! Everything about a series lies in one run of 64-bit words: its hash, its name and tags as bytes, and the states of its fields,
//! of which an aggregator says how many words each takes. So a million series cost no allocation each, finding one touches one
//! line of the index and one run, and a period's results are given out in the order in which the series came while the pages
//! behind are freed. Runs never move; a series that gets more fields than it had room for gets a longer run for their states.

mod keys;
mod pages;
mod row;
mod values;
mod writer;

#[cfg(test)]
mod tests;

use agent_api::MetricRef;
use hashbrown::HashTable;
use keys::Keys;
use pages::{PAGE, Pages};
pub use row::Row;
pub use values::{Kinds, Values};
pub use writer::Writer;

/// Words before the head: lengths of key and slots; place and room of the slots.
const HEADER: usize = 2;
/// From so many fields on a series is looked up in `wide`.
const WIDE: u32 = 32;

/// Series and the states of their fields.
pub struct Table {
    /// Words of state of a whole series.
    head: usize,
    /// Words of state of a field.
    width: usize,
    index: HashTable<Entry>,
    /// All series in the order in which they came.
    order: Vec<Entry>,
    words: Pages,
    keys: Keys,
    /// Of each place among the fields of a metric the key that was there last: likely to be there again.
    recent: Vec<u32>,
    /// Where the slots of series with many fields are.
    wide: HashTable<Wide>,
    /// The key at hand.
    key: Vec<u8>,
    /// Series that were not taken in as addresses were used up.
    refused: u64,
}

/// A series of a table, until the table is drained or swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series(u32);

/// A series in the index, with as much of its hash as finding its place needs, so that a growing index reads nothing else.
#[derive(Clone, Copy)]
struct Entry {
    series: Series,
    hash: u32,
}

impl Entry {
    /// The hash that the index uses: all bits of it depend on all that is kept.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A slot of a series with many fields.
struct Wide {
    series: Series,
    key: u32,
    slot: u32,
}

impl Wide {
    fn hash(series: Series, key: u32) -> u64 {
        ((u64::from(series.0) << 32) | u64::from(key)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }
}

/// A word as two halves.
fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

fn word(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Words of the slots of a run: the numbers of the keys, two a word, then the states.
fn slots_len(room: u32, width: usize) -> usize {
    room.div_ceil(2) as usize + room as usize * width
}

impl Table {
    /// A table whose series have `head` words of state of their own and `width` words for each field.
    pub fn new(head: usize, width: usize) -> Self {
        Table {
            head,
            width,
            index: HashTable::new(),
            order: Vec::new(),
            words: Pages::default(),
            keys: Keys::default(),
            recent: Vec::new(),
            wide: HashTable::new(),
            key: Vec::new(),
            refused: 0,
        }
    }

    /// The series of a metric, and whether it is new; a new one has all words 0 and room for the metric's fields. `apart` keeps
    /// metrics of one series apart that differ in it. None if the table is full: 2^32 words, over 30 GB.
    pub fn series(&mut self, metric: MetricRef<'_>, apart: Option<i64>) -> Option<(Series, bool)> {
        let mut hash = metric.series();
        self.key.clear();
        row::write_key(metric, &mut self.key);
        if let Some(apart) = apart {
            self.key.extend_from_slice(&apart.to_le_bytes());
            hash = (hash ^ apart as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        let hash = (hash ^ (hash >> 32)) as u32;
        let (words, head, key) = (&self.words, self.head, &self.key);
        let known = self.index.find(Entry::spread(hash), |entry| {
            entry.hash == hash && {
                let at = entry.series.0;
                let len = halves(words.run(at, HEADER)[0]).0 as usize;
                len == key.len().div_ceil(8) && row::same_key(words.run_after(at, HEADER + head, len), key)
            }
        });
        if let Some(known) = known {
            return Some((known.series, false));
        }
        let room = u32::try_from(metric.fields().len()).unwrap_or(u32::MAX);
        match self.insert(hash, room) {
            Some(series) => Some((series, true)),
            None => {
                self.refused += 1;
                None
            }
        }
    }

    /// Adds the series of `self.key`.
    fn insert(&mut self, hash: u32, room: u32) -> Option<Series> {
        let key_len = self.key.len().div_ceil(8);
        let fixed = HEADER + self.head + key_len;
        let slots_len = slots_len(room, self.width);
        let (at, slots) = if fixed + slots_len <= PAGE && slots_len > 0 {
            let at = self.words.alloc(fixed + slots_len)?;
            (at, at + fixed as u32)
        } else {
            (self.words.alloc(fixed)?, self.words.alloc(slots_len.max(1))?)
        };
        let run = self.words.run_mut(at, fixed);
        run[0] = word(u32::try_from(key_len).ok()?, 0);
        run[1] = word(slots, room);
        for (to, from) in run[HEADER + self.head..].iter_mut().zip(self.key.chunks(8)) {
            *to = row::key_word(from);
        }
        let series = Series(at);
        let entry = Entry { series, hash };
        self.order.push(entry);
        self.index.insert_unique(Entry::spread(hash), entry, |entry| Entry::spread(entry.hash));
        Some(series)
    }

    /// The state of a whole series.
    pub fn head(&mut self, series: Series) -> &mut [u64] {
        self.words.run_after_mut(series.0, HEADER, self.head)
    }

    /// The state of the field `key` of a series, and whether it is new; a new one has all words 0. `guess` is where it is
    /// likely to be, counted from 0 in the order in which the fields of the series came. None if the table is full.
    pub fn slot(&mut self, series: Series, guess: usize, key: &str) -> Option<(&mut [u64], bool)> {
        let (at, room, len) = self.slots(series);
        let guessed = guess < len as usize && self.keys.text(self.slot_key(at, guess as u32)) == key;
        let (slot, fresh) = if guessed { (guess as u32, false) } else { self.find_or_add(series, guess, key)? };
        let (at, room) = if fresh {
            let (at, room, _) = self.slots(series);
            (at, room)
        } else {
            (at, room)
        };
        let state = room.div_ceil(2) as usize + slot as usize * self.width;
        Some((self.words.run_after_mut(at, state, self.width), fresh))
    }

    /// The states of all fields of a series.
    pub fn each_slot(&mut self, series: Series, mut change: impl FnMut(&mut [u64])) {
        let (at, room, len) = self.slots(series);
        if self.width > 0 {
            let states = self.words.run_after_mut(at, room.div_ceil(2) as usize, len as usize * self.width);
            states.chunks_exact_mut(self.width).for_each(&mut change);
        }
    }

    /// Place, room and number of the slots of a series.
    fn slots(&self, series: Series) -> (u32, u32, u32) {
        let start = self.words.run(series.0, HEADER);
        let (at, room) = halves(start[1]);
        (at, room, halves(start[0]).1)
    }

    /// The number of the key of a slot.
    fn slot_key(&self, at: u32, slot: u32) -> u32 {
        let (low, high) = halves(self.words.run_after(at, slot as usize / 2, 1)[0]);
        if slot.is_multiple_of(2) { low } else { high }
    }

    /// The number of a key that is likely to be the one that was at this place last.
    fn number(&mut self, place: usize, key: &str) -> Option<u32> {
        match self.recent.get_mut(place) {
            Some(recent) if self.keys.text(*recent) == key => Some(*recent),
            Some(recent) => {
                *recent = self.keys.intern(key)?;
                Some(*recent)
            }
            None => {
                let number = self.keys.intern(key)?;
                if self.recent.len() == place {
                    self.recent.push(number);
                }
                Some(number)
            }
        }
    }

    fn find_or_add(&mut self, series: Series, place: usize, key: &str) -> Option<(u32, bool)> {
        let key = self.number(place, key)?;
        let (at, room, len) = self.slots(series);
        let found = if len < WIDE {
            (0..len).find(|&slot| self.slot_key(at, slot) == key)
        } else {
            self.wide.find(Wide::hash(series, key), |w| w.series == series && w.key == key).map(|w| w.slot)
        };
        if let Some(slot) = found {
            return Some((slot, false));
        }
        let at = if len == room { self.grow(series)? } else { at };
        let pair = &mut self.words.run_after_mut(at, len as usize / 2, 1)[0];
        *pair = if len.is_multiple_of(2) { word(key, 0) } else { word(*pair as u32, key) };
        let lengths = &mut self.words.run_mut(series.0, HEADER)[0];
        *lengths = word(*lengths as u32, len + 1);
        if len + 1 >= WIDE {
            let from = if len + 1 == WIDE { 0 } else { len };
            for slot in from..=len {
                let key = self.slot_key(at, slot);
                let hash = Wide::hash(series, key);
                self.wide.insert_unique(hash, Wide { series, key, slot }, |w| Wide::hash(w.series, w.key));
            }
        }
        Some((len, true))
    }

    /// Gives a series a longer run for its slots and tells where.
    fn grow(&mut self, series: Series) -> Option<u32> {
        let (old, room, len) = self.slots(series);
        let more = room.checked_mul(2)?.max(4);
        let new = self.words.alloc(slots_len(more, self.width))?;
        for i in 0..room.div_ceil(2) as usize {
            self.words.run_after_mut(new, i, 1)[0] = self.words.run_after(old, i, 1)[0];
        }
        let (from, to) = (room.div_ceil(2) as usize, more.div_ceil(2) as usize);
        for i in 0..len as usize * self.width {
            self.words.run_after_mut(new, to + i, 1)[0] = self.words.run_after(old, from + i, 1)[0];
        }
        self.words.run_mut(series.0, HEADER)[1] = word(new, more);
        Some(new)
    }

    /// Gives out every series in the order in which they came, and is empty then. Memory is freed on the way.
    pub fn drain(&mut self, mut each: impl FnMut(Row<'_>)) {
        self.index = HashTable::new();
        self.wide = HashTable::new();
        let mut key = std::mem::take(&mut self.key);
        for Entry { series, .. } in std::mem::take(&mut self.order) {
            each(Row::new(self, series, &mut key));
            self.words.free_before(series.0);
        }
        key.clear();
        self.key = key;
        self.words = Pages::default();
        self.keys = Keys::default();
        self.recent.clear();
    }

    /// Asks about every series in the order in which they came, and forgets those for which `keep` says no.
    pub fn sweep(&mut self, mut keep: impl FnMut(Row<'_>) -> bool) {
        let mut key = std::mem::take(&mut self.key);
        let all = std::mem::take(&mut self.order);
        let count = all.len();
        let kept: Vec<Entry> = all.into_iter().filter(|e| keep(Row::new(self, e.series, &mut key))).collect();
        self.key = key;
        if kept.len() == count {
            self.order = kept;
        } else {
            self.rebuild(kept);
        }
    }

    /// Copies the series that are left to a new table.
    fn rebuild(&mut self, kept: Vec<Entry>) {
        let mut new = Table::new(self.head, self.width);
        new.refused = self.refused;
        for Entry { series, hash } in kept {
            let (at, room, len) = self.slots(series);
            let key_len = halves(self.words.run(series.0, HEADER)[0]).0 as usize;
            new.key.clear();
            for word in self.words.run_after(series.0, HEADER + self.head, key_len) {
                new.key.extend_from_slice(&word.to_le_bytes());
            }
            // What was taken in before fits, as nothing of it grows.
            let Some(copy) = new.insert(hash, len) else { continue };
            let head = self.words.run_after(series.0, HEADER, self.head);
            new.words.run_after_mut(copy.0, HEADER, self.head).copy_from_slice(head);
            for slot in 0..len {
                let state = room.div_ceil(2) as usize + slot as usize * self.width;
                let state = self.words.run_after(at, state, self.width);
                if let Some((to, _)) = new.slot(copy, usize::MAX, self.keys.text(self.slot_key(at, slot))) {
                    to.copy_from_slice(state);
                }
            }
            self.words.free_before(series.0);
        }
        *self = new;
    }

    /// Memory of all series.
    pub fn bytes(&self) -> usize {
        let lists = self.order.capacity() * size_of::<Entry>() + self.key.capacity();
        self.words.bytes() + self.keys.bytes() + self.index.allocation_size() + self.wide.allocation_size() + lists
    }

    /// Reports the metrics that found no room since this was asked last.
    pub fn report(&mut self, out: &mut agent_api::Collector) {
        let refused = std::mem::take(&mut self.refused);
        if refused > 0 {
            out.error(agent_api::anyhow!("keep {refused} metrics of new series: the table of series is full"));
        }
    }
}
