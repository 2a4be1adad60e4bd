//! JSON web tokens (RFC 7519) signed with a shared secret, as InfluxDB 1.x takes them.

use agent_net::server::base64;
use ring::hmac;
use serde::Deserialize;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    username: String,
    /// Seconds since the Unix epoch; a token without an end is not taken.
    exp: f64,
    #[serde(default)]
    nbf: f64,
}

/// True if the token is signed with the secret, valid at `now` (seconds since the Unix epoch), and made out to `username` (to
/// anybody where that is empty).
pub(super) fn check(token: &str, secret: &[u8], username: &str, now: i64) -> bool {
    claims(token, secret).is_some_and(|claims| {
        let now = now as f64;
        now < claims.exp && now >= claims.nbf && (username.is_empty() || claims.username == username)
    })
}

/// The claims of a token whose signature is good.
fn claims(token: &str, secret: &[u8]) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&base64(header)?).ok()?;
    // `none` and the algorithms of public keys are no proof of the secret.
    let algorithm = match header.alg.as_str() {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    hmac::verify(&hmac::Key::new(algorithm, secret), signed.as_bytes(), &base64(signature)?).ok()?;
    serde_json::from_slice(&base64(claims)?).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Header {"alg":"HS256"}, claims {"username":"own","exp":2000000000}, secret `s3cret`; made with Python's hmac.
    pub(in crate::influxdb_listener) const GOOD: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6Im93biIsImV4cCI6MjAwMDAwMDAwMH0.nXtIKUtK9AVTlKZev3TUBbqk3ukI36mJIOYM07TUr1c";

    #[test]
    fn tokens() {
        let now = 1_700_000_000;
        assert!(check(GOOD, b"s3cret", "own", now) && check(GOOD, b"s3cret", "", now));
        assert!(!check(GOOD, b"other", "own", now));
        assert!(!check(GOOD, b"s3cret", "other", now));
        assert!(!check(GOOD, b"s3cret", "own", 2_000_000_000));
        for bad in ["", ".", "..", "a.b.c", &GOOD[..GOOD.len() - 2], &GOOD.replace("eyJ1", "eyJ2")] {
            assert!(!check(bad, b"s3cret", "", now), "{bad:?}");
        }
        // {"alg":"none"} without a signature.
        assert!(!check("eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6Im93biIsImV4cCI6MjAwMDAwMDAwMH0.", b"", "own", now));
    }
}
