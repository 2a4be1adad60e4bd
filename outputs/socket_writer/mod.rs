//! Writes to a socket: TCP, with TLS or without, UDP, and the two kinds of sockets in the file system.
//!
//! A stream gets the metrics one behind the other, a datagram holds one metric (or a batch). How far a write came is counted
//! in metrics, so what the kernel took is not sent again; whether the other side read it, no socket can tell.

#[cfg(test)]
mod tests;

use crate::socket::{Address, Connection, Dial, KEEP_ALIVE, Packed};
use agent_api::options::With;
use agent_api::*;
use agent_net::coding::Coding;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<SocketWriter>());

/// The output.
struct SocketWriter {
    settings: Settings,
    tls: ClientTls,
    address: Address,
    coding: Coding,
    serializer: plugin::BoxSerializer,
    connection: Option<Connection>,
    packed: Packed,
}

/// Where and how metrics are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to write: `tcp://host:8094`, `udp://host:8094` (`tcp4`, `tcp6`, `udp4`, `udp6` for one version of IP),
    /// `unix:///run/own.sock`, `unixgram:///run/own.sock`.
    address: String,
    /// How long a TCP connection may be silent before the system probes it; 0 means never, left out means 15s.
    keep_alive_period: Option<Duration>,
    /// How every metric (or batch) is packed: `identity`, `gzip`, `zlib` or `zstd`.
    content_encoding: String,
    /// Writes each batch as one document of the format instead of a document for each metric.
    use_batch_format: bool,
}

impl Plugin for SocketWriter {
    const NAME: &'static str = "socket_writer";
    const ABOUT: &'static str = "Writes to a TCP, UDP or unix socket in any data format.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        tls.check()?;
        let address = Address::parse(&settings.address)?;
        ensure!(!tls.enabled() || matches!(address, Address::Tcp(..)), "address {:?}: TLS needs tcp", settings.address);
        let coding = Coding::of_option("content_encoding", &settings.content_encoding)?;
        let serializer = env.serializer()?;
        Ok(SocketWriter { settings, tls, address, coding, serializer, connection: None, packed: Packed::default() })
    }
}

impl Output for SocketWriter {
    async fn open(&mut self) -> Result<(), StartError> {
        self.connection = None;
        let open = connect(&self.settings, &self.address, &self.tls).await;
        self.connection = Some(open.map_err(StartError::Retry)?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        // A peer that hung up says so to whoever reads; a write would vanish into the closed connection.
        if self.connection.as_mut().is_some_and(Connection::is_closed) {
            self.connection = None;
        }
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => connect(&self.settings, &self.address, &self.tls).await?,
        };
        self.pack(metrics);
        let sent = connection.send(&self.packed).await;
        if sent.lost.is_none() {
            self.connection = Some(connection);
        }
        self.packed.result(sent)
    }
}

async fn connect(settings: &Settings, address: &Address, tls: &ClientTls) -> Result<Connection> {
    let keep_alive = settings.keep_alive_period.map_or(KEEP_ALIVE, |d| *d);
    let dial = Dial { tls: tls.enabled().then_some(tls), keep_alive, ..Dial::default() };
    let open = Connection::open(address, dial).await;
    open.with_context(|| format!("connect to {}", settings.address))
}

impl SocketWriter {
    /// Serializes and packs; packing computes for long.
    fn pack(&mut self, metrics: &Chunk) {
        let SocketWriter { settings, coding, serializer, packed, .. } = self;
        packed.clear();
        let mut fill = || match settings.use_batch_format {
            true => packed.add(*coding, 0..metrics.len(), |out| serializer.serialize_batch(metrics, out)),
            false => metrics
                .iter()
                .enumerate()
                .for_each(|(i, m)| packed.add(*coding, i..i + 1, |out| serializer.serialize(m, out))),
        };
        if *coding == Coding::Identity { fill() } else { plugin::blocking(fill) }
    }
}
