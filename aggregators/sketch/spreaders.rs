//! Who reaches most others: sources with the number of different elements they were seen with.
//!
//! A source enters a table of heavy keys by its new pairs, which a filter of bits tells from those that were seen (in the way of a Bloom filter with one
//! hash); in the table it has a HyperLogLog of its own, which is told of every packet. So a source with few packets to many elements gets in, and
//! one with many packets to few does not. The filter is emptied when half of it is set: old pairs are then new once more, which only matters to
//! who gets in.
//!
//! Most packets are of a pair that came just before, and change nothing: the filter has the pair, the source is in the table, its HyperLogLog has
//! the element. Such pairs are remembered until keys leave the table or the filter is emptied, so leaving their packets out changes no figure.

use super::distinct::Distinct;
use super::heavy::Heavy;
use super::ranked::BLOCK;
use super::state::{Reading, Writing};
use agent_capture::prefetch;
use foldhash::quality::FixedState;
use std::hash::Hash;

/// What each source has: 256 registers, a standard error of 6.5 %.
type Elements = Distinct<[u8; 256]>;

/// Bits of the filter.
const BITS: usize = 1 << 22;
/// Pairs that are remembered.
const RECENT: usize = 1 << 12;

/// Sources with their elements.
#[derive(Debug)]
pub(super) struct Spreaders<K> {
    table: Heavy<K, Elements>,
    filter: Vec<u64>,
    set: usize,
    /// Pairs whose packets change nothing, each at its place, as long as this is the generation of the table.
    recent: Vec<u64>,
    generation: u64,
    /// How often they were forgotten.
    forgotten: u64,
}

impl<K: Hash + Ord + Copy> Spreaders<K> {
    /// Keeps about twice as many sources as `counters`.
    pub(super) fn new(counters: usize, seed: FixedState) -> Self {
        let table = Heavy::new(counters, seed);
        Spreaders { table, filter: vec![0; BITS / 64], set: 0, recent: vec![0; RECENT], generation: 0, forgotten: 0 }
    }

    /// Takes in that sources were seen with elements, by the hashes of both; `source` gives one by its number.
    pub(super) fn add_all(&mut self, sources: &[u64], elements: &[u64], source: impl Fn(usize) -> K) {
        for (block, (sources, elements)) in sources.chunks(BLOCK).zip(elements.chunks(BLOCK)).enumerate() {
            // Which of them are left out nobody can foretell, so nothing is made to depend on it.
            let (mut news, mut count) = ([0u8; BLOCK], 0);
            for (i, (hash, element)) in (0u8..).zip(sources.iter().zip(elements)) {
                news[count] = i;
                count += usize::from(!self.is_recent(pair(*hash, *element)));
            }
            for i in &news[..count] {
                let (hash, element) = (sources[usize::from(*i)], elements[usize::from(*i)]);
                prefetch(&self.filter[place(pair(hash, element)).0]);
                if let Some(counter) = self.table.likely(hash) {
                    prefetch(counter);
                    prefetch(counter.beside.register(element));
                }
            }
            let add = |this: &mut Self, i: usize| this.add(sources[i], elements[i], || source(block * BLOCK + i));
            let forgotten = self.forgotten;
            for i in news[..count].iter().map(|i| usize::from(*i)) {
                add(self, i);
                if self.forgotten != forgotten {
                    // What was to be left out may change something now.
                    (i + 1..sources.len()).for_each(|i| add(self, i));
                    break;
                }
            }
        }
    }

    /// Whether packets of a pair change nothing.
    #[inline]
    fn is_recent(&self, pair: u64) -> bool {
        self.recent[recent(pair)] == pair | 1
    }

    fn forget(&mut self) {
        self.recent.fill(0);
        self.forgotten += 1;
    }

    #[inline]
    fn add(&mut self, hash: u64, element: u64, source: impl FnOnce() -> K) {
        let pair = pair(hash, element);
        if self.is_recent(pair) {
            return;
        }
        let (word, bit) = place(pair);
        if self.filter[word] & bit == 0 {
            self.filter[word] |= bit;
            self.set += 1;
            self.table.add(hash, source(), 1, || Elements::EMPTY).add(element);
            if self.set > BITS / 2 {
                self.filter.fill(0);
                self.set = 0;
                self.forget();
                return;
            }
        } else {
            let Some(elements) = self.table.find(hash, &source()) else { return };
            elements.add(element);
        }
        if self.generation != self.table.generation() {
            self.generation = self.table.generation();
            self.forget();
        }
        self.recent[recent(pair)] = pair | 1;
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
        self.table.save(state, key, Elements::save);
    }

    /// Takes in what was saved of another; nothing of it if it is damaged. Who comes after that may count as new what the other has seen, which
    /// only matters to who gets in.
    pub(super) fn merge(&mut self, state: &mut Reading, key: impl Fn(&mut Reading) -> Option<K>) -> Option<()> {
        let other = self.table.load(state, key, |state| Elements::EMPTY.load(state)).filter(|_| state.is_empty())?;
        self.table.merge(other, |mine, theirs| mine.merge(&theirs));
        Some(())
    }

    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.forget();
        self.filter.fill(0);
        self.set = 0;
    }
}

/// The hash of a pair out of those of both. They are of different parts, so they are not the same by chance only.
#[inline]
fn pair(source: u64, element: u64) -> u64 {
    source.rotate_left(32) ^ element
}

/// Where a pair is remembered, with its lowest bit set: 0 is for no pair.
#[inline]
fn recent(pair: u64) -> usize {
    (pair >> 20) as usize % RECENT
}

/// The word and the bit of a pair.
#[inline]
fn place(pair: u64) -> (usize, u64) {
    ((pair >> 32) as usize % (BITS / 64), 1 << (pair % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::hash;
    use std::hash::BuildHasher;

    impl Spreaders<u64> {
        /// As without the memory of recent pairs.
        fn add_slowly(&mut self, source: u64, element: u64) {
            self.recent.fill(0);
            self.add_one(source, element);
        }

        fn add_one(&mut self, source: u64, element: u64) {
            let hash = FixedState::with_seed(3).hash_one(source);
            self.add_all(&[hash], &[element], |_| source);
        }
    }

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
                spreaders.add_one(source, hash(77, element));
            }
            let top = spreaders.top(16);
            assert!(top.iter().all(|(source, _)| *source >= 0x1_0000_0000 && *source < 0x2_0000_0000), "{top:?}");
            let away: f64 = top.iter().map(|(_, spread)| (spread / 700.0 - 1.0).abs()).sum::<f64>() / 16.0;
            assert!(away < 0.1, "period {period}: {away}");
            spreaders.clear();
        }
    }

    #[test]
    fn leaving_out_recent_pairs_changes_nothing() {
        for counters in [20, 3000] {
            let new = || Spreaders::new(counters, FixedState::with_seed(3));
            let (mut quick, mut slow): (Spreaders<u64>, Spreaders<u64>) = (new(), new());
            for period in 0..2 {
                for i in 0..60_000u64 {
                    let r = hash(period, i);
                    // Pairs that come again soon, and sources that come back after they have left the table.
                    let source = if r.is_multiple_of(3) { r >> 8 & 7 } else { (r >> 8) % 2000 };
                    let element = hash(77, (r >> 40) % if r.is_multiple_of(5) { 300 } else { 2 });
                    quick.add_one(source, element);
                    slow.add_slowly(source, element);
                }
                assert_eq!(quick.top(usize::MAX), slow.top(usize::MAX));
                quick.clear();
                slow.clear();
            }
        }
    }
}
