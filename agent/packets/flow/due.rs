//! When flows are looked at again: a wheel of lists of places, one for each of the next steps of time, so that a flow that goes on is looked at once
//! in the time that it may be idle, and not at each search for those that have ended.
//!
//! A place is in one list at most, so lists take as much as places, whatever comes; a mark in its record says whether it is. Whoever finds a
//! flow that goes on puts it into a later list. A place that is given to another flow stays where it is: its turn comes sooner than needed, as
//! that of a flow does whose time lies further ahead than the wheel is large. No turn comes too late as long as time does not go back from one
//! search to the next; then (`passed`) all flows are to be looked at, and put in anew.

/// Steps of the wheel.
const STEPS: usize = 64;

/// Places by when their turn comes, in steps of time.
#[derive(Debug)]
pub(super) struct Due {
    lists: [Vec<u32>; STEPS],
    /// The step that comes next or, as it may not be over, again.
    next: Option<i64>,
}

impl Default for Due {
    fn default() -> Self {
        Self { lists: [const { Vec::new() }; STEPS], next: None }
    }
}

impl Due {
    /// Bytes for a place at most: a list that grows is copied into one of twice its size.
    pub(super) const BYTES: usize = 2 * size_of::<u32>();

    /// Nothing yet, in a step.
    pub(super) fn at(step: i64) -> Self {
        Self { next: Some(step), ..Self::default() }
    }

    /// Puts a place, which is in no list, into that of a step at least `now`.
    pub(super) fn put(&mut self, place: u32, now: i64, step: i64) {
        let next = *self.next.get_or_insert(now);
        let step = step.clamp(next, next.saturating_add(STEPS as i64 - 1));
        self.lists[list(step)].push(place);
    }

    /// Takes out a list whose turn has come.
    pub(super) fn take(&mut self, step: i64) -> Option<Vec<u32>> {
        let next = self.next?;
        let last = step.min(next.saturating_add(STEPS as i64 - 1));
        let turn = (next..=last).find(|turn| !self.lists[list(*turn)].is_empty());
        self.next = Some(next.max(turn.unwrap_or(step)));
        turn.map(|turn| std::mem::take(&mut self.lists[list(turn)]))
    }

    /// True if a step was over already, so that turns may come too late.
    pub(super) fn passed(&self, step: i64) -> bool {
        self.next.is_some_and(|next| step < next)
    }
}

/// The list of a step.
#[inline]
fn list(step: i64) -> usize {
    step.rem_euclid(STEPS as i64) as usize
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
    fn each_has_its_turn() {
        let mut due = Due::default();
        for (place, step) in [(3, 5), (1, 5), (7, 6), (0, 9)] {
            due.put(place, 2, step);
        }
        assert_eq!(turn(&mut due, 4), []);
        assert_eq!(turn(&mut due, 5), [1, 3]);
        // Once more in the step that may not be over.
        due.put(3, 5, 5);
        due.put(1, 5, 8);
        assert_eq!(turn(&mut due, 5), [3]);
        assert!(!due.passed(5) && due.passed(4));
        assert_eq!((turn(&mut due, 20), turn(&mut due, 20)), (vec![0, 1, 7], vec![]));
        due.put(4, 20, i64::MAX);
        assert_eq!((turn(&mut due, 82), turn(&mut due, 83)), (vec![], vec![4]), "at the end of the wheel");
    }

    #[test]
    fn no_turn_is_missed_in_a_leap() {
        for (from, to) in [(0, 63), (0, 64), (-7, 1 << 40), (i64::MIN, i64::MAX), (i64::MAX - 3, i64::MAX)] {
            let mut due = Due::default();
            (0..200).for_each(|place| due.put(place, from, from.saturating_add(i64::from(place))));
            assert_eq!(turn(&mut due, to), (0..200).collect::<Vec<_>>(), "from {from} to {to}");
        }
    }
}
