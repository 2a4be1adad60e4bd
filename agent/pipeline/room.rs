//! Room: inputs wait while an output that is to block (`buffer_full = "block"`) has none.
//!
//! They wait where metrics come in and nowhere else, so that a reload finds nothing stuck half way.

use super::buffer::Buffer;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Notify;

/// The queues that inputs wait for; cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    queues: Arc<RwLock<Vec<Arc<Buffer>>>>,
    changed: Arc<Notify>,
}

impl Room {
    /// From now on inputs wait for these queues.
    pub(super) fn watch(&self, queues: Vec<Arc<Buffer>>) {
        *self.queues.write().unwrap_or_else(PoisonError::into_inner) = queues;
        self.changed.notify_waiters();
    }

    /// From now on nobody waits: the run ends, and what is under way goes into the queues.
    pub(super) fn end(&self) {
        self.watch(Vec::new());
    }

    /// Waits until every queue has room.
    pub(super) async fn wait(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let Some(full) = self.full() else { return };
            tokio::select! {
                () = full.room() => {}
                () = changed => {}
            }
        }
    }

    fn full(&self) -> Option<Arc<Buffer>> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.iter().find(|queue| !queue.has_room()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Queue;
    use super::*;
    use crate::config::{Full, Queueing};
    use agent_api::{Batch, View};
    use futures_util::poll;

    #[tokio::test]
    async fn waits_for_what_is_full_and_for_nothing_at_the_end() {
        let room = Room::default();
        room.wait().await;
        let how = Queueing { full: Full::Block, ..Queueing::default() };
        let queue = Arc::new(Buffer::Memory(Queue::new(2, 10, how)));
        room.watch(vec![queue.clone()]);
        let push = || {
            let mut batch = Batch::new();
            batch.metric("m").field("f", 1i64);
            queue.push(View::all(batch));
        };
        push();
        room.wait().await;
        push();
        let mut waiting = std::pin::pin!(room.wait());
        assert!(poll!(waiting.as_mut()).is_pending());
        let chunk = queue.take(false).await;
        assert!(poll!(waiting.as_mut()).is_ready());
        queue.put_back(chunk);
        let mut waiting = std::pin::pin!(room.wait());
        assert!(poll!(waiting.as_mut()).is_pending());
        room.end();
        assert!(poll!(waiting.as_mut()).is_ready());
    }
}
