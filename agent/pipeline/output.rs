//! An output with its queue: takes its share of what comes, writes it in batches, keeps what could not be written.
//!
//! A full batch is written at once, the rest at the flush interval. After a failed write nothing is tried before the next
//! flush, so that a dead output costs one attempt an interval.

use super::buffer::Buffer;
use super::dead_letters::DeadLetters;
use super::isolate::refuses_all;
use super::lanes::Lanes;
use super::link::{Link, OutputHandle, Pace, WriterState};
use super::retry::Retry;
use super::schedule;
use crate::config::StartupError;
use agent_api::plugin::{DynOutput, step_aside};
use agent_api::{Chunk, Log, Settled, StartError, View, WriteError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Whether an output goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It does.
    None,
    /// It writes what it can and ends, and its queue with it.
    Flush,
    /// It ends after the write under way; another goes on with its queue.
    HandOver,
}

/// The task's side of an output.
pub(super) struct Writer {
    pub(super) output: Box<dyn DynOutput>,
    opened: bool,
    startup: StartupError,
    pub(super) link: Arc<Link>,
    pub(super) log: Log,
    retry: Retry,
    /// Instances that write beside each other; none where one request at a time is written.
    pub(super) lanes: Lanes,
    pub(super) dead_letters: Option<Arc<DeadLetters>>,
    /// Metrics refused for good by the write under way, and why the first were.
    refused: Option<(usize, String)>,
    ending: watch::Receiver<Ending>,
}

impl Writer {
    /// The side of an output that writes; it goes on until `ending` says otherwise.
    pub(super) fn new(
        output: Box<dyn DynOutput>,
        startup: StartupError,
        link: Arc<Link>,
        log: Log,
        ending: watch::Receiver<Ending>,
    ) -> Writer {
        let retry = Retry::new(log.clone());
        let lanes = Lanes::new(Vec::new());
        Writer { output, opened: false, startup, link, log, retry, lanes, dead_letters: None, refused: None, ending }
    }

    /// An output that takes everything as it is, and its other side.
    pub(super) fn plain(
        output: Box<dyn DynOutput>,
        queue: Buffer,
        name: &str,
        log: Log,
        ending: watch::Receiver<Ending>,
    ) -> (OutputHandle, Writer) {
        let link = Link::plain(queue, name);
        let handle = OutputHandle::plain(link.clone());
        (handle, Writer::new(output, StartupError::Error, link, log, ending))
    }

    /// Opens the output at the start: Ok(false) if it is to be left out. Without `strict` no error ends the start; a queue
    /// that is `shared` with the output before is open already.
    pub(super) async fn open(&mut self, strict: bool, shared: bool) -> Result<bool, StartError> {
        if !shared {
            self.link.queue.opened().await;
        }
        let opened = self.output.open().await;
        if opened.is_err() {
            self.link.stats.startup_errors.inc();
        }
        match opened {
            Ok(()) => {
                self.opened = true;
                Ok(true)
            }
            Err(e @ StartError::Retry(_)) if self.startup == StartupError::Retry => Ok(self.later(&e)),
            Err(e @ StartError::Retry(_)) if matches!(self.startup, StartupError::Ignore | StartupError::Probe) => {
                self.log.error(format_args!("failed to connect, leaving the output out: {e}"));
                Ok(false)
            }
            Err(e) if !strict => Ok(self.later(&e)),
            Err(e) => Err(e),
        }
    }

    /// Leaves opening to the next flush.
    fn later(&self, error: &StartError) -> bool {
        self.log.error(format_args!("failed to connect, trying again at the next flush: {error}"));
        true
    }

    /// Writes until its ending; gives the number of metrics left.
    pub(super) async fn run(mut self) -> usize {
        let link = self.link.clone();
        let (mut ending, mut pace) = (self.ending.clone(), link.pace.subscribe());
        self.show();
        // What another output did with the queue before tells nothing about this one.
        link.account.health.begin();
        link.queue.set_failing(!self.opened);
        if !self.opened {
            link.account.health.bad();
        }
        let mut due = self.next_flush();
        loop {
            tokio::select! {
                biased;
                () = told(&mut ending) => break,
                () = link.queue.ready().notified() => self.full_batches().await,
                () = tokio::time::sleep_until(due) => {
                    self.flush().await;
                    due = self.next_flush();
                }
                () = link.flush.notified() => {
                    self.retry.now();
                    self.flush().await;
                }
                Ok(()) = pace.changed() => due = self.next_flush(),
            }
        }
        if self.hands_over() {
            link.count_dropped(&self.log);
            return 0;
        }
        self.retry.now();
        self.flush().await;
        link.count_dropped(&self.log);
        link.queue.close().await;
        link.queue.len()
    }

    fn next_flush(&self) -> tokio::time::Instant {
        let Pace { interval, jitter } = *self.link.pace.borrow();
        schedule::together(tokio::time::Instant::now(), interval) + interval + schedule::random(jitter)
    }

    /// True if another writer waits for the queue.
    pub(super) fn hands_over(&self) -> bool {
        *self.ending.borrow() == Ending::HandOver
    }

    async fn full_batches(&mut self) {
        if self.lanes.several() {
            if !self.link.queue.failing() {
                self.side_by_side(true, usize::MAX).await;
            }
            return;
        }
        while !self.link.queue.failing() && !self.hands_over() {
            let chunk = self.link.queue.take(true).await;
            step_aside().await;
            if chunk.is_empty() || !self.write(chunk).await {
                break;
            }
        }
    }

    /// Writes all that was there at the begin, until something fails.
    pub(super) async fn flush(&mut self) {
        if self.retry.waits() {
            return;
        }
        if !self.opened {
            match self.output.open().await {
                Ok(()) => {
                    self.opened = true;
                    self.log.info("connected");
                }
                Err(e) => {
                    self.link.account.health.bad();
                    self.link.stats.startup_errors.inc();
                    self.log.error(format_args!("failed to connect: {e}"));
                    self.put_off(None);
                    return;
                }
            }
        }
        let mut left = self.link.queue.len();
        if self.lanes.several() {
            self.side_by_side(false, left).await;
            left = 0;
        }
        while left > 0 && !self.hands_over() {
            let chunk = self.link.queue.take(false).await;
            left = left.saturating_sub(chunk.len().max(1));
            if chunk.is_empty() || !self.write(chunk).await {
                break;
            }
        }
        if let Err(e) = self.output.flush().await {
            self.log.error(format_args!("failed to flush: {e}"));
        }
        self.link.count_dropped(&self.log);
    }

    /// Writes one chunk; false if something of it has to be tried again.
    async fn write(&mut self, chunk: Chunk) -> bool {
        let (started, len) = (Instant::now(), chunk.len());
        self.link.writing.set(len as i64);
        let all_done = self.write_one(chunk, started, len).await;
        self.link.writing.set(0);
        all_done
    }

    async fn write_one(&mut self, chunk: Chunk, started: Instant, len: usize) -> bool {
        let result = self.send(&chunk).await;
        let took = started.elapsed();
        self.link.stats.write_time.add(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX));
        if result.is_ok() {
            self.log.debug(format_args!("Wrote batch of {len} metrics in {took:?}"));
        }
        let done = match result {
            Err(e) if refuses_all(&e, len) => self.isolate(chunk, e).await,
            result => self.conclude(chunk, result).await,
        };
        self.say_refused();
        done
    }

    /// Says what was refused for good since it was last said.
    pub(super) fn say_refused(&mut self) {
        if let Some((n, cause)) = self.refused.take() {
            self.log.error(format_args!("{n} metrics were refused for good: {cause}"));
        }
    }

    /// Lets others see how it writes.
    pub(super) fn show(&self) {
        let (breaker, not_before) = self.retry.state();
        let (requests, most) = (self.lanes.limit.now(), self.lanes.limit.most());
        let state = WriterState { breaker, not_before, requests, most };
        *self.link.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Hands metrics to the output.
    pub(super) async fn send(&mut self, chunk: &Chunk) -> Result<(), WriteError> {
        self.link.account.clone().metered(self.output.write(chunk)).await
    }

    /// Does what the result of a write asks for; false if something has to be tried again.
    pub(super) async fn conclude(&mut self, chunk: Chunk, result: Result<(), WriteError>) -> bool {
        let len = chunk.len();
        let link = self.link.clone();
        let queue = &link.queue;
        match result {
            Ok(()) => {
                queue.settle(chunk, Settled::Delivered);
                self.count_written(len);
                self.succeeded()
            }
            Err(WriteError::Retry { cause, after }) => {
                self.failed(&cause, after);
                queue.put_back(chunk);
                false
            }
            Err(WriteError::Reject { indices, cause }) => {
                let lost = indices.len();
                let rest = part(&chunk, |i| indices.binary_search(&i).is_err());
                let bad = part(&chunk, |i| indices.binary_search(&i).is_ok());
                release(chunk);
                queue.settle(rest, Settled::Delivered);
                self.count_written(len - lost);
                self.refuse(bad, &cause).await && self.succeeded()
            }
            Err(WriteError::Partial { written, rejected, cause }) => {
                let keep = part(&chunk, |i| written.binary_search(&i).is_err() && rejected.binary_search(&i).is_err());
                let bad = part(&chunk, |i| rejected.binary_search(&i).is_ok());
                queue.settle(part(&chunk, |i| written.binary_search(&i).is_ok()), Settled::Delivered);
                release(chunk);
                self.count_written(written.len());
                let all_done = keep.is_empty();
                if !all_done {
                    self.failed(&cause, None);
                }
                queue.put_back(keep);
                (bad.is_empty() || self.refuse(bad, &cause).await) && all_done && self.succeeded()
            }
            Err(WriteError::Fatal(cause)) => {
                self.failed(&cause, None);
                self.refuse(chunk, &cause).await;
                false
            }
        }
    }

    pub(super) fn succeeded(&mut self) -> bool {
        self.retry.succeeded();
        self.show();
        self.link.queue.set_failing(false);
        true
    }

    /// Lets go of metrics that were refused for good: once they are among the dead letters, if such are kept.
    async fn refuse(&mut self, chunk: Chunk, cause: &agent_api::Error) -> bool {
        if let Some(letters) = self.dead_letters.clone() {
            let (views, reason) = (chunk.views().iter().map(View::untracked).collect(), format!("{cause:#}"));
            let kept = tokio::task::spawn_blocking(move || letters.keep(views, &reason)).await;
            if let Err(e) = kept.map_err(agent_api::Error::from).flatten() {
                self.failed(&e.context("keep dead letters"), None);
                self.link.queue.put_back(chunk);
                return false;
            }
        }
        let n = chunk.len();
        self.link.queue.settle(chunk, Settled::Rejected);
        self.link.account.rejected.add(n as i64);
        self.link.stats.rejected.add(n as i64);
        self.link.stats.all_rejected.add(n as i64);
        self.refused.get_or_insert_with(|| (0, format!("{cause:#}"))).0 += n;
        true
    }

    pub(super) fn failed(&mut self, cause: &agent_api::Error, after: Option<Duration>) {
        self.link.account.health.bad();
        self.link.account.errors.inc();
        self.link.stats.write_errors.inc();
        self.link.stats.all_write_errors.inc();
        self.log.error(format_args!("failed to write, trying again at the next flush: {cause:#}"));
        self.put_off(after);
        self.link.queue.set_failing(true);
    }

    fn put_off(&mut self, after: Option<Duration>) {
        let interval = self.link.pace.borrow().interval;
        self.retry.failed(interval, after);
        self.show();
    }

    pub(super) fn count_written(&self, n: usize) {
        self.link.account.health.good();
        self.link.account.given.add(n as i64);
        self.link.stats.written.add(n as i64);
        self.link.stats.all_written.add(n as i64);
    }
}

/// Ends when the output is to end, or nobody is left who could say so.
async fn told(ending: &mut watch::Receiver<Ending>) {
    let _told = ending.wait_for(|e| *e != Ending::None).await.is_ok();
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
pub(super) fn release(chunk: Chunk) {
    chunk.settle(Settled::Delivered);
}
