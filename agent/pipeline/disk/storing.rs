//! The thread's side of what a disk queue knows: what is to be stored, where it was stored, what outlives the machine, what has to go.

use super::entry::{Content, Entry, Place, State};
use super::state::{Inner, Leftover, Segment, settle};
use crate::config::Full;
use agent_api::{Settled, View};

impl Inner {
    /// True if a record waits to be stored.
    pub(super) fn has_pending(&self) -> bool {
        let pending = |e: &Entry| e.state == State::Pending;
        self.entries.back().is_some_and(pending) || self.out.iter().any(pending)
    }

    /// Metrics that no segment holds.
    pub(super) fn unstored(&self) -> usize {
        let pending = |e: &&Entry| matches!(e.state, State::Pending | State::Storing);
        self.out.iter().chain(&self.entries).filter(pending).map(|e| e.len - e.done).sum()
    }

    /// The records to be stored, in order.
    pub(super) fn take_waiting(&mut self) -> Vec<(u64, View)> {
        // Those that are not stored came after all that are.
        let from = self.entries.iter().rposition(|e| e.state != State::Pending).map_or(0, |i| i + 1);
        let pending = self.out.iter_mut().filter(|e| e.state == State::Pending).chain(self.entries.range_mut(from..));
        let storing = |e: &mut Entry| {
            e.state = State::Storing;
            (e.number, e.view())
        };
        let mut waiting: Vec<_> = pending.map(storing).collect();
        waiting.sort_by_key(|(number, _)| *number);
        waiting
    }

    /// A record in memory, and whether the writer was given it.
    fn entry(&mut self, number: u64) -> Option<(&mut Entry, bool)> {
        if let Ok(i) = self.entries.binary_search_by_key(&number, |e| e.number) {
            return Some((&mut self.entries[i], false));
        }
        let i = self.out.binary_search_by_key(&number, |e| e.number).ok()?;
        Some((&mut self.out[i], true))
    }

    /// A record has been stored at the end of the last segment.
    pub(super) fn stored(&mut self, number: u64, place: Place) {
        if let Some(segment) = self.segment(place.segment) {
            segment.end = place.end;
        }
        // What was passed before it was stored is not to be read back.
        if number <= self.passed && self.segments.back().is_some_and(|s| s.id == place.segment) {
            self.cursor = (place.segment, place.end);
        }
        let Some((entry, given)) = self.entry(number) else { return };
        entry.state = State::Stored(place);
        entry.waiting.iter_mut().for_each(View::drop_guard);
        entry.waiting.retain(View::is_tracked);
        let (left, bytes) = (entry.len - entry.done, entry.bytes);
        if !given {
            self.pending_bytes -= bytes.min(self.pending_bytes);
            self.held_bytes += bytes;
        }
        if let Some(segment) = self.segment(place.segment) {
            segment.left += left;
        }
    }

    /// These records could not be stored, or not be kept: they are in memory only.
    pub(super) fn not_stored(&mut self, numbers: &[u64]) {
        self.disk_failing = true;
        for number in numbers {
            let Some((entry, given)) = self.entry(*number) else { continue };
            let (before, left) = (std::mem::replace(&mut entry.state, State::Pending), entry.len - entry.done);
            let bytes = entry.bytes;
            if let State::Stored(place) = before {
                if !given {
                    self.held_bytes -= bytes.min(self.held_bytes);
                    self.pending_bytes += bytes;
                }
                if let Some(segment) = self.segment(place.segment) {
                    segment.left -= left.min(segment.left);
                }
            }
        }
        for entry in self.out.iter_mut().chain(&mut self.entries).filter(|e| e.state == State::Pending) {
            entry.waiting.iter_mut().for_each(View::drop_guard);
        }
    }

    /// Of these records those outlive the machine that are not behind where their segments were cut; the others are in memory only.
    pub(super) fn cut(&mut self, numbers: &[u64], cuts: &[(u64, u64)]) {
        let mut kept = |number: &u64| {
            let Some(State::Stored(place)) = self.entry(*number).map(|(e, _)| e.state) else { return true };
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

    /// These records outlive the machine now: their receipts are settled, and where memory is short some is let go of: of what is
    /// written last.
    pub(super) fn synced(&mut self, numbers: &[u64]) {
        let newest_first = self.newest_first();
        for number in numbers {
            let Some((entry, given)) = self.entry(*number) else { continue };
            settle(entry);
            entry.synced = true;
            if !newest_first
                && !given
                && self.held_bytes > self.held_max
                && let Ok(i) = self.entries.binary_search_by_key(number, |e| e.number)
            {
                self.leave_to_disk(i);
            }
        }
        while newest_first && self.held_bytes > self.held_max && self.entries.front().is_some_and(|e| e.synced) {
            self.leave_to_disk(0);
        }
    }

    /// Forgets an entry that is on the disk.
    fn leave_to_disk(&mut self, i: usize) {
        let Some(entry) = self.entries.remove(i) else { return };
        self.held_bytes -= entry.bytes.min(self.held_bytes);
        if let State::Stored(place) = entry.state
            && let Some(segment) = self.segment(place.segment)
        {
            segment.cold += entry.len;
        }
    }

    /// Begins a segment.
    pub(super) fn begin(&mut self, segment: Segment) {
        self.active = segment.id;
        self.segments.push_back(segment);
        self.remove_done();
    }

    /// Drops the oldest segments as far as all of them are too large together, if it is the oldest that give way.
    pub(super) fn shrink(&mut self) {
        while self.full == Full::DropOldest && self.segments.len() > 1 && self.file_bytes() > self.max_bytes {
            let Some(segment) = self.segments.pop_front() else { break };
            let mut lost = segment.cold;
            let of = |e: &Entry| matches!(e.state, State::Stored(place) if place.segment == segment.id);
            for entry in self.out.iter_mut().filter(|e| of(e)) {
                entry.state = State::Gone;
                self.front.retain(|(_, view)| {
                    let marked = entry.mark(view, Settled::Rejected);
                    lost += marked;
                    marked == 0
                });
            }
            for entry in self.entries.iter_mut().filter(|e| of(e)) {
                entry.state = State::Gone;
                lost += entry.len;
                self.held_bytes -= entry.bytes.min(self.held_bytes);
                entry.rejected = true;
                settle(entry);
            }
            self.entries.retain(|e| e.state != State::Gone);
            self.remove_finished();
            self.drop_metrics(lost);
            self.garbage.push(segment.path);
        }
        let first = self.segments.front().map_or(0, |s| s.first);
        self.earlier.retain(|number, _| *number >= first);
    }

    /// Puts what an earlier run left before what came since; false if the writer has some of that just now.
    pub(super) fn restore(&mut self, left: Leftover) -> bool {
        let out: usize = self.out.iter().map(|e| e.len - e.done).sum();
        if out > self.front.iter().map(|(_, view)| view.len()).sum() {
            return false;
        }
        self.front.clear();
        for mut entry in self.out.drain(..) {
            self.pending_bytes += entry.bytes;
            entry.content = Content::View(entry.rest());
            entry.len -= entry.done;
            entry.done = 0;
            entry.marks.clear();
            let at = self.entries.partition_point(|e| e.number < entry.number);
            self.entries.insert(at, entry);
        }
        // The number of a record that was damaged is not given again: the position may still speak of it.
        let spoken_of = left.position.partial.last_key_value().map_or(0, |(number, _)| *number);
        let mut last = left.last.max(left.position.low).max(spoken_of).max(left.position.done.last());
        for entry in &mut self.entries {
            last += 1;
            entry.number = last;
        }
        self.last = last;
        self.finished = left.position.done;
        // Numbers of records are looked for near to this one.
        let first = left.segments.front().map_or(0, |s| s.first);
        self.passed = left.position.low.max(first).saturating_sub(1);
        self.earlier = left.position.partial;
        self.len += left.segments.iter().map(|s| s.left).sum::<usize>();
        self.segments = left.segments;
        self.cursor = (0, 0);
        self.moved = true;
        self.remove_done();
        true
    }
}
