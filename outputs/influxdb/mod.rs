//! Writes to InfluxDB 1 in line protocol, by HTTP, by a Unix socket or by UDP.
//!
//! A write goes to one of the servers and to the next where that one fails. What an answer means is in `answer`, how one server
//! is asked in `endpoint`. Databases are created when the output starts, and again when a server says that one is missing.

mod answer;
mod endpoint;
#[cfg(test)]
mod tests;
mod udp;

use crate::lines::{Lines, Outcome, Placed, Sheet, influx};
use agent_api::options::{Item, Setting, With};
use agent_api::*;
use agent_net::client::{HeaderSettings, Headers, Proxy, Redirects, Setup, Transport};
use agent_net::coding::Coding;
use agent_net::tls::{self, ClientTls};
use answer::Verdict;
use bytes::Bytes;
use endpoint::{Endpoint, Write};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;

register!(Entry::output::<Influxdb>());

/// The output.
struct Influxdb {
    settings: Settings,
    setup: Setup,
    write: Write,
    lines: Lines,
    endpoints: Vec<Endpoint>,
    /// The endpoint that the next write begins with, so that the load is spread.
    next: usize,
    bytes_written: stats::Counter,
    log: Log,
}

/// Where and how metrics are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses of the servers of one cluster: `http://`, `https://`, `udp://`, or `unix://` with the path of a socket. Each
    /// write goes to one of them, and to the next where that one fails.
    urls: Vec<String>,
    /// Database to write into.
    database: String,
    /// Tag whose value names the database of a metric; a metric without it goes into `database`.
    database_tag: String,
    /// Leave the tag `database_tag` out of what is written.
    exclude_database_tag: bool,
    /// Do not create databases. For users who may not, and for servers that cannot.
    skip_database_creation: bool,
    /// Retention policy to write into; empty means the database's default.
    retention_policy: String,
    /// Tag whose value names the retention policy of a metric; a metric without it goes into `retention_policy`.
    retention_policy_tag: String,
    /// Leave the tag `retention_policy_tag` out of what is written.
    exclude_retention_policy_tag: bool,
    /// How many nodes of a cluster have to take a write: `any`, `one`, `quorum` or `all`; empty means what the server takes.
    write_consistency: String,
    /// How long a request may take in all; 0 means 5s.
    timeout: Duration,
    /// User for basic authentication.
    username: Secret,
    /// Password for basic authentication.
    password: Secret,
    /// Text of the header `User-Agent`; empty means the agent's own.
    user_agent: String,
    /// Largest line in a datagram, with `udp://`; a longer metric is cut into several with the same tags and time.
    udp_payload: Size,
    /// Address of a proxy; empty means the one that the environment names.
    http_proxy: String,
    /// Headers of the requests; they replace the output's own of the same name.
    http_headers: HeaderSettings,
    /// How bodies are packed: `gzip` or `identity`.
    content_encoding: String,
    /// Write unsigned integers as such, which InfluxDB reads from 1.8 on where it was built for it; otherwise as signed ones,
    /// cut at the largest.
    influx_uint_support: bool,
    /// Leave timestamps out, so that the server sets them.
    influx_omit_timestamp: bool,
    /// Address, or name of the interface, that connections come from; empty means any.
    local_address: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: vec!["http://localhost:8086".to_owned()],
            database: "telegraf".to_owned(),
            database_tag: String::new(),
            exclude_database_tag: false,
            skip_database_creation: false,
            retention_policy: String::new(),
            retention_policy_tag: String::new(),
            exclude_retention_policy_tag: false,
            write_consistency: String::new(),
            timeout: Duration::secs(5),
            username: Secret::default(),
            password: Secret::default(),
            user_agent: String::new(),
            udp_payload: Size(512),
            http_proxy: String::new(),
            http_headers: HeaderSettings::new(),
            content_encoding: "gzip".to_owned(),
            influx_uint_support: false,
            influx_omit_timestamp: false,
            local_address: String::new(),
        }
    }
}

impl Plugin for Influxdb {
    const NAME: &'static str = "influxdb";
    const ABOUT: &'static str = "Writes to InfluxDB 1.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        if settings.urls.is_empty() {
            settings.urls = Settings::default().urls;
        }
        if settings.database.is_empty() {
            settings.database = Settings::default().database;
        }
        let coding = Coding::of_option("content_encoding", &settings.content_encoding)?;
        ensure!(
            matches!(coding, Coding::Gzip | Coding::Identity),
            "content_encoding: {:?} is not supported; one of gzip, identity",
            settings.content_encoding
        );
        let setup = Setup {
            transport: Transport { timeout: settings.timeout, ..Transport::default() },
            proxy: Proxy {
                http_proxy_url: settings.http_proxy.clone(),
                use_system_proxy: settings.http_proxy.is_empty(),
            },
            tls,
            redirects: Redirects::KeepMethod,
            user_agent: settings.user_agent.clone(),
            local_address: settings.local_address.clone(),
            ..Setup::default()
        };
        setup.check()?;
        let mut options = vec![
            ("influx_uint_support", Setting::Bool(settings.influx_uint_support)),
            ("influx_omit_timestamp", Setting::Bool(settings.influx_omit_timestamp)),
        ];
        if settings.urls.iter().any(|url| url.starts_with("udp://")) {
            let most = i64::try_from(settings.udp_payload.0).context("udp_payload")?;
            options.push(("influx_max_line_bytes", Setting::Int(most)));
        }
        let endpoints = settings.urls.iter().map(|url| Endpoint::new(url)).collect::<Result<Vec<_>>>()?;
        Ok(Influxdb {
            write: Write {
                consistency: settings.write_consistency.clone(),
                username: settings.username.clone(),
                password: settings.password.clone(),
                headers: Headers::new("http_headers", &settings.http_headers)?,
                coding,
            },
            setup,
            lines: Lines::new(influx(env, &options)?),
            next: std::process::id() as usize % endpoints.len(),
            endpoints,
            bytes_written: env.stats("write", &[("output", Self::NAME)]).counter("bytes_written"),
            log: env.log.clone(),
            settings,
        })
    }

    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
        if let Some(old) = table.remove("url") {
            if table.has("urls") {
                notes.push("option \"url\" is left out: \"urls\" is set as well".to_owned());
            } else {
                let span = old.item.span;
                table.set("urls", old.at, Item { value: Setting::Array(vec![old.item]), span });
                notes.push("option \"url\" is now \"urls\", a list".to_owned());
            }
        }
    }
}

impl Output for Influxdb {
    async fn open(&mut self) -> Result<(), StartError> {
        for endpoint in &mut self.endpoints {
            endpoint.open(&self.setup)?;
        }
        if !self.settings.skip_database_creation {
            let create = |endpoint| create(endpoint, &self.write, &self.settings.database, &self.log);
            futures_util::future::join_all(self.endpoints.iter().map(create)).await;
        }
        Ok(())
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let (targets, groups) = self.settings.groups(metrics);
        let without = self.settings.excluded();
        let mut sheet = self.lines.write(&groups, &without);
        drop(groups);
        let mut outcome = sheet.outcome();
        let round = Round {
            endpoints: &self.endpoints,
            first: self.next,
            write: &self.write,
            creates: !self.settings.skip_database_creation,
            creates_first: !self.settings.database_tag.is_empty() || !self.settings.retention_policy_tag.is_empty(),
            bytes_written: &self.bytes_written,
            log: &self.log,
        };
        let mut down = false;
        for (target, lines) in targets.iter().zip(sheet.groups.clone()) {
            if down {
                outcome.keep(&lines, None, None);
            } else {
                down = round.group(target, lines, &sheet, &mut outcome).await;
            }
        }
        self.next = (self.next + 1) % self.endpoints.len();
        self.lines.reuse(sheet);
        outcome.result()
    }
}

/// Where metrics go.
struct Target {
    database: String,
    policy: String,
}

impl Settings {
    /// The targets in the order in which they first come, and the metrics of each.
    fn groups<'a>(&self, metrics: &'a Chunk) -> (Vec<Target>, Vec<Vec<Placed<'a>>>) {
        let target = |database: &str, policy: &str| Target { database: database.to_owned(), policy: policy.to_owned() };
        if self.database_tag.is_empty() && self.retention_policy_tag.is_empty() {
            return (vec![target(&self.database, &self.retention_policy)], vec![metrics.iter().enumerate().collect()]);
        }
        let (mut known, mut targets, mut groups) = (HashMap::new(), Vec::new(), Vec::<Vec<_>>::new());
        for (place, metric) in metrics.iter().enumerate() {
            let named = |tag: &str| if tag.is_empty() { None } else { metric.tag(tag) };
            let database = named(&self.database_tag).unwrap_or(&self.database);
            let policy = named(&self.retention_policy_tag).unwrap_or(&self.retention_policy);
            let group = *known.entry((database, policy)).or_insert_with(|| {
                targets.push(target(database, policy));
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push((place, metric));
        }
        (targets, groups)
    }

    /// The tags that are left out.
    fn excluded(&self) -> Vec<&str> {
        let pairs = [
            (self.exclude_database_tag, &self.database_tag),
            (self.exclude_retention_policy_tag, &self.retention_policy_tag),
        ];
        pairs.into_iter().filter(|(out, tag)| *out && !tag.is_empty()).map(|(_, tag)| tag.as_str()).collect()
    }
}

/// What the requests of one write share.
struct Round<'a> {
    endpoints: &'a [Endpoint],
    first: usize,
    write: &'a Write,
    creates: bool,
    /// Databases are named by the metrics: they are created before they are first written to.
    creates_first: bool,
    bytes_written: &'a stats::Counter,
    log: &'a Log,
}

impl Round<'_> {
    /// Sends the lines of one target, halving what is too large, in order. True if no server can be reached.
    async fn group(&self, target: &Target, lines: Range<usize>, sheet: &Sheet, outcome: &mut Outcome) -> bool {
        let mut left = vec![lines];
        let mut down = false;
        while let Some(lines) = left.pop() {
            let text = sheet.text(&lines);
            if down {
                outcome.keep(&lines, None, None);
                continue;
            }
            if text.is_empty() {
                outcome.write(sheet, &lines);
                continue;
            }
            let size = text.len();
            match self.send(target, text).await {
                Verdict::Written(note) => {
                    if let Some(note) = note {
                        self.log.error(note);
                    }
                    self.bytes_written.add(size as i64);
                    outcome.write(sheet, &lines);
                }
                Verdict::TooLarge(_) if lines.len() > 1 => {
                    let middle = lines.start + lines.len() / 2;
                    left.push(middle..lines.end);
                    left.push(lines.start..middle);
                }
                Verdict::TooLarge(cause) | Verdict::Rejected(cause) => outcome.reject(sheet, &lines, cause),
                Verdict::NoDatabase(cause) if self.creates => outcome.keep(&lines, Some(cause), None),
                Verdict::NoDatabase(cause) => outcome.reject(sheet, &lines, cause),
                Verdict::Refused(cause, after) => outcome.keep(&lines, Some(cause), after),
                Verdict::Unreachable(cause) => {
                    down = true;
                    outcome.keep(&lines, Some(cause), None);
                }
            }
        }
        down
    }

    /// Sends to the first endpoint that takes it. Of several failures the one that leaves most hope is told.
    async fn send(&self, target: &Target, text: Bytes) -> Verdict {
        let packed = match self.write.coding.pack(text.clone()).await {
            Ok(packed) => packed,
            Err(cause) => return Verdict::Refused(cause, None),
        };
        let mut worst: Option<Verdict> = None;
        for i in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[(self.first + i) % self.endpoints.len()];
            if self.creates && self.creates_first && !endpoint.knows(&target.database) {
                create(endpoint, self.write, &target.database, self.log).await;
            }
            let mut verdict = endpoint.send(self.write, target, &text, packed.clone()).await;
            if self.creates && matches!(verdict, Verdict::NoDatabase(_)) {
                create(endpoint, self.write, &target.database, self.log).await;
                verdict = endpoint.send(self.write, target, &text, packed.clone()).await;
            }
            let hope = |verdict: &Verdict| match verdict {
                Verdict::Refused(..) => 2,
                Verdict::Unreachable(_) => 1,
                _ => 0,
            };
            match verdict {
                Verdict::NoDatabase(_) | Verdict::Refused(..) | Verdict::Unreachable(_) => {
                    if worst.as_ref().is_none_or(|w| hope(&verdict) > hope(w)) {
                        worst = Some(verdict);
                    }
                }
                done => return done,
            }
        }
        worst.unwrap_or_else(|| Verdict::Unreachable(anyhow!("no address to write to")))
    }
}

/// Creates a database on a server; that it cannot be created is not the end, as it may be there all the same.
async fn create(endpoint: &Endpoint, write: &Write, database: &str, log: &Log) {
    if let Err(cause) = endpoint.create(write, database).await {
        log.warn(format_args!("create database {database:?}: {cause:#}"));
    }
}
