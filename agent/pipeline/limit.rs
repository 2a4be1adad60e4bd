//! How many requests of an output may be under way at once: as many as its server takes without making them wait, found by trying.
//!
//! A round of requests that comes back in time allows one more (additive increase); a tenth fewer are allowed when requests wait at
//! the server, half as many when it refuses or fails (multiplicative decrease). That requests wait is seen from how long they
//! take against the quickest: of those that take twice as long as that one, half of the time was waiting, so half of the
//! requests wait (TCP Vegas: Brakmo, O'Malley, Peterson 1994).

use std::time::Duration;

/// So many requests may wait at the server, and a quarter of all, before there are too many.
const WAITING: f64 = 2.0;
/// After so many rounds one request is sent alone to learn anew how long the quickest takes: servers and paths change, and a request
/// that others wait beside does not tell.
const ROUNDS: f64 = 100.0;

pub(super) struct Limit {
    now: f64,
    most: usize,
    /// Seconds that the quickest request took, of late.
    quickest: f64,
    /// Requests since one was sent alone.
    since: f64,
}

impl Limit {
    /// Begins with one; never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Limit { now: 1.0, most: most.max(1), quickest: f64::INFINITY, since: 0.0 }
    }

    /// So many requests may be under way.
    pub(super) fn now(&self) -> usize {
        if self.learns() { 1 } else { (self.now as usize).clamp(1, self.most) }
    }

    /// There are never more.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// A request is to be sent alone.
    fn learns(&self) -> bool {
        self.since >= ROUNDS * self.now
    }

    /// A request of the usual size was answered, one of so many under way.
    pub(super) fn succeeded(&mut self, took: Duration, under_way: usize) {
        let took = took.as_secs_f64().max(1e-6);
        if self.learns() {
            if under_way == 1 {
                (self.quickest, self.since) = (took, 0.0);
            }
            return;
        }
        self.quickest = self.quickest.min(took);
        self.since += 1.0;
        if under_way < self.now() {
            // It was not the limit that kept others from being sent.
            return;
        }
        let waiting = under_way as f64 * (1.0 - self.quickest / took);
        if waiting > WAITING + self.now / 4.0 {
            self.now = (self.now * 0.9).max(1.0);
        } else {
            self.now = (self.now + 1.0 / self.now).min(self.most as f64);
        }
    }

    /// A request was refused, or not answered.
    pub(super) fn failed(&mut self) {
        (self.now, self.since) = ((self.now / 2.0).max(1.0), self.since / 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest limit, once it has settled, of so many requests to a server that works on `at_once` of them, for 10 ms each.
    fn settles(most: usize, at_once: usize, requests: usize) -> usize {
        let mut limit = Limit::new(most);
        let mut widest = 0;
        for i in 0..requests {
            let under_way = limit.now();
            let rounds = under_way.div_ceil(at_once) as u32;
            limit.succeeded(Duration::from_millis(10) * rounds, under_way);
            widest = if i > requests / 2 { widest.max(under_way) } else { 0 };
        }
        widest
    }

    #[test]
    fn grows_to_what_the_server_takes_and_no_further() {
        assert_eq!(settles(8, 100, 500), 8);
        assert_eq!(settles(1, 100, 500), 1);
        for at_once in [1, 4, 10] {
            let found = settles(100, at_once, 3000);
            assert!((at_once..=at_once * 2 + 4).contains(&found), "{at_once}: {found}");
        }
    }

    #[test]
    fn learns_when_everything_has_become_slower() {
        let mut limit = Limit::new(8);
        let mut requests = |millis, n: usize| {
            for _ in 0..n {
                limit.succeeded(Duration::from_millis(millis), limit.now());
            }
            limit.now()
        };
        assert_eq!(requests(10, 200), 8);
        // As slow as if all of them waited, and yet none does: fewer are tried, then one alone tells.
        let fewest = (0..100).map(|_| requests(100, 1)).min();
        assert!(fewest < Some(8));
        assert_eq!(requests(100, 2000), 8);
    }

    #[test]
    fn is_halved_by_what_fails_and_never_none() {
        let mut limit = Limit::new(16);
        (0..1000).for_each(|_| limit.succeeded(Duration::from_millis(5), 16));
        assert_eq!(limit.now(), 16);
        limit.failed();
        assert_eq!(limit.now(), 8);
        (0..20).for_each(|_| limit.failed());
        assert_eq!(limit.now(), 1);
    }

    #[test]
    fn does_not_grow_where_it_is_not_used() {
        let mut limit = Limit::new(16);
        limit.succeeded(Duration::from_millis(5), 1);
        (0..100).for_each(|_| limit.succeeded(Duration::from_millis(5), 1));
        assert_eq!(limit.now(), 2);
    }
}
