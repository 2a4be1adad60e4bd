//! Statistics of the values of a timing, one value at a time.

use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Sum, bounds, mean and deviation of all values; median of the last ones; percentiles of a sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    /// The first value: differences from it keep the sums of squares small.
    first: f64,
    count: i64,
    sum: f64,
    differences: f64,
    squares: f64,
    lower: f64,
    upper: f64,
    /// The last values, a ring once it is full.
    recent: Vec<f64>,
    /// Where the ring goes on.
    next: usize,
    /// For percentiles: all values, or a random sample of them once there are too many.
    sample: Vec<f64>,
}

/// The median is that of so many last values.
const RECENT: usize = 1000;
/// A value that stands for more than so many is multiplied instead of added one by one.
const SINGLY: u32 = 1000;

impl Running {
    /// Adds a value that stands for `times` equal ones. `limit` bounds the sample for percentiles; 0 means none are asked for.
    pub(super) fn add(&mut self, value: f64, times: u32, limit: usize) {
        if times == 0 {
            return;
        }
        if self.count == 0 {
            (self.first, self.lower, self.upper) = (value, value, value);
        }
        self.lower = self.lower.min(value);
        self.upper = self.upper.max(value);
        let off = value - self.first;
        if times <= SINGLY {
            for _ in 0..times {
                self.sum += value;
                self.differences += off;
                self.squares += off * off;
            }
        } else {
            let n = f64::from(times);
            self.sum += value * n;
            self.differences += off * n;
            self.squares += off * off * n;
        }
        for i in 0..i64::from(times.min(RECENT.max(limit) as u32)) {
            self.keep(value, self.count + i, limit);
        }
        self.count += i64::from(times);
    }

    fn keep(&mut self, value: f64, before: i64, limit: usize) {
        if self.recent.len() < RECENT {
            self.recent.push(value);
        } else {
            self.recent[self.next] = value;
            self.next = (self.next + 1) % RECENT;
        }
        if limit == 0 {
            return;
        }
        if self.sample.len() < limit {
            self.sample.push(value);
        } else {
            // A pseudo-random place is enough: senders cannot foresee it, as the state is seeded by the process.
            let mut h = SEED.with(|s| s.build_hasher());
            h.write_i64(before);
            self.sample[(h.finish() % limit as u64) as usize] = value;
        }
    }

    pub(super) fn count(&self) -> i64 {
        self.count
    }
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }
    pub(super) fn lower(&self) -> f64 {
        self.lower
    }
    pub(super) fn upper(&self) -> f64 {
        self.upper
    }
    pub(super) fn mean(&self) -> f64 {
        self.first + self.differences / self.count as f64
    }
    pub(super) fn stddev(&self) -> f64 {
        let n = self.count as f64;
        // Rounding may leave a tiny negative number.
        ((self.squares - self.differences * self.differences / n) / n).max(0.0).sqrt()
    }

    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.recent.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => 0.0,
            n if n % 2 == 0 => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
            n => sorted[n / 2],
        }
    }

    /// The values at these percentiles: of n sorted ones that of index n * p / 100, rounded down.
    pub(super) fn percentiles(&mut self, percents: &[f64]) -> Vec<f64> {
        self.sample.sort_by(f64::total_cmp);
        let n = self.sample.len();
        let at = |p: &f64| ((n as f64 * p.min(100.0) / 100.0) as usize).min(n.saturating_sub(1));
        percents.iter().map(|p| self.sample.get(at(p)).copied().unwrap_or(0.0)).collect()
    }
}

thread_local! {
    static SEED: RandomState = RandomState::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_a_hundred() {
        let mut r = Running::default();
        (1..=100).for_each(|i| r.add(f64::from(i), 1, 1000));
        assert_eq!(
            (r.count(), r.sum(), r.lower(), r.upper(), r.mean(), r.median()),
            (100, 5050.0, 1.0, 100.0, 50.5, 50.5)
        );
        assert_eq!(r.stddev(), 28.86607004772212);
        assert_eq!(r.percentiles(&[50.0, 90.0, 99.5, 100.0, 0.0, 200.0]), [51.0, 91.0, 100.0, 100.0, 1.0, 100.0]);
    }

    #[test]
    fn the_sample_is_bounded_and_the_median_is_of_the_last() {
        let mut r = Running::default();
        (0..10_000).for_each(|i| r.add(f64::from(i), 1, 10));
        assert_eq!((r.sample.len(), r.recent.len()), (10, RECENT));
        assert_eq!(r.median(), 9499.5);
        r.add(1.0, u32::MAX, 10);
        assert_eq!(r.count(), 10_000 + i64::from(u32::MAX));
        assert_eq!(r.median(), 1.0);
    }
}
