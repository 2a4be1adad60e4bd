//! The plugin traits.
//!
//! The life of a plugin: 1. The agent reads its table into `Settings`; an unknown key or a wrong type never reaches it.
//! 2. `new` checks the rest and builds it, without I/O: `agent config check` stops here. 3. `open` (listeners, processors, outputs)
//! binds, connects or starts what it works with. 4. The agent calls it: `gather` at every interval, `listen` once, `apply`, `add`, `write` for every batch.
//! 5. It is dropped; there is no close. When to call, what to retry and what to buffer is the agent's business alone.
//!
//! Authors write plain `async fn`; boxing for `dyn` happens once, in `dynamic`.

mod collector;
mod dynamic;
mod env;
mod errors;
mod in_order;
mod registry;
mod sender;
mod turns;

pub use collector::Collector;
pub use dynamic::{DynAggregator, DynInput, DynListener, DynOutput, DynProcessor, DynSecretStore, Future};
pub use env::{
    AgentInfo, BoxParser, BoxSerializer, DynParser, DynSerializer, Env, HostPaths, ParserMaker, SerializerMaker, State,
    now,
};
pub use errors::{BadLine, BuildError, ParseError, StartError, WriteError};
pub use in_order::{in_order, workers, workers_beside_others};
pub use registry::{Build, Entry, Family, entries, find, here, nearest};
pub use sender::{Request, Sender, Sink, Stop, outlive, outlived};
pub use turns::{blocking, briefly, pass_on, step_aside};

use crate::metric::{Batch, Body, Cargo, Chunk, MetricRef};
use crate::options::{Fields, Table};
use crate::{Result, Secret};

/// What every plugin has.
pub trait Plugin: Sized + Send + 'static {
    /// The name in TOML; also the name of its folder and feature.
    const NAME: &'static str;
    /// What it does, in one sentence.
    const ABOUT: &'static str;
    /// Whether the options of a data format share its table.
    const FORMAT: Format = Format::None;
    /// True if it looks at what only Linux has; a configuration for another system that has it is refused.
    const LINUX: bool = false;
    /// Its settings.
    type Settings: Fields;

    /// Checks the settings and builds it, without I/O.
    fn new(settings: Self::Settings, env: &Env) -> Result<Self>;

    /// Translates options of older versions in place; each sentence added to `notes` is logged as a warning.
    fn migrate(_table: &mut Table, _notes: &mut Vec<String>) {}
}

/// Whether a plugin reads or writes a data format; the name is the format where the user gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Neither.
    None,
    /// It parses: `env.parser()`.
    Parses(&'static str),
    /// It serializes: `env.serializer()`.
    Serializes(&'static str),
    /// Both, as processors that talk to a program.
    Both(&'static str),
}

/// How far a processor or aggregator can be spread over the cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// It sees each metric alone: any worker.
    Metric,
    /// It relates metrics of one series: all of them go to one worker.
    Series,
    /// It relates all metrics: one worker.
    Everything,
}

/// An input that is asked at every interval.
pub trait Input: Plugin {
    /// Adds what is to be said now. Metrics without a time get the time of the call. An error is counted and logged; what was
    /// added before it is kept.
    fn gather(&mut self, out: &mut Collector) -> impl Fut<Result<()>>;
}

/// An input that waits for others to come, or runs beside the agent's schedule.
pub trait Listener: Plugin {
    /// Binds or opens. An error ends the start unless it is [`StartError::Retry`] and the user wants to go on.
    fn open(&mut self) -> impl Fut<Result<(), StartError>>;
    /// Runs until `stop`. `open` was called before. An error is logged and the plugin is opened again with back-off.
    fn listen(&mut self, out: Sender, stop: Stop) -> impl Fut<Result<()>>;
}

/// Changes metrics on their way.
pub trait Processor: Plugin {
    /// How far it can be spread; asked once, after `new`.
    fn scope(&self) -> Scope {
        Scope::Metric
    }
    /// Starts what it works with, before the first metric comes. An error ends the start.
    fn open(&mut self) -> Result<()> {
        Ok(())
    }
    /// Changes, removes or adds metrics of the batch.
    fn apply(&mut self, batch: &mut Batch);
    /// True if `tick` is to be called about every 100 ms.
    fn ticks(&self) -> bool {
        false
    }
    /// Adds metrics that have become due.
    fn tick(&mut self, _out: &mut Batch) {}
    /// The last call, when no more metrics come: adds what was held back.
    fn finish(&mut self, _out: &mut Batch) {}
    /// Memory that it holds on to between calls, in bytes, about: what it remembers or has put off. Asked every few seconds, so it may add
    /// up the sizes of parts. None: not known, or nothing that grows with what comes.
    fn held_bytes(&self) -> Option<usize> {
        None
    }
}

/// Sums up metrics over a period. There may be several instances, each with its share of the series.
pub trait Aggregator: Plugin {
    /// How far it can be spread; asked once, after `new`.
    fn scope(&self) -> Scope {
        Scope::Series
    }
    /// Takes a metric in.
    fn add(&mut self, metric: MetricRef<'_>);
    /// Adds the results of the period that ends now and starts the next. Metrics without a time get the period's end.
    /// Calls `out.checkpoint()` between metrics so that millions of series need not be held twice.
    fn flush(&mut self, out: &mut Collector);
    /// The last call, when nothing more comes: adds what is left.
    fn finish(&mut self, out: &mut Collector) {
        self.flush(out);
    }
    /// Told once, before anything is taken in, which instance it is and of how many.
    fn share(&mut self, _index: usize, _of: usize) {}
    /// True if `load` is to be called; asked once, after `new`.
    fn loads(&self) -> bool {
        false
    }
    /// Takes in what a batch carries beside its metrics. Every instance is given all of it and takes its share. Results that
    /// should not wait for the end of the period are added to `out`.
    fn load(&mut self, _cargo: &Cargo, _out: &mut Collector) {}
    /// Memory that it holds on to between calls, in bytes, about: what it remembers or has put off. Asked every few seconds, so it may add
    /// up the sizes of parts. None: not known, or nothing that grows with what comes.
    fn held_bytes(&self) -> Option<usize> {
        None
    }
}

/// Writes metrics somewhere.
pub trait Output: Plugin {
    /// Connects; called again with back-off where that is asked for.
    fn open(&mut self) -> impl Fut<Result<(), StartError>>;
    /// True if several instances may write side by side, each its own requests, which may arrive in another order; asked once, after
    /// `new`. They are opened one by one, and only the first is asked to `flush`.
    fn concurrent(&self) -> bool {
        false
    }
    /// Writes all or says what is to be done with what was not written.
    fn write(&mut self, metrics: &Chunk) -> impl Fut<Result<(), WriteError>>;
    /// Called when the agent flushes, after the last write, also when there was nothing to write.
    fn flush(&mut self) -> impl Fut<Result<(), WriteError>> {
        async { Ok(()) }
    }
}

/// Reads a data format.
pub trait Parser: Plugin {
    /// Adds the metrics of a document. What can be read is added even where an error is returned.
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError>;
    /// Adds the metrics of one line, for inputs that read line by line.
    fn parse_line(&mut self, line: &str, out: &mut Collector) -> Result<(), ParseError> {
        self.parse(&Body::from(line), out)
    }
    /// How many bytes at the start of `bytes` are whole records, where a document may be read in parts one after the other: so
    /// a file or a large body need not be held as a whole. None if the format cannot be cut, 0 if no record is whole yet.
    fn cut(&self, _bytes: &[u8]) -> Option<usize> {
        None
    }
    /// Forgets what it learnt from earlier documents (the header of a CSV file).
    fn reset(&mut self) {}
    /// Makes it one of several parsers that read parts of one document at the same time, as `cut` cuts them. What depends on the parts
    /// before is left to `join` then. False if a part cannot be read without those before.
    fn share(&mut self) -> bool {
        false
    }
    /// Does to the metrics of a part that another parser has read what depends on the parts before; called in their order.
    fn join(&mut self, _part: &mut Batch) {}
}

/// Writes a data format.
pub trait Serializer: Plugin {
    /// Appends one metric.
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()>;
    /// Appends many metrics as one document. A metric that cannot be written is left out.
    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        for metric in metrics.iter() {
            self.serialize(metric, out)?;
        }
        Ok(())
    }
}

/// Keeps secrets.
pub trait SecretStore: Plugin {
    /// The value of a key; an error names the key.
    fn get(&self, key: &str) -> impl Fut<Result<Secret>>;
    /// The keys, sorted.
    fn keys(&self) -> impl Fut<Result<Vec<String>>>;
    /// Sets a key.
    fn set(&self, key: &str, value: &str) -> impl Fut<Result<()>>;
    /// Removes a key.
    fn remove(&self, key: &str) -> impl Fut<Result<()>>;
    /// True if a value may change while the agent runs, so that it is asked for at each use.
    fn dynamic(&self) -> bool {
        false
    }
    /// True if values are at hand on this machine, so that a key that is missing is a mistake of the configuration and told as one.
    /// `get` is then ready at once.
    fn at_hand(&self) -> bool {
        false
    }
}

/// A future that may move between threads; authors write `async fn`.
pub trait Fut<T>: std::future::Future<Output = T> + Send {}
impl<T, F: std::future::Future<Output = T> + Send> Fut<T> for F {}
