//! The options of a TLS server.

use super::{pem, protocol};
use agent_api::{Context, Result, Secret, ensure};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// How a server speaks TLS; without a certificate it does not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerTls {
    /// File with the server's certificate and its chain (PEM).
    pub tls_cert: String,
    /// File with the key of the server's certificate (PEM).
    pub tls_key: String,
    /// Password of the key, where it is encrypted.
    pub tls_key_pwd: Secret,
    /// Files with the certificates (PEM) that clients are verified against; a client has to show one then.
    pub tls_allowed_cacerts: Vec<String>,
    /// Names of which a client's certificate has to hold one, as they are written in it; empty means any.
    pub tls_allowed_dns_names: Vec<String>,
    /// Cipher suites by the names of Go or IANA; empty means all that are safe.
    pub tls_cipher_suites: Vec<String>,
    /// Lowest version: `TLS12` or `TLS13`; older ones mean `TLS12`.
    pub tls_min_version: String,
    /// Highest version: `TLS12` or `TLS13`.
    pub tls_max_version: String,
}

impl ServerTls {
    /// Checks what can be checked without reading files.
    pub fn check(&self) -> Result<()> {
        protocol::versions(&self.tls_min_version, &self.tls_max_version)?;
        protocol::provider(&self.tls_cipher_suites)?;
        ensure!(
            self.tls_cert.is_empty() == self.tls_key.is_empty(),
            "tls_cert and tls_key belong together: set both or none"
        );
        ensure!(
            self.tls_allowed_cacerts.is_empty() || self.enabled(),
            "tls_allowed_cacerts needs tls_cert and tls_key"
        );
        ensure!(
            self.tls_allowed_dns_names.is_empty() || !self.tls_allowed_cacerts.is_empty(),
            "tls_allowed_dns_names needs tls_allowed_cacerts"
        );
        Ok(())
    }

    /// True if TLS is spoken.
    pub fn enabled(&self) -> bool {
        !self.tls_cert.is_empty()
    }

    /// Reads the files and makes the configuration, or None without a certificate; `alpn` are the protocols taken
    /// (`h2`, `http/1.1`), or none.
    pub fn config(&self, alpn: &[&str]) -> Result<Option<Arc<ServerConfig>>> {
        self.check()?;
        if !self.enabled() {
            return Ok(None);
        }
        let provider = protocol::provider(&self.tls_cipher_suites)?;
        let versions = protocol::versions(&self.tls_min_version, &self.tls_max_version)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .context("tls_cipher_suites leave nothing for the wanted versions")?;
        let builder = if self.tls_allowed_cacerts.is_empty() {
            builder.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for path in &self.tls_allowed_cacerts {
                for certificate in pem::certificates("tls_allowed_cacerts", path)? {
                    roots.add(certificate).with_context(|| format!("use tls_allowed_cacerts {path}"))?;
                }
            }
            let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(match self.tls_allowed_dns_names.as_slice() {
                [] => chain,
                names => Arc::new(Named { chain, names: names.to_vec() }),
            })
        };
        let chain = pem::certificates("tls_cert", &self.tls_cert)?;
        let mut config = builder
            .with_single_cert(chain, pem::key(&self.tls_key, &self.tls_key_pwd)?)
            .with_context(|| format!("use tls_cert {} with tls_key {}", self.tls_cert, self.tls_key))?;
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        Ok(Some(Arc::new(config)))
    }
}

/// Takes a client whose certificate is vouched for and holds one of the names.
#[derive(Debug)]
struct Named {
    chain: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(leaf, intermediates, now)?;
        let parsed = webpki::EndEntityCert::try_from(leaf)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if parsed.valid_dns_names().any(|name| self.names.iter().any(|allowed| allowed == name)) {
            Ok(verified)
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
