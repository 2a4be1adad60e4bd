//! Publishes metrics on subjects of NATS, plainly or into a stream of JetStream.
//!
//! `messages` makes messages of a batch, `publish` sends them and says what became of each, `stream` sees to the stream. Plain NATS
//! promises nothing for a message that nobody reads; with JetStream a metric is written when the stream has it.

mod messages;
mod publish;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use agent_net::nats::Servers;
use agent_net::nats::client::{Client, jetstream};
use agent_net::tls::{self, ClientTls};
use messages::Subject;
use publish::{Ids, Sent};
use schemars::JsonSchema;
use serde::Deserialize;
use settings::StreamSettings;

register!(Entry::output::<Nats>());

/// The output.
struct Nats {
    settings: Settings,
    servers: Servers,
    tls: ClientTls,
    subject: Subject,
    serializer: plugin::BoxSerializer,
    link: Option<Link>,
    ids: Ids,
    log: Log,
}

/// What `open` makes.
struct Link {
    client: Client,
    jetstream: Option<jetstream::Context>,
}

/// What is published where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Subject, or a Go template that makes it of each metric: `{{ .Name }}`, `{{ .Tag "key" }}`, `{{ .Field "key" }}` and the functions
    /// of Go and sprig. A stream then needs `subjects` of its own.
    subject: String,
    /// Publish the metrics of a write as one message for each subject, in place of one for each metric. What is larger than the
    /// servers take is divided.
    use_batch_format: bool,
    /// A stream of JetStream to publish into; left out, messages go to whoever listens.
    jetstream: Option<StreamSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { subject: "telegraf".to_owned(), use_batch_format: false, jetstream: None }
    }
}

/// So many messages may wait in a subscription; only answers of servers come here.
const INBOX: usize = 64 << 10;

impl Plugin for Nats {
    const NAME: &'static str = "nats";
    const ABOUT: &'static str = "Publishes metrics on subjects of NATS, also into streams of JetStream.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = With<Settings, With<Servers, ClientTls>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (servers, tls) = (shared.own, shared.shared);
        servers.check(&tls)?;
        ensure!(!settings.subject.is_empty(), "subject is required");
        let subject = match settings.subject.contains("{{") {
            true => Subject::Template(MetricTemplate::compile(&settings.subject).context("subject")?),
            false => {
                messages::check_subject(&settings.subject)?;
                Subject::Fixed(settings.subject.clone())
            }
        };
        if let Some(stream) = &settings.jetstream {
            stream.check(matches!(subject, Subject::Fixed(_)))?;
        }
        Ok(Nats {
            settings,
            servers,
            tls,
            subject,
            serializer: env.serializer()?,
            link: None,
            ids: Ids::default(),
            log: env.log.clone(),
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Output for Nats {
    async fn open(&mut self) -> Result<(), StartError> {
        let client = self.servers.connect(&self.tls, INBOX, &self.log).await?;
        let jetstream = match &self.settings.jetstream {
            None => None,
            Some(settings) => {
                let context = settings.context(client.clone());
                let subject = match &self.subject {
                    Subject::Fixed(subject) => Some(subject.as_str()),
                    Subject::Template(_) => None,
                };
                settings.ensure(&context, subject).await.map_err(StartError::Retry)?;
                Some(context)
            }
        };
        self.ids.begin(&client.new_inbox());
        self.link = Some(Link { client, jetstream });
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let link = self.link.as_ref().context("output is not open")?;
        let made = messages::make(
            metrics,
            &self.subject,
            self.settings.use_batch_format,
            link.client.max_payload(),
            &mut self.serializer,
        );
        let mut sent = Sent { written: made.left_out, rejected: made.rejected, ..Sent::default() };
        match (&link.jetstream, &self.settings.jetstream) {
            (Some(context), Some(settings)) => {
                let ahead = if settings.async_publish { publish::AHEAD } else { 1 };
                publish::into_stream(context, made.messages, ahead, &mut self.ids, &mut sent).await;
            }
            _ => publish::plainly(&link.client, made.messages, &mut sent).await,
        }
        sent.result()
    }
}
