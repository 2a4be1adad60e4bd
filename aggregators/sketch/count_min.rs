//! The keys with most weight, by Count-Min (Cormode and Muthukrishnan 2005) updated conservatively (Estan and Varghese 2002).
//!
//! A key has a cell in each row and never less than its weight in any; the least of them is told. Rows take their own bits of the hash:
//! by two hashes for all of them whole rows would collide once there are many keys. Beside the cells are the keys that had most when they
//! came last, by which the heavy ones are known.

use super::state::{Reading, Writing};
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};

/// Rows: what is told is more than the error too much for one key in 55 (e^-4).
const ROWS: usize = 4;

/// Cells, and the keys that may be heavy.
#[derive(Clone, Debug)]
pub(super) struct CountMin<K> {
    cells: Vec<u64>,
    /// Cells of a row, a power of two.
    width: usize,
    total: u64,
    candidates: HashTable<(K, u64)>,
    /// So many candidates are kept for sure.
    kept: usize,
    /// Keys with more than this are among them.
    floor: u64,
    seed: FixedState,
}

impl<K: Hash + Ord + Copy> CountMin<K> {
    /// The error is at most the weight of everything divided by `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        let width = (counters as f64 * std::f64::consts::E).ceil() as usize;
        let width = width.next_power_of_two();
        CountMin {
            cells: vec![0; width * ROWS],
            width,
            total: 0,
            candidates: HashTable::new(),
            kept: counters.max(1),
            floor: 0,
            seed,
        }
    }

    /// The cells of a hash.
    #[inline]
    fn places(&self, hash: u64) -> [usize; ROWS] {
        // Two words of which each row has 32 bits; a product is a new word as long as the factor is odd and far from a power of two.
        let other = hash.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32).wrapping_mul(0xa076_1d64_78bd_642f);
        let bits = [hash, hash >> 32, other, other >> 32];
        std::array::from_fn(|row| row * self.width + (bits[row] as u32 as usize & (self.width - 1)))
    }

    /// Adds to a key of a hash.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, key: K, weight: u64) {
        let places = self.places(hash);
        let least = places.iter().map(|p| self.cells[*p]).min().unwrap_or(0);
        let now = least.saturating_add(weight);
        places.iter().for_each(|p| self.cells[*p] = self.cells[*p].max(now));
        self.total = self.total.saturating_add(weight);
        if now > self.floor {
            self.offer(key, hash, now);
        }
    }

    fn offer(&mut self, key: K, hash: u64, weight: u64) {
        let seed = &self.seed;
        let entry = self.candidates.entry(hash, |c| c.0 == key, |c| seed.hash_one(c.0));
        entry.or_insert((key, 0)).into_mut().1 = weight;
        if self.candidates.len() > 2 * self.kept {
            self.trim();
        }
    }

    #[cold]
    fn trim(&mut self) {
        let mut weights: Vec<u64> = self.candidates.iter().map(|c| c.1).collect();
        let (_, next, _) = weights.select_nth_unstable_by(self.kept, |a, b| b.cmp(a));
        self.floor = self.floor.max(*next);
        self.candidates.retain(|c| c.1 > self.floor);
    }

    /// The keys with most, greatest first, equal ones in their order, with the most that each has.
    pub(super) fn top(&self, count: usize) -> Vec<(K, u64)> {
        let mut all: Vec<(K, u64)> = self.candidates.iter().copied().collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }

    /// What a key may have less than is told, for 98 of 100 keys.
    pub(super) fn error(&self) -> u64 {
        (self.total as f64 * std::f64::consts::E / self.width as f64).ceil() as u64
    }

    /// The weight of everything.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.cells.fill(0);
        self.candidates.clear();
        (self.total, self.floor) = (0, 0);
    }

    /// Takes in what another of the same size and seed has seen. No key is told less than it has.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            *mine = mine.saturating_add(*theirs);
        }
        self.total = self.total.saturating_add(other.total);
        // What neither kept has no more than both floors.
        self.floor = self.floor.saturating_add(other.floor);
        let keys: Vec<K> = self.candidates.drain().chain(other.candidates.iter().copied()).map(|c| c.0).collect();
        for key in keys {
            let hash = self.seed.hash_one(key);
            let weight = self.places(hash).iter().map(|p| self.cells[*p]).min().unwrap_or(0);
            self.offer(key, hash, weight);
        }
    }

    pub(super) fn save(&self, state: &mut Writing, mut key: impl FnMut(&K, &mut Writing)) {
        state.numbers(self.cells.iter().copied());
        state.number(self.total);
        state.number(self.floor);
        state.number(self.candidates.len() as u64);
        self.candidates.iter().for_each(|c| key(&c.0, state));
    }

    /// What was saved of one like this.
    pub(super) fn load(&self, state: &mut Reading, key: impl Fn(&mut Reading) -> Option<K>) -> Option<Self> {
        let mut read = CountMin { cells: state.numbers(self.cells.len())?, ..self.emptied() };
        (read.total, read.floor) = (state.number()?, state.number()?);
        for _ in 0..state.below(2 * self.kept)? {
            let key = key(state)?;
            let hash = read.seed.hash_one(key);
            read.offer(key, hash, 0);
        }
        Some(read)
    }

    fn emptied(&self) -> Self {
        let seed = self.seed.clone();
        CountMin {
            cells: Vec::new(),
            candidates: HashTable::new(),
            seed,
            width: self.width,
            kept: self.kept,
            total: 0,
            floor: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::{hash, skewed};
    use std::collections::HashMap;

    const COUNTERS: usize = 300;

    fn exact(packets: &[(u64, u64)]) -> HashMap<u64, u64> {
        let mut exact = HashMap::new();
        packets.iter().for_each(|(key, weight)| *exact.entry(*key).or_default() += weight);
        exact
    }

    fn filled(packets: &[(u64, u64)]) -> CountMin<u64> {
        let mut sketch = CountMin::new(COUNTERS, FixedState::with_seed(9));
        packets.iter().for_each(|(key, weight)| sketch.add(sketch.seed.hash_one(*key), *key, *weight));
        sketch
    }

    fn check(sketch: &CountMin<u64>, exact: &HashMap<u64, u64>, what: &str) {
        let total: u64 = exact.values().sum();
        assert_eq!(sketch.total(), total);
        assert!(sketch.error() <= total / COUNTERS as u64 + 1);
        let told = |key: u64| sketch.places(sketch.seed.hash_one(key)).iter().map(|p| sketch.cells[*p]).min().unwrap();
        let above = exact.iter().filter(|(key, weight)| told(**key) > **weight + sketch.error()).count();
        assert!(exact.iter().all(|(key, weight)| told(*key) >= *weight), "{what}: less than there is");
        assert!(above * 55 <= exact.len(), "{what}: {above} of {} beyond the error", exact.len());
        let found: HashMap<u64, u64> = sketch.top(usize::MAX).into_iter().collect();
        assert!(found.len() <= 2 * COUNTERS);
        for (key, weight) in exact.iter().filter(|(_, weight)| **weight > sketch.floor) {
            assert!(found.get(key).is_some_and(|told| told >= weight), "{what}: {key} with {weight} is missing");
        }
    }

    #[test]
    fn never_less_than_there_is_and_seldom_much_more() {
        for run in 0..4 {
            let packets = skewed(run, 60_000);
            check(&filled(&packets), &exact(&packets), "one");
        }
    }

    #[test]
    fn two_merge_and_survive_the_way() {
        let packets = skewed(3, 60_000);
        let (one, two): (Vec<_>, Vec<_>) =
            packets.iter().partition(|(key, weight)| hash(*key, *weight).is_multiple_of(3));
        let (mut a, b) = (filled(&one), filled(&two));
        let mut state = Writing::new(1);
        b.save(&mut state, |key, state| state.number(*key));
        let mut state = Reading::new(&state.text(), 1).unwrap();
        let read = a.load(&mut state, Reading::number).unwrap();
        assert!(state.is_empty());
        a.merge(&read);
        check(&a, &exact(&packets), "merged");
    }

    #[test]
    fn the_next_period_knows_nothing_of_the_last() {
        let mut sketch = filled(&skewed(5, 20_000));
        let first = (sketch.top(50), sketch.error());
        for _ in 0..2 {
            sketch.clear();
            skewed(5, 20_000).iter().for_each(|(key, weight)| sketch.add(sketch.seed.hash_one(*key), *key, *weight));
            assert_eq!((sketch.top(50), sketch.error()), first);
        }
    }
}
