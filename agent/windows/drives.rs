//! What drives have read and written, as each tells it itself.

#![cfg_attr(windows, allow(unsafe_code))]

use std::io;

/// What a drive has done since its counters were turned on, at the start of the machine as a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Traffic {
    pub reads: u64,
    pub writes: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
    /// Milliseconds that reads took, all together.
    pub read_time: u64,
    /// Milliseconds that writes took, all together.
    pub write_time: u64,
    /// Requests that are under way.
    pub in_progress: u64,
}

pub use system::traffic;

#[cfg(windows)]
mod system {
    use super::*;
    use crate::wide;
    use std::fs::OpenOptions;
    use std::os::windows::fs::OpenOptionsExt;
    use std::os::windows::io::AsRawHandle;
    use std::ptr::{null, null_mut};
    use windows_sys::Win32::Storage::FileSystem::{FILE_SHARE_READ, FILE_SHARE_WRITE, GetDriveTypeW, GetLogicalDrives};
    use windows_sys::Win32::System::IO::DeviceIoControl;
    use windows_sys::Win32::System::Ioctl::{DISK_PERFORMANCE, IOCTL_DISK_PERFORMANCE};
    use windows_sys::Win32::System::WindowsProgramming::DRIVE_FIXED;

    /// The drives with letters that are part of the machine, as `C:`, and what each says.
    pub fn traffic() -> io::Result<Vec<(String, io::Result<Traffic>)>> {
        // SAFETY: it takes nothing.
        let letters = unsafe { GetLogicalDrives() };
        if letters == 0 {
            return Err(io::Error::last_os_error());
        }
        let names = (0..26u8).filter(|bit| letters >> bit & 1 == 1).map(|bit| format!("{}:", char::from(b'A' + bit)));
        Ok(names.filter(|name| is_fixed(name)).map(|name| (name.clone(), of(&name))).collect())
    }

    fn is_fixed(name: &str) -> bool {
        let root = wide(&format!("{name}\\"));
        // SAFETY: `root` ends with 0 and lives as long as the call.
        unsafe { GetDriveTypeW(root.as_ptr()) == DRIVE_FIXED }
    }

    fn of(name: &str) -> io::Result<Traffic> {
        // Its counters may be asked for without the right to read it.
        let drive = OpenOptions::new()
            .access_mode(0)
            .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
            .open(format!(r"\\.\{name}"))?;
        let (mut told, mut len) = (DISK_PERFORMANCE::default(), 0);
        // SAFETY: the system writes at most the size of `told`, and `len`; both live as long as the call, as the handle does.
        let done = unsafe {
            let (handle, room) = (drive.as_raw_handle().cast(), size_of::<DISK_PERFORMANCE>() as u32);
            DeviceIoControl(
                handle,
                IOCTL_DISK_PERFORMANCE,
                null(),
                0,
                (&raw mut told).cast(),
                room,
                &mut len,
                null_mut(),
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        // Times are in steps of 100 ns.
        let millis = |steps: i64| steps.unsigned_abs() / 10_000;
        Ok(Traffic {
            reads: told.ReadCount.into(),
            writes: told.WriteCount.into(),
            read_bytes: told.BytesRead.unsigned_abs(),
            write_bytes: told.BytesWritten.unsigned_abs(),
            read_time: millis(told.ReadTime),
            write_time: millis(told.WriteTime),
            in_progress: told.QueueDepth.into(),
        })
    }
}

#[cfg(not(windows))]
mod system {
    use super::*;

    /// The drives with letters that are part of the machine, as `C:`, and what each says.
    pub fn traffic() -> io::Result<Vec<(String, io::Result<Traffic>)>> {
        crate::unsupported()
    }
}
