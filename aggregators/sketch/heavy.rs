//! The keys with most weight, with the bound of Space-Saving (Metwally and others 2005).
//!
//! A table of counters that is full is halved: the median of the counts is taken off all of them, and what is left with nothing goes (Misra and
//! Gries 1982, with the median as in Anderson and others 2017). What was taken off is known, so each count has a least and a most, and these
//! are no further apart than the weight of everything divided by half of the table. Unlike a heap this costs the same for any weight.
//!
//! Counters stand close together in a list, of which the table only has the places: what is asked of most keys is whether they are there at all, and
//! that small table stays in the caches.

use super::state::{Reading, Writing};
use agent_capture::prefetch;
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};

/// Keys with what each is known to have.
#[derive(Debug)]
pub(super) struct Heavy<K, T> {
    /// The places of counters, by the hashes of their keys.
    places: HashTable<u32>,
    counters: Vec<Counter<K, T>>,
    capacity: usize,
    /// What keys that are not in the table may have, and those in it may have more.
    off: u64,
    /// The weight of everything.
    total: u64,
    seed: FixedState,
    counts: Vec<u64>,
    generation: u64,
}

/// A key in the table, from the begin of a line of the cache.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Counter<K, T> {
    hash: u64,
    pub(super) key: K,
    /// The least that it has.
    pub(super) least: u64,
    /// What is kept beside it.
    pub(super) beside: T,
}

impl<K: Hash + Ord + Copy, T> Heavy<K, T> {
    /// Errors are at most the weight of everything divided by `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        Heavy::empty(counters.max(1) * 2, seed)
    }

    fn empty(capacity: usize, seed: FixedState) -> Self {
        Heavy {
            places: HashTable::new(),
            counters: Vec::new(),
            capacity,
            off: 0,
            total: 0,
            seed,
            counts: Vec::new(),
            generation: 0,
        }
    }

    /// The counter that is nearly always the right one for a hash if there is one, for whoever asks for what is needed next before it is.
    #[inline]
    pub(super) fn likely(&self, hash: u64) -> Option<&Counter<K, T>> {
        self.places.find(hash, |_| true).map(|place| &self.counters[*place as usize])
    }

    /// Asks for the counters of keys with these hashes: they are to be in the cache when they are needed.
    #[inline]
    pub(super) fn fetch(&self, hashes: &[u64]) {
        hashes.iter().filter_map(|hash| self.likely(*hash)).for_each(prefetch);
    }

    /// The place of a key of a hash.
    #[inline]
    fn place(&self, hash: u64, key: &K) -> Option<usize> {
        let is = |place: &u32| {
            let counter = &self.counters[*place as usize];
            counter.hash == hash && counter.key == *key
        };
        self.places.find(hash, is).map(|place| *place as usize)
    }

    /// Adds to a key of a hash; gives what is kept beside it, which `fresh` makes if the key is new.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, key: K, weight: u64, fresh: impl FnOnce() -> T) -> &mut T {
        self.total += weight;
        let place = match self.place(hash, &key) {
            Some(place) => place,
            None => {
                if self.counters.len() >= self.capacity {
                    self.halve();
                }
                self.enter(Counter { hash, key, least: 0, beside: fresh() })
            }
        };
        let counter = &mut self.counters[place];
        counter.least += weight;
        &mut counter.beside
    }

    /// Takes a counter in whose key is not in the table.
    fn enter(&mut self, counter: Counter<K, T>) -> usize {
        let place = self.counters.len();
        self.counters.push(counter);
        self.link(place);
        place
    }

    /// Lets the table find the counter at a place.
    #[inline]
    fn link(&mut self, place: usize) {
        let counters = &self.counters;
        // At most twice 2^20 and, while two merge, twice as many.
        self.places.insert_unique(counters[place].hash, place as u32, |place| counters[*place as usize].hash);
    }

    /// What is kept beside a key of a hash that is in the table.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, key: &K) -> Option<&mut T> {
        self.place(hash, key).map(|place| &mut self.counters[place].beside)
    }

    /// Changes whenever keys have gone.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    #[cold]
    fn halve(&mut self) {
        let median = self.ranked(self.counters.len() - self.counters.len() / 2 - 1);
        self.take_off(median);
    }

    /// The count of a rank; that of the greatest is 0.
    fn ranked(&mut self, rank: usize) -> u64 {
        self.counts.clear();
        self.counts.extend(self.counters.iter().map(|c| c.least));
        let (_, count, _) = self.counts.select_nth_unstable_by(rank, |a, b| b.cmp(a));
        *count
    }

    /// Takes so much off all counts; what is left with nothing goes.
    fn take_off(&mut self, weight: u64) {
        self.off = self.off.saturating_add(weight);
        self.generation += 1;
        self.counters.retain_mut(|c| {
            c.least = c.least.saturating_sub(weight);
            c.least > 0
        });
        self.places.clear();
        (0..self.counters.len()).for_each(|place| self.link(place));
    }

    /// The keys with most, greatest first, equal ones in their order.
    pub(super) fn top(&self, count: usize) -> Vec<&Counter<K, T>> {
        let mut all: Vec<&Counter<K, T>> = self.counters.iter().collect();
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
        for theirs in other.counters {
            match self.place(theirs.hash, &theirs.key) {
                Some(place) => {
                    let mine = &mut self.counters[place];
                    mine.least = mine.least.saturating_add(theirs.least);
                    join(&mut mine.beside, theirs.beside);
                }
                None => _ = self.enter(theirs),
            }
        }
        if self.counters.len() > self.capacity {
            // Each of more than `capacity` keys has at least the greatest of those that are too many.
            let next = self.ranked(self.capacity);
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
        state.number(self.counters.len() as u64);
        for counter in &self.counters {
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
        let mut read = Heavy::empty(self.capacity, self.seed.clone());
        (read.total, read.off) = (state.number()?, state.number()?);
        for _ in 0..state.below(self.capacity)? {
            let (key, least) = (key(state)?, state.number()?);
            let counter = Counter { hash: read.seed.hash_one(key), key, least, beside: beside(state)? };
            if read.place(counter.hash, &counter.key).is_some() {
                return None;
            }
            read.enter(counter);
        }
        Some(read)
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.counters.clear();
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
