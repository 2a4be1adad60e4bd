//! What of a new configuration is the running one: which plugins go on, which take another's place, which are new.

use crate::config::{Instance, Surroundings};
use std::sync::PoisonError;

/// Where a plugin of a new configuration comes from; numbers count the running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It runs and goes on.
    Same(usize),
    /// It takes the place of one with other options.
    Instead(usize),
    /// There is none that it could take the place of.
    New,
}

/// Finds for each new plugin an old one that is the `same`, else one left over that it stands for `instead`; each old one once,
/// in order.
pub(super) fn pair(
    old: usize,
    new: usize,
    same: impl Fn(usize, usize) -> bool,
    instead: impl Fn(usize, usize) -> bool,
) -> Vec<Match> {
    let mut used = vec![false; old];
    let mut matches = vec![Match::New; new];
    let mut find = |n: usize, fits: &dyn Fn(usize, usize) -> bool| {
        let o = (0..old).find(|o| !used[*o] && fits(*o, n))?;
        used[o] = true;
        Some(o)
    };
    for (n, found) in matches.iter_mut().enumerate() {
        if let Some(o) = find(n, &same) {
            *found = Match::Same(o);
        }
    }
    for (n, found) in matches.iter_mut().enumerate() {
        if *found == Match::New
            && let Some(o) = find(n, &instead)
        {
            *found = Match::Instead(o);
        }
    }
    matches
}

/// Gives a plugin the state of the one in whose place it comes; true if there was any and it had none of its own.
pub(super) fn carry_state(surroundings: &Surroundings, old: &Instance, new: &Instance) -> bool {
    if old.id == new.id {
        return true;
    }
    let mut states = surroundings.states.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(value) = states.get(&old.id).and_then(agent_api::State::value) else { return false };
    let own = states.entry(new.id.clone()).or_default();
    if own.value().is_some() {
        return false;
    }
    own.set_value(Some(value));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_go_on_and_others_are_replaced_in_order() {
        let (old, new) = (["a1", "a2", "b1", "a1", "c1"], ["b1", "a1", "a3", "a1", "d1", "a4"]);
        let same = |o: usize, n: usize| old[o] == new[n];
        let instead = |o: usize, n: usize| old[o][..1] == new[n][..1];
        use Match::{Instead, New, Same};
        assert_eq!(pair(5, 6, same, instead), [Same(2), Same(0), Instead(1), Same(3), New, New]);
    }
}
