//! What a disk queue knows of its records: which are in memory, which in segments, which the writer has, which are done.
//!
//! Records are numbered in the order in which they came. `out` has those that the writer was given, `entries` others that are in
//! memory; what is in neither, and not done, is cold: it stands in a segment only, at the `cursor` or behind it, and is read
//! back. Oldest first, the cursor follows what is given, and what lies between it and the first of the entries is read before
//! that one. Newest first, the last of the entries is given as long as there is one, so what is fresh never waits for what is
//! cold; that is read when there is no other, the oldest first. No method does I/O.

use super::entry::{Content, Entry, State};
use super::position::{Position, Ranges};
use crate::config::{Full, Order};
use crate::pipeline::seal::Seal;
use agent_api::{Batch, Chunk, Settled, View};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Views of fewer metrics are put together.
const SMALL: usize = 250;
/// Up to so many metrics.
const TOGETHER: usize = 1000;
/// So much memory may hold metrics that no segment holds yet, and as much copies of metrics in segments, about.
pub(super) const MEMORY: usize = 32 << 20;

/// A file of records.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number among the segments, larger than those of all before.
    pub(super) id: u64,
    /// The least number that its records can have.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    /// How its payloads are kept.
    pub(super) seal: Seal,
    /// Where its records begin.
    pub(super) begin: u64,
    /// Where they end.
    pub(super) end: u64,
    /// Metrics that are not done.
    pub(super) left: usize,
    /// Metrics that are not done and only here.
    pub(super) cold: usize,
}

impl Segment {
    /// One without records.
    pub(super) fn new(id: u64, first: u64, path: PathBuf, begin: usize, seal: Seal) -> Self {
        let begin = begin as u64;
        Segment { id, first, path, seal, begin, end: begin, left: 0, cold: 0 }
    }
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Records in memory that the writer was not given, by their numbers.
    pub(super) entries: VecDeque<Entry>,
    /// Records that the writer has, or had and gave back, by their numbers.
    pub(super) out: VecDeque<Entry>,
    /// What of those is not taken, or was put back, with the numbers of the records.
    pub(super) front: VecDeque<(u64, View)>,
    pub(super) segments: VecDeque<Segment>,
    /// The segment that is written to.
    pub(super) active: u64,
    /// The last number that a record got.
    pub(super) last: u64,
    /// Records of numbers up to this one are in memory or done; the cursor is behind those of them that are stored.
    pub(super) passed: u64,
    pub(super) cursor: (u64, u64),
    /// What earlier runs did of records not read back yet.
    pub(super) earlier: BTreeMap<u64, Vec<bool>>,
    /// Records done before older ones.
    pub(super) finished: Ranges,
    /// Metrics that wait, those of a write under way not counted.
    pub(super) len: usize,
    pub(super) pending_bytes: usize,
    /// Memory of metrics that segments hold as well, and how much of it there may be.
    pub(super) held_bytes: usize,
    pub(super) held_max: usize,
    pub(super) dropped: usize,
    /// Metrics whose records could not be read back.
    pub(super) damaged: usize,
    /// What gives way when the files have this size, or memory is short.
    pub(super) full: Full,
    pub(super) order: Order,
    pub(super) max_bytes: u64,
    /// The output fails.
    pub(super) failing: bool,
    /// The disk fails.
    pub(super) disk_failing: bool,
    /// Files to be removed.
    pub(super) garbage: Vec<PathBuf>,
    /// The position has changed.
    pub(super) moved: bool,
    pub(super) closing: bool,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub(super) segments: VecDeque<Segment>,
    pub(super) position: Position,
    /// The last number of a record.
    pub(super) last: u64,
    /// Places where records are damaged.
    pub(super) damages: usize,
}

impl Inner {
    pub(super) fn new(full: Full, order: Order, max_bytes: u64) -> Self {
        Inner { full, order, max_bytes, held_max: MEMORY, ..Inner::default() }
    }

    pub(super) fn newest_first(&self) -> bool {
        self.order == Order::NewestFirst
    }

    /// Puts metrics at the end. Some are dropped if there is no place for them.
    pub(super) fn push(&mut self, mut view: View) {
        let (len, bytes) = (view.len(), view.bytes());
        if self.full == Full::DropNewest && self.is_full() {
            self.dropped += len;
            view.settle(Settled::Rejected);
            return;
        }
        self.len += len;
        self.pending_bytes += bytes;
        if self.disk_failing {
            view.drop_guard();
        }
        let last = self.last;
        let fits = |e: &&mut Entry| {
            e.number == last
                && e.state == State::Pending
                && matches!(e.content, Content::Open(_))
                && e.len + len <= TOGETHER
        };
        let open = self.entries.back_mut().filter(|e| len < SMALL && fits(e));
        if let Some(entry) = open {
            if let Content::Open(batch) = &mut entry.content {
                view.iter().for_each(|metric| _ = batch.push(metric));
            }
            entry.len += len;
            entry.bytes += bytes;
            entry.waiting.push(view);
        } else {
            let mut batch = Batch::new();
            let content = if len < SMALL {
                view.iter().for_each(|metric| _ = batch.push(metric));
                Content::Open(batch)
            } else {
                Content::View(view.untracked())
            };
            self.last += 1;
            let mut entry = Entry::new(self.last, content, len, bytes);
            entry.waiting.push(view);
            self.entries.push_back(entry);
        }
        while self.pending_bytes > MEMORY && self.full == Full::DropOldest {
            let oldest = self.entries.iter().position(|e| e.state == State::Pending);
            let Some(mut entry) = oldest.and_then(|i| self.entries.remove(i)) else { break };
            self.pending_bytes -= entry.bytes.min(self.pending_bytes);
            self.drop_metrics(entry.len);
            entry.rejected = true;
            settle(&mut entry);
        }
    }

    /// True if nothing more fits without dropping something.
    pub(super) fn is_full(&self) -> bool {
        let empty = self.len == 0 && self.entries.is_empty() && self.out.is_empty();
        !empty && (self.pending_bytes > MEMORY || self.file_bytes() >= self.max_bytes)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.end).sum()
    }

    pub(super) fn drop_metrics(&mut self, n: usize) {
        self.len -= n.min(self.len);
        self.dropped += n;
    }

    pub(super) fn segment(&mut self, id: u64) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|s| s.id == id)
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&mut self, chunk: Chunk) {
        for view in chunk.into_views().into_iter().rev() {
            let gone = |e: &mut Entry| e.state == State::Gone && e.mark(&view, Settled::Rejected) > 0;
            if self.out.iter_mut().any(gone) {
                self.dropped += view.len();
                self.remove_finished();
            } else {
                self.len += view.len();
                let number = self.out.iter().find(|e| e.holds(&view)).map_or(0, |e| e.number);
                self.front.push_front((number, view));
            }
        }
    }

    /// Notes that the metrics are done.
    pub(super) fn settle(&mut self, chunk: Chunk, how: Settled) {
        for view in chunk.views() {
            let mut left = view.len();
            for i in 0..self.out.len() {
                let entry = &mut self.out[i];
                if left == 0 {
                    break;
                }
                let marked = entry.mark(view, how);
                left -= marked.min(left);
                if marked > 0
                    && let State::Stored(place) = entry.state
                    && let Some(segment) = self.segment(place.segment)
                {
                    segment.left -= marked.min(segment.left);
                }
            }
        }
        chunk.settle(how);
        self.remove_finished();
        self.remove_done();
    }

    /// Forgets the records of which every metric is done.
    pub(super) fn remove_finished(&mut self) {
        self.moved = true;
        for i in (0..self.out.len()).rev() {
            if self.out[i].done == self.out[i].len
                && let Some(mut entry) = self.out.remove(i)
            {
                settle(&mut entry);
                self.finished.insert(entry.number);
            }
        }
        let low = self.low();
        self.finished.forget_below(low);
        self.earlier = self.earlier.split_off(&low);
    }

    /// Lets go of segments of which every metric is done.
    pub(super) fn remove_done(&mut self) {
        let active = self.active;
        let garbage = &mut self.garbage;
        self.segments.retain(|segment| {
            let keep = segment.left > 0 || segment.id == active;
            if !keep {
                garbage.push(segment.path.clone());
            }
            keep
        });
    }

    /// All records of smaller numbers are done.
    fn low(&self) -> u64 {
        self.out.front().map_or(self.passed + 1, |e| e.number.min(self.passed + 1))
    }

    /// Where the output is.
    pub(super) fn position(&self) -> Position {
        let mut partial = self.earlier.clone();
        let begun = self.out.iter().filter(|e| e.done > 0);
        partial.extend(begun.map(|e| (e.number, e.marks.clone())));
        Position { low: self.low(), done: self.finished.clone(), partial }
    }
}

/// Tells the senders of a record how it ended.
pub(super) fn settle(entry: &mut Entry) {
    let (waiting, how) = entry.settled();
    waiting.into_iter().for_each(|view| view.settle(how));
}
