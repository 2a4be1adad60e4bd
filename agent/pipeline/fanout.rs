//! Fan-out: every output gets its share of a batch, without a copy unless its own options change something.

use super::link::OutputHandle;
use agent_api::{Batch, Log, Settled, View, stats};
use std::sync::Arc;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// The outputs, as everything before them sees them; cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Fanout {
    outputs: Arc<RwLock<Vec<OutputHandle>>>,
}

impl Fanout {
    /// Hands a batch to all outputs. Waits only while they are being exchanged.
    pub(super) async fn deliver(&self, mut batch: Batch) {
        if batch.take_cargo().is_some() {
            untaken();
        }
        let urges = batch.urges();
        self.deliver_view(View::all(batch)).await;
        if urges {
            self.urge().await;
        }
    }

    /// Has the outputs write at once what they were handed so far.
    pub(super) async fn urge(&self) {
        self.outputs.read().await.iter().for_each(OutputHandle::urge);
    }

    /// Hands a view to all outputs. Waits only while they are being exchanged.
    pub(super) async fn deliver_view(&self, view: View) {
        if view.is_empty() {
            view.settle(Settled::Delivered);
            return;
        }
        let outputs = self.outputs.read().await;
        let Some((last, others)) = outputs.split_last() else {
            view.settle(Settled::Delivered);
            return;
        };
        for output in others {
            output.offer(view.clone());
        }
        last.offer(view);
    }

    /// The outputs, to be exchanged: nobody hands anything to them until this is dropped.
    pub(super) async fn hold(&self) -> OwnedRwLockWriteGuard<Vec<OutputHandle>> {
        self.outputs.clone().write_owned().await
    }

    /// Asks all outputs for a flush now.
    pub(super) async fn flush(&self) {
        self.outputs.read().await.iter().for_each(OutputHandle::flush);
    }
}

/// Says, once, that there is nobody to take what batches carry beside metrics.
pub(super) fn untaken() {
    static SAID: std::sync::Once = std::sync::Once::new();
    SAID.call_once(|| {
        Log::new("agent", None, stats::Counter::default())
            .warn("packets are captured, but no aggregator takes them; add [[aggregators.flow]]");
    });
}
