//! One share of an aggregator's series, in a task of its own.
//!
//! The end of a window comes as a message, and on a busy machine later than its time. What was taken after the end and before that
//! message is of the window to come, and is kept until it begins: how late the agent is must not decide what is counted.

use super::account::Account;
use super::credit::Credit;
use super::held::Holding;
use super::rename::Renaming;
use super::stage::{self, Gate};
use agent_api::metric::round_time;
use agent_api::plugin::{DynAggregator, now, step_aside};
use agent_api::stats::Counter;
use agent_api::{Batch, Cargo, Collector, Log, View, plugin};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) enum Message {
    /// Take these in.
    Add(View),
    /// Take this in.
    Load(Cargo),
    /// The window ends at this time; the next begins.
    Close { start: i64, end: i64 },
}

/// A metric that was taken so shortly before a window, in nanoseconds, was on its way when the window before it ended. It counts in
/// this one, as it would count nowhere otherwise.
const ON_THE_WAY: i64 = 500_000_000;

/// The times of a window in nanoseconds since the epoch; metrics from `start - grace` to `end + delay` belong to it, where grace is
/// [`ON_THE_WAY`] at least.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) grace: i64,
    pub(super) delay: i64,
}

/// Where a metric belongs.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In the window.
    Within,
    /// In the one that is due.
    Next,
    /// In neither.
    Outside,
}

impl Window {
    /// Where a metric of a time belongs that is seen at `now`. The next window is one only once its time has come.
    fn place(&self, time: i64, now: i64) -> Place {
        let last = self.end.saturating_add(self.delay);
        if time <= last {
            let within = time >= self.start.saturating_sub(self.grace.max(ON_THE_WAY));
            return if within { Place::Within } else { Place::Outside };
        }
        let due = time <= now && time <= last.saturating_add(self.period());
        if due { Place::Next } else { Place::Outside }
    }

    fn period(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

/// So many metrics are kept for the next window at most.
const EARLY: usize = 1 << 20;

/// One share of an aggregator's series.
pub(super) struct Shard {
    pub(super) aggregator: Box<dyn DynAggregator>,
    pub(super) window: Window,
    /// Metrics of the window that is due; none as a rule.
    pub(super) early: Vec<View>,
    pub(super) renaming: Renaming,
    pub(super) results: Gate,
    /// Nanoseconds to which the time of results is rounded, where the aggregator gives them none.
    pub(super) precision: i64,
    pub(super) credit: Credit,
    pub(super) log: Log,
    pub(super) account: Arc<Account>,
    pub(super) holding: Holding,
    pub(super) dropped: Counter,
    pub(super) pushed: Counter,
    pub(super) push_time: Counter,
}

impl Shard {
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while let Some(message) = messages.recv().await {
            step_aside().await;
            match message {
                Message::Add(view) => self.add(&view),
                Message::Load(cargo) => self.emit("panicked while taking in packets", |a, out| a.load(&cargo, out)),
                Message::Close { start, end } => {
                    // Of many series it is long.
                    plugin::blocking(|| self.close(start, end));
                    self.holding.note(self.aggregator.held_bytes());
                }
            }
            self.holding.look(|| self.aggregator.held_bytes());
        }
        if !self.early.is_empty() {
            let Window { end, .. } = self.window;
            self.close(end, end.saturating_add(self.window.period()));
        }
        plugin::blocking(|| self.flush(|a, out| a.finish(out)));
    }

    /// Ends the window and begins the next, with what was kept for it.
    fn close(&mut self, start: i64, end: i64) {
        self.flush(|a, out| a.flush(out));
        self.window = Window { start, end, ..self.window };
        std::mem::take(&mut self.early).iter().for_each(|view| self.add(view));
    }

    fn add(&mut self, view: &View) {
        let (mut outside, mut oldest, mut early) = (0, i64::MAX, Vec::new());
        let room = EARLY.saturating_sub(self.early.iter().map(View::len).sum());
        let aggregator = &mut self.aggregator;
        let (window, now) = (self.window, now());
        let add = AssertUnwindSafe(|| {
            for (i, metric) in view.iter().enumerate() {
                match window.place(metric.time(), now) {
                    Place::Within => aggregator.add(metric),
                    Place::Next if early.len() < room => early.push(view.row(i)),
                    _ => {
                        outside += 1;
                        oldest = oldest.min(metric.time());
                    }
                }
            }
        });
        if self.account.meter(|| std::panic::catch_unwind(add)).is_err() {
            self.log.error("panicked while adding metrics");
        }
        if !early.is_empty() {
            self.early.push(view.with_rows(early));
        }
        if outside > 0 {
            self.dropped.add(outside);
            self.account.drop_for("outside of the window", usize::try_from(outside).unwrap_or(0));
            self.log.debug(format_args!(
                "{outside} metrics are outside of the window from {} to {}, the first at {oldest}; see the option grace",
                window.start, window.end
            ));
        }
    }

    /// Emits the results of the window.
    fn flush(&mut self, call: impl FnOnce(&mut dyn DynAggregator, &mut Collector)) {
        let began = std::time::Instant::now();
        self.emit("panicked while its results were collected", call);
        self.push_time.add(i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX));
    }

    /// Hands on what a call adds.
    fn emit(&mut self, panicked: &str, call: impl FnOnce(&mut dyn DynAggregator, &mut Collector)) {
        let runtime = tokio::runtime::Handle::current();
        let (next, credit, renaming, pushed, given) = (
            self.results.clone(),
            self.credit.clone(),
            self.renaming.clone(),
            self.pushed.clone(),
            self.account.given.clone(),
        );
        let precision = self.precision;
        let hand_on = move |mut batch: Batch| {
            batch.settle_times(round_time(now(), precision), 0);
            renaming.apply(&mut batch);
            pushed.add(batch.len() as i64);
            given.add(batch.len() as i64);
            stage::wait_here(&runtime, credit.hand_on(batch, &next));
        };
        let mut out = Collector::shipping(hand_on);
        let aggregator = &mut self.aggregator;
        let call = AssertUnwindSafe(|| call(&mut **aggregator, &mut out));
        if self.account.meter(|| std::panic::catch_unwind(call)).is_err() {
            self.log.error(panicked);
        }
        out.ship();
        let (errors, more) = out.take_errors();
        for error in errors {
            self.log.error(format_args!("{error:#}"));
        }
        if more > 0 {
            self.log.error(format_args!("and {more} more errors"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_on_its_way_when_a_window_ended_is_of_the_next() {
        let (start, end) = (10 * ON_THE_WAY, 20 * ON_THE_WAY);
        let first = |grace: i64| {
            let window = Window { start, end, grace, delay: 0 };
            let from = start - grace.max(ON_THE_WAY);
            [from - 1, from].map(|time| window.place(time, end))
        };
        assert_eq!(first(0), [Place::Outside, Place::Within]);
        assert_eq!(first(ON_THE_WAY / 2), [Place::Outside, Place::Within]);
        assert_eq!(first(3 * ON_THE_WAY), [Place::Outside, Place::Within]);
    }

    #[test]
    fn what_comes_before_a_late_end_is_of_the_next_window() {
        let window = Window { start: 1000, end: 2000, grace: 0, delay: 10 };
        let places = |now: i64, times: &[i64]| times.iter().map(|t| window.place(*t, now)).collect::<Vec<_>>();
        use Place::*;
        assert_eq!(places(1500, &[1000, 2010, 2011]), [Within, Within, Outside]);
        // Its end was to come at 2000.
        assert_eq!(places(2500, &[2010, 2011, 2500, 2501]), [Within, Next, Next, Outside]);
        assert_eq!(places(9000, &[3010, 3011]), [Next, Outside]);
    }
}
