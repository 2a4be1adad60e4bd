//! Prints how fast lines are taken apart by patterns of several kinds, on one core.
//!
//! `cargo run --release -p agent-formats --example grok [LINES]`

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use agent_formats as _;
use std::io::Write;

const ACCESS: &str = r#"10.120.182.11 - frank [14/Nov/2023:22:00:00 +0000] "GET /api/v1/orders?id=90889 HTTP/1.1" 200 20291 "http://example.org/a" "Mozilla/5.0 (X11; Linux x86_64)""#;
const SYSLOG: &str = "Nov 14 22:00:00 box-17 sshd[4242]: Accepted publickey for ada from 10.0.0.9 port 50022 ssh2";
const APPLICATION: &str = "2023-11-14 22:00:00,123 INFO [worker-3] com.example.Job - took=15ms items=42 status=done";

/// What is measured: a name, patterns and a line.
const WORK: &[(&str, &[&str], &str)] = &[
    ("access log", &["%{COMBINED_LOG_FORMAT}"], ACCESS),
    ("access log, anchored", &["^%{COMBINED_LOG_FORMAT}$"], ACCESS),
    ("COMBINEDAPACHELOG", &["%{COMBINEDAPACHELOG}"], ACCESS),
    (
        "access log, fourth of four patterns",
        &["%{SYSLOGLINE}", "%{HTTPD24_ERRORLOG}", "^%{NUMBER:n:int}$", "%{COMBINED_LOG_FORMAT}"],
        ACCESS,
    ),
    ("syslog", &["%{SYSLOGLINE}"], SYSLOG),
    (
        "syslog, with its time",
        &[
            "%{SYSLOGTIMESTAMP:t:ts-syslog} %{HOSTNAME:host:tag} %{PROG:prog:tag}\\[%{POSINT:pid:int}\\]: %{GREEDYDATA:message}",
        ],
        SYSLOG,
    ),
    (
        "application log",
        &[
            "%{TIMESTAMP_ISO8601:t:ts-\"2006-01-02 15:04:05.000\"} %{LOGLEVEL:level:tag} \\[%{DATA:thread}\\] %{JAVACLASS:class} - took=%{NOTSPACE:took:duration} items=%{INT:items:int} status=%{WORD:status:tag}",
        ],
        APPLICATION,
    ),
    ("a match in the middle", &["items=%{INT:items:int} status=%{WORD:status:tag}"], APPLICATION),
    ("no match", &["%{COMBINED_LOG_FORMAT}"], APPLICATION),
    ("no match after much work", &["%{IPORHOST:a} %{IPORHOST:b} %{IPORHOST:c}$"], APPLICATION),
];

/// A parser is built so often to see how long it takes.
const BUILDS: usize = 100;

/// Nanoseconds that this process has spent on a core, as Linux counts them: others may be on the machine.
fn spent() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn main() -> Result<()> {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let Some(Build::Parser(make)) = find(Family::Parsers, "grok").map(|e| e.build) else { bail!("no parser grok") };
    for (name, patterns, line) in WORK {
        let span = Span::default();
        let items = patterns.iter().map(|text| Item { value: Setting::Str((*text).to_owned()), span });
        let mut table = Table::default();
        table.set("grok_patterns", span, Item { value: Setting::Array(items.collect()), span });
        let begin = spent()?;
        for _ in 0..BUILDS {
            make(&table, &Env::new("inputs.tail"))?;
        }
        let built = (spent()? - begin) / BUILDS as f64 / 1000.0;
        let mut parser = make(&table, &Env::new("inputs.tail"))?;
        let body = Body::from(format!("{line}\n").repeat(count));
        let begin = spent()?;
        parser.parse(&body, &mut Collector::shipping(drop))?;
        let each = (spent()? - begin) / count as f64;
        writeln!(std::io::stdout(), "{name}: {each:.0} ns a line; built in {built:.0} us")?;
    }
    Ok(())
}
