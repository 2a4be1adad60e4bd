//! The intake of an input: what its common options do to each metric before anything else sees it.

use super::account::Account;
use super::credit::Credit;
use super::rename::Renaming;
use super::stage::{self, Gate};
use crate::config::{Filter, TimeSource};
use agent_api::plugin::{Future, Sink, now};
use agent_api::stats::Counter;
use agent_api::{Batch, Log, Settled, View};
use std::sync::{Arc, PoisonError, RwLock};

/// Filters, names, tags and times, then the next stage.
pub(super) struct Intake {
    /// Exchanged at a reload while the input goes on.
    pub(super) rules: RwLock<Arc<Rules>>,
    pub(super) next: Gate,
    pub(super) credit: Option<Credit>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) log: Log,
    pub(super) account: Arc<Account>,
    pub(super) gathered: Counter,
    pub(super) all_gathered: Counter,
    pub(super) gather_errors: Counter,
    pub(super) all_gather_errors: Counter,
}

/// The common options of an input.
pub(super) struct Rules {
    pub(super) filter: Filter,
    pub(super) renaming: Renaming,
    /// Put back after tags were removed by the filter (`always_include_*`).
    pub(super) always: Vec<(String, String)>,
    /// Nanoseconds to which times are rounded; 1 for listeners unless they say otherwise.
    pub(super) precision: i64,
    pub(super) time_source: TimeSource,
}

impl Intake {
    /// Does what the input's options say; `started` is when the collection began.
    pub(super) fn prepare(&self, batch: &mut Batch, started: i64) {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let came = batch.len();
        self.account.taken.add(came as i64);
        if !rules.filter.selects_all() {
            batch.retain(|m| rules.filter.selects(m.read()));
        }
        rules.renaming.apply(batch);
        rules.filter.modify_all(batch);
        self.account.filtered.add((came - batch.len()) as i64);
        if !rules.always.is_empty() {
            batch.each(|m| {
                for (key, value) in &rules.always {
                    m.default_tag(key, value);
                }
            });
        }
        match rules.time_source {
            TimeSource::Metric => batch.settle_times(now(), rules.precision),
            TimeSource::CollectionStart => batch.set_times(started, rules.precision),
            TimeSource::CollectionEnd => batch.set_times(now(), rules.precision),
        }
        self.gathered.add(batch.len() as i64);
        self.all_gathered.add(batch.len() as i64);
    }

    /// Hands a prepared batch on.
    pub(super) async fn forward(&self, batch: Batch, elastic: bool) {
        if batch.is_empty() && batch.cargo().is_none() {
            View::all(batch).settle(Settled::Delivered);
            return;
        }
        let count = batch.len();
        match &self.credit {
            Some(credit) => {
                credit.room().wait().await;
                if elastic { credit.hand_on(batch, &self.next).await } else { self.next.send(batch).await }
            }
            None => self.next.send(batch).await,
        }
        self.account.given.add(count as i64);
    }

    /// Does what the options of a new configuration say from the next batch on.
    pub(super) fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Takes note of an error of a collection.
    pub(super) fn failed(&self, error: &agent_api::Error) {
        self.account.errors.inc();
        self.account.health.bad();
        self.gather_errors.inc();
        self.all_gather_errors.inc();
        self.log.error(format_args!("{error:#}"));
    }
}

/// The hand of an intake that listeners are given.
pub(super) struct Hand(pub(super) Arc<Intake>);

impl Sink for Hand {
    fn send(&self, mut batch: Batch, elastic: bool) -> Future<'_, ()> {
        self.0.prepare(&mut batch, now());
        Box::pin(self.0.forward(batch, elastic))
    }

    fn send_blocking(&self, mut batch: Batch, elastic: bool) {
        self.0.prepare(&mut batch, now());
        let forward = self.0.forward(batch, elastic);
        stage::wait_here(&self.0.runtime, forward);
    }

    fn error(&self, error: agent_api::Error) {
        self.0.failed(&error);
    }

    fn urge(&self) -> Future<'_, ()> {
        Box::pin(self.0.next.urge())
    }
}
