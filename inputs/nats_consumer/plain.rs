//! Reads a subject. Servers send whether somebody is ready or not, so what comes waits here, within limits; what exceeds them is
//! dropped, counted and told.

use super::Settings;
use super::take::Taker;
use agent_api::{Result, Sender, Stop, anyhow};
use agent_net::nats::client::{Message, Subscriber};
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

/// Drops are told at most so often.
const TELL: Duration = Duration::from_secs(10);

/// The reader of one subject.
pub(super) struct Plain {
    subject: String,
    messages: Subscriber,
    waiting: Arc<Waiting>,
}

/// Messages that wait.
struct Waiting {
    inner: Mutex<Inner>,
    /// Rung when there is one.
    bell: Notify,
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<Message>,
    bytes: usize,
    dropped: u64,
    told: Option<Instant>,
    /// No more will come.
    ended: bool,
}

impl Plain {
    pub(super) fn new(subject: &str, messages: Subscriber, settings: &Settings) -> Self {
        let limit = |limit: i64| usize::try_from(limit).unwrap_or(usize::MAX);
        let waiting = Waiting {
            inner: Mutex::default(),
            bell: Notify::new(),
            most: limit(settings.pending_message_limit),
            most_bytes: limit(settings.pending_bytes_limit),
        };
        Plain { subject: subject.to_owned(), messages, waiting: Arc::new(waiting) }
    }

    /// Hands messages on until `stop`.
    pub(super) async fn run(self, taker: Arc<Taker>, credit: Arc<Semaphore>, stop: Stop) -> Result<()> {
        let Plain { subject, mut messages, waiting } = self;
        let arrive = async {
            while let Some(message) = messages.next().await {
                waiting.add(message, &subject, &taker.out);
            }
            waiting.end();
        };
        let hand_on = async {
            while let Some(message) = waiting.next().await {
                let Ok(permit) = taker.out.urging(credit.clone().acquire_owned()).await else { break };
                // Nobody waits for an answer.
                taker.take(message, permit, |_| {}).await;
            }
        };
        tokio::select! {
            () = stop.stopped() => Ok(()),
            ((), ()) = async { tokio::join!(arrive, hand_on) } => Err(anyhow!("the subscription to {subject:?} has ended")),
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, message: Message, subject: &str, out: &Sender) {
        let mut inner = self.lock();
        if inner.messages.len() < self.most && inner.bytes.saturating_add(message.payload.len()) <= self.most_bytes {
            inner.bytes += message.payload.len();
            inner.messages.push_back(message);
            drop(inner);
            self.bell.notify_one();
            return;
        }
        inner.dropped += 1;
        if inner.told.is_none_or(|at| at.elapsed() >= TELL) {
            inner.told = Some(Instant::now());
            let dropped = std::mem::take(&mut inner.dropped);
            drop(inner);
            out.error(anyhow!(
                "{dropped} messages on {subject:?} were dropped: more came than may wait (pending_message_limit, pending_bytes_limit)"
            ));
        }
    }

    fn end(&self) {
        self.lock().ended = true;
        self.bell.notify_one();
    }

    async fn next(&self) -> Option<Message> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(message) = inner.messages.pop_front() {
                    inner.bytes -= message.payload.len();
                    return Some(message);
                }
                if inner.ended {
                    return None;
                }
            }
            self.bell.notified().await;
        }
    }
}
