//! What the service manager is asked for: to know a service, to start it, to end it, to forget it.

use super::{log, plain};
use agent_api::{Context, Result, bail};
use agent_windows::notify_change;
use std::ffi::OsString;
use std::time::{Duration, Instant};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceStatus,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

/// A service to be.
pub struct Install {
    /// By which it is started and stopped; also its source in the event log.
    pub name: String,
    /// As the manager shows it to people.
    pub display_name: String,
    /// What the agent is started with.
    pub arguments: Vec<OsString>,
    /// After a failure it is started anew when so much time has passed.
    pub restart: Option<Duration>,
}

const DESCRIPTION: &str = "Collects metrics, logs and flows, processes them and writes them elsewhere.";
/// A start may take so long: outputs connect and listeners bind.
const START: Duration = Duration::from_secs(120);
/// A stop may take so long, and the machine waits as long when it is shut down: what is queued is written.
const STOP: Duration = Duration::from_secs(60);
/// Failures are forgotten after a day without one.
const FORGET: Duration = Duration::from_secs(24 * 60 * 60);
const LOOK: Duration = Duration::from_millis(100);

/// Makes the manager know the service; it starts with the machine. What could not be set, but is no reason to be without the
/// service, is returned.
pub fn install(service: &Install) -> Result<Vec<String>> {
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let info = ServiceInfo {
        name: service.name.clone().into(),
        display_name: service.display_name.clone().into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::env::current_exe().context("find the path of the agent")?,
        launch_arguments: service.arguments.clone(),
        dependencies: vec![],
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let made =
        manager.create_service(&info, access).map_err(plain).with_context(|| format!("install {:?}", service.name))?;
    let mut notes = Vec::new();
    let mut note = |what: &str, result: windows_service::Result<()>| {
        if let Err(e) = result {
            notes.push(format!("{what}: {}", plain(e)));
        }
    };
    note("set the description", made.set_description(DESCRIPTION));
    note("set how long a shutdown waits", made.set_preshutdown_timeout(STOP));
    if let Some(delay) = service.restart {
        // The last action stands for all failures after it.
        let actions = vec![ServiceAction { action_type: ServiceActionType::Restart, delay }];
        let reset_period = ServiceFailureResetPeriod::After(FORGET);
        let failure = ServiceFailureActions { reset_period, reboot_msg: None, command: None, actions: Some(actions) };
        note("set the restart after a crash", made.update_failure_actions(failure));
        note("set the restart after an error", made.set_failure_actions_on_non_crash_failures(true));
    }
    if let Err(e) = log::register(&service.name) {
        notes.push(format!("register as a source of the event log: {e:#}"));
    }
    Ok(notes)
}

/// Starts the service and waits until everything in it has been started.
pub fn start(name: &str) -> Result<()> {
    let service = open(name, ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
    let none: [OsString; 0] = [];
    service.start(&none).map_err(plain).with_context(|| format!("start {name:?}"))?;
    let status = wait(&service, START, |state| matches!(state, ServiceState::Running | ServiceState::Stopped))?;
    match status.current_state {
        ServiceState::Running => Ok(()),
        ServiceState::Stopped => {
            bail!("start {name:?}: it has ended with {}; the log says why", code(&status))
        }
        _ => bail!("start {name:?}: it still starts after {} s", START.as_secs()),
    }
}

/// Ends the service and waits until it has written what it held.
pub fn stop(name: &str) -> Result<()> {
    let service = open(name, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?;
    service.stop().map_err(plain).with_context(|| format!("stop {name:?}"))?;
    ended(&service, name)
}

fn ended(service: &Service, name: &str) -> Result<()> {
    let status = wait(service, STOP, |state| state == ServiceState::Stopped)?;
    if status.current_state != ServiceState::Stopped {
        bail!("stop {name:?}: it still runs after {} s", STOP.as_secs());
    }
    Ok(())
}

/// Makes the service read its configuration anew. How that goes is in its log.
pub fn reload(name: &str) -> Result<()> {
    let service = open(name, ServiceAccess::PAUSE_CONTINUE)?;
    notify_change(service.raw_handle()).with_context(|| format!("reload {name:?}"))
}

/// What the service does now, in a word.
pub fn status(name: &str) -> Result<&'static str> {
    let service = open(name, ServiceAccess::QUERY_STATUS)?;
    let status = service.query_status().map_err(plain).with_context(|| format!("ask for the state of {name:?}"))?;
    Ok(match status.current_state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "start pending",
        ServiceState::StopPending => "stop pending",
        ServiceState::Running => "running",
        ServiceState::ContinuePending => "continue pending",
        ServiceState::PausePending => "pause pending",
        ServiceState::Paused => "paused",
    })
}

/// Ends the service if it runs and makes the manager forget it.
pub fn uninstall(name: &str) -> Result<()> {
    let service = open(name, ServiceAccess::STOP | ServiceAccess::QUERY_STATUS | ServiceAccess::DELETE)?;
    let status = service.query_status().map_err(plain).with_context(|| format!("ask for the state of {name:?}"))?;
    if status.current_state != ServiceState::Stopped {
        service.stop().map_err(plain).with_context(|| format!("stop {name:?}"))?;
        ended(&service, name)?;
    }
    service.delete().map_err(plain).with_context(|| format!("uninstall {name:?}"))?;
    log::unregister(name);
    Ok(())
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager> {
    ServiceManager::local_computer(None::<&str>, access).map_err(plain).context("reach the service manager")
}

fn open(name: &str, access: ServiceAccess) -> Result<Service> {
    let manager = manager(ServiceManagerAccess::CONNECT)?;
    manager.open_service(name, access).map_err(plain).with_context(|| format!("find service {name:?}"))
}

/// The status when it is as wanted, or when the time is over.
fn wait(service: &Service, long: Duration, wanted: impl Fn(ServiceState) -> bool) -> Result<ServiceStatus> {
    let begun = Instant::now();
    loop {
        let status = service.query_status().map_err(plain).context("ask for the state")?;
        if wanted(status.current_state) || begun.elapsed() > long {
            return Ok(status);
        }
        std::thread::sleep(LOOK);
    }
}

fn code(status: &ServiceStatus) -> String {
    match status.exit_code {
        ServiceExitCode::Win32(code) => format!("the system's error {code}"),
        ServiceExitCode::ServiceSpecific(code) => format!("code {code}"),
    }
}
