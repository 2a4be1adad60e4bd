//! What the page says of the agent's own process, by the names that Prometheus's client libraries agreed on
//! (prometheus.io/docs/instrumenting/writing_clientlibs#process-metrics). Linux only; from `/proc/self` (proc(5)).

use super::shown::Format;
use agent_api::Kind;
use agent_formats::exposition::names::Escaping;
use agent_formats::exposition::text::{Family, Point, Row};
use std::borrow::Cow;

/// Ticks of a second in `/proc/self/stat`: USER_HZ is 100 on every architecture that Linux has today.
const TICKS: f64 = 100.0;
/// Bytes of the unit of `/proc/self/status`, which calls it kB.
const KIB: f64 = 1024.0;

/// Which figures the page has.
#[derive(Clone, Copy)]
pub(super) struct Collectors {
    process: bool,
    runtime: bool,
}

impl Collectors {
    /// All but those named.
    pub(super) fn without(names: &[String]) -> Self {
        let named = |name: &str| names.iter().any(|n| n == name);
        Collectors { process: !named("process"), runtime: !named("gocollector") }
    }

    /// Appends the families.
    pub(super) fn append(self, format: Format, out: &mut Vec<u8>) {
        if self.runtime {
            runtime(format, out);
        }
        if self.process {
            families(format, out);
        }
    }
}

/// Appends what has a meaning here of the figures of Go's runtime that Telegraf shows: its threads, by the name that dashboards know.
fn runtime(format: Format, out: &mut Vec<u8>) {
    let threads = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| field(&stat, 20));
    append("go_threads", "Threads of the process", Kind::Gauge, threads, format, out);
}

/// Appends the families of the process whose figures can be read.
fn families(format: Format, out: &mut Vec<u8>) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
    let booted = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let net = read("net/dev");
    let open = std::fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as f64);
    let all: [(&str, &str, Kind, Option<f64>); 9] = [
        ("process_cpu_seconds_total", "CPU time of the process in seconds", Kind::Counter, cpu(&stat)),
        ("process_max_fds", "Most file descriptors that may be open", Kind::Gauge, limit(&limits, "Max open files")),
        ("process_network_receive_bytes_total", "Bytes received over the network", Kind::Counter, bytes(&net, 0)),
        ("process_network_transmit_bytes_total", "Bytes sent over the network", Kind::Counter, bytes(&net, 8)),
        ("process_open_fds", "File descriptors that are open", Kind::Gauge, open),
        ("process_resident_memory_bytes", "Memory in use in bytes", Kind::Gauge, memory(&status, "VmRSS:")),
        ("process_start_time_seconds", "Start in seconds since the Unix epoch", Kind::Gauge, started(&stat, &booted)),
        ("process_virtual_memory_bytes", "Virtual memory in bytes", Kind::Gauge, memory(&status, "VmSize:")),
        (
            "process_virtual_memory_max_bytes",
            "Most virtual memory in bytes, -1 for no bound",
            Kind::Gauge,
            limit(&limits, "Max address space"),
        ),
    ];
    for (name, help, kind, value) in all {
        append(name, help, kind, value, format, out);
    }
}

fn append(name: &str, help: &str, kind: Kind, value: Option<f64>, format: Format, out: &mut Vec<u8>) {
    let Some(value) = value else { return };
    let point = Point::Number(value);
    let rows = vec![Row { labels: Vec::new(), point: &point, time: None }];
    let name = if format.escaping == Escaping::Dots { format.escaping.escape(name) } else { Cow::Borrowed(name) };
    format.family(&Family { name, help, kind, rows }, out);
}

/// Fields of `stat` behind the name of the program, which may hold blanks and brackets; the first is field 3.
fn field(stat: &str, number: usize) -> Option<f64> {
    stat.rsplit_once(") ")?.1.split_ascii_whitespace().nth(number - 3)?.parse().ok()
}

fn cpu(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS)
}

fn started(stat: &str, booted: &str) -> Option<f64> {
    let boot: f64 = booted.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + field(stat, 22)? / TICKS)
}

fn memory(status: &str, key: &str) -> Option<f64> {
    let kib: f64 = status.lines().find_map(|l| l.strip_prefix(key))?.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * KIB)
}

fn limit(limits: &str, key: &str) -> Option<f64> {
    match limits.lines().find_map(|l| l.strip_prefix(key))?.split_ascii_whitespace().next()? {
        "unlimited" => Some(-1.0),
        number => number.parse().ok(),
    }
}

/// The sum over all interfaces of a column of `net/dev`.
fn bytes(net: &str, column: usize) -> Option<f64> {
    let figures = net.lines().filter_map(|l| l.split_once(':')?.1.split_ascii_whitespace().nth(column)?.parse().ok());
    let all: Vec<f64> = figures.collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_process() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 300 0 5 0 150 50 0 0 20 0 4 0 8800 1000000 250 9";
        assert_eq!((cpu(stat), started(stat, "cpu 1\nbtime 1700000000\n")), (Some(2.0), Some(1_700_000_088.0)));
        assert_eq!(memory("Name:\ta\nVmRSS:\t    2 kB\n", "VmRSS:"), Some(2048.0));
        let limits = "Limit  Soft  Hard Units\nMax open files  1024   4096  files\nMax address space  unlimited unlimited bytes\n";
        assert_eq!((limit(limits, "Max open files"), limit(limits, "Max address space")), (Some(1024.0), Some(-1.0)));
        let net = "Inter-| Receive\n face |bytes\n    lo: 10 1 0 0 0 0 0 0 20 1 0\n  eth0: 5 1 0 0 0 0 0 0 7 1 0\n";
        assert_eq!((bytes(net, 0), bytes(net, 8)), (Some(15.0), Some(27.0)));
        assert_eq!((cpu(""), memory("", "VmRSS:"), bytes("", 0)), (None, None, None));
    }
}
