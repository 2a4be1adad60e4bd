//! Load, uptime, users, processors, and on request what the machine and its system are.
//!
//! `include = ["legacy"]`, the default, gives three metrics, each of its own kind, as it always was; every other choice of
//! groups gives one metric with all their fields.

mod cpus;
mod dmi;
mod release;
mod utmp;

use crate::host::{Reader, os, scan};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Instant;

register!(Entry::input::<System>());

/// Reads files of `/proc`, `/sys`, `/etc` and `/var`, and asks the kernel.
struct System {
    settings: Settings,
    log: Log,
    host: HostPaths,
    dmi: PathBuf,
    reader: Reader,
    release: Option<(Instant, Texts)>,
    board: Option<(Instant, Texts)>,
    said: Vec<String>,
    /// What the kernel says is online, and how many processors were counted then.
    cpus: Option<(Vec<u8>, cpus::Cpus)>,
}

/// Fields that are texts.
type Texts = Vec<(&'static str, String)>;

/// What is reported.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Groups of fields: `legacy` (three metrics: load, users and processors; uptime; uptime as text), `cpus` (number of
    /// processors), `dmi` (mainboard, chassis, firmware), `load`, `os` (distribution and kernel), `uptime`, `users`.
    include: Vec<String>,
    /// How long the fields of `os` are kept before they are read again; 0 reads them each time.
    os_cache_ttl: Duration,
    /// How long the fields of `dmi` are kept before they are read again; 0 reads them each time.
    dmi_cache_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let ttl = Duration::secs(8 * 3600);
        Settings { include: vec!["legacy".to_owned()], os_cache_ttl: ttl, dmi_cache_ttl: ttl }
    }
}

const GROUPS: [&str; 7] = ["legacy", "cpus", "dmi", "load", "os", "uptime", "users"];

impl Plugin for System {
    const NAME: &'static str = "system";
    const ABOUT: &'static str = "Reads load, uptime, users and what the machine is.";
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        for name in &settings.include {
            ensure!(GROUPS.contains(&name.as_str()), "include: unknown {name:?}, known are {}", GROUPS.join(", "));
            let there = !cfg!(windows) || ["legacy", "cpus", "uptime"].contains(&name.as_str());
            ensure!(there, "include: {name:?} is not on Windows");
        }
        if settings.include.is_empty() {
            settings.include = Settings::default().include;
        }
        // Users of Telegraf in containers know this variable for the tables of the firmware, and no other.
        let sys = match std::env::var_os("GHW_CHROOT") {
            Some(root) if !root.is_empty() => PathBuf::from(root).join("sys"),
            _ => env.host.sys.clone(),
        };
        Ok(System {
            settings,
            log: env.log.clone(),
            host: env.host.clone(),
            dmi: sys.join("class/dmi/id"),
            reader: Reader::new(),
            release: None,
            board: None,
            said: Vec::new(),
            cpus: None,
        })
    }
}

impl Input for System {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        if self.includes("legacy") {
            self.legacy(out);
        }
        if self.settings.include.iter().any(|g| g != "legacy") {
            self.groups(out);
        }
        Ok(())
    }
}

impl System {
    fn includes(&self, group: &str) -> bool {
        self.settings.include.iter().any(|g| g == group)
    }

    /// The three metrics of old.
    fn legacy(&mut self, out: &mut Collector) {
        let mut numbers = Vec::with_capacity(8);
        if !cfg!(windows) {
            self.add_load(&mut numbers, out);
            self.add_users(&mut numbers, out);
        }
        self.add_cpus(&mut numbers, out);
        out.metric("system").kind(Kind::Gauge).fields(numbers);
        if let Some(uptime) = uptime(out) {
            out.metric("system").kind(Kind::Counter).field("uptime", uptime);
            out.metric("system").field("uptime_format", &uptime_text(uptime));
        }
    }

    /// One metric with the fields of all groups.
    fn groups(&mut self, out: &mut Collector) {
        let mut numbers = Vec::with_capacity(8);
        if self.includes("load") {
            self.add_load(&mut numbers, out);
        }
        if self.includes("users") {
            self.add_users(&mut numbers, out);
        }
        if self.includes("cpus") {
            self.add_cpus(&mut numbers, out);
        }
        if self.includes("uptime") {
            numbers.extend(uptime(out).map(|seconds| ("uptime", Value::Uint(seconds))));
        }
        if self.includes("os") {
            let reader = &mut self.reader;
            let etc = &self.host.etc;
            keep(&mut self.release, self.settings.os_cache_ttl, || release::read(etc, reader));
        }
        if self.includes("dmi") {
            let reader = &mut self.reader;
            let folder = &self.dmi;
            keep(&mut self.board, self.settings.dmi_cache_ttl, || dmi::read(folder, reader));
        }
        let mut metric = out.metric("system").fields(numbers);
        for (_, texts) in self.release.iter().chain(&self.board) {
            for (name, text) in texts {
                metric.add_field(name, text);
            }
        }
    }

    fn add_load(&mut self, fields: &mut Vec<(&'static str, Value<'static>)>, out: &mut Collector) {
        let path = self.host.proc.join("loadavg");
        let read = self.reader.need(&path).and_then(|text| {
            load(text).with_context(|| format!("read {}: invalid line {}", path.display(), scan::quoted(text)))
        });
        match read {
            Ok(load) => fields.extend(["load1", "load5", "load15"].into_iter().zip(load.map(Value::Float))),
            Err(e) => out.error(e),
        }
    }

    /// Where nobody keeps a list of users, as in most containers, there are no fields; that is said once.
    fn add_users(&mut self, fields: &mut Vec<(&'static str, Value<'static>)>, out: &mut Collector) {
        let path = self.host.var.join("run/utmp");
        match self.reader.read(&path) {
            Ok(records) => {
                let (all, unique) = utmp::users(records);
                fields.push(("n_users", Value::Int(all)));
                fields.push(("n_unique_users", Value::Int(unique)));
            }
            Err(e) => {
                use std::io::ErrorKind::{NotFound, PermissionDenied};
                let text = format!("read {}: {e}", path.display());
                if !matches!(e.kind(), NotFound | PermissionDenied) {
                    out.error(anyhow!(text));
                } else if !self.said.contains(&text) {
                    self.log.debug(format_args!("no number of users: {text}"));
                    self.said.push(text);
                }
            }
        }
    }

    /// Counting takes a file a processor, so it is done when processors have come or gone.
    fn add_cpus(&mut self, fields: &mut Vec<(&'static str, Value<'static>)>, out: &mut Collector) {
        if cfg!(windows) {
            match agent_windows::processors() {
                Ok(all) => fields.push(("n_cpus", Value::Int(all.len() as i64))),
                Err(e) => out.error(anyhow!("ask for the processors: {e}")),
            }
            return;
        }
        let online = self.reader.read(&self.host.sys.join("devices/system/cpu/online")).map(<[u8]>::to_vec);
        let counted = match (&self.cpus, &online) {
            (Some((then, cpus)), Ok(now)) if then == now => Ok(*cpus),
            _ => cpus::count(&self.host, &mut self.reader),
        };
        self.cpus = online.ok().zip(counted.as_ref().ok().copied());
        match counted {
            Ok(cpus) => {
                fields.push(("n_cpus", Value::Int(cpus.logical)));
                fields.push(("n_physical_cpus", Value::Int(cpus.physical)));
            }
            Err(e) => out.error(e),
        }
    }
}

/// Reads texts again when they are too old.
fn keep(kept: &mut Option<(Instant, Texts)>, ttl: Duration, read: impl FnOnce() -> Texts) {
    if kept.as_ref().is_none_or(|(since, _)| since.elapsed() >= *ttl) {
        *kept = Some((Instant::now(), read()));
    }
}

/// Averages over 1, 5 and 15 minutes in the text of `loadavg`.
fn load(text: &[u8]) -> Option<[f64; 3]> {
    let mut words = scan::words(text);
    let mut next = || scan::float(words.next()?);
    Some([next()?, next()?, next()?])
}

fn uptime(out: &mut Collector) -> Option<u64> {
    match os::uptime() {
        Ok(uptime) => Some(uptime),
        Err(e) => {
            out.error(anyhow!("ask for the uptime: {e}"));
            None
        }
    }
}

/// Seconds as `14 days, 11:07`.
fn uptime_text(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let time = format!("{hours:2}:{minutes:02}");
    match days {
        0 => time,
        1 => format!("1 day, {time}"),
        days => format!("{days} days, {time}"),
    }
}

#[cfg(test)]
mod tests;
