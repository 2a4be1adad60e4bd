//! Sends metrics to OpenTSDB, by its HTTP interface or by `put` lines over TCP.

mod points;
#[cfg(test)]
mod tests;

use agent_api::*;
use agent_net::client::{Address, Client, Method, Proxy, Redirects, Setup, header};
use agent_net::coding::Coding;
use points::Points;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

register!(Entry::output::<Opentsdb>());

/// The output.
struct Opentsdb {
    settings: Settings,
    server: Server,
    client: Option<Client>,
}

/// How the server is spoken to.
enum Server {
    Http(Address),
    Telnet(String),
}

/// Where metrics are sent and how they are named.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Text before every name.
    prefix: String,
    /// Server: `http://` or `https://` for its HTTP interface, `tcp://` or nothing for lines over TCP.
    host: String,
    /// Port.
    port: u16,
    /// Most points of a request, with HTTP; 0 means all of a write.
    http_batch_size: usize,
    /// Path of the interface, with HTTP.
    http_path: String,
    /// Ask the server for details of what it refused, with HTTP.
    debug: bool,
    /// Text between the name of the metric and that of the field.
    separator: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            prefix: String::new(),
            host: "localhost".to_owned(),
            port: 4242,
            http_batch_size: 0,
            http_path: "/api/put".to_owned(),
            debug: false,
            separator: "_".to_owned(),
        }
    }
}

/// How long connecting, and sending lines, may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// So much of an answer is read for its message.
const ANSWER_MAX: usize = 16 << 10;

impl Plugin for Opentsdb {
    const NAME: &'static str = "opentsdb";
    const ABOUT: &'static str = "Sends metrics to OpenTSDB.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let Settings { host, port, .. } = &settings;
        let server = match host.split_once("://") {
            None => Server::Telnet(format!("{host}:{port}")),
            Some(("tcp", host)) => Server::Telnet(format!("{}:{port}", host.trim_end_matches('/'))),
            Some(("http" | "https", _)) => {
                let mut address = Address::parse(host).context("host")?;
                address.url.set_port(Some(*port)).map_err(|()| anyhow!("host {host:?} takes no port"))?;
                address.url.set_path(&settings.http_path);
                if settings.debug {
                    address.url.set_query(Some("details"));
                }
                Server::Http(address)
            }
            Some((scheme, _)) => bail!("unsupported scheme {scheme:?} of host {host:?}"),
        };
        Ok(Opentsdb { settings, server, client: None })
    }
}

impl Output for Opentsdb {
    async fn open(&mut self) -> Result<(), StartError> {
        let place = match &self.server {
            Server::Telnet(place) => place.clone(),
            Server::Http(address) => {
                let setup = Setup {
                    proxy: Proxy { use_system_proxy: true, ..Proxy::default() },
                    redirects: Redirects::KeepMethod,
                    ..Setup::default()
                };
                self.client = Some(setup.build(None)?);
                format!("{}:{}", address.url.host_str().unwrap_or_default(), self.settings.port)
            }
        };
        // Whether somebody is there is known before the first write, as in Telegraf.
        connect(&place).await.map(drop).map_err(StartError::Retry)
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut points = Points::new(&self.settings.prefix, &self.settings.separator);
        match &self.server {
            Server::Telnet(place) => {
                points.add_lines(metrics);
                if !points.is_empty() {
                    send_lines(place, points.text()).await.with_context(|| format!("send to {place}"))?;
                }
                Ok(())
            }
            Server::Http(address) => {
                points.add_json(metrics)?;
                self.post(address, &points, metrics.len()).await
            }
        }
    }
}

async fn connect(place: &str) -> Result<TcpStream> {
    let connected = tokio::time::timeout(TIMEOUT, TcpStream::connect(place)).await;
    connected
        .map_err(|_| anyhow!("no answer within {TIMEOUT:?}"))
        .and_then(|c| Ok(c?))
        .with_context(|| format!("connect to {place}"))
}

async fn send_lines(place: &str, lines: &[u8]) -> Result<()> {
    let mut stream = connect(place).await?;
    let sent = tokio::time::timeout(TIMEOUT, async {
        stream.write_all(lines).await?;
        stream.shutdown().await
    });
    Ok(sent.await.map_err(|_| anyhow!("not taken within {TIMEOUT:?}"))??)
}

/// What became of a request.
enum Verdict {
    Written,
    TooLarge(Error),
    Rejected(Error),
    Refused(Error),
}

impl Opentsdb {
    /// Sends the points in requests of the wanted size, halving what is too large, up to the first that the server does not
    /// take. A metric is written when all of its points are.
    async fn post(&self, address: &Address, points: &Points<'_>, metrics: usize) -> Result<(), WriteError> {
        let size = if self.settings.http_batch_size == 0 { usize::MAX } else { self.settings.http_batch_size };
        let mut left: Vec<Range<usize>> = Vec::new();
        let mut at = 0usize;
        while at < points.len() {
            let end = at.saturating_add(size).min(points.len());
            left.push(at..end);
            at = end;
        }
        left.reverse();
        let (mut rejected, mut why) = (vec![false; metrics], None);
        while let Some(range) = left.pop() {
            match self.request(address, points.json(&range)).await {
                Verdict::Written => {}
                Verdict::TooLarge(_) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    left.push(middle..range.end);
                    left.push(range.start..middle);
                }
                Verdict::TooLarge(cause) | Verdict::Rejected(cause) => {
                    range.for_each(|point| rejected[points.place(point)] = true);
                    why.get_or_insert(cause);
                }
                Verdict::Refused(cause) => {
                    let first = points.place(range.start);
                    let done = |place: &usize| *place < first;
                    let (bad, written): (Vec<usize>, _) = (0..metrics).filter(done).partition(|p| rejected[*p]);
                    return Err(match first {
                        0 => WriteError::Retry { cause, after: None },
                        _ => WriteError::Partial { written, rejected: bad, cause },
                    });
                }
            }
        }
        match why {
            None => Ok(()),
            Some(cause) => Err(WriteError::Reject { indices: (0..metrics).filter(|p| rejected[*p]).collect(), cause }),
        }
    }

    async fn request(&self, address: &Address, body: Vec<u8>) -> Verdict {
        let Some(client) = &self.client else { return Verdict::Refused(anyhow!("output is not open")) };
        let packed = match Coding::Gzip.pack(body.into()).await {
            Ok(packed) => packed,
            Err(cause) => return Verdict::Refused(cause),
        };
        let request = client
            .request(Method::POST, address.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, "gzip")
            .body(packed);
        let answer = match client.send(request, ANSWER_MAX).await {
            Ok(answer) => answer,
            Err(cause) => return Verdict::Refused(Error::new(cause).context(format!("post to {}", address.shown()))),
        };
        let cause = || anyhow!("post to {}: status {}: {}", address.shown(), answer.status, answer.excerpt());
        match answer.status.as_u16() {
            200..=299 => Verdict::Written,
            413 => Verdict::TooLarge(cause()),
            // Not the points are wrong but the password, the time or the load.
            401 | 403 | 407 | 408 | 425 | 429 => Verdict::Refused(cause()),
            400..=499 => Verdict::Rejected(cause()),
            _ => Verdict::Refused(cause()),
        }
    }
}
