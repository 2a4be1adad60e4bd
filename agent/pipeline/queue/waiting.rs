//! What waits in a memory queue, in the order in which it came, with its numbers; packed where nobody waits for it.

use agent_api::metric::Packed;
use agent_api::{Batch, View};
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// With when each came.
    pub(super) items: VecDeque<(Instant, Item)>,
    /// When what was taken last came.
    pub(super) taken: Option<Instant>,
    pub(super) len: usize,
    /// Memory of the items.
    pub(super) bytes: usize,
    /// Items at the end that came since the last were taken.
    pub(super) newer: usize,
    /// So many are to be written at once, full batch or not.
    pub(super) urgent: usize,
    /// The output is failing: credit is given back, nobody waits for it.
    pub(super) failing: bool,
    pub(super) dropped: usize,
}

#[derive(Debug)]
pub(super) enum Item {
    /// As it came.
    View(View),
    /// Packed, as it will have to wait.
    Packed(Packed),
    /// Small batches put together until there are enough to pack.
    Open(Batch),
}

/// So many metrics are packed together.
const PACK: usize = 1000;

impl Item {
    fn len(&self) -> usize {
        match self {
            Item::View(view) => view.len(),
            Item::Packed(packed) => packed.len(),
            Item::Open(batch) => batch.len(),
        }
    }

    /// Memory, about.
    fn bytes(&self) -> usize {
        match self {
            Item::View(view) => view.bytes(),
            Item::Packed(packed) => packed.bytes(),
            Item::Open(batch) => batch.own_bytes(),
        }
    }

    /// The metrics, unpacked.
    pub(super) fn view(self) -> View {
        match self {
            Item::View(view) => view,
            Item::Packed(packed) => View::all(packed.unpack()),
            Item::Open(batch) => View::all(batch),
        }
    }
}

/// An end of the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Oldest,
    Newest,
}

impl Waiting {
    /// Puts metrics at the end, packed where that is possible.
    pub(super) fn push(&mut self, mut view: View, since: Instant) {
        if !self.failing {
            self.push_item(since, Item::View(view));
            return;
        }
        view.drop_guard();
        if view.is_tracked() {
            self.push_item(since, Item::View(view));
        } else if view.len() >= PACK {
            self.push_item(since, Item::Packed(Packed::new(&view)));
        } else {
            let (since, mut batch) = match self.items.pop_back() {
                Some((since, Item::Open(batch))) => {
                    self.len -= batch.len();
                    self.bytes -= batch.own_bytes();
                    self.newer = self.newer.saturating_sub(1);
                    (since, batch)
                }
                other => {
                    self.items.extend(other);
                    (since, Batch::new())
                }
            };
            view.iter().for_each(|metric| _ = batch.push(metric));
            let full = batch.len() >= PACK;
            self.push_item(since, if full { Item::Packed(Packed::new(&View::all(batch))) } else { Item::Open(batch) });
        }
    }

    fn push_item(&mut self, since: Instant, item: Item) {
        self.count(&item);
        self.newer += 1;
        self.items.push_back((since, item));
    }

    pub(super) fn count(&mut self, item: &Item) {
        self.len += item.len();
        self.bytes += item.bytes();
    }

    /// Takes up to `n` metrics from an end, in their order.
    pub(super) fn pop(&mut self, n: usize, end: End) -> Option<View> {
        let (since, item) = match end {
            End::Oldest => self.items.pop_front(),
            End::Newest => self.items.pop_back(),
        }?;
        self.taken = Some(since);
        self.len -= item.len();
        self.bytes -= item.bytes();
        if item.len() <= n {
            return Some(item.view());
        }
        let mut rest = item.view();
        let taken = match end {
            End::Oldest => rest.split_front(n),
            End::Newest => {
                let front = rest.split_front(rest.len() - n);
                std::mem::replace(&mut rest, front)
            }
        };
        let rest = Item::View(rest);
        self.count(&rest);
        match end {
            End::Oldest => self.items.push_front((since, rest)),
            End::Newest => self.items.push_back((since, rest)),
        }
        Some(taken)
    }
}
