//! What the API shows: the ledger as JSON, and as Prometheus reads it.

use crate::pipeline::Status;
use agent_api::stats;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The page `/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Version of the agent.
    pub version: String,
    /// The host as metrics name it; empty if they do not.
    pub hostname: String,
    /// The process.
    pub process: Process,
    /// How the configuration came to be.
    pub config: Configuration,
    /// What every plugin has done since it began: inputs, processors, aggregators, outputs, each in the order of the file.
    pub plugins: Vec<Status>,
}

/// What the agent itself costs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// For how long it has been running.
    pub uptime_seconds: f64,
    /// CPU, user and system.
    pub cpu_seconds: f64,
    /// Memory that it occupies; None where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

/// Where the configuration in use comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Configuration {
    /// Files and addresses.
    pub sources: Vec<String>,
    /// How often it was exchanged since the start.
    pub reloads: u64,
    /// How often one was refused.
    pub refused: u64,
    /// For how long it has been in use.
    pub age_seconds: f64,
}

impl Process {
    /// This process, begun `uptime` ago.
    pub(super) fn now(uptime: std::time::Duration) -> Self {
        Process {
            id: std::process::id(),
            uptime_seconds: uptime.as_secs_f64(),
            cpu_seconds: cpu_seconds(),
            resident_bytes: resident_bytes(),
        }
    }
}

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    0.0
}

/// proc(5), /proc/pid/status.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A family of the text format: name, type, help.
struct Family(&'static str, &'static str, &'static str);

/// The page `/metrics` in the text format of Prometheus, version 0.0.4.
pub(super) fn metrics(page: &Page) -> String {
    let mut out = Text::default();
    out.one(&Family("agent_info", "gauge", "Version of the agent"), &[("version", &page.version)], 1.0);
    let process = &page.process;
    out.one(&Family("process_cpu_seconds_total", "counter", "CPU of the process"), &[], process.cpu_seconds);
    if let Some(bytes) = process.resident_bytes {
        out.one(&Family("process_resident_memory_bytes", "gauge", "Memory of the process"), &[], bytes as f64);
    }
    out.one(&Family("agent_uptime_seconds", "gauge", "Time since the start"), &[], process.uptime_seconds);
    out.one(&Family("agent_reloads_total", "counter", "Configurations taken"), &[], page.config.reloads as f64);
    out.one(
        &Family("agent_reloads_refused_total", "counter", "Configurations refused"),
        &[],
        page.config.refused as f64,
    );
    out.each(page, &Family("agent_metrics_in_total", "counter", "Metrics that came"), |s| Some(s.taken as f64));
    out.each(page, &Family("agent_metrics_out_total", "counter", "Metrics given on or written"), |s| {
        Some(s.given as f64)
    });
    out.each(page, &Family("agent_metrics_filtered_total", "counter", "Metrics left out by filters"), |s| {
        Some(s.filtered as f64)
    });
    out.each(page, &Family("agent_metrics_rejected_total", "counter", "Metrics refused for good"), |s| {
        Some(s.rejected as f64)
    });
    out.head(&Family("agent_metrics_dropped_total", "counter", "Metrics lost, by reason"));
    for (n, status) in page.plugins.iter().enumerate() {
        for (reason, dropped) in &status.dropped {
            let number = number_of(page, n);
            let tags = [("plugin", &*status.plugin), ("alias", &status.alias), ("n", &number), ("reason", reason)];
            out.line("agent_metrics_dropped_total", &tags, *dropped as f64);
        }
    }
    out.each(page, &Family("agent_errors_total", "counter", "Errors"), |s| Some(s.errors as f64));
    out.each(page, &Family("agent_queue_metrics", "gauge", "Metrics that wait"), |s| {
        s.queued.as_ref().map(|q| q.metrics as f64)
    });
    out.each(page, &Family("agent_queue_bytes", "gauge", "Bytes that wait"), |s| {
        s.queued.as_ref().map(|q| q.bytes as f64)
    });
    out.each(page, &Family("agent_queue_oldest_seconds", "gauge", "Age of the oldest that waits"), |s| {
        s.queued.as_ref().map(|q| q.oldest_seconds.unwrap_or(0.0))
    });
    out.each(page, &Family("agent_kernel_drops_total", "counter", "Packets that the kernel dropped"), |s| {
        s.kernel_drops.map(|n| n as f64)
    });
    out.each(page, &Family("agent_plugin_cpu_seconds_total", "counter", "CPU in calls of the plugin"), |s| {
        Some(s.cpu_seconds)
    });
    out.each(page, &Family("agent_plugin_held_bytes", "gauge", "Memory that the plugin says it holds"), |s| {
        s.held_bytes.map(|bytes| bytes as f64)
    });
    out.each(page, &Family("agent_plugin_failing_seconds", "gauge", "For how long nothing has gone well"), |s| {
        Some(s.failing_seconds.unwrap_or(0.0))
    });
    out.latencies();
    out.0
}

/// Plugins of the same name and alias are told apart by a number; empty for the first.
fn number_of(page: &Page, n: usize) -> String {
    let own = &page.plugins[n];
    let before = page.plugins[..n].iter().filter(|s| s.plugin == own.plugin && s.alias == own.alias).count();
    if before == 0 { String::new() } else { (before + 1).to_string() }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, Family(name, kind, help): &Family) {
        // Writing into a String cannot fail.
        let _written = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, family: &Family, tags: &[(&str, &str)], value: f64) {
        self.head(family);
        self.line(family.0, tags, value);
    }

    fn each(&mut self, page: &Page, family: &Family, value: impl Fn(&Status) -> Option<f64>) {
        self.head(family);
        for (n, status) in page.plugins.iter().enumerate() {
            let Some(value) = value(status) else { continue };
            let number = number_of(page, n);
            self.line(family.0, &[("plugin", &status.plugin), ("alias", &status.alias), ("n", &number)], value);
        }
    }

    /// A line; tags without a value are left out.
    fn line(&mut self, name: &str, tags: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        let mut before = '{';
        for (key, value) in tags.iter().filter(|t| !t.1.is_empty()) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _written = write!(self.0, "{before}{key}=\"{value}\"");
            before = ',';
        }
        let end = if before == '{' { "" } else { "}" };
        let _written = writeln!(self.0, "{end} {value}");
    }

    /// How long calls of plugins took, since the start.
    fn latencies(&mut self) {
        self.head(&Family("agent_call_seconds", "summary", "How long calls of plugins took"));
        for set in stats::all() {
            for (name, latency) in set.latencies() {
                let call = name.strip_suffix("_time_ns").unwrap_or(&name).to_owned();
                let mut tags: Vec<(&str, &str)> = set.tags().iter().map(|t| (t.0.as_str(), t.1.as_str())).collect();
                tags.push(("call", &call));
                for (quantile, nanos) in [("0.5", latency.p50), ("0.9", latency.p90), ("0.99", latency.p99)] {
                    let mut tags = tags.clone();
                    tags.push(("quantile", quantile));
                    self.line("agent_call_seconds", &tags, nanos as f64 / 1e9);
                }
                self.line("agent_call_seconds_count", &tags, latency.count as f64);
            }
        }
    }
}
