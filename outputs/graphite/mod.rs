//! Sends metrics to Graphite as lines over TCP.
//!
//! Of several servers a batch goes to one, chosen by chance so that many agents share them out, and to the next where that one
//! does not take it. A batch that broke off half way is sent again as a whole: Graphite keeps one value for a path and a time.

#[cfg(test)]
mod tests;

use crate::socket::{Address, Connection, Dial, Packed, Sent, Version};
use agent_api::options::With;
use agent_api::*;
use agent_formats::graphite::Writer;
use agent_net::coding::Coding;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};

register!(Entry::output::<Graphite>());

/// The output.
struct Graphite {
    settings: Settings,
    tls: ClientTls,
    local: Option<SocketAddr>,
    writer: Writer,
    servers: Vec<Server>,
    packed: Packed,
    log: Log,
}

struct Server {
    shown: String,
    address: Address,
    connection: Option<Connection>,
}

/// Where lines are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Servers, `host:port`; a batch goes to one of them.
    servers: Vec<String>,
    /// IP address of this machine that connections come from, with a port or without; empty means any.
    local_address: String,
    /// How long connecting may take, and how long a write may make no progress; 0 means 2s.
    timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            servers: vec!["localhost:2003".to_owned()],
            local_address: String::new(),
            timeout: Duration::secs(2),
        }
    }
}

impl Plugin for Graphite {
    const NAME: &'static str = "graphite";
    const ABOUT: &'static str = "Sends metrics to Graphite.";
    type Settings = With<Settings, With<<Writer as Plugin>::Settings, ClientTls>>;

    fn new(With { own: mut settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (format, tls) = (shared.own, shared.shared);
        tls.check()?;
        let usual = Settings::default();
        if settings.servers.is_empty() {
            settings.servers = usual.servers;
        }
        if settings.timeout.is_zero() {
            settings.timeout = usual.timeout;
        }
        let servers = settings.servers.iter().map(|text| {
            let port =
                text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            ensure!(port, "servers: {text:?} is no host:port");
            Ok(Server { shown: text.clone(), address: Address::Tcp(text.clone(), Version::Any), connection: None })
        });
        Ok(Graphite {
            servers: servers.collect::<Result<_>>()?,
            local: local(&settings.local_address)?,
            writer: Writer::new(format, env)?,
            packed: Packed::default(),
            log: env.log.clone(),
            settings,
            tls,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        agent_net::tls::migrate(table, notes);
    }
}

/// Reads `local_address`.
fn local(text: &str) -> Result<Option<SocketAddr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let at = match bare.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, 0)),
        Err(_) => text.parse().ok(),
    };
    Ok(Some(at.with_context(|| format!("local_address: {text:?} is no IP address"))?))
}

impl Output for Graphite {
    /// A server that is down now may be there at the first write.
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        self.packed.clear();
        let writer = &mut self.writer;
        for (i, metric) in metrics.iter().enumerate() {
            self.packed.add(Coding::Identity, i..i + 1, |out| writer.serialize(metric, out));
        }
        if self.packed.bytes.is_empty() {
            return Ok(());
        }
        let first = RandomState::new().hash_one(0) as usize % self.servers.len();
        let mut why = None;
        for i in 0..self.servers.len() {
            let place = (first + i) % self.servers.len();
            match self.send(place).await {
                Ok(sent) => return self.packed.result(sent),
                Err(e) => {
                    if self.servers.len() > 1 {
                        self.log.warn(format_args!("{e:#}; trying another server"));
                    }
                    why = Some(e);
                }
            }
        }
        Err(WriteError::retry(why.unwrap_or_else(|| anyhow!("no server"))))
    }
}

impl Graphite {
    /// Sends all lines to one server.
    async fn send(&mut self, place: usize) -> Result<Sent> {
        let server = &mut self.servers[place];
        // A server that hung up says so to whoever reads; a write would vanish into the closed connection.
        let open = server.connection.take().and_then(|mut open| (!open.is_closed()).then_some(open));
        let mut connection = match open {
            Some(open) => open,
            None => {
                let dial = Dial {
                    tls: self.tls.enabled().then_some(&self.tls),
                    local: self.local,
                    time: *self.settings.timeout,
                    stuck: *self.settings.timeout,
                    ..Dial::default()
                };
                let open = Connection::open(&server.address, dial).await;
                open.with_context(|| format!("connect to {}", server.shown))?
            }
        };
        let mut sent = connection.send(&self.packed).await;
        match sent.lost.take() {
            None => {
                server.connection = Some(connection);
                Ok(sent)
            }
            Some(cause) => Err(cause.context(format!("send to {}", server.shown))),
        }
    }
}
