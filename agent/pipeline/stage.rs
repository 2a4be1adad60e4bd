//! Where a batch goes next: a channel to another task, or straight to the outputs where nothing is in between.
//!
//! Between the parts that a reload may exchange stands a gate. Whoever holds it knows that no batch is half way through, and
//! whoever wants to pass waits meanwhile: so a reload falls between two batches.

use super::fanout::Fanout;
use agent_api::Batch;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, mpsc, oneshot};

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

/// Runs what computes for long at a time in a thread of its own, where the kernel finds it a core. The runtime does not: tasks that wake one
/// another go on in the thread that they woke in, one after the other, while the other threads sleep.
///
/// The thread ends when its work does, also where nobody waits for that any more. Where the system has no more threads, the work runs
/// as a task.
pub(super) fn on_a_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let (told, ended) = oneshot::channel();
    let (runtime, work) = (Handle::current(), Arc::new(Mutex::new(Some(work))));
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let its = work.clone();
    let run = move || {
        if let Some(work) = take(&its) {
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
            // Nobody waits after a forced stop.
            drop(told.send(result));
        }
    };
    let started = std::thread::Builder::new().name("stage".to_owned()).spawn(run);
    async move {
        if started.is_err()
            && let Some(work) = take(&work)
        {
            return work.await;
        }
        match ended.await.expect("a thread tells its result") {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
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
    async fn work_on_a_thread_ends_with_its_result_or_its_panic() {
        let here = std::thread::current().id();
        assert!(on_a_thread(async move { std::thread::current().id() != here }).await);
        let panics = tokio::spawn(on_a_thread(async { panic!("on purpose") }));
        assert!(panics.await.is_err_and(|e| e.is_panic()));
    }

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
