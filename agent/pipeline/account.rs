//! The account of a plugin: how many metrics came in, where they went, and what it cost.
//!
//! It belongs to the running plugin and not to a name, so that for each `in = out + filtered + dropped + rejected + queued` holds
//! to the metric; a plugin that takes another's place at a reload takes over its account. Everything is counted by the batch.

use crate::config::Instance;
use agent_api::meter;
use agent_api::plugin::{Future, now};
use agent_api::stats::Counter;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a plugin took in and gave out; cloning the `Arc` shares it.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) taken: Counter,
    pub(super) given: Counter,
    pub(super) filtered: Counter,
    pub(super) rejected: Counter,
    pub(super) errors: Counter,
    /// Nanoseconds of CPU in calls of the plugin; what threads and tasks of its own do is not known.
    pub(super) cpu: Counter,
    /// Bytes that its instances hold, of those that say.
    pub(super) held: Counter,
    /// Instances that say.
    pub(super) holders: Counter,
    pub(super) health: Health,
    dropped: Mutex<BTreeMap<&'static str, i64>>,
}

impl Account {
    /// Counts metrics that were dropped.
    pub(super) fn drop_for(&self, reason: &'static str, n: usize) {
        if n > 0 {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            *dropped.entry(reason).or_default() += n as i64;
        }
    }

    /// Bytes that it holds between calls; None if it does not say.
    pub(super) fn held(&self) -> Option<i64> {
        (self.holders.read() > 0).then(|| self.held.read())
    }

    /// Metrics that were dropped, by reason.
    pub(super) fn dropped(&self) -> BTreeMap<&'static str, i64> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs something and adds the CPU time of this thread.
    pub(super) fn meter<T>(&self, work: impl FnOnce() -> T) -> T {
        meter::meter(&self.cpu, work)
    }

    /// The same for a call of a plugin that waits in between.
    pub(super) fn metered<'a, T>(&self, call: Future<'a, T>) -> impl std::future::Future<Output = T> + use<'a, T> {
        meter::metered(self.cpu.clone(), call)
    }
}

/// Whether a plugin does what it is there for.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Nanoseconds since the epoch; 0 where the last call went well or there was none.
    failing_since: Counter,
    /// Calls that went well.
    good: Counter,
}

impl Health {
    pub(super) fn good(&self) {
        self.failing_since.set(0);
        self.good.inc();
    }

    /// Another plugin begins in the place of the one before.
    pub(super) fn begin(&self) {
        self.failing_since.set(0);
        self.good.set(0);
    }

    pub(super) fn bad(&self) {
        if self.failing_since.read() == 0 {
            self.failing_since.set(now());
        }
    }

    /// Since when it fails, in nanoseconds since the epoch.
    pub(super) fn failing_since(&self) -> Option<i64> {
        Some(self.failing_since.read()).filter(|since| *since != 0)
    }

    /// Calls that went well.
    pub(super) fn successes(&self) -> i64 {
        self.good.read()
    }
}

/// What tells a plugin of the running configuration from all others: what it is, and how many equal ones stand before it.
pub(super) type Key = (crate::config::Digest, usize);

/// The keys of plugins in their order.
pub(super) fn keys<'a>(plugins: impl Iterator<Item = &'a Instance>) -> Vec<Key> {
    let mut seen: BTreeMap<crate::config::Digest, usize> = BTreeMap::new();
    plugins
        .map(|plugin| {
            let times = seen.entry(plugin.whole).or_default();
            *times += 1;
            (plugin.whole, *times)
        })
        .collect()
}
