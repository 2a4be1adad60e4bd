//! `agent status`: what a running agent tells about itself, as a table or as it comes.

use super::{args, print, runtime, sources, surroundings};
use crate::config::Config;
use crate::control::{Page, default_address};
use crate::pipeline::{Breaker, Mode, Status};
use agent_api::{Context, Result, Secret, anyhow, bail, ensure};
use agent_net::client::{self, Method, Setup, Url};
use agent_net::server;
use clap::ArgMatches;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// A page may have so many bytes.
const LONGEST: usize = 64 << 20;

/// Asks and prints.
pub(super) fn status(root: &ArgMatches, matches: &ArgMatches) -> Result<ExitCode> {
    let text = runtime()?.block_on(ask(root, matches, "status"))?;
    if args::flag(matches, "json") {
        return print::text(&format!("{}\n", text.trim_end()));
    }
    let page: Page = serde_json::from_str(&text).context("read what the agent answered")?;
    print::text(&table(&page))
}

/// Where the agent answers, and what it wants to see.
struct Place {
    address: String,
    token: String,
}

async fn place(root: &ArgMatches, matches: &ArgMatches) -> Result<Place> {
    let given = |id: &str| matches.get_one::<String>(id).cloned();
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let mut place = Place { address: default_address(), token: String::new() };
    let sources = sources(&[root, matches]);
    if !sources.files.is_empty() || !sources.directories.is_empty() {
        let config = Config::load(&sources).map_err(|e| anyhow!("{e}"))?;
        let api = config.agent.api.as_ref().context("the configuration has no [agent.api]")?;
        crate::secrets::start(&config, &surroundings(&config, Mode::Run)).await?;
        place = Place { address: api.address().to_owned(), token: api.token()? };
    }
    if let Some(address) = given("address").or_else(|| variable("AGENT_API")) {
        place.address = address;
    }
    if let Some(token) = given("token").or_else(|| variable("AGENT_API_TOKEN")) {
        place.token = token;
    }
    Ok(place)
}

async fn ask(root: &ArgMatches, matches: &ArgMatches, page: &str) -> Result<String> {
    let Place { address, token } = place(root, matches).await?;
    let mut setup = Setup::default();
    let file = |id: &str| matches.get_one::<String>(id).cloned().unwrap_or_default();
    (setup.tls.tls_ca, setup.tls.tls_cert, setup.tls.tls_key) = (file("tls-ca"), file("tls-cert"), file("tls-key"));
    let secure = !setup.tls.tls_ca.is_empty() || address.starts_with("https://");
    let (url, socket): (String, Option<PathBuf>) = match address.split_once("://") {
        Some(("http" | "https", _)) => (address.clone(), None),
        _ => match server::Address::parse(&address, "tcp")? {
            server::Address::Unix(path) => ("http://localhost".to_owned(), Some(path)),
            server::Address::Tcp(host, _) => {
                let host = if host.starts_with(':') { format!("localhost{host}") } else { host };
                (format!("http{}://{host}", if secure { "s" } else { "" }), None)
            }
            _ => bail!("address {address:?}: expected unix or tcp"),
        },
    };
    let url = Url::parse(&format!("{}/{page}", url.trim_end_matches('/')))
        .map_err(|e| anyhow!("address {address:?}: {e}"))?;
    let client: client::Client = setup.build(socket.as_deref())?;
    let mut request = client.request(Method::GET, url);
    if !token.is_empty() {
        request = request.bearer_auth(Secret::new(token).reveal()?);
    }
    let answer = client
        .send(request, LONGEST)
        .await
        .map_err(|e| anyhow!("ask the agent at {address}: {e}; is there [agent.api] in its configuration?"))?;
    ensure!(answer.status.is_success(), "ask the agent at {address}: {} {}", answer.status, answer.excerpt());
    String::from_utf8(answer.body).context("read what the agent answered")
}

/// The columns of the table.
const TITLES: [&str; 11] =
    ["PLUGIN", "IN", "OUT", "FILTERED", "DROPPED", "REJECTED", "QUEUED", "OLDEST", "ERRORS", "CPU", "MEMORY"];

fn table(page: &Page) -> String {
    let process = &page.process;
    let memory = process.resident_bytes.map(|b| format!(", memory {}", bytes(b))).unwrap_or_default();
    let mut out = format!(
        "agent {}, process {}, running for {}, CPU {:.1} s{memory}\nconfiguration in use for {}, {} reloads, {} refused\n\n",
        page.version,
        process.id,
        time(process.uptime_seconds),
        process.cpu_seconds,
        time(page.config.age_seconds),
        page.config.reloads,
        page.config.refused
    );
    let rows: Vec<[String; TITLES.len()]> =
        std::iter::once(TITLES.map(str::to_owned)).chain(page.plugins.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; TITLES.len()] = std::array::from_fn(width);
    for (i, row) in rows.iter().enumerate() {
        let mut line = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            // Writing into a String cannot fail.
            let _written = write!(line, "  {cell:>width$}");
        }
        out.push_str(line.trim_end());
        out.push('\n');
        if let Some(status) = i.checked_sub(1).and_then(|i| page.plugins.get(i)) {
            remarks(status).iter().for_each(|remark| out.push_str(&format!("    {remark}\n")));
        }
    }
    out
}

fn row(status: &Status) -> [String; TITLES.len()] {
    let name =
        if status.alias.is_empty() { status.plugin.clone() } else { format!("{}::{}", status.plugin, status.alias) };
    let queued = status.queued.as_ref();
    [
        name,
        status.taken.to_string(),
        status.given.to_string(),
        status.filtered.to_string(),
        status.dropped.values().sum::<i64>().to_string(),
        status.rejected.to_string(),
        queued.map(|q| format!("{} ({})", q.metrics, bytes(q.bytes))).unwrap_or_default(),
        queued.and_then(|q| q.oldest_seconds).map(time).unwrap_or_default(),
        status.errors.to_string(),
        format!("{:.1} s", status.cpu_seconds),
        status.held_bytes.map(|n| bytes(u64::try_from(n).unwrap_or(0))).unwrap_or_default(),
    ]
}

/// What has no column.
fn remarks(status: &Status) -> Vec<String> {
    let mut remarks = Vec::new();
    let reasons: Vec<String> = status.dropped.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    if !reasons.is_empty() {
        remarks.push(format!("dropped: {}", reasons.join(", ")));
    }
    if let Some(drops) = status.kernel_drops.filter(|n| *n > 0) {
        remarks.push(format!("the kernel dropped {drops} packets"));
    }
    if let Some(writing) = &status.writing {
        match (writing.breaker, writing.pause_seconds) {
            (Breaker::Open, pause) => {
                remarks.push(format!("breaker open, next try in {}", time(pause.unwrap_or_default())));
            }
            (Breaker::HalfOpen, _) => remarks.push("breaker half open, the next write decides".to_owned()),
            (Breaker::Closed, _) => {}
        }
        if writing.most_requests > 1 {
            remarks.push(format!("{} requests at once, {} at most", writing.requests, writing.most_requests));
        }
    }
    if let Some(seconds) = status.failing_seconds {
        remarks.push(format!("failing for {}", time(seconds)));
    }
    remarks
}

fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{} kB", n / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{} GB", n / 1_000_000_000),
    }
}

fn time(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min", whole / 60),
        7200..172_800 => format!("{} h", whole / 3600),
        _ => format!("{} d", whole / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Queued, Writing};

    #[test]
    fn the_table_is_aligned_and_says_why() {
        let queued = Queued { metrics: 7, bytes: 12_345, on_disk: false, oldest_seconds: Some(3.25) };
        let output = Status {
            plugin: "outputs.http".to_owned(),
            alias: "one".to_owned(),
            taken: 1000,
            given: 900,
            dropped: [("queue full".to_owned(), 93)].into(),
            queued: Some(queued),
            held_bytes: Some(12_345),
            failing_seconds: Some(130.0),
            writing: Some(Writing { breaker: Breaker::Open, pause_seconds: Some(31.5), requests: 3, most_requests: 8 }),
            ..Status::default()
        };
        let input = Status { plugin: "inputs.cpu".to_owned(), taken: 1000, given: 1000, ..Status::default() };
        let page = Page {
            version: "1".to_owned(),
            hostname: String::new(),
            process: Default::default(),
            config: Default::default(),
            plugins: vec![input, output],
        };
        let want = "\
agent 1, process 0, running for 0.0 s, CPU 0.0 s
configuration in use for 0.0 s, 0 reloads, 0 refused

PLUGIN               IN   OUT  FILTERED  DROPPED  REJECTED     QUEUED  OLDEST  ERRORS    CPU  MEMORY
inputs.cpu         1000  1000         0        0         0                          0  0.0 s
outputs.http::one  1000   900         0       93         0  7 (12 kB)   3.2 s       0  0.0 s   12 kB
    dropped: 93 queue full
    breaker open, next try in 31 s
    3 requests at once, 8 at most
    failing for 2 min
";
        assert_eq!(table(&page), want);
    }
}
