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
    /// Of these, how many came of senders that waited for room.
    pub(super) guarded: usize,
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

/// What came of senders that waited for room is taken up to so many bytes, also where processors have made more of it than the queue
/// holds.
const GUARDED: usize = 64 << 20;

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

    /// How many came of senders that waited for room.
    fn guarded(&self) -> usize {
        match self {
            Item::View(view) if view.is_guarded() => view.len(),
            _ => 0,
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
        self.guarded += item.guarded();
        self.bytes += item.bytes();
    }

    fn uncount(&mut self, item: &Item) {
        self.len -= item.len();
        self.guarded -= item.guarded();
        self.bytes -= item.bytes();
    }

    /// True if more metrics are here of senders that waited for room than they were let in with, which is half of what the queue holds:
    /// they have been multiplied on the way, as nobody could know before.
    fn multiplied(&self, limit: usize) -> bool {
        self.guarded > limit / 2 && self.bytes <= GUARDED
    }

    /// By how much there are more than a queue that holds `limit` takes. What was multiplied is taken all the same, and leaves the others
    /// their half.
    pub(super) fn over(&self, limit: usize) -> usize {
        let most = if self.multiplied(limit) { self.guarded + limit - limit / 2 } else { limit };
        self.len.saturating_sub(most)
    }

    /// Takes out up to `n` metrics that have to give way, from an end.
    pub(super) fn give_way(&mut self, n: usize, end: End, limit: usize) -> Option<View> {
        if !self.multiplied(limit) {
            return self.pop(n, end);
        }
        let mut items = self.items.iter();
        let free = |(_, item): &(Instant, Item)| item.guarded() == 0;
        let at = if end == End::Oldest { items.position(free) } else { items.rposition(free) }?;
        let (since, item) = self.items.remove(at)?;
        self.uncount(&item);
        let mut view = item.view();
        let more = view.len().saturating_sub(n);
        if more > 0 {
            let front = view.split_front(if end == End::Oldest { n } else { more });
            let (gone, rest) = if end == End::Oldest { (front, view) } else { (view, front) };
            let rest = Item::View(rest);
            self.count(&rest);
            self.items.insert(at, (since, rest));
            return Some(gone);
        }
        Some(view)
    }

    /// Takes up to `n` metrics from an end, in their order.
    pub(super) fn pop(&mut self, n: usize, end: End) -> Option<View> {
        let (since, item) = match end {
            End::Oldest => self.items.pop_front(),
            End::Newest => self.items.pop_back(),
        }?;
        self.taken = Some(since);
        self.uncount(&item);
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
