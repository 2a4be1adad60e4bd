//! The numbers of Apache's status page (`mod_status`), in its form for machines.

use crate::pages::{Pages, server};
use agent_api::options::With;
use agent_api::*;
use agent_net::tls::{self, ClientTls};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::input::<Apache>());

/// Asks servers.
struct Apache {
    settings: Settings,
    pages: Pages,
}

/// Which servers are asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses of status pages, which have to end in `?auto`.
    urls: Vec<String>,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// How long an answer may take; less than 1s means 5s.
    response_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: vec!["http://localhost/server-status?auto".to_owned()],
            username: Secret::default(),
            password: Secret::default(),
            response_timeout: Duration::secs(5),
        }
    }
}

impl Plugin for Apache {
    const NAME: &'static str = "apache";
    const ABOUT: &'static str = "Reads Apache's status page.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared }: Self::Settings, _: &Env) -> Result<Self> {
        let usual = Settings::default();
        if settings.urls.is_empty() {
            settings.urls = usual.urls;
        }
        let timeout = match settings.response_timeout {
            short if short < Duration::secs(1) => usual.response_timeout,
            time => time,
        };
        Ok(Apache { pages: Pages::new("urls", &settings.urls, timeout, shared)?, settings })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
    }
}

impl Input for Apache {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        for (place, page) in self.pages.read(&self.settings.username, &self.settings.password).await? {
            let address = &self.pages.addresses[place];
            let fields = page.and_then(|page| {
                let fields = parse(&String::from_utf8_lossy(&page));
                ensure!(!fields.is_empty(), "read {}: no number; does the address end in ?auto", address.shown());
                Ok(fields)
            });
            match fields {
                Ok(fields) => drop(out.metric("apache").tags(server(address)).fields(fields)),
                Err(e) => out.error(e),
            }
        }
        Ok(())
    }
}

/// What the letters of the scoreboard mean.
const SCORES: [(char, &str); 11] = [
    ('_', "scboard_waiting"),
    ('S', "scboard_starting"),
    ('R', "scboard_reading"),
    ('W', "scboard_sending"),
    ('K', "scboard_keepalive"),
    ('D', "scboard_dnslookup"),
    ('C', "scboard_closing"),
    ('L', "scboard_logging"),
    ('G', "scboard_finishing"),
    ('I', "scboard_idle_cleanup"),
    ('.', "scboard_open"),
];

/// Every line `Name: number` is a field, its name without blanks; the scoreboard is counted by letters.
fn parse(page: &str) -> Vec<(String, Value<'static>)> {
    let mut fields = Vec::new();
    for (key, value) in page.lines().filter_map(|line| line.split_once(':')) {
        let (key, value) = (key.replace(' ', ""), value.trim());
        if key == "Scoreboard" {
            for (letter, name) in SCORES {
                let count = value.chars().filter(|c| *c == letter).count();
                fields.push((name.to_owned(), Value::Float(count as f64)));
            }
        } else if let Some(number) = value.parse().ok().filter(|n: &f64| n.is_finite()) {
            fields.push((key, Value::Float(number)));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_net::testing::{Reply, Stub};

    const PAGE: &str = "localhost\nServerVersion: Apache/2.4\nTotal Accesses: 129811861\nCPULoad: .00017\nUptime: 941553\n\
                        ServerUptime: 10 days 21 hours\nBusyWorkers: 41\nScoreboard: W__.K.\n";

    #[tokio::test]
    async fn pages_of_servers() {
        let stub = Stub::list(vec![Reply::new(200, PAGE), Reply::new(200, "<html>"), Reply::new(403, "")]).await;
        let own = Settings {
            urls: vec![stub.url("/server-status?auto")],
            username: Secret::new("own"),
            password: Secret::new("pw"),
            ..Settings::default()
        };
        let mut input = Apache::new(With { own, shared: ClientTls::default() }, &Env::new("inputs.apache")).unwrap();
        let mut out = Collector::new();
        input.gather(&mut out).await.unwrap();
        let metric = out.batch().at(0).to_owned();
        let field = |key: &str| metric.read().field(key);
        assert_eq!(field("TotalAccesses"), Some(Value::Float(129_811_861.0)));
        assert_eq!((field("CPULoad"), field("ServerUptime")), (Some(Value::Float(0.00017)), None));
        assert_eq!(field("scboard_waiting"), Some(Value::Float(2.0)));
        assert_eq!(field("scboard_open"), Some(Value::Float(2.0)));
        assert_eq!(stub.seen()[0].header("authorization"), Some("Basic b3duOnB3"));
        for message in ["?auto", "status 403"] {
            input.gather(&mut out).await.unwrap();
            let errors = out.take_errors().0;
            assert!(format!("{:#}", errors[0]).contains(message), "{errors:?}");
        }
    }
}
