//! Exports flows to collectors: IPFIX (RFC 7011) with both directions in one record (RFC 5103), or NetFlow version 9, by UDP or TCP.
//!
//! Metrics that are no flows cannot be written and are refused one by one. What was sent is done: no collector answers.

mod columns;
mod exporter;
mod flow;

#[cfg(test)]
mod tests;

use agent_api::*;
use exporter::{Exporter, Message, Rules, Version};
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket, lookup_host};

register!(Entry::output::<Ipfix>());

/// The output.
struct Ipfix {
    settings: Settings,
    /// By TCP, else UDP.
    stream: bool,
    host: String,
    exporter: Exporter,
    connection: Option<Connection>,
}

enum Connection {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// Where and how flows are exported.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The collector: `udp://host:4739` or `tcp://host:4739`.
    address: String,
    /// `ipfix`, or `netflow v9` (by UDP only, a record for each direction).
    protocol: String,
    /// Both directions of a flow in one record, as RFC 5103 says; else in a record each.
    biflows: bool,
    /// Number of this exporter among those that the collector hears (observation domain, source id).
    observation_domain_id: u32,
    /// How often templates are sent again by UDP, where a collector may have missed them.
    template_refresh: Duration,
    /// Most bytes of a message; by UDP it should fit into a packet of the network.
    max_message_size: Size,
    /// How long connecting and sending may take.
    timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            address: "udp://127.0.0.1:4739".to_owned(),
            protocol: "ipfix".to_owned(),
            biflows: true,
            observation_domain_id: 0,
            template_refresh: Duration(std::time::Duration::from_secs(60)),
            max_message_size: Size(1400),
            timeout: Duration(std::time::Duration::from_secs(5)),
        }
    }
}

impl Plugin for Ipfix {
    const NAME: &'static str = "ipfix";
    const ABOUT: &'static str = "Exports flows as IPFIX or NetFlow version 9 by UDP or TCP.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let address = &settings.address;
        let (stream, host) = match address.split_once("://") {
            Some(("udp", host)) => (false, host.to_owned()),
            Some(("tcp", host)) => (true, host.to_owned()),
            _ => bail!("address {address:?}: expected udp://host:port or tcp://host:port"),
        };
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        ensure!(port.is_some_and(|p| p > 0), "address {address:?} has no valid port");
        let version = match settings.protocol.to_lowercase().as_str() {
            "ipfix" => Version::Ipfix,
            "netflow v9" => Version::V9,
            other => bail!("protocol {other:?} is unknown, expected \"ipfix\" or \"netflow v9\""),
        };
        ensure!(!(stream && version == Version::V9), "protocol \"netflow v9\" goes by udp only");
        let room = usize::try_from(settings.max_message_size.0).unwrap_or(usize::MAX);
        ensure!((512..=65_000).contains(&room), "max_message_size: {room} is not between 512 and 65000");
        ensure!(!settings.timeout.is_zero(), "timeout is 0");
        let rules = Rules {
            version,
            domain: settings.observation_domain_id,
            room,
            biflows: settings.biflows,
            refresh: (!stream && !settings.template_refresh.is_zero()).then_some(*settings.template_refresh),
        };
        Ok(Ipfix { exporter: Exporter::new(rules), stream, host, settings, connection: None })
    }
}

impl Output for Ipfix {
    async fn open(&mut self) -> Result<(), StartError> {
        self.connection = None;
        let connection = self.connect().await.map_err(StartError::Retry)?;
        self.connection = Some(connection);
        self.exporter.begin_session();
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        if self.exporter.trim() && self.stream {
            self.connection = None;
        }
        if self.connection.is_none() {
            let connection = self.connect().await?;
            self.connection = Some(connection);
            self.exporter.begin_session();
        }
        let plan = self.exporter.plan(metrics);
        let mut written = Vec::with_capacity(metrics.len());
        let sent = self.send_all(plan.messages, &mut written).await;
        let rejected = plan.rejected;
        match sent {
            Ok(()) if rejected.is_empty() => Ok(()),
            Ok(()) => Err(WriteError::Reject { indices: rejected, cause: anyhow!("export a flow: {}", plan.cause) }),
            Err(cause) => {
                if self.stream {
                    self.connection = None;
                }
                written.sort_unstable();
                Err(WriteError::Partial { written, rejected, cause })
            }
        }
    }
}

impl Ipfix {
    async fn connect(&self) -> Result<Connection> {
        let connect = async {
            let at = lookup_host(&self.host).await?.collect::<Vec<SocketAddr>>();
            if self.stream {
                let stream = TcpStream::connect(&at[..]).await?;
                stream.set_nodelay(true)?;
                return Ok(Connection::Tcp(stream));
            }
            let any = |at: &SocketAddr| if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let first = at.first().ok_or_else(|| std::io::Error::other("the name has no address"))?;
            let socket = UdpSocket::bind(any(first)).await?;
            socket.connect(first).await?;
            std::io::Result::Ok(Connection::Udp(socket))
        };
        let connected = tokio::time::timeout(*self.settings.timeout, connect).await;
        let connected = connected.map_err(|_| anyhow!("no answer in {}", self.settings.timeout)).and_then(|c| Ok(c?));
        connected.with_context(|| format!("connect to {}", self.settings.address))
    }

    /// Sends templates that are due, then the messages; `written` are the metrics that have gone out.
    async fn send_all(&mut self, messages: Vec<Message>, written: &mut Vec<usize>) -> Result<()> {
        let now = Instant::now();
        for mut message in self.exporter.templates(now) {
            self.send(&mut message).await?;
        }
        self.exporter.told(now);
        for mut message in messages {
            self.send(&mut message).await?;
            written.append(&mut message.metrics);
        }
        Ok(())
    }

    async fn send(&mut self, message: &mut Message) -> Result<()> {
        self.exporter.head(message, plugin::now());
        let connection = self.connection.as_mut().context("send: not connected")?;
        let send = async {
            match connection {
                Connection::Udp(socket) => socket.send(&message.bytes).await.map(drop),
                Connection::Tcp(stream) => stream.write_all(&message.bytes).await,
            }
        };
        let sent = tokio::time::timeout(*self.settings.timeout, send).await;
        let sent = sent.map_err(|_| anyhow!("not taken in {}", self.settings.timeout)).and_then(|s| Ok(s?));
        sent.with_context(|| format!("send to {}", self.settings.address))?;
        self.exporter.sent(message);
        Ok(())
    }
}
