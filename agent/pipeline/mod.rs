//! The pipeline: inputs -> processors -> aggregators -> processors -> outputs, as tasks joined by bounded channels.
//!
//! It is put together from the end: every stage is given the next one. It is taken down from the begin: inputs end, then each
//! stage has run out before the next is closed, having handed on what it held. A reload compares the new configuration with the
//! running one plugin by plugin: first it builds and opens what is new, and if that fails nothing has happened; then it
//! exchanges what has changed between two batches.

mod account;
mod aggregate;
mod all_inputs;
mod all_outputs;
mod board;
mod buffer;
mod change;
mod credit;
mod dead_letters;
mod disk;
mod fanout;
mod folders;
mod held;
mod input;
mod intake;
mod isolate;
mod lanes;
mod limit;
mod link;
mod middle;
mod output;
mod pour;
mod printer;
mod process;
mod queue;
mod rename;
mod replay;
mod retry;
mod room;
mod schedule;
mod seal;
mod shard;
mod stage;

use crate::config::{Config, Instance, Surroundings};
use agent_api::stats;
use agent_api::{Error, Log, Result, anyhow, bail};
use all_inputs::Inputs;
use all_outputs::Outputs;
use board::Seat;
pub use board::{Board, Breaker, Queued, Status, Writing};
use credit::Credit;
pub use dead_letters::{Content, DeadLetters, Letter, Refused};
pub use disk::{Alone, Offline, SegmentFile, Survey};
use fanout::Fanout;
pub use folders::{Folder, folders};
use middle::Middle;
use rename::Renaming;
pub use replay::replay;
use stage::Gate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until it is stopped.
    Run,
    /// One collection, one flush.
    Once,
    /// One collection, printed.
    Test,
}

/// What a run is told from outside.
#[derive(Clone, Default)]
pub struct Control {
    /// Ends the run.
    pub stop: CancellationToken,
    /// Flushes all outputs now.
    pub flush: Arc<Notify>,
    /// Told when everything has been started.
    pub started: Arc<Notify>,
    /// What the plugins have done.
    pub board: Board,
}

/// A configuration to go on with; the answer says whether it is in use, and why not.
#[derive(Debug)]
pub struct Reload {
    /// What is wanted.
    pub config: Arc<Config>,
    /// An error of opening an input or output refuses it; otherwise that is tried again and again.
    pub strict: bool,
    /// Whether it is there.
    pub done: oneshot::Sender<Result<()>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Metrics that are still in the queues of outputs.
    pub unsent: usize,
    /// Errors of collections.
    pub gather_errors: i64,
}

/// So long senders are told what became of the last batches, when everything has ended.
const FAREWELL: Duration = Duration::from_secs(1);
/// So long a listener may take to end; then its connections are cut.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a configuration, and those that come by `reloads`, to the end.
pub async fn run(
    config: Arc<Config>,
    mode: Mode,
    wait: Duration,
    surroundings: &Surroundings,
    control: &Control,
    mut reloads: mpsc::Receiver<Reload>,
) -> Result<Summary> {
    check(&config, mode)?;
    let errors_before = stats::set("agent", &[]).counter("gather_errors").read();
    let mut pipeline = Pipeline::new(config.clone(), mode, surroundings);
    let polled = pipeline.start().await?;
    control.board.set(pipeline.seats());
    control.started.notify_one();
    if mode == Mode::Run {
        pipeline.until_stopped(control, &mut reloads).await;
        pipeline.middle.credit.room().end();
        log().info("Hang on, flushing any cached metrics before shutdown");
    } else {
        pipeline.inputs.once(polled, wait, control).await;
    }
    pipeline.inputs.end().await;
    pipeline.middle.end().await;
    // Everybody who could put something in has ended.
    let unsent = pipeline.outputs.end().await;
    agent_api::plugin::outlived(FAREWELL).await;
    let gather_errors = stats::set("agent", &[]).counter("gather_errors").read() - errors_before;
    Ok(Summary { unsent, gather_errors })
}

/// What a run needs at least.
fn check(config: &Config, mode: Mode) -> Result<()> {
    if config.inputs.is_empty() {
        bail!("no inputs found, probably invalid config file provided");
    }
    if config.outputs.is_empty() && mode != Mode::Test {
        bail!("no outputs found, probably invalid config file provided");
    }
    if config.agent.interval.is_zero() {
        bail!("agent interval must be positive; found 0s");
    }
    if config.agent.flush_interval.is_zero() {
        bail!("agent flush_interval must be positive; found 0s");
    }
    Ok(())
}

fn log() -> Log {
    Log::new("agent", None, stats::Counter::default())
}

fn report(error: Option<tokio::task::JoinError>) {
    if let Some(e) = error.filter(tokio::task::JoinError::is_panic) {
        log().error(format_args!("a part of the pipeline ended: {e}"));
    }
}

/// A plugin that is of another family than its table; the registry does not allow it.
fn odd(plugin: &Instance) -> Error {
    anyhow!("{} is registered as another kind of plugin", plugin.name())
}

/// All that runs.
struct Pipeline {
    config: Arc<Config>,
    mode: Mode,
    inputs: Inputs,
    middle: Middle,
    outputs: Outputs,
}

/// What a reload has built and opened.
struct Change {
    inputs: all_inputs::Change,
    middle: Option<middle::Change>,
    outputs: all_outputs::Change,
}

impl Pipeline {
    fn new(config: Arc<Config>, mode: Mode, surroundings: &Surroundings) -> Self {
        let outputs = Outputs::new(surroundings);
        let middle = Middle::new(surroundings, &outputs.fanout);
        let inputs = Inputs::new(surroundings, &middle.entry, &middle.credit, mode);
        Pipeline { config, mode, inputs, middle, outputs }
    }

    /// Starts everything, outputs first; gives the inputs that are asked once where there is no schedule.
    async fn start(&mut self) -> Result<Vec<input::Polled>> {
        let config = self.config.clone();
        if self.mode == Mode::Test {
            self.outputs.print(&config).await?;
        } else {
            let outputs = self.outputs.prepare(&config, true).await?;
            self.outputs.commit(outputs, &config).await;
        }
        let middle = self.middle.prepare(&config)?;
        self.middle.commit(middle, &config, async || {}).await;
        self.watch_room();
        self.inputs.open(&config).await
    }

    /// Lets inputs wait for the outputs that are to block. A run of one collection does not: its outputs are flushed when it is over.
    fn watch_room(&self) {
        if self.mode == Mode::Run {
            self.middle.credit.room().watch(self.outputs.blocking());
        }
    }

    /// All plugins that run.
    fn seats(&self) -> Vec<Seat> {
        self.inputs.seats().chain(self.middle.seats()).chain(self.outputs.seats()).collect()
    }

    /// Serves what comes from outside until the run is stopped.
    async fn until_stopped(&mut self, control: &Control, reloads: &mut mpsc::Receiver<Reload>) {
        loop {
            tokio::select! {
                biased;
                () = control.stop.cancelled() => return,
                () = control.flush.notified() => self.outputs.fanout.flush().await,
                Some(Reload { config, strict, done }) = reloads.recv() => {
                    let prepared = tokio::select! {
                        biased;
                        () = control.stop.cancelled() => return,
                        prepared = self.prepare(&config, strict) => prepared,
                    };
                    let result = match prepared {
                        Ok(change) => self.exchange(change, config, strict).await,
                        Err(e) => Err(e),
                    };
                    control.board.set(self.seats());
                    // Whoever asked may have gone.
                    let _gone = done.send(result);
                }
            }
        }
    }

    /// Builds and opens what is new in a configuration. Nothing that runs is touched.
    async fn prepare(&self, config: &Config, strict: bool) -> Result<Change> {
        check(config, self.mode)?;
        let outputs = self.outputs.prepare(config, strict).await?;
        let middle = self.middle.prepare(config)?;
        let inputs = self.inputs.prepare(config, strict).await?;
        Ok(Change { inputs, middle, outputs })
    }

    /// Goes over to a configuration; back to the one before if an input cannot be opened.
    async fn exchange(&mut self, change: Change, config: Arc<Config>, strict: bool) -> Result<()> {
        let before = self.config.clone();
        let errors = self.commit(change, config).await;
        let Some(error) = errors.into_iter().next().filter(|_| strict) else { return Ok(()) };
        match self.prepare(&before, false).await {
            Ok(change) => drop(self.commit(change, before).await),
            Err(e) => log().error(format_args!("go back to the configuration before: {e:#}")),
        }
        Err(error)
    }

    async fn commit(&mut self, change: Change, config: Arc<Config>) -> Vec<Error> {
        let outputs = &mut self.outputs;
        self.middle.commit(change.middle, &config, async || outputs.commit(change.outputs, &config).await).await;
        self.watch_room();
        let errors = self.inputs.commit(change.inputs, &config).await;
        self.config = config;
        errors
    }
}
