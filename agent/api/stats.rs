//! What the agent and its plugins count about themselves: the source of `inputs.internal`, `/metrics` and the ledger.
//!
//! Counters are shared atomics found by measurement and tags, so that a plugin that is rebuilt goes on counting where it was.

use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A counter or gauge; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicI64>);

impl Counter {
    /// Adds.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }
    /// Sets.
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }
    /// Raises it to `n` if it is below.
    pub fn raise(&self, n: i64) {
        self.0.fetch_max(n, Relaxed);
    }
    /// Reads.
    pub fn read(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A time in nanoseconds, reported as the average since it was last read, and kept as a histogram.
#[derive(Clone, Debug, Default)]
pub struct Timing(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    sum: AtomicI64,
    count: AtomicI64,
    last: AtomicI64,
    /// Made at the first measurement; two significant digits, so a few kilobytes.
    histogram: Mutex<Option<Histogram<u64>>>,
}

/// How long calls took, in nanoseconds, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Number of calls.
    pub count: u64,
    /// Half of the calls took no longer.
    pub p50: u64,
    /// Nine of ten calls took no longer.
    pub p90: u64,
    /// Ninety-nine of a hundred calls took no longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Timing {
    /// Adds one measurement.
    pub fn add(&self, nanos: i64) {
        self.0.sum.fetch_add(nanos, Relaxed);
        self.0.count.fetch_add(1, Relaxed);
        let mut histogram = self.0.histogram.lock().unwrap_or_else(PoisonError::into_inner);
        if histogram.is_none() {
            *histogram = Histogram::new(2).ok();
        }
        if let Some(histogram) = histogram.as_mut() {
            // It grows by itself, so no value is out of range.
            let _in_range = histogram.record(u64::try_from(nanos).unwrap_or(0));
        }
    }

    /// The average since the last call; the one before where nothing came since.
    pub fn take(&self) -> i64 {
        let (sum, n) = (self.0.sum.swap(0, Relaxed), self.0.count.swap(0, Relaxed));
        if n > 0 {
            self.0.last.store(sum / n, Relaxed);
        }
        self.0.last.load(Relaxed)
    }

    /// The distribution since the start; None before the first measurement.
    pub fn latency(&self) -> Option<Latency> {
        let histogram = self.0.histogram.lock().unwrap_or_else(PoisonError::into_inner);
        let h = histogram.as_ref()?;
        let at = |q| h.value_at_quantile(q);
        Some(Latency { count: h.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: h.max() })
    }
}

#[derive(Clone, Debug)]
enum Number {
    Counter(Counter),
    Timing(Timing),
}

/// Numbers of one measurement and one set of tags; cloning shares it.
#[derive(Clone, Debug)]
pub struct Set(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    measurement: String,
    tags: Vec<(String, String)>,
    numbers: Mutex<Vec<(String, Number)>>,
}

static SETS: Mutex<Vec<Set>> = Mutex::new(Vec::new());

/// The set of a measurement (without the prefix `internal_`) and its tags, made if it is new.
pub fn set(measurement: &str, tags: &[(&str, &str)]) -> Set {
    let mut sets = SETS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tags: Vec<(String, String)> =
        tags.iter().filter(|t| !t.1.is_empty()).map(|t| (t.0.to_owned(), t.1.to_owned())).collect();
    tags.sort();
    if let Some(found) = sets.iter().find(|s| s.0.measurement == measurement && s.0.tags == tags) {
        return found.clone();
    }
    let set = Set(Arc::new(Inner { measurement: measurement.to_owned(), tags, numbers: Mutex::default() }));
    sets.push(set.clone());
    set
}

/// All sets.
pub fn all() -> Vec<Set> {
    SETS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Set {
    /// The counter of a name, made if it is new.
    pub fn counter(&self, name: &str) -> Counter {
        let mut numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, Number::Counter(c))) = numbers.iter().find(|n| n.0 == name) {
            return c.clone();
        }
        let counter = Counter::default();
        numbers.push((name.to_owned(), Number::Counter(counter.clone())));
        counter
    }

    /// The timing of a name, made if it is new.
    pub fn timing(&self, name: &str) -> Timing {
        let mut numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, Number::Timing(t))) = numbers.iter().find(|n| n.0 == name) {
            return t.clone();
        }
        let timing = Timing::default();
        numbers.push((name.to_owned(), Number::Timing(timing.clone())));
        timing
    }

    /// The measurement, without the prefix `internal_`.
    pub fn measurement(&self) -> &str {
        &self.0.measurement
    }

    /// The tags, sorted.
    pub fn tags(&self) -> &[(String, String)] {
        &self.0.tags
    }

    /// All numbers as they are now; reading a timing starts its next average.
    pub fn read(&self) -> Vec<(String, i64)> {
        let numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers
            .iter()
            .map(|(name, n)| match n {
                Number::Counter(c) => (name.clone(), c.read()),
                Number::Timing(t) => (name.clone(), t.take()),
            })
            .collect()
    }

    /// The distributions of its timings, by name.
    pub fn latencies(&self) -> Vec<(String, Latency)> {
        let numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let timings =
            numbers.iter().filter_map(|(name, n)| if let Number::Timing(t) = n { Some((name, t)) } else { None });
        timings.filter_map(|(name, t)| Some((name.clone(), t.latency()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_give_an_average_since_the_last_look_and_a_distribution_since_the_start() {
        let timing = Timing::default();
        assert_eq!(timing.latency(), None);
        (1..=100).for_each(|n| timing.add(n * 1000));
        assert_eq!((timing.take(), timing.take()), (50_500, 50_500));
        let latency = timing.latency().expect("there are measurements");
        assert_eq!(latency.count, 100);
        for (got, want) in [(latency.p50, 50_000), (latency.p90, 90_000), (latency.p99, 99_000), (latency.max, 100_000)]
        {
            assert!(got.abs_diff(want) * 100 <= want, "{got} is not within a hundredth of {want}");
        }
    }
}
