//! The `stat` files of all processes, see proc_pid_stat(5).

use crate::host::{Reader, scan};
use agent_api::{Context, Result};
#[cfg(target_os = "linux")]
use std::fs::File;
use std::path::Path;

/// What is counted of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// The letter of its state.
    pub(super) state: u8,
    /// Number of its threads.
    pub(super) threads: i64,
}

/// Reads the line of a process. The name stands in parentheses and may hold any character, so what counts is behind the last
/// of them.
pub(super) fn parse(text: &[u8]) -> Option<Process> {
    let behind = text.iter().rposition(|&b| b == b')')? + 1;
    let mut words = scan::words(&text[behind..]);
    let state = *words.next()?.first()?;
    // Field 20 of the file; the state is field 3.
    let threads = words.nth(16).and_then(scan::int).unwrap_or(1);
    Some(Process { state, threads })
}

/// The `stat` files of processes, kept open: to read one again costs half as much as to open, read and close it. A file
/// stands for its process, not for its number: once that has ended, nothing can be read from it any more.
#[cfg(target_os = "linux")]
#[derive(Default)]
pub(super) struct Files {
    /// Of processes in the order of the folder, which is that of their numbers.
    open: Vec<(u32, File)>,
    /// Those of the gathering before.
    before: Vec<(u32, File)>,
}

/// Of the files that the process may have open, one in so many.
#[cfg(target_os = "linux")]
const SHARE: u64 = 4;

#[cfg(target_os = "linux")]
impl Files {
    /// Hands on the `stat` of every process below `proc`. One that ends meanwhile is left out.
    pub(super) fn each(&mut self, proc: &Path, reader: &mut Reader, mut handle: impl FnMut(&[u8])) -> Result<()> {
        use rustix::fs::{Dir, Mode, OFlags, PROC_SUPER_MAGIC, fstatfs, open, openat};
        use rustix::process::{Resource, getrlimit};
        let context = || format!("read {}", proc.display());
        let folder =
            open(proc, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).with_context(context)?;
        // A file of a recorded tree may be replaced under the same name.
        let most = match fstatfs(&folder) {
            Ok(system) if system.f_type == PROC_SUPER_MAGIC => {
                getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / SHARE
            }
            _ => 0,
        };
        std::mem::swap(&mut self.open, &mut self.before);
        self.open.clear();
        let mut before = self.before.drain(..).peekable();
        let mut path = Vec::with_capacity(32);
        for entry in Dir::read_from(&folder).with_context(context)? {
            let entry = entry.with_context(context)?;
            let name = entry.file_name().to_bytes();
            let Some(process) = scan::int(name).and_then(|n| u32::try_from(n).ok()) else { continue };
            while before.next_if(|(p, _)| *p < process).is_some() {}
            if let Some((_, file)) = before.next_if(|(p, _)| *p == process)
                && let Ok(text) = reader.record(&file)
            {
                handle(text);
                self.open.push((process, file));
                continue;
            }
            path.clear();
            path.extend_from_slice(name);
            path.extend_from_slice(b"/stat");
            let Ok(file) = openat(&folder, &path[..], OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
                continue;
            };
            let file = File::from(file);
            if let Ok(text) = reader.record(&file) {
                handle(text);
                if (self.open.len() as u64) < most {
                    self.open.push((process, file));
                }
            }
        }
        Ok(())
    }

    /// The processes whose files are open.
    #[cfg(test)]
    pub(super) fn processes(&self) -> impl Iterator<Item = u32> {
        self.open.iter().map(|(process, _)| *process)
    }
}

/// No file is kept open.
#[cfg(not(target_os = "linux"))]
#[derive(Default)]
pub(super) struct Files;

#[cfg(not(target_os = "linux"))]
impl Files {
    /// Hands on the `stat` of every process below `proc`. One that ends meanwhile is left out.
    pub(super) fn each(&mut self, proc: &Path, reader: &mut Reader, mut handle: impl FnMut(&[u8])) -> Result<()> {
        let context = || format!("read {}", proc.display());
        for entry in std::fs::read_dir(proc).with_context(context)? {
            let path = entry.with_context(context)?.path().join("stat");
            if let Ok(text) = reader.read(&path) {
                handle(text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const STAT: &[u8] = b"2 (b (c) d) S 1 2 2 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 4 0 7000 123456 789 1 1\n";

    #[test]
    fn reads_state_and_threads() {
        assert_eq!(parse(STAT), Some(Process { state: b'S', threads: 4 }));
        assert_eq!(parse(b"2 (b"), None);
        assert_eq!(parse(b"2 (b)"), None);
        assert_eq!(parse(b"2 (b) Z"), Some(Process { state: b'Z', threads: 1 }));
    }

    #[test]
    fn takes_anything() {
        noise(STAT, |text| {
            parse(text);
        });
    }
}
