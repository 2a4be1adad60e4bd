//! The memory queue of an output: what it has not written yet, oldest first, bounded.
//!
//! While the output fails, what nobody waits for is packed (`Packed`), so that a queue for an hour costs little memory.

use agent_api::metric::Packed;
use agent_api::{Batch, Chunk, Settled, View};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A queue that one task writes from and many push to.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Most metrics that it holds.
    limit: AtomicUsize,
    /// So many metrics make a write worth while.
    batch: AtomicUsize,
    /// Tells the writer that a full batch is there.
    pub(super) ready: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// With when each came.
    items: VecDeque<(Instant, Item)>,
    /// When what was taken last came.
    taken: Option<Instant>,
    len: usize,
    /// The output is failing: credit is given back, nobody waits for it.
    failing: bool,
    dropped: usize,
}

#[derive(Debug)]
enum Item {
    /// As it came.
    View(View),
    /// Packed, as it will have to wait.
    Packed(Packed),
    /// Small batches put together until there are enough to pack.
    Open(Batch),
}

/// So many metrics are packed together.
const PACK: usize = 1000;

impl Item {
    fn len(&self) -> usize {
        match self {
            Item::View(view) => view.len(),
            Item::Packed(packed) => packed.len(),
            Item::Open(batch) => batch.len(),
        }
    }

    /// The metrics, unpacked.
    fn view(self) -> View {
        match self {
            Item::View(view) => view,
            Item::Packed(packed) => View::all(packed.unpack()),
            Item::Open(batch) => View::all(batch),
        }
    }
}

impl Inner {
    /// Puts metrics at the end, packed where that is possible.
    fn push(&mut self, mut view: View, since: Instant) {
        self.len += view.len();
        if !self.failing {
            self.items.push_back((since, Item::View(view)));
            return;
        }
        view.drop_guard();
        if view.is_tracked() {
            self.items.push_back((since, Item::View(view)));
        } else if view.len() >= PACK {
            self.items.push_back((since, Item::Packed(Packed::new(&view))));
        } else {
            if !matches!(self.items.back(), Some((_, Item::Open(_)))) {
                self.items.push_back((since, Item::Open(Batch::new())));
            }
            if let Some((since, Item::Open(batch))) = self.items.back_mut() {
                for metric in view.iter() {
                    batch.push(metric);
                }
                if batch.len() >= PACK {
                    let (since, full) = (*since, std::mem::take(batch));
                    self.items.pop_back();
                    self.items.push_back((since, Item::Packed(Packed::new(&View::all(full)))));
                }
            }
        }
    }

    /// Takes up to `n` metrics from the front.
    fn pop(&mut self, n: usize) -> Option<View> {
        let (since, item) = self.items.pop_front()?;
        self.taken = Some(since);
        if item.len() <= n {
            self.len -= item.len();
            return Some(item.view());
        }
        let mut view = item.view();
        let front = view.split_front(n);
        self.items.push_front((since, Item::View(view)));
        self.len -= front.len();
        Some(front)
    }
}

impl Queue {
    pub(super) fn new(limit: usize, batch: usize) -> Self {
        let queue = Queue {
            inner: Mutex::default(),
            limit: AtomicUsize::default(),
            batch: AtomicUsize::default(),
            ready: Notify::new(),
        };
        queue.resize(limit, batch);
        queue
    }

    /// Changes how many metrics it holds at most, and how many make a write worth while.
    pub(super) fn resize(&self, limit: usize, batch: usize) {
        self.limit.store(limit.max(1), Relaxed);
        self.batch.store(batch.max(1), Relaxed);
    }

    fn batch(&self) -> usize {
        self.batch.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves counts that are at most too large.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts metrics at the end; the oldest are dropped if there are too many.
    pub(super) fn push(&self, view: View) {
        let mut inner = self.lock();
        inner.push(view, Instant::now());
        self.drop_oldest(&mut inner);
        let ready = inner.len >= self.batch() && !inner.failing;
        drop(inner);
        if ready {
            self.ready.notify_one();
        }
    }

    /// Bytes that wait, about.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = |item: &Item| match item {
            Item::View(view) => view.bytes(),
            Item::Packed(packed) => packed.bytes(),
            Item::Open(batch) => batch.own_bytes(),
        };
        self.lock().items.iter().map(|(_, item)| bytes(item) as u64).sum()
    }

    /// How long the oldest metrics have been waiting.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.lock().items.front().map(|(since, _)| since.elapsed())
    }

    /// Takes up to a batch from the front; nothing if `full` and there is less than a batch.
    pub(super) fn take(&self, full: bool) -> Chunk {
        let mut inner = self.lock();
        let mut chunk = Chunk::default();
        if full && inner.len < self.batch() {
            return chunk;
        }
        while chunk.len() < self.batch() {
            let room = self.batch().saturating_sub(chunk.len()).max(1);
            let Some(view) = inner.pop(room) else { break };
            chunk.push(view);
        }
        chunk
    }

    /// Puts back to the front what could not be written; the oldest are dropped if there are too many.
    pub(super) fn put_back(&self, chunk: Chunk) {
        let mut inner = self.lock();
        inner.len += chunk.len();
        let since = inner.taken.unwrap_or_else(Instant::now);
        for mut view in chunk.into_views().into_iter().rev() {
            if inner.failing {
                view.drop_guard();
            }
            inner.items.push_front((since, Item::View(view)));
        }
        self.drop_oldest(&mut inner);
    }

    /// Says whether the output fails. While it does, nobody waits for it and full batches are no reason to write.
    pub(super) fn set_failing(&self, failing: bool) {
        let mut inner = self.lock();
        let began = failing && !inner.failing;
        inner.failing = failing;
        if began {
            let items = std::mem::take(&mut inner.items);
            inner.len = 0;
            for (since, item) in items {
                inner.push(item.view(), since);
            }
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

    /// Number of metrics dropped since it was last asked.
    pub(super) fn take_dropped(&self) -> usize {
        std::mem::take(&mut self.lock().dropped)
    }

    fn drop_oldest(&self, inner: &mut Inner) {
        while inner.len > self.limit.load(Relaxed) {
            let over = inner.len - self.limit.load(Relaxed);
            let Some(gone) = inner.pop(over) else { break };
            inner.dropped += gone.len();
            gone.settle(Settled::Rejected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::Value;

    fn view(range: std::ops::Range<i64>) -> View {
        let mut batch = Batch::new();
        for i in range {
            batch.metric("m").field("f", i);
        }
        View::all(batch)
    }

    fn numbers(chunk: &Chunk) -> Vec<i64> {
        chunk.iter().filter_map(|m| if let Some(Value::Int(v)) = m.field("f") { Some(v) } else { None }).collect()
    }

    #[test]
    fn gives_exact_batches_across_views_in_order() {
        let queue = Queue::new(100, 4);
        queue.push(view(0..3));
        assert!(queue.take(true).is_empty());
        queue.push(view(3..9));
        assert_eq!(numbers(&queue.take(true)), [0, 1, 2, 3]);
        assert_eq!(numbers(&queue.take(true)), [4, 5, 6, 7]);
        assert!(queue.take(true).is_empty());
        assert_eq!(numbers(&queue.take(false)), [8]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn drops_the_oldest_and_counts_them() {
        let queue = Queue::new(5, 2);
        queue.push(view(0..4));
        let taken = queue.take(true);
        queue.push(view(4..8));
        queue.put_back(taken);
        assert_eq!((queue.len(), queue.take_dropped(), queue.take_dropped()), (5, 3, 0));
        assert_eq!(numbers(&queue.take(false)), [3, 4]);
    }

    #[test]
    fn a_failing_output_gives_credit_back() {
        let queue = Queue::new(5, 2);
        let guard: agent_api::metric::Guard = std::sync::Arc::new(());
        let watch = std::sync::Arc::downgrade(&guard);
        let mut batch = Batch::new();
        batch.metric("m").field("f", 1i64);
        batch.set_guard(guard);
        queue.push(View::all(batch));
        assert!(watch.upgrade().is_some());
        queue.set_failing(true);
        assert!(watch.upgrade().is_none());
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn what_waits_for_a_failing_output_keeps_its_order() {
        let queue = Queue::new(10_000, 3000);
        queue.push(view(0..10));
        queue.set_failing(true);
        let tried = queue.take(false);
        for from in (10..4000).step_by(7) {
            queue.push(view(from..(from + 7).min(4000)));
        }
        queue.push(view(4000..5500));
        queue.put_back(tried);
        assert_eq!(queue.len(), 5500);
        let (first, second) = (queue.take(true), queue.take(false));
        assert_eq!([numbers(&first), numbers(&second)].concat(), (0..5500).collect::<Vec<i64>>());
        assert_eq!(queue.len(), 0);
    }
}
