//! An output with its queue: takes its share of what comes, writes it in batches, keeps what could not be written.
//!
//! A full batch is written at once, the rest at the flush interval. After a failed write nothing is tried before the next
//! flush, so that a dead output costs one attempt an interval.

use super::buffer::Buffer;
use super::disk::Disk;
use super::queue::Queue;
use super::rename::Renaming;
use crate::config::{Filter, OutputConfig, StartupError};
use agent_api::plugin::{DynOutput, Future};
use agent_api::stats::{self, Counter, Timing};
use agent_api::{Chunk, Log, Settled, StartError, View, WriteError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// What everything before an output sees of it.
#[derive(Clone)]
pub(super) struct OutputHandle {
    shared: Arc<Shared>,
}

struct Shared {
    filter: Filter,
    renaming: Renaming,
    queue: Buffer,
    flush: Notify,
    stats: Stats,
}

struct Stats {
    added: Counter,
    filtered: Counter,
    written: Counter,
    dropped: Counter,
    rejected: Counter,
    write_errors: Counter,
    buffer_size: Counter,
    write_time: Timing,
    all_written: Counter,
    all_dropped: Counter,
    all_rejected: Counter,
    all_write_errors: Counter,
}

impl Stats {
    fn new(name: &str, alias: &str, limit: usize) -> Self {
        let set = stats::set("write", &[("output", name), ("alias", alias)]);
        let all = stats::set("agent", &[]);
        set.counter("buffer_limit").set(limit as i64);
        Stats {
            added: set.counter("metrics_added"),
            filtered: set.counter("metrics_filtered"),
            written: set.counter("metrics_written"),
            dropped: set.counter("metrics_dropped"),
            rejected: set.counter("metrics_rejected"),
            write_errors: set.counter("write_errors"),
            buffer_size: set.counter("buffer_size"),
            write_time: set.timing("write_time_ns"),
            all_written: all.counter("metrics_written"),
            all_dropped: all.counter("metrics_dropped"),
            all_rejected: all.counter("metrics_rejected"),
            all_write_errors: all.counter("write_errors"),
        }
    }
}

impl OutputHandle {
    /// Takes what the output's filter selects, changed as its options say.
    pub(super) fn offer(&self, view: View) {
        let shared = &*self.shared;
        let mut view = view;
        if !shared.filter.selects_all() {
            let rows: Vec<u32> =
                (0..view.len()).filter(|i| shared.filter.selects(view.at(*i))).map(|i| view.row(i)).collect();
            if rows.len() != view.len() {
                shared.stats.filtered.add((view.len() - rows.len()) as i64);
                let selected = view.with_rows(rows);
                view.settle(Settled::Delivered);
                view = selected;
            }
        }
        let changes = !(shared.filter.modifies_nothing() && shared.renaming.is_empty());
        if changes && !view.is_empty() {
            let mut batch = view.into_batch();
            let before = batch.len();
            shared.filter.modify_all(&mut batch);
            shared.stats.filtered.add((before - batch.len()) as i64);
            shared.renaming.apply(&mut batch);
            view = View::all(batch);
        }
        if view.is_empty() {
            view.settle(Settled::Delivered);
            return;
        }
        shared.stats.added.add(view.len() as i64);
        shared.queue.push(view);
    }

    /// Asks for a flush now.
    pub(super) fn flush(&self) {
        self.shared.flush.notify_one();
    }

    /// Number of metrics that wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue.len()
    }
}

/// The task's side of an output.
pub(super) struct Writer {
    output: Box<dyn DynOutput>,
    opened: bool,
    startup: StartupError,
    shared: Arc<Shared>,
    log: Log,
    interval: Duration,
    jitter: Duration,
    not_before: Option<Instant>,
}

impl Writer {
    /// An output with its queue; gives both sides.
    pub(super) fn new(
        output: Box<dyn DynOutput>,
        config: &OutputConfig,
        directory: Option<PathBuf>,
        log: Log,
        interval: Duration,
        jitter: Duration,
    ) -> (OutputHandle, Writer) {
        let queue = match (&config.disk, directory) {
            (Some(disk), Some(directory)) => {
                Buffer::Disk(Disk::new(directory, disk, config.metric_batch_size, log.clone()))
            }
            _ => Buffer::Memory(Queue::new(config.metric_buffer_limit, config.metric_batch_size)),
        };
        let shared = Arc::new(Shared {
            filter: config.filter.clone(),
            renaming: Renaming::new(&config.naming, Vec::new()),
            queue,
            flush: Notify::new(),
            stats: Stats::new(config.plugin.entry.name, &config.plugin.alias, config.metric_buffer_limit),
        });
        let startup = config.startup_error_behavior;
        let handle = OutputHandle { shared: shared.clone() };
        let interval = config.flush_interval.unwrap_or(interval);
        let jitter = config.flush_jitter.unwrap_or(jitter);
        (handle, Writer { output, opened: false, startup, shared, log, interval, jitter, not_before: None })
    }

    /// Opens the output at the start: Ok(false) if it is to be left out.
    pub(super) async fn open(&mut self) -> Result<bool, StartError> {
        self.shared.queue.opened().await;
        match self.output.open().await {
            Ok(()) => {
                self.opened = true;
                Ok(true)
            }
            Err(StartError::Retry(e)) if self.startup == StartupError::Retry => {
                self.log.error(format_args!("failed to connect, trying again at the next flush: {e:#}"));
                self.shared.queue.set_failing(true);
                Ok(true)
            }
            Err(e @ StartError::Retry(_)) if matches!(self.startup, StartupError::Ignore | StartupError::Probe) => {
                self.log.error(format_args!("failed to connect, leaving the output out: {e}"));
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }

    /// Writes until `stop` says so, then once more; gives the number of metrics left.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> usize {
        let shared = self.shared.clone();
        let mut due = tokio::time::Instant::now() + self.pause();
        loop {
            tokio::select! {
                biased;
                () = told(&mut stop) => break,
                () = shared.queue.ready().notified() => self.full_batches().await,
                () = tokio::time::sleep_until(due) => {
                    self.flush().await;
                    due = tokio::time::Instant::now() + self.pause();
                }
                () = shared.flush.notified() => self.flush().await,
            }
        }
        self.flush().await;
        self.shared.queue.close().await;
        self.shared.queue.len()
    }

    fn pause(&self) -> Duration {
        self.interval + super::schedule::random(self.jitter)
    }

    async fn full_batches(&mut self) {
        while !self.shared.queue.failing() {
            let chunk = self.shared.queue.take(true).await;
            if chunk.is_empty() || !self.write(chunk).await {
                break;
            }
        }
    }

    /// Writes all that was there at the begin, until something fails.
    async fn flush(&mut self) {
        if self.not_before.is_some_and(|t| Instant::now() < t) {
            return;
        }
        self.not_before = None;
        if !self.opened {
            match self.output.open().await {
                Ok(()) => {
                    self.opened = true;
                    self.log.info("connected");
                }
                Err(e) => {
                    self.log.error(format_args!("failed to connect: {e}"));
                    return;
                }
            }
        }
        let mut left = self.shared.queue.len();
        while left > 0 {
            let chunk = self.shared.queue.take(false).await;
            left = left.saturating_sub(chunk.len().max(1));
            if chunk.is_empty() || !self.write(chunk).await {
                break;
            }
        }
        if let Err(e) = self.output.flush().await {
            self.log.error(format_args!("failed to flush: {e}"));
        }
        let dropped = self.shared.queue.take_dropped();
        if dropped > 0 {
            self.shared.stats.dropped.add(dropped as i64);
            self.shared.stats.all_dropped.add(dropped as i64);
            self.log.warn(format_args!("Metric buffer overflow; {dropped} metrics have been dropped"));
        }
        let damaged = self.shared.queue.take_damaged();
        if damaged > 0 {
            self.shared.stats.dropped.add(damaged as i64);
            self.shared.stats.all_dropped.add(damaged as i64);
            self.log.error(format_args!("disk queue: {damaged} metrics could not be read back and are lost"));
        }
        self.shared.stats.buffer_size.set(self.shared.queue.len() as i64);
    }

    /// Writes one chunk; false if something of it has to be tried again.
    async fn write(&mut self, chunk: Chunk) -> bool {
        let (started, len) = (Instant::now(), chunk.len());
        let result = self.output.write(&chunk).await;
        let took = started.elapsed();
        let stats = &self.shared.stats;
        stats.write_time.add(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX));
        let queue = &self.shared.queue;
        match result {
            Ok(()) => {
                queue.settle(chunk, Settled::Delivered);
                self.count_written(len);
                self.log.debug(format_args!("Wrote batch of {len} metrics in {took:?}"));
                queue.set_failing(false);
                true
            }
            Err(WriteError::Retry { cause, after }) => {
                self.failed(&cause);
                self.not_before = after.map(|a| Instant::now() + a);
                queue.set_failing(true);
                queue.put_back(chunk);
                false
            }
            Err(WriteError::Reject { indices, cause }) => {
                let lost = indices.len();
                let rest = part(&chunk, |i| indices.binary_search(&i).is_err());
                let bad = part(&chunk, |i| indices.binary_search(&i).is_ok());
                release(chunk);
                queue.settle(rest, Settled::Delivered);
                queue.settle(bad, Settled::Rejected);
                self.count_written(len - lost);
                self.count_rejected(lost, &cause);
                queue.set_failing(false);
                true
            }
            Err(WriteError::Partial { written, rejected, cause }) => {
                let keep = part(&chunk, |i| written.binary_search(&i).is_err() && rejected.binary_search(&i).is_err());
                queue.settle(part(&chunk, |i| written.binary_search(&i).is_ok()), Settled::Delivered);
                queue.settle(part(&chunk, |i| rejected.binary_search(&i).is_ok()), Settled::Rejected);
                release(chunk);
                self.count_written(written.len());
                if !rejected.is_empty() {
                    self.count_rejected(rejected.len(), &cause);
                }
                let all_done = keep.is_empty();
                if !all_done {
                    self.failed(&cause);
                }
                queue.set_failing(!all_done);
                queue.put_back(keep);
                all_done
            }
            Err(WriteError::Fatal(cause)) => {
                self.failed(&cause);
                self.count_rejected(len, &cause);
                queue.settle(chunk, Settled::Rejected);
                queue.set_failing(true);
                false
            }
        }
    }

    fn failed(&self, cause: &agent_api::Error) {
        self.shared.stats.write_errors.inc();
        self.shared.stats.all_write_errors.inc();
        self.log.error(format_args!("failed to write, trying again at the next flush: {cause:#}"));
    }

    fn count_written(&self, n: usize) {
        self.shared.stats.written.add(n as i64);
        self.shared.stats.all_written.add(n as i64);
    }

    fn count_rejected(&self, n: usize, cause: &agent_api::Error) {
        self.shared.stats.rejected.add(n as i64);
        self.shared.stats.all_rejected.add(n as i64);
        self.log.error(format_args!("{n} metrics were refused for good: {cause:#}"));
    }
}

/// Ends when `stop` says so, or nobody is left who could.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _stopped = stop.wait_for(|s| *s).await.is_ok();
}

/// The metrics of a chunk for whose places `wanted` says true; shares everything.
fn part(chunk: &Chunk, wanted: impl Fn(usize) -> bool) -> Chunk {
    let (mut out, mut at) = (Chunk::default(), 0);
    for view in chunk.views() {
        let rows: Vec<u32> = (0..view.len()).filter(|i| wanted(at + i)).map(|i| view.row(i)).collect();
        if !rows.is_empty() {
            out.push(view.with_rows(rows));
        }
        at += view.len();
    }
    out
}

/// Lets go of the shares of a chunk whose metrics are all in parts of it.
fn release(chunk: Chunk) {
    chunk.settle(Settled::Delivered);
}

/// The output of `--test`: line protocol on standard output, `> ` before each line.
pub(super) fn printer() -> (OutputHandle, Writer) {
    let log = Log::new("agent", None, Counter::default());
    let shared = Arc::new(Shared {
        filter: Filter::default(),
        renaming: Renaming::default(),
        queue: Buffer::Memory(Queue::new(usize::MAX, 1000)),
        flush: Notify::new(),
        stats: Stats::new("test", "", 0),
    });
    let handle = OutputHandle { shared: shared.clone() };
    let writer = Writer {
        output: Box::new(Printer { writer: agent_formats::influx::Writer::for_test() }),
        opened: false,
        startup: StartupError::Error,
        shared,
        log,
        interval: Duration::from_secs(1),
        jitter: Duration::ZERO,
        not_before: None,
    };
    (handle, writer)
}

struct Printer {
    writer: agent_formats::influx::Writer,
}

impl DynOutput for Printer {
    fn open(&mut self) -> Future<'_, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
        let mut out = Vec::new();
        for metric in metrics.iter() {
            let start = out.len();
            out.extend_from_slice(b"> ");
            let before = out.len();
            if agent_api::Serializer::serialize(&mut self.writer, metric, &mut out).is_err() || out.len() == before {
                out.truncate(start);
            }
        }
        Box::pin(async move { Ok(std::io::Write::write_all(&mut std::io::stdout().lock(), &out)?) })
    }

    fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
        Box::pin(async { Ok(()) })
    }
}
