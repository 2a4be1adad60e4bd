//! What both sides of an output share: its queue, its account, how it is flushed and how it writes; and the side that metrics are offered to.

use super::account::Account;
use super::board::{Breaker, Queued, Writing};
use super::buffer::Buffer;
use super::rename::Renaming;
use crate::config::{AgentSettings, Filter, OutputConfig};
use agent_api::stats::{self, Counter, Timing};
use agent_api::{Log, Settled, View};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// What everything before an output sees of it.
#[derive(Clone)]
pub(super) struct OutputHandle {
    filter: Filter,
    renaming: Renaming,
    link: Arc<Link>,
}

/// What both sides of an output share. The queue outlives it: at a reload the output that takes its place goes on with it.
pub(super) struct Link {
    pub(super) queue: Arc<Buffer>,
    pub(super) account: Arc<Account>,
    /// Metrics that are being written.
    pub(super) writing: Counter,
    /// How the writer writes.
    pub(super) state: Mutex<WriterState>,
    pub(super) flush: Notify,
    pub(super) pace: watch::Sender<Pace>,
    pub(super) stats: Stats,
}

/// How a writer writes just now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WriterState {
    pub(super) breaker: Breaker,
    /// The end of its pause.
    pub(super) not_before: Option<Instant>,
    /// Requests that may be under way at once, and how many that can become.
    pub(super) requests: usize,
    pub(super) most: usize,
}

/// Why a queue drops metrics.
const FULL: &str = "queue full";
const DAMAGED: &str = "damaged on disk";

/// How often an output is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) jitter: Duration,
}

impl Pace {
    /// As the options of an output say, else those of the agent.
    pub(super) fn new(config: &OutputConfig, agent: &AgentSettings) -> Self {
        Pace {
            interval: config.flush_interval.unwrap_or(agent.flush_interval),
            jitter: config.flush_jitter.unwrap_or(agent.flush_jitter),
        }
    }
}

/// What an output counts.
pub(super) struct Stats {
    pub(super) added: Counter,
    pub(super) filtered: Counter,
    pub(super) written: Counter,
    pub(super) dropped: Counter,
    pub(super) rejected: Counter,
    pub(super) write_errors: Counter,
    pub(super) startup_errors: Counter,
    pub(super) buffer_size: Counter,
    pub(super) limit: Counter,
    pub(super) write_time: Timing,
    pub(super) all_written: Counter,
    pub(super) all_dropped: Counter,
    pub(super) all_rejected: Counter,
    pub(super) all_write_errors: Counter,
}

impl Stats {
    pub(super) fn new(name: &str, alias: &str, limit: usize) -> Self {
        let set = stats::set("write", &[("output", name), ("alias", alias)]);
        let all = stats::set("agent", &[]);
        let buffer_limit = set.counter("buffer_limit");
        buffer_limit.set(limit as i64);
        Stats {
            limit: buffer_limit,
            added: set.counter("metrics_added"),
            filtered: set.counter("metrics_filtered"),
            written: set.counter("metrics_written"),
            dropped: set.counter("metrics_dropped"),
            rejected: set.counter("metrics_rejected"),
            write_errors: set.counter("write_errors"),
            startup_errors: set.counter("startup_errors"),
            buffer_size: set.counter("buffer_size"),
            write_time: set.timing("write_time_ns"),
            all_written: all.counter("metrics_written"),
            all_dropped: all.counter("metrics_dropped"),
            all_rejected: all.counter("metrics_rejected"),
            all_write_errors: all.counter("write_errors"),
        }
    }
}

impl Link {
    pub(super) fn new(queue: Arc<Buffer>, account: Arc<Account>, config: &OutputConfig, pace: Pace) -> Arc<Self> {
        let stats = Stats::new(config.plugin.entry.name, &config.plugin.alias, config.metric_buffer_limit);
        Arc::new(Link {
            queue,
            account,
            writing: Counter::default(),
            state: Mutex::default(),
            flush: Notify::new(),
            pace: watch::Sender::new(pace),
            stats,
        })
    }

    /// That of an output without a configuration.
    pub(super) fn plain(queue: Buffer, name: &str) -> Arc<Self> {
        Arc::new(Link {
            queue: Arc::new(queue),
            account: Arc::default(),
            writing: Counter::default(),
            state: Mutex::default(),
            flush: Notify::new(),
            pace: watch::Sender::new(Pace { interval: Duration::from_secs(1), jitter: Duration::ZERO }),
            stats: Stats::new(name, "", 0),
        })
    }

    /// Takes over what may change while the output goes on.
    pub(super) fn adjust(&self, config: &OutputConfig, pace: Pace) {
        self.queue.resize(config.metric_buffer_limit, config.metric_batch_size);
        self.stats.limit.set(config.metric_buffer_limit as i64);
        self.pace.send_if_modified(|now| std::mem::replace(now, pace) != pace);
    }

    /// What waits to be written.
    pub(super) fn queued(&self) -> Queued {
        let (metrics, bytes, oldest) = (self.queue.len(), self.queue.bytes(), self.queue.oldest());
        Queued {
            metrics: metrics + usize::try_from(self.writing.read()).unwrap_or(0),
            bytes,
            on_disk: self.queue.is_on_disk(),
            oldest_seconds: oldest.filter(|_| metrics > 0).map(|age| age.as_secs_f64()),
        }
    }

    /// How it is written.
    pub(super) fn writing(&self) -> Writing {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = state.not_before.map(|end| end.saturating_duration_since(Instant::now()).as_secs_f64());
        let pause = pause.filter(|seconds| *seconds > 0.0);
        // Once the pause is over the next write decides.
        let breaker = if state.breaker == Breaker::Open && pause.is_none() { Breaker::HalfOpen } else { state.breaker };
        Writing { breaker, pause_seconds: pause, requests: state.requests.max(1), most_requests: state.most.max(1) }
    }

    /// What the queue has dropped and nobody has counted, by reason.
    pub(super) fn uncounted(&self) -> [(&'static str, usize); 2] {
        [(FULL, self.queue.dropped()), (DAMAGED, self.queue.damaged())]
    }

    /// Counts what the queue has dropped since it was last asked, and says so.
    pub(super) fn count_dropped(&self, log: &Log) {
        let dropped = self.queue.take_dropped();
        if dropped > 0 {
            self.drop_for(FULL, dropped);
            log.warn(format_args!("Metric buffer overflow; {dropped} metrics have been dropped"));
        }
        let damaged = self.queue.take_damaged();
        if damaged > 0 {
            self.drop_for(DAMAGED, damaged);
            log.error(format_args!("disk queue: {damaged} metrics could not be read back and are lost"));
        }
        self.stats.buffer_size.set(self.queue.len() as i64);
    }

    pub(super) fn drop_for(&self, reason: &'static str, n: usize) {
        self.account.drop_for(reason, n);
        self.stats.dropped.add(n as i64);
        self.stats.all_dropped.add(n as i64);
    }
}

impl OutputHandle {
    /// The side of an output that metrics are offered to.
    pub(super) fn new(config: &OutputConfig, link: Arc<Link>) -> Self {
        let renaming = Renaming::new(&config.naming, Vec::new());
        OutputHandle { filter: config.filter.clone(), renaming, link }
    }

    /// The side of one that takes everything as it is.
    pub(super) fn plain(link: Arc<Link>) -> Self {
        OutputHandle { filter: Filter::default(), renaming: Renaming::default(), link }
    }

    /// Takes what the output's filter selects, changed as its options say.
    pub(super) fn offer(&self, view: View) {
        let Link { stats, account, queue, .. } = &*self.link;
        let filtered = |n: usize| {
            stats.filtered.add(n as i64);
            account.filtered.add(n as i64);
        };
        account.taken.add(view.len() as i64);
        let mut view = view;
        if !self.filter.selects_all() {
            let rows: Vec<u32> =
                (0..view.len()).filter(|i| self.filter.selects(view.at(*i))).map(|i| view.row(i)).collect();
            if rows.len() != view.len() {
                filtered(view.len() - rows.len());
                let selected = view.with_rows(rows);
                view.settle(Settled::Delivered);
                view = selected;
            }
        }
        let changes = !(self.filter.modifies_nothing() && self.renaming.is_empty());
        if changes && !view.is_empty() {
            let mut batch = view.into_batch();
            let before = batch.len();
            self.filter.modify_all(&mut batch);
            filtered(before - batch.len());
            self.renaming.apply(&mut batch);
            view = View::all(batch);
        }
        if view.is_empty() {
            view.settle(Settled::Delivered);
            return;
        }
        stats.added.add(view.len() as i64);
        queue.push(view);
    }

    /// Has what was taken so far written at once.
    pub(super) fn urge(&self) {
        self.link.queue.urge();
    }

    /// Asks for a flush now.
    pub(super) fn flush(&self) {
        self.link.flush.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::{Ending, Writer};
    use super::super::queue::Queue;
    use super::*;
    use crate::config::Queueing;
    use agent_api::plugin::{DynOutput, Future};
    use agent_api::{Batch, Chunk, StartError, WriteError};

    /// Takes everything.
    struct Hole;

    impl DynOutput for Hole {
        fn open(&mut self) -> Future<'_, Result<(), StartError>> {
            Box::pin(async { Ok(()) })
        }
        fn write<'a>(&'a mut self, _: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
            Box::pin(async { Ok(()) })
        }
        fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn what_is_dropped_is_known_before_it_is_counted() {
        let log = Log::new("outputs.test", None, Counter::default());
        let queue = Buffer::Memory(Queue::new(5, 10, Queueing::default()));
        let ending = watch::channel(Ending::None).1;
        let (handle, mut writer) = Writer::plain(Box::new(Hole), queue, "test", log, ending);
        let mut batch = Batch::new();
        (0..8i64).for_each(|i| drop(batch.metric("m").field("i", i)));
        handle.offer(View::all(batch));
        let link = writer.link.clone();
        assert_eq!((link.queued().metrics, link.uncounted()[0]), (5, (FULL, 3)));
        assert!(link.account.dropped().is_empty());
        writer.flush().await;
        assert_eq!((link.uncounted()[0], link.account.dropped()), ((FULL, 0), [(FULL, 3)].into()));
        assert_eq!((link.account.taken.read(), link.account.given.read()), (8, 5));
    }
}
