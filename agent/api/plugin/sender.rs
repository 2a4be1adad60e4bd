//! How a listener hands batches to the agent, and how the agent tells it to stop or to report.

use super::Future;
use crate::metric::Batch;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The agent's side of a [`Sender`].
pub trait Sink: Send + Sync + 'static {
    /// Takes a batch; waits while the agent is full. With `elastic` it also waits while an output that works is far behind.
    fn send(&self, batch: Batch, elastic: bool) -> Future<'_, ()>;
    /// The same from a thread that may block.
    fn send_blocking(&self, batch: Batch, elastic: bool);
    /// Takes note of an error.
    fn error(&self, error: anyhow::Error);
}

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

    /// Reports an error; the agent counts and logs it.
    pub fn error(&self, error: impl Into<anyhow::Error>) {
        self.0.error(error.into());
    }
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
