//! The client's side of WebSocket (RFC 6455): what is sent are whole messages, what comes is answered where the protocol wants it
//! and thrown away.
//!
//! The connection is made by the HTTP client, so that TLS, proxies and headers are the same as for everything else.

mod frame;

pub use frame::{Event, Frames, Kind};

use super::send::Client;
use agent_api::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONNECTION, HeaderMap, HeaderName, UPGRADE};
use reqwest::{Method, StatusCode, Url};
use ring::rand::{SecureRandom, SystemRandom};
use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::sync::Mutex;

/// An open connection.
#[derive(Debug)]
pub struct WebSocket {
    shared: Arc<Shared>,
    write_time: Duration,
    reader: tokio::task::AbortHandle,
}

struct Shared {
    write: Mutex<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Why it is of no more use.
    ended: StdMutex<Option<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// RFC 6455 section 1.3.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
/// The status of a connection that ends as planned (section 7.4.1).
const NORMAL: u16 = 1000;

impl WebSocket {
    /// Connects to `url` (`ws` or `wss`) through a client that speaks HTTP/1.1 only. A connection on which nothing comes for
    /// `read_time` ends; a write that takes longer than `write_time` fails. Zero means no bound.
    pub async fn connect(
        client: &Client,
        url: &Url,
        headers: HeaderMap,
        read_time: Duration,
        write_time: Duration,
    ) -> Result<Self> {
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).map_err(|_| anyhow!("the system gives no random bytes"))?;
        let key = STANDARD.encode(nonce);
        let request = client
            .request(Method::GET, http(url)?)
            .headers(headers)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(VERSION, "13")
            .header(KEY, &key);
        let answer = client.begin(request).await?;
        let status = answer.status();
        ensure!(
            status == StatusCode::SWITCHING_PROTOCOLS,
            "the server does not speak WebSocket there: status {status}"
        );
        let accepted = answer.headers().get(ACCEPT).is_some_and(|a| a.as_bytes() == accept(&key).as_bytes());
        ensure!(accepted, "the server's answer is none to WebSocket's handshake");
        let (read, write) = tokio::io::split(answer.upgrade().await.context("take the connection over")?);
        let shared = Arc::new(Shared { write: Mutex::new(Box::pin(write)), ended: StdMutex::new(None) });
        let reader = tokio::spawn(listen(read, shared.clone(), read_time, write_time)).abort_handle();
        Ok(WebSocket { shared, write_time, reader })
    }

    /// Why the connection has ended, if it has.
    pub fn ended(&self) -> Option<String> {
        self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a message. After an error the connection is of no more use.
    pub async fn send(&self, kind: Kind, message: &[u8]) -> Result<()> {
        if let Some(why) = self.ended() {
            bail!("{why}");
        }
        let sent = self.shared.send(kind, message, self.write_time).await;
        if let Err(e) = &sent {
            self.shared.end(format!("{e:#}"));
        }
        sent
    }

    /// Tells the server that nothing more comes.
    pub async fn close(self) {
        // A server that is gone need not be told.
        let _gone = self.shared.send(Kind::Close, &NORMAL.to_be_bytes(), self.write_time).await;
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Shared {
    fn end(&self, why: String) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    async fn send(&self, kind: Kind, payload: &[u8], time: Duration) -> Result<()> {
        let mut mask = [0; 4];
        SystemRandom::new().fill(&mut mask).map_err(|_| anyhow!("the system gives no random bytes"))?;
        let bytes = frame::masked(kind, payload, mask);
        let write = async {
            let mut write = self.write.lock().await;
            write.write_all(&bytes).await?;
            write.flush().await
        };
        if time.is_zero() {
            return write.await.context("send");
        }
        tokio::time::timeout(time, write).await.map_err(|_| anyhow!("send: not taken within {time:?}"))?.context("send")
    }
}

/// Reads until the connection ends, and says then why.
async fn listen<S>(mut read: ReadHalf<S>, shared: Arc<Shared>, read_time: Duration, write_time: Duration)
where
    S: tokio::io::AsyncRead,
{
    let (mut frames, mut memory) = (Frames::default(), vec![0; 16 << 10]);
    let why = loop {
        let read = read.read(&mut memory);
        let count = match read_time.is_zero() {
            true => read.await,
            false => match tokio::time::timeout(read_time, read).await {
                Ok(count) => count,
                Err(_) => break format!("nothing came for {read_time:?}"),
            },
        };
        let bytes = match count {
            Ok(0) => break "the server closed the connection".to_owned(),
            Ok(n) => &memory[..n],
            Err(e) => break format!("read: {e}"),
        };
        match answer(&mut frames, bytes, &shared, write_time).await {
            Ok(()) => {}
            Err(e) => break format!("{e:#}"),
        }
    };
    shared.end(why);
}

/// Answers what came; an error ends the connection.
async fn answer(frames: &mut Frames, bytes: &[u8], shared: &Shared, write_time: Duration) -> Result<()> {
    let mut bytes = bytes;
    while let Some(event) = frames.next(&mut bytes)? {
        match event {
            Event::Ping(payload) => shared.send(Kind::Pong, &payload, write_time).await?,
            Event::Close(status, reason) => {
                let _gone = shared.send(Kind::Close, &NORMAL.to_be_bytes(), write_time).await;
                bail!("the server closed the connection: status {status} {reason:?}");
            }
            Event::Pong | Event::Message => {}
        }
    }
    Ok(())
}

/// What a server answers to a key (section 4.2.2).
pub fn accept(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes());
    STANDARD.encode(digest)
}

/// The address that HTTP knows: `ws` is `http`, `wss` is `https`.
fn http(url: &Url) -> Result<Url> {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => bail!("{other:?} is neither ws nor wss"),
    };
    // `set_scheme` refuses the change from a scheme that it does not know as special, but these four are.
    let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
    Url::parse(&format!("{scheme}:{rest}")).context("invalid address")
}

#[cfg(test)]
mod tests;
