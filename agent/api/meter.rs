//! CPU time of a plugin, also of the tasks that a server starts for it and of the threads that parse for it.
//!
//! A plugin's call is polled on whatever thread is free; what the clock of that thread gained meanwhile is the call's. Two readings
//! of the clock cost half a microsecond, so this is for calls and connections and not for metrics.

use crate::stats::Counter;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

tokio::task_local! {
    static METER: Counter;
}

/// Adds the CPU time of a call, in nanoseconds, to a counter; tasks begun within by `inherit` add theirs.
pub fn metered<F: Future>(cpu: Counter, call: F) -> impl Future<Output = F::Output> {
    METER.scope(cpu.clone(), Metered { call: Box::pin(call), cpu })
}

/// Where the CPU time of the present call is added up, for what other threads do for it.
pub fn here() -> Counter {
    METER.try_with(Counter::clone).unwrap_or_default()
}

/// A task's work that is to count for whoever starts it, with what it starts in turn.
pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    metered(here(), work)
}

/// Runs something and adds the CPU time of this thread.
pub fn meter<T>(cpu: &Counter, work: impl FnOnce() -> T) -> T {
    let before = cpu_now();
    let done = work();
    cpu.add(cpu_now() - before);
    done
}

struct Metered<F> {
    call: Pin<Box<F>>,
    cpu: Counter,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        meter(&this.cpu, || this.call.as_mut().poll(cx))
    }
}

/// CPU time of this thread in nanoseconds.
#[cfg(unix)]
fn cpu_now() -> i64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    now.map_or(0, |t| t.tv_sec() * 1_000_000_000 + t.tv_nsec())
}

/// Nothing is known of it here.
#[cfg(not(unix))]
fn cpu_now() -> i64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_task_begun_within_does_counts() {
        let cpu = Counter::default();
        metered(cpu.clone(), async {
            let busy = inherit(async {
                let begun = std::time::Instant::now();
                while cpu_now() > 0 && begun.elapsed() < std::time::Duration::from_millis(20) {}
            });
            tokio::spawn(busy).await.expect("it does not panic");
        })
        .await;
        let used = cpu.read();
        assert!(used > 0, "{used}");
    }

    #[tokio::test]
    async fn what_such_a_task_has_done_elsewhere_counts() {
        const MUCH: i64 = 1 << 50;
        let cpu = Counter::default();
        metered(cpu.clone(), async {
            tokio::spawn(inherit(async { here().add(MUCH) })).await.expect("it does not panic");
        })
        .await;
        assert!(cpu.read() >= MUCH);
    }
}
