//! Reads a subject of a stream, through a consumer that the servers keep: it knows what was read, whoever read it.
//!
//! Consumers that this input makes are asked for messages, no more than may be under way. One that pushes, as Telegraf makes them, is
//! read as it is, so that who comes from there goes on where that stopped.

use super::Settings;
use super::answers::Answers;
use super::take::Taker;
use agent_api::{Result, Sender, Stop, anyhow, bail};
use agent_net::nats::causes;
use agent_net::nats::client::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use agent_net::nats::client::jetstream::context::ConsumerInfoErrorKind;
use agent_net::nats::client::jetstream::stream::Stream;
use agent_net::nats::client::jetstream::{self, Context};
use agent_net::nats::client::{Client, Message, Subject, Subscriber};
use futures_util::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Most messages that are asked for at a time.
const AT_A_TIME: usize = 256;
/// So long a consumer may take to have something. A request that is lost with a connection is made again after that.
const EXPIRES: Duration = Duration::from_secs(5);
/// What servers wait for an answer where a consumer does not say it.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// A consumer of nobody's group goes when it was not used for so long.
const INACTIVE: Duration = Duration::from_secs(60);
/// So often in a row, a second apart, nobody may answer for a consumer.
const PATIENCE: u32 = 10;

/// A consumer, found or made.
pub(super) struct Consumer {
    stream: String,
    info: consumer::Info,
    context: Context,
    most_bytes: usize,
}

impl Consumer {
    /// Finds the consumer of a subject, or makes it.
    pub(super) async fn find(client: &Client, subject: &str, settings: &Settings) -> Result<Self> {
        let context = jetstream::new(client.clone());
        let stream = match settings.jetstream_stream.as_str() {
            "" => {
                let found = context.stream_by_subject(subject).await;
                found.map_err(|e| anyhow!("find the stream of {subject:?}: {}", causes(&e)))?
            }
            named => named.to_owned(),
        };
        let found = context.get_stream(&stream).await;
        let keeper = found.map_err(|e| anyhow!("find stream {stream:?}: {}", causes(&e)))?;
        let several = settings.jetstream_subjects.len() > 1;
        let found = match settings.queue_group.as_str() {
            "" => Found::Missing(None),
            group => look(&keeper, group, subject, several).await?,
        };
        let info = match found {
            Found::There(info) => *info,
            Found::Missing(name) => make(&keeper, name, subject, settings.max_undelivered_messages).await?,
        };
        if info.config.ack_policy != AckPolicy::Explicit {
            bail!("consumer {:?} of stream {stream:?} does not take an answer for each message", info.name);
        }
        let most_bytes = usize::try_from(settings.pending_bytes_limit).unwrap_or(0);
        Ok(Consumer { stream, info, context, most_bytes })
    }

    /// Hands messages on until `stop`.
    pub(super) async fn run(self, client: Client, taker: Arc<Taker>, credit: Arc<Semaphore>, stop: Stop) -> Result<()> {
        let config = &self.info.config;
        let ack_wait = if config.ack_wait.is_zero() { ACK_WAIT } else { config.ack_wait };
        let reader = Reader { answers: Answers::new(client.clone(), ack_wait), context: self.context.clone(), taker };
        let ended = match &config.deliver_subject {
            Some(subject) => reader.pushed(&client, subject, config.deliver_group.as_deref(), &credit, &stop).await,
            None => reader.pulled(&self, &client, &credit, &stop).await,
        };
        ended.map_err(|e| e.context(format!("consumer {:?} of stream {:?}", self.info.name, self.stream)))
    }
}

/// Whether there is a consumer already.
enum Found {
    There(Box<consumer::Info>),
    /// The name that it is to have; none for one that is nobody else's.
    Missing(Option<String>),
}

/// Looks for the consumer of a group that reads a subject. Its name is the group's, or the group's and the subject's where the group reads
/// several: both are looked for, so that it is found again when the list of subjects changes.
async fn look(stream: &Stream, group: &str, subject: &str, several: bool) -> Result<Found> {
    let own = name(group, subject);
    let mut taken = false;
    for name in [group, own.as_str()] {
        let info = match stream.consumer_info(name).await {
            Ok(info) => info,
            Err(e) if e.kind() == ConsumerInfoErrorKind::NotFound => continue,
            Err(e) => bail!("look for consumer {name:?}: {}", causes(&e)),
        };
        let filter = &info.config.filter_subject;
        // Who makes a consumer without a filter for a group means all that the group reads.
        if filter == subject || (filter.is_empty() && name == group && !several) {
            return Ok(Found::There(Box::new(info)));
        }
        if name == own {
            bail!("consumer {name:?} reads {filter:?} and not {subject:?}");
        }
        taken = true;
    }
    Ok(Found::Missing(Some(if several || taken { own } else { group.to_owned() })))
}

/// The name of a consumer that is one of several of a group.
fn name(group: &str, subject: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let subject: String = subject.chars().map(good).collect();
    format!("{group}-{subject}")
}

async fn make(stream: &Stream, name: Option<String>, subject: &str, max_undelivered: usize) -> Result<consumer::Info> {
    let config = pull::Config {
        inactive_threshold: if name.is_none() { INACTIVE } else { Duration::ZERO },
        durable_name: name,
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        filter_subject: subject.to_owned(),
        // Of all readers together, each of which bounds itself.
        max_ack_pending: i64::try_from(max_undelivered.saturating_mul(8)).unwrap_or(i64::MAX).max(1000),
        ..pull::Config::default()
    };
    let made = stream.create_consumer(config).await;
    let made = made.map_err(|e| anyhow!("make a consumer of {subject:?}: {}", causes(&e)))?;
    Ok(made.cached_info().clone())
}

/// What reading takes, whoever sets the pace.
struct Reader {
    answers: Answers,
    context: Context,
    taker: Arc<Taker>,
}

impl Reader {
    /// Asks for messages.
    async fn pulled(&self, consumer: &Consumer, client: &Client, credit: &Arc<Semaphore>, stop: &Stop) -> Result<()> {
        let handle = consumer::Consumer::new(pull::Config::default(), consumer.info.clone(), self.context.clone());
        let inbox = Subject::from(client.new_inbox());
        let subscribed = client.subscribe(inbox.clone()).await;
        let mut messages = subscribed.map_err(|e| anyhow!("subscribe: {}", causes(&e)))?;
        let mut unanswered = 0;
        while let Some(mut permits) = permits(credit, &self.taker.out, stop).await {
            let request = pull::BatchConfig {
                batch: permits.num_permits(),
                expires: Some(EXPIRES),
                max_bytes: consumer.most_bytes,
                ..pull::BatchConfig::default()
            };
            let asked = handle.request_batch(request, inbox.clone()).await;
            asked.map_err(|e| anyhow!("ask for messages: {}", causes(&e)))?;
            let until = Instant::now() + EXPIRES + Duration::from_secs(1);
            let pause = match self.one_request(&mut messages, &mut permits, until, stop).await? {
                End::Done => {
                    unanswered = 0;
                    continue;
                }
                End::Refused(why) => {
                    self.taker.log.debug(format_args!("asked for messages: {why}"));
                    unanswered = 0;
                    Duration::from_secs(1)
                }
                End::Nobody => {
                    unanswered += 1;
                    if unanswered > PATIENCE {
                        bail!("nobody answers for it; it may have been removed");
                    }
                    Duration::from_secs(1)
                }
            };
            drop(permits);
            tokio::select! {
                () = stop.stopped() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.leave(messages).await;
        Ok(())
    }

    /// Takes what comes for one request.
    async fn one_request(
        &self,
        messages: &mut Subscriber,
        permits: &mut OwnedSemaphorePermit,
        until: Instant,
        stop: &Stop,
    ) -> Result<End> {
        while let Some(permit) = permits.split(1) {
            let message = tokio::select! {
                biased;
                () = stop.stopped() => return Ok(End::Done),
                message = timeout_at(until, messages.next()) => message,
            };
            let Ok(message) = message else { return Ok(End::Done) };
            let Some(message) = message else { bail!("the subscription has ended") };
            match message.status.map(|status| status.as_u16()) {
                None | Some(200) => self.take(message, permit).await,
                // Signs of life.
                Some(100) => permits.merge(permit),
                Some(404 | 408) => return Ok(End::Done),
                Some(503) => return Ok(End::Nobody),
                Some(_) if message.description.as_deref().is_some_and(|d| d.contains("Deleted")) => {
                    bail!("it was removed");
                }
                Some(status) => {
                    return Ok(End::Refused(message.description.unwrap_or_else(|| status.to_string())));
                }
            }
        }
        Ok(End::Done)
    }

    /// Reads what the servers send.
    async fn pushed(
        &self,
        client: &Client,
        subject: &str,
        group: Option<&str>,
        credit: &Arc<Semaphore>,
        stop: &Stop,
    ) -> Result<()> {
        let subscribed = match group {
            Some(group) => client.queue_subscribe(subject.to_owned(), group.to_owned()).await,
            None => client.subscribe(subject.to_owned()).await,
        };
        let mut messages = subscribed.map_err(|e| anyhow!("subscribe: {}", causes(&e)))?;
        loop {
            let next = async {
                let permit = self.taker.out.urging(credit.clone().acquire_owned()).await;
                (permit, messages.next().await)
            };
            let (permit, message) = tokio::select! {
                biased;
                () = stop.stopped() => break,
                (permit, message) = next => (permit?, message),
            };
            let Some(message) = message else { bail!("the subscription has ended") };
            match (message.status, &message.reply) {
                (None, _) => self.take(message, permit).await,
                // The servers ask how far the reader is.
                (Some(_), Some(reply)) => {
                    let _lost = client.publish(reply.clone(), "".into()).await;
                }
                (Some(_), None) => {}
            }
        }
        self.leave(messages).await;
        Ok(())
    }

    async fn take(&self, message: Message, permit: OwnedSemaphorePermit) {
        let message = jetstream::Message { message, context: self.context.clone() };
        let (number, times) = match message.info() {
            Ok(info) => (info.stream_sequence, info.delivered),
            Err(e) => {
                self.taker.out.error(anyhow!("read a message of a stream: {e}"));
                return;
            }
        };
        let message = message.message;
        let Some(reply) = message.reply.clone() else { return };
        if !self.answers.came(number, reply) {
            return;
        }
        if !self.taker.take(message, permit, self.answers.outcome(number, times)).await {
            self.answers.unreadable(number);
        }
    }

    /// Gives back what has come and was not taken, so that others get it at once.
    async fn leave(&self, mut messages: Subscriber) {
        let _ended = messages.unsubscribe().await;
        while let Some(Some(message)) = messages.next().now_or_never() {
            if let (None, Some(reply)) = (message.status, message.reply) {
                self.answers.give_back(reply);
            }
        }
    }
}

/// How a request for messages ended.
enum End {
    /// As it should.
    Done,
    /// The servers do not want to.
    Refused(String),
    /// There is no such consumer, or no JetStream.
    Nobody,
}

/// Permits for the messages of a request, one at least; None if the reader is to stop.
async fn permits(credit: &Arc<Semaphore>, out: &Sender, stop: &Stop) -> Option<OwnedSemaphorePermit> {
    let mut permits = tokio::select! {
        biased;
        () = stop.stopped() => return None,
        first = out.urging(credit.clone().acquire_owned()) => first.ok()?,
    };
    let more = credit.available_permits().min(AT_A_TIME - 1);
    // Another reader may have been quicker.
    if let Ok(more) = credit.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
        permits.merge(more);
    }
    Some(permits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_parts() {
        assert_eq!(name("engines", "flows.0.>"), "engines-flows_0__");
    }
}
