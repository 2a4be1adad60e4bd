//! What the machine is asked for its metrics: plain numbers, each question once.
//!
//! On other systems every answer is an error, so that whoever asks needs no conditions of their own.

#![cfg_attr(windows, allow(unsafe_code))]

use std::io;

/// How a processor has spent its time since the start of the machine, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// For programs.
    pub user: f64,
    /// For the system without interrupts.
    pub system: f64,
    /// For nothing.
    pub idle: f64,
    /// For interrupts.
    pub interrupt: f64,
}

/// Memory of the machine in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What programs can get without swapping.
    pub available: u64,
}

/// The page files together, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swap {
    /// All there is.
    pub total: u64,
    /// What is in use.
    pub used: u64,
}

/// A drive with a letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drive {
    /// As `C:`.
    pub name: String,
    /// Kind of its file system, as `NTFS`.
    pub kind: String,
    /// True if it cannot be written to.
    pub read_only: bool,
    /// Size in bytes.
    pub total: u64,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that the user of this process may still use.
    pub available: u64,
}

/// An interface of the network with what it has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Interface {
    /// As people see it, as `Ethernet`.
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    /// Bits a second, where there is a connection.
    pub speed: Option<u64>,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// Those to one receiver only.
    pub packets_received: u64,
    /// Those to one receiver only.
    pub packets_sent: u64,
    pub errors_in: u64,
    pub errors_out: u64,
    pub drops_in: u64,
    pub drops_out: u64,
}

pub use system::{drives, interfaces, memory, processors, swap, uptime};

#[cfg(windows)]
mod system {
    use super::*;
    use crate::kernel::{LIMIT, query};
    use crate::{text, wide};
    use std::ptr::{null, null_mut};
    use windows_sys::Wdk::System::SystemInformation::{
        SYSTEM_INFORMATION_CLASS, SystemProcessorPerformanceInformation,
    };
    use windows_sys::Win32::Foundation::{ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA, NO_ERROR};
    use windows_sys::Win32::NetworkManagement::IpHelper::{
        FreeMibTable, GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_DNS_SERVER, GAA_FLAG_SKIP_MULTICAST, GAA_FLAG_SKIP_UNICAST,
        GET_ADAPTERS_ADDRESSES_FLAGS, GetAdaptersAddresses, GetIfTable2, IF_TYPE_SOFTWARE_LOOPBACK,
        IP_ADAPTER_ADDRESSES_LH, MIB_IF_ROW2, MIB_IF_TABLE2,
    };
    use windows_sys::Win32::NetworkManagement::Ndis::{IfOperStatusUp, NET_LUID_LH};
    use windows_sys::Win32::Networking::WinSock::AF_UNSPEC;
    use windows_sys::Win32::Storage::FileSystem::{
        GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives, GetVolumeInformationW,
    };
    use windows_sys::Win32::System::Diagnostics::Debug::{SEM_FAILCRITICALERRORS, SetThreadErrorMode};
    use windows_sys::Win32::System::SystemInformation::{GetTickCount64, GlobalMemoryStatusEx, MEMORYSTATUSEX};
    use windows_sys::Win32::System::SystemServices::FILE_READ_ONLY_VOLUME;
    use windows_sys::Win32::System::WindowsProgramming::{DRIVE_CDROM, DRIVE_FIXED, DRIVE_REMOTE, DRIVE_REMOVABLE};

    /// What `SystemPageFileInformation` is called in NtQuerySystemInformation; the bindings lack it.
    const PAGE_FILES: SYSTEM_INFORMATION_CLASS = 18;
    /// Bytes of a page on every machine that Windows 10 runs on.
    const PAGE: u64 = 4096;

    /// How each processor has spent its time.
    pub fn processors() -> io::Result<Vec<Times>> {
        // Idle, kernel with idle, user, procedures, interrupts: numbers of 100 ns; then a count of interrupts.
        const NUMBERS: usize = 6;
        let answer = query(SystemProcessorPerformanceInformation)?;
        let seconds = |ticks: u64| ticks as f64 / 1e7;
        let times = |n: &[u64]| Times {
            user: seconds(n[2]),
            system: seconds(n[1].saturating_sub(n[0]).saturating_sub(n[4])),
            idle: seconds(n[0]),
            interrupt: seconds(n[4]),
        };
        Ok(answer.chunks_exact(NUMBERS).map(times).collect())
    }

    /// The page files together.
    pub fn swap() -> io::Result<Swap> {
        let answer = query(PAGE_FILES)?;
        let mut swap = Swap::default();
        let mut at = 0;
        // Bytes to the next one or 0, size and use in pages; then most use and name.
        while let Some(&[first, second]) = answer.get(at..at + 2) {
            let (next, total, used) = (first & 0xffff_ffff, first >> 32, second & 0xffff_ffff);
            swap.total += total * PAGE;
            swap.used += used * PAGE;
            match usize::try_from(next / 8) {
                Ok(step @ 1..) => at += step,
                _ => break,
            }
        }
        Ok(swap)
    }

    /// Memory of the machine.
    pub fn memory() -> io::Result<Memory> {
        let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
        // SAFETY: `status` says how long it is and lives as long as the call.
        match unsafe { GlobalMemoryStatusEx(&mut status) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(Memory { total: status.ullTotalPhys, available: status.ullAvailPhys }),
        }
    }

    /// Seconds since the start of the machine.
    pub fn uptime() -> io::Result<u64> {
        // SAFETY: it takes nothing and cannot fail.
        Ok(unsafe { GetTickCount64() } / 1000)
    }

    /// The drives with letters. One without a medium, or that does not answer, is left out.
    pub fn drives() -> io::Result<Vec<Drive>> {
        // SAFETY: it takes nothing.
        let letters = unsafe { GetLogicalDrives() };
        if letters == 0 {
            return Err(io::Error::last_os_error());
        }
        let mut before = 0;
        // A drive without a medium would else hold this thread with a window that nobody sees.
        // SAFETY: `before` lives as long as the call.
        let quiet = unsafe { SetThreadErrorMode(SEM_FAILCRITICALERRORS, &mut before) } != 0;
        let all =
            (0..26u8).filter(|bit| letters >> bit & 1 == 1).filter_map(|bit| drive(char::from(b'A' + bit))).collect();
        if quiet {
            // SAFETY: no answer is asked for, which is allowed.
            unsafe { SetThreadErrorMode(before, null_mut()) };
        }
        Ok(all)
    }

    fn drive(letter: char) -> Option<Drive> {
        let root = wide(&format!("{letter}:\\"));
        // SAFETY: `root` ends with 0 and lives as long as the call.
        let sort = unsafe { GetDriveTypeW(root.as_ptr()) };
        if ![DRIVE_FIXED, DRIVE_REMOVABLE, DRIVE_REMOTE, DRIVE_CDROM].contains(&sort) {
            return None;
        }
        let (mut flags, mut kind) = (0, [0u16; 64]);
        // SAFETY: `root` ends with 0, the length of `kind` is what is said, all live as long as the call; the rest is not asked for.
        let known = unsafe {
            let (name, serial, longest) = (null_mut(), null_mut(), null_mut());
            GetVolumeInformationW(
                root.as_ptr(),
                name,
                0,
                serial,
                longest,
                &mut flags,
                kind.as_mut_ptr(),
                kind.len() as u32,
            )
        };
        let (mut available, mut total, mut free) = (0, 0, 0);
        // SAFETY: `root` ends with 0, and all live as long as the call.
        let told = unsafe { GetDiskFreeSpaceExW(root.as_ptr(), &mut available, &mut total, &mut free) };
        (known != 0 && told != 0).then(|| Drive {
            name: format!("{letter}:"),
            kind: text(&kind),
            read_only: flags & FILE_READ_ONLY_VOLUME != 0,
            total,
            free,
            available,
        })
    }

    /// The interfaces of the network that speak IP. The others count the same again: filters in front of an interface, a card
    /// below a virtual switch.
    pub fn interfaces() -> io::Result<Vec<Interface>> {
        let ip = with_ip()?;
        let mut table: *mut MIB_IF_TABLE2 = null_mut();
        // SAFETY: `table` lives as long as the call.
        let code = unsafe { GetIfTable2(&mut table) };
        if code != 0 || table.is_null() {
            return Err(io::Error::from_raw_os_error(code as i32));
        }
        // SAFETY: the call has succeeded, so there is a table with as many rows as it says, until it is freed below.
        let rows = unsafe {
            let len = (*table).NumEntries as usize;
            std::slice::from_raw_parts(&raw const (*table).Table as *const MIB_IF_ROW2, len)
        };
        let found = rows.iter().filter(|row| ip.contains(&id(&row.InterfaceLuid))).map(interface).collect();
        // SAFETY: the system made the table, and nothing refers to it any more.
        unsafe { FreeMibTable(table.cast()) };
        Ok(found)
    }

    fn id(luid: &NET_LUID_LH) -> u64 {
        // SAFETY: every value of it is a number.
        unsafe { luid.Value }
    }

    /// Which interfaces speak IP.
    fn with_ip() -> io::Result<Vec<u64>> {
        const FLAGS: GET_ADAPTERS_ADDRESSES_FLAGS =
            GAA_FLAG_SKIP_UNICAST | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
        let mut room = vec![0u64; 2048];
        loop {
            let size = room.len() * 8;
            let (mut len, first) = (size as u32, room.as_mut_ptr().cast());
            // SAFETY: the system writes at most `len` bytes, which `room` has, and `len`; both live as long as the call.
            match unsafe { GetAdaptersAddresses(u32::from(AF_UNSPEC), FLAGS, null(), first, &mut len) } {
                NO_ERROR => break,
                ERROR_NO_DATA => return Ok(Vec::new()),
                ERROR_BUFFER_OVERFLOW if size < LIMIT => room.resize(room.len() * 4, 0),
                code => return Err(io::Error::from_raw_os_error(code as i32)),
            }
        }
        let mut found = Vec::new();
        let mut at = room.as_ptr().cast::<IP_ADAPTER_ADDRESSES_LH>();
        // SAFETY: the call has succeeded, so there is an entry at the begin of `room`, and each points to one within it or nowhere.
        while let Some(entry) = unsafe { at.as_ref() } {
            found.push(id(&entry.Luid));
            at = entry.Next;
        }
        Ok(found)
    }

    fn interface(row: &MIB_IF_ROW2) -> Interface {
        Interface {
            name: text(&row.Alias),
            up: row.OperStatus == IfOperStatusUp,
            loopback: row.Type == IF_TYPE_SOFTWARE_LOOPBACK,
            speed: Some(row.TransmitLinkSpeed).filter(|speed| !matches!(*speed, 0 | u64::MAX)),
            bytes_received: row.InOctets,
            bytes_sent: row.OutOctets,
            packets_received: row.InUcastPkts,
            packets_sent: row.OutUcastPkts,
            errors_in: row.InErrors,
            errors_out: row.OutErrors,
            drops_in: row.InDiscards,
            drops_out: row.OutDiscards,
        }
    }
}

#[cfg(not(windows))]
mod system {
    use super::*;
    use crate::unsupported;

    /// How each processor has spent its time.
    pub fn processors() -> io::Result<Vec<Times>> {
        unsupported()
    }

    /// The page files together.
    pub fn swap() -> io::Result<Swap> {
        unsupported()
    }

    /// Memory of the machine.
    pub fn memory() -> io::Result<Memory> {
        unsupported()
    }

    /// Seconds since the start of the machine.
    pub fn uptime() -> io::Result<u64> {
        unsupported()
    }

    /// The drives with letters.
    pub fn drives() -> io::Result<Vec<Drive>> {
        unsupported()
    }

    /// The interfaces of the network.
    pub fn interfaces() -> io::Result<Vec<Interface>> {
        unsupported()
    }
}
