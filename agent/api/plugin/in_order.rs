//! Work on the parts of something large by several threads at once, with its results in the order of the parts.

use crate::meter;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// So many parts are under way for each worker: one is worked on, and one waits so that it need not be waited for.
const AHEAD: usize = 2;
/// No more than so many threads work on one thing.
const MOST: usize = 8;

/// How many threads can work at the same time: as many as there are cores, up to eight.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// How many workers are worth while where their results are written meanwhile by others: one more than there are cores, as the kernel is
/// in no hurry to move one of two that wait on one core to another which has just become idle. One where there is one core.
pub fn workers_beside_others() -> usize {
    match workers() {
        1 => 1,
        cores => cores + 1,
    }
}

/// Does `work` on every part, each worker in a thread of its own, and hands the results to `take`, in this thread and in the order
/// of the parts. Ends early once `take` gives false; what is under way then is thrown away. No more than two parts and results
/// a worker are held. A panic of a worker goes on in this thread. The CPU time of the workers counts for the plugin that is being called.
pub fn in_order<W: Send, P: Send, R: Send>(
    workers: Vec<W>,
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(&mut W, P) -> R + Sync,
    mut take: impl FnMut(R) -> bool,
) {
    let (mut parts, work, cpu) = (parts.into_iter(), &work, &meter::here());
    std::thread::scope(|scope| {
        let start = |mut worker: W| -> (SyncSender<P>, Receiver<R>) {
            let (give, given) = sync_channel::<P>(1);
            let (done, results) = sync_channel::<R>(1);
            scope.spawn(move || {
                for part in given {
                    // Nobody wants it any more.
                    if done.send(meter::meter(cpu, || work(&mut worker, part))).is_err() {
                        return;
                    }
                }
            });
            (give, results)
        };
        let lanes: Vec<_> = workers.into_iter().map(start).collect();
        let (mut given, mut taken, mut more) = (0, 0, !lanes.is_empty());
        loop {
            while more && given < taken + AHEAD * lanes.len() {
                // One that is gone has panicked, which its result will tell.
                more = parts.next().is_some_and(|part| lanes[given % lanes.len()].0.send(part).is_ok());
                given += usize::from(more);
            }
            if taken == given {
                return;
            }
            // A panic goes on when the scope ends.
            let Ok(result) = lanes[taken % lanes.len()].1.recv() else { return };
            taken += 1;
            if !take(result) {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_parts() {
        for workers in 1..5 {
            let mut seen = Vec::new();
            let slow_first = |n: &mut u64, part: u64| {
                std::thread::sleep(std::time::Duration::from_micros(*n * 50));
                part * 10
            };
            in_order((0..workers).rev().collect(), 0..100, slow_first, |result| {
                seen.push(result);
                true
            });
            assert_eq!(seen, (0..100).map(|part| part * 10).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn it_ends_when_no_more_is_wanted() {
        let mut seen = 0;
        in_order(
            vec![(), ()],
            0u64..,
            |(), part| part,
            |part| {
                seen += 1;
                part < 10
            },
        );
        assert_eq!(seen, 11);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_of_a_worker_is_seen() {
        in_order(vec![(), ()], 0..100, |(), part| assert_ne!(part, 50), |()| true);
    }

    #[test]
    fn without_parts_or_workers_nothing_happens() {
        in_order(vec![()], Vec::<u8>::new(), |(), part| part, |_| panic!("there is no result"));
        in_order(Vec::<()>::new(), [1], |(), part| part, |_| panic!("there is no result"));
    }
}
