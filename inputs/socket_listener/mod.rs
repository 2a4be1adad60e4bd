//! Takes metrics in any data format from sockets: TCP, UDP, and both kinds of sockets in the file system.
//!
//! What is good is taken and what is bad is reported: nobody waits for an answer who could send it again.

mod datagram;
pub(crate) mod fuzz;
mod messages;
mod split;
#[cfg(test)]
mod tests;

use crate::parsers::Parsers;
use crate::sockets::{Bound, Connections, Gate, multicast_source};
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{self, Address};
use agent_net::tls::ServerTls;
use messages::Formatted;
use schemars::JsonSchema;
use serde::Deserialize;
use split::{LengthField, Splitter};
use std::net::Ipv4Addr;
use std::sync::Arc;

register!(Entry::listener::<SocketListener>());

/// The server.
struct SocketListener {
    settings: Settings,
    tls: ServerTls,
    address: Address,
    mode: Option<u32>,
    multicast_source: Option<Ipv4Addr>,
    splitter: Splitter,
    gate: Arc<Gate>,
    stats: Arc<Stats>,
    env: Env,
    bound: Option<Bound>,
}

struct Stats {
    bytes: stats::Counter,
    packets: stats::Counter,
    dropped: stats::Counter,
    connections: stats::Counter,
}

/// A socket that metrics are sent to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to listen: `tcp://:8094`, `udp://:8094` (with 4 or 6 for one version of IP only), `unix:///run/agent.sock`,
    /// `unixgram:///run/agent.sock`.
    service_address: String,
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
    /// How messages of a connection are told apart: `newline`, `null`, `delimiter`, `fixed length` or `variable length`.
    splitting_strategy: String,
    /// What `delimiter` cuts at: bytes in hexadecimal such as `0x0d0a` or `0d0a`, or a text that is no such number.
    splitting_delimiter: String,
    /// Bytes of a message of `fixed length`.
    splitting_length: usize,
    /// Where the header of a message of `variable length` holds its length: `{offset = 0, bytes = 2, endianness = "be",
    /// header_length = 2}`.
    splitting_length_field: LengthField,
    /// IP addresses that may send; empty means all.
    allowed_sources: Vec<String>,
    /// Of packets to a group of UDP, take only those that this IPv4 address sent; empty means those of anybody.
    multicast_source: String,
    /// Accepted for older configurations: each connection has a parser of its own.
    max_parallel_parsers: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: String::new(),
            socket_mode: String::new(),
            max_connections: 0,
            read_timeout: Duration::default(),
            read_buffer_size: Size(0),
            keep_alive_period: None,
            content_encoding: "identity".to_owned(),
            max_decompression_size: Size(500 << 20),
            splitting_strategy: "newline".to_owned(),
            splitting_delimiter: String::new(),
            splitting_length: 0,
            splitting_length_field: LengthField::default(),
            allowed_sources: Vec::new(),
            multicast_source: String::new(),
            max_parallel_parsers: 0,
        }
    }
}

impl Plugin for SocketListener {
    const NAME: &'static str = "socket_listener";
    const ABOUT: &'static str = "Receives metrics in any data format over TCP, UDP or sockets in the file system.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = With<Settings, ServerTls>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: settings, shared: tls } = settings;
        tls.check()?;
        ensure!(!settings.service_address.is_empty(), "service_address is needed, such as \"tcp://:8094\"");
        let address = Address::parse(&settings.service_address, "tcp").context("service_address")?;
        let mode = server::socket_mode(&settings.socket_mode)?;
        let splitter = Splitter::new(
            &settings.splitting_strategy,
            &settings.splitting_delimiter,
            settings.splitting_length,
            &settings.splitting_length_field,
        )?;
        let gate = Gate::new(&settings.content_encoding, settings.max_decompression_size, &settings.allowed_sources)?;
        let multicast_source = multicast_source(&settings.multicast_source, &address)?;
        let stats = env.stats("socket_listener", &[("address", &settings.service_address)]);
        let stats = Stats {
            bytes: stats.counter("bytes_received"),
            packets: stats.counter("packets_received"),
            dropped: stats.counter("packets_dropped"),
            connections: stats.counter("connections"),
        };
        Ok(SocketListener {
            settings,
            tls,
            address,
            mode,
            multicast_source,
            splitter,
            gate: Arc::new(gate),
            stats: Arc::new(stats),
            env: env.clone(),
            bound: None,
        })
    }
}

impl Listener for SocketListener {
    async fn open(&mut self) -> Result<(), StartError> {
        let buffer = usize::try_from(self.settings.read_buffer_size.0).ok().filter(|n| *n > 0);
        self.bound = Some(Bound::to(&self.address, self.mode, buffer, self.multicast_source).await?);
        Ok(())
    }

    async fn listen(&mut self, out: Sender, stop: Stop) -> Result<()> {
        let bound = self.bound.take().context("listen: not open")?;
        let parsers = Parsers::of(&self.env)?;
        self.env.log.info(format_args!("listening on {}", self.settings.service_address));
        match bound {
            Bound::Packets(packets) => {
                let intake = datagram::Intake { gate: self.gate.clone(), stats: self.stats.clone() };
                datagram::serve(packets, intake, parsers, out, stop).await
            }
            Bound::Connections(socket) => {
                let s = &self.settings;
                let server = Connections {
                    protocol: Formatted { parsers, splitter: self.splitter.clone() },
                    gate: self.gate.clone(),
                    tls: self.tls.config(&[])?,
                    most: Some(s.max_connections).filter(|n| *n > 0),
                    read_timeout: (!s.read_timeout.is_zero()).then_some(*s.read_timeout),
                    keep_alive: s.keep_alive_period.map(|p| *p),
                    receive_buffer: usize::try_from(s.read_buffer_size.0).ok().filter(|n| *n > 0),
                    open: self.stats.connections.clone(),
                    bytes: self.stats.bytes.clone(),
                    log: self.env.log.clone(),
                    out,
                };
                server.serve(socket, stop).await
            }
        }
    }
}
