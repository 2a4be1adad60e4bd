//! Sending a request and reading a bounded answer.

use super::login::Login;
use super::oauth::Tokens;
use super::resolve::ResolveError;
use crate::coding::{Coding, DecodeError};
use agent_api::{Result, anyhow};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use std::error::Error as _;
use std::fmt;
use std::time::Duration;

/// Sends requests over one pool of connections. Cookies and tokens come by themselves.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) response_timeout: Option<Duration>,
    pub(super) tokens: Option<Tokens>,
    pub(super) login: Option<Login>,
}

/// So much of an answer is read on beyond what is kept, so that the connection can be used again.
const DRAIN: usize = 1 << 20;

impl Client {
    /// Begins a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request and reads its answer, of which at most `keep` bytes are kept.
    pub async fn send(&self, request: RequestBuilder, keep: usize) -> Result<Answer, SendError> {
        Answer::read(self.begin(request).await?, keep, DRAIN).await
    }

    /// Sends a request and gives the answer as soon as its header is there.
    pub async fn begin(&self, request: RequestBuilder) -> Result<reqwest::Response, SendError> {
        let mut request = request.build().map_err(SendError::from)?;
        if let Some(login) = &self.login {
            login.ensure(&self.http).await.map_err(SendError::other)?;
        }
        if let Some(tokens) = &self.tokens {
            let header = tokens.header(&self.http).await.map_err(SendError::other)?;
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let sent = self.http.execute(request);
        let response = match self.response_timeout {
            None => sent.await?,
            Some(limit) => tokio::time::timeout(limit, sent).await.map_err(|_| SendError {
                kind: Failure::Timeout,
                in_body: false,
                cause: anyhow!("no answer within {limit:?}"),
            })??,
        };
        // What was refused is asked for anew before the next request.
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            if let Some(tokens) = &self.tokens {
                tokens.forget().await;
            }
            if let Some(login) = &self.login {
                login.forget().await;
            }
        }
        Ok(response)
    }
}

/// Reads at most `keep` bytes, and up to `drain` more that are thrown away. True if there was more than was kept.
pub(super) async fn read(
    mut response: reqwest::Response,
    keep: usize,
    drain: usize,
) -> Result<(Vec<u8>, bool), SendError> {
    let expected = response.content_length().unwrap_or(0).min(keep as u64);
    let mut body = Vec::with_capacity(expected as usize);
    let mut passed = 0;
    while let Some(part) = response.chunk().await? {
        let room = (keep - body.len()).min(part.len());
        body.extend_from_slice(&part[..room]);
        passed += part.len() - room;
        if passed > drain {
            break;
        }
    }
    Ok((body, passed > 0))
}

/// A `Retry-After` that is no number of seconds.
const UNREADABLE: Duration = Duration::from_secs(10);
/// The longest time that a server is believed to need.
const LONGEST: Duration = Duration::from_secs(600);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: Vec<u8>,
    /// True if the body was longer than what was kept.
    pub cut: bool,
}

impl Answer {
    /// Reads the rest of an answer: at most `keep` bytes are kept, up to `drain` more are read and thrown away.
    pub async fn read(response: reqwest::Response, keep: usize, drain: usize) -> Result<Self, SendError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, cut) = read(response, keep, drain).await.map_err(|e| SendError { in_body: true, ..e })?;
        Ok(Answer { status, headers, body, cut })
    }

    /// The body, unpacked if it was packed by gzip, deflate or zstd; more than `max` bytes are an error.
    pub fn unpack(self, max: usize) -> Result<Vec<u8>> {
        if self.cut {
            return Err(anyhow!("the answer is longer than {max} bytes"));
        }
        let coding = match self.headers.get(CONTENT_ENCODING).map(|v| v.as_bytes()) {
            Some(b"gzip" | b"x-gzip") => Coding::Gzip,
            Some(b"deflate") => Coding::Zlib,
            Some(b"zstd") => Coding::Zstd,
            _ => return Ok(self.body),
        };
        if self.body.is_empty() {
            return Ok(self.body);
        }
        coding.decode(&self.body, max as u64).map_err(|e| match e {
            DecodeError::TooLarge => anyhow!("unpack body: more than {max} bytes"),
            other => other.into(),
        })
    }

    /// The first line of the body for a message, cut at 200 characters.
    pub fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(1000)]);
        text.lines().next().unwrap_or_default().chars().take(200).collect()
    }

    /// How long the server asks to be left alone by the header `Retry-After`: so many seconds, but no more than ten minutes; ten seconds
    /// where it has any other form.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().unwrap_or_default().trim();
        let seconds = text.parse::<f64>().ok().filter(|s| *s >= 0.0);
        Some(seconds.map_or(UNREADABLE, |s| Duration::try_from_secs_f64(s).unwrap_or(LONGEST).min(LONGEST)))
    }

    /// The same of a server that says that it has too much to do (429, 503); of any other answer the header means nothing.
    pub fn busy_for(&self) -> Option<Duration> {
        let busy = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if busy { self.retry_after() } else { None }
    }
}

/// What went wrong when there is no answer, as far as somebody acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It took too long.
    Timeout,
    /// The name of the server has no address.
    Dns,
    /// Nobody took the connection.
    Connect,
    /// Anything else: the connection broke, TLS failed, the answer was no HTTP.
    Other,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct SendError {
    /// What sort of failure it is.
    pub kind: Failure,
    /// True if the header of the answer had come, and its body failed.
    pub in_body: bool,
    cause: agent_api::Error,
}

impl SendError {
    fn other(cause: agent_api::Error) -> Self {
        SendError { kind: Failure::Other, in_body: false, cause }
    }
}

impl From<reqwest::Error> for SendError {
    /// The address is left out, as it may hold secrets.
    fn from(e: reqwest::Error) -> Self {
        let mut kind = match (e.is_timeout(), e.is_connect()) {
            (true, _) => Failure::Timeout,
            (_, true) => Failure::Connect,
            _ => Failure::Other,
        };
        let mut source = e.source();
        while let Some(cause) = source {
            if cause.is::<ResolveError>() {
                kind = Failure::Dns;
            }
            if cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::TimedOut) {
                kind = Failure::Timeout;
            }
            source = cause.source();
        }
        SendError { kind, in_body: false, cause: agent_api::Error::new(e.without_url()) }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}
impl std::error::Error for SendError {}
