//! The metrics of a process.

use super::find::Finder;
use super::process::{Io, MAPS, Stat, Status, boot_time, limits, maps};
use super::sockets::{self, Queues, Socket};
use super::{processors, seconds, windows};
use crate::host::{os, scan};
use agent_api::*;
use std::time::Instant;

/// What is reported of every process.
pub(super) struct Options {
    pub(super) prefix: String,
    pub(super) process_name: String,
    pub(super) of_all_processors: bool,
    pub(super) tag_with: Vec<String>,
    pub(super) properties: Vec<String>,
    pub(super) protocols: Vec<&'static str>,
}

impl Options {
    /// Whether something is to be a tag.
    pub(super) fn tagged(&self, name: &str) -> bool {
        self.tag_with.iter().any(|t| t == name)
    }

    pub(super) fn wants(&self, property: &str) -> bool {
        self.properties.iter().any(|p| p == property)
    }
}

/// What is the same for all processes of a gathering.
pub(super) struct Machine {
    /// Seconds since the Unix epoch at the start.
    boot_time: Option<u64>,
    /// Bytes of memory.
    memory: Option<u64>,
    page: u64,
}

impl Machine {
    pub(super) fn read(finder: &mut Finder) -> Self {
        if cfg!(windows) {
            // Times there are since 1970 already, see `windows::stat`.
            let memory = agent_windows::memory().ok().map(|memory| memory.total);
            return Machine { boot_time: Some(0), memory, page: os::page_size() };
        }
        let (stat, meminfo) = (finder.proc.join("stat"), finder.proc.join("meminfo"));
        let boot_time = finder.reader.read(&stat).ok().and_then(boot_time);
        let total = |text| {
            let value = scan::lines(text).find_map(|l| l.strip_prefix(b"MemTotal:"))?;
            scan::uint(scan::words(value).next()?)?.checked_mul(1024)
        };
        let memory = finder.reader.read(&meminfo).ok().and_then(total);
        Machine { boot_time, memory, page: os::page_size() }
    }
}

/// What is kept of a process between two gatherings.
pub(super) struct Known {
    /// When it was started, in ticks: tells it from a later process of the same number.
    pub(super) start: u64,
    /// Whether it was found in this gathering.
    pub(super) found: bool,
    tags: Vec<(&'static str, String)>,
    /// Processor time in seconds and when it was read.
    spent: Option<(f64, Instant)>,
}

impl Known {
    pub(super) fn new(stat: &Stat, tags: Vec<(&'static str, String)>) -> Self {
        Known { start: stat.start, found: true, tags, spent: None }
    }

    /// Adds the metrics of the process. What may not be read, as files of other users, is left out.
    pub(super) fn report(
        &mut self,
        pid: u32,
        stat: &Stat,
        options: &Options,
        machine: &Machine,
        finder: &mut Finder,
        out: &mut Collector,
    ) {
        let mut metric = out.metric("procstat").tags(self.tags.iter().map(|t| (t.0, t.1.as_str())));
        let mut fields = Prefixed { metric: &mut metric, prefix: &options.prefix, key: String::new() };
        let (mut status, mut files) = (None, None);
        if let Some(process) = finder.listed.get(&pid) {
            windows::report(process, &mut fields);
        } else {
            status = finder.status(pid);
            files = std::fs::read_dir(finder.path(pid, "fd")).ok().map(|entries| entries.count() as i64);
            counted(pid, stat, status.as_ref(), files, finder, &mut fields);
        }
        if let Some(boot) = machine.boot_time {
            fields.add("created_at", created_at(boot, stat.start));
        }
        if options.wants("cpu") {
            self.cpu(stat, options, &mut fields);
        }
        if options.wants("memory") {
            let resident = stat.pages.saturating_mul(machine.page);
            fields.add("memory_rss", resident);
            fields.add("memory_vms", stat.size);
            if let Some(all) = machine.memory.filter(|m| *m > 0) {
                // In single precision, as Telegraf does.
                fields.add("memory_usage", 100.0 * resident as f32 / all as f32);
            }
        }
        if options.wants("mmap") {
            mapped(pid, stat, finder, &mut fields);
        }
        if options.wants("limits") {
            limited(pid, stat, status.as_ref(), files, machine, finder, &mut fields);
        }
        let tagged = |name: &str| options.tagged(name);
        if let Some(line) = finder.command_line(pid) {
            fields.add_or_tag("cmdline", &line, tagged("cmdline"));
        }
        if stat.state != windows::UNKNOWN {
            fields.add_or_tag("status", stat.state_name(), tagged("status"));
        }
        if let Some(user) = finder.user(pid) {
            fields.add_or_tag("user", &user, tagged("user"));
        }
        if tagged("ppid") {
            fields.metric.add_tag("ppid", &stat.parent.to_string());
        } else {
            fields.add("ppid", stat.parent);
        }
        if tagged("pid") {
            metric.add_tag("pid", &pid.to_string());
        } else {
            metric.add_field("pid", i64::from(pid));
        }
        let name = match options.process_name.is_empty() {
            true => finder.name(pid).unwrap_or_else(|| stat.name.clone()),
            false => options.process_name.clone(),
        };
        metric.add_tag("process_name", &name);
        drop(metric);
        if options.wants("sockets") {
            self.sockets(pid, &name, options, finder, out);
        }
    }

    fn cpu(&mut self, stat: &Stat, options: &Options, fields: &mut Prefixed<'_, '_>) {
        let (user, system) = (seconds(stat.user), seconds(stat.system));
        fields.add("cpu_time_user", user);
        fields.add("cpu_time_system", system);
        if stat.state != windows::UNKNOWN {
            fields.add("cpu_time_iowait", seconds(stat.waiting));
        }
        let now = Instant::now();
        let spent = user + system;
        if let Some((before, at)) = self.spent.replace((spent, now)) {
            let elapsed = (now - at).as_secs_f64();
            if elapsed > 0.0 {
                let share = 100.0 * (spent - before) / elapsed;
                fields.add("cpu_usage", if options.of_all_processors { share / processors() } else { share });
            }
        }
    }

    fn sockets(&self, pid: u32, name: &str, options: &Options, finder: &mut Finder, out: &mut Collector) {
        let open = sockets::open(pid, finder);
        for protocol in &options.protocols {
            let all = match cfg!(windows) {
                true => windows::sockets(pid, protocol, &finder.connections),
                false => sockets::of(pid, protocol, &open, finder),
            };
            for socket in all {
                let mut metric = out.metric("procstat_socket").tags(self.tags.iter().map(|t| (t.0, t.1.as_str())));
                metric.add_tag("process_name", name);
                let mut add = |key: &str, value: &str| match options.tagged(key) {
                    true => metric.add_tag(key, value),
                    false => metric.add_field(key, value),
                };
                add("protocol", protocol);
                match &socket {
                    Socket::Inet { state, local, remote, .. } => {
                        add("state", state);
                        add("src", &local.0.to_string());
                        add("dest", &remote.0.to_string());
                    }
                    Socket::Unix { state, path, .. } => {
                        add("state", state);
                        add("name", path);
                    }
                }
                let mut number = |key: &str, value: u64| match options.tagged(key) {
                    true => metric.add_tag(key, &value.to_string()),
                    false => metric.add_field(key, value),
                };
                number("pid", pid.into());
                match socket {
                    Socket::Inet { local, remote, queues, .. } => {
                        number("src_port", local.1.into());
                        number("dest_port", remote.1.into());
                        if let Some(Queues { receive, send }) = queues {
                            number("rx_queue", receive);
                            number("tx_queue", send);
                        }
                    }
                    Socket::Unix { inode, .. } => number("inode", inode),
                }
            }
        }
    }
}

/// A metric whose fields get a prefix.
pub(super) struct Prefixed<'a, 'b> {
    metric: &'a mut Builder<'b>,
    prefix: &'a str,
    key: String,
}

impl Prefixed<'_, '_> {
    pub(super) fn add<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        self.key.clear();
        self.key.push_str(self.prefix);
        self.key.push_str(key);
        self.metric.add_field(&self.key, value);
    }

    fn add_or_tag(&mut self, key: &str, value: &str, tag: bool) {
        if tag { self.metric.add_tag(key, value) } else { self.add(key, value) }
    }
}

/// Nanoseconds since the Unix epoch at the start of a process, in milliseconds as ticks are no finer.
fn created_at(boot: u64, start: u64) -> i64 {
    let millis = seconds(start) * 1000.0 + boot as f64 * 1000.0;
    (millis as i64).saturating_mul(1_000_000)
}

/// What the files of a process count.
fn counted(
    pid: u32,
    stat: &Stat,
    status: Option<&Status>,
    files: Option<i64>,
    finder: &mut Finder,
    fields: &mut Prefixed<'_, '_>,
) {
    if let Some(status) = status {
        fields.add("num_threads", status.threads);
        fields.add("voluntary_context_switches", status.voluntary_switches);
        fields.add("involuntary_context_switches", status.involuntary_switches);
    }
    if let Some(files) = files {
        fields.add("num_fds", files);
    }
    fields.add("minor_faults", stat.minor_faults);
    fields.add("major_faults", stat.major_faults);
    fields.add("child_minor_faults", stat.child_minor_faults);
    fields.add("child_major_faults", stat.child_major_faults);
    let path = finder.path(pid, "io");
    if let Ok(io) = finder.reader.read(&path).map(Io::parse) {
        fields.add("read_count", io.read_count);
        fields.add("write_count", io.write_count);
        fields.add("read_bytes", io.read_bytes);
        fields.add("write_bytes", io.write_bytes);
        fields.add("disk_read_bytes", io.disk_read_bytes);
        fields.add("disk_write_bytes", io.disk_write_bytes);
    }
}

/// Sums of the mapped memory. The kernel adds them up itself since 4.14, all but the size.
fn mapped(pid: u32, stat: &Stat, finder: &mut Finder, fields: &mut Prefixed<'_, '_>) {
    for file in ["smaps_rollup", "smaps"] {
        let path = finder.path(pid, file);
        if let Ok(text) = finder.reader.read(&path) {
            let sums = maps(text);
            for ((field, _), value) in MAPS.iter().zip(sums) {
                let size = *field == "memory_size" && value == 0;
                fields.add(field, if size { stat.size / 1024 } else { value });
            }
            return;
        }
    }
}

/// Limits, and what is used of each.
fn limited(
    pid: u32,
    stat: &Stat,
    status: Option<&Status>,
    files: Option<i64>,
    machine: &Machine,
    finder: &mut Finder,
    fields: &mut Prefixed<'_, '_>,
) {
    let path = finder.path(pid, "limits");
    let Ok(text) = finder.reader.read(&path) else { return };
    let status = status.copied().unwrap_or_default();
    for (name, soft, hard) in limits(text) {
        fields.add(&format!("rlimit_{name}_soft"), soft);
        fields.add(&format!("rlimit_{name}_hard"), hard);
        let used = match name {
            "cpu_time" => (seconds(stat.user) + seconds(stat.system)) as u64,
            "memory_data" => status.data,
            "memory_stack" => status.stack,
            "memory_rss" => stat.pages.saturating_mul(machine.page),
            "num_fds" => match files.and_then(|n| u64::try_from(n).ok()) {
                Some(files) => files,
                None => continue,
            },
            "memory_locked" => status.locked,
            "memory_vms" => stat.size,
            "signals_pending" => status.pending,
            // The kernel's own scale: 1 is the last to run, 40 the first.
            "nice_priority" => u64::try_from(20 - stat.nice.clamp(-20, 19)).unwrap_or(0),
            "realtime_priority" => stat.realtime,
            _ => continue,
        };
        fields.add(name, used);
    }
}
