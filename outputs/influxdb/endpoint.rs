//! One server: its requests.

use super::Target;
use super::answer::{Problem, Verdict, verdict};
use super::udp::Udp;
use agent_api::*;
use agent_net::client::{Address, Client, Headers, Method, RequestBuilder, Setup, Url, header};
use agent_net::coding::Coding;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 64 << 10;

/// What all requests share.
pub(super) struct Write {
    pub(super) consistency: String,
    pub(super) username: Secret,
    pub(super) password: Secret,
    pub(super) headers: Headers,
    pub(super) coding: Coding,
}

/// A server.
pub(super) enum Endpoint {
    Http(Box<Http>),
    Udp(Udp),
}

/// A server that is asked by HTTP.
pub(super) struct Http {
    url: Url,
    socket: Option<PathBuf>,
    shown: String,
    client: Option<Client>,
    /// Databases that need not be created again.
    created: Mutex<HashSet<String>>,
}

impl Endpoint {
    pub(super) fn new(text: &str) -> Result<Self> {
        if let Some(address) = text.strip_prefix("udp://") {
            return Ok(Endpoint::Udp(Udp::new(address)?));
        }
        let (url, socket) = match text.strip_prefix("unix://") {
            Some(path) => (Address::parse("http://127.0.0.1")?.url, Some(PathBuf::from(path))),
            None => {
                let address = Address::parse(text)?;
                (address.url, address.socket)
            }
        };
        let shown = Address { url: url.clone(), socket: socket.clone() }.shown();
        Ok(Endpoint::Http(Box::new(Http { url, socket, shown, client: None, created: Mutex::default() })))
    }

    /// Makes the client.
    pub(super) fn open(&mut self, setup: &Setup) -> Result<()> {
        if let Endpoint::Http(http) = self {
            http.client = Some(setup.build(http.socket.as_deref())?);
        }
        Ok(())
    }

    /// True if the database need not be created.
    pub(super) fn knows(&self, database: &str) -> bool {
        match self {
            Endpoint::Http(http) => http.created.lock().unwrap_or_else(PoisonError::into_inner).contains(database),
            Endpoint::Udp(_) => true,
        }
    }

    /// Creates a database.
    pub(super) async fn create(&self, write: &Write, database: &str) -> Result<()> {
        match self {
            Endpoint::Http(http) => http.create(write, database).await,
            Endpoint::Udp(_) => Ok(()),
        }
    }

    /// Sends lines: as they are by UDP, packed by HTTP.
    pub(super) async fn send(&self, write: &Write, target: &Target, text: &Bytes, packed: Bytes) -> Verdict {
        match self {
            Endpoint::Http(http) => http.send(write, target, packed).await,
            Endpoint::Udp(udp) => match udp.send(text).await {
                Ok(()) => Verdict::Written(None),
                Err(cause) => Verdict::Unreachable(cause),
            },
        }
    }
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    error: String,
    #[serde(default)]
    results: Vec<Problem>,
}

impl Http {
    fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    fn request(
        &self,
        client: &Client,
        write: &Write,
        url: Url,
        mut headers: header::HeaderMap,
    ) -> Result<RequestBuilder> {
        let mut request = client.request(Method::POST, url);
        let (user, password) = (write.username.reveal()?, write.password.reveal()?);
        if !user.is_empty() || !password.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        write.headers.put(&mut headers)?;
        Ok(request.headers(headers))
    }

    async fn create(&self, write: &Write, database: &str) -> Result<()> {
        let client = self.client.as_ref().context("output is not open")?;
        let quoted = database.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let mut query = Url::parse("http://x").context("make the query")?;
        query.query_pairs_mut().append_pair("q", &format!("CREATE DATABASE \"{quoted}\""));
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-www-form-urlencoded"));
        let request = self.request(client, write, self.url("/query"), headers)?;
        let body = query.query().unwrap_or_default().to_owned();
        let answer =
            client.send(request.body(body), ANSWER_MAX).await.with_context(|| format!("ask {}", self.shown))?;
        let results = serde_json::from_slice::<Results>(&answer.body);
        let error = match results {
            Ok(results) if results.error.is_empty() => {
                results.results.into_iter().map(|r| r.error).find(|e| !e.is_empty())
            }
            Ok(results) => Some(results.error),
            Err(_) => None,
        };
        // After a 403 it is not asked again: whoever may not create databases has them created.
        if (answer.status.is_success() && error.is_none()) || answer.status.as_u16() == 403 {
            self.created.lock().unwrap_or_else(PoisonError::into_inner).insert(database.to_owned());
        }
        match error {
            Some(error) => bail!("{} says {error:?}", self.shown),
            None if answer.status.is_success() => Ok(()),
            None => bail!("ask {}: status {}", self.shown, answer.status),
        }
    }

    async fn send(&self, write: &Write, target: &Target, body: Bytes) -> Verdict {
        let Some(client) = &self.client else { return Verdict::Unreachable(anyhow!("output is not open")) };
        let mut url = self.url("/write");
        {
            let mut pairs = url.query_pairs_mut();
            if !matches!(write.consistency.as_str(), "" | "one") {
                pairs.append_pair("consistency", &write.consistency);
            }
            pairs.append_pair("db", &target.database);
            if !target.policy.is_empty() {
                pairs.append_pair("rp", &target.policy);
            }
        }
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(coding) = write.coding.header() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        }
        let request = match self.request(client, write, url, headers) {
            Ok(request) => request,
            Err(cause) => return Verdict::Refused(cause, None),
        };
        match client.send(request.body(body), ANSWER_MAX).await {
            Ok(answer) => verdict(&answer, &self.shown),
            Err(cause) => Verdict::Unreachable(Error::new(cause).context(format!("write to {}", self.shown))),
        }
    }
}
