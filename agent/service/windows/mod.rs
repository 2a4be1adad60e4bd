//! The service control manager of Windows: the process under it tells its state, and is told to stop or to read its
//! configuration anew.
//!
//! The manager calls a function without arguments of ours, and it asks for one service a process here, hence the statics.

mod control;
mod log;

pub use control::{Install, install, reload, start, status, stop, uninstall};
pub use log::EventLog;

use agent_api::{Error, Log, Result, stats::Counter};
use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

/// What the process does as a service; true if it went well.
type Work = Box<dyn FnOnce() -> bool + Send>;

/// Between two signs of life while it starts or stops.
const PULSE: Duration = Duration::from_secs(2);
/// The manager may take the service for stuck that gives no sign of life for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: the process was not started by the manager.
const NOT_A_SERVICE: i32 = 1063;

/// Name and work, until the manager calls `main`.
static WORK: Mutex<Option<(String, Work)>> = Mutex::new(None);
/// The service that this process is, if it is one.
static SERVICE: OnceLock<Service> = OnceLock::new();

/// This process as a service.
struct Service {
    name: String,
    asked: Arc<Asked>,
    handle: ServiceStatusHandle,
    phase: Mutex<Phase>,
}

/// What the manager has asked for.
#[derive(Default)]
struct Asked {
    stop: CancellationToken,
    reload: Notify,
}

/// What the manager was told last.
struct Phase {
    /// None before the first word.
    state: Option<ServiceState>,
    /// Grows with each sign of life.
    checkpoint: u32,
}

define_windows_service!(entry, main);

/// Hands the process over to the manager, which has `work` done under `name`. False, with nothing done, if the process was not
/// started by the manager.
pub fn serve(name: &str, work: impl FnOnce() -> bool + Send + 'static) -> Result<bool> {
    *lock(&WORK) = Some((name.to_owned(), Box::new(work)));
    let served = service_dispatcher::start(name, entry);
    *lock(&WORK) = None;
    match served {
        Ok(()) => Ok(true),
        Err(windows_service::Error::Winapi(e)) if e.raw_os_error() == Some(NOT_A_SERVICE) => Ok(false),
        Err(e) => Err(Error::from(plain(e)).context("reach the service manager")),
    }
}

/// The name of the service that this process is, if it is one.
pub fn name() -> Option<&'static str> {
    SERVICE.get().map(|service| service.name.as_str())
}

/// Comes back when the manager wants the service to end; never in the foreground.
pub async fn stop_asked() {
    match SERVICE.get() {
        Some(service) => service.asked.stop.cancelled().await,
        None => std::future::pending().await,
    }
}

/// Comes back when the manager says that the configuration has changed; never in the foreground.
pub async fn reload_asked() {
    match SERVICE.get() {
        Some(service) => service.asked.reload.notified().await,
        None => std::future::pending().await,
    }
}

/// Everything has been started. When `stop` says so, the end has begun.
pub fn ready(stop: &CancellationToken) {
    let Some(service) = SERVICE.get() else { return };
    service.enter(ServiceState::Running);
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        service.enter(ServiceState::StopPending);
    });
}

/// A reload begins; the manager has no state for it.
pub fn reloading() {}

/// A reload is over; the log says how, and the manager has no place for it.
pub fn reloaded(_: &str) {}

/// Called by the manager in a thread of its own.
fn main(_: Vec<OsString>) {
    let Some((name, work)) = lock(&WORK).take() else { return };
    let asked = Arc::new(Asked::default());
    let to = asked.clone();
    let handle = service_control_handler::register(&name, move |control| match control {
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            if let Some(service) = SERVICE.get() {
                service.enter(ServiceState::StopPending);
            }
            to.stop.cancel();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::ParamChange => {
            to.reload.notify_one();
            ServiceControlHandlerResult::NoError
        }
        _ => ServiceControlHandlerResult::NotImplemented,
    });
    let handle = match handle {
        Ok(handle) => handle,
        Err(e) => return complain(format_args!("register with the service manager: {}", plain(e))),
    };
    let phase = Mutex::new(Phase { state: None, checkpoint: 0 });
    let service = SERVICE.get_or_init(|| Service { name, asked, handle, phase });
    service.enter(ServiceState::StartPending);
    // Without it the manager only takes longer starts and stops for stuck.
    let _no_pulse = std::thread::Builder::new().name("service".to_owned()).spawn(|| {
        loop {
            std::thread::sleep(PULSE);
            service.pulse();
        }
    });
    let well = work();
    service.stopped(well);
}

impl Service {
    /// Goes over to a state, unless it is there or further already: whoever is late has nothing to tell.
    fn enter(&self, state: ServiceState) {
        let mut phase = lock(&self.phase);
        if Some(state).map(rank) > phase.state.map(rank) {
            *phase = Phase { state: Some(state), checkpoint: 0 };
            self.tell(state, 0, ServiceExitCode::NO_ERROR);
        }
    }

    /// A sign of life, where the manager waits for one.
    fn pulse(&self) {
        let mut phase = lock(&self.phase);
        if let Some(state @ (ServiceState::StartPending | ServiceState::StopPending)) = phase.state {
            phase.checkpoint += 1;
            self.tell(state, phase.checkpoint, ServiceExitCode::NO_ERROR);
        }
    }

    /// It is over. An end that is no good one is what the restart of the service is for.
    fn stopped(&self, well: bool) {
        let mut phase = lock(&self.phase);
        *phase = Phase { state: Some(ServiceState::Stopped), checkpoint: 0 };
        let code = if well { ServiceExitCode::NO_ERROR } else { ServiceExitCode::ServiceSpecific(1) };
        self.tell(ServiceState::Stopped, 0, code);
    }

    fn tell(&self, state: ServiceState, checkpoint: u32, exit_code: ServiceExitCode) {
        let waits = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
        let controls_accepted = match state {
            ServiceState::Running => {
                ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN | ServiceControlAccept::PARAM_CHANGE
            }
            // A start may be waiting for a server that does not answer.
            ServiceState::StartPending => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
            _ => ServiceControlAccept::empty(),
        };
        let status = ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted,
            exit_code,
            checkpoint,
            wait_hint: if waits { PATIENCE } else { Duration::ZERO },
            process_id: None,
        };
        if let Err(e) = self.handle.set_service_status(status) {
            complain(format_args!("cannot tell the service manager the state {state:?}: {}", plain(e)));
        }
    }
}

/// How far a service is in its life.
fn rank(state: ServiceState) -> u8 {
    match state {
        ServiceState::StartPending => 0,
        ServiceState::Stopped => 3,
        ServiceState::StopPending => 2,
        _ => 1,
    }
}

fn complain(what: std::fmt::Arguments<'_>) {
    Log::new("agent", None, Counter::default()).warn(what);
}

/// The error of the system alone, which says what is wrong.
fn plain(error: windows_service::Error) -> std::io::Error {
    match error {
        windows_service::Error::Winapi(e) => e,
        other => std::io::Error::other(other),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
