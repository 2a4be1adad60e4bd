//! The ends of flows of which nothing more is waited for: found by lists of when that may be, or where time has gone back, by looking at all.

use super::{Around, BLOCK, Store, split};
use crate::flow::due::Due;
use crate::flow::key::hash;
use crate::flow::record::{CLOSED_LISTED, IDLE_LISTED, Record};
use crate::flow::{Ended, SEED, Settings};
use agent_capture::prefetch;

/// What a flow may have been for long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Idle,
    Closed,
}

impl Which {
    fn mark(self) -> u16 {
        match self {
            Which::Idle => IDLE_LISTED,
            Which::Closed => CLOSED_LISTED,
        }
    }
}

impl<const N: usize> Store<N> {
    /// Ends the flows of which nothing more is waited for.
    pub(in crate::flow) fn sweep(&mut self, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        let now_step = step(now, settings);
        if self.idle.passed(now_step) || self.closed.passed(now_step) {
            return self.look_at_all(settings, around, now);
        }
        self.look_at_listed(Which::Idle, settings, around, now);
        self.look_at_listed(Which::Closed, settings, around, now);
    }

    /// Ends the flows of a list whose turn has come, and of which nothing more is waited for.
    fn look_at_listed(&mut self, which: Which, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        let now_step = step(now, settings);
        // What goes on may come into the list of this very step, so it waits until that is done.
        let mut again = std::mem::take(&mut self.again);
        while let Some(places) = self.due(which).take(now_step) {
            self.look_at(&places, which, settings, around, now, &mut again);
        }
        for (place, last) in again.drain(..) {
            self.list(place, last, which, settings);
        }
        self.again = again;
    }

    /// Time has gone back: what turn it is of whom is to be found out anew.
    #[cold]
    fn look_at_all(&mut self, settings: &Settings, around: &mut impl Around<N>, now: i64) {
        (self.idle, self.closed) = (Due::at(step(now, settings)), Due::at(step(now, settings)));
        for place in 0..self.used {
            let (piece, at) = split(place);
            let record = &mut self.pieces[piece][at].record;
            record.unlist(IDLE_LISTED | CLOSED_LISTED);
            if let Some(record) = self.look(place, settings, around, now) {
                self.list(place, record.last, Which::Idle, settings);
                if record.closed() {
                    self.list(place, record.last, Which::Closed, settings);
                }
            }
        }
    }

    fn due(&mut self, which: Which) -> &mut Due {
        match which {
            Which::Idle => &mut self.idle,
            Which::Closed => &mut self.closed,
        }
    }

    /// Lists a flow whose last packet is known for when it may have ended, unless it is listed.
    pub(super) fn list(&mut self, place: u32, last: i64, which: Which, settings: &Settings) {
        let silence = match which {
            Which::Idle => settings.idle,
            Which::Closed => settings.closed,
        };
        let (piece, at) = split(place);
        if let Some(silence) = silence
            && self.pieces[piece][at].record.list(which.mark())
        {
            let (now, then) = (step(last, settings), step(last.saturating_add(silence), settings));
            self.due(which).put(place, now, then);
        }
    }

    /// Ends the flows of a list of which nothing more is waited for; those that go on are added to `again`, with their last packet. As for packets,
    /// each step is done for a block of them.
    fn look_at(
        &mut self,
        places: &[u32],
        which: Which,
        settings: &Settings,
        around: &mut impl Around<N>,
        now: i64,
        again: &mut Vec<(u32, i64)>,
    ) {
        let mark = which.mark();
        for block in places.chunks(BLOCK) {
            for entry in block.iter().filter_map(|place| self.entry(*place)) {
                prefetch(&entry.key[0]);
                prefetch(&entry.record.last);
            }
            for place in block {
                let (piece, at) = split(*place);
                let entry = &mut self.pieces[piece][at];
                entry.record.unlist(mark);
                if entry.record.live() && entry.record.expired(now, settings) {
                    let hash = hash(&SEED, &entry.key);
                    prefetch(&self.index[self.home(hash)]);
                    let rest = &self.rests[piece][at];
                    prefetch(&rest.first);
                    prefetch(&rest.vlans);
                    if let Some(details) = self.details.get(piece) {
                        prefetch(details[at].first());
                    }
                }
            }
            for place in block {
                if let Some(record) = self.look(*place, settings, around, now)
                    && (which == Which::Idle || record.closed())
                {
                    again.push((*place, record.last));
                }
            }
        }
    }

    /// Ends a flow if nothing more is waited for; gives its record otherwise.
    fn look(&mut self, place: u32, settings: &Settings, around: &mut impl Around<N>, now: i64) -> Option<Record> {
        let record = self.entry(place).map(|e| e.record).filter(Record::live)?;
        if !record.expired(now, settings) {
            return Some(record);
        }
        self.remove(place, if record.closed() { Ended::Closed } else { Ended::Idle }, around);
        None
    }
}

/// The step of a time: what may have ended is looked for once in each.
fn step(time: i64, settings: &Settings) -> i64 {
    time.div_euclid(settings.pause())
}
