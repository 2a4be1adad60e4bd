//! The memory queue of an output: what it has not written yet, bounded in metrics and in bytes.
//!
//! While the output fails, what nobody waits for is packed (`Packed`), so that a queue for an hour costs little memory.

use crate::config::{Full, Order, Queueing};
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
    how: Queueing,
    /// So many metrics make a write worth while.
    batch: AtomicUsize,
    /// Tells the writer that a full batch is there.
    pub(super) ready: Notify,
    /// Tells those who wait that there may be room.
    pub(super) room: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// With when each came.
    items: VecDeque<(Instant, Item)>,
    /// When what was taken last came.
    taken: Option<Instant>,
    len: usize,
    /// Memory of the items.
    bytes: usize,
    /// Items at the end that came since the last were taken.
    newer: usize,
    /// So many are to be written at once, full batch or not.
    urgent: usize,
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

    /// Memory, about.
    fn bytes(&self) -> usize {
        match self {
            Item::View(view) => view.bytes(),
            Item::Packed(packed) => packed.bytes(),
            Item::Open(batch) => batch.own_bytes(),
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

/// An end of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Oldest,
    Newest,
}

impl Inner {
    /// Puts metrics at the end, packed where that is possible.
    fn push(&mut self, mut view: View, since: Instant) {
        if !self.failing {
            self.push_item(since, Item::View(view));
            return;
        }
        view.drop_guard();
        if view.is_tracked() {
            self.push_item(since, Item::View(view));
        } else if view.len() >= PACK {
            self.push_item(since, Item::Packed(Packed::new(&view)));
        } else {
            let (since, mut batch) = match self.items.pop_back() {
                Some((since, Item::Open(batch))) => {
                    self.len -= batch.len();
                    self.bytes -= batch.own_bytes();
                    self.newer = self.newer.saturating_sub(1);
                    (since, batch)
                }
                other => {
                    self.items.extend(other);
                    (since, Batch::new())
                }
            };
            view.iter().for_each(|metric| _ = batch.push(metric));
            let full = batch.len() >= PACK;
            self.push_item(since, if full { Item::Packed(Packed::new(&View::all(batch))) } else { Item::Open(batch) });
        }
    }

    fn push_item(&mut self, since: Instant, item: Item) {
        self.count(&item);
        self.newer += 1;
        self.items.push_back((since, item));
    }

    fn count(&mut self, item: &Item) {
        self.len += item.len();
        self.bytes += item.bytes();
    }

    /// Takes up to `n` metrics from an end, in their order.
    fn pop(&mut self, n: usize, end: End) -> Option<View> {
        let (since, item) = match end {
            End::Oldest => self.items.pop_front(),
            End::Newest => self.items.pop_back(),
        }?;
        self.taken = Some(since);
        self.len -= item.len();
        self.bytes -= item.bytes();
        if item.len() <= n {
            return Some(item.view());
        }
        let mut rest = item.view();
        let taken = match end {
            End::Oldest => rest.split_front(n),
            End::Newest => {
                let front = rest.split_front(rest.len() - n);
                std::mem::replace(&mut rest, front)
            }
        };
        let rest = Item::View(rest);
        self.count(&rest);
        match end {
            End::Oldest => self.items.push_front((since, rest)),
            End::Newest => self.items.push_back((since, rest)),
        }
        Some(taken)
    }
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

    fn lock(&self) -> MutexGuard<'_, Inner> {
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
            (inner.len, inner.bytes) = (0, 0);
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

    fn drop_some(&self, inner: &mut Inner) {
        let end = match self.how.full {
            Full::DropOldest => End::Oldest,
            Full::DropNewest => End::Newest,
            // Senders wait instead; what was on its way is taken all the same.
            Full::Block => return,
        };
        let max = self.how.max_bytes.unwrap_or(u64::MAX);
        while inner.len > self.limit() || inner.bytes as u64 > max && inner.len > 0 {
            let over = inner.len.saturating_sub(self.limit());
            // Too many bytes: a little at a time, as metrics differ in size.
            let over = if over > 0 { over } else { inner.len.div_ceil(16) };
            let Some(gone) = inner.pop(over, end) else { break };
            inner.dropped += gone.len();
            gone.settle(Settled::Rejected);
        }
        inner.urgent = inner.urgent.min(inner.len);
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
        let queue = Queue::new(100, 4, Queueing::default());
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
    fn what_is_urgent_is_no_full_batch() {
        let queue = Queue::new(100, 4, Queueing::default());
        queue.push(view(0..6));
        queue.urge();
        queue.push(view(6..7));
        assert_eq!(numbers(&queue.take(true)), [0, 1, 2, 3]);
        assert_eq!(numbers(&queue.take(true)), [4, 5, 6]);
        queue.push(view(7..8));
        assert!(queue.take(true).is_empty());
    }

    #[test]
    fn drops_the_oldest_and_counts_them() {
        let queue = Queue::new(5, 2, Queueing::default());
        queue.push(view(0..4));
        let taken = queue.take(true);
        queue.push(view(4..8));
        queue.put_back(taken);
        assert_eq!((queue.len(), queue.take_dropped(), queue.take_dropped()), (5, 3, 0));
        assert_eq!(numbers(&queue.take(false)), [3, 4]);
    }

    #[test]
    fn a_failing_output_gives_credit_back() {
        let queue = Queue::new(5, 2, Queueing::default());
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
        let queue = Queue::new(10_000, 3000, Queueing::default());
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

    #[test]
    fn drops_the_newest_where_asked() {
        let queue = Queue::new(5, 10, Queueing { full: Full::DropNewest, ..Queueing::default() });
        queue.push(view(0..4));
        queue.push(view(4..8));
        queue.push(view(8..9));
        assert_eq!((queue.take_dropped(), numbers(&queue.take(false))), (4, vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn drops_nothing_where_senders_wait() {
        let queue = Queue::new(5, 4, Queueing { full: Full::Block, ..Queueing::default() });
        queue.push(view(0..4));
        assert!(queue.has_room());
        queue.push(view(4..8));
        assert!(!queue.has_room());
        let taken = queue.take(true);
        assert!(queue.has_room());
        queue.put_back(taken);
        assert_eq!((queue.take_dropped(), queue.len(), queue.has_room()), (0, 8, false));
    }

    #[test]
    fn holds_no_more_bytes_than_it_may() {
        for full in [Full::DropOldest, Full::DropNewest] {
            let queue = Queue::new(1_000_000, 1000, Queueing { full, max_bytes: Some(20_000), ..Queueing::default() });
            for failing in [false, true] {
                queue.set_failing(failing);
                for from in (0..3000).step_by(10) {
                    queue.push(view(from..from + 10));
                    assert!(queue.lock().bytes <= 20_000);
                }
                assert!(queue.len() > 100);
            }
            let (len, dropped) = (queue.len(), queue.take_dropped());
            assert_eq!(len + dropped, 6000);
            while !queue.take(false).is_empty() {}
            let inner = queue.lock();
            assert_eq!((inner.bytes, inner.len), (0, 0));
        }
    }

    #[test]
    fn gives_the_newest_first_where_asked() {
        let queue = Queue::new(100, 4, Queueing { order: Order::NewestFirst, ..Queueing::default() });
        queue.push(view(0..3));
        queue.push(view(3..9));
        let taken = queue.take(true);
        assert_eq!(numbers(&taken), [5, 6, 7, 8]);
        queue.push(view(9..11));
        queue.put_back(taken);
        let given: Vec<Vec<i64>> = (0..4).map(|_| numbers(&queue.take(false))).collect();
        assert_eq!(given, [vec![7, 8, 9, 10], vec![3, 4, 5, 6], vec![0, 1, 2], vec![]]);
    }
}
