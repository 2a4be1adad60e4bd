//! Takes syslog messages of RFC 5424 and RFC 3164 from datagrams and connections.
//!
//! A bad message never costs the good ones around it: it is reported with its text, and as much as can be read of it counts
//! where that is wanted. Only a stream whose lengths are lost is closed.

mod datagram;
mod incoming;
mod metric;
#[cfg(test)]
mod tests;

use crate::sockets::{Bound, Connections, Gate, multicast_source};
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{self, Address, Family};
use agent_net::tls::ServerTls;
use agent_syslog::Framing;
use incoming::Transport;
use metric::Reading;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::sync::Arc;

register!(Entry::listener::<Syslog>());

/// The server.
struct Syslog {
    settings: Settings,
    tls: ServerTls,
    address: Address,
    mode: Option<u32>,
    multicast_source: Option<Ipv4Addr>,
    gate: Arc<Gate>,
    reading: Arc<Reading>,
    framing: Framing,
    log: Log,
    bound: Option<Bound>,
}

/// Where messages come in and how they are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to listen: `tcp://:6514`, `udp://:514` (with 4 or 6 for one version of IP only), `unix:///run/syslog.sock`,
    /// `unixgram:///run/syslog.sock`. Without a host it listens on all addresses, without a port on 6514.
    server: String,
    /// Permissions of a socket in the file system, in octal digits.
    socket_mode: String,
    /// Connections at a time, more are turned away; 0 means no bound.
    max_connections: usize,
    /// Time after which a connection that sends nothing is closed; 0 means never.
    read_timeout: Duration,
    /// Size of the system's receive buffer; 0 leaves it to the system for connections and asks for 8 MiB for datagrams.
    read_buffer_size: Size,
    /// Time after which a silent TCP connection is probed; 0 means never.
    keep_alive_period: Option<Duration>,
    /// How what is sent is packed: `identity`, `gzip`, `zlib` or `zstd`.
    content_encoding: String,
    /// Most bytes that a packet may unpack to.
    max_decompression_size: Size,
    /// IP addresses that may send; empty means all.
    allowed_sources: Vec<String>,
    /// IPv4 address of the one sender, where `server` is the address of a multicast group.
    multicast_source: String,
    /// How messages of a connection are told apart: `octet-counting` (RFC 5425) or `non-transparent` (RFC 6587).
    framing: String,
    /// What ends a message with `non-transparent`: `LF` or `NUL`.
    trailer: String,
    /// Also take messages that end badly, as far as they can be read.
    best_effort: bool,
    /// Let messages of RFC 3164 hold line ends, as they may with `octet-counting` anyway.
    embedded_newlines: bool,
    /// `RFC5424` or `RFC3164`.
    syslog_standard: String,
    /// Stands between identifier and name of structured data in the name of a field.
    sdparam_separator: String,
    /// Most bytes of a message with `octet-counting`; longer ones are passed over.
    max_message_length: Size,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            server: "tcp://127.0.0.1:6514".to_owned(),
            socket_mode: String::new(),
            max_connections: 0,
            read_timeout: Duration::default(),
            read_buffer_size: Size(0),
            keep_alive_period: None,
            content_encoding: "identity".to_owned(),
            max_decompression_size: Size(500 << 20),
            allowed_sources: Vec::new(),
            multicast_source: String::new(),
            framing: "octet-counting".to_owned(),
            trailer: "LF".to_owned(),
            best_effort: false,
            embedded_newlines: false,
            syslog_standard: "RFC5424".to_owned(),
            sdparam_separator: "_".to_owned(),
            max_message_length: Size(8 << 10),
        }
    }
}

/// RFC 5425 section 4.1.
const PORT: &str = "6514";
/// A message may not be longer, whatever is asked for.
const LONGEST: u64 = 64 << 20;

impl Plugin for Syslog {
    const NAME: &'static str = "syslog";
    const ABOUT: &'static str = "Receives syslog messages over UDP, TCP, TLS or sockets in the file system.";
    type Settings = With<Settings, ServerTls>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: settings, shared: tls } = settings;
        tls.check()?;
        let address = address(&settings.server)?;
        let mode = server::socket_mode(&settings.socket_mode)?;
        let framing = settings.framing()?;
        let multicast_source = multicast_source(&settings.multicast_source, &address)?;
        let gate = Gate::new(&settings.content_encoding, settings.max_decompression_size, &settings.allowed_sources)?;
        // Where lengths are counted a line end divides nothing.
        let counted = address.is_stream() && matches!(framing, Framing::OctetCounting { .. });
        let reading = settings.reading(counted)?;
        Ok(Syslog {
            settings,
            tls,
            address,
            mode,
            multicast_source,
            gate: Arc::new(gate),
            reading: Arc::new(reading),
            framing,
            log: env.log.clone(),
            bound: None,
        })
    }
}

impl Listener for Syslog {
    async fn open(&mut self) -> Result<(), StartError> {
        let buffer = usize::try_from(self.settings.read_buffer_size.0).ok().filter(|n| *n > 0);
        self.bound = Some(Bound::to(&self.address, self.mode, buffer, self.multicast_source).await?);
        Ok(())
    }

    async fn listen(&mut self, out: Sender, stop: Stop) -> Result<()> {
        let bound = self.bound.take().context("listen: not open")?;
        self.log.info(format_args!("listening on {}", self.settings.server));
        match bound {
            Bound::Packets(packets) => {
                datagram::serve(packets, self.gate.clone(), self.reading.clone(), out, stop).await
            }
            Bound::Connections(socket) => {
                let s = &self.settings;
                let server = Connections {
                    protocol: Transport { framing: self.framing, reading: self.reading.clone() },
                    gate: self.gate.clone(),
                    tls: self.tls.config(&[])?,
                    most: Some(s.max_connections).filter(|n| *n > 0),
                    read_timeout: (!s.read_timeout.is_zero()).then_some(*s.read_timeout),
                    keep_alive: s.keep_alive_period.map(|p| *p),
                    receive_buffer: usize::try_from(s.read_buffer_size.0).ok().filter(|n| *n > 0),
                    open: stats::Counter::default(),
                    bytes: stats::Counter::default(),
                    log: self.log.clone(),
                    out,
                };
                server.serve(socket, stop).await
            }
        }
    }
}

impl Settings {
    fn framing(&self) -> Result<Framing> {
        let trailer = match self.trailer.to_ascii_uppercase().as_str() {
            "LF" => b'\n',
            "NUL" => 0,
            _ => bail!("trailer {:?} is unknown, expected LF or NUL", self.trailer),
        };
        let max = self.max_message_length.0;
        ensure!((1..=LONGEST).contains(&max), "max_message_length: {max} is not between 1 and {LONGEST}");
        match self.framing.to_ascii_lowercase().as_str() {
            "octet-counting" => Ok(Framing::OctetCounting { max: max as usize }),
            "non-transparent" => Ok(Framing::Trailer(trailer)),
            _ => bail!("framing {:?} is unknown, expected octet-counting or non-transparent", self.framing),
        }
    }

    fn reading(&self, counted: bool) -> Result<Reading> {
        Ok(Reading {
            older: match self.syslog_standard.as_str() {
                "RFC5424" | "" => false,
                "RFC3164" => true,
                other => bail!("syslog_standard {other:?} is unknown, expected RFC5424 or RFC3164"),
            },
            lines: self.embedded_newlines || counted,
            best_effort: self.best_effort,
            separator: self.sdparam_separator.clone(),
        })
    }
}

/// Reads `server`; a port that is not given is 6514.
fn address(text: &str) -> Result<Address> {
    let (scheme, rest) = text.split_once("://").with_context(|| {
        format!("server {text:?}: a protocol is needed, such as \"tcp://:6514\", \"udp://:6514\" or \"unix:///run/syslog.sock\"")
    })?;
    let host = rest.strip_suffix('/').unwrap_or(rest);
    // A colon within brackets is part of an IPv6 address.
    let has_port = host.rfind(':').is_some_and(|at| host.rfind(']').is_none_or(|end| end < at));
    match scheme {
        "unix" | "unixgram" => Address::parse(text, "tcp"),
        "ip" => Ok(Address::Udp(with_port(host, has_port), Family::Any)),
        _ => Address::parse(&format!("{scheme}://{}", with_port(host, has_port)), "tcp"),
    }
    .context("server")
}

fn with_port(host: &str, has_port: bool) -> String {
    match host.strip_suffix(':') {
        Some(host) if has_port => format!("{host}:{PORT}"),
        _ if has_port => host.to_owned(),
        _ => format!("{host}:{PORT}"),
    }
}
