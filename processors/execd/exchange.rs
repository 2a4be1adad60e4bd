//! What waits on its way to the program and back, bounded on both ways.

use agent_api::Batch;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Both ways between the processor and the threads of the program.
#[derive(Default)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// Rung at every change.
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    /// Text for the program.
    to: VecDeque<Vec<u8>>,
    to_bytes: usize,
    /// Metrics from the program.
    from: Batch,
    /// No more text will come: the program is to end.
    closed: bool,
    /// The program is to be stopped at once.
    stopped: bool,
    /// The output of the program that runs now has ended.
    pub(super) output_ended: bool,
    /// The program has ended for good.
    ended: bool,
}

/// So many bytes may wait for the program; beyond that the processor waits too.
const MOST_TO: usize = 64 << 20;
/// So many metrics may wait for the processor; beyond that the program's output is not read.
const MOST_FROM: usize = 100_000;

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Hands text to the program and takes what it has made so far; waits while too much text waits already.
    pub(super) fn send(&self, text: Vec<u8>, out: &mut Batch) {
        let mut state = self.lock();
        while state.to_bytes >= MOST_TO && !state.ended {
            state.take_into(out);
            self.changed.notify_all();
            state = self.wait(state, Duration::from_secs(1));
        }
        if !text.is_empty() {
            state.to_bytes += text.len();
            state.to.push_back(text);
        }
        state.take_into(out);
        self.changed.notify_all();
    }

    /// Takes what the program has made so far.
    pub(super) fn receive(&self, out: &mut Batch) {
        self.lock().take_into(out);
        self.changed.notify_all();
    }

    /// Takes what the program still makes until it ends; false if it had to be stopped because it took too long.
    pub(super) fn receive_all(&self, out: &mut Batch, most: Duration) -> bool {
        let end = Instant::now() + most;
        let mut state = self.lock();
        loop {
            state.take_into(out);
            self.changed.notify_all();
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                let ended = state.ended;
                state.stopped = true;
                self.changed.notify_all();
                return ended;
            }
            state = self.wait(state, left);
        }
    }

    /// No more text will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// The program is to be stopped at once.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.stopped = true;
        self.changed.notify_all();
    }

    /// The next text for the program, which stays in the queue until it is `written`. Nothing if no more will come, or the program
    /// takes no more.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.output_ended {
                return None;
            }
            if let Some(text) = state.to.pop_front() {
                return Some(text);
            }
            if state.closed {
                return None;
            }
            state = self.wait(state, Duration::from_secs(1));
        }
    }

    /// The text that `next` gave has been written.
    pub(super) fn written(&self, bytes: usize) {
        self.lock().to_bytes -= bytes;
        self.changed.notify_all();
    }

    /// The text that `next` gave could not be written: it is the next again.
    pub(super) fn put_back(&self, text: Vec<u8>) {
        self.lock().to.push_front(text);
    }

    /// Takes metrics of the program; waits while too many wait already.
    pub(super) fn made(&self, metrics: &Batch) {
        let mut state = self.lock();
        while state.from.len() >= MOST_FROM && !state.stopped {
            state = self.wait(state, Duration::from_secs(1));
        }
        for metric in metrics.iter() {
            state.from.push(metric);
        }
        self.changed.notify_all();
    }

    /// Changes the state under the lock.
    pub(super) fn note<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `done` or the time is over; says whether it was done.
    pub(super) fn wait_for(&self, time: Duration, done: impl Fn(&State) -> bool) -> bool {
        let end = Instant::now() + time;
        let mut state = self.lock();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if done(&state) || left.is_zero() {
                return done(&state);
            }
            state = self.wait(state, left);
        }
    }
}

impl State {
    fn take_into(&mut self, out: &mut Batch) {
        for metric in self.from.iter() {
            out.push(metric);
        }
        self.from.clear();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// True if all text has been written and no more will come.
    pub(super) fn is_over(&self) -> bool {
        self.stopped || (self.closed && self.to_bytes == 0)
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }
}
