//! Fan-out: every output gets its share of a batch, without a copy unless its own options change something.

use super::output::OutputHandle;
use agent_api::{Batch, Settled, View};
use std::sync::Arc;

/// The outputs, as everything before them sees them.
#[derive(Clone)]
pub(super) struct Fanout {
    outputs: Arc<Vec<OutputHandle>>,
}

impl Fanout {
    pub(super) fn new(outputs: Vec<OutputHandle>) -> Self {
        Fanout { outputs: Arc::new(outputs) }
    }

    /// Hands a batch to all outputs. Never waits.
    pub(super) fn deliver(&self, batch: Batch) {
        self.deliver_view(View::all(batch));
    }

    /// Hands a view to all outputs. Never waits.
    pub(super) fn deliver_view(&self, view: View) {
        if view.is_empty() {
            view.settle(Settled::Delivered);
            return;
        }
        let Some((last, others)) = self.outputs.split_last() else {
            view.settle(Settled::Delivered);
            return;
        };
        for output in others {
            output.offer(view.clone());
        }
        last.offer(view);
    }
}
