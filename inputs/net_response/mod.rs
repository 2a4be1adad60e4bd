//! Connects to TCP and UDP servers and reports whether, how fast and what they answered.

#[cfg(test)]
mod tests;

use agent_api::*;
use agent_golang::regexp::Regexp;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

register!(Entry::input::<NetResponse>());

/// The input.
struct NetResponse {
    settings: Settings,
    protocol: Protocol,
    host: String,
    port: String,
    expected: Option<Regexp>,
    log: Log,
}

/// Who is called, what is said and what is expected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// `tcp` or `udp`. Needed.
    protocol: String,
    /// Server and port, such as `localhost:80`; without a server this host. Needed.
    address: String,
    /// How long connecting may take; 0 means 1s.
    timeout: Duration,
    /// How long to wait for an answer; 0 means 1s.
    read_timeout: Duration,
    /// Text to send; needed for `udp`.
    send: String,
    /// Regular expression that the first line (tcp) or datagram (udp) of the answer has to match; needed for `udp`.
    expect: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            protocol: String::new(),
            address: String::new(),
            timeout: Duration::secs(1),
            read_timeout: Duration::secs(1),
            send: String::new(),
            expect: String::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
}

/// How a check ended; the number is the field `result_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Success = 0,
    Timeout = 1,
    ConnectionFailed = 2,
    ReadFailed = 3,
    StringMismatch = 4,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Timeout => "timeout",
            Outcome::ConnectionFailed => "connection_failed",
            Outcome::ReadFailed => "read_failed",
            Outcome::StringMismatch => "string_mismatch",
        }
    }
}

/// A line is cut here: whoever sends more than this without an end sends no line.
const LINE_MAX: usize = 64 << 10;
/// A datagram is cut here, as in Telegraf.
const DATAGRAM_MAX: usize = 1024;

impl Plugin for NetResponse {
    const NAME: &'static str = "net_response";
    const ABOUT: &'static str = "Checks whether, how fast and what TCP and UDP servers answer.";
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        let protocol = match settings.protocol.as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "" => bail!("protocol is needed: tcp or udp"),
            other => bail!("unknown protocol {other:?}; one of tcp, udp"),
        };
        if protocol == Protocol::Udp {
            ensure!(!settings.send.is_empty(), "send string cannot be empty with protocol udp");
            ensure!(!settings.expect.is_empty(), "expected string cannot be empty with protocol udp");
        }
        for time in [&mut settings.timeout, &mut settings.read_timeout] {
            if time.is_zero() {
                *time = Duration::secs(1);
            }
        }
        let (host, port) = settings.address.rsplit_once(':').unwrap_or_default();
        ensure!(!port.is_empty(), "bad port in address {:?}", settings.address);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(NetResponse {
            protocol,
            host: if host.is_empty() { "localhost".to_owned() } else { host.to_owned() },
            port: port.to_owned(),
            expected: match settings.expect.as_str() {
                "" => None,
                pattern => Some(Regexp::compile(pattern).context("expect")?),
            },
            log: env.log.clone(),
            settings,
        })
    }
}

impl Input for NetResponse {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let protocol = if self.protocol == Protocol::Tcp { "tcp" } else { "udp" };
        let (outcome, taken) = match self.protocol {
            Protocol::Tcp => self.tcp().await?,
            Protocol::Udp => self.udp().await?,
        };
        let mut metric = out
            .metric("net_response")
            .tag("server", &self.host)
            .tag("port", &self.port)
            .tag("protocol", protocol)
            .tag("result", outcome.name());
        if let Some(seconds) = taken {
            metric.add_field("response_time", seconds);
        }
        metric.add_field("result_code", outcome as u64);
        metric.add_field("result_type", outcome.name());
        if self.expected.is_some() {
            metric.add_field("string_found", outcome == Outcome::Success);
        }
        Ok(())
    }
}

/// How it ended, and the seconds that it took where somebody was there.
type Checked = (Outcome, Option<f64>);

impl NetResponse {
    fn address(&self) -> (&str, u16) {
        // A port that is no number belongs to nobody, so nobody answers there.
        (&self.host, self.port.parse().unwrap_or(0))
    }

    async fn tcp(&self) -> Result<Checked> {
        let begin = Instant::now();
        let mut stream = match timeout(*self.settings.timeout, TcpStream::connect(self.address())).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(cause)) => return Ok((self.failed("connect", &cause), None)),
            Err(_) => return Ok((Outcome::Timeout, None)),
        };
        let mut taken = begin.elapsed();
        if !self.settings.send.is_empty() {
            let sent = timeout(*self.settings.read_timeout, stream.write_all(self.settings.send.as_bytes()));
            sent.await
                .unwrap_or_else(|e| Err(e.into()))
                .with_context(|| format!("send to {}", self.settings.address))?;
            taken = begin.elapsed();
        }
        let Some(expected) = &self.expected else { return Ok((Outcome::Success, Some(taken.as_secs_f64()))) };
        let line = self.line(&mut stream).await;
        let outcome = match line {
            None => Outcome::ReadFailed,
            Some(line) if expected.is_match(&String::from_utf8_lossy(&line)) => Outcome::Success,
            Some(_) => Outcome::StringMismatch,
        };
        Ok((outcome, Some(begin.elapsed().as_secs_f64())))
    }

    /// The first line, or what there is of it when the time is over or the connection ends; None if there is nothing.
    async fn line(&self, stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let reading = async {
            let mut part = [0; 4096];
            loop {
                match stream.read(&mut part).await {
                    Ok(n) if n > 0 => line.extend_from_slice(&part[..n]),
                    _ => return,
                }
                if line.len() > LINE_MAX || line.contains(&b'\n') {
                    return;
                }
            }
        };
        // What came before the time was over is what counts.
        let _ = timeout(*self.settings.read_timeout, reading).await;
        if line.is_empty() {
            return None;
        }
        if let Some(end) = line.iter().position(|b| *b == b'\n') {
            line.truncate(end);
        }
        Some(line)
    }

    async fn udp(&self) -> Result<Checked> {
        let begin = Instant::now();
        let socket = match self.socket().await {
            Ok(socket) => socket,
            Err(cause) => return Ok((self.failed("connect", &cause), None)),
        };
        socket
            .send(self.settings.send.as_bytes())
            .await
            .with_context(|| format!("send to {}", self.settings.address))?;
        let mut datagram = [0; DATAGRAM_MAX];
        let received = timeout(*self.settings.read_timeout, socket.recv(&mut datagram)).await;
        let taken = begin.elapsed().as_secs_f64();
        let Ok(Ok(n)) = received else { return Ok((Outcome::ReadFailed, None)) };
        let text = String::from_utf8_lossy(&datagram[..n]);
        let found = self.expected.as_ref().is_none_or(|expected| expected.is_match(&text));
        Ok((if found { Outcome::Success } else { Outcome::StringMismatch }, Some(taken)))
    }

    async fn socket(&self) -> io::Result<UdpSocket> {
        let found = timeout(*self.settings.timeout, tokio::net::lookup_host(self.address())).await??.next();
        let address = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let socket = UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
        socket.connect(address).await?;
        Ok(socket)
    }

    fn failed(&self, what: &str, cause: &io::Error) -> Outcome {
        self.log.debug(format_args!("{what} to {}: {cause}", self.settings.address));
        if cause.kind() == io::ErrorKind::TimedOut { Outcome::Timeout } else { Outcome::ConnectionFailed }
    }
}
