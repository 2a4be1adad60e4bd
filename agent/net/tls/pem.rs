//! Certificates and keys out of PEM files.

use agent_api::{Context, Result, Secret, bail, ensure};
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
    let encrypted =
        [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"].iter().any(|mark| contains(&text, mark));
    if encrypted {
        ensure!(!password.is_empty(), "read tls_key {path}: it is encrypted, set tls_key_pwd");
        bail!("read tls_key {path}: encrypted keys are not supported: take the password off with openssl pkey");
    }
    PrivateKeyDer::from_pem_slice(&text).with_context(|| format!("read tls_key {path}"))
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|part| part == mark)
}

fn read(option: &str, path: &str) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).with_context(|| format!("open {option} {path}"))?;
    let mut text = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut text).with_context(|| format!("read {option} {path}"))?;
    ensure!(text.len() as u64 <= FILE_MAX, "read {option} {path}: larger than 16 MiB");
    Ok(text)
}
