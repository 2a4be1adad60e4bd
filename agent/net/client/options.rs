//! The options of HTTP clients, in parts that plugins put together.

use crate::tls::ClientTls;
use agent_api::options::With;
use agent_api::{Duration, Result, Secret, ensure};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// All options of an HTTP client.
pub type HttpSettings = With<Transport, With<Proxy, With<CookieAuth, With<OAuth2, ClientTls>>>>;

/// Times and connections.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transport {
    /// How long a request may take in all, from connecting to the end of the answer; 0 means 5s.
    pub timeout: Duration,
    /// How long to wait for the begin of the answer; 0 means as long as `timeout` allows.
    pub response_timeout: Duration,
    /// How long a connection is kept without use; 0 means 90s.
    pub idle_conn_timeout: Duration,
    /// Most connections kept without use to one server; 0 means no limit. The lower of this and `max_idle_conn_per_host` counts.
    pub max_idle_conn: usize,
    /// Most connections kept without use to one server; 0 means no limit.
    pub max_idle_conn_per_host: usize,
}

impl Default for Transport {
    fn default() -> Self {
        Transport {
            timeout: Duration::secs(5),
            response_timeout: Duration::default(),
            idle_conn_timeout: Duration::default(),
            max_idle_conn: 0,
            max_idle_conn_per_host: 0,
        }
    }
}

/// The proxy.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Address of a proxy for all requests (`http`, `https` or `socks5`), with user and password where it wants them.
    pub http_proxy_url: String,
    /// Use the proxy that the environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`).
    pub use_system_proxy: bool,
}

/// A request that is sent first, and whose cookies go with all others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CookieAuth {
    /// Address of the request that gives the cookie; empty means that none is needed.
    pub cookie_auth_url: String,
    /// Its method.
    pub cookie_auth_method: String,
    /// User for basic authentication at that address.
    pub cookie_auth_username: String,
    /// Password for basic authentication at that address.
    pub cookie_auth_password: Secret,
    /// Headers of the request.
    pub cookie_auth_headers: BTreeMap<String, Secret>,
    /// Body of the request.
    pub cookie_auth_body: Secret,
    /// How often the cookie is asked for anew; 0 means only when it is refused.
    pub cookie_auth_renewal: Duration,
}

impl Default for CookieAuth {
    fn default() -> Self {
        CookieAuth {
            cookie_auth_url: String::new(),
            cookie_auth_method: "POST".to_owned(),
            cookie_auth_username: String::new(),
            cookie_auth_password: Secret::default(),
            cookie_auth_headers: BTreeMap::new(),
            cookie_auth_body: Secret::default(),
            cookie_auth_renewal: Duration::default(),
        }
    }
}

/// A token by OAuth 2 client credentials (RFC 6749, section 4.4), sent with every request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth2 {
    /// Name of the client; a token is asked for when this, `client_secret` and `token_url` are set.
    pub client_id: Secret,
    /// Secret of the client.
    pub client_secret: Secret,
    /// Address that gives tokens.
    pub token_url: String,
    /// Audience that the token is for, where the server wants one.
    pub audience: String,
    /// Scopes that are asked for.
    pub scopes: Vec<String>,
}

impl OAuth2 {
    /// True if tokens are to be asked for.
    pub fn enabled(&self) -> bool {
        !self.client_id.is_empty() && !self.client_secret.is_empty() && !self.token_url.is_empty()
    }

    /// Checks that it is set as a whole or not at all.
    pub fn check(&self) -> Result<()> {
        let none = self.client_id.is_empty() && self.client_secret.is_empty() && self.token_url.is_empty();
        ensure!(none || self.enabled(), "client_id, client_secret and token_url belong together: set all or none");
        Ok(())
    }
}
