//! Who reaches most others: sources with the number of different elements they were seen with.
//!
//! A source enters a table of heavy keys by its new pairs, which a filter of bits tells from those that were seen (in the way of a Bloom filter with one
//! hash); in the table it has a HyperLogLog of its own, which is told of every packet. So a source with few packets to many elements gets in, and
//! one with many packets to few does not. The filter is emptied when half of it is set: old pairs are then new once more, which only matters to
//! who gets in.

use super::distinct::Distinct;
use super::heavy::Heavy;
use super::state::{Reading, Writing};
use foldhash::quality::FixedState;
use std::hash::Hash;

/// 256 registers: a standard error of 6.5 %.
const PRECISION: u8 = 8;
/// Bits of the filter.
const BITS: usize = 1 << 22;

/// Sources with their elements.
#[derive(Debug)]
pub(super) struct Spreaders<K> {
    table: Heavy<K, Distinct>,
    filter: Vec<u64>,
    set: usize,
}

impl<K: Hash + Ord + Copy> Spreaders<K> {
    /// Keeps about twice as many sources as `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        Spreaders { table: Heavy::new(counters, seed), filter: vec![0; BITS / 64], set: 0 }
    }

    /// Takes in that a source was seen with an element; `pair` is the hash of both.
    #[inline]
    pub(super) fn add(&mut self, source: K, pair: u64, element: u64) {
        let (word, bit) = ((pair >> 32) as usize % (BITS / 64), 1 << (pair % 64));
        if self.filter[word] & bit == 0 {
            self.filter[word] |= bit;
            self.set += 1;
            self.table.add(source, 1, || Distinct::new(PRECISION)).add(element);
            if self.set > BITS / 2 {
                self.filter.fill(0);
                self.set = 0;
            }
        } else if let Some(distinct) = self.table.find(&source) {
            distinct.add(element);
        }
    }

    /// The sources with most elements, greatest first.
    pub(super) fn top(&self, count: usize) -> Vec<(K, f64)> {
        let mut all: Vec<(K, f64)> =
            self.table.top(usize::MAX).into_iter().map(|c| (c.key, c.beside.estimate())).collect();
        all.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }

    pub(super) fn save(&self, state: &mut Writing, key: impl FnMut(&K, &mut Writing)) {
        self.table.save(state, key, Distinct::save);
    }

    /// Takes in what was saved of another; nothing of it if it is damaged. Who comes after that may count as new what the other has seen, which
    /// only matters to who gets in.
    pub(super) fn merge(&mut self, state: &mut Reading, key: impl Fn(&mut Reading) -> Option<K>) -> Option<()> {
        let like = Distinct::new(PRECISION);
        let other = self.table.load(state, key, |state| like.load(state)).filter(|_| state.is_empty())?;
        self.table.merge(other, |mine, theirs| mine.merge(&theirs));
        Some(())
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.filter.fill(0);
        self.set = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::hash;

    #[test]
    fn scanners_are_found_in_each_period() {
        let mut spreaders: Spreaders<u64> = Spreaders::new(1000, FixedState::with_seed(3));
        for period in 0..3 {
            // Twenty sources with many elements among 100 000 with one or two and some with many packets to few.
            for i in 0..400_000u64 {
                let r = hash(period, i);
                let (source, element) = match r % 8 {
                    0 => (r >> 8 & 0xf | 0x1_0000_0000, (r >> 20) % 700),
                    1 => ((r >> 8) % 50 + 0x2_0000_0000, r >> 20 & 3),
                    _ => ((r >> 8) % 100_000, (r >> 40) & 1),
                };
                let pair = FixedState::with_seed(5);
                let pair = std::hash::BuildHasher::hash_one(&pair, (source, element));
                spreaders.add(source, pair, hash(77, element));
            }
            let top = spreaders.top(16);
            assert!(top.iter().all(|(source, _)| *source >= 0x1_0000_0000 && *source < 0x2_0000_0000), "{top:?}");
            let away: f64 = top.iter().map(|(_, spread)| (spread / 700.0 - 1.0).abs()).sum::<f64>() / 16.0;
            assert!(away < 0.1, "period {period}: {away}");
            spreaders.clear();
        }
    }
}
