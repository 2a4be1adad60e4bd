//! Sends every batch as a message over a WebSocket.

#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_net::client::websocket::{Kind, WebSocket};
use agent_net::client::{Client, HeaderSettings, Headers, Proxy, Redirects, Setup, Url, header};
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Websocket>());

/// The output.
struct Websocket {
    settings: Settings,
    url: Url,
    headers: Headers,
    setup: Setup,
    client: Option<Client>,
    socket: Option<WebSocket>,
    serializer: plugin::BoxSerializer,
    log: Log,
}

/// Where messages are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to connect: `ws://host:port/path`, or `wss://` for TLS.
    url: String,
    /// How long connecting may take; 0 means 30s.
    connect_timeout: Duration,
    /// How long a message may take to be taken; 0 means no bound.
    write_timeout: Duration,
    /// How long the server may say nothing, its pings included, until the connection is made anew; 0 means for ever.
    read_timeout: Duration,
    /// Send messages as text instead of as bytes.
    use_text_frames: bool,
    /// Connect through a SOCKS5 proxy.
    socks5_enabled: bool,
    /// The proxy, `host:port`.
    socks5_address: String,
    /// User at the proxy.
    socks5_username: Secret,
    /// Password at the proxy.
    socks5_password: Secret,
    /// Headers of the request that opens the connection.
    headers: HeaderSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: String::new(),
            connect_timeout: Duration::secs(30),
            write_timeout: Duration::secs(30),
            read_timeout: Duration::secs(30),
            use_text_frames: false,
            socks5_enabled: false,
            socks5_address: String::new(),
            socks5_username: Secret::default(),
            socks5_password: Secret::default(),
            headers: HeaderSettings::default(),
        }
    }
}

/// Time to connect where the user sets none.
const CONNECT: Duration = Duration::secs(30);

impl Plugin for Websocket {
    const NAME: &'static str = "websocket";
    const ABOUT: &'static str = "Sends metrics over a WebSocket.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = With<Settings, With<Proxy, ClientTls>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let url = Url::parse(&settings.url).with_context(|| format!("url: invalid address {:?}", settings.url))?;
        ensure!(matches!(url.scheme(), "ws" | "wss"), "url {:?} begins with neither ws:// nor wss://", settings.url);
        ensure!(url.has_host(), "url {:?} has no host", settings.url);
        ensure!(
            !settings.socks5_enabled || settings.socks5_address.rsplit_once(':').is_some_and(|(h, _)| !h.is_empty()),
            "socks5_address: {:?} is no host:port",
            settings.socks5_address
        );
        let mut setup = Setup {
            proxy: shared.own,
            tls: shared.shared,
            redirects: Redirects::Never,
            single_use: true,
            http1_only: true,
            ..Setup::default()
        };
        setup.transport.timeout = match settings.connect_timeout {
            time if time.is_zero() => CONNECT,
            time => time,
        };
        setup.check()?;
        Ok(Websocket {
            headers: Headers::new("headers", &settings.headers)?,
            url,
            setup,
            client: None,
            socket: None,
            serializer: env.serializer()?,
            log: env.log.clone(),
            settings,
        })
    }
}

impl Output for Websocket {
    async fn open(&mut self) -> Result<(), StartError> {
        let mut setup = self.setup.clone();
        if self.settings.socks5_enabled {
            setup.proxy.http_proxy_url = self.settings.socks5()?;
        }
        self.client = Some(setup.build(None)?);
        self.socket = Some(self.connect().await.map_err(StartError::Retry)?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut message = Vec::new();
        if let Err(e) = self.serializer.serialize_batch(metrics, &mut message) {
            return Err(WriteError::reject_all(metrics.len(), e.context("serialize")));
        }
        if message.is_empty() {
            return Ok(());
        }
        if let Some(why) = self.socket.as_ref().and_then(WebSocket::ended) {
            self.log.debug(format_args!("connecting again: {why}"));
            self.socket = None;
        }
        let socket = match self.socket.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let kind = if self.settings.use_text_frames { Kind::Text } else { Kind::Binary };
        socket.send(kind, &message).await?;
        self.socket = Some(socket);
        Ok(())
    }
}

impl Websocket {
    async fn connect(&mut self) -> Result<WebSocket> {
        let client = self.client.as_ref().context("output is not open")?;
        let mut headers = header::HeaderMap::new();
        self.headers.put(&mut headers)?;
        let Settings { read_timeout, write_timeout, .. } = &self.settings;
        let open = WebSocket::connect(client, &self.url, headers, **read_timeout, **write_timeout).await;
        open.with_context(|| format!("connect to {}", self.shown()))
    }

    /// The address for messages, without what may be secret.
    fn shown(&self) -> String {
        let port = self.url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}{}", self.url.scheme(), self.url.host_str().unwrap_or_default(), self.url.path())
    }
}

impl Settings {
    /// The address of the proxy, which also resolves the server's name.
    fn socks5(&self) -> Result<String> {
        let mut url = Url::parse(&format!("socks5h://{}", self.socks5_address)).context("socks5_address")?;
        let (user, password) = (self.socks5_username.reveal()?, self.socks5_password.reveal()?);
        if !user.is_empty() {
            url.set_username(&user).map_err(|()| anyhow!("socks5_username does not go with the address"))?;
            url.set_password(Some(&password)).map_err(|()| anyhow!("socks5_password does not go with the address"))?;
        }
        Ok(url.into())
    }
}
