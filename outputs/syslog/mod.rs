//! Sends metrics as syslog messages of RFC 5424 over UDP, TCP or TLS.

mod message;
#[cfg(test)]
mod tests;

use crate::socket::{Address, Connection, Dial, KEEP_ALIVE, Packed};
use agent_api::options::With;
use agent_api::*;
use agent_net::coding::Coding;
use agent_net::tls::ClientTls;
use message::Mapping;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Syslog>());

/// The output.
struct Syslog {
    settings: Settings,
    tls: ClientTls,
    address: Address,
    framing: Framing,
    mapping: Mapping,
    connection: Option<Connection>,
    packed: Packed,
}

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// The length of a message before it.
    Counted,
    /// This byte behind it.
    Trailer(u8),
}

/// Where messages are sent and what metrics become in them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to send: `tcp://host:6514`, `udp://host:514` (`tcp4`, `tcp6`, `udp4`, `udp6` for one version of IP), `unix:///dev/log`,
    /// `unixgram:///dev/log`.
    address: String,
    /// How long a TCP connection may be silent before the system probes it; 0 means never, left out means 15s.
    keep_alive_period: Option<Duration>,
    /// How messages are told apart: `octet-counting` (RFC 5425) or `non-transparent` (RFC 6587).
    framing: String,
    /// What ends a message with `non-transparent`: `LF` or `NUL`.
    trailer: String,
    /// Stands between identifier and name of structured data in the key of a tag or field.
    sdparam_separator: String,
    /// Identifier of structured data for tags and fields that begin with none of `sdids`; without it they are left out.
    default_sdid: String,
    /// Identifiers of structured data: a tag or field that begins with one and `sdparam_separator` is a parameter of it.
    sdids: Vec<String>,
    /// Severity (0 to 7) of metrics without a field `severity_code`.
    default_severity_code: u8,
    /// Facility (0 to 23) of metrics without a field `facility_code`.
    default_facility_code: u8,
    /// Program of metrics without a tag `appname`.
    default_appname: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            address: String::new(),
            keep_alive_period: None,
            framing: "octet-counting".to_owned(),
            trailer: "LF".to_owned(),
            sdparam_separator: "_".to_owned(),
            default_sdid: String::new(),
            sdids: Vec::new(),
            default_severity_code: 5,
            default_facility_code: 1,
            default_appname: "Telegraf".to_owned(),
        }
    }
}

impl Plugin for Syslog {
    const NAME: &'static str = "syslog";
    const ABOUT: &'static str = "Sends metrics as syslog messages.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: settings, shared: tls }: Self::Settings, _: &Env) -> Result<Self> {
        tls.check()?;
        let address = Address::parse(&settings.address)?;
        ensure!(!tls.enabled() || matches!(address, Address::Tcp(..)), "address {:?}: TLS needs tcp", settings.address);
        let framing = settings.framing()?;
        let mapping = Mapping::new(&settings)?;
        Ok(Syslog { settings, tls, address, framing, mapping, connection: None, packed: Packed::default() })
    }
}

impl Output for Syslog {
    async fn open(&mut self) -> Result<(), StartError> {
        self.connection = None;
        self.connection = Some(self.connect().await.map_err(StartError::Retry)?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        // A peer that hung up says so to whoever reads; a write would vanish into the closed connection.
        if self.connection.as_mut().is_some_and(Connection::is_closed) {
            self.connection = None;
        }
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        self.pack(metrics);
        let sent = connection.send(&self.packed).await;
        if sent.lost.is_none() {
            self.connection = Some(connection);
        }
        self.packed.result(sent)
    }
}

impl Settings {
    fn framing(&self) -> Result<Framing> {
        let trailer = match self.trailer.to_ascii_uppercase().as_str() {
            "LF" => b'\n',
            "NUL" => 0,
            _ => bail!("trailer {:?} is unknown, expected LF or NUL", self.trailer),
        };
        match self.framing.to_ascii_lowercase().as_str() {
            "octet-counting" => Ok(Framing::Counted),
            "non-transparent" => Ok(Framing::Trailer(trailer)),
            _ => bail!("framing {:?} is unknown, expected octet-counting or non-transparent", self.framing),
        }
    }
}

impl Syslog {
    async fn connect(&mut self) -> Result<Connection> {
        let dial = Dial {
            tls: self.tls.enabled().then_some(&self.tls),
            keep_alive: self.settings.keep_alive_period.map_or(KEEP_ALIVE, |d| *d),
            ..Dial::default()
        };
        let open = Connection::open(&self.address, dial).await;
        open.with_context(|| format!("connect to {}", self.settings.address))
    }

    fn pack(&mut self, metrics: &Chunk) {
        let Syslog { framing, mapping, packed, .. } = self;
        packed.clear();
        let mut text = String::new();
        for (i, metric) in metrics.iter().enumerate() {
            packed.add(Coding::Identity, i..i + 1, |out| {
                text.clear();
                mapping.write(metric, &mut text)?;
                match *framing {
                    Framing::Counted => {
                        out.extend_from_slice(format!("{} ", text.len()).as_bytes());
                        out.extend_from_slice(text.as_bytes());
                    }
                    Framing::Trailer(byte) => {
                        out.extend_from_slice(text.as_bytes());
                        out.push(byte);
                    }
                }
                Ok(())
            });
        }
    }
}
