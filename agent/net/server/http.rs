//! The HTTP server: accepts within its bounds, gives each request to a handler, and stops without losing an answer.

use super::{BodyError, Coding, Listener, Peer, Stream, TlsConfig, body};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{StatusCode, Version, header, service};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// An answer, complete.
pub type Response = hyper::Response<Full<Bytes>>;

/// Bounds of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel until one ends.
    pub connections: usize,
    /// Time for the head of a request, for its body, and between two requests of a connection; zero means no bound for the
    /// body and 30 s for the others.
    pub read: Duration,
    /// Time that an answer may make no progress; zero means no bound.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connections: 1024, read: Duration::from_secs(10), write: Duration::from_secs(10) }
    }
}

/// Time for a head, and between requests, where none is set.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Time for requests that are being answered when the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);
/// Most time that idle connections are kept after another has taken over the socket: a client that sends meanwhile is answered and
/// told to come back on a new connection, where closing at once would lose what is just on its way.
const LEAVE_TIME: Duration = Duration::from_secs(25);
/// What one read takes in: more would only push data out of the cache before it is parsed. Also bounds the head.
const BUFFER: usize = 128 << 10;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropped half way if the client goes away.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// A request whose body has not been read yet.
#[derive(Debug)]
pub struct Request {
    /// Method, address, version, headers.
    pub head: Parts,
    /// Who sent it.
    pub peer: Peer,
    body: Incoming,
    deadline: Option<Instant>,
}

impl Request {
    /// The path as sent.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// A header as text; the first where there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The query as sent, without its question mark.
    pub fn raw_query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The first value of a parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        self.raw_query().split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key).as_deref() == Some(name)).then(|| unescape(value)).flatten()
        })
    }

    /// Reads the body: at most `max` bytes as sent and `max` bytes when unpacked from one of `codings`. Other codings are left
    /// packed.
    pub async fn body(&mut self, max: u64, codings: &[Coding]) -> Result<Vec<u8>, BodyError> {
        body::collect(&self.head, &mut self.body, max, self.deadline, codings).await
    }
}

/// Decodes a part of a query (`%41`, `+`); None if a percent sign is followed by no hexadecimal digits, or the result is no
/// UTF-8.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = |b: u8| (b as char).to_digit(16);
                let [high, low, after @ ..] = rest else { return None };
                out.push((hex(*high)? << 4 | hex(*low)?) as u8);
                rest = after;
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

impl Request {
    /// The whole query, decoded as if it were one value.
    pub fn unescaped_query(&self) -> Option<String> {
        unescape(self.raw_query())
    }
}

/// An answer of a status with a body of a type; without a body where `text` is empty.
pub fn answer(status: u16, kind: &'static str, text: impl Into<Bytes>) -> Response {
    let text = text.into();
    let with_kind = !text.is_empty();
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if with_kind {
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    }
    response
}

/// Serves until `stop` ends (HTTP/2 where `tls` offers it by ALPN), then gives the requests that are being answered some seconds to end and closes everything.
pub async fn serve<H: Handler>(
    listener: Listener,
    tls: Option<TlsConfig>,
    limits: Limits,
    handler: Arc<H>,
    stop: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections.max(1)));
    let ending = Ending::default();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next => next,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let (tls, limits, handler, ending) = (tls.clone(), limits.clone(), handler.clone(), ending.clone());
                connections.spawn(agent_api::meter::inherit(async move {
                    connection(stream, peer, tls, limits, handler, ending).await;
                    drop(slot);
                }));
            }
            // The client was gone already, or there is no file descriptor left: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    ending.leaving.cancel();
    let handed_over = listener.is_handed_over();
    let relay = listener.relay();
    drop(listener);
    if handed_over {
        // One that is idle for longer would be closed without a reload, too.
        let idle = head_time(&limits).min(LEAVE_TIME);
        tokio::select! {
            () = async { while connections.join_next().await.is_some() {} } => {}
            () = tokio::time::sleep(idle) => {}
            // The run is over, or there is nobody to come back to.
            () = relay.ended() => {}
        }
    }
    ending.stopping.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIME, all).await.is_err() {
        connections.shutdown().await;
    }
}

/// Tells connections that the server ends.
#[derive(Clone, Default)]
struct Ending {
    /// After their next answer.
    leaving: CancellationToken,
    /// Now, unless a request is being answered.
    stopping: CancellationToken,
}

/// How long a connection may be without a request.
fn head_time(limits: &Limits) -> Duration {
    if limits.read.is_zero() { HEAD_TIME } else { limits.read }
}

async fn connection<H: Handler>(
    mut stream: Stream,
    peer: Peer,
    tls: Option<TlsConfig>,
    limits: Limits,
    handler: Arc<H>,
    ending: Ending,
) {
    let head_time = head_time(&limits);
    stream.set_write_time((!limits.write.is_zero()).then_some(limits.write));
    if let Some(config) = tls {
        match tokio::time::timeout(head_time, stream.secure(config)).await {
            Ok(Ok(secured)) => stream = secured,
            _ => return,
        }
    }
    let h2 = stream.speaks_h2();
    let io = TokioIo::new(stream);
    let (busy, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let service = service::service_fn(|request: hyper::Request<Incoming>| {
        let (handler, busy, leaving) = (handler.clone(), Busy::new(&busy), ending.leaving.clone());
        seen.fetch_add(1, Relaxed);
        let deadline = (!limits.read.is_zero()).then(|| Instant::now() + limits.read);
        let (head, body) = request.into_parts();
        async move {
            let one = head.version < Version::HTTP_2;
            let mut response = handler.answer(Request { head, peer, body, deadline }).await;
            if one && leaving.is_cancelled() {
                response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            }
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    // How a connection ended is of no interest: what it had to say was said in its answers.
    if h2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(100).keep_alive_interval(HEAD_TIME);
        let mut conn = pin!(builder.serve_connection(io, service));
        let mut last = seen.load(Relaxed);
        loop {
            tokio::select! {
                _ended = &mut conn => return,
                () = ending.leaving.cancelled() => break,
                () = tokio::time::sleep(head_time) => {
                    let now = seen.load(Relaxed);
                    if now == last && busy.load(Relaxed) == 0 {
                        break;
                    }
                    last = now;
                }
            }
        }
        conn.as_mut().graceful_shutdown();
        let _ended = tokio::time::timeout(STOP_TIME, conn).await;
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        // The time for a head runs from the end of the request before it, so it bounds idle connections too.
        builder.timer(TokioTimer::new()).header_read_timeout(head_time).max_buf_size(BUFFER);
        let mut conn = pin!(builder.serve_connection(io, service));
        tokio::select! {
            _ended = &mut conn => return,
            () = ending.stopping.cancelled() => {}
        }
        conn.as_mut().graceful_shutdown();
        let _ended = conn.await;
    }
}

/// Counts a request that is being answered.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Busy(count.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
