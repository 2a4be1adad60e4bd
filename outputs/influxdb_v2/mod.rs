//! Writes to the HTTP interface of InfluxDB 2 (also Cloud, and 3 in its compatible form) in line protocol.
//!
//! The server says what to do by its status: a body that is too large is halved until the parts are taken, a body that it can
//! never read is rejected, anything else is kept. Each bucket stands for itself: one that fails does not hold up another.

mod endpoint;
mod rate;
#[cfg(test)]
mod tests;

use crate::lines::{Lines, Outcome, Placed, Sheet, influx};
use agent_api::options::{Setting, With};
use agent_api::*;
use agent_net::client::{HeaderSettings, Headers, Proxy, Redirects, Setup, Transport};
use agent_net::coding::Coding;
use agent_net::tls::{self, ClientTls};
use endpoint::{Endpoint, Verdict, Write};
use futures_util::StreamExt;
use rate::Rate;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

register!(Entry::output::<InfluxdbV2>());

/// The output.
struct InfluxdbV2 {
    settings: Settings,
    setup: Setup,
    headers: Headers,
    coding: Coding,
    lines: Lines,
    endpoints: Vec<Endpoint>,
    /// The endpoint that the next write begins with, so that the load is spread.
    next: usize,
    rate: Mutex<Rate>,
    bytes_written: stats::Counter,
    log: Log,
}

/// Where and how metrics are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Addresses of the servers of one cluster (`http://`, `https://`, or `unix://` with the path of a socket). Each write goes
    /// to one of them, and to the next where that one cannot be reached.
    urls: Vec<String>,
    /// Token for authentication.
    token: Secret,
    /// Organization that the bucket belongs to.
    organization: String,
    /// Bucket to write into.
    bucket: String,
    /// Tag whose value names the bucket of a metric; a metric without it goes into `bucket`.
    bucket_tag: String,
    /// Leave the tag `bucket_tag` out of what is written.
    exclude_bucket_tag: bool,
    /// How long a request may take in all; 0 means 5s.
    timeout: Duration,
    /// Headers of the requests; they replace the output's own of the same name.
    http_headers: HeaderSettings,
    /// Address of a proxy; empty means the one that the environment names.
    http_proxy: String,
    /// Text of the header `User-Agent`; empty means the agent's own.
    user_agent: String,
    /// How bodies are packed: `gzip` or `identity`.
    content_encoding: String,
    /// Write unsigned integers as such; otherwise as signed ones, cut at the largest.
    influx_uint_support: bool,
    /// Leave timestamps out, so that the server sets them.
    influx_omit_timestamp: bool,
    /// How long an HTTP/2 connection may be silent before it is asked whether it is alive; 0 means never.
    read_idle_timeout: Duration,
    /// How long that question may stay without an answer; 0 means 15s.
    ping_timeout: Duration,
    /// How many buckets are written to at the same time, at least 1.
    concurrent_writes: usize,
    /// Most bytes (before packing) that are sent in `rate_limit_period`; 0 means no limit. What does not fit is kept.
    rate_limit: Size,
    /// Time that `rate_limit` counts for.
    rate_limit_period: Duration,
    /// Address, or name of the interface, that connections come from; empty means any.
    local_address: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: vec!["http://localhost:8086".to_owned()],
            token: Secret::default(),
            organization: String::new(),
            bucket: String::new(),
            bucket_tag: String::new(),
            exclude_bucket_tag: false,
            timeout: Duration::secs(5),
            http_headers: HeaderSettings::new(),
            http_proxy: String::new(),
            user_agent: String::new(),
            content_encoding: "gzip".to_owned(),
            influx_uint_support: false,
            influx_omit_timestamp: false,
            read_idle_timeout: Duration::default(),
            ping_timeout: Duration::default(),
            concurrent_writes: 1,
            rate_limit: Size::default(),
            rate_limit_period: Duration::default(),
            local_address: String::new(),
        }
    }
}

/// How long an answer to a ping may take where nothing else is said.
const PING: std::time::Duration = std::time::Duration::from_secs(15);

impl Plugin for InfluxdbV2 {
    const NAME: &'static str = "influxdb_v2";
    const ABOUT: &'static str = "Writes to InfluxDB 2 and later.";
    type Settings = With<Settings, ClientTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        if settings.urls.is_empty() {
            settings.urls = Settings::default().urls;
        }
        ensure!(settings.concurrent_writes > 0, "concurrent_writes has to be at least 1");
        let coding = Coding::of_option("content_encoding", &settings.content_encoding)?;
        ensure!(
            matches!(coding, Coding::Gzip | Coding::Identity),
            "content_encoding: {:?} is not supported; one of gzip, identity",
            settings.content_encoding
        );
        let read_idle = *settings.read_idle_timeout;
        let ping = if settings.ping_timeout.is_zero() { PING } else { *settings.ping_timeout };
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
            ping: (!read_idle.is_zero()).then_some((read_idle, ping)),
            ..Setup::default()
        };
        setup.check()?;
        let serializer = influx(
            env,
            &[
                ("influx_uint_support", Setting::Bool(settings.influx_uint_support)),
                ("influx_omit_timestamp", Setting::Bool(settings.influx_omit_timestamp)),
            ],
        )?;
        let endpoints = settings.urls.iter().map(|url| Endpoint::new(url)).collect::<Result<Vec<_>>>()?;
        Ok(InfluxdbV2 {
            headers: Headers::new("http_headers", &settings.http_headers)?,
            setup,
            coding,
            lines: Lines::new(serializer),
            // Many agents started at once should not all begin with the first server.
            next: std::process::id() as usize % endpoints.len(),
            endpoints,
            rate: Mutex::new(Rate::new(settings.rate_limit.0, *settings.rate_limit_period)?),
            bytes_written: env.stats("write", &[("output", Self::NAME)]).counter("bytes_written"),
            log: env.log.clone(),
            settings,
        })
    }

    /// Telegraf's sample shows the default of `rate_limit` as a word that it does not read.
    fn migrate(table: &mut Table, notes: &mut Vec<String>) {
        tls::migrate(table, notes);
        if table.get("rate_limit").is_some_and(|item| item.value == Setting::Str("unlimited".to_owned())) {
            table.remove("rate_limit");
        }
    }
}

impl Output for InfluxdbV2 {
    async fn open(&mut self) -> Result<(), StartError> {
        for endpoint in &mut self.endpoints {
            endpoint.open(&self.setup)?;
        }
        Ok(())
    }

    fn concurrent(&self) -> bool {
        true
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let (buckets, groups) = self.settings.groups(metrics);
        let without = match self.settings.exclude_bucket_tag {
            true if !self.settings.bucket_tag.is_empty() => vec![self.settings.bucket_tag.as_str()],
            _ => Vec::new(),
        };
        let mut sheet = self.lines.write(&groups, &without);
        drop(groups);
        let mut outcome = sheet.outcome();
        let token = self.settings.token.reveal()?;
        let round = Round {
            endpoints: &self.endpoints,
            first: self.next,
            write: Write {
                token: &token,
                organization: &self.settings.organization,
                headers: &self.headers,
                coding: self.coding,
            },
            rate: &self.rate,
            halted: AtomicBool::new(false),
            bytes_written: &self.bytes_written,
            log: &self.log,
        };
        let mut jobs = Vec::with_capacity(buckets.len());
        for (bucket, lines) in buckets.iter().zip(sheet.groups.clone()) {
            jobs.push(round.bucket(bucket, lines, &sheet));
        }
        let mut parts = futures_util::stream::iter(jobs).buffer_unordered(self.settings.concurrent_writes);
        while let Some(part) = parts.next().await {
            outcome.join(part);
        }
        drop(parts);
        self.next = (self.next + 1) % self.endpoints.len();
        self.lines.reuse(sheet);
        outcome.result()
    }
}

impl Settings {
    /// The buckets in the order in which they first come, and the metrics of each.
    fn groups<'a>(&self, metrics: &'a Chunk) -> (Vec<String>, Vec<Vec<Placed<'a>>>) {
        if self.bucket_tag.is_empty() {
            return (vec![self.bucket.clone()], vec![metrics.iter().enumerate().collect()]);
        }
        let (mut known, mut buckets, mut groups) = (HashMap::new(), Vec::new(), Vec::<Vec<_>>::new());
        for (place, metric) in metrics.iter().enumerate() {
            let bucket = metric.tag(&self.bucket_tag).unwrap_or(&self.bucket);
            let group = *known.entry(bucket).or_insert_with(|| {
                buckets.push(bucket.to_owned());
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push((place, metric));
        }
        (buckets, groups)
    }
}

/// What the requests of one write share.
struct Round<'a> {
    endpoints: &'a [Endpoint],
    first: usize,
    write: Write<'a>,
    rate: &'a Mutex<Rate>,
    /// No server can be reached, or one asked to wait: nothing more is sent in this write.
    halted: AtomicBool,
    bytes_written: &'a stats::Counter,
    log: &'a Log,
}

impl Round<'_> {
    /// Sends the lines of one bucket, halving what is too large, in order.
    async fn bucket(&self, bucket: &str, lines: Range<usize>, sheet: &Sheet) -> Outcome {
        let mut outcome = Outcome::default();
        let mut left = vec![lines];
        while let Some(lines) = left.pop() {
            if self.halted.load(Relaxed) {
                outcome.keep(&lines, None, None);
                continue;
            }
            let allowed = self.allowed(&lines, sheet);
            let (now, later) = (lines.start..lines.start + allowed, lines.start + allowed..lines.end);
            if !later.is_empty() {
                left.push(later.clone());
            }
            if now.is_empty() {
                self.halted.store(true, Relaxed);
                let wait = self.rate.lock().unwrap_or_else(|e| e.into_inner()).wait();
                outcome.keep(&later, Some(anyhow!("rate_limit reached, the rest is kept")), Some(wait));
                left.pop();
                continue;
            }
            let text = sheet.text(&now);
            if text.is_empty() {
                outcome.write(sheet, &now);
                continue;
            }
            let size = text.len();
            match self.send(bucket, text).await {
                Verdict::Written => {
                    self.rate.lock().unwrap_or_else(|e| e.into_inner()).spend(size as u64);
                    self.bytes_written.add(size as i64);
                    outcome.write(sheet, &now);
                }
                Verdict::TooLarge(_) if now.len() > 1 => {
                    let middle = now.start + now.len() / 2;
                    left.push(middle..now.end);
                    left.push(now.start..middle);
                }
                Verdict::TooLarge(cause) | Verdict::Rejected(cause) => outcome.reject(sheet, &now, cause),
                Verdict::Refused(cause, after) => {
                    if after.is_some() {
                        self.halted.store(true, Relaxed);
                    }
                    outcome.keep(&now, Some(cause), after);
                }
                Verdict::Unreachable(cause) => {
                    self.halted.store(true, Relaxed);
                    outcome.keep(&now, Some(cause), None);
                }
            }
        }
        outcome
    }

    /// How many of the lines the rate allows now.
    fn allowed(&self, lines: &Range<usize>, sheet: &Sheet) -> usize {
        let mut rate = self.rate.lock().unwrap_or_else(|e| e.into_inner());
        match rate.room() {
            None => lines.len(),
            // A line that is larger than the whole limit would wait for ever: it goes alone.
            Some((room, untouched)) => sheet.fitting(lines, room as usize).max(usize::from(untouched)),
        }
    }

    /// Sends to the first endpoint that can be reached.
    async fn send(&self, bucket: &str, text: bytes::Bytes) -> Verdict {
        let body = match self.write.coding.pack(text).await {
            Ok(body) => body,
            Err(cause) => return Verdict::Refused(cause, None),
        };
        let mut last = None;
        for i in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[(self.first + i) % self.endpoints.len()];
            match endpoint.send(&self.write, bucket, body.clone()).await {
                Verdict::Unreachable(cause) => {
                    if i + 1 < self.endpoints.len() {
                        self.log.warn(format_args!("{cause:#}; trying the next address"));
                    }
                    last = Some(cause);
                }
                verdict => return verdict,
            }
        }
        Verdict::Unreachable(last.unwrap_or_else(|| anyhow!("no address to write to")))
    }
}
