//! Reloads: whoever asks for one, the configuration is read and checked here, and the pipeline goes over to it or says why not.
//!
//! A configuration that cannot be used changes nothing. Requests are served one after the other.

use super::{args, load, log, sources, surroundings};
use crate::config::{Config, Digest, Surroundings};
use crate::control::{Context, Reloads, Server};
use crate::logging;
use crate::pipeline::{Mode, Reload};
use agent_api::plugin::Future;
use agent_api::{Result, anyhow};
use clap::ArgMatches;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Asks for reloads; cloning makes another way to ask.
#[derive(Clone)]
pub(super) struct Reloader {
    requests: mpsc::Sender<Request>,
    state: Arc<Mutex<State>>,
}

/// The configuration in use and how it came to be.
struct State {
    config: Arc<Config>,
    since: Instant,
    reloads: u64,
    refused: u64,
}

struct Request {
    by: String,
    done: oneshot::Sender<Result<()>>,
}

/// Who serves the requests; made before the API, which asks, too.
pub(super) struct Requests(mpsc::Receiver<Request>);

/// What a reload acts upon.
pub(super) struct Parts {
    pub(super) matches: ArgMatches,
    pub(super) surroundings: Surroundings,
    pub(super) pipeline: mpsc::Sender<Reload>,
    pub(super) api: Arc<Server>,
    pub(super) context: Context,
}

impl Reloader {
    /// Begins with a configuration that is in use.
    pub(super) fn new(config: Arc<Config>) -> (Self, Requests) {
        let (requests, asked) = mpsc::channel(16);
        let state = State { config, since: Instant::now(), reloads: 0, refused: 0 };
        (Reloader { requests, state: Arc::new(Mutex::new(state)) }, Requests(asked))
    }

    /// Serves requests from now on.
    pub(super) fn serve(&self, Requests(mut asked): Requests, parts: Parts) {
        let mut worker = Worker { parts, state: self.state.clone(), guard: None };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    request = asked.recv() => {
                        let Some(request) = request else { return };
                        let result = worker.reload(&request.by).await;
                        // Whoever asked may not want to know.
                        let _gone = request.done.send(result);
                    }
                    () = tokio::time::sleep(GUARD_LOOK), if worker.guard.is_some() => worker.look().await,
                }
            }
        });
    }

    /// Reads the configuration anew and goes over to it. `by` says who wants that.
    pub(super) async fn ask(&self, by: &str) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let ended = || anyhow!("the agent is about to end");
        self.requests.send(Request { by: by.to_owned(), done }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// The configuration in use.
    pub(super) fn current(&self) -> Arc<Config> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }
}

impl Reloads for Reloader {
    fn in_use(&self) -> (Arc<Config>, Instant, u64, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.config.clone(), state.since, state.reloads, state.refused)
    }

    fn reload<'a>(&'a self, by: &'a str) -> Future<'a, Result<()>> {
        Box::pin(self.ask(by))
    }
}

struct Worker {
    parts: Parts,
    state: Arc<Mutex<State>>,
    guard: Option<Guard>,
}

/// Watches what a reload has begun, to go back if that does not work (`reload_guard`).
struct Guard {
    before: Arc<Config>,
    /// What is new: plugins by their own options.
    new: HashSet<Digest>,
    long: Duration,
    /// After so long nothing is watched any more, though something may never have had anything to do.
    until: Instant,
}

/// How often the guard looks.
const GUARD_LOOK: Duration = Duration::from_millis(200);
/// It looks for so many times the length of its time.
const GUARD_TIMES: u32 = 10;

impl Worker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reload(&mut self, by: &str) -> Result<()> {
        log().info(format_args!("Reloading Telegraf config: {by}"));
        crate::service::reloading();
        let before = self.state().config.clone();
        let result = self.attempt().await;
        match &result {
            Ok(()) => {
                log().info("audit: the new configuration is in use");
                crate::service::reloaded("the new configuration is in use");
                self.guard = self.guard(before);
            }
            Err(e) => {
                self.state().refused += 1;
                let status = format!("the new configuration cannot be used, going on with the old one: {e:#}");
                log().error(format_args!("audit: {status}"));
                crate::service::reloaded(&status);
                // Secrets are looked up where the running configuration says.
                if let Err(e) = crate::secrets::start(&before, &self.parts.surroundings).await {
                    log().error(format_args!("start the secret stores of the old configuration: {e:#}"));
                }
            }
        }
        result
    }

    async fn attempt(&self) -> Result<()> {
        let matches = self.parts.matches.clone();
        let runtime = tokio::runtime::Handle::current();
        // An address may take its time to answer.
        let read = tokio::task::spawn_blocking(move || {
            let _entered = runtime.enter();
            load(&sources(&[&matches]))
        });
        let config = Arc::new(read.await.map_err(|e| anyhow!("read the configuration: {e}"))??);
        crate::secrets::start(&config, &self.parts.surroundings).await?;
        // Built for its mistakes, beside all that runs and without its state.
        let apart = surroundings(&config, Mode::Run);
        config.check(&apart).map_err(|e| anyhow!("{e}"))?;
        self.go_over(config.clone(), true).await?;
        config.notes.iter().for_each(|note| log().warn(note));
        Ok(())
    }

    /// Goes over to a configuration that is checked.
    async fn go_over(&self, config: Arc<Config>, strict: bool) -> Result<()> {
        let Parts { api, context, pipeline, matches, .. } = &self.parts;
        let opened = api.open(config.agent.api.as_deref()).await?;
        let (done, answer) = oneshot::channel();
        let ended = || anyhow!("the agent is about to end");
        pipeline.send(Reload { config: config.clone(), strict, done }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())??;
        api.follow(config.agent.api.as_deref(), opened, context);
        let logging = logging::configure(&config.agent, args::flag(matches, "debug"), args::flag(matches, "quiet"));
        if let Err(e) = logging {
            log().error(format_args!("going on with the log as it was: {e:#}"));
        }
        let mut state = self.state();
        (state.config, state.since) = (config, Instant::now());
        state.reloads += 1;
        Ok(())
    }

    /// The guard of the configuration that has just come into use.
    fn guard(&self, before: Arc<Config>) -> Option<Guard> {
        let now = self.state().config.clone();
        let long = now.agent.reload_guard;
        let known: HashSet<Digest> = before.plugins().map(|p| p.own).collect();
        let new: HashSet<Digest> = now.plugins().map(|p| p.own).filter(|own| !known.contains(own)).collect();
        let until = Instant::now() + long * GUARD_TIMES;
        (!long.is_zero() && !new.is_empty()).then_some(Guard { before, new, long, until })
    }

    /// Goes back to the configuration before if something that is new has been failing for too long.
    async fn look(&mut self) {
        let Some(guard) = &self.guard else { return };
        let new = |own: &Digest| guard.new.contains(own);
        let failing = self.parts.context.board.failing(new, guard.long);
        if failing.is_empty() {
            if Instant::now() > guard.until || self.parts.context.board.proven(new) {
                self.guard = None;
            }
            return;
        }
        let Some(Guard { before, long, .. }) = self.guard.take() else { return };
        log().error(format_args!("{} failed for {long:?} after the reload", failing.join(", ")));
        let result = async {
            crate::secrets::start(&before, &self.parts.surroundings).await?;
            self.go_over(before, false).await
        };
        match result.await {
            Ok(()) => log().info("audit: the configuration before the reload is in use again"),
            Err(e) => log().error(format_args!("audit: go back to the configuration before: {e:#}")),
        }
    }
}
