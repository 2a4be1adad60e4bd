//! How tasks that compute take turns on the threads of the runtime, of which there are as many as cores.
//!
//! The runtime keeps whom a task has woken last for the thread of that task, where what it was handed is in the caches. No other thread takes it
//! from there, though it may have nothing to do; so whoever computes for longer than a moment lets it go first. Threads of one's own
//! would not have that, but are more than there are cores, and the kernel takes milliseconds to see that one of two which share a
//! core could have another.

use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// Lets whom this task has just woken go first, in this thread; another thread that has nothing to do goes on with this task. For tasks that
/// compute for a tenth of a millisecond or longer: after they took something, and before they begin.
pub async fn step_aside() {
    let mut aside = false;
    // Not `yield_now`, which takes its turn only when this thread has nothing else to do.
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut aside, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lets another thread go on with whom this one has woken, from the middle of a computation that cannot [`step_aside`].
pub fn pass_on() {
    if tokio::runtime::worker_index().is_some() {
        // It takes the place that is kept for whom was woken last.
        tokio::spawn(std::future::ready(()));
    }
}

/// Runs something that blocks or computes for long, giving the thread's other tasks to another thread meanwhile.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Threads of the runtime that may be within [`briefly`] at once: all but one.
static BRIEFLY: OnceLock<Semaphore> = OnceLock::new();
/// Whoever is within it for longer waits for a disk that does not answer.
const BRIEF: Duration = Duration::from_millis(5);

/// Runs something that could block but seldom does, as reading or writing a file does that is in memory: in this thread of the runtime, as
/// [`blocking`] starts another each time, and more compute then than there are cores. One thread never does, so that a disk that does not
/// answer holds up only who waits for it.
pub async fn briefly<T>(work: impl FnOnce() -> T) -> T {
    let Ok(runtime) = Handle::try_current() else { return work() };
    let others = runtime.metrics().num_workers() - 1;
    if others == 0 {
        return blocking(work);
    }
    let within = BRIEFLY.get_or_init(|| Semaphore::new(others));
    match tokio::time::timeout(BRIEF, within.acquire()).await {
        Ok(_permit) => {
            pass_on();
            work()
        }
        Err(_) => blocking(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::mpsc;

    /// Computes until `done` says so, or gives up.
    fn compute_until(done: &AtomicBool) -> bool {
        let begun = std::time::Instant::now();
        while !done.load(SeqCst) {
            if begun.elapsed() > Duration::from_secs(10) {
                return false;
            }
            std::hint::spin_loop();
        }
        true
    }

    static DONE: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_was_woken_goes_on_while_the_other_computes() {
        let computing = tokio::spawn(async {
            let (wake, woken) = tokio::sync::oneshot::channel::<()>();
            tokio::spawn(async {
                woken.await.expect("it is woken");
                DONE[0].store(true, SeqCst);
            });
            tokio::task::yield_now().await;
            wake.send(()).expect("it waits");
            pass_on();
            compute_until(&DONE[0])
        });
        assert!(computing.await.expect("it does not panic"));
        let computing = tokio::spawn(async {
            tokio::spawn(async { DONE[1].store(true, SeqCst) });
            step_aside().await;
            compute_until(&DONE[1])
        });
        assert!(computing.await.expect("it does not panic"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_disk_that_does_not_answer_leaves_a_thread_to_the_others() {
        let (answer, answers) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let stuck = tokio::spawn(async move {
            briefly(move || {
                begun.send(()).expect("it is waited for");
                answers.recv()
            })
            .await
        });
        begins.await.expect("it begins");
        // More than there are threads.
        for n in 0..3 {
            assert_eq!(tokio::spawn(briefly(move || n)).await.expect("it does not panic"), n);
        }
        answer.send(()).expect("it waits");
        assert_eq!(stuck.await.expect("it does not panic"), Ok(()));
    }

    #[tokio::test]
    async fn with_one_thread_it_is_done_in_place() {
        assert_eq!((briefly(|| 1).await, blocking(|| 2)), (1, 2));
    }
}
