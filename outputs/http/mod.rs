//! Sends metrics to any HTTP server, in any data format.
//!
//! Whether an answer means "written" is told by its status alone. Nothing is known of the server, so what it refuses is kept
//! and sent again, in order, unless the user names the statuses that will never change.

mod aws;
mod google;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::plugin::BoxSerializer;
use agent_api::*;
use agent_net::client::{
    Address, Answer, Client, HeaderSettings, Headers, HttpSettings, Method, Redirects, Setup, header,
};
use agent_net::coding::{Coding, reclaim};
use agent_net::tls;
use aws::{Aws, AwsSettings};
use bytes::Bytes;
use google::Google;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration as Time;

register!(Entry::output::<Http>());

/// The output.
struct Http {
    settings: Settings,
    address: Address,
    method: Method,
    headers: Headers,
    coding: Coding,
    setup: Setup,
    aws: Option<Aws>,
    google: Option<Google>,
    client: Option<Client>,
    serializer: BoxSerializer,
    /// The memory of bodies, used again for each.
    memory: Vec<u8>,
}

/// What is sent where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address to send to (`http://`, `https://`, or `http+unix://` with the path of a socket, a colon and the path to ask for).
    url: String,
    /// Method: `POST`, `PUT` or `PATCH`.
    method: String,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Headers of the requests; they replace the output's own of the same name.
    headers: HeaderSettings,
    /// How bodies are packed: `identity`, `gzip`, `zlib` or `zstd`.
    content_encoding: String,
    /// Send all metrics of a write in one request; otherwise each in one of its own.
    use_batch_format: bool,
    /// Statuses after which metrics are dropped in place of being sent again.
    non_retryable_statuscodes: Vec<u16>,
    /// File with the key of a Google service account; requests get an identity token for `url`.
    google_application_credentials: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: "http://127.0.0.1:8080/telegraf".to_owned(),
            method: "POST".to_owned(),
            username: Secret::default(),
            password: Secret::default(),
            headers: HeaderSettings::new(),
            content_encoding: "identity".to_owned(),
            use_batch_format: true,
            non_retryable_statuscodes: Vec::new(),
            google_application_credentials: String::new(),
        }
    }
}

/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 16 << 10;

impl Plugin for Http {
    const NAME: &'static str = "http";
    const ABOUT: &'static str = "Sends metrics to an HTTP server.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = With<Settings, With<AwsSettings, HttpSettings>>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: settings, shared: With { own: aws, shared: http } } = settings;
        let method = settings.method.to_ascii_uppercase();
        let method = match method.as_str() {
            "" | "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => bail!("invalid method {:?}; one of POST, PUT, PATCH", settings.method),
        };
        let setup = Setup { redirects: Redirects::KeepMethod, ..Setup::from(http) };
        setup.check()?;
        let google = match settings.google_application_credentials.as_str() {
            "" => None,
            path => Some(Google::new(path, &settings.url)),
        };
        Ok(Http {
            address: Address::parse(&settings.url).context("url")?,
            method,
            headers: Headers::new("headers", &settings.headers)?,
            coding: Coding::of_option("content_encoding", &settings.content_encoding)?,
            setup,
            aws: Aws::new(aws)?,
            google,
            client: None,
            serializer: env.serializer()?,
            memory: Vec::new(),
            settings,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Output for Http {
    async fn open(&mut self) -> Result<(), StartError> {
        self.client = Some(self.setup.build(self.address.socket.as_deref())?);
        Ok(())
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        if self.settings.use_batch_format { self.write_batch(metrics).await } else { self.write_each(metrics).await }
    }
}

/// What became of a body.
enum Verdict {
    Written,
    Rejected(Error),
    Refused(Error, Option<Time>),
}

impl Http {
    async fn write_batch(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut body = std::mem::take(&mut self.memory);
        if let Err(cause) = self.serializer.serialize_batch(metrics, &mut body) {
            let cause = cause.context("serialize metrics");
            let rejected = self.unwritable(metrics);
            // Without the ones to blame the rest can be written next time.
            return Err(match rejected.is_empty() {
                true => WriteError::reject_all(metrics.len(), cause),
                false => WriteError::Partial { written: Vec::new(), rejected, cause },
            });
        }
        match self.send_body(body).await {
            Verdict::Written => Ok(()),
            Verdict::Rejected(cause) => Err(WriteError::reject_all(metrics.len(), cause)),
            Verdict::Refused(cause, after) => Err(WriteError::Retry { cause, after }),
        }
    }

    /// The places of the metrics that the format cannot write.
    fn unwritable(&mut self, metrics: &Chunk) -> Vec<usize> {
        let mut text = Vec::new();
        let mut fails = |metric| {
            text.clear();
            self.serializer.serialize(metric, &mut text).is_err()
        };
        metrics.iter().enumerate().filter_map(|(place, metric)| fails(metric).then_some(place)).collect()
    }

    /// Sends metric by metric up to the first that the server does not take, so that none is sent twice.
    async fn write_each(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let (mut written, mut rejected, mut why) = (Vec::new(), Vec::new(), None);
        for place in 0..metrics.len() {
            let mut body = std::mem::take(&mut self.memory);
            let verdict = match self.serializer.serialize(metrics.at(place), &mut body) {
                Ok(()) => self.send_body(body).await,
                Err(cause) => Verdict::Rejected(cause.context("serialize metric")),
            };
            match verdict {
                Verdict::Written => written.push(place),
                Verdict::Rejected(cause) => {
                    rejected.push(place);
                    why.get_or_insert(cause);
                }
                Verdict::Refused(cause, after) if written.is_empty() && rejected.is_empty() => {
                    return Err(WriteError::Retry { cause, after });
                }
                Verdict::Refused(cause, _) => return Err(WriteError::Partial { written, rejected, cause }),
            }
        }
        match why {
            None => Ok(()),
            Some(cause) => Err(WriteError::Reject { indices: rejected, cause }),
        }
    }

    async fn send_body(&mut self, body: Vec<u8>) -> Verdict {
        let plain = Bytes::from(body);
        // Every metric was left out by the format.
        let verdict = if plain.is_empty() { Ok(Verdict::Written) } else { self.send(plain.clone()).await };
        self.memory = reclaim(plain);
        verdict.unwrap_or_else(|cause| Verdict::Refused(cause, None))
    }

    /// Takes `&mut self` only because a serializer is not to be shared between threads.
    async fn send(&mut self, plain: Bytes) -> Result<Verdict> {
        let client = self.client.as_ref().context("output is not open")?;
        let mut request = client.request(self.method.clone(), self.address.url.clone());
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(coding) = self.coding.header() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        }
        let body = self.coding.pack(plain).await?;
        if let Some(google) = &self.google {
            headers.insert(header::AUTHORIZATION, google.header(client).await?);
        }
        let (user, password) = (self.settings.username.reveal()?, self.settings.password.reveal()?);
        if !user.is_empty() || !password.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.put(&mut headers)?;
        if let Some(aws) = &self.aws {
            aws.sign(&self.method, &self.address.url, &body, &mut headers)?;
        }
        match client.send(request.headers(headers).body(body), ANSWER_MAX).await {
            Ok(answer) => Ok(self.verdict(&answer)),
            Err(cause) => {
                let cause = Error::new(cause).context(format!("{} {}", self.method, self.address.shown()));
                Ok(Verdict::Refused(cause, None))
            }
        }
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        if answer.status.is_success() {
            return Verdict::Written;
        }
        let excerpt = answer.excerpt();
        let separator = if excerpt.is_empty() { "" } else { ": " };
        let status = answer.status;
        let cause = anyhow!("{} {}: status {status}{separator}{excerpt}", self.method, self.address.shown());
        if self.settings.non_retryable_statuscodes.contains(&status.as_u16()) {
            return Verdict::Rejected(cause);
        }
        Verdict::Refused(cause, answer.busy_for())
    }
}
