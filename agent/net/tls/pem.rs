//! Certificates and keys out of PEM files.

use super::password;
use agent_api::{Context, Result, Secret, ensure};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Read;

/// No certificate bundle is larger; a path that leads to something endless ends here.
const FILE_MAX: u64 = 16 << 20;

/// The certificates of a file, at least one.
pub(super) fn certificates(option: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(option, path)?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("read {option} {path}"))?;
    ensure!(!certificates.is_empty(), "read {option} {path}: no certificate in it");
    Ok(certificates)
}

/// The first private key of a file.
pub(super) fn key(path: &str, password: &Secret) -> Result<PrivateKeyDer<'static>> {
    let text = read("tls_key", path)?;
    if let Some(key) = password::decrypt(&text, password.reveal()?.as_bytes()) {
        return key.with_context(|| format!("read tls_key {path}"));
    }
    PrivateKeyDer::from_pem_slice(&text).with_context(|| format!("read tls_key {path}"))
}

fn read(option: &str, path: &str) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| format!("open {option} {path}"))?;
    let mut text = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut text).with_context(|| format!("read {option} {path}"))?;
    ensure!(text.len() as u64 <= FILE_MAX, "read {option} {path}: larger than 16 MiB");
    Ok(text)
}
