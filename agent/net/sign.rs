//! Signatures of requests: AWS Signature Version 4, and JSON Web Tokens by RSA (RFC 7515, RS256).

use agent_api::{Context, Result, anyhow, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac, rand, signature};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use std::fmt::Write;
use std::path::PathBuf;
use url::Url;

/// A key of AWS.
#[derive(Clone, Default)]
pub struct Key {
    /// The access key.
    pub id: String,
    /// The secret key.
    pub secret: String,
    /// The session token of a temporary key, or nothing.
    pub session: String,
}

impl Key {
    /// The key of the environment (`AWS_ACCESS_KEY_ID` ...), unless a profile is asked for, else that of the profile (empty: of
    /// `AWS_PROFILE`, or `default`) in the credentials file (empty: `AWS_SHARED_CREDENTIALS_FILE`, or `~/.aws/credentials`).
    pub fn found(profile: &str, file: &str) -> Result<Key> {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let environment = Key {
            id: variable("AWS_ACCESS_KEY_ID"),
            secret: variable("AWS_SECRET_ACCESS_KEY"),
            session: variable("AWS_SESSION_TOKEN"),
        };
        if profile.is_empty() && !environment.id.is_empty() && !environment.secret.is_empty() {
            return Ok(environment);
        }
        let first = |options: [String; 3]| options.into_iter().find(|o| !o.is_empty()).unwrap_or_default();
        let home = PathBuf::from(variable("HOME")).join(".aws/credentials").to_string_lossy().into_owned();
        let file = first([file.to_owned(), variable("AWS_SHARED_CREDENTIALS_FILE"), home]);
        let profile = first([profile.to_owned(), variable("AWS_PROFILE"), "default".to_owned()]);
        let text = std::fs::read_to_string(&file).with_context(|| format!("read AWS credentials {file}"))?;
        Key::of_section(&text, &profile).with_context(|| format!("read AWS credentials {file}"))
    }

    /// The key in a section of a credentials file.
    fn of_section(text: &str, profile: &str) -> Result<Key> {
        let (mut key, mut within) = (Key::default(), false);
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                within = name.trim() == profile;
            } else if let Some((name, value)) = line.split_once('=').filter(|_| within) {
                match name.trim() {
                    "aws_access_key_id" => key.id = value.trim().to_owned(),
                    "aws_secret_access_key" => key.secret = value.trim().to_owned(),
                    "aws_session_token" => key.session = value.trim().to_owned(),
                    _ => {}
                }
            }
        }
        ensure!(!key.id.is_empty() && !key.secret.is_empty(), "no key in section {profile:?}");
        Ok(key)
    }
}

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// The whole address.
    pub url: &'a Url,
    /// The body as it is sent.
    pub body: &'a [u8],
    /// The service that it is for.
    pub service: &'a str,
    /// The service's region.
    pub region: &'a str,
}

impl Request<'_> {
    /// The headers to add, in lower case; `time` is in nanoseconds since the Unix epoch. Host, date, hash and session are
    /// signed.
    pub fn signed(&self, key: &Key, time: i64) -> Vec<(&'static str, String)> {
        self.signed_with(key, time, &[])
    }

    /// The same with more headers, in lower case, which are signed, too.
    pub fn signed_with(&self, key: &Key, time: i64, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let stamp = stamp(time);
        let day = &stamp[..8];
        let hash = hex(digest::digest(&digest::SHA256, self.body).as_ref());
        let host = match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let mut headers = vec![("host", host), ("x-amz-content-sha256", hash.clone()), ("x-amz-date", stamp.clone())];
        if !key.session.is_empty() {
            headers.push(("x-amz-security-token", key.session.clone()));
        }
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).trim().to_owned())));
        headers.sort_by_key(|(name, _)| *name);
        let names = headers.iter().map(|h| h.0).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().fold(String::new(), |mut all, (name, value)| {
            let _ = writeln!(all, "{name}:{value}");
            all
        });
        let canonical = format!("{}\n{}\n{}\n{lines}\n{names}\n{hash}", self.method, self.path(), self.query());
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let summary = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{summary}");
        let mut secret = format!("AWS4{}", key.secret).into_bytes();
        for part in [day, self.region, self.service, "aws4_request"] {
            secret = mac(&secret, part.as_bytes());
        }
        let signature = hex(&mac(&secret, text.as_bytes()));
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id);
        headers.push(("authorization", authorization));
        headers
    }

    /// The path with every part encoded once more, as all services but S3 want it.
    fn path(&self) -> String {
        let path = self.url.path();
        if self.service == "s3" { path.to_owned() } else { path.split('/').map(encode).collect::<Vec<_>>().join("/") }
    }

    fn query(&self) -> String {
        let mut pairs: Vec<(String, String)> = self.url.query_pairs().map(|(k, v)| (encode(&k), encode(&v))).collect();
        pairs.sort();
        pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&")
    }
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

/// RFC 3986: all but letters, digits and `-._~` as %XX.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => all.push(byte as char),
            _ => {
                let _ = write!(all, "%{byte:02X}");
            }
        }
        all
    })
}

/// `20150830T123600Z`.
fn stamp(nanos: i64) -> String {
    let seconds = nanos.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The day of the Gregorian calendar, counted in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// A JSON Web Token over `claims` (JSON), signed with a private RSA key in PEM.
pub fn jwt(claims: &str, key: &str) -> Result<String> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("read the private key")?;
    let pair = match &key {
        PrivateKeyDer::Pkcs8(key) => signature::RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => signature::RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err(anyhow!("the private key is no RSA key")),
    }
    .map_err(|e| anyhow!("read the private key: {e}"))?;
    let header = r#"{"alg":"RS256","typ":"JWT"}"#;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signed = vec![0; pair.public().modulus_len()];
    pair.sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), text.as_bytes(), &mut signed)
        .map_err(|_| anyhow!("sign with the private key"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of Amazon's published example for deriving and using a key.
    #[test]
    fn the_key_of_the_published_example() {
        let mut secret = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        for part in ["20120215", "us-east-1", "iam", "aws4_request"] {
            secret = mac(&secret, part.as_bytes());
        }
        assert_eq!(hex(&secret), "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
    }

    #[test]
    fn a_request_is_signed_with_date_host_and_hash() {
        let url = Url::parse("http://own.example:81/a b/c?z=1&a=%2F").unwrap();
        let request = Request { method: "POST", url: &url, body: b"", service: "aps", region: "eu-1" };
        let key = Key { id: "id".into(), secret: "s".into(), session: "t".into() };
        let headers = request.signed(&key, 1_440_938_160_000_000_000);
        let find = |name: &str| headers.iter().find(|h| h.0 == name).unwrap().1.clone();
        assert_eq!(find("x-amz-date"), "20150830T123600Z");
        assert_eq!(find("host"), "own.example:81");
        assert_eq!(find("x-amz-content-sha256"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(find("authorization").starts_with(
            "AWS4-HMAC-SHA256 Credential=id/20150830/eu-1/aps/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
        ));
        assert_eq!(request.query(), "a=%2F&z=1");
        assert_eq!(request.path(), "/a%2520b/c");
    }

    #[test]
    fn dates_of_leap_years() {
        assert_eq!(stamp(951_782_400_000_000_000), "20000229T000000Z");
        assert_eq!(stamp(0), "19700101T000000Z");
    }

    #[test]
    fn a_section_holds_a_key() {
        let text = "[default]\naws_access_key_id = a\n[own]\naws_access_key_id=b\n# x\naws_secret_access_key = s=1\n";
        let key = Key::of_section(text, "own").unwrap();
        assert_eq!((key.id.as_str(), key.secret.as_str()), ("b", "s=1"));
        assert!(Key::of_section(text, "default").is_err());
        assert!(Key::of_section(text, "none").is_err());
    }

    #[test]
    fn more_headers_are_signed_in_their_order() {
        let url = Url::parse("https://sts.amazonaws.com/").unwrap();
        let request = Request { method: "POST", url: &url, body: b"x", service: "sts", region: "us-east-1" };
        let key = Key { id: "i".to_owned(), secret: "s".to_owned(), session: "t".to_owned() };
        let plain = request.signed(&key, 0);
        let more = request.signed_with(&key, 0, &[("x-vault-aws-iam-server-id", "vault"), ("a-first", "1")]);
        let signed = "SignedHeaders=a-first;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id,";
        assert!(more.last().unwrap().1.contains(signed), "{more:?}");
        assert_ne!(more.last(), plain.last());
    }
}
