//! Publishes messages and says what became of each.
//!
//! A message into a stream has an id by which the servers know it again. A message of which nobody knows whether it arrived (no answer
//! in time, connection lost) is sent again with the id that it had, so the stream takes it once.

use super::messages::Message;
use agent_api::{Error, Result, WriteError, anyhow};
use agent_net::nats::causes;
use agent_net::nats::client::connection::State;
use agent_net::nats::client::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use agent_net::nats::client::jetstream::{self, Context, ErrorCode, message::PublishMessage};
use agent_net::nats::client::{Client, client};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::error::Error as _;
use std::time::Duration;

/// So many messages may be on their way before the first has been acknowledged, where order is not promised.
pub(super) const AHEAD: usize = 256;
/// So long the servers may take to take what was written.
const FLUSH: Duration = Duration::from_secs(10);

/// What became of the metrics of a write, by their places in the chunk.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) written: Vec<usize>,
    pub(super) rejected: Vec<(usize, Error)>,
    /// Why the rest was not written.
    pub(super) failure: Option<Error>,
}

impl Sent {
    /// The same in the terms of an output.
    pub(super) fn result(mut self) -> Result<(), WriteError> {
        self.written.sort_unstable();
        self.rejected.sort_unstable_by_key(|r| r.0);
        let indices: Vec<usize> = self.rejected.iter().map(|r| r.0).collect();
        match (self.failure, self.rejected.into_iter().next()) {
            (None, None) => Ok(()),
            (None, Some((_, cause))) => Err(WriteError::Reject { indices, cause }),
            (Some(cause), None) if self.written.is_empty() => Err(WriteError::Retry { cause, after: None }),
            (Some(cause), _) => Err(WriteError::Partial { written: self.written, rejected: indices, cause }),
        }
    }

    fn reject(&mut self, places: Vec<usize>, cause: &str) {
        self.rejected.extend(places.into_iter().map(|place| (place, anyhow!("{cause}"))));
    }

    fn fail(&mut self, cause: Error) {
        self.failure.get_or_insert(cause);
    }
}

/// Publishes to whoever listens. Written is what the connection has taken; a connection that was lost meanwhile counts as a
/// failure, so that what it took with it is sent again.
pub(super) async fn plainly(client: &Client, messages: Vec<Message>, sent: &mut Sent) {
    if client.connection_state() != State::Connected {
        return sent.fail(anyhow!("not connected"));
    }
    let connects = client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed);
    let mut under_way = Vec::new();
    let publish = async {
        for message in messages {
            match client.publish(message.subject, message.payload).await {
                Ok(()) => under_way.extend(message.places),
                Err(e) if e.kind() == client::PublishErrorKind::Send => return Err(anyhow!("publish: {}", causes(&e))),
                Err(e) => sent.reject(message.places, &format!("publish: {}", causes(&e))),
            }
        }
        client.flush().await.map_err(|e| anyhow!("publish: {}", causes(&e)))
    };
    match tokio::time::timeout(FLUSH, publish).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => return sent.fail(e),
        Err(_) => return sent.fail(anyhow!("publish: the server takes nothing for {FLUSH:?}")),
    }
    let now = client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed);
    if now != connects || client.connection_state() != State::Connected {
        return sent.fail(anyhow!("publish: connection lost"));
    }
    sent.written.append(&mut under_way);
}

/// Publishes into a stream, at most `ahead` messages before the first of them has been acknowledged. Stops at the first failure.
pub(super) async fn into_stream(
    context: &Context,
    messages: Vec<Message>,
    ahead: usize,
    ids: &mut Ids,
    sent: &mut Sent,
) {
    let mut waiting: VecDeque<(Message, u64, PublishAckFuture)> = VecDeque::new();
    let mut messages = messages.into_iter();
    loop {
        while sent.failure.is_none() && waiting.len() < ahead {
            let Some(message) = messages.next() else { break };
            let number = ids.take(&message);
            let body = PublishMessage::build().payload(message.payload.clone()).message_id(ids.name(number));
            // A client without a connection takes nothing when it is full, however long one waits.
            let taken = tokio::time::timeout(FLUSH, context.send_publish(message.subject.clone(), body)).await;
            match taken {
                Ok(Ok(answer)) => waiting.push_back((message, number, answer)),
                Ok(Err(e)) => conclude(message, number, &e, ids, sent),
                Err(_) => sent.fail(anyhow!("publish: the server takes nothing for {FLUSH:?}")),
            }
        }
        let Some((message, number, answer)) = waiting.pop_front() else { break };
        match answer.await {
            Ok(_) => sent.written.extend(message.places),
            Err(e) => conclude(message, number, &e, ids, sent),
        }
    }
    if sent.failure.is_none() {
        ids.doubtful.clear();
    }
}

/// Takes note of an error of one message.
fn conclude(message: Message, number: u64, error: &PublishError, ids: &mut Ids, sent: &mut Sent) {
    let text = format!("publish on {:?}: {}", message.subject, causes(error));
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => sent.reject(message.places, &text),
        PublishErrorKind::Other if is_too_large(error) => sent.reject(message.places, &text),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
            ids.doubt(message, number);
            sent.fail(anyhow!("{text}"));
        }
        _ => sent.fail(anyhow!("{text}")),
    }
}

/// True if the stream takes no message of this size, which no later attempt will change.
fn is_too_large(error: &PublishError) -> bool {
    let cause = error.source().and_then(|e| e.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|e| e.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

/// Ids of messages: unique over all agents and runs.
#[derive(Default)]
pub(super) struct Ids {
    run: String,
    next: u64,
    /// Messages of which it is not known whether they arrived, with their numbers: by payload, then by subject.
    doubtful: HashMap<Bytes, Vec<(String, u64)>>,
}

impl Ids {
    /// Begins with a name that nobody else has: what is unique in an inbox of the client. Numbers and doubts stay over a new connection.
    pub(super) fn begin(&mut self, inbox: &str) {
        if self.run.is_empty() {
            self.run = inbox.rsplit('.').next().unwrap_or(inbox).to_owned();
        }
    }

    /// The number of a message: the one that it had where it may have arrived.
    fn take(&mut self, message: &Message) -> u64 {
        if let Some(known) = self.doubtful.get_mut(&message.payload)
            && let Some(at) = known.iter().position(|(subject, _)| *subject == message.subject)
        {
            return known.remove(at).1;
        }
        self.next += 1;
        self.next
    }

    pub(super) fn doubt(&mut self, message: Message, number: u64) {
        // A batch is sent again before there is another, so this is as large as a batch; beyond, doubts have had their time.
        if self.doubtful.len() >= 100_000 {
            self.doubtful.clear();
        }
        self.doubtful.entry(message.payload).or_default().push((message.subject, number));
    }

    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }
}
