//! Credit: how many metrics of senders that can wait may be under way, so that they wait instead of being dropped.
//!
//! A file, a connection or a broker can be read later; what it hands over takes credit until the outputs have written it. So
//! an output that works but is slower than such inputs slows them down, and never overflows. An output that fails gives the
//! credit of all that it holds back at once, and keeps what its queue allows: a dead output stops nobody.

use super::room::Room;
use agent_api::Batch;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget in bytes, shared by all that may wait.
#[derive(Clone, Debug)]
pub(super) struct Credit {
    left: Arc<Semaphore>,
    /// Bytes that one metric costs at least, so that no more metrics are under way than the smallest queue holds.
    each: Arc<AtomicUsize>,
    room: Room,
}

/// So many bytes may be under way.
const BUDGET: usize = 16 << 20;

impl Credit {
    /// A budget for outputs of which the smallest holds `metrics` metrics.
    pub(super) fn new(metrics: usize) -> Self {
        let credit = Credit { left: Arc::new(Semaphore::new(BUDGET)), each: Arc::default(), room: Room::default() };
        credit.resize(metrics);
        credit
    }

    /// What all inputs wait for, also those that need no credit.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// From now on the smallest output holds `metrics` metrics.
    pub(super) fn resize(&self, metrics: usize) {
        self.each.store(BUDGET.div_ceil(metrics.max(1)), Relaxed);
    }

    /// Waits for credit and puts it on the batch, which gives it back when its last piece is gone.
    pub(super) async fn charge(&self, batch: &mut Batch) {
        if let Ok(permit) = self.left.clone().acquire_many_owned(self.cost(batch)).await {
            batch.set_guard(Arc::new(permit) as Arc<OwnedSemaphorePermit>);
        }
    }

    fn cost(&self, batch: &Batch) -> u32 {
        // The body is shared with other batches, and about as large as what was made of it.
        let cost = (2 * batch.own_bytes()).max(batch.len() * self.each.load(Relaxed)).min(BUDGET);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::View;

    fn batch(n: i64) -> Batch {
        let mut batch = Batch::new();
        for i in 0..n {
            batch.metric("m").field("f", i);
        }
        batch
    }

    #[tokio::test]
    async fn waits_until_the_last_piece_is_gone() {
        let credit = Credit::new(10);
        let mut first = batch(10);
        credit.charge(&mut first).await;
        let mut view = View::all(first);
        let front = view.split_front(3);
        let mut second = batch(1);
        let mut waiting = std::pin::pin!(credit.charge(&mut second));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(view);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(front);
        assert!(futures_util::poll!(waiting.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_budget_passes_alone() {
        let credit = Credit::new(2);
        let mut large = batch(5);
        credit.charge(&mut large).await;
        assert_eq!(credit.left.available_permits(), 0);
    }
}
