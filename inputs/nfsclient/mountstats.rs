//! `/proc/self/mountstats` line by line: what stands in a line belongs to the mount named last.

use crate::host::scan;
use agent_api::{Builder, Collector};

const EVENTS: [&str; 27] = [
    "inoderevalidates",
    "dentryrevalidates",
    "datainvalidates",
    "attrinvalidates",
    "vfsopen",
    "vfslookup",
    "vfsaccess",
    "vfsupdatepage",
    "vfsreadpage",
    "vfsreadpages",
    "vfswritepage",
    "vfswritepages",
    "vfsgetdents",
    "vfssetattr",
    "vfsflush",
    "vfsfsync",
    "vfslock",
    "vfsrelease",
    "congestionwait",
    "setattrtrunc",
    "extendwrite",
    "sillyrenames",
    "shortreads",
    "shortwrites",
    "delay",
    "pnfsreads",
    "pnfswrites",
];
const BYTES: [&str; 8] = [
    "normalreadbytes",
    "normalwritebytes",
    "directreadbytes",
    "directwritebytes",
    "serverreadbytes",
    "serverwritebytes",
    "readpages",
    "writepages",
];
const UDP: [&str; 6] = ["bind_count", "rpcsends", "rpcreceives", "badxids", "inflightsends", "backlogutil"];
const TCP: [&str; 9] = [
    "bind_count",
    "connect_count",
    "connect_time",
    "idle_time",
    "rpcsends",
    "rpcreceives",
    "badxids",
    "inflightsends",
    "backlogutil",
];
/// Newer kernels have a ninth number, the errors.
const OPERATION: [&str; 8] =
    ["ops", "trans", "timeouts", "bytes_sent", "bytes_recv", "queue_time", "response_time", "total_time"];

/// Reads lines.
pub(super) struct Mounts<W> {
    full: bool,
    /// Whether an operation is wanted.
    wanted: W,
    mount: String,
    export: String,
    /// False for mounts that are not NFS or not wanted.
    reads: bool,
    /// Operations are known of versions 3 and 4.
    has_version: bool,
}

impl<W: Fn(&str) -> bool> Mounts<W> {
    pub(super) fn new(full: bool, wanted: W) -> Self {
        Mounts { full, wanted, mount: String::new(), export: String::new(), reads: false, has_version: false }
    }

    /// Reads a line; `wanted` says whether a mount is.
    pub(super) fn line(&mut self, line: &[u8], out: &mut Collector, wanted: impl FnOnce(&str) -> bool) {
        let words: Vec<&[u8]> = scan::words(line).collect();
        match words.as_slice() {
            // device EXPORT mounted on MOUNT with fstype TYPE
            [b"device", export, b"mounted", b"on", mount, b"with", b"fstype", kind, ..] => {
                self.mount = scan::text(&scan::unescaped(mount)).into_owned();
                self.export = scan::text(&scan::unescaped(export)).into_owned();
                self.has_version = false;
                self.reads = matches!(kind, &b"nfs" | &b"nfs4") && wanted(&self.mount);
            }
            // RPC iostats version: 1.0  p/v: 100003/3 (nfs)
            [b"RPC", b"iostats", _, _, b"p/v:", version, ..] => {
                self.has_version = matches!(scan::split_once(version, b'/'), Some((_, b"3" | b"4")));
            }
            [name, numbers @ ..] if self.reads => {
                if let Some(name) = name.strip_suffix(b":") {
                    self.statistic(name, numbers, out);
                }
            }
            _ => {}
        }
    }

    fn statistic(&self, name: &[u8], words: &[&[u8]], out: &mut Collector) {
        let numbers = |words: &[&[u8]]| -> Vec<u64> { words.iter().map(|w| scan::uint(w).unwrap_or(0)).collect() };
        match (name, words) {
            (b"events", _) => self.add("nfs_events", &EVENTS, &numbers(words), out),
            (b"bytes", _) => self.add("nfs_bytes", &BYTES, &numbers(words), out),
            // The port comes before the numbers.
            (b"xprt", [b"tcp", _port, words @ ..]) => self.add("nfs_xprt_tcp", &TCP, &numbers(words), out),
            (b"xprt", [b"udp", _port, words @ ..]) => self.add("nfs_xprt_udp", &UDP, &numbers(words), out),
            _ if self.has_version && words.len() >= OPERATION.len() && name.iter().all(operation_byte) => {
                self.operation(&scan::text(name), &numbers(words), out);
            }
            _ => {}
        }
    }

    fn add(&self, metric: &str, names: &[&str], numbers: &[u64], out: &mut Collector) {
        if !self.full || numbers.len() < names.len() {
            return;
        }
        let mut metric = out.metric(metric).tag("mountpoint", &self.mount).tag("serverexport", &self.export);
        for (name, number) in names.iter().zip(numbers) {
            metric.add_field(name, *number);
        }
    }

    /// An operation with its eight numbers at least.
    fn operation(&self, name: &str, numbers: &[u64], out: &mut Collector) {
        let [ops, trans, _, sent, received, _, rtt, exe, ..] = numbers else { return };
        let is_transfer = matches!(name, "READ" | "WRITE");
        let add_transfer = |metric: &mut Builder<'_>| {
            metric.add_field("retrans", trans.saturating_sub(*ops));
            metric.add_field("bytes", sent.saturating_add(*received));
            metric.add_field("rtt", *rtt);
            metric.add_field("exe", *exe);
            metric.add_field("rtt_per_op", if *ops > 0 { *rtt as f64 / *ops as f64 } else { 0.0 });
        };
        if is_transfer {
            let mut metric = out.metric("nfsstat").tag("mountpoint", &self.mount).tag("operation", name);
            metric.add_tag("serverexport", &self.export);
            metric.add_field("ops", *ops);
            add_transfer(&mut metric);
        }
        if self.full && (self.wanted)(name) {
            let mut metric = out.metric("nfs_ops").tag("mountpoint", &self.mount).tag("operation", name);
            metric.add_tag("serverexport", &self.export);
            for (name, number) in OPERATION.iter().zip(numbers) {
                metric.add_field(name, *number);
            }
            // Dashboards find these in either metric, as Telegraf has always put them into both.
            if is_transfer {
                add_transfer(&mut metric);
            }
        }
    }
}

fn operation_byte(b: &u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    #[test]
    fn takes_anything() {
        let sample = b"device a:/b mounted on /c with fstype nfs\nRPC iostats version: 1.0 p/v: 1/3 (nfs)\nREAD: 1 2 3 4 5 6 7 8\n";
        noise(sample, |text| {
            let mut mounts = Mounts::new(true, |_: &str| true);
            let mut out = Collector::new();
            scan::lines(text).for_each(|line| mounts.line(line, &mut out, |_| true));
        });
    }
}
