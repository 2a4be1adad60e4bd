//! When flows are looked at again: lists of places by time, so that a flow that goes on is looked at once in the time that it may be idle,
//! and not at each search for those that have ended.
//!
//! A place is in one list at most, so lists take as much as places, whatever comes. Whoever finds a flow that goes on puts it into a later
//! list. A place that is given to another flow stays where it is: as long as time goes on, its turn comes sooner than needed. Where time
//! went back that is not so, which shows as `disorder`: then all flows are to be looked at, and put in anew.

use std::collections::BTreeMap;

/// The end of a list.
const END: u32 = u32::MAX;
/// In no list.
const OUT: u32 = u32::MAX - 1;

/// Places by when their turn comes, in steps of time.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// The last place of each list.
    lists: BTreeMap<i64, u32>,
    /// The one before each place.
    before: Vec<u32>,
    /// The last list into which something was put.
    latest: Option<i64>,
    disorder: bool,
}

impl Due {
    /// Puts a place into a list, unless it is in one.
    pub(super) fn put(&mut self, place: u32, step: i64) {
        // Captures of several interfaces are not quite in order.
        self.disorder |= self.latest.is_some_and(|latest| step < latest.saturating_sub(1));
        self.latest = self.latest.max(Some(step));
        let at = place as usize;
        if self.before.len() <= at {
            self.before.resize(at + 1, OUT);
        }
        if self.before[at] == OUT {
            let last = self.lists.entry(step).or_insert(END);
            self.before[at] = std::mem::replace(last, place);
        }
    }

    /// Takes out a list whose turn has come: its last place, with which `leave` goes on.
    pub(super) fn take(&mut self, step: i64) -> Option<u32> {
        let first = self.lists.first_entry()?;
        (*first.key() <= step).then(|| first.remove())
    }

    /// Takes a place out of the list that was taken; gives the next.
    pub(super) fn leave(&mut self, place: u32) -> Option<u32> {
        let before = std::mem::replace(&mut self.before[place as usize], OUT);
        (before != END).then_some(before)
    }

    /// True if a turn may come too late.
    pub(super) fn disorder(&self) -> bool {
        self.disorder
    }

    /// Empties all lists.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Puts in places after `clear`, in any order.
    pub(super) fn put_all(&mut self, places: impl Iterator<Item = (u32, i64)>) {
        places.for_each(|(place, step)| self.put(place, step));
        self.disorder = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(due: &mut Due, step: i64) -> Vec<u32> {
        let mut places = Vec::new();
        while let Some(mut place) = due.take(step) {
            loop {
                places.push(place);
                match due.leave(place) {
                    Some(before) => place = before,
                    None => break,
                }
            }
        }
        places.sort_unstable();
        places
    }

    #[test]
    fn each_has_its_turn_once() {
        let mut due = Due::default();
        for (place, step) in [(3, 5), (1, 5), (7, 6), (3, 8), (0, 9)] {
            due.put(place, step);
        }
        assert_eq!(turn(&mut due, 4), []);
        assert_eq!(turn(&mut due, 5), [1, 3]);
        due.put(3, 9);
        assert!(!due.disorder());
        assert_eq!((turn(&mut due, 20), turn(&mut due, 20)), (vec![0, 3, 7], vec![]));
    }

    #[test]
    fn time_that_goes_back_shows() {
        let mut due = Due::default();
        due.put(0, 100);
        due.put(1, 99);
        assert!(!due.disorder());
        // It stands in list 100.
        due.put(0, 50);
        assert!(due.disorder());
        due.clear();
        due.put_all([(1, 100), (0, 50)].into_iter());
        assert!(!due.disorder());
        assert_eq!(turn(&mut due, 60), [0]);
        due.put(2, 70);
        assert!(due.disorder());
    }
}
