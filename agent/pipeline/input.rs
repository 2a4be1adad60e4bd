//! Inputs: asked on schedule, or listening; each in a task of its own, so that none delays another.

use super::intake::{Hand, Intake};
use super::schedule::Schedule;
use super::{Control, Credit, Mode, Next, PATIENCE, Renaming};
use crate::config::{AgentSettings, Built, Config, InputConfig, StartupError, Surroundings};
use agent_api::plugin::{DynInput, DynListener, Request, now};
use agent_api::stats::{self, Counter, Timing};
use agent_api::{Collector, Log, Result, Sender, StartError, Stop, bail};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// All inputs of a run.
pub(super) struct Inputs {
    polled: Vec<Polled>,
    listening: JoinSet<()>,
    /// Where listeners are asked at their interval.
    requests: Vec<(mpsc::Sender<Request>, Schedule, Log)>,
    stop: CancellationToken,
}

/// An input that is asked.
struct Polled {
    input: Box<dyn DynInput>,
    config: InputConfig,
    surroundings: Surroundings,
    intake: Arc<Intake>,
    schedule: Schedule,
    time: Timing,
    timeouts: Counter,
}

/// Opens all inputs in the order of the file.
pub(super) async fn start(
    config: &Config,
    mode: Mode,
    surroundings: &Surroundings,
    next: Next,
    credit: Credit,
    control: &Control,
) -> Result<Inputs> {
    let mut inputs =
        Inputs { polled: Vec::new(), listening: JoinSet::new(), requests: Vec::new(), stop: CancellationToken::new() };
    let stop = inputs.stop.clone();
    let ended = control.stop.clone();
    for input in &config.inputs {
        let built = input.plugin.build(surroundings)?;
        let listens = matches!(built, Built::Listener(_));
        let intake = Arc::new(intake(input, config, listens, &next, &credit));
        let schedule = schedule(input, &config.agent);
        match built {
            Built::Input(plugin) => {
                let set = stats::set("gather", &[("input", input.plugin.entry.name), ("alias", &input.plugin.alias)]);
                inputs.polled.push(Polled {
                    input: plugin,
                    config: input.clone(),
                    surroundings: surroundings.clone(),
                    intake,
                    schedule,
                    time: set.timing("gather_time_ns"),
                    timeouts: set.counter("gather_timeouts"),
                });
            }
            Built::Listener(mut plugin) => match plugin.open().await {
                Ok(()) => {
                    let (requests, asked) = mpsc::channel(1);
                    inputs.requests.push((requests, schedule, intake.log.clone()));
                    let stop = Stop::new(stop.clone(), Some(asked));
                    inputs.listening.spawn(listen(plugin, intake, stop));
                }
                Err(e) => {
                    startup_failed(input, &intake, &e, mode)?;
                    if matches!((&e, input.startup_error_behavior), (StartError::Retry(_), StartupError::Retry)) {
                        let (requests, asked) = mpsc::channel(1);
                        inputs.requests.push((requests, schedule, intake.log.clone()));
                        let stop = Stop::new(stop.clone(), Some(asked));
                        inputs.listening.spawn(open_later(plugin, intake, stop, schedule.interval, ended.clone()));
                    }
                }
            },
            _ => return Err(super::odd(&input.plugin)),
        }
    }
    Ok(inputs)
}

/// Ends the start, or says what is left out.
fn startup_failed(input: &InputConfig, intake: &Intake, error: &StartError, mode: Mode) -> Result<()> {
    let name = input.plugin.log_name();
    let set = stats::set("gather", &[("input", input.plugin.entry.name), ("alias", &input.plugin.alias)]);
    set.counter("startup_errors").inc();
    let goes_on = matches!(error, StartError::Retry(_)) && input.startup_error_behavior != StartupError::Error;
    if goes_on || mode != Mode::Run {
        intake.failed(&agent_api::anyhow!("failed to start: {error}"));
        return Ok(());
    }
    bail!("starting input {name}: {error}")
}

fn intake(input: &InputConfig, config: &Config, listens: bool, next: &Next, credit: &Credit) -> Intake {
    let agent = &config.agent;
    let mut tags: Vec<(String, String)> = input.tags.clone().into_iter().collect();
    tags.extend(
        config.global_tags.iter().filter(|t| !input.tags.contains_key(t.0)).map(|(k, v)| (k.clone(), v.clone())),
    );
    let mut always = Vec::new();
    if !input.filter.modifies_nothing() {
        if agent.always_include_local_tags {
            always.extend(input.tags.clone());
        }
        if agent.always_include_global_tags {
            always.extend(config.global_tags.clone());
        }
    }
    let precision = precision(input, agent, listens);
    let name = input.plugin.entry.name;
    let set = stats::set("gather", &[("input", name), ("alias", &input.plugin.alias)]);
    let all = stats::set("agent", &[]);
    Intake {
        filter: input.filter.clone(),
        renaming: Renaming::new(&input.naming, tags),
        always,
        precision,
        time_source: input.time_source,
        next: next.clone(),
        credit: Some(credit.clone()),
        runtime: tokio::runtime::Handle::current(),
        log: input.plugin.log(),
        gathered: set.counter("metrics_gathered"),
        all_gathered: all.counter("metrics_gathered"),
        gather_errors: set.counter("gather_errors"),
        all_gather_errors: all.counter("gather_errors"),
    }
}

/// Nanoseconds to which an input's times are rounded; those of listeners only where they say so.
pub(super) fn precision(input: &InputConfig, agent: &AgentSettings, listens: bool) -> i64 {
    match input.precision.or(if listens { None } else { agent.precision }) {
        Some(p) if !p.is_zero() => i64::try_from(p.as_nanos()).unwrap_or(i64::MAX),
        _ if listens => 1,
        _ => derived_precision(input.interval.unwrap_or(agent.interval)),
    }
}

/// The precision that goes with an interval: of its own order of magnitude.
fn derived_precision(interval: Duration) -> i64 {
    match interval {
        i if i >= Duration::from_secs(1) => 1_000_000_000,
        i if i >= Duration::from_millis(1) => 1_000_000,
        i if i >= Duration::from_micros(1) => 1_000,
        _ => 1,
    }
}

fn schedule(input: &InputConfig, agent: &AgentSettings) -> Schedule {
    Schedule {
        interval: input.interval.unwrap_or(agent.interval),
        jitter: input.collection_jitter.unwrap_or(agent.collection_jitter),
        offset: input.collection_offset.unwrap_or(agent.collection_offset),
        round: agent.round_interval,
    }
}

/// Runs a listener until it is told to stop; after an error or a panic it is opened again, later each time.
async fn listen(mut plugin: Box<dyn DynListener>, intake: Arc<Intake>, stop: Stop) {
    let sender = Sender::new(Arc::new(Hand(intake.clone())));
    let watch = stop.clone();
    let result = AssertUnwindSafe(plugin.listen(sender, stop)).catch_unwind().await;
    let mut error = match result {
        Ok(Ok(())) => return,
        Ok(Err(e)) => e,
        Err(_) => agent_api::anyhow!("panicked"),
    };
    let mut pause = Duration::from_secs(1);
    loop {
        intake.failed(&error.context("ended; starting it again"));
        tokio::select! {
            () = watch.stopped() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(60));
        let sender = Sender::new(Arc::new(Hand(intake.clone())));
        let again = AssertUnwindSafe(async {
            plugin.open().await.map_err(|e| agent_api::anyhow!("{e}"))?;
            plugin.listen(sender, watch.clone()).await
        });
        error = match again.catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(e)) => e,
            Err(_) => agent_api::anyhow!("panicked"),
        };
    }
}

/// Tries to open a listener at every interval.
async fn open_later(
    mut plugin: Box<dyn DynListener>,
    intake: Arc<Intake>,
    stop: Stop,
    interval: Duration,
    ended: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            () = ended.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        match plugin.open().await {
            Ok(()) => return listen(plugin, intake, stop).await,
            Err(e) => intake.failed(&agent_api::anyhow!("failed to start: {e}")),
        }
    }
}

impl Inputs {
    /// Asks the inputs until the run is over, then stops the listeners and waits for them.
    pub(super) async fn until_ended(mut self, mode: Mode, wait: Duration, control: &Control) {
        let mut gathering = JoinSet::new();
        if mode == Mode::Run {
            for polled in self.polled.drain(..) {
                gathering.spawn(polled.run(control.stop.clone()));
            }
            for (requests, schedule, log) in self.requests.drain(..) {
                gathering.spawn(ask_on_schedule(requests, schedule, log, control.stop.clone()));
            }
            control.stop.cancelled().await;
        } else {
            for polled in self.polled.drain(..) {
                gathering.spawn(polled.once());
            }
            for (requests, ..) in self.requests.drain(..) {
                gathering.spawn(async move {
                    ask(&requests).await;
                    // Kept until the end: a listener without requests waits for ever, which is what it should do.
                    drop(requests);
                });
            }
        }
        while let Some(ended) = gathering.join_next().await {
            super::report(ended.err());
        }
        if mode != Mode::Run && !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = control.stop.cancelled() => {}
            }
        }
        self.stop.cancel();
        let all_ended = async {
            while let Some(ended) = self.listening.join_next().await {
                super::report(ended.err());
            }
        };
        if tokio::time::timeout(PATIENCE, all_ended).await.is_err() {
            self.listening.shutdown().await;
        }
    }
}

/// Asks a listener once and waits until it has answered.
async fn ask(requests: &mpsc::Sender<Request>) {
    let (request, answered) = Request::new(now());
    if requests.send(request).await.is_ok() {
        // An answer is that the request is dropped, which ends this with an error.
        let _answered = tokio::time::timeout(PATIENCE, answered).await;
    }
}

async fn ask_on_schedule(requests: mpsc::Sender<Request>, schedule: Schedule, log: Log, stop: CancellationToken) {
    let mut ticks = schedule.start();
    let asking = async {
        loop {
            ticks.next(&log).await;
            // A listener that never takes requests lets this wait for ever, which the stop ends.
            ask(&requests).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = asking => {}
    }
}

/// Plugins that are asked twice under `--once` and `--test`, as their first answer lacks what is a rate.
const TWICE: [&str; 3] = ["cpu", "mongodb", "procstat"];

impl Polled {
    async fn run(mut self, stop: CancellationToken) {
        let log = self.intake.log.clone();
        let mut ticks = self.schedule.start();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = ticks.next(&log) => {}
            }
            let interval = self.schedule.interval;
            let timeouts = self.timeouts.clone();
            let overdue = async {
                loop {
                    tokio::time::sleep(interval).await;
                    timeouts.inc();
                    log.warn(format_args!(
                        "Collection took longer than expected; not complete after interval of {interval:?}"
                    ));
                }
            };
            tokio::select! {
                biased;
                () = self.gather(true) => {}
                () = overdue => {}
            }
        }
    }

    async fn once(mut self) {
        if TWICE.contains(&self.config.plugin.entry.name) {
            self.gather(false).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.gather(true).await;
    }

    /// Asks once; what comes is thrown away unless it is to be `kept`.
    async fn gather(&mut self, kept: bool) {
        let (began, started) = (Instant::now(), now());
        let mut out = if kept {
            let intake = self.intake.clone();
            Collector::shipping(move |mut batch| {
                intake.prepare(&mut batch, started);
                tokio::task::block_in_place(|| intake.runtime.block_on(intake.forward(batch, true)));
            })
        } else {
            Collector::new()
        };
        let result = AssertUnwindSafe(self.input.gather(&mut out)).catch_unwind().await;
        if !kept {
            return;
        }
        let mut batch = out.take();
        let (errors, more) = out.take_errors();
        drop(out);
        self.intake.prepare(&mut batch, started);
        self.intake.forward(batch, false).await;
        errors.iter().for_each(|e| self.intake.failed(e));
        if more > 0 {
            self.intake.failed(&agent_api::anyhow!("and {more} more errors"));
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(e)) => self.intake.failed(&e),
            Err(_) => {
                self.intake.failed(&agent_api::anyhow!("panicked; starting it anew"));
                match self.config.plugin.build(&self.surroundings) {
                    Ok(Built::Input(input)) => self.input = input,
                    Ok(_) => {}
                    Err(e) => self.intake.failed(&e.into()),
                }
            }
        }
        self.time.add(i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX));
    }
}
