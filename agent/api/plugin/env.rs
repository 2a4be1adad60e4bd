//! What surrounds a plugin: where the host is, who it is, its log, its format, what it keeps over restarts.

use super::{Parser, Serializer};
use crate::metric::{Batch, Body, Chunk, MetricRef};
use crate::plugin::{Collector, ParseError};
use crate::{Context, Log, Result, Secret, stats};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A parser as an object.
pub type BoxParser = Box<dyn DynParser>;
/// A serializer as an object.
pub type BoxSerializer = Box<dyn DynSerializer>;

/// [`Parser`] as an object.
pub trait DynParser: Send {
    /// See [`Parser::parse`].
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError>;
    /// See [`Parser::parse_line`].
    fn parse_line(&mut self, line: &str, out: &mut Collector) -> Result<(), ParseError>;
    /// See [`Parser::cut`].
    fn cut(&self, bytes: &[u8]) -> Option<usize>;
    /// See [`Parser::reset`].
    fn reset(&mut self);
    /// See [`Parser::share`].
    fn share(&mut self) -> bool;
    /// See [`Parser::join`].
    fn join(&mut self, part: &mut Batch);
}
impl<T: Parser> DynParser for T {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        Parser::parse(self, body, out)
    }
    fn parse_line(&mut self, line: &str, out: &mut Collector) -> Result<(), ParseError> {
        Parser::parse_line(self, line, out)
    }
    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        Parser::cut(self, bytes)
    }
    fn reset(&mut self) {
        Parser::reset(self);
    }
    fn share(&mut self) -> bool {
        Parser::share(self)
    }
    fn join(&mut self, part: &mut Batch) {
        Parser::join(self, part);
    }
}

/// [`Serializer`] as an object.
pub trait DynSerializer: Send {
    /// See [`Serializer::serialize`].
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()>;
    /// See [`Serializer::serialize_batch`].
    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()>;
}
impl<T: Serializer> DynSerializer for T {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        Serializer::serialize(self, metric, out)
    }
    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        Serializer::serialize_batch(self, metrics, out)
    }
}

/// Makes the parser that the settings asked for; called again for each connection or file that needs its own.
pub type ParserMaker = Arc<dyn Fn() -> Result<BoxParser> + Send + Sync>;
/// Makes the serializer that the settings asked for.
pub type SerializerMaker = Arc<dyn Fn() -> Result<BoxSerializer> + Send + Sync>;

/// What surrounds a plugin.
#[derive(Clone)]
pub struct Env {
    /// The plugin as users name it: `inputs.cpu`.
    pub plugin: String,
    /// The alias, or nothing.
    pub alias: String,
    /// Its log.
    pub log: Log,
    /// Where the host's files are.
    pub host: HostPaths,
    /// The agent's own settings that plugins may need.
    pub agent: Arc<AgentInfo>,
    /// What it keeps over restarts.
    pub state: State,
    /// Makes parsers, where the plugin parses.
    pub parsers: Option<ParserMaker>,
    /// Makes serializers, where the plugin serializes.
    pub serializers: Option<SerializerMaker>,
}

impl Env {
    /// An environment for tests: this host, no format.
    pub fn new(plugin: &str) -> Self {
        Env {
            plugin: plugin.to_owned(),
            alias: String::new(),
            log: Log::new(plugin, None, stats::Counter::default()),
            host: HostPaths::default(),
            agent: Arc::new(AgentInfo::default()),
            state: State::default(),
            parsers: None,
            serializers: None,
        }
    }

    /// A parser of the format that the settings asked for.
    pub fn parser(&self) -> Result<BoxParser> {
        self.parsers.as_ref().context("no data format")?()
    }

    /// A serializer of the format that the settings asked for.
    pub fn serializer(&self) -> Result<BoxSerializer> {
        self.serializers.as_ref().context("no data format")?()
    }

    /// The plugin's own counters in `inputs.internal`: measurement (without `internal_`) and tags.
    pub fn stats(&self, measurement: &str, tags: &[(&str, &str)]) -> stats::Set {
        let mut all = vec![("alias", self.alias.as_str())];
        all.extend_from_slice(tags);
        stats::set(measurement, &all)
    }

    /// The time now in nanoseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        now()
    }
}

/// The time now in nanoseconds since the Unix epoch.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Settings of the agent that plugins may need.
#[derive(Clone, Debug)]
pub struct AgentInfo {
    /// Version of the agent.
    pub version: String,
    /// Name of the host, empty with `omit_hostname`.
    pub hostname: String,
    /// How often inputs are asked.
    pub interval: Duration,
    /// How often outputs are flushed.
    pub flush_interval: Duration,
    /// Most metrics of a write.
    pub metric_batch_size: usize,
    /// Password given on the command line, for secret stores that have none in their settings; empty for none.
    pub password: Secret,
    /// True under `--test` and `--once`.
    pub once: bool,
}

impl Default for AgentInfo {
    fn default() -> Self {
        AgentInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: String::new(),
            interval: Duration::from_secs(10),
            flush_interval: Duration::from_secs(10),
            metric_batch_size: 1000,
            password: Secret::default(),
            once: false,
        }
    }
}

/// Where the host's files are: `/proc` or what `HOST_PROC` says, and so on. Containers mount the host elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPaths {
    /// `HOST_PROC`, `/proc`.
    pub proc: PathBuf,
    /// `HOST_SYS`, `/sys`.
    pub sys: PathBuf,
    /// `HOST_ETC`, `/etc`.
    pub etc: PathBuf,
    /// `HOST_VAR`, `/var`.
    pub var: PathBuf,
    /// `HOST_RUN`, `/run`.
    pub run: PathBuf,
    /// `HOST_DEV`, `/dev`.
    pub dev: PathBuf,
    /// `HOST_ROOT`, `/`.
    pub root: PathBuf,
    /// `HOST_MOUNT_PREFIX`, nothing: put before the path of every mount point when it is looked at, taken off when it is shown.
    pub mount_prefix: PathBuf,
}

impl HostPaths {
    /// As the environment says; `HOST_ROOT` moves those that have no variable of their own.
    pub fn from_env() -> Self {
        let root = std::env::var_os("HOST_ROOT").map(PathBuf::from);
        let path = |name: &str, default: &str| match (std::env::var_os(name), &root) {
            (Some(path), _) if !path.is_empty() => PathBuf::from(path),
            (_, Some(root)) => root.join(default),
            _ => PathBuf::from("/").join(default),
        };
        HostPaths {
            proc: path("HOST_PROC", "proc"),
            sys: path("HOST_SYS", "sys"),
            etc: path("HOST_ETC", "etc"),
            var: path("HOST_VAR", "var"),
            run: path("HOST_RUN", "run"),
            dev: path("HOST_DEV", "dev"),
            root: root.clone().unwrap_or_else(|| PathBuf::from("/")),
            mount_prefix: std::env::var_os("HOST_MOUNT_PREFIX").map(PathBuf::from).unwrap_or_default(),
        }
    }
}

impl Default for HostPaths {
    fn default() -> Self {
        HostPaths::from_env()
    }
}

/// What a plugin keeps over restarts, as JSON; cloning shares it. The agent reads it before `new` and writes it at the stop
/// and from time to time.
#[derive(Clone, Debug, Default)]
pub struct State(Arc<Mutex<Option<serde_json::Value>>>);

impl State {
    /// What was stored last, by this run or the one before.
    pub fn load<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        serde_json::from_value(value).ok()
    }

    /// Stores a value in place of the last.
    pub fn store<T: serde::Serialize>(&self, value: &T) {
        if let Ok(value) = serde_json::to_value(value) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }

    /// Changes what is stored, for plugins of which several instances share the series: nobody else reads or writes meanwhile.
    pub fn update<T>(&self, change: impl FnOnce(Option<T>) -> T)
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = stored.take().and_then(|value| serde_json::from_value(value).ok());
        if let Ok(value) = serde_json::to_value(change(old)) {
            *stored = Some(value);
        }
    }

    /// The value as it is, for the agent.
    pub fn value(&self) -> Option<serde_json::Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a value in, for the agent.
    pub fn set_value(&self, value: Option<serde_json::Value>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
