//! What the service manager is told: systemd's protocol of sd_notify(3), datagrams to the socket that `NOTIFY_SOCKET` names.
//!
//! Nothing happens where no manager asked for it. A failure to tell is a warning: the agent works without its manager knowing.

use notify::Manager;
use tokio_util::sync::CancellationToken;

mod notify {
    use agent_api::{Log, stats::Counter};
    use std::ffi::{OsStr, OsString};
    use std::io;
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    /// The socket of the manager, if there is one.
    #[derive(Clone)]
    pub(super) struct Manager {
        path: OsString,
        /// The manager takes the agent for dead that says nothing for so long.
        pub(super) watchdog: Option<Duration>,
    }

    impl Manager {
        /// The manager that the environment names.
        pub(super) fn of_environment() -> Option<Self> {
            let var = |name| std::env::var(name).ok();
            Manager::new(std::env::var_os("NOTIFY_SOCKET"), var("WATCHDOG_USEC"), var("WATCHDOG_PID"))
        }

        pub(super) fn new(
            path: Option<OsString>,
            microseconds: Option<String>,
            process: Option<String>,
        ) -> Option<Self> {
            let path = path.filter(|path| !path.is_empty())?;
            // The variables of the watchdog may be meant for another process, see sd_watchdog_enabled(3).
            let mine = process.is_none_or(|process| process == std::process::id().to_string());
            let watchdog = microseconds.filter(|_| mine).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            Some(Manager { path, watchdog: watchdog.map(Duration::from_micros) })
        }

        /// Tells the manager; a failure is logged.
        pub(super) fn tell(&self, state: &str) {
            if let Err(e) = self.send(state) {
                Log::new("agent", None, Counter::default())
                    .warn(format_args!("cannot notify the service manager: {e}"));
            }
        }

        pub(super) fn send(&self, state: &str) -> io::Result<usize> {
            let socket = UnixDatagram::unbound()?;
            // A manager that does not read must not hold the agent.
            socket.set_nonblocking(true)?;
            let path: &OsStr = &self.path;
            #[cfg(target_os = "linux")]
            if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(path).strip_prefix(b"@") {
                use std::os::linux::net::SocketAddrExt;
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                return socket.send_to_addr(state.as_bytes(), &address);
            }
            socket.send_to(state.as_bytes(), path)
        }
    }
}

/// Everything has been started. From now on the manager hears from the watchdog, too, until `stop` says that the end has begun.
pub fn ready(stop: &CancellationToken) {
    let Some(manager) = Manager::of_environment() else { return };
    serve(manager, stop.clone());
}

fn serve(manager: Manager, stop: CancellationToken) {
    manager.tell("READY=1");
    tokio::spawn(async move {
        // Half of the time, as sd_watchdog_enabled(3) advises. It runs among the tasks of the pipeline: if they get no turn, it gets none.
        match manager.watchdog {
            None => stop.cancelled().await,
            Some(limit) => {
                let mut ticks = tokio::time::interval(limit / 2);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                let mut stopping = false;
                loop {
                    tokio::select! {
                        _ = ticks.tick() => manager.tell("WATCHDOG=1"),
                        () = stop.cancelled(), if !stopping => {
                            stopping = true;
                            manager.tell("STOPPING=1");
                        }
                    }
                }
            }
        }
        manager.tell("STOPPING=1");
    });
}

/// A reload begins; [`reloaded`] ends it.
pub fn reloading() {
    let Some(manager) = Manager::of_environment() else { return };
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // The time lets the manager tell this READY=1 from an earlier one.
    let microseconds = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000;
    manager.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

/// A reload is over, well or not: what runs is ready. `status` is shown by `systemctl status`.
pub fn reloaded(status: &str) {
    if let Some(manager) = Manager::of_environment() {
        // A status is one line; the log has it as it is.
        let line = status.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        manager.tell(&format!("READY=1\nSTATUS={line}"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    /// A manager's socket, the manager as the agent sees it, and the folder of the socket.
    fn socket(watchdog: Option<&str>) -> (UnixDatagram, Manager, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let manager = Manager::new(Some(path.into()), watchdog.map(str::to_owned), None).unwrap();
        (socket, manager, folder)
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 200];
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_manager_hears_of_the_begin_the_life_and_the_end() {
        let (socket, manager, _folder) = socket(Some("20000"));
        let stop = CancellationToken::new();
        serve(manager, stop.clone());
        assert_eq!(heard(&socket), "READY=1");
        for _ in 0..3 {
            assert_eq!(heard(&socket), "WATCHDOG=1");
        }
        stop.cancel();
        // The watchdog goes on: a long end is no hang.
        let mut states: Vec<String> = Vec::new();
        while states.last().is_none_or(|last| last != "STOPPING=1") {
            states.push(heard(&socket));
        }
        assert_eq!(heard(&socket), "WATCHDOG=1");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_a_watchdog_there_are_begin_and_end() {
        let (socket, manager, _folder) = socket(None);
        let stop = CancellationToken::new();
        serve(manager, stop.clone());
        stop.cancel();
        assert_eq!([heard(&socket), heard(&socket)], ["READY=1", "STOPPING=1"]);
    }

    #[test]
    fn variables_of_another_process_and_broken_ones_are_left_alone() {
        let watchdog = |time: &str, process: Option<&str>| {
            Manager::new(Some("/x".into()), Some(time.to_owned()), process.map(str::to_owned)).unwrap().watchdog
        };
        let own = std::process::id().to_string();
        assert_eq!(watchdog("3000000", Some(&own)), Some(std::time::Duration::from_secs(3)));
        assert_eq!(watchdog("3000000", Some("1")), None);
        assert_eq!([watchdog("x", None), watchdog("0", None)], [None, None]);
        assert!(Manager::new(None, None, None).is_none() && Manager::new(Some("".into()), None, None).is_none());
        assert!(Manager::new(Some("/nowhere/socket".into()), None, None).unwrap().send("READY=1").is_err());
    }
}
