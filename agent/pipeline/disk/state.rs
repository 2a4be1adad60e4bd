//! What a disk queue knows of its records: which are in memory, which in segments, which the writer has, which are done.
//!
//! Records are numbered in the order in which they came. Those in `entries` are in that order: first the ones given to the
//! writer, then others that happen to be in memory still. `cursor` is where in the segments the next record stands that is
//! neither; whatever lies between it and the first entry not given is read back. No method does I/O.

use super::entry::{Content, Entry, Place, State};
use super::position::Position;
use super::segment::HEADER;
use crate::config::Full;
use agent_api::{Batch, Chunk, Settled, View};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Views of fewer metrics are put together.
const SMALL: usize = 250;
/// Up to so many metrics.
const TOGETHER: usize = 1000;
/// So much memory may hold metrics that no segment holds yet, and as much copies of metrics in segments, about.
const MEMORY: usize = 32 << 20;

/// A file of records.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number among the segments, larger than those of all before.
    pub(super) id: u64,
    /// The least number that its records can have.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    /// Bytes of whole records and the header.
    pub(super) end: u64,
    /// Metrics that are not done.
    pub(super) left: usize,
    /// Metrics that have not been given to the writer.
    pub(super) unread: usize,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) entries: VecDeque<Entry>,
    /// Given and not taken, or put back.
    front: VecDeque<View>,
    pub(super) segments: VecDeque<Segment>,
    /// The segment that is written to.
    pub(super) active: u64,
    /// The last number that a record got.
    pub(super) last: u64,
    /// The largest number that was given to the writer.
    given: u64,
    cursor: (u64, u64),
    /// What earlier runs did of records not read back yet.
    earlier: BTreeMap<u64, Vec<bool>>,
    /// Records done before older ones, and their metrics.
    finished: BTreeMap<u64, usize>,
    /// Metrics that wait, those of a write under way not counted.
    pub(super) len: usize,
    pending_bytes: usize,
    held_bytes: usize,
    pub(super) dropped: usize,
    /// Metrics whose records could not be read back.
    pub(super) damaged: usize,
    /// What gives way when the files have this size, or memory is short.
    pub(super) full: Full,
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

/// How the next metrics are to be had.
#[derive(Debug)]
pub(super) enum Step {
    Take(View),
    /// Read the record at `from`, or the next whole one before `to`.
    Read(Reading),
    Empty,
}

/// A read that is due.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) path: PathBuf,
    pub(super) segment: u64,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Smaller numbers have been given.
    pub(super) after: u64,
}

/// A record that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) number: u64,
    pub(super) metrics: usize,
    pub(super) batch: agent_api::Result<Batch>,
    pub(super) start: u64,
    pub(super) end: u64,
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
    pub(super) fn new(full: Full, max_bytes: u64) -> Self {
        Inner { full, max_bytes, ..Inner::default() }
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
        let fits = |e: &&mut Entry| {
            !e.given && e.state == State::Pending && matches!(e.content, Content::Open(_)) && e.len + len <= TOGETHER
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
            let oldest = self.entries.iter().position(|e| !e.given && e.state == State::Pending);
            let Some(mut entry) = oldest.and_then(|i| self.entries.remove(i)) else { break };
            self.pending_bytes -= entry.bytes.min(self.pending_bytes);
            self.drop_metrics(entry.len);
            entry.rejected = true;
            settle(&mut entry);
        }
    }

    /// True if nothing more fits without dropping something.
    pub(super) fn is_full(&self) -> bool {
        let empty = self.len == 0 && self.entries.is_empty();
        !empty && (self.pending_bytes > MEMORY || self.file_bytes() >= self.max_bytes)
    }

    fn file_bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.end).sum()
    }

    fn drop_metrics(&mut self, n: usize) {
        self.len -= n.min(self.len);
        self.dropped += n;
    }

    /// Up to `n` of the next metrics.
    pub(super) fn next(&mut self, n: usize) -> Step {
        loop {
            if let Some(mut view) = self.front.pop_front() {
                if view.len() > n {
                    let first = view.split_front(n);
                    self.front.push_front(view);
                    view = first;
                }
                self.len -= view.len().min(self.len);
                return Step::Take(view);
            }
            self.leave_segments();
            let at = self.entries.partition_point(|e| e.given);
            let limit = match self.entries.get(at).map(|e| e.state) {
                Some(State::Stored(place)) => (place.segment, place.start),
                _ => self.segments.back().map_or((0, 0), |s| (s.id, s.end)),
            };
            if self.cursor < limit
                && let Some(segment) = self.segments.iter().find(|s| s.id == self.cursor.0)
            {
                let to = if limit.0 == segment.id { limit.1 } else { segment.end };
                let (path, from, after) = (segment.path.clone(), self.cursor.1, self.given);
                return Step::Read(Reading { path, segment: segment.id, from, to, after });
            }
            let Some(entry) = self.entries.get_mut(at) else { return Step::Empty };
            entry.given = true;
            self.given = entry.number;
            let (state, bytes, len) = (entry.state, entry.bytes, entry.len - entry.done);
            self.front.push_back(entry.rest());
            if let State::Stored(place) = state {
                self.held_bytes -= bytes.min(self.held_bytes);
                self.cursor = (place.segment, place.end);
                if let Some(segment) = self.segment(place.segment) {
                    segment.unread -= len.min(segment.unread);
                }
            } else {
                self.pending_bytes -= bytes.min(self.pending_bytes);
            }
        }
    }

    fn segment(&mut self, id: u64) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|s| s.id == id)
    }

    /// Moves the cursor from the end of a segment to the begin of the next; what was not read by then cannot be.
    fn leave_segments(&mut self) {
        while let Some(i) = self.segments.iter().position(|s| s.id >= self.cursor.0) {
            let last = i + 1 == self.segments.len();
            let segment = &mut self.segments[i];
            if segment.id > self.cursor.0 {
                self.cursor = (segment.id, HEADER as u64);
            }
            if self.cursor.1 < segment.end || last {
                return;
            }
            let lost = std::mem::take(&mut segment.unread);
            segment.left -= lost.min(segment.left);
            self.cursor = (self.cursor.0 + 1, HEADER as u64);
            self.damaged += lost;
            self.len -= lost.min(self.len);
            self.remove_done();
        }
    }

    /// Takes over what was read back; nothing if the record has been dropped meanwhile.
    pub(super) fn found(&mut self, reading: &Reading, found: Option<Found>) {
        if self.cursor != (reading.segment, reading.from) || reading.after != self.given {
            return;
        }
        let Some(found) = found else {
            self.cursor.1 = reading.to;
            return;
        };
        self.cursor.1 = found.end;
        let marks = self.earlier.remove(&found.number);
        let place = Place { segment: reading.segment, start: found.start, end: found.end };
        match found.batch {
            Ok(batch) if batch.len() == found.metrics && !batch.is_empty() => {
                let mut entry = Entry::new(found.number, Content::View(View::all(batch)), found.metrics, 0);
                entry.state = State::Stored(place);
                entry.given = true;
                entry.mark_done(&marks.unwrap_or_default());
                let left = entry.len - entry.done;
                self.given = found.number;
                if let Some(segment) = self.segment(place.segment) {
                    segment.unread -= left.min(segment.unread);
                }
                if left > 0 {
                    self.front.push_back(entry.rest());
                    let at = self.entries.partition_point(|e| e.given);
                    self.entries.insert(at, entry);
                } else {
                    // Still to be known as done as long as an older record is not.
                    self.finished.insert(found.number, found.metrics);
                }
            }
            _ => {
                let done = marks.map_or(0, |m| m.iter().filter(|done| **done).count());
                let lost = found.metrics.saturating_sub(done);
                if let Some(segment) = self.segment(place.segment) {
                    segment.unread -= lost.min(segment.unread);
                    segment.left -= lost.min(segment.left);
                }
                self.damaged += lost;
                self.len -= lost.min(self.len);
                self.remove_done();
            }
        }
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&mut self, chunk: Chunk) {
        for view in chunk.into_views().into_iter().rev() {
            let gone = |e: &mut Entry| e.state == State::Gone && e.mark(&view, Settled::Rejected) > 0;
            if self.entries.iter_mut().any(gone) {
                self.dropped += view.len();
                self.remove_finished();
            } else {
                self.len += view.len();
                self.front.push_front(view);
            }
        }
    }

    /// Notes that the metrics are done.
    pub(super) fn settle(&mut self, chunk: Chunk, how: Settled) {
        for view in chunk.views() {
            let mut left = view.len();
            for i in 0..self.entries.len() {
                let entry = &mut self.entries[i];
                if left == 0 || !entry.given {
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
    fn remove_finished(&mut self) {
        self.moved = true;
        let given = self.entries.partition_point(|e| e.given);
        for i in (0..given).rev() {
            if self.entries[i].done == self.entries[i].len
                && let Some(mut entry) = self.entries.remove(i)
            {
                settle(&mut entry);
                self.finished.insert(entry.number, entry.len);
            }
        }
        let low = self.low();
        self.finished = self.finished.split_off(&low);
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
        let open = self.entries.iter().take_while(|e| e.given).map(|e| e.number).min();
        open.unwrap_or(self.given + 1)
    }

    /// Where the output is.
    pub(super) fn position(&self) -> Position {
        let mut partial = self.earlier.clone();
        let begun = self.entries.iter().take_while(|e| e.given).filter(|e| e.done > 0);
        partial.extend(begun.map(|e| (e.number, e.marks.clone())));
        partial.extend(self.finished.iter().map(|(number, len)| (*number, vec![true; *len])));
        Position { low: self.low(), partial }
    }

    /// True if a record waits to be stored.
    pub(super) fn has_pending(&self) -> bool {
        self.entries.back().is_some_and(|e| e.state == State::Pending)
    }

    /// Metrics that no segment holds.
    pub(super) fn unstored(&self) -> usize {
        let pending = |e: &&Entry| matches!(e.state, State::Pending | State::Storing);
        self.entries.iter().filter(pending).map(|e| e.len - e.done).sum()
    }

    /// The records to be stored, in order.
    pub(super) fn take_waiting(&mut self) -> Vec<(u64, View)> {
        let from = self.entries.iter().rposition(|e| e.state != State::Pending).map_or(0, |i| i + 1);
        let storing = |e: &mut Entry| {
            e.state = State::Storing;
            (e.number, e.view())
        };
        self.entries.range_mut(from..).map(storing).collect()
    }

    /// A record has been stored at the end of the last segment.
    pub(super) fn stored(&mut self, number: u64, place: Place) {
        if let Some(segment) = self.segment(place.segment) {
            segment.end = place.end;
        }
        // What was given before it was stored is not to be read back.
        if number <= self.given && self.segments.back().is_some_and(|s| s.id == place.segment) {
            self.cursor = (place.segment, place.end);
        }
        let Ok(i) = self.entries.binary_search_by_key(&number, |e| e.number) else { return };
        let entry = &mut self.entries[i];
        entry.state = State::Stored(place);
        entry.waiting.iter_mut().for_each(View::drop_guard);
        entry.waiting.retain(View::is_tracked);
        let (left, given, bytes) = (entry.len - entry.done, entry.given, entry.bytes);
        if !given {
            self.pending_bytes -= bytes.min(self.pending_bytes);
            self.held_bytes += bytes;
        }
        if let Some(segment) = self.segment(place.segment) {
            segment.left += left;
            segment.unread += if given { 0 } else { left };
        }
    }

    /// These records could not be stored, or not be kept: they are in memory only.
    pub(super) fn not_stored(&mut self, numbers: &[u64]) {
        self.disk_failing = true;
        for number in numbers {
            let Ok(i) = self.entries.binary_search_by_key(number, |e| e.number) else { continue };
            let entry = &mut self.entries[i];
            let (before, left) = (std::mem::replace(&mut entry.state, State::Pending), entry.len - entry.done);
            let (given, bytes) = (entry.given, entry.bytes);
            if let State::Stored(place) = before {
                if !given {
                    self.held_bytes -= bytes.min(self.held_bytes);
                    self.pending_bytes += bytes;
                }
                if let Some(segment) = self.segment(place.segment) {
                    segment.left -= left.min(segment.left);
                    segment.unread -= if given { 0 } else { left.min(segment.unread) };
                }
            }
        }
        for entry in self.entries.iter_mut().filter(|e| e.state == State::Pending) {
            entry.waiting.iter_mut().for_each(View::drop_guard);
        }
    }

    /// Of these records those outlive the machine that are not behind where their segments were cut; the others are in memory only.
    pub(super) fn cut(&mut self, numbers: &[u64], cuts: &[(u64, u64)]) {
        let kept = |number: &u64| {
            let entry = self.entries.binary_search_by_key(number, |e| e.number).ok().map(|i| &self.entries[i]);
            let Some(State::Stored(place)) = entry.map(|e| e.state) else { return true };
            !cuts.iter().any(|(id, end)| *id == place.segment && *end < place.end)
        };
        let (kept, lost): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|n| kept(n));
        self.synced(&kept);
        self.not_stored(&lost);
        for (id, end) in cuts {
            if let Some(segment) = self.segment(*id) {
                segment.end = *end;
            }
        }
        // What is written to next is a segment of its own.
        self.active = 0;
        self.remove_done();
    }

    /// These records outlive the machine now: their receipts are settled, and their memory is let go of where it is short.
    pub(super) fn synced(&mut self, numbers: &[u64]) {
        for number in numbers {
            let Ok(i) = self.entries.binary_search_by_key(number, |e| e.number) else { continue };
            let entry = &mut self.entries[i];
            settle(entry);
            if !entry.given && entry.done == 0 && self.held_bytes > MEMORY {
                self.held_bytes -= entry.bytes;
                self.entries.remove(i);
            }
        }
    }

    /// Begins a segment.
    pub(super) fn begin(&mut self, id: u64, path: PathBuf, first: u64) {
        self.segments.push_back(Segment { id, first, path, end: HEADER as u64, left: 0, unread: 0 });
        self.active = id;
        self.remove_done();
    }

    /// Drops the oldest segments as far as all of them are too large together, if it is the oldest that give way.
    pub(super) fn shrink(&mut self) {
        while self.full == Full::DropOldest && self.segments.len() > 1 && self.file_bytes() > self.max_bytes {
            let Some(segment) = self.segments.pop_front() else { break };
            let mut lost = segment.unread;
            let of = |e: &Entry| matches!(e.state, State::Stored(place) if place.segment == segment.id);
            for entry in self.entries.iter_mut().filter(|e| of(e)) {
                entry.state = State::Gone;
                if entry.given {
                    self.front.retain(|view| {
                        let marked = entry.mark(view, Settled::Rejected);
                        lost += marked;
                        marked == 0
                    });
                } else {
                    self.held_bytes -= entry.bytes.min(self.held_bytes);
                    entry.rejected = true;
                    settle(entry);
                }
            }
            self.entries.retain(|e| e.given || e.state != State::Gone);
            self.remove_finished();
            self.drop_metrics(lost);
            self.garbage.push(segment.path);
        }
        let first = self.segments.front().map_or(0, |s| s.first);
        self.earlier.retain(|number, _| *number >= first);
    }

    /// Puts what an earlier run left before what came since; false if the writer has some of that just now.
    pub(super) fn restore(&mut self, left: Leftover) -> bool {
        let given = self.entries.partition_point(|e| e.given);
        let out: usize = self.entries.range(..given).map(|e| e.len - e.done).sum();
        if out > self.front.iter().map(View::len).sum() {
            return false;
        }
        self.front.clear();
        // The number of a record that was damaged is not given again: the position may still speak of it.
        let spoken_of = left.position.partial.last_key_value().map_or(0, |(number, _)| *number);
        let mut last = left.last.max(left.position.low).max(spoken_of);
        for entry in &mut self.entries {
            last += 1;
            entry.number = last;
            if entry.given {
                self.pending_bytes += entry.bytes;
                entry.content = Content::View(entry.rest());
                entry.len -= entry.done;
                (entry.given, entry.done) = (false, 0);
                entry.marks.clear();
            }
        }
        self.finished.clear();
        self.last = last;
        // Numbers of records are looked for near to this one.
        let first = left.segments.front().map_or(0, |s| s.first);
        self.given = left.position.low.max(first).saturating_sub(1);
        self.earlier = left.position.partial;
        self.len += left.segments.iter().map(|s| s.left).sum::<usize>();
        self.segments = left.segments;
        self.cursor = (0, 0);
        self.moved = true;
        self.remove_done();
        true
    }
}

/// Tells the senders of a record how it ended.
fn settle(entry: &mut Entry) {
    let (waiting, how) = entry.settled();
    waiting.into_iter().for_each(|view| view.settle(how));
}
