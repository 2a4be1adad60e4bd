//! One server: its requests, and what its answers mean.

use agent_api::*;
use agent_net::client::{Address, Answer, Client, Headers, Method, Setup, StatusCode, Url, header};
use agent_net::coding::Coding;
use bytes::Bytes;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 64 << 10;

/// A server.
pub(super) struct Endpoint {
    url: Url,
    socket: Option<PathBuf>,
    shown: String,
    client: Option<Client>,
}

/// What all requests of a write share.
pub(super) struct Write<'a> {
    pub(super) token: &'a str,
    pub(super) organization: &'a str,
    pub(super) headers: &'a Headers,
    pub(super) coding: Coding,
}

/// What became of a body.
#[derive(Debug)]
pub(super) enum Verdict {
    Written,
    TooLarge(Error),
    Rejected(Error),
    /// To be tried again, not before the time the server asked for.
    Refused(Error, Option<Duration>),
    /// No answer.
    Unreachable(Error),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    message: String,
    error: String,
    line: i32,
}

impl Endpoint {
    pub(super) fn new(text: &str) -> Result<Self> {
        let (mut url, socket) = match text.strip_prefix("unix://") {
            Some(path) => (Address::parse("http://127.0.0.1")?.url, Some(PathBuf::from(path))),
            None => {
                let address = Address::parse(text)?;
                (address.url, address.socket)
            }
        };
        url.set_path(&format!("{}/api/v2/write", url.path().trim_end_matches('/')));
        let shown = Address { url: url.clone(), socket: socket.clone() }.shown();
        Ok(Endpoint { url, socket, shown, client: None })
    }

    /// Makes the client.
    pub(super) fn open(&mut self, setup: &Setup) -> Result<()> {
        self.client = Some(setup.build(self.socket.as_deref())?);
        Ok(())
    }

    /// Sends a body to a bucket.
    pub(super) async fn send(&self, write: &Write<'_>, bucket: &str, body: Bytes) -> Verdict {
        let Some(client) = &self.client else { return Verdict::Unreachable(anyhow!("output is not open")) };
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("bucket", bucket).append_pair("org", write.organization);
        let headers = match write.headers() {
            Ok(headers) => headers,
            Err(cause) => return Verdict::Refused(cause, None),
        };
        match client.send(client.request(Method::POST, url).headers(headers).body(body), ANSWER_MAX).await {
            Ok(answer) => verdict(&answer, bucket),
            Err(cause) => Verdict::Unreachable(Error::new(cause).context(format!("write to {}", self.shown))),
        }
    }
}

impl Write<'_> {
    fn headers(&self) -> Result<header::HeaderMap> {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(coding) = self.coding.header() {
            headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
        }
        let mut token = header::HeaderValue::from_str(&format!("Token {}", self.token)).context("token")?;
        token.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, token);
        self.headers.put(&mut headers)?;
        Ok(headers)
    }
}

fn verdict(answer: &Answer, bucket: &str) -> Verdict {
    let status = answer.status;
    if status.is_success() {
        return Verdict::Written;
    }
    let cause = anyhow!("write to bucket {bucket:?}: status {status}{}", detail(answer));
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Verdict::TooLarge(cause),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Verdict::Refused(cause, answer.retry_after()),
        // Rights can be given and proxies mended, and what came too late or too early can come again.
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY => Verdict::Refused(cause, None),
        // The body cannot be read, or there is no such bucket: sending it again changes nothing.
        status if status.is_client_error() => Verdict::Rejected(cause),
        _ => Verdict::Refused(cause, None),
    }
}

/// What the server says, from its JSON or as it is.
fn detail(answer: &Answer) -> String {
    let problem: Problem = match serde_json::from_slice(&answer.body) {
        Ok(problem) => problem,
        Err(_) if answer.body.is_empty() => return String::new(),
        Err(_) => return format!(": {}", answer.excerpt()),
    };
    let text = if problem.message.is_empty() { &problem.error } else { &problem.message };
    let short: String = text.chars().take(300).collect();
    match (problem.code.is_empty(), problem.line) {
        (true, 0) => format!(": {short}"),
        (true, line) => format!(": line {line}: {short}"),
        (false, 0) => format!(": {}: {short}", problem.code),
        (false, line) => format!(": {}: line {line}: {short}", problem.code),
    }
}
