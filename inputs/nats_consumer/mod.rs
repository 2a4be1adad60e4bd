//! Reads metrics from subjects of NATS, and from streams of JetStream, which are told what became of every message.
//!
//! `plain` reads subjects, where a message that is not taken is gone; `stream` finds or makes the consumer of a stream and asks it for as
//! many messages as may be under way; `answers` tells the stream; `take` makes metrics of a message.

mod answers;
mod plain;
mod stream;
mod take;
#[cfg(test)]
mod tests;

use crate::parsers::Parsers;
use agent_api::options::With;
use agent_api::*;
use agent_net::nats::client::Client;
use agent_net::nats::{Servers, causes};
use agent_net::tls::{self, ClientTls};
use plain::Plain;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use stream::Consumer;
use take::Taker;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

register!(Entry::listener::<NatsConsumer>());

/// The input.
struct NatsConsumer {
    settings: Settings,
    servers: Servers,
    tls: ClientTls,
    env: Env,
    open: Option<Open>,
}

/// What `open` makes.
struct Open {
    client: Client,
    plain: Vec<Plain>,
    consumers: Vec<Consumer>,
}

/// What is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Subjects to read; `*` stands for one part, `>` for all that follow.
    subjects: Vec<String>,
    /// Subjects to read from streams of JetStream. What was not acknowledged comes again, also after a restart.
    jetstream_subjects: Vec<String>,
    /// Stream of these subjects; left out, the servers say which one it is.
    jetstream_stream: String,
    /// Readers of one group share the messages. Its name is that of the consumer of a stream as well, which knows what was read; with several
    /// `jetstream_subjects` the subject follows. Empty: everybody gets all, and what a stream holds is read from its beginning.
    queue_group: String,
    /// Most messages of a subject that wait to be taken; more are dropped. Negative: no limit.
    pending_message_limit: i64,
    /// Most bytes of them. Of a stream, no more is asked for at a time. Negative: no limit.
    pending_bytes_limit: i64,
    /// So many messages may be under way to the outputs; no more are taken until some of them have been written.
    max_undelivered_messages: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            subjects: vec!["telegraf".to_owned()],
            jetstream_subjects: Vec::new(),
            jetstream_stream: String::new(),
            queue_group: "telegraf_consumers".to_owned(),
            pending_message_limit: 65_536,
            pending_bytes_limit: 64 << 20,
            max_undelivered_messages: 1000,
        }
    }
}

impl Plugin for NatsConsumer {
    const NAME: &'static str = "nats_consumer";
    const ABOUT: &'static str = "Reads metrics from subjects of NATS and streams of JetStream.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = With<Settings, With<Servers, ClientTls>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (servers, tls) = (shared.own, shared.shared);
        servers.check(&tls)?;
        let subjects = || settings.subjects.iter().chain(&settings.jetstream_subjects);
        ensure!(subjects().next().is_some(), "subjects or jetstream_subjects are required");
        for subject in subjects() {
            let good = |part: &str| !part.is_empty() && !part.bytes().any(|b| b.is_ascii_whitespace() || b == 0);
            ensure!(subject.split('.').all(good), "{subject:?} is no subject");
        }
        ensure!(
            !settings.queue_group.contains(|c: char| c.is_whitespace()),
            "queue_group: {:?} has blanks in it",
            settings.queue_group
        );
        ensure!(settings.pending_message_limit != 0, "pending_message_limit: 0 messages are too few");
        ensure!(settings.pending_bytes_limit != 0, "pending_bytes_limit: 0 bytes are too few");
        ensure!(settings.max_undelivered_messages > 0, "max_undelivered_messages: 0 messages are too few");
        // Options of the format that do not fit are found now.
        env.parser()?;
        Ok(NatsConsumer { settings, servers, tls, env: env.clone(), open: None })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
        if table.remove("metric_buffer").is_some() {
            notes.push("metric_buffer is left out: nothing is done by it".to_owned());
        }
    }
}

impl Listener for NatsConsumer {
    async fn open(&mut self) -> Result<(), StartError> {
        let settings = &self.settings;
        // Readers take messages out at once; limits are theirs.
        let capacity = usize::try_from(settings.pending_message_limit).unwrap_or(usize::MAX).clamp(1024, 1 << 20);
        let client = self.servers.connect(&self.tls, capacity, &self.env.log).await?;
        let mut plain = Vec::new();
        for subject in &settings.subjects {
            let reader = match settings.queue_group.as_str() {
                "" => client.subscribe(subject.clone()).await,
                group => client.queue_subscribe(subject.clone(), group.to_owned()).await,
            };
            let reader = reader.map_err(|e| anyhow!("subscribe to {subject:?}: {}", causes(&e)))?;
            plain.push(Plain::new(subject, reader, settings));
        }
        let mut consumers = Vec::new();
        for subject in &settings.jetstream_subjects {
            consumers.push(Consumer::find(&client, subject, settings).await.map_err(StartError::Retry)?);
        }
        self.open = Some(Open { client, plain, consumers });
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let Open { client, plain, consumers } = self.open.take().context("listen: not open")?;
        // Under --once nothing is written before everything is read.
        let once = self.env.agent.once;
        let credit = if once { Semaphore::MAX_PERMITS } else { self.settings.max_undelivered_messages };
        let credit = Arc::new(Semaphore::new(credit.min(Semaphore::MAX_PERMITS)));
        let taker = Arc::new(Taker { parsers: Parsers::of(&self.env)?, out, log: self.env.log.clone() });
        let mut readers = JoinSet::new();
        for reader in plain {
            readers.spawn(meter::inherit(reader.run(taker.clone(), credit.clone(), stop.clone())));
        }
        for consumer in consumers {
            readers.spawn(meter::inherit(consumer.run(client.clone(), taker.clone(), credit.clone(), stop.clone())));
        }
        loop {
            tokio::select! {
                // There is nothing to tell at an interval, which has to be said, too.
                request = stop.next() => if request.is_none() { break },
                Some(ended) = readers.join_next() => ended.context("read messages")??,
            }
        }
        while let Some(ended) = readers.join_next().await {
            ended.context("read messages")??;
        }
        Ok(())
    }
}
