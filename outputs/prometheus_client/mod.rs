//! Shows the last values on a page that Prometheus reads.
//!
//! The agent writes and readers read one table of series behind a lock; the text of the page is made when it is asked for, so
//! that no reader means no work and the memory is that of the series alone.

mod process;
mod protobuf;
mod series;
mod shown;
mod table;
#[cfg(test)]
mod tests;

use crate::page::{self, Gate, Served};
use agent_api::options::With;
use agent_api::*;
use agent_formats::exposition::names::Sanitization;
use agent_net::client::HeaderSettings;
use agent_net::coding;
use agent_net::server::header::{self, HeaderName, HeaderValue};
use agent_net::server::{self, Address, Credentials, Limits, Request, Response, answer};
use agent_net::tls::ServerTls;
use process::Collectors;
use schemars::JsonSchema;
use serde::Deserialize;
use series::Mapping;
use shown::{Format as PageFormat, Style};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use table::Table;

register!(Entry::output::<PrometheusClient>());

/// The output.
struct PrometheusClient {
    settings: Settings,
    tls: ServerTls,
    address: Address,
    mapping: Mapping,
    collectors: Collectors,
    table: Arc<Mutex<Table>>,
    served: Option<Served>,
    /// Values were left out by the last write, and that was said.
    full: bool,
    log: Log,
}

/// Where the page is and how metrics are shown on it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address and port to listen on.
    listen: String,
    /// How metrics become series. 1: a histogram or summary is one metric with a field for each bucket or quantile. 2: it is
    /// several metrics with a tag `le` or `quantile`, as the parser for Prometheus gives them. 2 is the better choice.
    metric_version: u8,
    /// User name that is asked for, with `basic_password`.
    basic_username: Secret,
    /// Password that is asked for, with `basic_username`.
    basic_password: Secret,
    /// Networks that may ask (`192.168.0.0/24`); empty means all.
    ip_range: Vec<String>,
    /// Time for a request to come.
    read_timeout: Duration,
    /// Time that an answer may make no progress.
    write_timeout: Duration,
    /// Path of the page.
    path: String,
    /// Headers of every answer.
    http_headers: HeaderSettings,
    /// How long a series is shown after its last value; 0 means for ever.
    expiration_interval: Duration,
    /// Figures of the agent that are not shown: `process` (the agent's process), `gocollector` (here only its number of threads).
    collectors_exclude: Vec<String>,
    /// Show text fields as labels; otherwise they are left out.
    string_as_label: bool,
    /// Show the time of each value; otherwise readers take the time at which they ask.
    export_timestamp: bool,
    /// What names have to be like: `legacy` (ASCII letters, digits, underscores) or `utf8` (any text; readers that do not ask
    /// for it are shown underscores).
    name_sanitization: String,
    /// Patterns of names whose type is not the one of the metric.
    metric_types: MetricTypes,
    /// Most series on the page; values of new ones beyond it are left out. 0 means any number.
    max_series: usize,
}

/// Patterns of names, as on the page; they do not apply to histograms and summaries.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MetricTypes {
    /// Names that are counters.
    counter: Vec<String>,
    /// Names that are gauges.
    gauge: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: ":9273".to_owned(),
            metric_version: 1,
            basic_username: Secret::default(),
            basic_password: Secret::default(),
            ip_range: Vec::new(),
            read_timeout: Duration::secs(10),
            write_timeout: Duration::secs(10),
            path: "/metrics".to_owned(),
            http_headers: HeaderSettings::new(),
            expiration_interval: Duration::secs(60),
            collectors_exclude: Vec::new(),
            string_as_label: true,
            export_timestamp: false,
            name_sanitization: "legacy".to_owned(),
            metric_types: MetricTypes::default(),
            max_series: 1_000_000,
        }
    }
}

impl Plugin for PrometheusClient {
    const NAME: &'static str = "prometheus_client";
    const ABOUT: &'static str = "Shows the last values on a page that Prometheus reads.";
    type Settings = With<Settings, ServerTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        tls.check()?;
        let address = page::address("listen", &settings.listen)?;
        if settings.metric_version == 0 {
            settings.metric_version = 1;
        }
        ensure!(settings.metric_version < 3, "metric_version: {} is none of 1, 2", settings.metric_version);
        let names = Sanitization::named("name_sanitization", &settings.name_sanitization)?;
        for collector in &settings.collectors_exclude {
            ensure!(
                matches!(collector.as_str(), "gocollector" | "process"),
                "collectors_exclude: {collector:?} is none of gocollector, process"
            );
        }
        settings.path.insert_str(0, if settings.path.starts_with('/') { "" } else { "/" });
        let kinds = [settings.metric_types.counter.as_slice(), &settings.metric_types.gauge];
        let mapping = Mapping::new(settings.metric_version, settings.string_as_label, names, kinds)?;
        let most = if settings.max_series == 0 { usize::MAX } else { settings.max_series };
        let lifetime = (!settings.expiration_interval.is_zero()).then_some(*settings.expiration_interval);
        // Only to find a wrong one now and not when it is opened.
        Gate::new(Credentials::default(), REALM, env.log.clone()).within("ip_range", &settings.ip_range)?;
        Ok(PrometheusClient {
            collectors: Collectors::without(&settings.collectors_exclude),
            settings,
            tls,
            address,
            mapping,
            table: Arc::new(Mutex::new(Table::new(most, lifetime))),
            served: None,
            full: false,
            log: env.log.clone(),
        })
    }
}

const REALM: &str = "prometheus";

impl Output for PrometheusClient {
    async fn open(&mut self) -> Result<(), StartError> {
        let s = &self.settings;
        self.served = None;
        let credentials = Credentials { username: s.basic_username.clone(), password: s.basic_password.clone() };
        let mut headers = Vec::new();
        for (name, value) in &s.http_headers {
            let header = || -> Result<_> { Ok((name.parse()?, value.reveal()?.parse()?)) };
            headers.push(header().with_context(|| format!("http_headers {name:?}"))?);
        }
        let handler = Handler {
            gate: Gate::new(credentials, REALM, self.log.clone()).within("ip_range", &s.ip_range)?,
            headers,
            path: s.path.clone(),
            style: Style { first_version: self.mapping.version == 1, times: s.export_timestamp },
            collectors: self.collectors,
            table: self.table.clone(),
            log: self.log.clone(),
        };
        let limits = Limits { read: *s.read_timeout, write: *s.write_timeout, ..Limits::default() };
        let served = page::serve(&self.address, &self.tls, limits, Arc::new(handler)).await?;
        served.announce(&self.log);
        self.served = Some(served);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let now = Instant::now();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.purge(now);
        let left_out = self.mapping.add(metrics, &mut table, now);
        drop(table);
        if left_out > 0 && !self.full {
            let most = self.settings.max_series;
            self.log.warn(format_args!(
                "{left_out} values are not shown: there are max_series = {most} already, or the name has another type"
            ));
        }
        self.full = left_out > 0;
        Ok(())
    }
}

/// Answers with the page.
struct Handler {
    gate: Gate,
    headers: Vec<(HeaderName, HeaderValue)>,
    path: String,
    style: Style,
    collectors: Collectors,
    table: Arc<Mutex<Table>>,
    log: Log,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl server::Handler for Handler {
    async fn answer(&self, request: Request) -> Response {
        let mut response = match self.gate.refuse(&request) {
            Some(refusal) => refusal,
            None if self.is_page(request.path()) => self.page(&request),
            None => answer(200, TEXT, "Telegraf Output Plugin: Prometheus Client "),
        };
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

impl Handler {
    /// A path that ends with a slash takes in all below it.
    fn is_page(&self, path: &str) -> bool {
        path == self.path || self.path.ends_with('/') && path.starts_with(&self.path)
    }

    fn page(&self, request: &Request) -> Response {
        let format = PageFormat::negotiate(request.header("accept").unwrap_or_default());
        let packed = request.header("accept-encoding").is_some_and(takes_gzip);
        let body = plugin::blocking(|| {
            let mut body = Vec::new();
            self.collectors.append(format, &mut body);
            let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            self.style.table(&table, Instant::now(), format, &mut body);
            drop(table);
            if packed { coding::Coding::Gzip.encode(&body) } else { Ok(body) }
        });
        let body = match body {
            Ok(body) => body,
            Err(e) => {
                self.log.error(format_args!("{e:#}"));
                return page::status(500);
            }
        };
        let mut response = answer(200, TEXT, body);
        let headers = response.headers_mut();
        if let Ok(kind) = HeaderValue::from_str(&format.content_type()) {
            headers.insert(header::CONTENT_TYPE, kind);
        }
        if packed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// True if `Accept-Encoding` names gzip and does not forbid it.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
