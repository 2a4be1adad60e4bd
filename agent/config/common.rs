//! Options that every plugin of a family has, split off before the plugin sees its table (TELEGRAF.md 4).
//!
//! Telegraf reads them beside the plugin, which may have an option of the same name: such a key goes to both, and the
//! plugin alone says whether its value is right.

use super::agent_table::{named, one_of, secrets, strategy};
use super::errors::Problem;
use super::filter::{FilterOptions, List};
use super::typed::{count, duration_with_unit, flag, flag_or_word, list_table, size, text, text_table, texts, whole};
use super::{AgentSettings, DiskBuffer, Full, Keys, LetterBox, Naming, Order, Queueing, StartupError, TimeSource};
use agent_api::Secret;
use agent_api::log::Level;
use agent_api::options::{Entry, Table};
use agent_api::plugin::Family;
use std::collections::BTreeMap;
use std::time::Duration;

/// The common options of one plugin, of whatever family; None and empty where not given.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub(super) alias: String,
    pub(super) log_level: Option<Level>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) id: String,
    pub(super) interval: Option<Duration>,
    pub(super) precision: Option<Duration>,
    pub(super) collection_jitter: Option<Duration>,
    pub(super) collection_offset: Option<Duration>,
    pub(super) time_source: TimeSource,
    pub(super) startup_error_behavior: StartupError,
    pub(super) naming: Naming,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) order: i64,
    pub(super) period: Option<Duration>,
    pub(super) delay: Option<Duration>,
    pub(super) grace: Option<Duration>,
    pub(super) drop_original: bool,
    pub(super) flush_interval: Option<Duration>,
    pub(super) flush_jitter: Option<Duration>,
    pub(super) metric_batch_size: usize,
    pub(super) metric_buffer_limit: usize,
    pub(super) max_concurrent_requests: Option<usize>,
    pub(super) buffer_strategy: Option<String>,
    pub(super) buffer_directory: Option<String>,
    pub(super) buffer_disk_sync: Option<bool>,
    pub(super) buffer_max_bytes: Option<u64>,
    pub(super) buffer_sync_interval: Option<Duration>,
    pub(super) buffer_key: Option<Secret>,
    pub(super) buffer_old_keys: Option<Vec<Secret>>,
    pub(super) buffer_full: Option<Full>,
    pub(super) buffer_order: Option<Order>,
    pub(super) dead_letter_directory: Option<String>,
    pub(super) filter: FilterOptions,
}

/// Keys that Telegraf accepts on any plugin, also where they mean nothing.
const TOLERATED: [&str; 55] = [
    "alias",
    "always_include_global_tags",
    "always_include_local_tags",
    "buffer_directory",
    "buffer_disk_sync",
    "buffer_full",
    "buffer_key",
    "buffer_max_bytes",
    "buffer_old_keys",
    "buffer_order",
    "buffer_strategy",
    "buffer_sync_interval",
    "collection_jitter",
    "collection_offset",
    "data_format",
    "data_type",
    "dead_letter_directory",
    "delay",
    "drop",
    "drop_original",
    "fielddrop",
    "fieldexclude",
    "fieldinclude",
    "fieldpass",
    "flush_interval",
    "flush_jitter",
    "grace",
    "id",
    "influx_parser_type",
    "interval",
    "labels",
    "log_level",
    "lvm",
    "max_concurrent_requests",
    "metric_batch_size",
    "metric_buffer_limit",
    "metricpass",
    "name_override",
    "name_prefix",
    "name_suffix",
    "namedrop",
    "namedrop_separator",
    "namepass",
    "namepass_separator",
    "order",
    "pass",
    "period",
    "precision",
    "startup_error_behavior",
    "tagdrop",
    "tagexclude",
    "taginclude",
    "tagpass",
    "tags",
    "time_source",
];

/// So many bytes of files a disk queue may have where nothing is said of it.
const DISK_MAX: u64 = 1 << 30;

/// So many requests of an output may be under way at once.
const REQUESTS_MAX: usize = 256;

/// The names of all common options.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOLERATED.into_iter()
}

impl Common {
    /// Reads the common options of a plugin's table and takes them out of it, but for those in `owned`, the plugin's own keys.
    pub(super) fn split(
        family: Family,
        table: &mut Table,
        owned: impl Fn(&str) -> bool,
        problems: &mut Vec<Problem>,
        notes: &mut Vec<String>,
    ) -> Common {
        let mut common = Common::default();
        for entry in table.entries() {
            let owned = owned(&entry.key);
            match common.set(family, entry, notes) {
                Err(problem) if !owned => problems.push(problem),
                _ => {}
            }
        }
        table.split(|key| TOLERATED.contains(&key) && !owned(key));
        common
    }

    /// Takes an option over if plugins of the family have it in common.
    fn set(&mut self, family: Family, entry: &Entry, notes: &mut Vec<String>) -> Result<(), Problem> {
        use Family::{Aggregators, Inputs, Outputs, Processors, SecretStores};
        match (family, entry.key.as_str()) {
            (_, "alias") => self.alias = text(entry)?,
            (_, "log_level") => self.log_level = log_level(entry, notes)?,
            (_, "labels") => self.labels = text_table(entry)?,
            (SecretStores, "id") => self.id = text(entry)?,
            (Inputs, "interval") => self.interval = some(duration_with_unit(entry)?),
            (Inputs, "precision") => self.precision = some(duration_with_unit(entry)?),
            (Inputs, "collection_jitter") => self.collection_jitter = Some(duration_with_unit(entry)?),
            (Inputs, "collection_offset") => self.collection_offset = Some(duration_with_unit(entry)?),
            (Inputs, "time_source") => self.time_source = time_source(entry)?,
            (Inputs | Outputs, "startup_error_behavior") => self.startup_error_behavior = startup(family, entry)?,
            (Inputs | Aggregators | Outputs, "name_override") => self.naming.name = text(entry)?,
            (Inputs | Aggregators | Outputs, "name_prefix") => self.naming.prefix = text(entry)?,
            (Inputs | Aggregators | Outputs, "name_suffix") => self.naming.suffix = text(entry)?,
            (Inputs | Aggregators, "tags") => self.tags = text_table(entry)?,
            (Processors, "order") => self.order = whole(entry)?,
            (Aggregators, "period") => self.period = some(duration_with_unit(entry)?),
            (Aggregators, "delay") => self.delay = Some(duration_with_unit(entry)?),
            (Aggregators, "grace") => self.grace = Some(duration_with_unit(entry)?),
            (Aggregators, "drop_original") => self.drop_original = flag_or_word(entry)?,
            (Outputs, "flush_interval") => self.flush_interval = some(duration_with_unit(entry)?),
            (Outputs, "flush_jitter") => self.flush_jitter = some(duration_with_unit(entry)?),
            (Outputs, "metric_batch_size") => self.metric_batch_size = count(entry)?,
            (Outputs, "metric_buffer_limit") => self.metric_buffer_limit = count(entry)?,
            (Outputs, "max_concurrent_requests") => self.max_concurrent_requests = Some(requests(entry)?),
            (Outputs, "buffer_strategy") => self.buffer_strategy = Some(strategy(entry)?).filter(|s| !s.is_empty()),
            (Outputs, "buffer_directory") => self.buffer_directory = Some(text(entry)?).filter(|d| !d.is_empty()),
            (Outputs, "buffer_disk_sync") => self.buffer_disk_sync = Some(flag(entry)?),
            (Outputs, "buffer_max_bytes") => self.buffer_max_bytes = Some(size(entry)?),
            (Outputs, "buffer_sync_interval") => self.buffer_sync_interval = Some(duration_with_unit(entry)?),
            (Outputs, "buffer_key") => self.buffer_key = Some(Secret::new(text(entry)?)),
            (Outputs, "buffer_old_keys") => self.buffer_old_keys = Some(secrets(entry)?),
            (Outputs, "buffer_full") => self.buffer_full = Some(named(entry, &Full::NAMES)?),
            (Outputs, "buffer_order") => self.buffer_order = Some(named(entry, &Order::NAMES)?),
            (Outputs, "dead_letter_directory") => self.dead_letter_directory = Some(text(entry)?),
            (Inputs | Processors | Aggregators | Outputs, _) => self.set_filter(entry, notes)?,
            _ => {}
        }
        Ok(())
    }

    /// How metrics wait for an output with these options, those of the agent where it has none of its own.
    pub(super) fn queueing(&self, agent: &AgentSettings) -> Queueing {
        Queueing {
            full: self.buffer_full.unwrap_or(agent.buffer_full),
            order: self.buffer_order.unwrap_or(agent.buffer_order),
            max_bytes: self.buffer_max_bytes.or(agent.buffer_max_bytes).filter(|bytes| *bytes > 0),
        }
    }

    /// Where metrics are kept that an output with these options refused.
    pub(super) fn dead_letters(&self, agent: &AgentSettings) -> Option<LetterBox> {
        let directory = self.dead_letter_directory.as_ref().unwrap_or(&agent.dead_letter_directory).clone();
        (!directory.is_empty()).then(|| LetterBox { directory, keys: self.keys(agent) })
    }

    /// With which what an output with these options keeps on disk is encrypted.
    fn keys(&self, agent: &AgentSettings) -> Keys {
        let current = self.buffer_key.as_ref().unwrap_or(&agent.buffer_key);
        Keys {
            current: Some(current.clone()).filter(|key| !key.is_empty()),
            old: self.buffer_old_keys.as_ref().unwrap_or(&agent.buffer_old_keys).clone(),
        }
    }

    /// The disk queue of an output with these options, those of the agent where it has none of its own.
    pub(super) fn disk(&self, agent: &AgentSettings) -> Option<DiskBuffer> {
        let strategy = self.buffer_strategy.as_ref().unwrap_or(&agent.buffer_strategy);
        matches!(strategy.as_str(), "disk" | "disk_write_through").then(|| DiskBuffer {
            directory: self.buffer_directory.as_ref().unwrap_or(&agent.buffer_directory).clone(),
            sync: self.buffer_disk_sync.unwrap_or(agent.buffer_disk_sync),
            sync_interval: self.buffer_sync_interval.unwrap_or(agent.buffer_sync_interval),
            max_bytes: self.queueing(agent).max_bytes.unwrap_or(DISK_MAX),
            keys: self.keys(agent),
        })
    }

    fn set_filter(&mut self, entry: &Entry, notes: &mut Vec<String>) -> Result<(), Problem> {
        let filter = &mut self.filter;
        let list = |entry| texts(entry).map(|entries| List { entries, at: entry.item.span });
        let mut renamed = |new: &str| notes.push(format!("option {:?} is now spelled {new:?}", entry.key));
        match entry.key.as_str() {
            "namepass" => filter.namepass = list(entry)?,
            "namepass_separator" => filter.namepass_separator = text(entry)?,
            "namedrop" => filter.namedrop = list(entry)?,
            "namedrop_separator" => filter.namedrop_separator = text(entry)?,
            "fieldinclude" => filter.fieldinclude.join(list(entry)?),
            "fieldexclude" => filter.fieldexclude.join(list(entry)?),
            "pass" | "fieldpass" => {
                filter.fieldinclude.join(list(entry)?);
                renamed("fieldinclude");
            }
            "drop" | "fielddrop" => {
                filter.fieldexclude.join(list(entry)?);
                renamed("fieldexclude");
            }
            "tagpass" => (filter.tagpass, filter.tagpass_at) = (list_table(entry)?, entry.item.span),
            "tagdrop" => (filter.tagdrop, filter.tagdrop_at) = (list_table(entry)?, entry.item.span),
            "taginclude" => filter.taginclude = list(entry)?,
            "tagexclude" => filter.tagexclude = list(entry)?,
            "metricpass" => (filter.metricpass, filter.metricpass_at) = (text(entry)?, entry.item.span),
            "always_include_local_tags" | "always_include_global_tags" => drop(flag(entry)?),
            _ => {}
        }
        Ok(())
    }
}

/// A time of zero is as good as none.
fn some(time: Duration) -> Option<Duration> {
    Some(time).filter(|t| !t.is_zero())
}

/// An unknown level is no reason not to start.
fn log_level(entry: &Entry, notes: &mut Vec<String>) -> Result<Option<Level>, Problem> {
    let word = text(entry)?;
    Ok(Some(match word.to_ascii_lowercase().as_str() {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "info" => Level::Info,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        "" => return Ok(None),
        _ => {
            notes.push(format!("log_level {word:?} is unknown; use error, warn, info, debug or trace"));
            return Ok(None);
        }
    }))
}

fn startup(family: Family, entry: &Entry) -> Result<StartupError, Problem> {
    let known: &[&str] = match family {
        Family::Inputs => &["", "error", "retry", "ignore", "probe"],
        _ => &["", "error", "retry", "ignore"],
    };
    Ok(match one_of(entry, known)?.as_str() {
        "retry" => StartupError::Retry,
        "ignore" => StartupError::Ignore,
        "probe" => StartupError::Probe,
        _ => StartupError::Error,
    })
}

fn requests(entry: &Entry) -> Result<usize, Problem> {
    let wrong = || Problem::at(entry.item.span, format!("{}: expected a number from 1 to {REQUESTS_MAX}", entry.key));
    let requests = count(entry)?;
    if (1..=REQUESTS_MAX).contains(&requests) { Ok(requests) } else { Err(wrong()) }
}

fn time_source(entry: &Entry) -> Result<TimeSource, Problem> {
    // `receive_time` is what inputs.socket_listener calls the time at which a message came.
    Ok(match one_of(entry, &["", "metric", "collection_start", "collection_end", "receive_time"])?.as_str() {
        "collection_start" => TimeSource::CollectionStart,
        "collection_end" | "receive_time" => TimeSource::CollectionEnd,
        _ => TimeSource::Metric,
    })
}
