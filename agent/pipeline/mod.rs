//! The pipeline: inputs -> processors -> aggregators -> processors -> outputs, as tasks joined by bounded channels.
//!
//! It is put together from the end: every stage is given the next one. It is taken down from the begin: when the inputs have
//! ended their channels close, and each stage ends when all before it have, having handed on what it held. Nothing needs to
//! be told in which order to stop.

mod aggregate;
mod buffer;
mod credit;
mod disk;
mod fanout;
mod input;
mod intake;
mod output;
mod process;
mod queue;
mod rename;
mod schedule;
mod stage;

use crate::config::{Built, Config, Instance, Surroundings};
use agent_api::stats;
use agent_api::{Error, Log, Result, anyhow, bail};
use credit::Credit;
use fanout::Fanout;
use output::{OutputHandle, Writer};
use rename::Renaming;
use stage::Next;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
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
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Ends the run.
    pub stop: CancellationToken,
    /// Flushes all outputs now.
    pub flush: Arc<Notify>,
    /// Told when everything has been started.
    pub started: Arc<Notify>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Metrics that are still in the queues of outputs.
    pub unsent: usize,
    /// Errors of collections.
    pub gather_errors: i64,
}

/// So long a listener may take to end; then its connections are cut.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a configuration to its end.
pub async fn run(
    config: &Config,
    mode: Mode,
    wait: Duration,
    surroundings: &Surroundings,
    control: &Control,
) -> Result<Summary> {
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
    let errors_before = stats::set("agent", &[]).counter("gather_errors").read();

    let (handles, writers) = open_outputs(config, mode, surroundings).await?;
    let (stop_outputs, stopped) = watch::channel(false);
    let mut output_tasks = JoinSet::new();
    for writer in writers {
        output_tasks.spawn(writer.run(stopped.clone()));
    }

    let mut stages = JoinSet::new();
    let (entry, credit) = start_stages(config, &handles, surroundings, &mut stages)?;

    let inputs = input::start(config, mode, surroundings, entry, credit, control).await?;
    control.started.notify_waiters();

    let flushing = tokio::spawn(flush_on_demand(handles.clone(), control.flush.clone()));
    inputs.until_ended(mode, wait, control).await;
    if mode == Mode::Run {
        Log::new("agent", None, stats::Counter::default()).info("Hang on, flushing any cached metrics before shutdown");
    }
    while let Some(ended) = stages.join_next().await {
        report(ended.err());
    }
    flushing.abort();
    // Everybody who could put something in has ended.
    stop_outputs.send_replace(true);
    let mut unsent = 0;
    while let Some(ended) = output_tasks.join_next().await {
        match ended {
            Ok(left) => unsent += left,
            Err(e) => report(Some(e)),
        }
    }
    debug_assert!(unsent <= handles.iter().map(OutputHandle::waiting).sum::<usize>());
    let gather_errors = stats::set("agent", &[]).counter("gather_errors").read() - errors_before;
    Ok(Summary { unsent, gather_errors })
}

fn report(error: Option<tokio::task::JoinError>) {
    if let Some(e) = error.filter(tokio::task::JoinError::is_panic) {
        Log::new("agent", None, stats::Counter::default()).error(format_args!("a part of the pipeline ended: {e}"));
    }
}

async fn flush_on_demand(outputs: Vec<OutputHandle>, flush: Arc<Notify>) {
    loop {
        flush.notified().await;
        outputs.iter().for_each(OutputHandle::flush);
    }
}

/// Opens the outputs one after the other, as their order in the file says; under `--test` there is only the printer.
async fn open_outputs(
    config: &Config,
    mode: Mode,
    surroundings: &Surroundings,
) -> Result<(Vec<OutputHandle>, Vec<Writer>)> {
    let (mut handles, mut writers) = (Vec::new(), Vec::new());
    for (output, directory) in config.outputs.iter().zip(disk::directories(config)) {
        let Built::Output(plugin) = output.plugin.build(surroundings)? else { return Err(odd(&output.plugin)) };
        if mode == Mode::Test {
            continue;
        }
        let log = output.plugin.log();
        let (handle, mut writer) =
            Writer::new(plugin, output, directory, log, config.agent.flush_interval, config.agent.flush_jitter);
        match writer.open().await {
            Ok(true) => {
                handles.push(handle);
                writers.push(writer);
            }
            Ok(false) => {}
            Err(e) => bail!("connect {}: {e}", output.plugin.log_name()),
        }
    }
    if mode == Mode::Test {
        let (handle, mut writer) = output::printer();
        writer.open().await.map_err(|e| anyhow!("open standard output: {e}"))?;
        handles.push(handle);
        writers.push(writer);
    }
    Ok((handles, writers))
}

/// Starts processors and aggregators, and gives where inputs send to and the credit of those that can wait.
fn start_stages(
    config: &Config,
    handles: &[OutputHandle],
    surroundings: &Surroundings,
    stages: &mut JoinSet<()>,
) -> Result<(Next, Credit)> {
    let smallest = config.outputs.iter().map(|o| o.metric_buffer_limit).min().unwrap_or(10_000);
    let (credit, results_credit) = (Credit::new(smallest / 2), Credit::new(smallest / 2));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let outputs = Next::Outputs(Fanout::new(handles.to_vec()));
    let processors: process::Maker = {
        let surroundings = surroundings.clone();
        Arc::new(move |p| match p.plugin.build(&surroundings)? {
            Built::Processor(plugin) => Ok(plugin),
            _ => Err(odd(&p.plugin)),
        })
    };
    let aggregators: aggregate::Maker = {
        let surroundings = surroundings.clone();
        Arc::new(move |a| match a.plugin.build(&surroundings)? {
            Built::Aggregator(plugin) => Ok(plugin),
            _ => Err(odd(&a.plugin)),
        })
    };
    let agent = &config.agent;
    let after = !agent.skip_processors_after_aggregators.unwrap_or(false) && !config.aggregators.is_empty();
    let results = if after {
        process::start(&config.processors, &processors, workers, outputs.clone(), stages)?
    } else {
        outputs.clone()
    };
    let plan = aggregate::Plan {
        maker: &aggregators,
        workers,
        round: agent.round_interval,
        precision: config.inputs.iter().map(|i| input::precision(i, agent, false)).max().unwrap_or(1),
        results,
        credit: results_credit,
    };
    let entry = aggregate::start(&config.aggregators, &plan, outputs, stages)?;
    let entry = if agent.skip_processors_before_aggregators {
        entry
    } else {
        process::start(&config.processors, &processors, workers, entry, stages)?
    };
    Ok((entry, credit))
}

/// A plugin that is of another family than its table; the registry does not allow it.
fn odd(plugin: &Instance) -> Error {
    anyhow!("{} is registered as another kind of plugin", plugin.name())
}
