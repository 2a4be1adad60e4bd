//! What the agent and its plugins count about themselves: the source of `inputs.internal`, `/metrics` and the ledger.
//!
//! Counters are shared atomics found by measurement and tags, so that a plugin that is rebuilt goes on counting where it was.

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

/// A time in nanoseconds, reported as the average since it was last read.
#[derive(Clone, Debug, Default)]
pub struct Timing(Arc<(AtomicI64, AtomicI64, AtomicI64)>);

impl Timing {
    /// Adds one measurement.
    pub fn add(&self, nanos: i64) {
        self.0.0.fetch_add(nanos, Relaxed);
        self.0.1.fetch_add(1, Relaxed);
    }
    /// The average since the last call; the one before where nothing came since.
    pub fn take(&self) -> i64 {
        let (sum, n) = (self.0.0.swap(0, Relaxed), self.0.1.swap(0, Relaxed));
        if n > 0 {
            self.0.2.store(sum / n, Relaxed);
        }
        self.0.2.load(Relaxed)
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
}
