//! Pushes metrics to Grafana Loki as log lines: a stream for each set of tags, a line for each metric.

mod push;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::{
    Address, Client, HeaderSettings, Headers, Method, OAuth2, Proxy, Redirects, Setup, Transport, header,
};
use agent_net::coding::{Coding, reclaim};
use agent_net::tls::{self, ClientTls};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Loki>());

/// The output.
struct Loki {
    settings: Settings,
    address: Address,
    headers: Headers,
    setup: Setup,
    client: Option<Client>,
    /// The memory of bodies, used again for each.
    memory: Vec<u8>,
}

/// Where metrics are pushed and how they become lines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address of the server, such as `http://loki.example:3100`.
    domain: String,
    /// Path of its interface for pushing.
    endpoint: String,
    /// How long a request may take in all; 0 means 5s.
    timeout: Duration,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Headers of the requests, for instance `X-Scope-OrgID`; not `Content-Type` and `User-Agent`.
    http_headers: HeaderSettings,
    /// Pack bodies by gzip.
    gzip_request: bool,
    /// Label that gets the name of the metric; empty leaves the name out.
    metric_name_label: String,
    /// Replace what Loki does not take in the name of a label by `_`.
    sanitize_label_names: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            domain: String::new(),
            endpoint: "/loki/api/v1/push".to_owned(),
            timeout: Duration::secs(5),
            username: Secret::default(),
            password: Secret::default(),
            http_headers: HeaderSettings::new(),
            gzip_request: false,
            metric_name_label: "__name".to_owned(),
            sanitize_label_names: false,
        }
    }
}

/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 16 << 10;

impl Plugin for Loki {
    const NAME: &'static str = "loki";
    const ABOUT: &'static str = "Pushes metrics to Grafana Loki as log lines.";
    type Settings = With<Settings, With<OAuth2, ClientTls>>;

    fn new(settings: Self::Settings, _: &Env) -> Result<Self> {
        let With { own: mut settings, shared: With { own: oauth, shared: tls } } = settings;
        ensure!(!settings.domain.is_empty(), "domain is required");
        if settings.endpoint.is_empty() {
            settings.endpoint = Settings::default().endpoint;
        }
        let setup = Setup {
            transport: Transport { timeout: settings.timeout, ..Transport::default() },
            proxy: Proxy { use_system_proxy: true, ..Proxy::default() },
            oauth,
            tls,
            redirects: Redirects::KeepMethod,
            ..Setup::default()
        };
        setup.check()?;
        Ok(Loki {
            address: Address::parse(&format!("{}{}", settings.domain, settings.endpoint)).context("domain")?,
            headers: Headers::new("http_headers", &settings.http_headers)?,
            setup,
            client: None,
            memory: Vec::new(),
            settings,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Output for Loki {
    async fn open(&mut self) -> Result<(), StartError> {
        self.client = Some(self.setup.build(self.address.socket.as_deref())?);
        Ok(())
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut body = std::mem::take(&mut self.memory);
        push::write(metrics, &self.settings.metric_name_label, self.settings.sanitize_label_names, &mut body)?;
        let plain = Bytes::from(body);
        let result = self.send(plain.clone()).await;
        self.memory = reclaim(plain);
        result
    }
}

impl Loki {
    async fn send(&self, plain: Bytes) -> Result<(), WriteError> {
        let client = self.client.as_ref().context("output is not open")?;
        let mut headers = header::HeaderMap::new();
        self.headers.put(&mut headers)?;
        headers.remove(header::USER_AGENT);
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let coding = if self.settings.gzip_request { Coding::Gzip } else { Coding::Identity };
        if let Some(name) = coding.header() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(name));
        }
        let mut request = client.request(Method::POST, self.address.url.clone());
        let (user, password) = (self.settings.username.reveal()?, self.settings.password.reveal()?);
        if !user.is_empty() || !password.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        let body = coding.pack(plain).await?;
        let answer = client
            .send(request.headers(headers).body(body), ANSWER_MAX)
            .await
            .with_context(|| format!("push to {}", self.address.shown()))?;
        if answer.status.is_success() {
            return Ok(());
        }
        let cause = anyhow!("push to {}: status {}: {}", self.address.shown(), answer.status, answer.excerpt());
        Err(WriteError::Retry { cause, after: answer.busy_for() })
    }
}
