//! Where a batch goes next: a channel to another task, or straight to the outputs where nothing is in between.
//!
//! Between the parts that a reload may exchange stands a gate. Whoever holds it knows that no batch is half way through, and
//! whoever wants to pass waits meanwhile: so a reload falls between two batches.

use super::fanout::Fanout;
use agent_api::{Batch, plugin};
use futures_util::FutureExt;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, mpsc};

/// So many batches wait between two stages.
pub(super) const DEPTH: usize = 4;

/// The next stage.
#[derive(Clone)]
pub(super) enum Next {
    /// A task of its own.
    Stage(mpsc::Sender<Batch>),
    /// The outputs.
    Outputs(Fanout),
    /// Nothing: the run is over, or something is being exchanged.
    Closed,
}

impl Next {
    /// Hands a batch on; waits while the next stage is full. After a forced stop the batch is gone, its receipt unsettled.
    pub(super) async fn send(&self, batch: Batch) {
        match self {
            Next::Stage(to) => {
                // The receiver is only gone after a forced stop; receipts then tell the sender that it was lost.
                let _gone = to.send(batch).await;
            }
            Next::Outputs(fanout) => fanout.deliver(batch).await,
            Next::Closed => {}
        }
    }
}

/// Waits in the middle of a computation. Mostly there is nothing to wait for; where there is, the thread's other tasks go on in another one.
pub(super) fn wait_here(runtime: &Handle, work: impl Future<Output = ()>) {
    let mut work = std::pin::pin!(work);
    let within = Handle::try_current().is_ok();
    let ready = {
        let _timers = runtime.enter();
        work.as_mut().now_or_never().is_some()
    };
    if ready {
        plugin::pass_on();
    } else if within {
        tokio::task::block_in_place(|| runtime.block_on(work));
    } else {
        runtime.block_on(work);
    }
}

/// A next stage that can be exchanged; cloning makes another way to the same gate.
#[derive(Clone)]
pub(super) struct Gate(Arc<RwLock<Next>>);

/// A gate that nobody passes.
pub(super) type Held = OwnedRwLockWriteGuard<Next>;

impl Gate {
    pub(super) fn new(next: Next) -> Self {
        Gate(Arc::new(RwLock::new(next)))
    }

    /// Hands a batch on; waits while the gate is held or the next stage is full.
    pub(super) async fn send(&self, batch: Batch) {
        self.0.read().await.send(batch).await;
    }

    /// Has the outputs write at once what was handed on before.
    pub(super) async fn urge(&self) {
        let mut batch = Batch::new();
        batch.set_urges();
        self.send(batch).await;
    }

    /// Waits until nobody is passing, and lets nobody pass until this is dropped.
    pub(super) async fn hold(&self) -> Held {
        self.0.clone().write_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_gate_lets_nobody_pass_and_loses_nothing() {
        let (to, mut old) = mpsc::channel(1);
        let gate = Gate::new(Next::Stage(to));
        gate.send(Batch::new()).await;
        // The second finds the channel full: it is passing, so the gate cannot be had.
        let passing = tokio::spawn({
            let gate = gate.clone();
            async move { gate.send(Batch::new()).await }
        });
        tokio::task::yield_now().await;
        let mut holding = std::pin::pin!(gate.hold());
        assert!(futures_util::poll!(holding.as_mut()).is_pending());
        assert!(old.recv().await.is_some());
        let mut held = holding.await;
        passing.await.expect("it passed");
        let (to, mut new) = mpsc::channel(1);
        *held = Next::Stage(to);
        let mut third = std::pin::pin!(gate.send(Batch::new()));
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        drop(held);
        third.await;
        assert!(old.recv().await.is_some() && old.recv().await.is_none());
        assert!(new.try_recv().is_ok());
    }
}
