//! Reads documents from HTTP servers, in any data format.
//!
//! All addresses are asked at the same time, and the metrics of each go on as soon as it has answered, so that a slow one
//! holds nobody up.

#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::plugin::BoxParser;
use agent_api::*;
use agent_net::client::{Address, Client, HeaderSettings, Headers, HttpSettings, Method, Setup, header};
use agent_net::coding::Coding;
use agent_net::tls;
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::input::<Http>());

/// The input.
struct Http {
    settings: Settings,
    targets: Vec<Target>,
    setup: Setup,
    asking: Asking,
    /// One for TCP and one for each Unix socket; made when the first document is read.
    clients: Vec<(Option<PathBuf>, Client)>,
    parser: BoxParser,
}

/// What is read from where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses to read (`http://`, `https://`, or `http+unix://` with the path of a socket, a colon and the path to ask for).
    urls: Vec<String>,
    /// Method of the requests.
    method: String,
    /// Body of the requests.
    body: Secret,
    /// How the body is packed: `identity`, `gzip`, `zlib` or `zstd`.
    content_encoding: String,
    /// Headers of the requests.
    headers: HeaderSettings,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Bearer token.
    token: Secret,
    /// File with the bearer token, read for every request.
    token_file: String,
    /// Statuses that mean success.
    success_status_codes: Vec<u16>,
    /// Largest document, unpacked; a larger one is an error.
    response_body_max_size: Size,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: Vec::new(),
            method: "GET".to_owned(),
            body: Secret::default(),
            content_encoding: "identity".to_owned(),
            headers: HeaderSettings::new(),
            username: Secret::default(),
            password: Secret::default(),
            token: Secret::default(),
            token_file: String::new(),
            success_status_codes: vec![200],
            response_body_max_size: Size(64 << 20),
        }
    }
}

/// An address, and what its metrics are tagged with.
struct Target {
    address: Address,
    tag: String,
}

/// Most addresses that are asked at the same time.
const CONCURRENT: usize = 64;

impl Plugin for Http {
    const NAME: &'static str = "http";
    const ABOUT: &'static str = "Reads metrics from HTTP servers in any data format.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = With<Settings, HttpSettings>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        ensure!(
            settings.token.is_empty() || settings.token_file.is_empty(),
            "set either token or token_file, not both"
        );
        let setup = Setup::from(shared);
        setup.check()?;
        let name = if settings.method.is_empty() { "GET" } else { &settings.method };
        let asking = Asking {
            method: Method::from_bytes(name.to_ascii_uppercase().as_bytes())
                .with_context(|| format!("invalid method {name:?}"))?,
            headers: Headers::new("headers", &settings.headers)?,
            coding: Coding::of_option("content_encoding", &settings.content_encoding)?,
            success: match settings.success_status_codes.as_slice() {
                [] => vec![200],
                codes => codes.to_vec(),
            },
            most: usize::try_from(settings.response_body_max_size.0).context("response_body_max_size")?,
        };
        Ok(Http {
            targets: settings.urls.iter().map(|url| Target::new(url)).collect::<Result<_>>()?,
            setup,
            asking,
            clients: Vec::new(),
            parser: env.parser()?,
            settings,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Target {
    fn new(text: &str) -> Result<Self> {
        let address = Address::parse(text)?;
        // A password is nothing for a tag.
        let tag = match address.url.password() {
            None => text.to_owned(),
            Some(_) => address.shown(),
        };
        Ok(Target { address, tag })
    }
}

impl Input for Http {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        self.open()?;
        let secrets = self.settings.secrets()?;
        let Http { targets, asking, clients, parser, .. } = self;
        let mut jobs = Vec::with_capacity(targets.len());
        for target in targets.iter() {
            let found = clients.iter().find(|c| c.0 == target.address.socket);
            let (_, client) = found.context("a client for every socket")?;
            jobs.push(asking.ask(client, target, &secrets));
        }
        let mut left = jobs.len();
        let mut answers = futures_util::stream::iter(jobs).buffer_unordered(CONCURRENT);
        while let Some((target, answer)) = answers.next().await {
            left -= 1;
            match answer {
                Ok(document) => read(parser, document, target, out),
                Err(cause) => out.error(cause.context(target.address.shown())),
            }
            if left > 0 {
                out.ship();
            }
        }
        Ok(())
    }
}

/// Parses a document and adds its metrics.
fn read(parser: &mut BoxParser, document: Vec<u8>, target: &Target, out: &mut Collector) {
    let mut own = Collector::new();
    parser.reset();
    if let Err(bad) = parser.parse(&Body::new(document), &mut own) {
        out.error(Error::new(bad).context(format!("parse {}", target.address.shown())));
    }
    for error in own.take_errors().0 {
        out.error(error);
    }
    own.batch().each(|metric| {
        metric.default_tag("url", &target.tag);
    });
    if out.batch().is_empty() {
        *out.batch() = own.take();
    } else {
        own.batch().iter().for_each(|metric| {
            out.batch().push(metric);
        });
    }
}

/// What is looked up anew for each round, as it may change.
struct Secrets {
    user: Option<(String, String)>,
    token: String,
    body: bytes::Bytes,
}

impl Settings {
    fn secrets(&self) -> Result<Secrets> {
        let (user, password) = (self.username.reveal()?, self.password.reveal()?);
        let token = match self.token_file.as_str() {
            "" => self.token.reveal()?,
            path => std::fs::read_to_string(path).with_context(|| format!("read token_file {path}"))?,
        };
        Ok(Secrets {
            user: (!user.is_empty() || !password.is_empty()).then_some((user, password)),
            token: token.trim().to_owned(),
            body: self.body.reveal()?.into(),
        })
    }
}

impl Http {
    fn open(&mut self) -> Result<()> {
        for target in &self.targets {
            let socket = &target.address.socket;
            if !self.clients.iter().any(|c| c.0 == *socket) {
                self.clients.push((socket.clone(), self.setup.build(socket.as_deref())?));
            }
        }
        Ok(())
    }
}

/// How a document is asked for.
struct Asking {
    method: Method,
    headers: Headers,
    coding: Coding,
    success: Vec<u16>,
    most: usize,
}

impl Asking {
    async fn ask<'a>(&self, client: &Client, target: &'a Target, secrets: &Secrets) -> (&'a Target, Result<Vec<u8>>) {
        (target, self.document(client, target, secrets).await)
    }

    async fn document(&self, client: &Client, target: &Target, secrets: &Secrets) -> Result<Vec<u8>> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("gzip"));
        let mut request = client.request(self.method.clone(), target.address.url.clone());
        if !secrets.body.is_empty() {
            if let Some(coding) = self.coding.header() {
                headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
            }
            request = request.body(self.coding.pack(secrets.body.clone()).await?);
        }
        if !secrets.token.is_empty() {
            let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", secrets.token)).context("token")?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        if let Some((user, password)) = &secrets.user {
            request = request.basic_auth(user, Some(password));
        }
        self.headers.put(&mut headers)?;
        let answer = client.send(request.headers(headers), self.most).await?;
        if !self.success.contains(&answer.status.as_u16()) {
            bail!("received status code {}, expected one of {:?}: {}", answer.status, self.success, answer.excerpt());
        }
        answer.unpack(self.most)
    }
}
