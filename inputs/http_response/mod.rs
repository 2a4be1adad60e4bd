//! Asks HTTP servers and reports whether, how fast and what they answered.
//!
//! Every check makes a connection of its own, as what is measured is whether a visitor would get through.

#[cfg(test)]
mod tests;

use agent_api::options::{Item, Setting, With};
use agent_api::*;
use agent_golang::regexp::Regexp;
use agent_net::client::{
    Address, Answer, Client, CookieAuth, Failure, HeaderSettings, Headers, Method, Proxy, Redirects, Setup, Transport,
    header,
};
use agent_net::tls::{self, ClientTls};
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Instant;

register!(Entry::input::<HttpResponse>());

/// The input.
struct HttpResponse {
    settings: Settings,
    targets: Vec<(String, Address)>,
    method: Method,
    headers: Headers,
    wanted: Option<Regexp>,
    form: Option<String>,
    setup: Setup,
    client: Option<Client>,
    log: Log,
}

/// What is asked and what is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses to ask (`http://` or `https://`).
    urls: Vec<String>,
    /// Address of a proxy; empty means the one that the environment names.
    http_proxy: String,
    /// How long a check may take in all; 0 means 5s.
    response_timeout: Duration,
    /// Method of the requests.
    method: String,
    /// Follow redirections; otherwise they are the answer.
    follow_redirects: bool,
    /// File with a bearer token, read for every request.
    bearer_token: String,
    /// Bearer token itself, in place of a file.
    token: Secret,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Body of the requests.
    body: String,
    /// Body of the requests as a form: names with lists of values.
    body_form: BTreeMap<String, Vec<String>>,
    /// Headers of the requests.
    headers: HeaderSettings,
    /// Field that gets the body of the answer; empty means none.
    response_body_field: String,
    /// Largest body of an answer, unpacked; a larger one is an error.
    response_body_max_size: Size,
    /// Regular expression that the body of the answer has to match; empty means any.
    response_string_match: String,
    /// Status that the answer has to have; 0 means any.
    response_status_code: u16,
    /// Headers of the answer that become tags: name of the header, name of the tag.
    http_header_tags: BTreeMap<String, String>,
    /// Name of the interface, or the address, that connections come from; empty means any.
    interface: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: vec!["http://localhost".to_owned()],
            http_proxy: String::new(),
            response_timeout: Duration::secs(5),
            method: "GET".to_owned(),
            follow_redirects: false,
            bearer_token: String::new(),
            token: Secret::default(),
            username: Secret::default(),
            password: Secret::default(),
            body: String::new(),
            body_form: BTreeMap::new(),
            headers: HeaderSettings::new(),
            response_body_field: String::new(),
            response_body_max_size: Size(32 << 20),
            response_string_match: String::new(),
            response_status_code: 0,
            http_header_tags: BTreeMap::new(),
            interface: String::new(),
        }
    }
}

/// Most addresses that are asked at the same time.
const CONCURRENT: usize = 64;
/// The largest body where nothing else is said.
const BODY_MAX: u64 = 32 << 20;

impl Plugin for HttpResponse {
    const NAME: &'static str = "http_response";
    const ABOUT: &'static str = "Checks whether, how fast and what HTTP servers answer.";
    type Settings = With<Settings, With<CookieAuth, ClientTls>>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: mut settings, shared: With { own: cookies, shared: tls } } = settings;
        if settings.urls.is_empty() {
            settings.urls = Settings::default().urls;
        }
        if settings.response_body_max_size.0 == 0 {
            settings.response_body_max_size = Size(BODY_MAX);
        }
        ensure!(
            settings.bearer_token.is_empty() || settings.token.is_empty(),
            "set either bearer_token or token, not both"
        );
        ensure!(settings.body.is_empty() || settings.body_form.is_empty(), "set either body or body_form, not both");
        let setup = Setup {
            transport: Transport { timeout: settings.response_timeout, ..Transport::default() },
            proxy: Proxy {
                http_proxy_url: settings.http_proxy.clone(),
                use_system_proxy: settings.http_proxy.is_empty(),
            },
            cookies,
            tls,
            redirects: if settings.follow_redirects { Redirects::Follow } else { Redirects::Never },
            local_address: settings.interface.clone(),
            single_use: true,
            ..Setup::default()
        };
        setup.check()?;
        let name = if settings.method.is_empty() { "GET" } else { &settings.method };
        let target = |url: &String| {
            let address = Address::parse(url)?;
            ensure!(address.socket.is_none(), "unsupported scheme of address {url:?}");
            Ok((url.clone(), address))
        };
        Ok(HttpResponse {
            targets: settings.urls.iter().map(target).collect::<Result<_>>()?,
            method: Method::from_bytes(name.to_ascii_uppercase().as_bytes())
                .with_context(|| format!("invalid method {name:?}"))?,
            headers: Headers::new("headers", &settings.headers)?,
            wanted: match settings.response_string_match.as_str() {
                "" => None,
                pattern => Some(Regexp::compile(pattern).context("response_string_match")?),
            },
            form: (!settings.body_form.is_empty()).then(|| form(&settings.body_form)),
            setup,
            client: None,
            log: env.log.clone(),
            settings,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
        if let Some(old) = table.remove("address")
            && !table.has("urls")
        {
            let span = old.item.span;
            table.set("urls", old.at, Item { value: Setting::Array(vec![old.item]), span });
            notes.push("option \"address\" is now \"urls\", a list".to_owned());
        }
    }
}

/// The pairs of a form, encoded, sorted by name.
fn form(pairs: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, values) in pairs {
        for value in values {
            text.append_pair(name, value);
        }
    }
    text.finish()
}

/// How a check ended; the number is the field `result_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Success = 0,
    StringMismatch = 1,
    BodyReadError = 2,
    ConnectionFailed = 3,
    Timeout = 4,
    DnsError = 5,
    StatusCodeMismatch = 6,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::StringMismatch => "response_string_mismatch",
            Outcome::BodyReadError => "body_read_error",
            Outcome::ConnectionFailed => "connection_failed",
            Outcome::Timeout => "timeout",
            Outcome::DnsError => "dns_error",
            Outcome::StatusCodeMismatch => "response_status_code_mismatch",
        }
    }
}

impl Input for HttpResponse {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if self.client.is_none() {
            self.client = Some(self.setup.build(None)?);
        }
        let this = &*self;
        let client = this.client.as_ref().context("the client was made above")?;
        let mut jobs = Vec::with_capacity(this.targets.len());
        for (text, address) in &this.targets {
            jobs.push(this.check(client, text, address));
        }
        let mut checks = futures_util::stream::iter(jobs).buffer_unordered(CONCURRENT);
        while let Some(checked) = checks.next().await {
            match checked {
                Ok(batch) => batch.iter().for_each(|metric| {
                    out.batch().push(metric);
                }),
                Err(cause) => out.error(cause),
            }
        }
        Ok(())
    }
}

impl HttpResponse {
    /// Asks one server; what it does is a metric, what is wrong with the settings an error.
    async fn check(&self, client: &Client, text: &str, address: &Address) -> Result<Batch> {
        let mut batch = Batch::new();
        let mut metric = batch.metric("http_response").tag("server", text).tag("method", self.method.as_str());
        let request = self.request(client, address)?;
        let begin = Instant::now();
        let outcome = match client.begin(request).await {
            Err(cause) => {
                self.log.debug(format_args!("ask {}: {cause}", address.shown()));
                match cause.kind {
                    Failure::Timeout => Outcome::Timeout,
                    Failure::Dns => Outcome::DnsError,
                    Failure::Connect | Failure::Other => Outcome::ConnectionFailed,
                }
            }
            Ok(response) => {
                metric.add_field("response_time", begin.elapsed().as_secs_f64());
                metric.add_tag("status_code", response.status().as_str());
                metric.add_field("http_response_code", i64::from(response.status().as_u16()));
                for (name, tag) in &self.settings.http_header_tags {
                    if let Some(value) = response.headers().get(name) {
                        metric.add_tag(tag, &String::from_utf8_lossy(value.as_bytes()));
                    }
                }
                let status = response.status().as_u16();
                let most = usize::try_from(self.settings.response_body_max_size.0).unwrap_or(usize::MAX);
                let body = match Answer::read(response, most, 0).await {
                    // It was read until one byte too many had come.
                    Ok(answer) if answer.cut => Err((most.saturating_add(1), anyhow!("longer than {most} bytes"))),
                    Ok(answer) => answer.unpack(most).map_err(|cause| (0, cause)),
                    Err(cause) => Err((0, cause.into())),
                };
                self.judge(status, body, address, &mut metric)
            }
        };
        metric.add_tag("result", outcome.name());
        metric.add_field("result_type", outcome.name());
        metric.add_field("result_code", outcome as i64);
        drop(metric);
        Ok(batch)
    }

    fn request(&self, client: &Client, address: &Address) -> Result<agent_net::client::RequestBuilder> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("gzip"));
        let mut request = client.request(self.method.clone(), address.url.clone());
        if let Some(form) = &self.form {
            request = request.body(form.clone());
        } else if !self.settings.body.is_empty() {
            request = request.body(self.settings.body.clone());
        }
        if let Some(token) = self.token()? {
            let mut bearer =
                header::HeaderValue::from_str(&format!("Bearer {}", token.trim())).context("use the bearer token")?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let (user, password) = (self.settings.username.reveal()?, self.settings.password.reveal()?);
        if !user.is_empty() || !password.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.put(&mut headers)?;
        Ok(request.headers(headers))
    }

    /// The bearer token, from the options or a file.
    fn token(&self) -> Result<Option<String>> {
        let token = self.settings.token.reveal()?;
        if !token.is_empty() {
            return Ok(Some(token));
        }
        let path = &self.settings.bearer_token;
        if path.is_empty() {
            return Ok(None);
        }
        std::fs::read_to_string(path).with_context(|| format!("read bearer_token {path}")).map(Some)
    }

    /// Adds what the answer is like, and says whether it is what was expected. An error comes with how much had been read.
    fn judge(
        &self,
        status: u16,
        body: Result<Vec<u8>, (usize, Error)>,
        address: &Address,
        metric: &mut agent_api::metric::Builder<'_>,
    ) -> Outcome {
        let field = &self.settings.response_body_field;
        let text = body.map(|body| (body.len(), String::from_utf8(body)));
        let (length, text) = match text {
            Ok((length, Err(_))) if !field.is_empty() => (length, Err(anyhow!("the body is no UTF-8"))),
            Ok((length, Err(bytes))) => (length, Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned())),
            Ok((length, Ok(text))) => (length, Ok(text)),
            Err((length, cause)) => (length, Err(cause)),
        };
        metric.add_field("content_length", length as i64);
        let text = match text {
            Ok(text) => text,
            Err(cause) => {
                self.log.debug(format_args!("read the answer of {}: {cause:#}", address.shown()));
                if self.wanted.is_some() {
                    metric.add_field("response_string_match", 0i64);
                }
                return Outcome::BodyReadError;
            }
        };
        if !field.is_empty() {
            metric.add_field(field, text.as_str());
        }
        let mut outcome = Outcome::Success;
        if let Some(wanted) = &self.wanted {
            let matches = wanted.is_match(&text);
            metric.add_field("response_string_match", i64::from(matches));
            if !matches {
                outcome = Outcome::StringMismatch;
            }
        }
        if self.settings.response_status_code > 0 {
            let matches = status == self.settings.response_status_code;
            metric.add_field("response_status_code_match", i64::from(matches));
            if !matches {
                outcome = Outcome::StatusCodeMismatch;
            }
        }
        outcome
    }
}
