//! HAProxy's statistics, from its page or from its socket.

mod csv;
#[cfg(test)]
mod tests;

use crate::dial;
use crate::globpath::GlobPath;
use crate::pages::Pages;
use agent_api::options::With;
use agent_api::*;
use agent_net::client::Address;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

register!(Entry::input::<Haproxy>());

/// Asks servers.
struct Haproxy {
    settings: Settings,
    pages: Pages,
    sockets: Vec<(PathBuf, GlobPath)>,
}

/// Which servers are asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses of statistics pages (`http://host:1936/haproxy?stats`), or paths of sockets, also as patterns; without any, the page of
    /// this machine.
    servers: Vec<String>,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Keep the names that HAProxy gives its columns, instead of longer ones.
    keep_field_names: bool,
}

/// For a whole answer.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(4);
/// No answer of a socket is larger, in bytes.
const ANSWER: u64 = 64 << 20;

impl Plugin for Haproxy {
    const NAME: &'static str = "haproxy";
    const ABOUT: &'static str = "Reads HAProxy's statistics.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, _: &Env) -> Result<Self> {
        if settings.servers.is_empty() {
            settings.servers.push("http://127.0.0.1:1936/haproxy?stats".to_owned());
        }
        let (pages, sockets): (Vec<&String>, Vec<&String>) =
            settings.servers.iter().partition(|s| s.starts_with("http"));
        for url in &pages {
            Address::parse(url).context("servers")?;
        }
        // The page is asked for as CSV.
        let pages =
            pages.into_iter().map(|url| if url.ends_with(";csv") { url.clone() } else { format!("{url}/;csv") });
        let path = |text: &String| -> Result<(PathBuf, GlobPath)> {
            // `socket:/run/haproxy.sock` means the same as the path alone.
            let path = text.split(':').nth(1).unwrap_or(text);
            Ok((PathBuf::from(path), GlobPath::new(path).context("servers")?))
        };
        Ok(Haproxy {
            pages: Pages::new("servers", pages, Duration(TIMEOUT), tls)?,
            sockets: sockets.into_iter().map(path).collect::<Result<_>>()?,
            settings,
        })
    }
}

impl Input for Haproxy {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let Settings { username, password, keep_field_names, .. } = &self.settings;
        for (place, page) in self.pages.read(username, password).await? {
            let address = &self.pages.addresses[place];
            let port = address.url.port().map_or_else(String::new, |port| format!(":{port}"));
            let server = format!("{}{port}", address.url.host_str().unwrap_or_default());
            let added = page.and_then(|page| {
                csv::add(&page, &server, *keep_field_names, out).with_context(|| format!("read {}", address.shown()))
            });
            if let Err(e) = added {
                out.error(e);
            }
        }
        for (path, pattern) in &self.sockets {
            let mut found = pattern.matches();
            if found.is_empty() {
                found.push(path.clone());
            }
            for path in found {
                let text = statistics(&path).await;
                let added = text.and_then(|text| csv::add(&text, &path.to_string_lossy(), *keep_field_names, out));
                if let Err(e) = added {
                    out.error(e.context(format!("ask {}", path.display())));
                }
            }
        }
        Ok(())
    }
}

/// What the server says at its socket, to the end.
async fn statistics(path: &Path) -> Result<Vec<u8>> {
    let talk = async {
        let mut stream = dial::unix(path).await?;
        stream.write_all(b"show stat\n").await?;
        let mut text = Vec::new();
        stream.take(ANSWER).read_to_end(&mut text).await?;
        Ok(text)
    };
    tokio::time::timeout(TIMEOUT, talk).await.unwrap_or_else(|_| Err(anyhow!("no answer within {TIMEOUT:?}")))
}
