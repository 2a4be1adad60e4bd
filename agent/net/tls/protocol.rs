//! Versions and cipher suites by the names that users write.
//!
//! Go's names are taken, as that is what configurations hold. What rustls has left out for good (TLS 1.0 and 1.1, CBC, RSA key
//! exchange) is raised to the nearest safe meaning where one exists, and refused where none does.

use agent_api::{Result, anyhow, bail, ensure};
use rustls::crypto::CryptoProvider;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};
use std::sync::Arc;

/// The versions from `min` to `max`, both inclusive; empty means 1.2 and 1.3.
pub(super) fn versions(min: &str, max: &str) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let (low, high) = (number("tls_min_version", min, 12)?, number("tls_max_version", max, 13)?);
    ensure!(low <= high, "tls_min_version {min:?} is above tls_max_version {max:?}");
    let mut versions = Vec::with_capacity(2);
    if high >= 13 {
        versions.push(&version::TLS13);
    }
    if low <= 12 && high >= 12 {
        versions.push(&version::TLS12);
    }
    ensure!(!versions.is_empty(), "tls_max_version {max:?} is not supported: the lowest version is TLS12");
    Ok(versions)
}

fn number(option: &str, name: &str, empty: u8) -> Result<u8> {
    Ok(match name {
        "" => empty,
        "TLS10" => 10,
        "TLS11" => 11,
        "TLS12" => 12,
        "TLS13" => 13,
        _ => bail!("{option}: unknown TLS version {name:?}; one of TLS10, TLS11, TLS12, TLS13"),
    })
}

/// ring with the named cipher suites only. Those of TLS 1.3 stay unless some of them are named, as in Go.
pub(super) fn provider(names: &[String]) -> Result<Arc<CryptoProvider>> {
    let mut provider = rustls::crypto::ring::default_provider();
    let all = provider.cipher_suites.clone();
    let mut wanted: Vec<SupportedCipherSuite> = Vec::new();
    for name in names {
        // Older configurations leave `_SHA256` away after CHACHA20_POLY1305.
        match name.as_str() {
            "all" | "secure" => wanted.extend(&all),
            "insecure" => {}
            _ => match all.iter().find(|suite| [name.clone(), format!("{name}_SHA256")].contains(&go_name(suite))) {
                Some(suite) => wanted.push(*suite),
                None if LEFT_OUT.contains(&name.as_str()) => {}
                None => {
                    let known: Vec<String> = all.iter().map(go_name).collect();
                    bail!("tls_cipher_suites: unknown cipher suite {name:?}; one of {}", known.join(", "));
                }
            },
        }
    }
    if !names.is_empty() {
        let is_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        let any_13 = wanted.iter().any(is_13);
        provider.cipher_suites.retain(|s| wanted.contains(s) || (is_13(s) && !any_13));
        if !provider.cipher_suites.iter().any(|s| wanted.contains(s)) {
            return Err(anyhow!("tls_cipher_suites: none of {} is supported", names.join(", ")));
        }
    }
    Ok(Arc::new(provider))
}

/// Go writes `TLS_AES_128_GCM_SHA256` where rustls writes `TLS13_AES_128_GCM_SHA256`.
fn go_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

/// Suites that Go knows and rustls does not: named beside others they are passed over.
const LEFT_OUT: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];
