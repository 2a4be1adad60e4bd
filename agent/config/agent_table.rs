//! The `[agent]` table (TELEGRAF.md 2).

use super::errors::{Problem, name_hints};
use super::typed::{count, duration, flag, size, text, texts, whole};
use super::{AgentSettings, Full, Order};
use crate::control::{Api, ApiError};
use agent_api::Secret;
use agent_api::options::{Entry, Setting, Table};
use agent_api::plugin::AgentInfo;
use std::sync::Arc;
use std::time::Duration;

/// Keys that match in any case of letters and with or without underscores, as Telegraf's own of no explicit name do.
const LOOSE: [&str; 11] = [
    "interval",
    "round_interval",
    "metric_batch_size",
    "metric_buffer_limit",
    "collection_jitter",
    "collection_offset",
    "flush_interval",
    "flush_jitter",
    "precision",
    "hostname",
    "omit_hostname",
];

/// The other keys.
const EXACT: [&str; 31] = [
    "debug",
    "quiet",
    "logformat",
    "structured_log_message_key",
    "logfile",
    "logfile_rotation_interval",
    "logfile_rotation_max_size",
    "logfile_rotation_max_archives",
    "log_with_timezone",
    "logtarget",
    "snmp_translator",
    "statefile",
    "always_include_local_tags",
    "always_include_global_tags",
    "skip_processors_after_aggregators",
    "skip_processors_before_aggregators",
    "config_url_retry_attempts",
    "buffer_strategy",
    "buffer_directory",
    "buffer_disk_sync",
    "buffer_max_bytes",
    "buffer_sync_interval",
    "reload_guard",
    "api",
    "buffer_key",
    "buffer_old_keys",
    "buffer_full",
    "buffer_order",
    "dead_letter_directory",
    "flush_buffer_when_full",
    "utc",
];

impl AgentSettings {
    /// Takes the settings of a table over those that are there.
    pub(super) fn merge(&mut self, table: &Table, problems: &mut Vec<Problem>, notes: &mut Vec<String>) {
        for entry in table.entries() {
            if let Err(problem) = self.set(entry, notes) {
                problems.push(Problem { message: format!("agent: {}", problem.message), ..problem });
            }
        }
    }

    fn set(&mut self, entry: &Entry, notes: &mut Vec<String>) -> Result<(), Problem> {
        let folded = |key: &str| key.replace('_', "").to_lowercase();
        let loose = LOOSE.iter().find(|k| folded(k) == folded(&entry.key));
        match loose.copied().unwrap_or(&entry.key) {
            "interval" => self.interval = positive(entry)?,
            "round_interval" => self.round_interval = flag(entry)?,
            "metric_batch_size" => self.metric_batch_size = some(count(entry)?, 1000),
            "metric_buffer_limit" => self.metric_buffer_limit = some(count(entry)?, 10_000),
            "collection_jitter" => self.collection_jitter = duration(entry)?,
            "collection_offset" => self.collection_offset = duration(entry)?,
            "flush_interval" => self.flush_interval = positive(entry)?,
            "flush_jitter" => self.flush_jitter = duration(entry)?,
            "precision" => self.precision = Some(duration(entry)?).filter(|p| !p.is_zero()),
            "debug" => self.debug = flag(entry)?,
            "quiet" => self.quiet = flag(entry)?,
            "logformat" => self.logformat = one_of(entry, &["text", "structured", "eventlog"])?,
            "structured_log_message_key" => self.structured_log_message_key = text(entry)?,
            "logfile" => self.logfile = text(entry)?,
            "logfile_rotation_interval" => self.logfile_rotation_interval = duration(entry)?,
            "logfile_rotation_max_size" => self.logfile_rotation_max_size = size(entry)?,
            "logfile_rotation_max_archives" => self.logfile_rotation_max_archives = whole(entry)?,
            "log_with_timezone" => self.log_with_timezone = text(entry)?,
            "logtarget" => self.log_target(entry, notes)?,
            "hostname" => self.hostname = text(entry)?,
            "omit_hostname" => self.omit_hostname = flag(entry)?,
            "statefile" => self.statefile = text(entry)?,
            "always_include_local_tags" => self.always_include_local_tags = flag(entry)?,
            "always_include_global_tags" => self.always_include_global_tags = flag(entry)?,
            "skip_processors_after_aggregators" => self.skip_processors_after_aggregators = Some(flag(entry)?),
            "skip_processors_before_aggregators" => self.skip_processors_before_aggregators = flag(entry)?,
            "buffer_strategy" => self.buffer_strategy = strategy(entry)?,
            "buffer_directory" => self.buffer_directory = text(entry)?,
            "buffer_disk_sync" => self.buffer_disk_sync = flag(entry)?,
            "buffer_max_bytes" => self.buffer_max_bytes = Some(size(entry)?),
            "buffer_sync_interval" => self.buffer_sync_interval = duration(entry)?,
            "reload_guard" => self.reload_guard = duration(entry)?,
            "api" => self.api = Some(api(entry)?),
            "buffer_key" => self.buffer_key = Secret::new(text(entry)?),
            "buffer_old_keys" => self.buffer_old_keys = secrets(entry)?,
            "buffer_full" => self.buffer_full = named(entry, &Full::NAMES)?,
            "buffer_order" => self.buffer_order = named(entry, &Order::NAMES)?,
            "dead_letter_directory" => self.dead_letter_directory = text(entry)?,
            "snmp_translator" => drop(one_of(entry, &["", "netsnmp", "gosmi"])?),
            "config_url_retry_attempts" => drop(whole(entry)?),
            "flush_buffer_when_full" | "utc" => {
                flag(entry)?;
                notes.push(format!("agent: {} has no effect any more and can be removed", entry.key));
            }
            key => {
                let known: Vec<&str> = LOOSE.iter().chain(&EXACT).copied().collect();
                return Err(Problem {
                    hints: name_hints(key, &known),
                    ..Problem::at(entry.at, format!("unknown option {key:?}"))
                });
            }
        }
        Ok(())
    }

    /// `logtarget` of older files.
    fn log_target(&mut self, entry: &Entry, notes: &mut Vec<String>) -> Result<(), Problem> {
        match one_of(entry, &["", "file", "stderr", "eventlog"])?.as_str() {
            "stderr" => self.logfile.clear(),
            "eventlog" => self.logformat = "eventlog".to_owned(),
            _ => {}
        }
        notes.push("agent: logtarget is an old option; use logfile and logformat".to_owned());
        Ok(())
    }

    /// What plugins may know of the agent. `once` is true under `--test` and `--once`.
    pub fn info(&self, once: bool) -> AgentInfo {
        AgentInfo {
            hostname: self.hostname.clone(),
            interval: self.interval,
            flush_interval: self.flush_interval,
            metric_batch_size: self.metric_batch_size,
            once,
            ..AgentInfo::default()
        }
    }
}

/// The table of the local API.
fn api(entry: &Entry) -> Result<Arc<Api>, Problem> {
    let Setting::Table(table) = &entry.item.value else {
        let found = entry.item.value.kind();
        return Err(
            Problem::at(entry.item.span, format!("api: expected a table, found {found}")).hint("write [agent.api]")
        );
    };
    match Api::load(table) {
        Ok(api) => Ok(Arc::new(api)),
        Err(ApiError::Option(error)) => {
            let problem = Problem::from(error);
            Err(Problem {
                message: format!("api: {}", problem.message),
                span: problem.span.or(Some(table.span)),
                ..problem
            })
        }
        Err(ApiError::Value(error)) => Err(Problem::at(table.span, format!("api: {error:#}"))),
    }
}

fn some(count: usize, default: usize) -> usize {
    if count == 0 { default } else { count }
}

fn positive(entry: &Entry) -> Result<Duration, Problem> {
    match duration(entry)? {
        Duration::ZERO => Err(Problem::at(entry.item.span, format!("{} must be positive", entry.key))),
        long => Ok(long),
    }
}

/// Where an output keeps what it has not written yet.
pub(super) fn strategy(entry: &Entry) -> Result<String, Problem> {
    one_of(entry, &["", "memory", "disk_write_through", "disk"])
}

/// A list of secrets; those that are empty count as not given.
pub(super) fn secrets(entry: &Entry) -> Result<Vec<Secret>, Problem> {
    Ok(texts(entry)?.into_iter().filter(|text| !text.is_empty()).map(Secret::new).collect())
}

/// One of a few values, the first where the text is empty.
pub(super) fn named<T: Copy>(entry: &Entry, values: &[(&str, T)]) -> Result<T, Problem> {
    let known: Vec<&str> = std::iter::once("").chain(values.iter().map(|v| v.0)).collect();
    let text = one_of(entry, &known)?;
    Ok(values.iter().find(|v| v.0 == text).unwrap_or(&values[0]).1)
}

/// A text that is one of a few.
pub(super) fn one_of(entry: &Entry, known: &[&str]) -> Result<String, Problem> {
    let value = text(entry)?;
    if known.contains(&value.as_str()) {
        return Ok(value);
    }
    let named: Vec<&str> = known.iter().copied().filter(|k| !k.is_empty()).collect();
    Err(Problem {
        hints: name_hints(&value, &named),
        ..Problem::at(entry.item.span, format!("{}: unknown value {value:?}", entry.key))
    })
}

/// The name of this host.
pub(super) fn host_name() -> Option<String> {
    let file = |path| std::fs::read_to_string(path).ok();
    let variable = |name| std::env::var(name).ok();
    [file("/proc/sys/kernel/hostname"), variable("COMPUTERNAME"), file("/etc/hostname"), variable("HOSTNAME")]
        .into_iter()
        .flatten()
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
}
