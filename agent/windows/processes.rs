//! The processes of the machine, all at once, and what else is known of one of them.
//!
//! The kernel's own list has what other calls tell one by one, and of processes of other users as well. It is read as numbers at their
//! places (those of 64 bit; `winternl.h` and the WDK's `SYSTEM_PROCESS_INFORMATION` have them), so that every system can test it.

#![cfg_attr(windows, allow(unsafe_code))]

use std::io;

/// A process as it was when the list was made. Times are in steps of 100 ns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The number of the process that began it, which may have ended.
    pub parent: u32,
    /// Name of its program, as `agent.exe`; empty for the one that idles.
    pub name: String,
    /// Its threads.
    pub threads: u32,
    /// Handles that it has open.
    pub handles: u32,
    /// When it began, since 1601.
    pub created: u64,
    /// What it has spent in its own program.
    pub user: u64,
    /// What it has spent in the kernel.
    pub system: u64,
    /// Bytes of memory that it has at hand.
    pub resident: u64,
    /// Bytes of memory that it was promised.
    pub promised: u64,
    /// Calls that read.
    pub reads: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes that it has read.
    pub read_bytes: u64,
    /// Bytes that it has written.
    pub write_bytes: u64,
}

pub use system::{command_line, executable, processes, service_process, user};

#[cfg(any(windows, test))]
mod list {
    use super::Process;

    /// Reads the list, which lies in memory from `base` on.
    pub(super) fn read(list: &[u8], base: u64) -> Vec<Process> {
        let (mut all, mut at) = (Vec::new(), 0usize);
        while let Some((process, step)) = list.get(at..).and_then(|entry| entry_of(entry, list, base)) {
            all.push(process);
            match at.checked_add(step) {
                Some(next) if step > 0 => at = next,
                _ => break,
            }
        }
        all
    }

    /// A process, and the bytes from here to the next one; 0 at the end.
    fn entry_of(entry: &[u8], list: &[u8], base: u64) -> Option<(Process, usize)> {
        let half = |at: usize| Some(u32::from_ne_bytes(entry.get(at..at + 4)?.try_into().ok()?));
        let whole = |at: usize| Some(u64::from_ne_bytes(entry.get(at..at + 8)?.try_into().ok()?));
        let name = || {
            let from = usize::try_from(whole(64)?.checked_sub(base)?).ok()?;
            let units = list.get(from..from.checked_add(half(56)? as usize & 0xffff)?)?.as_chunks().0;
            Some(units.iter().map(|unit| u16::from_ne_bytes(*unit)).collect::<Vec<u16>>())
        };
        let process = Process {
            threads: half(4)?,
            created: whole(32)?,
            user: whole(40)?,
            system: whole(48)?,
            name: String::from_utf16_lossy(&name().unwrap_or_default()),
            pid: u32::try_from(whole(80)?).ok()?,
            parent: u32::try_from(whole(88)?).ok()?,
            handles: half(96)?,
            resident: whole(144)?,
            promised: whole(184)?,
            reads: whole(208)?,
            writes: whole(216)?,
            read_bytes: whole(232)?,
            write_bytes: whole(240)?,
        };
        Some((process, half(0)? as usize))
    }
}

#[cfg(windows)]
mod system {
    use super::*;
    use crate::kernel::{self, LIMIT, query};
    use crate::{text, wide};
    use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
    use std::ptr::{null, null_mut};
    use windows_sys::Wdk::System::SystemInformation::SystemProcessInformation;
    use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessCommandLineInformation};
    use windows_sys::Win32::Foundation::{HANDLE, STATUS_INFO_LENGTH_MISMATCH};
    use windows_sys::Win32::Security::{GetTokenInformation, LookupAccountSidW, TOKEN_QUERY, TOKEN_USER, TokenUser};
    use windows_sys::Win32::System::Services::{
        CloseServiceHandle, OpenSCManagerW, OpenServiceW, QueryServiceStatusEx, SC_HANDLE, SC_MANAGER_CONNECT,
        SC_STATUS_PROCESS_INFO, SERVICE_QUERY_STATUS, SERVICE_STATUS_PROCESS,
    };
    use windows_sys::Win32::System::Threading::{
        OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
    };

    /// All processes.
    pub fn processes() -> io::Result<Vec<Process>> {
        let answer = query(SystemProcessInformation)?;
        let bytes: Vec<u8> = answer.iter().flat_map(|number| number.to_ne_bytes()).collect();
        Ok(list::read(&bytes, answer.as_ptr().addr() as u64))
    }

    fn open(pid: u32) -> io::Result<OwnedHandle> {
        // SAFETY: it takes any number.
        owned(unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) })
    }

    fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the system has just given it, to nobody else.
        Ok(unsafe { OwnedHandle::from_raw_handle(handle.cast()) })
    }

    /// The path of the program of a process.
    pub fn executable(pid: u32) -> io::Result<String> {
        let process = open(pid)?;
        let mut path = vec![0u16; 1 << 15];
        let mut len = path.len() as u32;
        // SAFETY: the system writes at most `len` units, which `path` has, and `len`; all live as long as the call.
        let done =
            unsafe { QueryFullProcessImageNameW(process.as_raw_handle().cast(), 0, path.as_mut_ptr(), &mut len) };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(text(&path))
    }

    /// The whole command line of a process.
    pub fn command_line(pid: u32) -> io::Result<String> {
        let process = open(pid)?;
        let mut room = vec![0u64; 512];
        loop {
            let (size, mut len) = (room.len() * 8, 0);
            // SAFETY: the system writes at most `size` bytes, which `room` has, and `len`; all live as long as the call.
            let status = unsafe {
                let handle = process.as_raw_handle().cast();
                let at = room.as_mut_ptr().cast();
                NtQueryInformationProcess(handle, ProcessCommandLineInformation, at, size as u32, &mut len)
            };
            match status {
                0.. => break,
                STATUS_INFO_LENGTH_MISMATCH if size < LIMIT => room.resize(room.len() * 4, 0),
                status => return Err(kernel::error(status)),
            }
        }
        // Length in bytes, and address; the text lies behind.
        let len = room[0] as usize & 0xffff;
        let bytes: Vec<u8> = room.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let from = usize::try_from(room[1].wrapping_sub(room.as_ptr().addr() as u64)).unwrap_or(usize::MAX);
        let units = bytes.get(from..from.saturating_add(len)).unwrap_or_default().as_chunks().0;
        Ok(String::from_utf16_lossy(&units.iter().map(|unit| u16::from_ne_bytes(*unit)).collect::<Vec<u16>>()))
    }

    /// Who runs a process, as `DOMAIN\\name`.
    pub fn user(pid: u32) -> io::Result<String> {
        let process = open(pid)?;
        let mut token = null_mut();
        // SAFETY: `token` and the handle live as long as the call.
        let done = unsafe { OpenProcessToken(process.as_raw_handle().cast(), TOKEN_QUERY, &mut token) };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        let token = owned(token)?;
        // A user and the longest id of one.
        let (mut room, mut len) = ([0u64; 16], 0);
        // SAFETY: the system writes at most the bytes of `room`, and `len`; all live as long as the call.
        let done = unsafe {
            let at = room.as_mut_ptr().cast();
            GetTokenInformation(token.as_raw_handle().cast(), TokenUser, at, size_of_val(&room) as u32, &mut len)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has succeeded, so a user lies at the begin of `room`, which is aligned for it; its id lies behind it.
        let id = unsafe { (*room.as_ptr().cast::<TOKEN_USER>()).User.Sid };
        let (mut name, mut domain, mut sort) = ([0u16; 257], [0u16; 257], 0);
        let (mut name_len, mut domain_len) = (name.len() as u32, domain.len() as u32);
        // SAFETY: the lengths are those of the texts; all live as long as the call, and so does `room`, in which the id lies.
        let done = unsafe {
            let (to, of) = (name.as_mut_ptr(), domain.as_mut_ptr());
            LookupAccountSidW(null(), id, to, &mut name_len, of, &mut domain_len, &mut sort)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(format!(r"{}\{}", text(&domain), text(&name)))
    }

    /// The process of a service; none where it does not run.
    pub fn service_process(name: &str) -> io::Result<Option<u32>> {
        // SAFETY: it takes nothing that has to live.
        let manager = Service::of(unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT) })?;
        let name = wide(name);
        // SAFETY: `name` ends with 0 and lives as long as the call, as the manager does.
        let service = Service::of(unsafe { OpenServiceW(manager.0, name.as_ptr(), SERVICE_QUERY_STATUS) })?;
        let (mut status, mut len) = (SERVICE_STATUS_PROCESS::default(), 0);
        // SAFETY: the system writes at most the size of `status`, and `len`; both live as long as the call.
        let done = unsafe {
            let (at, size) = ((&raw mut status).cast(), size_of::<SERVICE_STATUS_PROCESS>() as u32);
            QueryServiceStatusEx(service.0, SC_STATUS_PROCESS_INFO, at, size, &mut len)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Some(status.dwProcessId).filter(|pid| *pid != 0))
    }

    /// A handle of the service manager.
    struct Service(SC_HANDLE);

    impl Service {
        fn of(handle: SC_HANDLE) -> io::Result<Service> {
            if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Service(handle)) }
        }
    }

    impl Drop for Service {
        fn drop(&mut self) {
            // SAFETY: the handle is this one's alone.
            unsafe { CloseServiceHandle(self.0) };
        }
    }
}

#[cfg(not(windows))]
mod system {
    use super::*;
    use crate::unsupported;

    /// All processes.
    pub fn processes() -> io::Result<Vec<Process>> {
        unsupported()
    }

    /// The path of the program of a process.
    pub fn executable(_: u32) -> io::Result<String> {
        unsupported()
    }

    /// The whole command line of a process.
    pub fn command_line(_: u32) -> io::Result<String> {
        unsupported()
    }

    /// Who runs a process, as `DOMAIN\\name`.
    pub fn user(_: u32) -> io::Result<String> {
        unsupported()
    }

    /// The process of a service; none where it does not run.
    pub fn service_process(_: &str) -> io::Result<Option<u32>> {
        unsupported()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of so many bytes, with its name behind it.
    fn entry(next: u32, base: u64, at: u64, pid: u64, name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_ne_bytes).collect();
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &next.to_ne_bytes());
        put(4, &3u32.to_ne_bytes());
        put(56, &(units.len() as u16).to_ne_bytes());
        for (place, value) in [(32, 100), (40, 5), (48, 6), (64, base + at + 256), (80, pid), (88, 1), (144, 4096)] {
            put(place, &u64::to_ne_bytes(value));
        }
        bytes.extend(units);
        bytes
    }

    #[test]
    fn entries_stand_behind_each_other() {
        let base = 0x7f00_0000_1000;
        let mut bytes = entry(256 + 12, base, 0, 4, "System");
        bytes.extend(entry(0, base, 268, 8, "a.exe"));
        let all = list::read(&bytes, base);
        let shown: Vec<_> = all.iter().map(|p| (p.pid, p.parent, p.name.as_str(), p.threads, p.resident)).collect();
        assert_eq!(shown, [(4, 1, "System", 3, 4096), (8, 1, "a.exe", 3, 4096)]);
        assert_eq!((all[0].created, all[0].user, all[0].system), (100, 5, 6));
    }

    #[test]
    fn a_list_that_is_cut_or_points_elsewhere_does_no_harm() {
        let whole = entry(0, 0, 0, 4, "System");
        for len in 0..whole.len() {
            list::read(&whole[..len], 0);
        }
        assert_eq!(list::read(&whole, u64::MAX)[0].name, "");
        assert!(list::read(&entry(1, 0, 0, 4, "x"), 0).len() <= 256);
    }
}
