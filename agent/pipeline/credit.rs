//! Credit: how many metrics of senders that can wait may be under way, so that they wait instead of being dropped.
//!
//! A file, a connection or a broker can be read later; what it hands over takes credit until the outputs have written it. So
//! an output that works but is slower than such inputs slows them down, and never overflows. An output that fails gives the
//! credit of all that it holds back at once, and keeps what its queue allows: a dead output stops nobody.

use super::room::Room;
use super::stage::Gate;
use agent_api::Batch;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget in bytes, shared by all that may wait.
#[derive(Clone, Debug)]
pub(super) struct Credit {
    left: Arc<Semaphore>,
    /// Metrics that may be under way, at least 1, whatever their size: each costs that share of the budget at least.
    most: Arc<AtomicUsize>,
    room: Room,
}

/// Outputs that are at work have this long to give credit back by themselves, and twice as long each time after ...
const PATIENCE: Duration = Duration::from_millis(2);
/// ... up to this.
const LONGEST: Duration = Duration::from_millis(100);

/// So many bytes may be under way.
const BUDGET: usize = 16 << 20;

impl Credit {
    /// A budget for at most so many metrics.
    pub(super) fn new(metrics: usize) -> Self {
        let credit = Credit { left: Arc::new(Semaphore::new(BUDGET)), most: Arc::default(), room: Room::default() };
        credit.resize(metrics);
        credit
    }

    /// What all inputs wait for, also those that need no credit.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// From now on at most so many metrics may be under way.
    pub(super) fn resize(&self, metrics: usize) {
        self.most.store(metrics.max(1), Relaxed);
    }

    /// Hands a batch on when there is credit for it; in pieces where it is more than may be under way at once.
    pub(super) async fn hand_on(&self, batch: Batch, next: &Gate) {
        for mut piece in batch.pieces(self.most.load(Relaxed)) {
            self.charge(&mut piece, next).await;
            next.send(piece).await;
        }
    }

    /// Waits for credit and puts it on the batch, which gives it back when its last piece is gone. Meanwhile the
    /// outputs behind `next` are urged to write what they have: a piece that is less than their batches would keep the credit of all of its
    /// batch until the next flush.
    async fn charge(&self, batch: &mut Batch, next: &Gate) {
        let urging = async {
            let mut patience = PATIENCE;
            loop {
                tokio::time::sleep(patience).await;
                next.urge().await;
                patience = (patience * 2).min(LONGEST);
            }
        };
        let permit = tokio::select! {
            biased;
            permit = self.left.clone().acquire_many_owned(self.cost(batch)) => permit,
            never = urging => never,
        };
        if let Ok(permit) = permit {
            batch.set_guard(Arc::new(permit) as Arc<OwnedSemaphorePermit>);
        }
    }

    fn cost(&self, batch: &Batch) -> u32 {
        // The body is shared with other batches, and about as large as what was made of it.
        let share = BUDGET.div_ceil(self.most.load(Relaxed));
        let cost = (2 * batch.own_bytes()).max(batch.len() * share).min(BUDGET);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::Next;
    use super::*;
    use agent_api::View;

    fn batch(n: i64) -> Batch {
        let mut batch = Batch::new();
        for i in 0..n {
            batch.metric("m").field("f", i);
        }
        batch
    }

    fn nothing() -> Gate {
        Gate::new(Next::Closed)
    }

    #[tokio::test]
    async fn waits_until_the_last_piece_is_gone() {
        let credit = Credit::new(10);
        let mut first = batch(10);
        credit.charge(&mut first, &nothing()).await;
        let mut view = View::all(first);
        let front = view.split_front(3);
        let mut second = batch(1);
        let next = nothing();
        let mut waiting = std::pin::pin!(credit.charge(&mut second, &next));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(view);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(front);
        assert!(futures_util::poll!(waiting.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_budget_goes_in_pieces() {
        let (to, mut from) = tokio::sync::mpsc::channel(10);
        let (credit, next) = (Credit::new(2), Gate::new(Next::Stage(to)));
        let (told, mut outcome) = tokio::sync::oneshot::channel();
        let mut large = batch(5);
        large.set_receipt(agent_api::Receipt::new(move |outcome| _ = told.send(outcome)));
        let handing_on = tokio::spawn(async move { credit.hand_on(large, &next).await });
        let mut values = Vec::new();
        for size in [2, 2, 1] {
            // Empty ones urge.
            let piece = loop {
                let piece = from.recv().await.expect("more comes");
                if !piece.is_empty() {
                    break piece;
                }
            };
            assert_eq!(piece.len(), size);
            assert!(outcome.try_recv().is_err());
            values.extend(piece.iter().filter_map(|m| match m.field("f") {
                Some(agent_api::Value::Int(value)) => Some(value),
                _ => None,
            }));
            View::all(piece).settle(agent_api::Settled::Delivered);
        }
        handing_on.await.expect("it does not panic");
        assert_eq!(values, [0, 1, 2, 3, 4]);
        assert_eq!(outcome.await.expect("it is told"), agent_api::metric::Outcome::Delivered);
    }
}
