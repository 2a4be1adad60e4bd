//! Sends metrics to Datadog's interface for series, version 1.

mod series;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::{Address, Client, Method, Proxy, Redirects, Setup, Transport, header};
use agent_net::coding::{Coding, reclaim};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Datadog>());

/// The output.
struct Datadog {
    settings: Settings,
    address: Address,
    coding: Coding,
    setup: Setup,
    client: Option<Client>,
    /// The memory of bodies, used again for each.
    memory: Vec<u8>,
}

/// Where metrics are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the account; required.
    apikey: Secret,
    /// How long a request may take in all; 0 means 5s.
    timeout: Duration,
    /// Address of the interface.
    url: String,
    /// How bodies are packed: `zlib`, or `none`, as is any other word.
    compression: String,
    /// Time by which counts of `inputs.statsd` are divided to become rates; 0 leaves them as they are.
    rate_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            apikey: Secret::default(),
            timeout: Duration::secs(5),
            url: "https://app.datadoghq.com/api/v1/series".to_owned(),
            compression: "none".to_owned(),
            rate_interval: Duration::default(),
        }
    }
}

/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 16 << 10;

impl Plugin for Datadog {
    const NAME: &'static str = "datadog";
    const ABOUT: &'static str = "Sends metrics to Datadog.";
    type Settings = With<Settings, Proxy>;

    fn new(With { own: settings, shared: proxy }: Self::Settings, _: &Env) -> Result<Self> {
        ensure!(!settings.apikey.is_empty(), "apikey is required");
        let setup = Setup {
            transport: Transport { timeout: settings.timeout, ..Transport::default() },
            proxy,
            redirects: Redirects::KeepMethod,
            ..Setup::default()
        };
        setup.check()?;
        Ok(Datadog {
            address: Address::parse(&settings.url).context("url")?,
            coding: if settings.compression == "zlib" { Coding::Zlib } else { Coding::Identity },
            setup,
            client: None,
            memory: Vec::new(),
            settings,
        })
    }
}

impl Output for Datadog {
    async fn open(&mut self) -> Result<(), StartError> {
        self.client = Some(self.setup.build(self.address.socket.as_deref())?);
        Ok(())
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut body = std::mem::take(&mut self.memory);
        let any = series::write(metrics, *self.settings.rate_interval, &mut body)?;
        let plain = Bytes::from(body);
        let result = if any { self.send(plain.clone()).await } else { Ok(()) };
        self.memory = reclaim(plain);
        result
    }
}

impl Datadog {
    async fn send(&self, plain: Bytes) -> Result<(), WriteError> {
        let client = self.client.as_ref().context("output is not open")?;
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if let Some(coding) = self.coding.header() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        }
        let mut url = self.address.url.clone();
        url.query_pairs_mut().append_pair("api_key", &self.settings.apikey.reveal()?);
        let body = self.coding.pack(plain).await?;
        let answer = client
            .send(client.request(Method::POST, url).headers(headers).body(body), ANSWER_MAX)
            .await
            .with_context(|| format!("post to {}", self.address.shown()))?;
        // Others of the 2xx do not say that the series were taken.
        if (200..210).contains(&answer.status.as_u16()) {
            return Ok(());
        }
        let cause = anyhow!("post to {}: status {}: {}", self.address.shown(), answer.status, answer.excerpt());
        Err(WriteError::Retry { cause, after: answer.busy_for() })
    }
}
