//! Pages: where they are, and what their metrics are tagged with.

use agent_api::{Context, Result, bail, ensure};
use agent_net::client::Url;
use std::path::PathBuf;

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// What is asked for; with a socket its host is `localhost`.
    pub(super) url: Url,
    /// The Unix socket, if it is not by TCP.
    pub(super) socket: Option<PathBuf>,
    /// Tags of all its metrics; of tags of one key the last counts.
    pub(super) tags: Vec<(String, String)>,
}

impl Target {
    /// Reads an address; `tag` is the key of the tag that holds it, if there is to be one.
    pub(super) fn new(text: &str, tag: &str) -> Result<Self> {
        let text = text.trim();
        let shown = with_path(&without_user(text));
        let (url, socket) = match text.strip_prefix("unix:") {
            Some(_) => {
                let address = Url::parse(text).context("invalid address")?;
                ensure!(address.path().len() > 1, "the address has no path of a socket");
                let path = address.query_pairs().find(|p| p.0 == "path").map(|p| p.1.into_owned());
                let path = path.filter(|p| !p.is_empty()).unwrap_or_else(|| "/metrics".to_owned());
                let slash = if path.starts_with('/') { "" } else { "/" };
                let url = Url::parse(&format!("http://localhost{slash}{path}")).context("invalid parameter path")?;
                (url, Some(PathBuf::from(address.path())))
            }
            None => {
                let (from, to) = authority(text);
                ensure!(from < to, "the address has no host");
                let url = Url::parse(&with_path(text)).context("invalid address")?;
                match url.scheme() {
                    "http" | "https" => {}
                    other => bail!("scheme {other:?} is none of http, https, unix"),
                }
                ensure!(url.has_host(), "the address has no host");
                (url, None)
            }
        };
        let shown = if socket.is_some() { text.to_owned() } else { shown };
        let tags = if tag.is_empty() { Vec::new() } else { vec![(tag.to_owned(), shown)] };
        Ok(Target { url, socket, tags })
    }

    /// Adds tags.
    pub(super) fn with_tags(mut self, tags: impl IntoIterator<Item = (String, String)>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// For messages: the address without user, password and query, which may hold secrets.
    pub(super) fn shown(&self) -> String {
        let mut url = self.url.clone();
        // Both only fail for addresses without a host, which `new` refuses.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        match &self.socket {
            Some(socket) => format!("{}:{}", socket.display(), url.path()),
            None => url.to_string(),
        }
    }
}

/// Where the part of an address begins and ends that names user, host and port.
fn authority(text: &str) -> (usize, usize) {
    let from = text.find("://").map_or(0, |i| i + 3);
    let to = text[from..].find(['/', '?', '#']).map_or(text.len(), |i| from + i);
    (from, to)
}

/// The address without user and password.
fn without_user(text: &str) -> String {
    let (from, to) = authority(text);
    match text[from..to].rfind('@') {
        Some(at) => format!("{}{}", &text[..from], &text[from + at + 1..]),
        None => text.to_owned(),
    }
}

/// The address with the path that is meant where none is given.
fn with_path(text: &str) -> String {
    let (_, to) = authority(text);
    if text[to..].starts_with('/') { text.to_owned() } else { format!("{}/metrics{}", &text[..to], &text[to..]) }
}

/// An address whose host stands for several.
#[derive(Debug)]
pub(super) struct Service {
    target: Target,
    host: String,
    port: u16,
}

impl Service {
    /// Reads an address.
    pub(super) fn new(text: &str, tag: &str) -> Result<Self> {
        let target = Target::new(text, tag)?;
        ensure!(target.socket.is_none(), "a socket has no host that could be looked up");
        let host = target.url.host_str().context("the address has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = target.url.port_or_known_default().context("the address has no port")?;
        Ok(Service { target, host, port })
    }

    /// A page for each address of the host.
    pub(super) async fn resolve(&self) -> Result<Vec<Target>> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.with_context(|| format!("look up {:?}", self.host))?;
        let mut addresses: Vec<_> = found.map(|a| a.ip()).collect();
        addresses.sort();
        addresses.dedup();
        let mut targets = Vec::with_capacity(addresses.len());
        for address in addresses {
            let mut target = self.target.clone();
            // An address is always a host.
            let _ = target.url.set_ip_host(address);
            targets.push(target.with_tags([("address".to_owned(), address.to_string())]));
        }
        Ok(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, url, tag) in [
            ("http://h:9100/metrics", "http://h:9100/metrics", "http://h:9100/metrics"),
            ("http://h:80", "http://h/metrics", "http://h:80/metrics"),
            ("http://h/", "http://h/", "http://h/"),
            ("http://h?a=b", "http://h/metrics?a=b", "http://h/metrics?a=b"),
            ("https://u:p@h/x", "https://u:p@h/x", "https://h/x"),
            ("unix:///run/a.sock", "http://localhost/metrics", "unix:///run/a.sock"),
            ("unix:///run/a.sock?path=/own", "http://localhost/own", "unix:///run/a.sock?path=/own"),
        ] {
            let target = Target::new(text, "from").unwrap();
            assert_eq!((target.url.as_str(), target.tags), (url, vec![("from".to_owned(), tag.to_owned())]), "{text}");
            assert_eq!(target.socket.is_some(), text.starts_with("unix"));
        }
        assert!(Target::new("http://h", "").unwrap().tags.is_empty());
        assert_eq!(Target::new("http://u:p@h/x?token=y", "").unwrap().shown(), "http://h/x");
        assert_eq!(Target::new("unix:///run/a.sock", "").unwrap().shown(), "/run/a.sock:/metrics");
        for bad in ["", "h:1", "ftp://h", "http://", "unix://"] {
            assert!(Target::new(bad, "url").is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_service_is_all_addresses_of_its_host() {
        let service = Service::new("http://127.0.0.1:9/x", "url").unwrap();
        let targets = service.resolve().await.unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0].url.as_str(), "http://127.0.0.1:9/x");
        assert_eq!(targets[0].tags[1], ("address".to_owned(), "127.0.0.1".to_owned()));
        let nowhere = Service::new("http://no-such-host.invalid/", "url").unwrap();
        assert!(nowhere.resolve().await.unwrap_err().to_string().contains("no-such-host.invalid"));
        assert!(Service::new("unix:///run/a.sock", "url").is_err());
    }
}
