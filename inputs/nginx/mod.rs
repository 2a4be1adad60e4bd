//! The few numbers of nginx's own status page (`stub_status`).

use crate::pages::{Pages, server};
use agent_api::options::With;
use agent_api::*;
use agent_net::tls::{self, ClientTls};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::input::<Nginx>());

/// Asks servers.
struct Nginx {
    pages: Pages,
}

/// Which servers are asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses of status pages, as `http://localhost/server_status`.
    urls: Vec<String>,
    /// How long an answer may take; less than 1s means 5s.
    response_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { urls: Vec::new(), response_timeout: Duration::secs(5) }
    }
}

impl Plugin for Nginx {
    const NAME: &'static str = "nginx";
    const ABOUT: &'static str = "Reads nginx's status page.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own, shared }: Self::Settings, _: &Env) -> Result<Self> {
        let usual = Settings::default().response_timeout;
        let timeout = if own.response_timeout < Duration::secs(1) { usual } else { own.response_timeout };
        Ok(Nginx { pages: Pages::new("urls", &own.urls, timeout, shared)? })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Input for Nginx {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let nobody = Secret::default();
        for (place, page) in self.pages.read(&nobody, &nobody).await? {
            let address = &self.pages.addresses[place];
            let read = page.and_then(|page| parse(&page).with_context(|| format!("read {}", address.shown())));
            match read {
                Ok(numbers) => {
                    let fields = FIELDS.iter().zip(numbers).map(|(name, number)| (*name, Value::Uint(number)));
                    drop(out.metric("nginx").tags(server(address)).fields(fields));
                }
                Err(e) => out.error(e),
            }
        }
        Ok(())
    }
}

/// The numbers of the page in their order.
const FIELDS: [&str; 7] = ["active", "accepts", "handled", "requests", "reading", "writing", "waiting"];

/// `Active connections: 2 / server accepts handled requests / 3 4 5 / Reading: 0 Writing: 1 Waiting: 1`; some builds have more
/// numbers in the middle, which are passed over.
fn parse(page: &[u8]) -> Result<[u64; FIELDS.len()]> {
    let text = String::from_utf8_lossy(page);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut numbers = |wanted: usize| -> Result<Vec<u64>> {
        let line = lines.next().context("the page ends too early")?;
        let found: Vec<u64> = line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        ensure!(found.len() >= wanted, "no status page: {:?}", line.chars().take(60).collect::<String>());
        Ok(found)
    };
    let active = numbers(1)?;
    numbers(0)?;
    let (requests, states) = (numbers(3)?, numbers(3)?);
    Ok([active[0], requests[0], requests[1], requests[2], states[0], states[1], states[2]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_net::testing::{Reply, Stub};

    const PAGE: &str = "Active connections: 585 \nserver accepts handled requests\n 85340 85341 35085 \n\
                        Reading: 4 Writing: 135 Waiting: 446 \n";

    #[tokio::test]
    async fn pages_of_servers() {
        let stub = Stub::list(vec![Reply::new(200, PAGE), Reply::new(200, "<html>"), Reply::new(404, "")]).await;
        let urls = ["/a", "/b", "/c"].map(|path| stub.url(path)).to_vec();
        let own = Settings { urls: urls[..1].to_vec(), ..Settings::default() };
        let mut input = Nginx::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.nginx")).unwrap();
        let mut out = Collector::new();
        input.gather(&mut out).await.unwrap();
        let shown = format!("{:?}", out.batch().at(0));
        let port = stub.url("").rsplit_once(':').unwrap().1.to_owned();
        assert!(
            shown.starts_with(&format!("nginx,port={port},server=127.0.0.1 active=Uint(585),accepts=Uint(85340)")),
            "{shown}"
        );
        assert!(
            shown.contains(
                "handled=Uint(85341),requests=Uint(35085),reading=Uint(4),writing=Uint(135),waiting=Uint(446)"
            )
        );
        for message in ["no status page: \"<html>\"", "status 404"] {
            input.gather(&mut out).await.unwrap();
            let errors = out.take_errors().0;
            assert!(format!("{:#}", errors[0]).contains(message), "{errors:?}");
        }
    }

    #[test]
    fn what_is_no_page_is_an_error() {
        assert!(parse(b"").is_err() && parse(b"Active connections: x\n").is_err());
        let shared = ClientTls::default();
        let own = Settings { urls: vec!["localhost".to_owned()], ..Settings::default() };
        assert!(Nginx::new(With { own, shared }, &Env::new("inputs.nginx")).is_err());
    }
}
