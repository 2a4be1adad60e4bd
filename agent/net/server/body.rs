//! Collecting the body of a request into one piece, within bounds.

use crate::coding::{Coding, DecodeError};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// Why a body was not taken; each is another answer to the client.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than allowed, packed or unpacked.
    TooLarge,
    /// It took too long to come.
    Timeout,
    /// The connection broke, or chunks are not well formed.
    Broken(String),
    /// It is not packed as it says.
    Coding(String),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::TooLarge => f.write_str("body too large"),
            BodyError::Timeout => f.write_str("body took too long"),
            BodyError::Broken(cause) => write!(f, "read body: {cause}"),
            BodyError::Coding(cause) => write!(f, "unpack body: {cause}"),
        }
    }
}
impl std::error::Error for BodyError {}

impl From<DecodeError> for BodyError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge => BodyError::TooLarge,
            DecodeError::Broken(cause) => BodyError::Coding(cause),
        }
    }
}

/// Room is made beforehand for so much of what the length announces; more grows with what really comes.
const AHEAD: u64 = 8 << 20;
/// So much of a body that is refused is read and forgotten, so that the client gets to read the answer ...
const DRAIN: u64 = 16 << 20;
/// ... for so long.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Reads a body of at most `max` bytes until `deadline` and unpacks it to at most `max` bytes.
pub(super) async fn collect(
    head: &hyper::http::request::Parts,
    body: &mut Incoming,
    max: u64,
    deadline: Option<Instant>,
    codings: &[Coding],
) -> Result<Vec<u8>, BodyError> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|n| n > max) {
        // A client that asked first (RFC 9110 section 10.1.1) gets its answer before it sends anything.
        if !head.headers.contains_key(header::EXPECT) {
            drain(body, announced.unwrap_or(DRAIN)).await;
        }
        return Err(BodyError::TooLarge);
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(AHEAD) as usize);
    let read = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| BodyError::Broken(e.to_string()))?;
            if let Some(data) = frame.data_ref() {
                if (bytes.len() + data.len()) as u64 > max {
                    return Err(BodyError::TooLarge);
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(())
    };
    let read = match deadline {
        Some(at) => tokio::time::timeout_at(at, read).await.unwrap_or(Err(BodyError::Timeout)),
        None => read.await,
    };
    match read {
        Ok(()) => unpack(head, bytes, max, codings),
        Err(BodyError::TooLarge) => {
            drain(body, DRAIN).await;
            Err(BodyError::TooLarge)
        }
        Err(e) => Err(e),
    }
}

/// Unpacks a body that says it is packed in one of `codings`. The gzip of a body that is none is an error; any other name is
/// believed only if the bytes look like it, as clients were never refused for a wrong one.
fn unpack(
    head: &hyper::http::request::Parts,
    bytes: Vec<u8>,
    max: u64,
    codings: &[Coding],
) -> Result<Vec<u8>, BodyError> {
    let name = head.headers.get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match Coding::named(name.trim()).filter(|c| codings.contains(c)) {
        Some(coding @ (Coding::Zlib | Coding::Zstd)) if !coding.fits(&bytes) => Ok(bytes),
        // What was read is within `max` already.
        Some(Coding::Identity) | None => Ok(bytes),
        Some(coding) => Ok(coding.decode(&bytes, max)?),
    }
}

async fn drain(body: &mut Incoming, most: u64) {
    let mut left = most.min(DRAIN);
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |d| d.len() as u64));
            if left == 0 {
                return;
            }
        }
    };
    // Time running out here is as good as the end: the answer is an error anyway.
    let _ended = tokio::time::timeout(DRAIN_TIME, read).await;
}
