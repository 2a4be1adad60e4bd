//! Where a batch goes next: a channel to another task, or straight to the outputs where nothing is in between.

use super::fanout::Fanout;
use agent_api::Batch;
use tokio::sync::mpsc;

/// So many batches wait between two stages.
pub(super) const DEPTH: usize = 4;

/// The next stage.
#[derive(Clone)]
pub(super) enum Next {
    /// A task of its own.
    Stage(mpsc::Sender<Batch>),
    /// The outputs.
    Outputs(Fanout),
}

impl Next {
    /// Hands a batch on; waits while the next stage is full. After a forced stop the batch is gone, its receipt unsettled.
    pub(super) async fn send(&self, batch: Batch) {
        match self {
            Next::Stage(to) => {
                // The receiver is only gone after a forced stop; receipts then tell the sender that it was lost.
                let _gone = to.send(batch).await;
            }
            Next::Outputs(fanout) => fanout.deliver(batch),
        }
    }
}
