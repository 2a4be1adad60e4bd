//! What the writer of a disk queue is given next: what is in memory, or what has to be read back from a segment before it.
//!
//! The cursor stands in the segments; all records before it were given, are in memory, or are done. No method does I/O: who asks is
//! told what to read, and says what was found there.

use super::entry::{Content, Entry, Place, State};
use super::state::Inner;
use crate::pipeline::seal::Seal;
use agent_api::{Batch, View};
use std::path::PathBuf;

/// How the next metrics are to be had.
#[derive(Debug)]
pub(super) enum Step {
    /// Metrics of the record of that number.
    Take(u64, View),
    /// Read the record at `from`, or the next whole one before `to`.
    Read(Reading),
    Empty,
}

/// A read that is due.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) path: PathBuf,
    pub(super) seal: Seal,
    pub(super) segment: u64,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Records of numbers up to this one have been passed.
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

impl Inner {
    /// Up to `n` of the next metrics.
    pub(super) fn next(&mut self, n: usize) -> Step {
        if self.newest_first()
            && let Some(entry) = self.entries.pop_back()
        {
            self.give(entry);
        }
        loop {
            if let Some((number, mut view)) = self.front.pop_front() {
                if view.len() > n {
                    let first = view.split_front(n);
                    self.front.push_front((number, view));
                    view = first;
                }
                self.len -= view.len().min(self.len);
                return Step::Take(number, view);
            }
            if let Some(reading) = self.reading() {
                return Step::Read(reading);
            }
            let Some(entry) = self.entries.pop_front() else { return Step::Empty };
            self.give(entry);
        }
    }

    /// Gives the writer a record that is in memory, before all else.
    fn give(&mut self, mut entry: Entry) {
        match entry.state {
            State::Stored(_) => self.held_bytes -= entry.bytes.min(self.held_bytes),
            _ => self.pending_bytes -= entry.bytes.min(self.pending_bytes),
        }
        if !self.newest_first() {
            self.passed = entry.number;
            if let State::Stored(place) = entry.state {
                self.cursor = (place.segment, place.end);
            }
        }
        self.front.push_front((entry.number, entry.rest()));
        self.put_out(entry);
    }

    fn put_out(&mut self, entry: Entry) {
        let at = self.out.partition_point(|e| e.number < entry.number);
        self.out.insert(at, entry);
    }

    /// What is to be read back before an entry may be given.
    fn reading(&mut self) -> Option<Reading> {
        self.leave_segments();
        let limit = match self.entries.front().map(|e| e.state) {
            Some(State::Stored(place)) => (place.segment, place.start),
            _ => self.segments.back().map_or((0, 0), |s| (s.id, s.end)),
        };
        if self.newest_first() && self.segments.iter().all(|s| s.cold == 0) {
            // Nothing on disk waits, and nothing in memory either: all that was ever pushed is passed.
            self.cursor = self.cursor.max(limit);
            self.passed = self.last;
        }
        if self.cursor >= limit {
            return None;
        }
        let segment = self.segments.iter().find(|s| s.id == self.cursor.0)?;
        let to = if limit.0 == segment.id { limit.1 } else { segment.end };
        let (path, seal, from) = (segment.path.clone(), segment.seal.clone(), self.cursor.1);
        Some(Reading { path, seal, segment: segment.id, from, to, after: self.passed })
    }

    /// Moves the cursor from the end of a segment to the begin of the next; what was not read by then cannot be.
    fn leave_segments(&mut self) {
        let newest_first = self.newest_first();
        while let Some(i) = self.segments.iter().position(|s| s.id >= self.cursor.0) {
            let last = i + 1 == self.segments.len();
            let segment = &mut self.segments[i];
            if self.cursor < (segment.id, segment.begin) {
                self.cursor = (segment.id, segment.begin);
                self.passed = self.passed.max(segment.first.saturating_sub(1));
            }
            // Newest first, all of a segment may have been written already.
            let nothing = newest_first && segment.cold == 0;
            if self.cursor.1 < segment.end && !nothing || last {
                return;
            }
            let lost = std::mem::take(&mut segment.cold);
            segment.left -= lost.min(segment.left);
            self.cursor = (self.cursor.0 + 1, 0);
            self.damaged += lost;
            self.len -= lost.min(self.len);
            self.remove_done();
        }
    }

    /// Takes over what was read back; nothing if the record has been dropped meanwhile.
    pub(super) fn found(&mut self, reading: &Reading, found: Option<Found>) {
        if self.cursor != (reading.segment, reading.from) || reading.after != self.passed {
            return;
        }
        let Some(found) = found else {
            self.cursor.1 = reading.to;
            return;
        };
        self.cursor.1 = found.end;
        if self.finished.contains(found.number) || self.out.binary_search_by_key(&found.number, |e| e.number).is_ok() {
            self.passed = found.number;
            return;
        }
        let marks = self.earlier.remove(&found.number);
        let place = Place { segment: reading.segment, start: found.start, end: found.end };
        match found.batch {
            Ok(batch) if batch.len() == found.metrics && !batch.is_empty() => {
                let mut entry = Entry::new(found.number, Content::View(View::all(batch)), found.metrics, 0);
                entry.state = State::Stored(place);
                entry.mark_done(&marks.unwrap_or_default());
                let left = entry.len - entry.done;
                self.passed = found.number;
                if let Some(segment) = self.segment(place.segment) {
                    segment.cold -= left.min(segment.cold);
                }
                if left > 0 {
                    self.front.push_back((entry.number, entry.rest()));
                    self.put_out(entry);
                } else {
                    // Still to be known as done as long as an older record is not.
                    self.finished.insert(found.number);
                }
            }
            _ => {
                let done = marks.map_or(0, |m| m.iter().filter(|done| **done).count());
                let lost = found.metrics.saturating_sub(done);
                if let Some(segment) = self.segment(place.segment) {
                    segment.cold -= lost.min(segment.cold);
                    segment.left -= lost.min(segment.left);
                }
                self.damaged += lost;
                self.len -= lost.min(self.len);
                self.remove_done();
            }
        }
    }
}
