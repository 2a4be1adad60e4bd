//! Addresses of servers, also behind a Unix socket.

use agent_api::{Context, Result, ensure};
use reqwest::Url;
use std::path::PathBuf;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What is asked for; with a socket its host is `localhost`.
    pub url: Url,
    /// The Unix socket, if it is not by TCP.
    pub socket: Option<PathBuf>,
}

impl Address {
    /// Reads `http://`, `https://`, and `http+unix:///path/of/socket:/path/of/request`.
    pub fn parse(text: &str) -> Result<Self> {
        let unix =
            ["http+unix", "https+unix"].iter().find_map(|s| Some((*s, text.strip_prefix(s)?.strip_prefix("://")?)));
        let Some((scheme, rest)) = unix else {
            let url = Url::parse(text).with_context(|| format!("invalid address {text:?}"))?;
            ensure!(
                matches!(url.scheme(), "http" | "https"),
                "unsupported scheme {:?} of address {text:?}",
                url.scheme()
            );
            ensure!(url.has_host(), "address {text:?} has no host");
            return Ok(Address { url, socket: None });
        };
        let (socket, path) = rest.split_once(':').unwrap_or((rest, "/"));
        ensure!(socket.starts_with('/'), "address {text:?}: the path of the socket has to begin with /");
        let scheme = scheme.trim_end_matches("+unix");
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = Url::parse(&format!("{scheme}://localhost{slash}{path}"))
            .with_context(|| format!("invalid address {text:?}"))?;
        Ok(Address { url, socket: Some(PathBuf::from(socket)) })
    }

    /// For messages: the address without user, password and query, which may hold secrets.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        // Both only fail for addresses without a host, which `parse` refuses.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        match &self.socket {
            Some(socket) => format!("{}:{}", socket.display(), url.path()),
            None => url.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds() {
        let tcp = Address::parse("http://u:p@h:1/a?token=x").unwrap();
        assert_eq!((tcp.shown().as_str(), tcp.socket), ("http://h:1/a", None));
        let unix = Address::parse("http+unix:///run/own.sock:/v1/x?q=1").unwrap();
        assert_eq!(unix.url.as_str(), "http://localhost/v1/x?q=1");
        assert_eq!(unix.socket, Some(PathBuf::from("/run/own.sock")));
        assert_eq!(Address::parse("http+unix:///run/own.sock").unwrap().url.path(), "/");
        for bad in ["", "h:1", "ftp://h", "http+unix://own.sock:/x", "http://"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
