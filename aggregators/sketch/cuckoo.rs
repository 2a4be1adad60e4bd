//! The keys with most weight, in the way of Cuckoo HeavyKeeper (Ngo, Hoang, Xu, Papatriantafilou 2024; HeavyKeeper: Gong and others 2018): nearer to
//! the truth than what has bounds, by chance.
//!
//! A key may be in two buckets. Each has places for the heavy and a lobby, in which a key has to show that it is heavy: others wear it
//! down, the less probably the more it has. What is in a place is only pushed out by one that has more, and then tries its other bucket.
//! So nothing is told more than it has, and what is heavy is told nearly all of it.

use super::state::{Reading, Writing};
use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hash};

/// Places of a bucket, behind the lobby.
const PLACES: usize = 3;
/// Keys that are moved on for one that comes.
const KICKS: usize = 8;
/// One that has the weight of `n` packets is worn down with this to the power of `-n`.
const BASE: f64 = 1.08;

/// The lobby is the first.
type Bucket<K> = [Option<(K, u64)>; PLACES + 1];

/// Buckets of keys.
#[derive(Clone, Debug)]
pub(super) struct Cuckoo<K> {
    /// A power of two.
    buckets: Vec<Bucket<K>>,
    total: u64,
    packets: u64,
    seed: FixedState,
    /// The state of the chance (xorshift), never 0.
    chance: u64,
    /// How probably what has the weight of so many packets is worn down, of 2^32.
    wear: Vec<u32>,
}

impl<K: Hash + Ord + Copy> Cuckoo<K> {
    /// With room for at least twice as many keys as `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        let buckets = (counters.max(1) * 2).div_ceil(PLACES + 1).next_power_of_two();
        let wear = (0..256).map(|n| (BASE.powi(-n) * f64::from(u32::MAX)) as u32).collect();
        Cuckoo { buckets: vec![[None; PLACES + 1]; buckets], total: 0, packets: 0, chance: CHANCE, wear, seed }
    }

    /// The two buckets of a hash.
    #[inline]
    fn homes(&self, hash: u64) -> [usize; 2] {
        let mask = self.buckets.len() - 1;
        // The upper half is never 0 as a distance, so that there are two as long as there is more than one bucket.
        [hash as u32 as usize & mask, (hash as u32 as usize ^ ((hash >> 32) as usize | 1)) & mask]
    }

    #[inline]
    pub(super) fn add(&mut self, hash: u64, key: K, weight: u64) {
        self.total = self.total.saturating_add(weight);
        self.packets += 1;
        self.enter(hash, key, weight);
    }

    #[inline]
    fn enter(&mut self, hash: u64, key: K, weight: u64) {
        let homes = self.homes(hash);
        for home in homes {
            for (place, kept) in self.buckets[home].iter_mut().enumerate() {
                if let Some((_, sum)) = kept.as_mut().filter(|k| k.0 == key) {
                    *sum = sum.saturating_add(weight);
                    if place == 0 {
                        self.promote(home);
                    }
                    return;
                }
            }
        }
        for home in homes {
            if let Some(free) = self.buckets[home][1..].iter_mut().find(|k| k.is_none()) {
                *free = Some((key, weight));
                return;
            }
        }
        self.wait(homes, key, weight);
    }

    /// A key that nobody knows waits in a lobby, if it can wear down who does.
    fn wait(&mut self, homes: [usize; 2], key: K, weight: u64) {
        let least = |home: &usize| self.buckets[*home][0].map_or(0, |k| k.1);
        let Some(home) = homes.into_iter().min_by_key(|home| least(home)) else { return };
        let usual = (self.total / self.packets.max(1)).max(1);
        let chance = self.next_chance();
        match &mut self.buckets[home][0] {
            Some((_, sum)) => {
                let worth = usize::try_from(*sum / usual).unwrap_or(usize::MAX);
                if chance > self.wear.get(worth).copied().unwrap_or(0) {
                    return;
                }
                if *sum > weight {
                    *sum -= weight;
                } else {
                    self.buckets[home][0] = Some((key, weight));
                }
            }
            free => *free = Some((key, weight)),
        }
    }

    /// Whoever has more than one in a place takes it; that one tries its other bucket, and waits here if there is nothing for it.
    fn promote(&mut self, home: usize) {
        let Some(mut coming) = self.buckets[home][0] else { return };
        let mut at = home;
        for kick in 0..KICKS {
            let bucket = &mut self.buckets[at];
            let (place, least) = least(bucket);
            if least.is_some_and(|(_, sum)| sum >= coming.1) {
                break;
            }
            if kick == 0 {
                bucket[0] = None;
            }
            bucket[place] = Some(coming);
            let Some(out) = least else { return };
            coming = out;
            let [one, other] = self.homes(self.seed.hash_one(coming.0));
            at = if at == one { other } else { one };
        }
        // It has been in no lobby yet if it was pushed out; of two in one lobby the greater stays.
        let lobby = &mut self.buckets[at][0];
        if lobby.is_none_or(|(_, sum)| sum < coming.1) {
            *lobby = Some(coming);
        }
    }

    fn next_chance(&mut self) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 32) as u32
    }

    fn all(&self) -> impl Iterator<Item = &(K, u64)> {
        self.buckets.iter().flatten().flatten()
    }

    /// The keys with most, greatest first, equal ones in their order, with what each is known to have.
    pub(super) fn top(&self, count: usize) -> Vec<(K, u64)> {
        let mut all: Vec<(K, u64)> = self.all().copied().collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }

    /// The weight of everything.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill([None; PLACES + 1]);
        (self.total, self.packets, self.chance) = (0, 0, CHANCE);
    }

    /// Takes in what another has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.packets = self.packets.saturating_add(other.packets);
        // The heaviest first, so that they find their places.
        other.top(usize::MAX).into_iter().for_each(|(key, sum)| self.enter(self.seed.hash_one(key), key, sum));
    }

    pub(super) fn save(&self, state: &mut Writing, mut key: impl FnMut(&K, &mut Writing)) {
        state.number(self.total);
        state.number(self.packets);
        state.number(self.all().count() as u64);
        for (k, sum) in self.all() {
            key(k, state);
            state.number(*sum);
        }
    }

    /// What was saved of one like this.
    pub(super) fn load(&self, state: &mut Reading, key: impl Fn(&mut Reading) -> Option<K>) -> Option<Self> {
        let mut read = self.clone();
        read.clear();
        (read.total, read.packets) = (state.number()?, state.number()?);
        let most = self.buckets.len() * (PLACES + 1);
        for _ in 0..state.below(most)? {
            let key = key(state)?;
            let sum = state.number()?;
            read.enter(read.seed.hash_one(key), key, sum);
        }
        Some(read)
    }
}

/// Any start but 0; chance need not be unforeseen, as the places of keys are.
const CHANCE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The place with least, and what is there.
fn least<K: Copy>(bucket: &Bucket<K>) -> (usize, Option<(K, u64)>) {
    let places = (1..=PLACES).min_by_key(|place| bucket[*place].map_or(0, |k| k.1));
    places.map_or((1, bucket[1]), |place| (place, bucket[place]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::{hash, skewed};
    use std::collections::HashMap;

    fn exact(packets: &[(u64, u64)]) -> HashMap<u64, u64> {
        let mut exact = HashMap::new();
        packets.iter().for_each(|(key, weight)| *exact.entry(*key).or_default() += weight);
        exact
    }

    fn check(sketch: &Cuckoo<u64>, packets: &[(u64, u64)], worst: f64) {
        let exact = exact(packets);
        assert_eq!(sketch.total(), exact.values().sum::<u64>());
        let found: HashMap<u64, u64> = sketch.top(usize::MAX).into_iter().collect();
        let mut heaviest: Vec<(u64, u64)> = exact.into_iter().collect();
        heaviest.sort_unstable_by_key(|k| std::cmp::Reverse(k.1));
        let (mut missing, mut away) = (0, 0.0);
        for (key, weight) in &heaviest[..100] {
            let told = found.get(key).copied().unwrap_or(0);
            assert!(told <= *weight, "{key} has {weight}, not {told}");
            missing += usize::from(told == 0);
            away += (weight - told) as f64 / *weight as f64 / 100.0;
        }
        assert!(missing <= 1 && away < worst, "{missing} missing, {away} away");
    }

    #[test]
    fn the_hundred_heaviest_are_told_nearly_all() {
        for run in 0..4 {
            let packets = skewed(run, 100_000);
            let mut sketch = Cuckoo::new(1000, FixedState::with_seed(run));
            packets.iter().for_each(|(key, weight)| sketch.add(sketch.seed.hash_one(*key), *key, *weight));
            check(&sketch, &packets, 0.01);
        }
    }

    #[test]
    fn two_merge_and_survive_the_way() {
        let packets = skewed(3, 100_000);
        let filled = |which: u64| {
            let mut sketch = Cuckoo::new(1000, FixedState::with_seed(8));
            let mine = packets.iter().filter(|(key, weight)| hash(*key, *weight) % 2 == which);
            mine.for_each(|(key, weight)| sketch.add(sketch.seed.hash_one(*key), *key, *weight));
            sketch
        };
        let (mut a, b) = (filled(0), filled(1));
        let mut state = Writing::new(1);
        b.save(&mut state, |key, state| state.number(*key));
        let mut state = Reading::new(&state.text(), 1).unwrap();
        let read = a.load(&mut state, Reading::number).unwrap();
        assert!(state.is_empty());
        a.merge(&read);
        check(&a, &packets, 0.03);
    }

    #[test]
    fn the_next_period_knows_nothing_of_the_last() {
        let mut sketch = Cuckoo::new(50, FixedState::with_seed(2));
        let mut run = || {
            skewed(5, 20_000).iter().for_each(|(key, weight)| sketch.add(sketch.seed.hash_one(*key), *key, *weight));
            let top = sketch.top(100);
            sketch.clear();
            top
        };
        let first = run();
        assert_eq!((run(), run()), (first.clone(), first));
    }
}
