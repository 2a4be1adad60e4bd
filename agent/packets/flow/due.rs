//! When flows are looked at again: lists of places by time, so that a flow that goes on is looked at once in the time that it may be idle,
//! and not at each search for those that have ended.
//!
//! A place is in one list at most, so lists take as much as places, whatever comes; a bit says whether it is, which stays in the cache where
//! the lists do not. Whoever finds a flow that goes on puts it into a later list. A place that is given to another flow stays where it is: as
//! long as time goes on, its turn comes sooner than needed. Where time went back that is not so, which shows as `disorder`: then all flows
//! are to be looked at, and put in anew.

use std::collections::BTreeMap;

/// Places by when their turn comes, in steps of time.
#[derive(Debug, Default)]
pub(super) struct Due {
    lists: BTreeMap<i64, Vec<u32>>,
    /// A bit for each place that is in a list.
    listed: Vec<u64>,
    /// The last list into which something was put.
    latest: Option<i64>,
    disorder: bool,
}

impl Due {
    /// Bytes for a place at most: a list that grows is copied into one of twice its size.
    pub(super) const BYTES: usize = 2 * size_of::<u32>() + 1;

    /// Puts a place into a list, unless it is in one.
    pub(super) fn put(&mut self, place: u32, step: i64) {
        // Captures of several interfaces are not quite in order.
        self.disorder |= self.latest.is_some_and(|latest| step < latest.saturating_sub(1));
        self.latest = self.latest.max(Some(step));
        let (word, bit) = bit(place);
        if self.listed.len() <= word {
            self.listed.resize(word + 1, 0);
        }
        if self.listed[word] & bit == 0 {
            self.listed[word] |= bit;
            self.lists.entry(step).or_default().push(place);
        }
    }

    /// Takes out the places of a list whose turn has come.
    pub(super) fn take(&mut self, step: i64) -> Option<Vec<u32>> {
        let first = self.lists.first_entry()?;
        let places = (*first.key() <= step).then(|| first.remove())?;
        for place in &places {
            let (word, bit) = bit(*place);
            self.listed[word] &= !bit;
        }
        Some(places)
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

/// The word and the bit of a place.
#[inline]
fn bit(place: u32) -> (usize, u64) {
    (place as usize / 64, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(due: &mut Due, step: i64) -> Vec<u32> {
        let mut places = Vec::new();
        while let Some(mut list) = due.take(step) {
            places.append(&mut list);
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
