//! The memory queue of an output: what it has not written yet, bounded in metrics and in bytes.
//!
//! While the output fails, what nobody waits for is packed (`Packed`), so that a queue for an hour costs little memory.

mod waiting;

#[cfg(test)]
mod tests;

use crate::config::{Full, Order, Queueing};
use agent_api::{Chunk, Settled, View};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use waiting::{End, Item, Waiting};

/// A queue that one task writes from and many push to.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Waiting>,
    /// Most metrics that it holds.
    limit: AtomicUsize,
    how: Queueing,
    /// So many metrics make a write worth while.
    batch: AtomicUsize,
    /// Tells the writer that a full batch is there.
    pub(super) ready: Notify,
    /// Tells those who wait that there may be room.
    pub(super) room: Notify,
}

impl Queue {
    pub(super) fn new(limit: usize, batch: usize, how: Queueing) -> Self {
        let queue = Queue {
            inner: Mutex::default(),
            limit: AtomicUsize::default(),
            how,
            batch: AtomicUsize::default(),
            ready: Notify::new(),
            room: Notify::new(),
        };
        queue.resize(limit, batch);
        queue
    }

    /// Changes how many metrics it holds at most, and how many make a write worth while.
    pub(super) fn resize(&self, limit: usize, batch: usize) {
        self.limit.store(limit.max(1), Relaxed);
        self.batch.store(batch.max(1), Relaxed);
        self.room.notify_waiters();
    }

    pub(super) fn batch(&self) -> usize {
        self.batch.load(Relaxed)
    }

    fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock is held leaves counts that are at most too large.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts metrics at the end; some are dropped if there are too many.
    pub(super) fn push(&self, view: View) {
        let mut inner = self.lock();
        inner.push(view, Instant::now());
        self.drop_some(&mut inner);
        let ready = inner.len >= self.batch() && !inner.failing;
        drop(inner);
        if ready {
            self.ready.notify_one();
        }
    }

    /// Has what is there written at once.
    pub(super) fn urge(&self) {
        let mut inner = self.lock();
        inner.urgent = inner.len;
        let ready = inner.len > 0 && !inner.failing;
        drop(inner);
        if ready {
            self.ready.notify_one();
        }
    }

    /// True if more may be pushed, or nobody has to ask.
    pub(super) fn has_room(&self) -> bool {
        self.how.full != Full::Block || {
            let inner = self.lock();
            inner.len < self.limit() && self.how.max_bytes.is_none_or(|max| (inner.bytes as u64) < max)
        }
    }

    /// True if so many more metrics find room.
    pub(super) fn fits(&self, n: usize) -> bool {
        let inner = self.lock();
        inner.len + n <= self.limit() && self.how.max_bytes.is_none_or(|max| (inner.bytes as u64) < max)
    }

    /// Bytes that wait, about.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes as u64
    }

    /// How long the oldest metrics have been waiting.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.lock().items.front().map(|(since, _)| since.elapsed())
    }

    /// Takes up to a batch, the oldest or the newest; nothing if `full` and there is less than a batch of which nothing is urgent.
    pub(super) fn take(&self, full: bool) -> Chunk {
        let mut inner = self.lock();
        let mut chunk = Chunk::default();
        if full && inner.len < self.batch() && inner.urgent == 0 {
            return chunk;
        }
        let end = if self.how.order == Order::NewestFirst { End::Newest } else { End::Oldest };
        let (mut views, mut left) = (Vec::new(), self.batch());
        while left > 0
            && let Some(view) = inner.pop(left, end)
        {
            left -= view.len();
            inner.urgent = inner.urgent.saturating_sub(view.len());
            views.push(view);
        }
        inner.newer = 0;
        drop(inner);
        self.room.notify_waiters();
        if end == End::Newest {
            views.reverse();
        }
        views.into_iter().for_each(|view| chunk.push(view));
        chunk
    }

    /// Puts back where it was what could not be written; some are dropped if there are too many.
    pub(super) fn put_back(&self, chunk: Chunk) {
        let mut inner = self.lock();
        // What came since the newest were taken is newer still.
        let at = match self.how.order {
            Order::OldestFirst => 0,
            Order::NewestFirst => inner.items.len() - inner.newer.min(inner.items.len()),
        };
        let since = inner.taken.unwrap_or_else(Instant::now);
        for mut view in chunk.into_views().into_iter().rev() {
            if inner.failing {
                view.drop_guard();
            }
            let item = Item::View(view);
            inner.count(&item);
            inner.items.insert(at, (since, item));
        }
        self.drop_some(&mut inner);
    }

    /// Says whether the output fails. While it does, nobody waits for it and full batches are no reason to write.
    pub(super) fn set_failing(&self, failing: bool) {
        let mut inner = self.lock();
        let began = failing && !inner.failing;
        inner.failing = failing;
        if began {
            let items = std::mem::take(&mut inner.items);
            (inner.len, inner.guarded, inner.bytes) = (0, 0, 0);
            for (since, item) in items {
                inner.push(item.view(), since);
            }
            inner.newer = 0;
        }
    }

    /// True while the output fails.
    pub(super) fn failing(&self) -> bool {
        self.lock().failing
    }

    /// Number of metrics.
    pub(super) fn len(&self) -> usize {
        self.lock().len
    }

    /// Number of metrics dropped since that was last taken.
    pub(super) fn dropped(&self) -> usize {
        self.lock().dropped
    }

    /// Number of metrics dropped since it was last asked.
    pub(super) fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.lock().dropped)
    }

    fn drop_some(&self, inner: &mut Waiting) {
        let end = match self.how.full {
            Full::DropOldest => End::Oldest,
            Full::DropNewest => End::Newest,
            // Senders wait instead; what was on its way is taken all the same.
            Full::Block => return,
        };
        let max = self.how.max_bytes.unwrap_or(u64::MAX);
        loop {
            let over = inner.over(self.limit());
            let gone = if over > 0 {
                inner.give_way(over, end, self.limit())
            } else if inner.bytes as u64 > max {
                // A little at a time, as metrics differ in size.
                inner.pop(inner.len.div_ceil(16), end)
            } else {
                break;
            };
            let Some(gone) = gone else { break };
            inner.dropped += gone.len();
            gone.settle(Settled::Rejected);
        }
        inner.urgent = inner.urgent.min(inner.len);
    }
}
