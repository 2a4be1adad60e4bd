//! From options to a client.

use super::login::Login;
use super::oauth::Tokens;
use super::options::{CookieAuth, HttpSettings, OAuth2, Proxy, Transport};
use super::resolve::System;
use super::send::Client;
use crate::tls::ClientTls;
use agent_api::{Context, Result, bail, ensure};
use reqwest::redirect::Policy;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What is done with a redirection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Followed as browsers do: a POST becomes a GET without its body after 301, 302 and 303. For reading.
    #[default]
    Follow,
    /// Followed only where method and body are kept (307, 308); any other is the answer. For writing: a body that silently
    /// became a GET would count as written.
    KeepMethod,
    /// It is the answer.
    Never,
}

/// Most redirections of one request.
const REDIRECTS_MAX: usize = 10;
/// How long a connection is kept without use where nothing else is said.
const IDLE: Duration = Duration::from_secs(90);
/// How long a request may take where nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that makes a client.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Times and connections.
    pub transport: Transport,
    /// The proxy.
    pub proxy: Proxy,
    /// The request that gives a cookie.
    pub cookies: CookieAuth,
    /// Tokens.
    pub oauth: OAuth2,
    /// TLS.
    pub tls: ClientTls,
    /// What is done with redirections.
    pub redirects: Redirects,
    /// `User-Agent`; empty means the agent's own.
    pub user_agent: String,
    /// Address, or name of the interface, that connections come from; empty means any. A port behind the address is passed over.
    pub local_address: String,
    /// True if every request makes a connection of its own: for checks of whether a server can be reached.
    pub single_use: bool,
    /// True where a request turns its connection into something else, which HTTP/2 cannot (RFC 9110 section 7.8).
    pub http1_only: bool,
    /// How often an HTTP/2 connection without traffic is asked whether it is alive, and how long the answer may take.
    pub ping: Option<(Duration, Duration)>,
}

impl From<HttpSettings> for Setup {
    fn from(settings: HttpSettings) -> Self {
        let rest = settings.shared;
        Setup {
            transport: settings.own,
            proxy: rest.own,
            cookies: rest.shared.own,
            oauth: rest.shared.shared.own,
            tls: rest.shared.shared.shared,
            ..Setup::default()
        }
    }
}

impl Setup {
    /// Checks what can be checked without I/O.
    pub fn check(&self) -> Result<()> {
        self.tls.check()?;
        self.oauth.check()?;
        self.proxy()?;
        if !self.cookies.cookie_auth_url.is_empty() {
            Login::new(&self.cookies)?;
        }
        if self.oauth.enabled() {
            super::Address::parse(&self.oauth.token_url).context("token_url")?;
        }
        ensure!(self.ping.is_none_or(|(every, _)| !every.is_zero()), "an interval of pings has to be above 0");
        Ok(())
    }

    /// Makes the client, for TCP or for a Unix socket. Reads certificates.
    pub fn build(&self, socket: Option<&Path>) -> Result<Client> {
        self.check()?;
        let or = |value: agent_api::Duration, default: Duration| if value.is_zero() { default } else { *value };
        let idle = if self.single_use { Some(0) } else { None };
        let idle = idle.unwrap_or(match (self.transport.max_idle_conn, self.transport.max_idle_conn_per_host) {
            (0, 0) => usize::MAX,
            (0, n) | (n, 0) => n,
            (a, b) => a.min(b),
        });
        let user_agent = match self.user_agent.as_str() {
            "" => concat!("agent/", env!("CARGO_PKG_VERSION")),
            own => own,
        };
        let protocols: &[&str] = if self.http1_only { &["http/1.1"] } else { &["h2", "http/1.1"] };
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured((*self.tls.config(protocols)?).clone())
            .dns_resolver(Arc::new(System))
            .timeout(or(self.transport.timeout, TIMEOUT))
            .pool_idle_timeout(or(self.transport.idle_conn_timeout, IDLE))
            .pool_max_idle_per_host(idle)
            .redirect(self.policy())
            .referer(false)
            .user_agent(user_agent)
            .cookie_store(!self.cookies.cookie_auth_url.is_empty());
        if self.http1_only {
            http = http.http1_only();
        }
        if let Some((every, within)) = self.ping {
            http = http
                .http2_keep_alive_interval(every)
                .http2_keep_alive_timeout(within)
                .http2_keep_alive_while_idle(true);
        }
        http = match socket {
            #[cfg(unix)]
            Some(path) => http.no_proxy().unix_socket(path),
            #[cfg(not(unix))]
            Some(path) => bail!("open {}: this system has no Unix sockets", path.display()),
            None => match self.proxy()? {
                Some(proxy) => http.no_proxy().proxy(proxy),
                None if self.proxy.use_system_proxy => http,
                None => http.no_proxy(),
            },
        };
        if !self.local_address.is_empty() {
            http = self.bind(http)?;
        }
        let login = match self.cookies.cookie_auth_url.as_str() {
            "" => None,
            _ => Some(Login::new(&self.cookies)?),
        };
        Ok(Client {
            http: http.build().context("make an HTTP client")?,
            response_timeout: Some(*self.transport.response_timeout).filter(|t| !t.is_zero()),
            tokens: self.oauth.enabled().then(|| Tokens::new(self.oauth.clone())),
            login,
        })
    }

    fn proxy(&self) -> Result<Option<reqwest::Proxy>> {
        let url = &self.proxy.http_proxy_url;
        if url.is_empty() {
            return Ok(None);
        }
        let with_scheme = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        reqwest::Proxy::all(&with_scheme).map(Some).context("invalid address of the proxy")
    }

    fn policy(&self) -> Policy {
        match self.redirects {
            Redirects::Follow => Policy::limited(REDIRECTS_MAX),
            Redirects::Never => Policy::none(),
            Redirects::KeepMethod => Policy::custom(|attempt| {
                let keeps = matches!(attempt.status().as_u16(), 307 | 308);
                if keeps && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
            }),
        }
    }

    fn bind(&self, http: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        let text = &self.local_address;
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(http.local_address(ip));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(http.local_address(address.ip()));
        }
        #[cfg(target_os = "linux")]
        if Path::new("/sys/class/net").join(text).exists() {
            return Ok(http.interface(text));
        }
        bail!("{text:?} is neither an address nor an interface of this host")
    }
}
