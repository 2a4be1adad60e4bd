//! When an output that fails is tried again: at the next flushes first, then later and later.
//!
//! This is the output's circuit breaker: closed while writes succeed, open while a pause lasts, half open for the one write that
//! follows it. The pauses vary, so that many agents do not come back to a server in one moment.

use super::board::Breaker;
use super::schedule::random;
use agent_api::Log;
use std::time::{Duration, Instant};

/// So many failures in a row cost no more than the time to the next flush.
const AT_ONCE: u32 = 3;
/// The longest pause, if the interval of flushes is not longer.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) struct Retry {
    /// In a row.
    failures: u32,
    not_before: Option<Instant>,
    /// When the other side wants to be asked again.
    asked_for: Option<Instant>,
    log: Log,
}

impl Retry {
    pub(super) fn new(log: Log) -> Self {
        Retry { failures: 0, not_before: None, asked_for: None, log }
    }

    /// Where it stands, and the end of the pause if there is one.
    pub(super) fn state(&self) -> (Breaker, Option<Instant>) {
        let breaker = match (self.failures, self.not_before) {
            (_, Some(_)) => Breaker::Open,
            (0, None) => Breaker::Closed,
            (_, None) => Breaker::HalfOpen,
        };
        (breaker, self.not_before)
    }

    /// True while nothing is to be tried.
    pub(super) fn waits(&self) -> bool {
        self.not_before.max(self.asked_for).is_some_and(|t| Instant::now() < t)
    }

    /// Ends a pause: somebody wants to know now. One that the other side has asked for goes on.
    pub(super) fn now(&mut self) {
        self.not_before = None;
    }

    /// A try has failed, `interval` before the next flush; the other side may have said when to come again.
    pub(super) fn failed(&mut self, interval: Duration, after: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let own = (self.failures > AT_ONCE).then(|| pause(interval, self.failures - AT_ONCE));
        let now = Instant::now();
        self.not_before = own.map(|pause| now + pause);
        self.asked_for = after.map(|pause| now + pause);
        if self.failures == AT_ONCE + 1 {
            let failures = self.failures;
            self.log.warn(format_args!("failed {failures} times in a row; it is tried again ever more seldom"));
        }
    }

    /// A try has succeeded.
    pub(super) fn succeeded(&mut self) {
        if self.failures > AT_ONCE {
            self.log.info(format_args!("works again after {} failures in a row", self.failures));
        }
        (self.failures, self.not_before, self.asked_for) = (0, None, None);
    }
}

/// The pause after the `n`th failure that has one: twice as long each time, more or less a fifth.
fn pause(interval: Duration, n: u32) -> Duration {
    let longest = LONGEST.max(interval);
    let doubled = interval.saturating_mul(1 << n.min(20)).min(longest);
    doubled.mul_f64(0.8) + random(doubled.mul_f64(0.4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::stats::Counter;

    #[test]
    fn pauses_grow_and_end() {
        let seconds = |n| pause(Duration::from_secs(1), n).as_secs_f64();
        for (n, about) in [(1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (4000, 60.0)] {
            let pause = seconds(n);
            assert!((0.8 * about..=1.2 * about).contains(&pause), "{n}: {pause}");
        }
        assert!(pause(Duration::from_secs(600), 9) >= Duration::from_secs(480));
    }

    #[test]
    fn opens_after_some_failures_and_closes_with_a_success() {
        let mut retry = Retry::new(Log::new("outputs.test", None, Counter::default()));
        let interval = Duration::from_secs(10);
        for _ in 0..3 {
            retry.failed(interval, None);
            assert!(!retry.waits());
        }
        retry.failed(interval, None);
        assert!(retry.waits() && retry.state().0 == Breaker::Open);
        retry.now();
        assert!(!retry.waits() && retry.state().0 == Breaker::HalfOpen);
        retry.failed(interval, None);
        assert!(retry.waits());
        retry.succeeded();
        assert_eq!(retry.state(), (Breaker::Closed, None));
        retry.failed(interval, None);
        assert!(!retry.waits());
        retry.failed(interval, Some(Duration::from_secs(5)));
        retry.now();
        assert!(retry.waits());
        retry.failed(interval, None);
        assert!(!retry.waits());
    }
}
