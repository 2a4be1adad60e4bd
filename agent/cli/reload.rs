//! Reloads: whoever asks for one, the configuration is read and checked here, and the pipeline goes over to it or says why not.
//!
//! A configuration that cannot be used changes nothing. Requests are served one after the other.

use super::{args, load, log, sources, surroundings};
use crate::config::{Config, Surroundings};
use crate::logging;
use crate::pipeline::{Mode, Reload};
use agent_api::{Result, anyhow};
use clap::ArgMatches;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Asks for reloads; cloning makes another way to ask.
#[derive(Clone)]
pub(super) struct Reloader {
    requests: mpsc::Sender<Request>,
    /// The configuration in use.
    current: Arc<Mutex<Arc<Config>>>,
}

struct Request {
    by: String,
    done: oneshot::Sender<Result<()>>,
}

impl Reloader {
    /// Serves requests for the pipeline at the other end of `pipeline`.
    pub(super) fn start(
        matches: ArgMatches,
        config: Arc<Config>,
        surroundings: Surroundings,
        pipeline: mpsc::Sender<Reload>,
    ) -> Self {
        let (requests, mut asked) = mpsc::channel::<Request>(16);
        let current = Arc::new(Mutex::new(config));
        let worker = Worker { matches, surroundings, pipeline, current: current.clone() };
        tokio::spawn(async move {
            while let Some(request) = asked.recv().await {
                let result = worker.reload(&request.by).await;
                // Whoever asked may not want to know.
                let _gone = request.done.send(result);
            }
        });
        Reloader { requests, current }
    }

    /// Reads the configuration anew and goes over to it. `by` says who wants that.
    pub(super) async fn reload(&self, by: &str) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let ended = || anyhow!("the agent is about to end");
        self.requests.send(Request { by: by.to_owned(), done }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// The configuration in use.
    pub(super) fn current(&self) -> Arc<Config> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Worker {
    matches: ArgMatches,
    surroundings: Surroundings,
    pipeline: mpsc::Sender<Reload>,
    current: Arc<Mutex<Arc<Config>>>,
}

impl Worker {
    async fn reload(&self, by: &str) -> Result<()> {
        log().info(format_args!("Reloading Telegraf config: {by}"));
        let before = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let result = self.attempt().await;
        match &result {
            Ok(()) => log().info("audit: the new configuration is in use"),
            Err(e) => {
                log().error(format_args!("the new configuration cannot be used, going on with the old one: {e:#}"));
                // Secrets are looked up where the running configuration says.
                if let Err(e) = crate::secrets::start(&before, &self.surroundings).await {
                    log().error(format_args!("start the secret stores of the old configuration: {e:#}"));
                }
            }
        }
        result
    }

    async fn attempt(&self) -> Result<()> {
        let matches = self.matches.clone();
        let runtime = tokio::runtime::Handle::current();
        // An address may take its time to answer.
        let read = tokio::task::spawn_blocking(move || {
            let _entered = runtime.enter();
            load(&sources(&[&matches]))
        });
        let config = Arc::new(read.await.map_err(|e| anyhow!("read the configuration: {e}"))??);
        crate::secrets::start(&config, &self.surroundings).await?;
        // Built for its mistakes, beside all that runs and without its state.
        let apart = surroundings(&config, Mode::Run);
        config.check(&apart).map_err(|e| anyhow!("{e}"))?;
        let (done, answer) = oneshot::channel();
        let ended = || anyhow!("the agent is about to end");
        self.pipeline.send(Reload { config: config.clone(), done }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())??;
        logging::configure(&config.agent, args::flag(&self.matches, "debug"), args::flag(&self.matches, "quiet"))?;
        config.notes.iter().for_each(|note| log().warn(note));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}
