//! How a listener hands batches to the agent, and how the agent tells it to stop or to report.

use super::Future;
use crate::metric::Batch;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The agent's side of a [`Sender`].
pub trait Sink: Send + Sync + 'static {
    /// Takes a batch; waits while the agent is full. With `elastic` it also waits while an output that works is far behind.
    fn send(&self, batch: Batch, elastic: bool) -> Future<'_, ()>;
    /// The same from a thread that may block.
    fn send_blocking(&self, batch: Batch, elastic: bool);
    /// Takes note of an error.
    fn error(&self, error: anyhow::Error);
    /// Has all that was handed over before written at once. Does nothing where nothing is kept for later.
    fn urge(&self) -> Future<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// So often the outputs are told again that somebody waits for them: others may have handed on more meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

/// Hands batches to the agent; cloning makes another hand for the same plugin.
#[derive(Clone)]
pub struct Sender(Arc<dyn Sink>);

impl Sender {
    /// For the agent.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Sender(sink)
    }

    /// Hands a batch on whose sender can wait (a connection, a file): waits while an output that works is far behind, so that
    /// nothing has to be dropped. An empty batch settles its receipt and is gone.
    pub async fn send(&self, batch: Batch) {
        self.0.send(batch, true).await;
    }

    /// Hands a batch on whose sender cannot wait (datagrams): waits only while the agent itself is full.
    pub async fn send_live(&self, batch: Batch) {
        self.0.send(batch, false).await;
    }

    /// `send` from a thread that may block.
    pub fn send_blocking(&self, batch: Batch) {
        self.0.send_blocking(batch, true);
    }

    /// `send_live` from a thread that may block.
    pub fn send_live_blocking(&self, batch: Batch) {
        self.0.send_blocking(batch, false);
    }

    /// Waits for what ends when metrics handed on before have been written, such as room below `max_undelivered_messages`. Meanwhile
    /// the outputs write what they have although their batches are not full, and their flush interval is not over.
    pub async fn urging<T>(&self, wait: impl std::future::Future<Output = T>) -> T {
        let urge = async {
            loop {
                self.0.urge().await;
                tokio::time::sleep(AGAIN).await;
            }
        };
        tokio::select! {
            biased;
            done = wait => done,
            never = urge => never,
        }
    }

    /// Reports an error; the agent counts and logs it.
    pub fn error(&self, error: impl Into<anyhow::Error>) {
        self.0.error(error.into());
    }
}

/// What goes on although its listener has ended.
static LEFT: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Begins something that outlives its listener: telling senders what became of what they sent, which is known only when the outputs
/// have written it. It has to end by itself once every receipt has been settled; the agent waits for it at its end, for a
/// moment only.
pub fn outlive(work: impl std::future::Future<Output = ()> + Send + 'static) {
    let task = tokio::spawn(work);
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain(|task| !task.is_finished());
    left.push(task);
}

/// For the agent, when everything else has ended: waits until what outlived its listener has ended as well, so long at most.
pub async fn outlived(patience: Duration) {
    let left = std::mem::take(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner));
    let all = async {
        for task in left {
            // One that panicked has ended, too.
            let _ended = task.await;
        }
    };
    // What is not told counts as not delivered, so it comes again.
    let _late = tokio::time::timeout(patience, all).await;
}

/// A gather that a listener is asked for at an interval; dropping it says that the answer has been sent.
#[derive(Debug)]
pub struct Request {
    /// The time of the interval in nanoseconds since the Unix epoch.
    pub time: i64,
    _done: Option<oneshot::Sender<()>>,
}

impl Request {
    /// For the agent: a request and what ends when it has been answered.
    pub fn new(time: i64) -> (Self, oneshot::Receiver<()>) {
        let (done, answered) = oneshot::channel();
        (Request { time, _done: Some(done) }, answered)
    }
}

/// Tells a listener when to stop, and when its interval has come. A clone only tells when to stop.
#[derive(Debug)]
pub struct Stop {
    token: CancellationToken,
    requests: Option<mpsc::Receiver<Request>>,
}

impl Stop {
    /// For the agent.
    pub fn new(token: CancellationToken, requests: Option<mpsc::Receiver<Request>>) -> Self {
        Stop { token, requests }
    }

    /// Ends when the plugin has to stop.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }

    /// True if the plugin has to stop.
    pub fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }

    /// The next time that the interval comes; waits for ever in a clone. Safe to drop and call again.
    pub async fn request(&mut self) -> Request {
        match &mut self.requests {
            Some(requests) => match requests.recv().await {
                Some(request) => request,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Ends with None when the plugin has to stop, or with the next request.
    pub async fn next(&mut self) -> Option<Request> {
        let token = self.token.clone();
        tokio::select! {
            biased;
            request = self.request() => Some(request),
            () = token.cancelled() => None,
        }
    }
}

impl Clone for Stop {
    fn clone(&self) -> Self {
        Stop { token: self.token.clone(), requests: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    #[tokio::test]
    async fn what_outlives_its_listener_is_waited_for_but_not_for_ever() {
        let done = Arc::new(AtomicBool::new(false));
        let told = done.clone();
        outlive(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            told.store(true, SeqCst);
        });
        outlive(std::future::pending());
        outlived(Duration::from_millis(300)).await;
        assert!(done.load(SeqCst));
    }
}
