//! Whether hosts answer to ping and how fast, by the system's program or by ICMP sockets of the agent's own.

mod exec;
#[cfg(target_os = "linux")]
mod icmp;
#[cfg(target_os = "linux")]
mod native;
mod output;
mod statistics;
#[cfg(test)]
mod tests;

use agent_api::*;
use exec::Program;
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use statistics::Report;

register!(Entry::input::<Ping>());

/// Asks hosts.
struct Ping {
    settings: Settings,
    program: Program,
    log: Log,
}

/// Which hosts are asked, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Names or addresses of hosts.
    urls: Vec<String>,
    /// `exec` runs the system's ping, `native` needs no program.
    method: String,
    /// Packets for each host in a round.
    count: u32,
    /// Time between two packets, at least 200ms.
    ping_interval: Duration,
    /// Time to wait for each answer, with `exec`; 0 leaves it to the program.
    timeout: Duration,
    /// Time for all packets of a host; 0 means none with `exec`, and 10s after the last packet with `native`.
    deadline: Duration,
    /// Interface or address that packets are sent from.
    interface: String,
    /// Percentiles of the times of answers, 0 to 100, with `native`.
    percentiles: Vec<u8>,
    /// Accepted for Telegraf's configurations: with `native` sockets that need no privilege are tried first, then raw ones.
    privileged: bool,
    /// The program of `exec`.
    binary: String,
    /// Arguments of the program in place of those that are made of the options; the host comes last.
    arguments: Vec<String>,
    /// Use IPv4 addresses of names, with `native`.
    ipv4: bool,
    /// Use IPv6 addresses of names, with `native`. With both or neither the first address counts.
    ipv6: bool,
    /// Bytes that a packet carries, 24 to 65500, with `native`.
    size: Size,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: Vec::new(),
            method: "exec".to_owned(),
            count: 1,
            ping_interval: Duration::secs(1),
            timeout: Duration::default(),
            deadline: Duration::secs(10),
            interface: String::new(),
            percentiles: Vec::new(),
            privileged: true,
            binary: "ping".to_owned(),
            arguments: Vec::new(),
            ipv4: false,
            ipv6: false,
            size: Size(56),
        }
    }
}

/// So many hosts are asked at a time.
const AT_A_TIME: usize = 256;

impl Plugin for Ping {
    const NAME: &'static str = "ping";
    const ABOUT: &'static str = "Pings hosts and tells whether and how fast they answer.";
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        let usual = Settings::default();
        settings.count = settings.count.max(1);
        match settings.method.as_str() {
            "" => settings.method = usual.method,
            "exec" => {}
            "native" => ensure!(cfg!(target_os = "linux"), "method \"native\" is only there on Linux, use \"exec\""),
            other => bail!("method {other:?} is unknown, expected exec or native"),
        }
        if settings.binary.is_empty() {
            settings.binary = usual.binary;
        }
        if settings.size.0 == 0 {
            settings.size = usual.size;
        }
        ensure!((24..=65_500).contains(&settings.size.0), "size: {} is not between 24 and 65500", settings.size.0);
        for percentile in &settings.percentiles {
            ensure!(*percentile <= 100, "percentiles: {percentile} is not between 0 and 100");
        }
        if settings.method == "native" && !settings.timeout.is_zero() {
            env.log.warn("timeout does nothing with method = \"native\", deadline limits the whole");
        }
        Ok(Ping { program: Program::new(&settings), settings, log: env.log.clone() })
    }
}

impl Input for Ping {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let mut hosts = Vec::with_capacity(self.settings.urls.len());
        for url in &self.settings.urls {
            hosts.push(self.ask(url));
        }
        let mut asked = futures_util::stream::iter(hosts).buffer_unordered(AT_A_TIME);
        while let Some((url, report)) = asked.next().await {
            if let Some(cause) = report.problem {
                out.error(cause.context(format!("host {url:?}")));
            }
            drop(out.metric("ping").tag("url", url).fields(report.fields));
        }
        Ok(())
    }
}

impl Ping {
    async fn ask<'a>(&'a self, url: &'a str) -> (&'a str, Report) {
        let report = match self.settings.method.as_str() {
            "native" => native(url, &self.settings, &self.log).await,
            _ => self.program.ping(url).await,
        };
        (url, report)
    }
}

#[cfg(target_os = "linux")]
async fn native(url: &str, settings: &Settings, log: &Log) -> Report {
    match native::ping(url, settings).await {
        Ok(answers) => answers.report(&settings.percentiles),
        Err(native::Failure::Unknown(cause)) => {
            log.debug(format_args!("host {url:?}: {cause:#}"));
            Report::failed(1, Some(cause))
        }
        Err(native::Failure::Other(cause)) => Report::failed(2, Some(cause)),
    }
}

/// `new` has refused it.
#[cfg(not(target_os = "linux"))]
async fn native(_: &str, _: &Settings, _: &Log) -> Report {
    Report::failed(2, Some(anyhow!("method \"native\" is only there on Linux")))
}
