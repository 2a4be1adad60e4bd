//! One input: asked on schedule, or listening, in tasks of its own, so that none delays another.

use super::account::Account;
use super::intake::{Hand, Intake, Rules};
use super::schedule::Schedule;
use super::{Credit, Gate, PATIENCE, Renaming};
use crate::config::{AgentSettings, Built, Config, InputConfig, Surroundings};
use agent_api::plugin::{DynInput, DynListener, Request, now};
use agent_api::stats::{self, Counter, Timing};
use agent_api::{Collector, Log, Sender, Stop};
use agent_net::server::{Leaving, Sockets};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::RwLock;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// An input that is asked.
pub(super) struct Polled {
    input: Box<dyn DynInput>,
    config: InputConfig,
    surroundings: Surroundings,
    intake: Arc<Intake>,
    time: Timing,
    timeouts: Counter,
}

/// An input that listens.
pub(super) struct Listening {
    pub(super) plugin: Box<dyn DynListener>,
    pub(super) intake: Arc<Intake>,
    pub(super) sockets: Sockets,
    /// False if it could not be opened and is to be tried again.
    pub(super) open: bool,
}

/// What an input hands its metrics to.
pub(super) fn intake(
    input: &InputConfig,
    config: &Config,
    listens: bool,
    next: &Gate,
    credit: &Credit,
    account: Arc<Account>,
) -> Intake {
    let set = stats::set("gather", &[("input", input.plugin.entry.name), ("alias", &input.plugin.alias)]);
    let all = stats::set("agent", &[]);
    Intake {
        rules: RwLock::new(Arc::new(rules(input, config, listens))),
        next: next.clone(),
        credit: Some(credit.clone()),
        runtime: tokio::runtime::Handle::current(),
        log: input.plugin.log(),
        account,
        gathered: set.counter("metrics_gathered"),
        all_gathered: all.counter("metrics_gathered"),
        gather_errors: set.counter("gather_errors"),
        all_gather_errors: all.counter("gather_errors"),
    }
}

/// The common options of an input, with what those of the agent add to them.
pub(super) fn rules(input: &InputConfig, config: &Config, listens: bool) -> Rules {
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
    Rules {
        filter: input.filter.clone(),
        renaming: Renaming::new(&input.naming, tags),
        always,
        precision: precision(input, agent, listens),
        time_source: input.time_source,
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

/// Nanoseconds to which times are rounded where no input has a say.
pub(super) fn agent_precision(agent: &AgentSettings) -> i64 {
    match agent.precision {
        Some(p) if !p.is_zero() => i64::try_from(p.as_nanos()).unwrap_or(i64::MAX),
        _ => derived_precision(agent.interval),
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

pub(super) fn schedule(input: &InputConfig, agent: &AgentSettings) -> Schedule {
    Schedule {
        interval: input.interval.unwrap_or(agent.interval),
        jitter: input.collection_jitter.unwrap_or(agent.collection_jitter),
        offset: input.collection_offset.unwrap_or(agent.collection_offset),
        round: agent.round_interval,
    }
}

impl Listening {
    /// Listens until it is told to stop; after an error or a panic it is opened again, later each time. One that could not be
    /// opened is tried again at its interval first.
    pub(super) async fn run(mut self, stop: Stop, schedule: watch::Receiver<Schedule>) {
        while !self.open {
            let interval = schedule.borrow().interval;
            tokio::select! {
                () = stop.stopped() => return,
                () = tokio::time::sleep(interval) => {}
            }
            match self.reopen().await {
                Ok(()) => self.open = true,
                Err(e) => self.intake.failed(&agent_api::anyhow!("failed to start: {e}")),
            }
        }
        self.listen(stop).await;
        self.sockets.clear();
    }

    async fn listen(&mut self, stop: Stop) {
        let intake = self.intake.clone();
        let account = intake.account.clone();
        let sender = Sender::new(Arc::new(Hand(intake.clone())));
        let watch = stop.clone();
        account.health.good();
        let listening = account.metered(self.plugin.listen(sender, stop));
        let mut error = match AssertUnwindSafe(listening).catch_unwind().await {
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
                self.reopen().await.map_err(|e| agent_api::anyhow!("{e}"))?;
                account.health.good();
                account.metered(self.plugin.listen(sender, watch.clone())).await
            });
            error = match again.catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(e)) => e,
                Err(_) => agent_api::anyhow!("panicked"),
            };
        }
    }

    /// Opens it once more; a socket that it has bound before is its own.
    async fn reopen(&mut self) -> Result<(), agent_api::StartError> {
        let before = Arc::new(Leaving::default());
        before.add(&self.sockets);
        self.sockets.clear();
        self.sockets.open(&before, self.plugin.open()).await
    }
}

/// Asks a listener once and waits until it has answered.
pub(super) async fn ask(requests: &mpsc::Sender<Request>) {
    let (request, answered) = Request::new(now());
    if requests.send(request).await.is_ok() {
        // An answer is that the request is dropped, which ends this with an error.
        let _answered = tokio::time::timeout(PATIENCE, answered).await;
    }
}

/// Asks a listener once. If it takes the request, as those do that read something which has an end, it may take all the time it needs until
/// `stop`.
pub(super) async fn ask_to_the_end(requests: &mpsc::Sender<Request>, stop: CancellationToken) {
    let (request, answered) = Request::new(now());
    if requests.send(request).await.is_err() {
        return;
    }
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        // An answer is that the request is dropped, which ends this with an error.
        _answered = &mut answered => return,
        // There is room again when the request has been taken.
        taken = tokio::time::timeout(PATIENCE, requests.reserve()) => if taken.is_err() { return },
    }
    tokio::select! {
        _answered = answered => {}
        () = stop.cancelled() => {}
    }
}

/// Asks a listener at its interval until `stop`.
pub(super) async fn ask_on_schedule(
    requests: mpsc::Sender<Request>,
    mut schedule: watch::Receiver<Schedule>,
    log: Log,
    stop: CancellationToken,
) {
    let asking = async {
        loop {
            let mut ticks = schedule.borrow_and_update().start();
            let on_schedule = async {
                loop {
                    ticks.next(&log).await;
                    // A listener that never takes requests lets this wait for ever, which the stop ends.
                    ask(&requests).await;
                }
            };
            tokio::select! {
                () = on_schedule => {}
                Ok(()) = schedule.changed() => {}
            }
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
    pub(super) fn new(
        input: Box<dyn DynInput>,
        config: &InputConfig,
        surroundings: &Surroundings,
        intake: &Arc<Intake>,
    ) -> Self {
        let set = stats::set("gather", &[("input", config.plugin.entry.name), ("alias", &config.plugin.alias)]);
        Polled {
            input,
            config: config.clone(),
            surroundings: surroundings.clone(),
            intake: intake.clone(),
            time: set.timing("gather_time_ns"),
            timeouts: set.counter("gather_timeouts"),
        }
    }

    /// Asks on schedule until `stop`; a collection under way is waited for.
    pub(super) async fn run(mut self, mut schedule: watch::Receiver<Schedule>, stop: CancellationToken) {
        let log = self.intake.log.clone();
        let timeouts = self.timeouts.clone();
        let mut ticks = schedule.borrow_and_update().start();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = schedule.changed() => {
                    ticks = schedule.borrow_and_update().start();
                    continue;
                }
                () = ticks.next(&log) => {}
            }
            let interval = schedule.borrow().interval;
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

    /// Asks once, or as often as it takes to get what is a rate.
    pub(super) async fn once(mut self) {
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
                super::stage::wait_here(&intake.runtime, intake.forward(batch, true));
            })
        } else {
            Collector::new()
        };
        let call = self.intake.account.metered(self.input.gather(&mut out));
        let result = AssertUnwindSafe(call).catch_unwind().await;
        if !kept {
            return;
        }
        let mut batch = out.take();
        let (errors, more) = out.take_errors();
        drop(out);
        self.intake.prepare(&mut batch, started);
        self.intake.forward(batch, false).await;
        if errors.is_empty() && matches!(result, Ok(Ok(()))) {
            self.intake.account.health.good();
        }
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
