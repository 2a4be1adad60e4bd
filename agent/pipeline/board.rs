//! The ledger: what every running plugin has taken in and where it went, to be read while the pipeline runs.
//!
//! The pipeline only says who is there, at its start and after a reload; numbers are read when somebody asks for them.

use super::account::Account;
use super::link::Link;
use crate::config::{Digest, Instance};
use agent_api::plugin::{Family, now};
use agent_net::server::Sockets;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The running plugins; cloning shares them.
#[derive(Clone, Default)]
pub struct Board(Arc<RwLock<Vec<Seat>>>);

/// A running plugin.
pub(super) struct Seat {
    family: Family,
    name: &'static str,
    alias: String,
    own: Digest,
    account: Arc<Account>,
    link: Option<Arc<Link>>,
    sockets: Sockets,
}

/// What a plugin has taken in and where it went. For an output `in` is the sum of `out`, `filtered`, `dropped`, `rejected` and
/// what waits, for an input of `out`, `filtered` and what it is handing on; processors and aggregators give out what they make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// As users name it: `inputs.cpu`.
    pub plugin: String,
    /// Its alias, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// Metrics that came.
    #[serde(rename = "in")]
    pub taken: i64,
    /// Metrics that it gave on or wrote.
    #[serde(rename = "out")]
    pub given: i64,
    /// Metrics that its filter left out.
    pub filtered: i64,
    /// Metrics lost, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, i64>,
    /// Metrics that the other side refused for good.
    pub rejected: i64,
    /// Errors.
    pub errors: i64,
    /// What waits to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Queued>,
    /// How it writes, for an output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writing: Option<Writing>,
    /// Packets that the kernel dropped as they came faster than they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_drops: Option<i64>,
    /// CPU in calls of the plugin; what tasks and threads of its own do is not known.
    pub cpu_seconds: f64,
    /// Memory that it holds between calls, in bytes, about: tables and what is put off, and for an output what waits in memory. None
    /// where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_bytes: Option<i64>,
    /// For how long nothing has gone well; None where the last call did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_seconds: Option<f64>,
}

/// What waits in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// Metrics, those being written included.
    pub metrics: usize,
    /// Bytes, of memory or of files, about.
    pub bytes: u64,
    /// True if they are on disk.
    pub on_disk: bool,
    /// Age of the oldest; None if nothing waits or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<f64>,
}

/// How an output writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Writing {
    /// Where its circuit breaker stands.
    pub breaker: Breaker,
    /// The rest of the pause of a breaker that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_seconds: Option<f64>,
    /// Requests that may be under way at once.
    pub requests: usize,
    /// What that may become (`max_concurrent_requests`); 1 where the output writes one at a time.
    pub most_requests: usize,
}

/// Where a circuit breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// Writes succeed.
    #[default]
    Closed,
    /// Writes failed, and nothing is tried during a pause.
    Open,
    /// Writes failed; the next decides.
    HalfOpen,
}

impl Seat {
    pub(super) fn new(plugin: &Instance, account: &Arc<Account>) -> Self {
        Seat {
            family: plugin.entry.family,
            name: plugin.entry.name,
            alias: plugin.alias.clone(),
            own: plugin.own,
            account: account.clone(),
            link: None,
            sockets: Sockets::default(),
        }
    }

    pub(super) fn with_sockets(self, sockets: &Sockets) -> Self {
        Seat { sockets: sockets.clone(), ..self }
    }

    pub(super) fn with_queue(self, link: &Arc<Link>) -> Self {
        Seat { link: Some(link.clone()), ..self }
    }

    fn failing(&self) -> Option<Duration> {
        let since = self.account.health.failing_since()?;
        Some(Duration::from_nanos(u64::try_from(now() - since).unwrap_or(0)))
    }

    /// What was dropped, with what the output has not counted yet: it does so when it flushes, and a slow write keeps it from that.
    fn dropped(&self) -> BTreeMap<String, i64> {
        let uncounted = self.link.as_ref().map(|link| link.uncounted()).unwrap_or_default();
        let mut dropped: BTreeMap<String, i64> =
            self.account.dropped().into_iter().map(|(reason, n)| (reason.to_owned(), n)).collect();
        for (reason, n) in uncounted.into_iter().filter(|(_, n)| *n > 0) {
            *dropped.entry(reason.to_owned()).or_default() += n as i64;
        }
        dropped
    }

    fn status(&self) -> Status {
        let Account { taken, given, filtered, rejected, errors, cpu, .. } = &*self.account;
        Status {
            plugin: format!("{}.{}", self.family.name(), self.name),
            alias: self.alias.clone(),
            taken: taken.read(),
            given: given.read(),
            filtered: filtered.read(),
            dropped: self.dropped(),
            rejected: rejected.read(),
            errors: errors.read(),
            queued: self.link.as_ref().map(|link| link.queued()),
            writing: self.link.as_ref().map(|link| link.writing()),
            kernel_drops: self.sockets.kernel_drops(),
            cpu_seconds: cpu.read() as f64 / 1e9,
            held_bytes: match &self.link {
                Some(link) => i64::try_from(link.queue.memory()).ok(),
                None => self.account.held(),
            },
            failing_seconds: self.failing().map(|f| f.as_secs_f64()),
        }
    }
}

impl Board {
    /// Says who is there now.
    pub(super) fn set(&self, seats: Vec<Seat>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = seats;
    }

    /// The numbers of all plugins, in the order inputs, processors, aggregators, outputs.
    pub fn read(&self) -> Vec<Status> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(Seat::status).collect()
    }

    /// The inputs and outputs among `those` that have been failing for so long, by name.
    pub fn failing(&self, those: impl Fn(&Digest) -> bool, long: Duration) -> Vec<String> {
        let seats = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ends = seats.iter().filter(|s| matches!(s.family, Family::Inputs | Family::Outputs) && those(&s.own));
        ends.filter(|s| s.failing().is_some_and(|f| f >= long))
            .map(|s| format!("{}.{}", s.family.name(), s.name))
            .collect()
    }

    /// True once every input and output among `those` has done its work at least once since it began.
    pub fn proven(&self, those: impl Fn(&Digest) -> bool) -> bool {
        let seats = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut ends = seats.iter().filter(|s| matches!(s.family, Family::Inputs | Family::Outputs) && those(&s.own));
        ends.all(|s| s.account.health.successes() > 0)
    }
}
