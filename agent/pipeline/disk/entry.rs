//! A record of the queue as long as it is in memory.

use agent_api::{Batch, Settled, View};
use std::sync::Arc;

/// Metrics that are stored together.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) content: Content,
    /// Metrics.
    pub(super) len: usize,
    /// Memory, about.
    pub(super) bytes: usize,
    /// What came, with receipts and guards, until they are settled.
    pub(super) waiting: Vec<View>,
    pub(super) state: State,
    /// It outlives the machine.
    pub(super) synced: bool,
    /// Metrics that are done.
    pub(super) done: usize,
    /// Which ones, once one is.
    pub(super) marks: Vec<bool>,
    /// Some were refused.
    pub(super) rejected: bool,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Small batches put together.
    Open(Batch),
    View(View),
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In memory only.
    Pending,
    /// About to be stored.
    Storing,
    /// In its segment.
    Stored(Place),
    /// In a segment that has been dropped: what the writer does not get rid of is lost.
    Gone,
}

/// A place in the segments; places are in the order of their records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The segment, by its first number.
    pub(super) segment: u64,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Entry {
    pub(super) fn new(number: u64, content: Content, len: usize, bytes: usize) -> Self {
        Entry {
            number,
            content,
            len,
            bytes,
            waiting: Vec::new(),
            state: State::Pending,
            synced: false,
            done: 0,
            marks: Vec::new(),
            rejected: false,
        }
    }

    /// The metrics; nothing is put to them any more.
    pub(super) fn view(&mut self) -> View {
        if let Content::Open(batch) = &mut self.content {
            self.content = Content::View(View::all(std::mem::take(batch)));
        }
        match &self.content {
            Content::View(view) => view.untracked(),
            Content::Open(_) => View::all(Batch::new()),
        }
    }

    /// True if the metrics of the view are of this record.
    pub(super) fn holds(&self, view: &View) -> bool {
        let Content::View(own) = &self.content else { return false };
        let first = (!view.is_empty()).then(|| view.row(0));
        Arc::ptr_eq(own.batch(), view.batch()) && (0..own.len()).any(|i| Some(own.row(i)) == first)
    }

    /// Marks those metrics of the view that are of this record, if it was made of it; gives how many.
    pub(super) fn mark(&mut self, view: &View, how: Settled) -> usize {
        let Content::View(own) = &self.content else { return 0 };
        if !Arc::ptr_eq(own.batch(), view.batch()) {
            return 0;
        }
        if self.done == 0 && view.len() == self.len && view.row(0) == own.row(0) {
            self.marks = vec![true; self.len];
            self.done = self.len;
            self.rejected |= how == Settled::Rejected;
            return self.len;
        }
        self.marks.resize(self.len, false);
        // Pieces are cut off in order, so a row is mostly right behind the one before.
        let (mut marked, mut next) = (0, 0);
        for row in (0..view.len()).map(|i| view.row(i)) {
            let Some(place) = (next..self.len).chain(0..next).find(|place| own.row(*place) == row) else { continue };
            marked += usize::from(!std::mem::replace(&mut self.marks[place], true));
            next = place + 1;
        }
        self.done += marked;
        self.rejected |= marked > 0 && how == Settled::Rejected;
        marked
    }

    /// Marks what an earlier run did.
    pub(super) fn mark_done(&mut self, marks: &[bool]) {
        self.marks = marks.to_vec();
        self.marks.resize(self.len, false);
        self.done = self.marks.iter().filter(|done| **done).count();
    }

    /// The metrics that are not done.
    pub(super) fn rest(&mut self) -> View {
        let view = self.view();
        if self.done == 0 {
            return view;
        }
        let rows = (0..view.len()).filter(|i| !self.marks[*i]).map(|i| view.row(i)).collect();
        view.with_rows(rows)
    }

    /// Takes what waits for the end of the record, and how it ended.
    pub(super) fn settled(&mut self) -> (Vec<View>, Settled) {
        let how = if self.rejected { Settled::Rejected } else { Settled::Delivered };
        (std::mem::take(&mut self.waiting), how)
    }
}
