//! The keys with most weight, with the bound of Space-Saving (Metwally and others 2005).
//!
//! A table of counters that is full is halved: the median of the counts is taken off all of them, and what is left with nothing goes (Misra and
//! Gries 1982, with the median as in Anderson and others 2017). What was taken off is known, so each count has a least and a most, and these
//! are no further apart than the weight of everything divided by half of the table. Unlike a heap this costs the same for any weight.

use super::state::{Reading, Writing};
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};

/// Keys with what each is known to have.
#[derive(Debug)]
pub(super) struct Heavy<K, T> {
    table: HashTable<Counter<K, T>>,
    capacity: usize,
    /// What keys that are not in the table may have, and those in it may have more.
    off: u64,
    /// The weight of everything.
    total: u64,
    seed: FixedState,
    counts: Vec<u64>,
    generation: u64,
}

/// A key in the table.
#[derive(Clone, Debug)]
pub(super) struct Counter<K, T> {
    pub(super) key: K,
    /// The least that it has.
    pub(super) least: u64,
    /// What is kept beside it.
    pub(super) beside: T,
}

impl<K: Hash + Ord + Copy, T> Heavy<K, T> {
    /// Errors are at most the weight of everything divided by `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        let capacity = counters.max(1) * 2;
        Heavy { table: HashTable::new(), capacity, off: 0, total: 0, seed, counts: Vec::new(), generation: 0 }
    }

    /// Reads the counters of keys with these hashes and does nothing with them: they are to be in the cache when they are needed.
    #[inline]
    pub(super) fn touch(&self, hashes: &[u64]) {
        let counter = |hash: &u64| self.table.find(*hash, |_| true).map_or(0, |c| c.least);
        std::hint::black_box(hashes.iter().fold(0, |touched, hash| touched ^ counter(hash)));
    }

    /// Adds to a key of a hash; gives what is kept beside it, which `fresh` makes if the key is new.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, key: K, weight: u64, fresh: impl FnOnce() -> T) -> &mut T {
        self.total += weight;
        if self.table.len() >= self.capacity && self.table.find(hash, |c| c.key == key).is_none() {
            self.halve();
        }
        let seed = &self.seed;
        let counter = match self.table.find_entry(hash, |c| c.key == key) {
            Ok(known) => known.into_mut(),
            Err(unknown) => {
                let new = Counter { key, least: 0, beside: fresh() };
                unknown.into_table().insert_unique(hash, new, |c| seed.hash_one(c.key)).into_mut()
            }
        };
        counter.least += weight;
        &mut counter.beside
    }

    /// What is kept beside a key of a hash that is in the table.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, key: &K) -> Option<&mut T> {
        self.table.find_mut(hash, |c| c.key == *key).map(|c| &mut c.beside)
    }

    /// Changes whenever keys have gone.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    #[cold]
    fn halve(&mut self) {
        self.counts.clear();
        self.counts.extend(self.table.iter().map(|c| c.least));
        let middle = self.counts.len() / 2;
        let (_, median, _) = self.counts.select_nth_unstable(middle);
        let median = *median;
        self.take_off(median);
    }

    /// Takes so much off all counts; what is left with nothing goes.
    fn take_off(&mut self, weight: u64) {
        self.off = self.off.saturating_add(weight);
        self.generation += 1;
        self.table.retain(|c| {
            c.least = c.least.saturating_sub(weight);
            c.least > 0
        });
    }

    /// The keys with most, greatest first, equal ones in their order.
    pub(super) fn top(&self, count: usize) -> Vec<&Counter<K, T>> {
        let mut all: Vec<&Counter<K, T>> = self.table.iter().collect();
        all.sort_unstable_by(|a, b| b.least.cmp(&a.least).then_with(|| a.key.cmp(&b.key)));
        all.truncate(count);
        all
    }

    /// What a key may have more than its least: at most the total divided by the counters.
    pub(super) fn error(&self) -> u64 {
        self.off
    }

    /// The weight of everything.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes in what another of the same size has seen. The bounds hold for both together (Agarwal and others 2012).
    pub(super) fn merge(&mut self, other: Self, join: impl Fn(&mut T, T)) {
        self.total = self.total.saturating_add(other.total);
        self.off = self.off.saturating_add(other.off);
        for theirs in other.table {
            let hash = self.seed.hash_one(theirs.key);
            match self.table.find_mut(hash, |c| c.key == theirs.key) {
                Some(mine) => {
                    mine.least = mine.least.saturating_add(theirs.least);
                    join(&mut mine.beside, theirs.beside);
                }
                None => {
                    let seed = &self.seed;
                    self.table.insert_unique(hash, theirs, |c| seed.hash_one(c.key));
                }
            }
        }
        if self.table.len() > self.capacity {
            // Each of more than `capacity` keys has at least the greatest of those that are too many.
            self.counts.clear();
            self.counts.extend(self.table.iter().map(|c| c.least));
            let (_, next, _) = self.counts.select_nth_unstable_by(self.capacity, |a, b| b.cmp(a));
            let next = *next;
            self.take_off(next);
        }
    }

    pub(super) fn save(
        &self,
        state: &mut Writing,
        mut key: impl FnMut(&K, &mut Writing),
        mut beside: impl FnMut(&T, &mut Writing),
    ) {
        state.number(self.total);
        state.number(self.off);
        state.number(self.table.len() as u64);
        for counter in &self.table {
            key(&counter.key, state);
            state.number(counter.least);
            beside(&counter.beside, state);
        }
    }

    /// What was saved of one like this.
    pub(super) fn load(
        &self,
        state: &mut Reading,
        key: impl Fn(&mut Reading) -> Option<K>,
        beside: impl Fn(&mut Reading) -> Option<T>,
    ) -> Option<Self> {
        let mut read = Heavy {
            table: HashTable::new(),
            capacity: self.capacity,
            total: state.number()?,
            off: state.number()?,
            seed: self.seed.clone(),
            counts: Vec::new(),
            generation: 0,
        };
        for _ in 0..state.below(self.capacity)? {
            let counter = Counter { key: key(state)?, least: state.number()?, beside: beside(state)? };
            let (hash, seed) = (read.seed.hash_one(counter.key), &read.seed);
            if read.table.find(hash, |c| c.key == counter.key).is_some() {
                return None;
            }
            read.table.insert_unique(hash, counter, |c| seed.hash_one(c.key));
        }
        Some(read)
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.generation += 1;
        (self.off, self.total) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::skewed;
    use std::collections::HashMap;

    const COUNTERS: usize = 200;

    fn add(heavy: &mut Heavy<u64, ()>, key: u64, weight: u64) {
        *heavy.add(heavy.seed.hash_one(key), key, weight, || ()) = ();
    }

    #[test]
    fn bounds_hold_and_nobody_heavy_is_missing() {
        for run in 0..20 {
            let mut heavy: Heavy<u64, ()> = Heavy::new(COUNTERS, FixedState::with_seed(7));
            let mut exact: HashMap<u64, u64> = HashMap::new();
            for (key, weight) in skewed(run, 60_000) {
                add(&mut heavy, key, weight);
                *exact.entry(key).or_default() += weight;
            }
            check(&heavy, &exact);
        }
    }

    #[test]
    fn bounds_hold_for_those_that_merge_and_survive_the_way() {
        for run in 0..4 {
            let mut exact: HashMap<u64, u64> = HashMap::new();
            let mut parts: Vec<Heavy<u64, ()>> =
                (0..5).map(|_| Heavy::new(COUNTERS, FixedState::with_seed(7))).collect();
            for (i, (key, weight)) in skewed(run, 100_000).into_iter().enumerate() {
                add(&mut parts[i % 5], key, weight);
                *exact.entry(key).or_default() += weight;
            }
            let mut all: Heavy<u64, ()> = Heavy::new(COUNTERS, FixedState::with_seed(7));
            for part in parts {
                let mut state = Writing::new(1);
                part.save(&mut state, |key, state| state.number(*key), |(), _| {});
                let mut state = Reading::new(&state.text(), 1).unwrap();
                all.merge(all.load(&mut state, Reading::number, |_| Some(())).unwrap(), |(), ()| {});
                assert!(state.is_empty());
            }
            check(&all, &exact);
        }
    }

    fn check(heavy: &Heavy<u64, ()>, exact: &HashMap<u64, u64>) {
        let total: u64 = exact.values().sum();
        assert_eq!(heavy.total(), total);
        assert!(heavy.error() <= total / COUNTERS as u64, "{} of {total}", heavy.error());
        let found: HashMap<u64, u64> = heavy.top(usize::MAX).into_iter().map(|c| (c.key, c.least)).collect();
        assert!(found.len() <= 2 * COUNTERS);
        for (key, weight) in exact {
            let least = found.get(key).copied().unwrap_or(0);
            assert!(least <= *weight && *weight <= least + heavy.error());
            assert!(*weight <= total / COUNTERS as u64 || found.contains_key(key), "{key} has {weight}");
        }
    }

    #[test]
    fn the_next_period_knows_nothing_of_the_last() {
        let mut heavy: Heavy<u64, ()> = Heavy::new(10, FixedState::with_seed(7));
        let run = |heavy: &mut Heavy<u64, ()>| {
            for i in 0..1000 {
                add(heavy, i % 50, 1 + i % 7);
            }
            let mut top: Vec<(u64, u64)> = heavy.top(20).into_iter().map(|c| (c.key, c.least)).collect();
            top.sort_unstable();
            let result = (top, heavy.error(), heavy.total());
            heavy.clear();
            result
        };
        let first = run(&mut heavy);
        assert_eq!((run(&mut heavy), run(&mut heavy)), (first.clone(), first));
    }
}
