//! The schedule of a polled input: ticks on the interval, jitter and offset, a round that overruns skips ticks and says so.

use agent_api::Log;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep_until};

/// When an input is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) interval: Duration,
    pub(super) jitter: Duration,
    pub(super) offset: Duration,
    pub(super) round: bool,
}

/// The ticks of a schedule.
pub(super) struct Ticks {
    schedule: Schedule,
    due: Instant,
}

impl Schedule {
    /// The ticks from now on: the first at the next multiple of the interval if rounded, else now.
    pub(super) fn start(self) -> Ticks {
        let due = match self.round {
            true => Instant::now() + until_aligned(since_epoch(), self.interval),
            false => together(Instant::now(), self.interval),
        };
        Ticks { schedule: self, due: due + self.offset }
    }
}

impl Ticks {
    /// Waits for the next tick; ticks that have passed meanwhile are skipped, which is said.
    pub(super) async fn next(&mut self, log: &Log) {
        let now = Instant::now();
        let mut skipped = 0u32;
        while self.due + self.schedule.interval <= now {
            self.due += self.schedule.interval;
            skipped += 1;
        }
        if skipped > 0 {
            log.debug(format_args!("skipped {skipped} scheduled collections as the one before had not ended"));
        }
        sleep_until(self.due + random(self.schedule.jitter)).await;
        self.due += self.schedule.interval;
    }
}

/// Timers that come so close to each other are one, so that the processor is woken once for all of them.
const TOGETHER: Duration = Duration::from_millis(20);

/// A time up to 20 ms before `at`, the same for others that begin at about that time; intervals below 200 ms begin when they begin.
pub(super) fn together(at: Instant, interval: Duration) -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let since = at.saturating_duration_since(*BEGIN.get_or_init(|| at));
    if interval < 10 * TOGETHER {
        return at;
    }
    let over = since.as_nanos() % TOGETHER.as_nanos();
    at - Duration::from_nanos(u64::try_from(over).unwrap_or(0))
}

/// How long until the next multiple of the interval; a hundredth of it is added first, so that a tick is not met twice.
fn until_aligned(since_epoch: Duration, interval: Duration) -> Duration {
    let step = interval.as_nanos().max(1);
    let from = since_epoch.as_nanos();
    let late = from + step / 100;
    let next = late.div_ceil(step) * step;
    Duration::from_nanos(u64::try_from(next - from).unwrap_or(0))
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A random length of time below `most`: spreads the load of many agents, no more is asked of it.
pub(super) fn random(most: Duration) -> Duration {
    if most.is_zero() {
        return most;
    }
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(since_epoch().as_nanos());
    most.mul_f64((bits >> 11) as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_lie_on_multiples_of_the_interval() {
        let s = Duration::from_secs;
        assert_eq!(until_aligned(s(1_000_003), s(10)), s(7));
        assert_eq!(until_aligned(s(1_000_000), s(10)), s(10));
        assert_eq!(until_aligned(Duration::from_millis(1_000_009_950), s(10)), Duration::from_millis(10_050));
    }

    #[test]
    fn what_begins_at_about_the_same_time_shares_its_ticks() {
        let ms = Duration::from_millis;
        // Later than the first time that anybody asked for, be it another test.
        let begin = together(Instant::now() + ms(1000), ms(1000));
        for late in [0, 1, 19] {
            assert_eq!(together(begin + ms(late), ms(1000)), begin);
            assert_eq!(together(begin + ms(late), ms(100)), begin + ms(late));
        }
        assert_eq!(together(begin + ms(20), ms(1000)), begin + ms(20));
    }

    #[test]
    fn jitter_stays_below_its_bound() {
        for _ in 0..100 {
            assert!(random(Duration::from_millis(3)) < Duration::from_millis(3));
        }
        assert_eq!(random(Duration::ZERO), Duration::ZERO);
    }
}
