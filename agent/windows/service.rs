//! What `windows-service` does not say to services and of them.
#![allow(unsafe_code)]

use std::io;
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::Services::{ControlService, SC_HANDLE, SERVICE_CONTROL_PARAMCHANGE, SERVICE_STATUS};

/// Tells a running service that its configuration has changed. The handle must have been opened with the right to pause and
/// continue it.
pub fn notify_change(service: SC_HANDLE) -> io::Result<()> {
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the system checks the handle, and `status` lives as long as the call.
    match unsafe { ControlService(service, SERVICE_CONTROL_PARAMCHANGE, &mut status) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// True if this process runs where services do: in session 0, without a desktop. Others may run there, too.
pub fn among_services() -> bool {
    let mut session = u32::MAX;
    // SAFETY: `session` lives as long as the call.
    let told = unsafe { ProcessIdToSessionId(std::process::id(), &mut session) };
    told != 0 && session == 0
}
