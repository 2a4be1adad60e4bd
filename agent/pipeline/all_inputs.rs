//! All inputs of a run: opened in the order of the file, exchanged one by one at a reload, stopped together.
//!
//! An input whose own options are the same goes on, whatever its common options have become. Of the others, one that binds a
//! socket is opened beside the one it replaces, whose socket it takes over; any other begins when the old one has ended, and with
//! its state, as both may want the same file.

use super::account::Account;
use super::board::Seat;
use super::change::{Match, carry_state, pair};
use super::input::{self, Listening, Polled, ask_on_schedule, ask_to_the_end};
use super::intake::Intake;
use super::schedule::Schedule;
use super::{Control, Credit, Gate, Mode, PATIENCE};
use crate::config::{Built, Config, InputConfig, StartupError, Surroundings};
use agent_api::stats;
use agent_api::{Result, StartError, Stop, anyhow, bail};
use agent_net::server::{Leaving, Sockets};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// All inputs of a run.
pub(super) struct Inputs {
    surroundings: Surroundings,
    next: Gate,
    credit: Credit,
    mode: Mode,
    running: Vec<Running>,
    /// Those that have been told to stop by a reload.
    leaving: JoinSet<()>,
}

/// An input that runs.
struct Running {
    config: InputConfig,
    intake: Arc<Intake>,
    listens: bool,
    sockets: Sockets,
    schedule: watch::Sender<Schedule>,
    /// Ends collecting and asking.
    ask_no_more: CancellationToken,
    /// Ends a listener.
    stop: CancellationToken,
    asking: Option<JoinHandle<()>>,
    task: JoinHandle<()>,
}

/// An input that is built and has not begun.
struct Waiting {
    config: InputConfig,
    intake: Arc<Intake>,
    plugin: Plugin,
}

enum Plugin {
    Polled(Box<Polled>),
    Listening(Listening),
}

/// What a reload is going to do.
pub(super) struct Change {
    slots: Vec<Slot>,
}

enum Slot {
    /// Goes on, with other common options perhaps.
    Kept(usize, Box<InputConfig>),
    /// Begins, in the place of another perhaps; `late` if it can only be opened when that has ended.
    Fresh { waiting: Box<Waiting>, from: Option<usize>, late: bool },
}

impl Inputs {
    pub(super) fn new(surroundings: &Surroundings, next: &Gate, credit: &Credit, mode: Mode) -> Self {
        Inputs {
            surroundings: surroundings.clone(),
            next: next.clone(),
            credit: credit.clone(),
            mode,
            running: Vec::new(),
            leaving: JoinSet::new(),
        }
    }

    /// Opens all inputs in the order of the file; listeners begin at once, the others with `run`.
    pub(super) async fn open(&mut self, config: &Config) -> Result<Vec<Polled>> {
        let (nothing, mut polled) = (Arc::default(), Vec::new());
        for input in &config.inputs {
            let mut waiting = self.build(input, config, Arc::default())?;
            if !self.open_one(&mut waiting, &nothing, true).await? {
                continue;
            }
            match waiting.plugin {
                Plugin::Polled(plugin) if self.mode != Mode::Run => polled.push(*plugin),
                _ => self.begin(waiting, config),
            }
        }
        Ok(polled)
    }

    fn build(&self, input: &InputConfig, config: &Config, account: Arc<Account>) -> Result<Waiting> {
        let built = input.plugin.build(&self.surroundings)?;
        let listens = matches!(built, Built::Listener(_));
        let intake = Arc::new(input::intake(input, config, listens, &self.next, &self.credit, account));
        let plugin = match built {
            Built::Input(plugin) => Plugin::Polled(Box::new(Polled::new(plugin, input, &self.surroundings, &intake))),
            Built::Listener(plugin) => Plugin::Listening(Listening {
                plugin,
                intake: intake.clone(),
                sockets: Sockets::default(),
                open: false,
            }),
            _ => return Err(super::odd(&input.plugin)),
        };
        Ok(Waiting { config: input.clone(), intake, plugin })
    }

    /// Opens a listener; false if it is to be left out. With `strict` one that must open ends the start.
    async fn open_one(&self, waiting: &mut Waiting, leaving: &Arc<Leaving>, strict: bool) -> Result<bool> {
        let Plugin::Listening(listening) = &mut waiting.plugin else { return Ok(true) };
        listening.sockets.clear();
        let Err(error) = listening.sockets.open(leaving, listening.plugin.open()).await else {
            listening.open = true;
            return Ok(true);
        };
        let plugin = &waiting.config.plugin;
        let set = stats::set("gather", &[("input", plugin.entry.name), ("alias", &plugin.alias)]);
        set.counter("startup_errors").inc();
        let behaviour = waiting.config.startup_error_behavior;
        let retries = matches!(error, StartError::Retry(_)) && behaviour != StartupError::Error;
        if strict && !retries && self.mode == Mode::Run {
            bail!("starting input {}: {error}", plugin.log_name());
        }
        waiting.intake.failed(&anyhow!("failed to start: {error}"));
        Ok(!strict || (retries && behaviour == StartupError::Retry))
    }

    fn begin(&mut self, waiting: Waiting, config: &Config) {
        let Waiting { config: own, intake, plugin } = waiting;
        intake.account.health.begin();
        let (schedule, watch) = watch::channel(input::schedule(&own, &config.agent));
        let (ask_no_more, stop) = (CancellationToken::new(), CancellationToken::new());
        let (mut asking, mut sockets) = (None, Sockets::default());
        let listens = matches!(plugin, Plugin::Listening(_));
        let task = match plugin {
            Plugin::Polled(polled) => tokio::spawn(polled.run(watch, ask_no_more.clone())),
            Plugin::Listening(listening) => {
                sockets = listening.sockets.clone();
                let (requests, asked) = mpsc::channel(1);
                let log = intake.log.clone();
                asking = Some(if self.mode == Mode::Run {
                    tokio::spawn(ask_on_schedule(requests, watch.clone(), log, ask_no_more.clone()))
                } else {
                    let end = ask_no_more.clone();
                    tokio::spawn(async move { ask_to_the_end(&requests, end).await })
                });
                tokio::spawn(listening.run(Stop::new(stop.clone(), Some(asked)), watch))
            }
        };
        self.running.push(Running { config: own, intake, listens, sockets, schedule, ask_no_more, stop, asking, task });
    }

    /// Runs until the run is over, without schedule: every input once.
    pub(super) async fn once(&mut self, polled: Vec<Polled>, wait: Duration, control: &Control) {
        let mut gathering = JoinSet::new();
        for one in polled {
            gathering.spawn(one.once());
        }
        while let Some(ended) = gathering.join_next().await {
            super::report(ended.err());
        }
        let asking: Vec<_> = self.running.iter_mut().filter_map(|r| r.asking.take()).collect();
        let answered = async {
            for asking in asking {
                super::report(asking.await.err());
            }
        };
        tokio::select! {
            () = answered => {}
            () = control.stop.cancelled() => {}
        }
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = control.stop.cancelled() => {}
            }
        }
    }

    /// Stops all and waits for them: first collections end, then listeners.
    pub(super) async fn end(mut self) {
        self.running.iter().for_each(|r| r.ask_no_more.cancel());
        for running in &mut self.running {
            if let Some(asking) = running.asking.take() {
                super::report(asking.await.err());
            }
        }
        let (listening, polled): (Vec<_>, Vec<_>) = self.running.into_iter().partition(|r| r.listens);
        for running in polled {
            super::report(running.task.await.err());
        }
        let mut leaving = self.leaving;
        listening.into_iter().for_each(|running| running.leave(&mut leaving, PATIENCE));
        while let Some(ended) = leaving.join_next().await {
            super::report(ended.err());
        }
    }

    /// Builds what is new and opens what can be opened beside what runs. Nothing that runs is touched.
    pub(super) async fn prepare(&self, config: &Config, strict: bool) -> Result<Change> {
        let plugins = |o: usize, n: usize| (&self.running[o].config.plugin, &config.inputs[n].plugin);
        let same = |o, n| matches!(plugins(o, n), (a, b) if a.own == b.own);
        let instead = |o, n| matches!(plugins(o, n), (a, b) if a.log_name() == b.log_name());
        let matches = pair(self.running.len(), config.inputs.len(), same, instead);
        let leaving = Arc::new(Leaving::default());
        for (i, running) in self.running.iter().enumerate() {
            if !matches.contains(&Match::Same(i)) {
                leaving.add(&running.sockets);
            }
        }
        let mut slots = Vec::new();
        for (input, how) in config.inputs.iter().zip(matches) {
            let from = match how {
                Match::Same(i) => {
                    slots.push(Slot::Kept(i, Box::new(input.clone())));
                    continue;
                }
                Match::Instead(i) => Some(i),
                Match::New => None,
            };
            let account = from.map(|i| self.running[i].intake.account.clone()).unwrap_or_default();
            let mut waiting = self.build(input, config, account)?;
            let beside = from.is_none_or(|i| !self.running[i].sockets.is_empty());
            let mut late = !beside;
            if beside {
                match self.open_one(&mut waiting, &leaving, strict).await {
                    Ok(true) => {}
                    Ok(false) => continue,
                    // What stands in the way may be what is going to leave.
                    Err(_) if !leaving.is_empty() => late = true,
                    Err(e) => return Err(e),
                }
            }
            slots.push(Slot::Fresh { waiting: Box::new(waiting), from, late });
        }
        Ok(Change { slots })
    }

    /// Does what was prepared. Gives why inputs that could only be opened now could not: they are tried again and again.
    pub(super) async fn commit(&mut self, change: Change, config: &Config) -> Vec<agent_api::Error> {
        let mut old: HashMap<usize, Running> = self.running.drain(..).enumerate().collect();
        let mut errors = Vec::new();
        let mut late = Vec::new();
        // What leaves without a successor first, and what is replaced with a socket; then those that wait for another's end.
        let mut order = Vec::new();
        for slot in change.slots {
            match slot {
                Slot::Kept(i, own) => {
                    let Some(mut running) = old.remove(&i) else { continue };
                    running.adjust(*own, config);
                    order.push(Some(running));
                }
                Slot::Fresh { waiting, from, late: false } => {
                    self.begin(*waiting, config);
                    order.push(self.running.pop());
                    if let Some(before) = from.and_then(|i| old.remove(&i)) {
                        before.sockets.hand_over();
                        before.leave(&mut self.leaving, LEAVE);
                    }
                }
                Slot::Fresh { waiting, from, .. } => {
                    late.push((order.len(), waiting, from.and_then(|i| old.remove(&i))));
                    order.push(None);
                }
            }
        }
        old.into_values().for_each(|running| running.leave(&mut self.leaving, LEAVE));
        late.iter().filter_map(|l| l.2.as_ref()).for_each(Running::tell);
        if late.iter().any(|l| l.2.is_none()) {
            // What stood in the way of one that takes nobody's place is leaving.
            let all = async { while self.leaving.join_next().await.is_some() {} };
            let _left = tokio::time::timeout(PATIENCE, all).await;
        }
        for (place, mut waiting, before) in late {
            let carried = match before {
                Some(before) => {
                    let plugin = before.config.plugin.clone();
                    before.end(&mut self.leaving).await;
                    carry_state(&self.surroundings, &plugin, &waiting.config.plugin)
                }
                None => false,
            };
            if carried && let Ok(again) = self.build(&waiting.config, config, waiting.intake.account.clone()) {
                *waiting = again;
            }
            if let Err(e) = self.open_one(&mut waiting, &Arc::default(), true).await {
                errors.push(e);
            }
            self.begin(*waiting, config);
            order[place] = self.running.pop();
        }
        self.running = order.into_iter().flatten().collect();
        while let Some(ended) = self.leaving.try_join_next() {
            super::report(ended.err());
        }
        errors
    }

    /// Those that run.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.running.iter().map(|r| Seat::new(&r.config.plugin, &r.intake.account).with_sockets(&r.sockets))
    }
}

/// So long an input that was taken out by a reload may take to end in the background.
const LEAVE: Duration = Duration::from_secs(30);

impl Running {
    /// Takes over what may change while the input goes on.
    fn adjust(&mut self, own: InputConfig, config: &Config) {
        self.intake.set_rules(input::rules(&own, config, self.listens));
        let schedule = input::schedule(&own, &config.agent);
        self.config = own;
        self.schedule.send_if_modified(|now| std::mem::replace(now, schedule) != schedule);
    }

    /// Tells it to end. Who takes over its sockets has descriptors of its own; without one nobody is to wait at a closed door.
    fn tell(&self) {
        self.sockets.clear();
        self.ask_no_more.cancel();
        self.stop.cancel();
    }

    /// Tells it to end and lets it do so in the background; after `patience` a listener is cut.
    fn leave(self, leaving: &mut JoinSet<()>, patience: Duration) {
        self.tell();
        leaving.spawn(self.ended(patience));
    }

    /// Waits until it has ended; where that takes too long it goes on ending in the background.
    async fn end(self, leaving: &mut JoinSet<()>) {
        let mut ended = Box::pin(self.ended(LEAVE));
        if tokio::time::timeout(PATIENCE, ended.as_mut()).await.is_err() {
            leaving.spawn(ended);
        }
    }

    async fn ended(self, patience: Duration) {
        let Running { sockets, asking, mut task, listens, intake, .. } = self;
        if let Some(asking) = asking {
            super::report(asking.await.err());
        }
        // A collection that is under way is waited for: what it gives is to be delivered.
        let ended = if listens {
            match tokio::time::timeout(patience, &mut task).await {
                Ok(ended) => ended,
                Err(_) => {
                    task.abort();
                    intake.log.debug("did not end in time; cutting it off");
                    task.await
                }
            }
        } else {
            task.await
        };
        super::report(ended.err());
        sockets.clear();
    }
}
