//! Signals: end, reload, flush now.

use super::reload::Reloader;
use crate::pipeline::Control;
use agent_api::Result;
use tokio_util::sync::CancellationToken;

/// Ends `over` when a signal says so, also while the agent still starts.
#[cfg(unix)]
pub(super) fn listen_for_end(over: CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
        over.cancel();
    });
    Ok(())
}

/// Ends `over` when Ctrl-C is pressed.
#[cfg(not(unix))]
pub(super) fn listen_for_end(over: CancellationToken) -> Result<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            over.cancel();
        }
    });
    Ok(())
}

/// What a running agent hears besides; made before it starts, so that no signal ends it.
#[cfg(unix)]
pub(super) struct Signals {
    hangup: tokio::signal::unix::Signal,
    user: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { hangup: signal(SignalKind::hangup())?, user: signal(SignalKind::user_defined1())? })
    }

    /// Serves them from now on; those that came before are not lost.
    pub(super) fn serve(mut self, reloader: Reloader, control: Control) {
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = self.hangup.recv() => {
                        let reloader = reloader.clone();
                        // What it came to is in the log.
                        tokio::spawn(async move { drop(reloader.ask("SIGHUP").await) });
                    }
                    Some(()) = self.user.recv() => control.flush.notify_one(),
                    else => return,
                }
            }
        });
    }
}

/// There are no such signals here.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> Result<Self> {
        Ok(Signals)
    }

    pub(super) fn serve(self, _: Reloader, _: Control) {}
}
