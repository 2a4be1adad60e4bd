//! Signals, and what the service manager of Windows says instead: end, reload, flush now.

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

/// Ends `over` when Ctrl-C or Ctrl-Break is pressed, the console is closed, or the service manager says so.
#[cfg(windows)]
pub(super) fn listen_for_end(over: CancellationToken) -> Result<()> {
    use tokio::signal::windows;
    let (mut interrupt, mut stop, mut close) = (windows::ctrl_c()?, windows::ctrl_break()?, windows::ctrl_close()?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = stop.recv() => {}
            _ = close.recv() => {}
            () = crate::service::windows::stop_asked() => {}
        }
        over.cancel();
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

/// There are no such signals here; the service manager asks instead.
#[cfg(windows)]
pub(super) struct Signals;

#[cfg(windows)]
impl Signals {
    pub(super) fn new() -> Result<Self> {
        Ok(Signals)
    }

    /// Serves what the manager asks for from now on; what it asked for before is not lost.
    pub(super) fn serve(self, reloader: Reloader, _: Control) {
        tokio::spawn(async move {
            loop {
                crate::service::windows::reload_asked().await;
                // What it came to is in the log.
                drop(reloader.ask("the service manager").await);
            }
        });
    }
}
