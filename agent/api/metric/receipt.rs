//! Receipts: how an input learns that what it handed over has been delivered.
//!
//! A receipt is shared by every piece of a batch. A piece is settled by whoever lets go of it knowingly: an output that wrote
//! it, a filter that dropped it. A piece that vanishes unsettled (a panic, a queue thrown away) counts as not delivered, so
//! forgetting to settle can delay data but never lose it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

/// How a metric ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written by an output, kept on its disk, or filtered by the user's own rules.
    Delivered,
    /// Refused for good by an output or dropped because a queue was full.
    Rejected,
}

/// What an input is told when all pieces of its batch are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every piece was delivered.
    Delivered,
    /// Some piece was refused or dropped, and it is of no use to send it again.
    Rejected,
    /// Some piece vanished; send it again.
    Lost,
}

struct Inner {
    rejected: AtomicBool,
    lost: AtomicBool,
    done: std::sync::Mutex<Option<Done>>,
}

/// Who is told.
type Done = Box<dyn FnOnce(Outcome) + Send>;

impl Drop for Inner {
    fn drop(&mut self) {
        let outcome = if *self.lost.get_mut() {
            Outcome::Lost
        } else if *self.rejected.get_mut() {
            Outcome::Rejected
        } else {
            Outcome::Delivered
        };
        if let Some(done) = self.done.get_mut().ok().and_then(Option::take) {
            done(outcome);
        }
    }
}

/// A share of a receipt; cloning makes another share, all must be settled.
pub struct Receipt {
    inner: Arc<Inner>,
    settled: bool,
}

impl Receipt {
    /// A receipt that calls `done` once, when the last share is gone. `done` must be quick and must not block.
    pub fn new(done: impl FnOnce(Outcome) + Send + 'static) -> Self {
        let inner = Inner {
            rejected: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            done: std::sync::Mutex::new(Some(Box::new(done))),
        };
        Receipt { inner: Arc::new(inner), settled: false }
    }

    /// Settles this share.
    pub fn settle(mut self, how: Settled) {
        if how == Settled::Rejected {
            self.inner.rejected.store(true, Release);
        }
        self.settled = true;
    }

    /// True once any share was refused or lost.
    pub fn failed(&self) -> bool {
        self.inner.rejected.load(Acquire) || self.inner.lost.load(Acquire)
    }
}

impl Clone for Receipt {
    fn clone(&self) -> Self {
        Receipt { inner: self.inner.clone(), settled: false }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.settled {
            self.inner.lost.fetch_or(true, AcqRel);
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receipt")
    }
}
