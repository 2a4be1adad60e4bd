//! Basic authentication and tokens, compared in a time that does not tell where the first difference is.

use agent_api::{Result, Secret};

/// A user name and a password; both empty means that nobody is asked.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The user name.
    pub username: Secret,
    /// The password.
    pub password: Secret,
}

impl Credentials {
    /// True if nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.username.is_empty() && self.password.is_empty()
    }

    /// True if an `Authorization` header carries them as `Basic base64(user:password)`, or, where `tokens` are taken, as
    /// `Token user:password`. Fails if a secret store does not answer.
    pub fn allow(&self, authorization: Option<&str>, tokens: bool) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let Some((scheme, rest)) = authorization.and_then(|a| a.split_once(' ')) else { return Ok(false) };
        let given = if scheme.eq_ignore_ascii_case("basic") {
            base64(rest.trim()).and_then(|bytes| String::from_utf8(bytes).ok())
        } else if tokens && scheme.eq_ignore_ascii_case("token") {
            Some(rest.to_owned())
        } else {
            None
        };
        let Some(given) = given else { return Ok(false) };
        let Some((username, password)) = given.split_once(':') else { return Ok(false) };
        // Both are compared always, so that the time does not tell which one is wrong.
        let (a, b) = (self.username.matches(username)?, self.password.matches(password)?);
        Ok(a & b)
    }
}

/// Bytes of a text in base64 (RFC 4648, either alphabet), padded or not; None if it is none.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut have) = (0u32, 0);
    for b in text.bytes() {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    (have < 6).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_and_token() {
        let own = Credentials { username: Secret::new("own"), password: Secret::new("p:w") };
        let allow = |header| own.allow(header, true).unwrap();
        assert!(allow(Some("Basic b3duOnA6dw==")) && allow(Some("basic b3duOnA6dw")) && allow(Some("Token own:p:w")));
        for bad in [None, Some(""), Some("Basic"), Some("Basic ***"), Some("Token own"), Some("Bearer own:p:w")] {
            assert!(!allow(bad), "{bad:?}");
        }
        assert!(!own.allow(Some("Token own:p:w"), false).unwrap());
        assert!(Credentials::default().allow(None, false).unwrap());
    }

    #[test]
    fn base64_of_every_length() {
        assert_eq!(base64("").unwrap(), b"");
        assert_eq!(base64("Zg==").unwrap(), b"f");
        assert_eq!(base64("Zm8=").unwrap(), b"fo");
        assert_eq!(base64("Zm9v").unwrap(), b"foo");
        assert_eq!(base64("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        assert_eq!(base64("-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
        assert!(base64("Z").is_none() && base64("Zm 9").is_none());
    }
}
