//! Signals: end, reload, flush now. They are heard for the whole run, also between two lives of the pipeline.

use super::{load, log, sources, surroundings};
use crate::pipeline::{Control, Mode};
use agent_api::{Result, anyhow};
use clap::ArgMatches;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// What signals have asked for, and the pipeline that runs.
#[derive(Clone, Default)]
pub(super) struct Signals {
    current: Arc<Mutex<Control>>,
    over: CancellationToken,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen(matches: ArgMatches, mode: Mode) -> Result<Self> {
        let signals = Signals::default();
        signals.spawn(matches, mode)?;
        Ok(signals)
    }

    /// The control of the next life of the pipeline; stopped already if the end was asked for meanwhile.
    pub(super) fn begin(&self) -> Control {
        let control = Control { stop: self.over.child_token(), ..Control::default() };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = control.clone();
        control
    }

    /// True once after a reload was asked for, unless the end was, too.
    pub(super) fn asks_for_reload(&self) -> bool {
        self.reload.swap(false, AcqRel) && !self.over.is_cancelled()
    }

    fn current(&self) -> Control {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg(unix)]
    fn spawn(&self, matches: ArgMatches, mode: Mode) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut user = signal(SignalKind::user_defined1())?;
        let signals = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = end.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = hangup.recv() => signals.reload(&matches, mode),
                    _ = user.recv() => signals.current().flush.notify_waiters(),
                }
            }
            signals.over.cancel();
        });
        Ok(())
    }

    #[cfg(not(unix))]
    fn spawn(&self, _: ArgMatches, _: Mode) -> Result<()> {
        let over = self.over.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                over.cancel();
            }
        });
        Ok(())
    }

    /// Stops the pipeline for a new one, if the configuration as it is now can be used; otherwise says why not.
    fn reload(&self, matches: &ArgMatches, mode: Mode) {
        log().info("Reloading Telegraf config");
        let checked = load(&sources(&[matches]))
            .and_then(|config| config.check(&surroundings(&config, mode)).map_err(|e| anyhow!("{e}")));
        match checked {
            Ok(()) => {
                self.reload.store(true, Release);
                self.current().stop.cancel();
            }
            Err(e) => {
                log().error(format_args!("the new configuration cannot be used, going on with the old one: {e:#}"))
            }
        }
    }
}
