//! What a configuration comes to: the agent's own settings and every plugin with its common options split off.

use agent_api::Secret;
use agent_api::log::Level;
use agent_api::options::{Span, Table};
use agent_api::plugin::Entry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A whole configuration, checked and in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The `[agent]` table.
    pub agent: AgentSettings,
    /// `[global_tags]`, and `host` unless it is omitted.
    pub global_tags: BTreeMap<String, String>,
    /// `[[inputs.*]]`.
    pub inputs: Vec<InputConfig>,
    /// `[[processors.*]]`, in the order in which they run.
    pub processors: Vec<ProcessorConfig>,
    /// `[[aggregators.*]]`.
    pub aggregators: Vec<AggregatorConfig>,
    /// `[[outputs.*]]`.
    pub outputs: Vec<OutputConfig>,
    /// `[[secretstores.*]]`.
    pub secretstores: Vec<SecretStoreConfig>,
    /// Password of secret stores that have none in their settings; empty for none.
    pub password: Secret,
    /// Warnings to be logged once the log stands: translated options and the like.
    pub notes: Vec<String>,
    /// Names of the sources in the order read.
    pub sources: Vec<String>,
    /// Their texts, for errors that are found later.
    pub files: super::Files,
}

/// The `[agent]` table with every default filled in (TELEGRAF.md 2).
#[derive(Clone, Debug)]
pub struct AgentSettings {
    pub interval: Duration,
    pub round_interval: bool,
    pub metric_batch_size: usize,
    pub metric_buffer_limit: usize,
    pub collection_jitter: Duration,
    pub collection_offset: Duration,
    pub flush_interval: Duration,
    pub flush_jitter: Duration,
    /// None: derived from the interval.
    pub precision: Option<Duration>,
    pub debug: bool,
    pub quiet: bool,
    pub logformat: String,
    pub structured_log_message_key: String,
    pub logfile: String,
    pub logfile_rotation_interval: Duration,
    pub logfile_rotation_max_size: u64,
    pub logfile_rotation_max_archives: i64,
    pub log_with_timezone: String,
    pub hostname: String,
    pub omit_hostname: bool,
    pub statefile: String,
    pub always_include_local_tags: bool,
    pub always_include_global_tags: bool,
    /// None: not given.
    pub skip_processors_after_aggregators: Option<bool>,
    pub skip_processors_before_aggregators: bool,
    pub buffer_strategy: String,
    pub buffer_directory: String,
    pub buffer_disk_sync: bool,
    /// None: not given.
    pub buffer_max_bytes: Option<u64>,
    pub buffer_sync_interval: Duration,
    /// `buffer_key`: disk queues and dead letters are encrypted with it.
    pub buffer_key: Secret,
    /// `buffer_old_keys`: they may have been encrypted with these.
    pub buffer_old_keys: Vec<Secret>,
    /// The configuration before comes back by itself if a reload makes an input or output fail for so long; 0: never.
    pub reload_guard: Duration,
    /// `[agent.api]`: the local API; None: there is none.
    pub api: Option<Arc<crate::control::Api>>,
    pub buffer_full: Full,
    pub buffer_order: Order,
    /// Where metrics that were refused for good are kept; empty: nowhere.
    pub dead_letter_directory: String,
}

impl Default for AgentSettings {
    fn default() -> Self {
        AgentSettings {
            interval: Duration::from_secs(10),
            round_interval: true,
            metric_batch_size: 1000,
            metric_buffer_limit: 10_000,
            collection_jitter: Duration::ZERO,
            collection_offset: Duration::ZERO,
            flush_interval: Duration::from_secs(10),
            flush_jitter: Duration::ZERO,
            precision: None,
            debug: false,
            quiet: false,
            logformat: "text".to_owned(),
            structured_log_message_key: String::new(),
            logfile: String::new(),
            logfile_rotation_interval: Duration::ZERO,
            logfile_rotation_max_size: 0,
            logfile_rotation_max_archives: 5,
            log_with_timezone: String::new(),
            hostname: String::new(),
            omit_hostname: false,
            statefile: String::new(),
            always_include_local_tags: false,
            always_include_global_tags: false,
            skip_processors_after_aggregators: None,
            skip_processors_before_aggregators: false,
            buffer_strategy: String::new(),
            buffer_directory: String::new(),
            buffer_disk_sync: true,
            buffer_max_bytes: None,
            buffer_sync_interval: Duration::from_millis(50),
            buffer_key: Secret::default(),
            buffer_old_keys: Vec::new(),
            reload_guard: Duration::ZERO,
            api: None,
            buffer_full: Full::DropOldest,
            buffer_order: Order::OldestFirst,
            dead_letter_directory: String::new(),
        }
    }
}

/// A plugin as it stands in a file: its own options only, the common ones and those of its format split off.
#[derive(Clone)]
pub struct Instance {
    /// The registered plugin.
    pub entry: &'static Entry,
    /// Its own options.
    pub table: Table,
    /// The parser of its data format, with the options that it takes, where the plugin parses.
    pub parser: Option<(&'static Entry, Table)>,
    /// The serializer of its data format, where the plugin serializes.
    pub serializer: Option<(&'static Entry, Table)>,
    /// `alias`, or nothing.
    pub alias: String,
    /// `log_level`.
    pub log_level: Option<Level>,
    /// The number of its source in [`Config::sources`].
    pub source: usize,
    /// Where its header stands.
    pub span: Span,
    /// Hash of its name and flattened options as written: the key of its state (TELEGRAF.md 4, Plugin ID).
    pub id: String,
    /// Equal where the plugin would be built the same: name, alias, log level, its own options and those of its format.
    pub own: super::Digest,
    /// Equal where its whole table comes to the same, common options included.
    pub whole: super::Digest,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name())
    }
}

impl Instance {
    /// The plugin as users name it: `inputs.cpu`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.entry.family.name(), self.entry.name)
    }

    /// What the queue of an output is called and stays with: its alias, else the name of its plugin.
    pub fn queue_name(&self) -> &str {
        if self.alias.is_empty() { self.entry.name } else { &self.alias }
    }

    /// The name for the log: `inputs.cpu::alias`.
    pub fn log_name(&self) -> String {
        if self.alias.is_empty() { self.name() } else { format!("{}::{}", self.name(), self.alias) }
    }
}

/// `name_override`, `name_prefix`, `name_suffix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    pub name: String,
    pub prefix: String,
    pub suffix: String,
}

impl Naming {
    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.prefix.is_empty() && self.suffix.is_empty()
    }
}

/// What to do when a plugin cannot be opened at the start and says that it may work later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartupError {
    #[default]
    Error,
    Retry,
    Ignore,
    Probe,
}

/// Which time a metric of an input gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeSource {
    #[default]
    Metric,
    CollectionStart,
    CollectionEnd,
}

/// An input with its common options.
#[derive(Clone, Debug)]
pub struct InputConfig {
    pub plugin: Instance,
    pub interval: Option<Duration>,
    pub precision: Option<Duration>,
    pub collection_jitter: Option<Duration>,
    pub collection_offset: Option<Duration>,
    pub naming: Naming,
    pub tags: BTreeMap<String, String>,
    pub startup_error_behavior: StartupError,
    pub time_source: TimeSource,
    pub filter: super::Filter,
}

/// A processor with its common options.
#[derive(Clone, Debug)]
pub struct ProcessorConfig {
    pub plugin: Instance,
    pub order: i64,
    pub filter: super::Filter,
}

/// An aggregator with its common options.
#[derive(Clone, Debug)]
pub struct AggregatorConfig {
    pub plugin: Instance,
    pub period: Duration,
    pub delay: Duration,
    pub grace: Duration,
    pub drop_original: bool,
    pub naming: Naming,
    pub tags: BTreeMap<String, String>,
    pub filter: super::Filter,
}

/// An output with its common options.
#[derive(Clone, Debug)]
pub struct OutputConfig {
    pub plugin: Instance,
    pub flush_interval: Option<Duration>,
    pub flush_jitter: Option<Duration>,
    pub metric_batch_size: usize,
    pub metric_buffer_limit: usize,
    pub queue: Queueing,
    /// Requests that may be under way at once, where the plugin allows it.
    pub max_concurrent_requests: usize,
    /// None: what is not written yet is kept in memory.
    pub disk: Option<DiskBuffer>,
    /// None: metrics that were refused for good are not kept.
    pub dead_letters: Option<LetterBox>,
    pub naming: Naming,
    pub startup_error_behavior: StartupError,
    pub filter: super::Filter,
}

impl OutputConfig {
    /// The keys of what it keeps on disk; those of the queue, where there is one, are those of the dead letters as well. None: it keeps
    /// nothing there.
    pub fn keys(&self) -> Option<&Keys> {
        self.disk.as_ref().map(|disk| &disk.keys).or(self.dead_letters.as_ref().map(|kept| &kept.keys))
    }
}

/// What becomes of metrics that wait for an output, in memory or on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queueing {
    pub full: Full,
    pub order: Order,
    /// So many bytes of memory; beyond, it is full. None: as many as the metrics that it may hold take.
    pub max_bytes: Option<u64>,
}

/// `buffer_full`: what gives way when a queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    #[default]
    DropOldest,
    DropNewest,
    /// Whoever sends metrics waits.
    Block,
}

/// `buffer_order`: what is written first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    OldestFirst,
    NewestFirst,
}

impl Full {
    /// The values as they are written.
    pub(super) const NAMES: [(&str, Full); 3] =
        [("drop_oldest", Full::DropOldest), ("drop_newest", Full::DropNewest), ("block", Full::Block)];
}

impl Order {
    /// The values as they are written.
    pub(super) const NAMES: [(&str, Order); 2] =
        [("oldest_first", Order::OldestFirst), ("newest_first", Order::NewestFirst)];
}

/// `buffer_strategy = "disk"`: what an output has not written yet is kept in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskBuffer {
    /// The folder in which every output has one of its own; empty is the working directory.
    pub directory: String,
    /// Files are synced.
    pub sync: bool,
    /// They are synced at most so often; 0: after every write.
    pub sync_interval: Duration,
    /// So many bytes of files; beyond, the queue is full.
    pub max_bytes: u64,
    /// With which what is in the files is encrypted.
    pub keys: Keys,
}

/// `dead_letter_directory`: metrics that were refused for good are kept in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterBox {
    /// The folder in which every output has one of its own.
    pub directory: String,
    /// With which what is in the files is encrypted.
    pub keys: Keys,
}

/// `buffer_key` and `buffer_old_keys`: with which what is kept on disk is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// For what is written; None: it is not encrypted.
    pub current: Option<Secret>,
    /// For what was written before.
    pub old: Vec<Secret>,
}

/// A secret store with its id.
#[derive(Clone, Debug)]
pub struct SecretStoreConfig {
    pub plugin: Instance,
    pub id: String,
}
