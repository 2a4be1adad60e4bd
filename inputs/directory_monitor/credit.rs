//! How many metrics may be on their way to the outputs at a time.

use agent_api::{Batch, Receipt};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The metrics on their way, counted.
#[derive(Clone)]
pub(super) struct Credit {
    inner: Arc<Inner>,
    most: usize,
}

#[derive(Default)]
struct Inner {
    under_way: Mutex<usize>,
    changed: Condvar,
}

impl Credit {
    pub(super) fn new(most: usize) -> Self {
        Credit { inner: Arc::default(), most }
    }

    /// Counts the metrics of a batch until they are delivered or dropped. Waits for room, which a batch larger than all has if it
    /// is alone; false if `give_up`, which is asked now and then, says so before.
    pub(super) fn take(&self, batch: &mut Batch, mut give_up: impl FnMut() -> bool) -> bool {
        let size = batch.len();
        let mut under_way = self.inner.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while *under_way > 0 && *under_way + size > self.most {
            if give_up() {
                return false;
            }
            let wait = self.inner.changed.wait_timeout(under_way, Duration::from_millis(100));
            under_way = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        *under_way += size;
        let inner = self.inner.clone();
        batch.set_receipt(Receipt::new(move |_| {
            *inner.under_way.lock().unwrap_or_else(PoisonError::into_inner) -= size;
            inner.changed.notify_all();
        }));
        true
    }
}
