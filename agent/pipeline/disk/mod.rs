//! The disk queue of an output: what it has not written yet outlives the agent.
//!
//! Whoever pushes only puts metrics into memory; a thread of the queue's own appends them to segments at once and syncs the
//! segments at most every so often, and then the senders are told. The writer takes from memory what is there still and
//! reads back the rest. Where the disk fails the queue goes on in memory, bounded, until it works again.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod alone;
mod crc;
mod entry;
mod files;
mod fs;
mod giving;
mod offline;
mod position;
mod segment;
mod state;
mod storing;
mod thread;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(super) mod tests;

use crate::config::{DiskBuffer, Full, Order, Queueing};
use agent_api::{Chunk, Log, Settled, View};
pub use alone::Alone;
use files::Window;
use fs::FileSystem;
use giving::Step;
pub use offline::{Offline, SegmentFile, Survey};
use state::Inner;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use thread::Thread;
use tokio::sync::{Notify, watch};

/// A queue that one task writes from and many push to.
#[derive(Debug)]
pub(super) struct Disk {
    core: Arc<Core>,
    window: Arc<Mutex<Window>>,
    order: Order,
    phase: watch::Receiver<Phase>,
    /// What works for it, until it is started.
    idle: Mutex<Option<Box<Idle>>>,
}

/// A thread that has not begun, and how it says how far it is.
#[derive(Debug)]
struct Idle {
    thread: Thread,
    told: watch::Sender<Phase>,
}

/// What pushers, the writer and the thread share.
#[derive(Debug)]
struct Core {
    inner: Mutex<Inner>,
    /// Tells the thread that there is work.
    work: Condvar,
    fs: Arc<dyn FileSystem>,
    /// So many metrics make a write worth while.
    batch: AtomicUsize,
    ready: Notify,
    /// Tells those who wait that there may be room.
    room: Notify,
    log: Log,
}

/// How far the thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Starting,
    /// It has tried to open its files.
    Running,
    Ended,
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves counts that are a little wrong at most.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self) -> usize {
        self.batch.load(Relaxed)
    }
}

impl Disk {
    /// A queue in a directory of its own. Opens nothing yet: once it is started its thread does.
    pub(super) fn new(directory: PathBuf, settings: &DiskBuffer, how: Queueing, batch: usize, log: Log) -> Self {
        let (mut disk, thread, told) = Disk::parts(Arc::new(fs::Local), directory, settings, how, batch, log);
        disk.idle = Mutex::new(Some(Box::new(Idle { thread, told })));
        disk
    }

    /// Begins to work with its directory, which nobody else uses any more; metrics wait in memory until then. Once is enough.
    pub(super) fn start(&self) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(idle) = idle else { return };
        let run = move || {
            let Idle { thread, told } = *idle;
            thread.run(&told);
            told.send_replace(Phase::Ended);
        };
        if let Err(e) = std::thread::Builder::new().name("disk queue".to_owned()).spawn(run) {
            self.core.log.error(format_args!("disk queue: start a thread: {e}; metrics stay in memory"));
            self.core.lock().disk_failing = true;
        }
    }

    /// A queue, and what works for it, which no thread runs yet.
    fn parts(
        fs: Arc<dyn FileSystem>,
        directory: PathBuf,
        settings: &DiskBuffer,
        how: Queueing,
        batch: usize,
        log: Log,
    ) -> (Disk, Thread, watch::Sender<Phase>) {
        let (told, phase) = watch::channel(Phase::Starting);
        let inner = Mutex::new(Inner::new(how.full, how.order, settings.max_bytes));
        let (work, ready, room) = (Condvar::new(), Notify::new(), Notify::new());
        let core = Arc::new(Core { inner, work, fs, batch: AtomicUsize::new(batch.max(1)), ready, room, log });
        let thread = Thread::new(core.clone(), directory, settings);
        (Disk { core, window: Arc::default(), order: how.order, phase, idle: Mutex::default() }, thread, told)
    }

    /// Waits until what an earlier run left has been found, or could not be read.
    pub(super) async fn opened(&self) {
        drop(self.phase.clone().wait_for(|phase| *phase >= Phase::Running).await);
    }

    /// Tells the writer that a full batch is there.
    pub(super) fn ready(&self) -> &Notify {
        &self.core.ready
    }

    /// Changes how many metrics make a write worth while.
    pub(super) fn resize(&self, batch: usize) {
        self.core.batch.store(batch.max(1), Relaxed);
    }

    /// So many metrics make a write worth while.
    pub(super) fn batch(&self) -> usize {
        self.core.batch()
    }

    /// Tells those who wait that there may be room.
    pub(super) fn room(&self) -> &Notify {
        &self.core.room
    }

    /// True if more may be pushed, or nobody has to ask.
    pub(super) fn has_room(&self) -> bool {
        let inner = self.core.lock();
        inner.full != Full::Block || !inner.is_full()
    }

    /// Waits until little is in memory only; false if that may take long, as the disk fails.
    pub(super) async fn keeps_up(&self) -> bool {
        loop {
            let mut told = std::pin::pin!(self.core.room.notified());
            // From here on no notice is missed.
            told.as_mut().enable();
            {
                let inner = self.core.lock();
                if inner.pending_bytes < state::MEMORY / 4 {
                    return true;
                }
                if inner.disk_failing {
                    return false;
                }
            }
            told.await;
        }
    }

    /// Puts metrics at the end. Never waits for the disk.
    pub(super) fn push(&self, view: View) {
        let mut inner = self.core.lock();
        inner.push(view);
        let ready = inner.len >= self.core.batch() && !inner.failing;
        drop(inner);
        self.core.work.notify_one();
        if ready {
            self.core.ready.notify_one();
        }
    }

    /// Takes up to a batch, of what is written next by the order asked for; nothing if `full` and there is less than a batch.
    pub(super) async fn take(&self, full: bool) -> Chunk {
        let (mut views, mut left) = (Vec::new(), self.core.batch());
        if full && self.len() < left {
            return Chunk::default();
        }
        while left > 0 {
            let step = self.core.lock().next(left);
            match step {
                Step::Take(number, view) => {
                    left -= view.len().min(left);
                    views.push((number, view));
                }
                Step::Empty => break,
                Step::Read(reading) => {
                    let (window, core) = (self.window.clone(), self.core.clone());
                    let read = tokio::task::spawn_blocking(move || {
                        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
                        let found = window.read(&*core.fs, &reading, &core.log);
                        (reading, found)
                    });
                    match read.await {
                        Ok((reading, Ok(found))) => self.core.lock().found(&reading, found),
                        Ok((reading, Err(e))) => {
                            // A segment that has been dropped meanwhile is no longer asked for.
                            if self.core.lock().segments.iter().any(|s| s.id == reading.segment) {
                                self.core.log.error(format_args!("disk queue: {e:#}"));
                                break;
                            }
                        }
                        Err(e) => {
                            self.core.log.error(format_args!("disk queue: read: {e}"));
                            break;
                        }
                    }
                }
            }
        }
        if self.order == Order::NewestFirst {
            // What is written together is in the order in which it came.
            views.sort_by_key(|(number, _)| *number);
        }
        let mut chunk = Chunk::default();
        views.into_iter().for_each(|(_, view)| chunk.push(view));
        chunk
    }

    /// Puts back to the front what could not be written.
    pub(super) fn put_back(&self, chunk: Chunk) {
        self.core.lock().put_back(chunk);
    }

    /// Notes how metrics ended: they are not kept any longer.
    pub(super) fn settle(&self, chunk: Chunk, how: Settled) {
        self.core.lock().settle(chunk, how);
        self.core.work.notify_one();
        self.core.room.notify_waiters();
    }

    /// Says whether the output fails. While it does, full batches are no reason to write.
    pub(super) fn set_failing(&self, failing: bool) {
        self.core.lock().failing = failing;
    }

    /// True while the output fails.
    pub(super) fn failing(&self) -> bool {
        self.core.lock().failing
    }

    /// Number of metrics that wait.
    pub(super) fn len(&self) -> usize {
        self.core.lock().len
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.core.lock().segments.iter().map(|s| s.end).sum()
    }

    /// Bytes of memory of records that are there, too, or only there.
    pub(super) fn memory(&self) -> u64 {
        let inner = self.core.lock();
        (inner.pending_bytes + inner.held_bytes) as u64
    }

    /// How long ago its oldest file was begun; none at all, where the clock has been put back since.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let path = self.core.lock().segments.front()?.path.clone();
        Some(age(std::fs::metadata(path).ok()?.created().ok()?, SystemTime::now()))
    }

    /// Number of metrics dropped since that was last taken.
    pub(super) fn dropped(&self) -> usize {
        self.core.lock().dropped
    }

    /// Number of metrics whose records could not be read back since that was last taken.
    pub(super) fn damaged(&self) -> usize {
        self.core.lock().damaged
    }

    /// Number of metrics dropped since it was last asked.
    pub(super) fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.core.lock().dropped)
    }

    /// Number of metrics whose records could not be read back since it was last asked.
    pub(super) fn take_damaged(&self) -> usize {
        std::mem::take(&mut self.core.lock().damaged)
    }

    /// Stores what is left and ends.
    pub(super) async fn close(&self) {
        self.start();
        self.end();
        drop(self.phase.clone().wait_for(|phase| *phase == Phase::Ended).await);
    }

    fn end(&self) {
        self.core.lock().closing = true;
        self.core.work.notify_one();
    }
}

/// Of something that began then; the clock may have been put back.
fn age(began: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(began).unwrap_or_default()
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.end();
    }
}
