//! Where an output keeps what it has not written yet: in memory or on disk.

use super::disk::Disk;
use super::queue::Queue;
use crate::config::OutputConfig;
use agent_api::{Chunk, Log, Settled, View};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Notify;

/// A queue that one task writes from and many push to.
#[derive(Debug)]
pub(super) enum Buffer {
    Memory(Queue),
    Disk(Disk),
}

impl Buffer {
    /// The queue that the options of an output ask for; `directory` is where one on disk keeps its files.
    pub(super) fn new(config: &OutputConfig, directory: Option<PathBuf>, log: &Log) -> Self {
        match (&config.disk, directory) {
            (Some(disk), Some(directory)) => {
                Buffer::Disk(Disk::new(directory, disk, config.queue, config.metric_batch_size, log.clone()))
            }
            _ => Buffer::Memory(Queue::new(config.metric_buffer_limit, config.metric_batch_size, config.queue)),
        }
    }

    /// Begins to work with its files, which nobody else uses any more.
    pub(super) fn start(&self) {
        if let Buffer::Disk(disk) = self {
            disk.start();
        }
    }

    /// Changes how many metrics it holds, where that is bounded in metrics, and how many make a write worth while.
    pub(super) fn resize(&self, limit: usize, batch: usize) {
        match self {
            Buffer::Memory(queue) => queue.resize(limit, batch),
            Buffer::Disk(disk) => disk.resize(batch),
        }
    }

    /// So many metrics make a write worth while.
    pub(super) fn batch(&self) -> usize {
        match self {
            Buffer::Memory(queue) => queue.batch(),
            Buffer::Disk(disk) => disk.batch(),
        }
    }

    /// Waits until the queue knows what an earlier run left.
    pub(super) async fn opened(&self) {
        if let Buffer::Disk(disk) = self {
            disk.opened().await;
        }
    }

    /// Stores what is left, where it can be stored.
    pub(super) async fn close(&self) {
        if let Buffer::Disk(disk) = self {
            disk.close().await;
        }
    }

    /// Tells the writer that a full batch is there.
    pub(super) fn ready(&self) -> &Notify {
        match self {
            Buffer::Memory(queue) => &queue.ready,
            Buffer::Disk(disk) => disk.ready(),
        }
    }

    /// Puts metrics at the end. Never waits.
    pub(super) fn push(&self, view: View) {
        match self {
            Buffer::Memory(queue) => queue.push(view),
            Buffer::Disk(disk) => disk.push(view),
        }
    }

    /// Has what is there written at once. On disk nobody waits for that: a sender is told once its metrics are stored.
    pub(super) fn urge(&self) {
        if let Buffer::Memory(queue) = self {
            queue.urge();
        }
    }

    /// True if so many more metrics can be pushed without any giving way; waits for a disk that works to catch up.
    pub(super) async fn takes(&self, n: usize) -> bool {
        match self {
            Buffer::Memory(queue) => queue.fits(n),
            Buffer::Disk(disk) => disk.keeps_up().await,
        }
    }

    /// True if more may be pushed, or nobody has to ask.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Buffer::Memory(queue) => queue.has_room(),
            Buffer::Disk(disk) => disk.has_room(),
        }
    }

    /// Waits until more may be pushed.
    pub(super) async fn room(&self) {
        let room = match self {
            Buffer::Memory(queue) => &queue.room,
            Buffer::Disk(disk) => disk.room(),
        };
        while !self.has_room() {
            let mut told = std::pin::pin!(room.notified());
            // From here on no notice is missed.
            told.as_mut().enable();
            if self.has_room() {
                return;
            }
            told.await;
        }
    }

    /// Takes up to a batch, of what is written next by `buffer_order`; nothing if `full` and there is less than a batch of
    /// which nothing is urgent.
    pub(super) async fn take(&self, full: bool) -> Chunk {
        match self {
            Buffer::Memory(queue) => queue.take(full),
            Buffer::Disk(disk) => disk.take(full).await,
        }
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, chunk: Chunk) {
        match self {
            Buffer::Memory(queue) => queue.put_back(chunk),
            Buffer::Disk(disk) => disk.put_back(chunk),
        }
    }

    /// Notes how metrics that were taken ended.
    pub(super) fn settle(&self, chunk: Chunk, how: Settled) {
        match self {
            Buffer::Memory(_) => chunk.settle(how),
            Buffer::Disk(disk) => disk.settle(chunk, how),
        }
    }

    /// Says whether the output fails.
    pub(super) fn set_failing(&self, failing: bool) {
        match self {
            Buffer::Memory(queue) => queue.set_failing(failing),
            Buffer::Disk(disk) => disk.set_failing(failing),
        }
    }

    /// True while the output fails.
    pub(super) fn failing(&self) -> bool {
        match self {
            Buffer::Memory(queue) => queue.failing(),
            Buffer::Disk(disk) => disk.failing(),
        }
    }

    /// Number of metrics that wait.
    pub(super) fn len(&self) -> usize {
        match self {
            Buffer::Memory(queue) => queue.len(),
            Buffer::Disk(disk) => disk.len(),
        }
    }

    /// Bytes that wait, of memory or of files, about.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Buffer::Memory(queue) => queue.bytes(),
            Buffer::Disk(disk) => disk.bytes(),
        }
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn memory(&self) -> u64 {
        match self {
            Buffer::Memory(queue) => queue.bytes(),
            Buffer::Disk(disk) => disk.memory(),
        }
    }

    /// How long the oldest metrics have been waiting, where that is known.
    pub(super) fn oldest(&self) -> Option<Duration> {
        match self {
            Buffer::Memory(queue) => queue.oldest(),
            Buffer::Disk(disk) => disk.oldest(),
        }
    }

    /// True if metrics are kept on disk.
    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self, Buffer::Disk(_))
    }

    /// Number of metrics dropped since that was last taken.
    pub(super) fn dropped(&self) -> usize {
        match self {
            Buffer::Memory(queue) => queue.dropped(),
            Buffer::Disk(disk) => disk.dropped(),
        }
    }

    /// Number of metrics lost to damaged files since that was last taken.
    pub(super) fn damaged(&self) -> usize {
        match self {
            Buffer::Memory(_) => 0,
            Buffer::Disk(disk) => disk.damaged(),
        }
    }

    /// Number of metrics dropped since it was last asked.
    pub(super) fn take_dropped(&self) -> usize {
        match self {
            Buffer::Memory(queue) => queue.take_dropped(),
            Buffer::Disk(disk) => disk.take_dropped(),
        }
    }

    /// Number of metrics lost to damaged files since it was last asked.
    pub(super) fn take_damaged(&self) -> usize {
        match self {
            Buffer::Memory(_) => 0,
            Buffer::Disk(disk) => disk.take_damaged(),
        }
    }
}
