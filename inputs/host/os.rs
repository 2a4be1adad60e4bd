//! The questions to the operating system that no file answers.
//!
//! Each has an answer on every system, if only an error that says so, so that plugins need no conditions of their own.

use std::io;
use std::path::Path;

/// Space of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Size in bytes.
    pub total: u64,
    /// Bytes that an ordinary user may still use.
    pub available: u64,
    /// Bytes that nobody uses; some of them may be kept for root.
    pub free: u64,
    /// Number of inodes, 0 where the file system has no fixed number.
    pub inodes: u64,
    /// Inodes that are not in use.
    pub inodes_free: u64,
}

/// The swap space of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swap {
    /// Size in bytes.
    pub total: u64,
    /// Bytes that are not in use.
    pub free: u64,
}

/// What a file is, beyond its contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Major number of the device that the file stands for.
    pub major: u32,
    /// Minor number of the device that the file stands for.
    pub minor: u32,
    /// Time of the last change in nanoseconds since the Unix epoch.
    pub modified: i64,
}

/// Release and machine as `uname` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Release, as in `uname -r`.
    pub release: String,
    /// Machine, as in `uname -m`.
    pub machine: String,
}

pub use system::{clock_ticks, kernel, node, page_size, space, swap, uptime};

#[cfg(target_os = "linux")]
mod system {
    use super::*;

    /// Ticks a second of the processor times in `/proc`.
    pub fn clock_ticks() -> f64 {
        rustix::param::clock_ticks_per_second() as f64
    }

    /// Bytes of a page of memory.
    pub fn page_size() -> u64 {
        rustix::param::page_size() as u64
    }

    /// Space of the file system at a path. May take long where the file system is on another machine.
    pub fn space(path: &Path) -> io::Result<Space> {
        let fs = rustix::fs::statfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(fs.f_bsize.unsigned_abs());
        Ok(Space {
            total: bytes(fs.f_blocks),
            available: bytes(fs.f_bavail),
            free: bytes(fs.f_bfree),
            inodes: fs.f_files,
            inodes_free: fs.f_ffree,
        })
    }

    /// Seconds since the start of the machine.
    pub fn uptime() -> io::Result<u64> {
        Ok(rustix::system::sysinfo().uptime.unsigned_abs())
    }

    /// The swap space of the machine.
    pub fn swap() -> io::Result<Swap> {
        let info = rustix::system::sysinfo();
        let bytes = |n: u64| n.saturating_mul(u64::from(info.mem_unit));
        Ok(Swap { total: bytes(info.totalswap), free: bytes(info.freeswap) })
    }

    /// What a file is; links are followed.
    pub fn node(path: &Path) -> io::Result<Node> {
        use std::os::unix::fs::MetadataExt;
        let meta = std::fs::metadata(path)?;
        Ok(Node {
            major: rustix::fs::major(meta.rdev()),
            minor: rustix::fs::minor(meta.rdev()),
            modified: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
        })
    }

    /// Release and machine.
    pub fn kernel() -> io::Result<Kernel> {
        let name = rustix::system::uname();
        Ok(Kernel {
            release: name.release().to_string_lossy().into_owned(),
            machine: name.machine().to_string_lossy().into_owned(),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    /// Steps a second of the times of processes, those of Windows.
    pub fn clock_ticks() -> f64 {
        1e7
    }

    /// Bytes of a page of memory.
    pub fn page_size() -> u64 {
        4096
    }

    fn unsupported<T>() -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "not known on this system"))
    }

    /// Space of the file system at a path.
    pub fn space(_: &Path) -> io::Result<Space> {
        unsupported()
    }

    /// Seconds since the start of the machine.
    pub fn uptime() -> io::Result<u64> {
        agent_windows::uptime()
    }

    /// The swap space of the machine.
    pub fn swap() -> io::Result<Swap> {
        let swap = agent_windows::swap()?;
        Ok(Swap { total: swap.total, free: swap.total.saturating_sub(swap.used) })
    }

    /// What a file is; links are followed.
    pub fn node(_: &Path) -> io::Result<Node> {
        unsupported()
    }

    /// Release and machine.
    pub fn kernel() -> io::Result<Kernel> {
        unsupported()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_answers_make_sense() {
        assert!(clock_ticks() >= 1.0);
        assert!(page_size() >= 4096);
        let root = space(Path::new("/")).unwrap();
        assert!(root.total > 0 && root.free <= root.total && root.available <= root.free);
        let swap = swap().unwrap();
        assert!(uptime().unwrap() > 0 && swap.free <= swap.total);
        let null = node(Path::new("/dev/null")).unwrap();
        assert_eq!((null.major, null.minor), (1, 3));
        assert!(!kernel().unwrap().release.is_empty());
    }
}
