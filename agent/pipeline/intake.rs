//! The intake of an input: what its common options do to each metric before anything else sees it.

use super::credit::Credit;
use super::rename::Renaming;
use super::stage::Next;
use crate::config::{Filter, TimeSource};
use agent_api::plugin::{Future, Sink, now};
use agent_api::stats::Counter;
use agent_api::{Batch, Log, Settled, View};
use std::sync::Arc;

/// Filters, names, tags and times, then the next stage.
pub(super) struct Intake {
    pub(super) filter: Filter,
    pub(super) renaming: Renaming,
    /// Put back after tags were removed by the filter (`always_include_*`).
    pub(super) always: Vec<(String, String)>,
    /// Nanoseconds to which times are rounded; 1 for listeners unless they say otherwise.
    pub(super) precision: i64,
    pub(super) time_source: TimeSource,
    pub(super) next: Next,
    pub(super) credit: Option<Credit>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) log: Log,
    pub(super) gathered: Counter,
    pub(super) all_gathered: Counter,
    pub(super) gather_errors: Counter,
    pub(super) all_gather_errors: Counter,
}

impl Intake {
    /// Does what the input's options say; `started` is when the collection began.
    pub(super) fn prepare(&self, batch: &mut Batch, started: i64) {
        if !self.filter.selects_all() {
            batch.retain(|m| self.filter.selects(m.read()));
        }
        self.renaming.apply(batch);
        self.filter.modify_all(batch);
        if !self.always.is_empty() {
            batch.each(|m| {
                for (key, value) in &self.always {
                    m.default_tag(key, value);
                }
            });
        }
        match self.time_source {
            TimeSource::Metric => batch.settle_times(now(), self.precision),
            TimeSource::CollectionStart => batch.set_times(started, self.precision),
            TimeSource::CollectionEnd => batch.set_times(now(), self.precision),
        }
        self.gathered.add(batch.len() as i64);
        self.all_gathered.add(batch.len() as i64);
    }

    /// Hands a prepared batch on.
    pub(super) async fn forward(&self, mut batch: Batch, elastic: bool) {
        if batch.is_empty() {
            View::all(batch).settle(Settled::Delivered);
            return;
        }
        if elastic && let Some(credit) = &self.credit {
            credit.charge(&mut batch).await;
        }
        self.next.send(batch).await;
    }

    /// Takes note of an error of a collection.
    pub(super) fn failed(&self, error: &agent_api::Error) {
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
        if tokio::runtime::Handle::try_current().is_ok() {
            tokio::task::block_in_place(|| self.0.runtime.block_on(forward));
        } else {
            self.0.runtime.block_on(forward);
        }
    }

    fn error(&self, error: agent_api::Error) {
        self.0.failed(&error);
    }
}
