//! Who is believed to be the server that was called.
//!
//! The system's certificates are read at the first verification and then shared by all clients of the process. A certificate
//! that stands in `tls_ca` itself is believed even where it is its own authority, as Go does and as people with one
//! self-signed server need; its names and its time still have to fit.

use super::validity;
use agent_api::{Result, anyhow};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, OnceLock};

/// Believes anybody.
pub(super) fn anything(provider: &CryptoProvider) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Verifier { trust: Trust::Anything, name: None, algorithms: provider.signature_verification_algorithms })
}

/// Believes whom the system believes.
pub(super) fn system(provider: &CryptoProvider, name: Option<ServerName<'static>>) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Verifier { trust: Trust::System, name, algorithms: provider.signature_verification_algorithms })
}

/// Believes whom these certificates vouch for.
pub(super) fn own(
    provider: &Arc<CryptoProvider>,
    pinned: Vec<CertificateDer<'static>>,
    name: Option<ServerName<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(pinned.iter().cloned());
    if roots.is_empty() {
        return Err(anyhow!("none of its {ignored} certificates can be used"));
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let trust = Trust::Own { chain, pinned };
    Ok(Arc::new(Verifier { trust, name, algorithms: provider.signature_verification_algorithms }))
}

#[derive(Debug)]
enum Trust {
    Anything,
    System,
    Own { chain: Arc<WebPkiServerVerifier>, pinned: Vec<CertificateDer<'static>> },
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    /// Verified in place of the name that was called.
    name: Option<ServerName<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        called: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name = self.name.as_ref().unwrap_or(called);
        match &self.trust {
            Trust::Anything => Ok(ServerCertVerified::assertion()),
            Trust::System => system_roots()?.verify_server_cert(leaf, intermediates, name, ocsp, now),
            Trust::Own { pinned, .. } if pinned.iter().any(|p| p == leaf) => {
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
                validity::check(leaf, now)?;
                Ok(ServerCertVerified::assertion())
            }
            Trust::Own { chain, .. } => chain.verify_server_cert(leaf, intermediates, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The verifier over the system's certificates, read once.
fn system_roots() -> Result<&'static WebPkiServerVerifier, Error> {
    static ROOTS: OnceLock<Result<Arc<WebPkiServerVerifier>, String>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map(|e| format!(": {e}")).unwrap_or_default();
            return Err(format!("no certificates found on this system{why}; install ca-certificates or set tls_ca"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|e| e.to_string())
    });
    match roots {
        Ok(verifier) => Ok(verifier),
        Err(why) => Err(Error::General(why.clone())),
    }
}

/// The error for a certificate that is no certificate.
pub(super) fn bad_encoding() -> Error {
    Error::InvalidCertificate(CertificateError::BadEncoding)
}
