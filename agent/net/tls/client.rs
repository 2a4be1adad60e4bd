//! The options of a TLS client.

use super::{pem, protocol, verify};
use agent_api::{Context, Result, Secret, Table, ensure};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// How a client speaks TLS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTls {
    /// Whether TLS is used where the address does not say it; left out, it is used as soon as another TLS option is set.
    pub tls_enable: Option<bool>,
    /// File with the certificates (PEM) that servers are verified against, in place of the system's.
    pub tls_ca: String,
    /// File with the client's certificate and its chain (PEM).
    pub tls_cert: String,
    /// File with the key of the client's certificate (PEM).
    pub tls_key: String,
    /// Password of the key, where it is encrypted.
    pub tls_key_pwd: Secret,
    /// Cipher suites by the names of Go or IANA; empty means all that are safe.
    pub tls_cipher_suites: Vec<String>,
    /// Lowest version: `TLS12` or `TLS13`; older ones mean `TLS12`.
    pub tls_min_version: String,
    /// Highest version: `TLS12` or `TLS13`.
    pub tls_max_version: String,
    /// Accept any certificate. Only for tests: anybody can listen in.
    pub insecure_skip_verify: bool,
    /// Name that the server's certificate has to hold, in place of the host of the address.
    pub tls_server_name: String,
    /// Accepted for compatibility (`never`, `once`, `freely`); renegotiation is never done.
    pub tls_renegotiation_method: String,
}

impl ClientTls {
    /// Checks what can be checked without reading files.
    pub fn check(&self) -> Result<()> {
        protocol::versions(&self.tls_min_version, &self.tls_max_version)?;
        protocol::provider(&self.tls_cipher_suites)?;
        ensure!(
            self.tls_cert.is_empty() == self.tls_key.is_empty(),
            "tls_cert and tls_key belong together: set both or none"
        );
        ensure!(
            matches!(self.tls_renegotiation_method.as_str(), "" | "never" | "once" | "freely"),
            "tls_renegotiation_method: unknown method {:?}; one of never, once, freely",
            self.tls_renegotiation_method
        );
        if !self.tls_server_name.is_empty() {
            self.server_name("")?;
        }
        Ok(())
    }

    /// True if TLS is wanted where the address itself does not say so.
    pub fn enabled(&self) -> bool {
        let any = [&self.tls_ca, &self.tls_cert, &self.tls_key, &self.tls_server_name].iter().any(|o| !o.is_empty());
        self.tls_enable.unwrap_or(any || self.insecure_skip_verify)
    }

    /// The name to verify: `tls_server_name`, or else `host` (a DNS name or an IP address, in brackets or not).
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>> {
        let name = if self.tls_server_name.is_empty() { host } else { &self.tls_server_name };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(bare.to_owned()).with_context(|| format!("invalid server name {name:?}"))
    }

    /// Reads the files and makes the configuration; `alpn` are the protocols offered (`h2`, `http/1.1`), or none.
    pub fn config(&self, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
        self.check()?;
        let provider = protocol::provider(&self.tls_cipher_suites)?;
        let versions = protocol::versions(&self.tls_min_version, &self.tls_max_version)?;
        let name = if self.tls_server_name.is_empty() { None } else { Some(self.server_name("")?) };
        let verifier = if self.insecure_skip_verify {
            verify::anything(&provider)
        } else if self.tls_ca.is_empty() {
            verify::system(&provider, name)
        } else {
            verify::own(&provider, pem::certificates("tls_ca", &self.tls_ca)?, name)
                .with_context(|| format!("use tls_ca {}", self.tls_ca))?
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .context("tls_cipher_suites leave nothing for the wanted versions")?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = if self.tls_cert.is_empty() {
            builder.with_no_client_auth()
        } else {
            let chain = pem::certificates("tls_cert", &self.tls_cert)?;
            builder
                .with_client_auth_cert(chain, pem::key(&self.tls_key, &self.tls_key_pwd)?)
                .with_context(|| format!("use tls_cert {} with tls_key {}", self.tls_cert, self.tls_key))?
        };
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// Translates the names that the options had before Telegraf 1.2 (`ssl_ca`, `ssl_cert`, `ssl_key`).
pub fn migrate(table: &mut Table, notes: &mut Vec<String>) {
    for (old, new) in [("ssl_ca", "tls_ca"), ("ssl_cert", "tls_cert"), ("ssl_key", "tls_key")] {
        if table.rename(old, new) {
            notes.push(format!("option {old:?} is now {new:?}"));
        } else if table.remove(old).is_some() {
            notes.push(format!("option {old:?} is left out: {new:?} is set as well"));
        }
    }
}
