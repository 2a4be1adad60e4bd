//! The files of a process, see proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5), proc_pid_limits(5), proc_pid_smaps(5).
//!
//! Each is read into what is reported of it and no more; what a kernel does not tell is 0.

use crate::host::scan;

/// From `stat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    /// The name, cut to 15 bytes by the kernel.
    pub(super) name: String,
    /// The letter of the state.
    pub(super) state: u8,
    /// The parent.
    pub(super) parent: i64,
    /// Page faults without and with a disk, of the process and of the children that it waited for.
    pub(super) minor_faults: u64,
    pub(super) child_minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) child_major_faults: u64,
    /// Ticks in user mode, in the kernel, and waiting for disks.
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) waiting: u64,
    /// From -20 (first) to 19 (last).
    pub(super) nice: i64,
    /// Ticks from the start of the machine to that of the process.
    pub(super) start: u64,
    /// Bytes of address space, and pages in memory.
    pub(super) size: u64,
    pub(super) pages: u64,
    /// 1 to 99 for tasks in real time, else 0.
    pub(super) realtime: u64,
}

impl Stat {
    pub(super) fn parse(text: &[u8]) -> Option<Stat> {
        let (from, to) = (text.iter().position(|&b| b == b'(')?, text.iter().rposition(|&b| b == b')')?);
        let name = scan::text(text.get(from + 1..to)?).into_owned();
        // Numbered as in the manual; the first behind the name is 3.
        let words: Vec<&[u8]> = scan::words(&text[to + 1..]).collect();
        let word = |n: usize| words.get(n - 3).copied();
        let uint = |n: usize| word(n).and_then(scan::uint).unwrap_or(0);
        let int = |n: usize| word(n).and_then(scan::int).unwrap_or(0);
        Some(Stat {
            name,
            state: *word(3)?.first()?,
            parent: int(4),
            minor_faults: uint(10),
            child_minor_faults: uint(11),
            major_faults: uint(12),
            child_major_faults: uint(13),
            user: uint(14),
            system: uint(15),
            nice: int(19),
            start: uint(22),
            size: uint(23),
            pages: uint(24),
            realtime: uint(40),
            waiting: uint(42),
        })
    }

    /// The state as a word.
    pub(super) fn state_name(&self) -> &'static str {
        match self.state {
            b'D' | b'U' => "blocked",
            b'I' => "idle",
            b'L' => "lock",
            b'R' => "running",
            b'S' => "sleep",
            b'T' | b't' => "stop",
            b'W' => "wait",
            b'Z' => "zombie",
            _ => "",
        }
    }
}

/// From `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Who started it, and whose rights it has.
    pub(super) uid: u32,
    pub(super) effective_uid: u32,
    pub(super) threads: i64,
    pub(super) voluntary_switches: i64,
    pub(super) involuntary_switches: i64,
    /// Bytes of data, stack and memory that may not be swapped out.
    pub(super) data: u64,
    pub(super) stack: u64,
    pub(super) locked: u64,
    /// Number of different signals that wait for the process.
    pub(super) pending: u64,
}

impl Status {
    pub(super) fn parse(text: &[u8]) -> Status {
        let mut status = Status::default();
        for line in scan::lines(text) {
            let Some((key, value)) = scan::split_once(line, b':') else { continue };
            let mut words = scan::words(value);
            let first = words.next().unwrap_or_default();
            let int = || scan::int(first).unwrap_or(0);
            let bytes = || scan::uint(first).unwrap_or(0).saturating_mul(1024);
            let uid = |word: &[u8]| scan::uint(word).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
            match key {
                b"Uid" => {
                    status.uid = uid(first);
                    status.effective_uid = uid(words.next().unwrap_or_default());
                }
                b"Threads" => status.threads = int(),
                b"voluntary_ctxt_switches" => status.voluntary_switches = int(),
                b"nonvoluntary_ctxt_switches" => status.involuntary_switches = int(),
                b"VmData" => status.data = bytes(),
                b"VmStk" => status.stack = bytes(),
                b"VmLck" => status.locked = bytes(),
                b"ShdPnd" => status.pending = scan::hex(first).unwrap_or(0).count_ones().into(),
                _ => {}
            }
        }
        status
    }
}

/// From `io`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Io {
    /// Bytes and calls of all reading and writing.
    pub(super) read_bytes: u64,
    pub(super) write_bytes: u64,
    pub(super) read_count: u64,
    pub(super) write_count: u64,
    /// Bytes that went from and to a disk.
    pub(super) disk_read_bytes: u64,
    pub(super) disk_write_bytes: u64,
}

impl Io {
    pub(super) fn parse(text: &[u8]) -> Io {
        let of = |key: &[u8]| pairs(text).find(|p| p.0 == key).map_or(0, |p| p.1);
        Io {
            read_bytes: of(b"rchar"),
            write_bytes: of(b"wchar"),
            read_count: of(b"syscr"),
            write_count: of(b"syscw"),
            disk_read_bytes: of(b"read_bytes"),
            disk_write_bytes: of(b"write_bytes"),
        }
    }
}

/// Fields of mapped memory and the lines that they are the sums of, in kB as the kernel gives them.
pub(super) const MAPS: [(&str, &[u8]); 9] = [
    ("memory_size", b"Size"),
    ("memory_pss", b"Pss"),
    ("memory_shared_clean", b"Shared_Clean"),
    ("memory_shared_dirty", b"Shared_Dirty"),
    ("memory_private_clean", b"Private_Clean"),
    ("memory_private_dirty", b"Private_Dirty"),
    ("memory_referenced", b"Referenced"),
    ("memory_anonymous", b"Anonymous"),
    ("memory_swap", b"Swap"),
];

/// Sums of `smaps` or `smaps_rollup`.
pub(super) fn maps(text: &[u8]) -> [u64; MAPS.len()] {
    let mut sums = [0u64; MAPS.len()];
    for (key, value) in pairs(text) {
        if let Some(at) = MAPS.iter().position(|m| m.1 == key) {
            sums[at] = sums[at].saturating_add(value);
        }
    }
    sums
}

/// Lines of `limits` and the ends of the fields that they are reported as.
const LIMITS: [(&[u8], &str); 11] = [
    (b"Max cpu time", "cpu_time"),
    (b"Max data size", "memory_data"),
    (b"Max stack size", "memory_stack"),
    (b"Max resident set", "memory_rss"),
    (b"Max open files", "num_fds"),
    (b"Max locked memory", "memory_locked"),
    (b"Max address space", "memory_vms"),
    (b"Max file locks", "file_locks"),
    (b"Max pending signals", "signals_pending"),
    (b"Max nice priority", "nice_priority"),
    (b"Max realtime priority", "realtime_priority"),
];

/// Names of limits with what the process may use now and what it may raise that to; the largest number means no limit.
pub(super) fn limits(text: &[u8]) -> impl Iterator<Item = (&'static str, u64, u64)> {
    scan::lines(text).filter_map(|line| {
        let (rest, name) = LIMITS.iter().find_map(|l| Some((line.strip_prefix(l.0)?, l.1)))?;
        let mut words = scan::words(rest);
        let mut limit = || match words.next()? {
            b"unlimited" => Some(u64::MAX),
            word => scan::uint(word),
        };
        Some((name, limit()?, limit()?))
    })
}

/// The command line with blanks between the arguments.
pub(super) fn command_line(text: &[u8]) -> String {
    let text = scan::text(text).replace('\0', " ");
    text.trim_end().to_owned()
}

/// The whole name of a process: the kernel cuts it, but the command line may hold the rest.
pub(super) fn full_name(name: &str, command_line: &[u8]) -> String {
    const CUT: usize = 15;
    let first = command_line.split(|&b| b == 0).next().unwrap_or_default();
    let file = first.rsplit(|&b| b == b'/').next().unwrap_or_default();
    if name.len() >= CUT && file.starts_with(name.as_bytes()) { scan::text(file).into_owned() } else { name.to_owned() }
}

/// Seconds since the Unix epoch at the start of the machine, from `/proc/stat`.
pub(super) fn boot_time(stat: &[u8]) -> Option<u64> {
    scan::lines(stat).find_map(|l| scan::uint(l.strip_prefix(b"btime ")?.trim_ascii()))
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    scan::lines(text).filter_map(|line| {
        let (key, value) = scan::split_once(line, b':')?;
        Some((key, scan::uint(scan::words(value).next()?)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const STAT: &[u8] =
        b"7 (a (b) c) S 1 2 3 4 5 6 10 11 12 13 140 150 16 17 20 -5 3 0 2200 23000 24 25 26 27 28 29 30 31 32 33 34 \
                          35 36 37 38 39 40 41 42 43";
    const STATUS: &[u8] = b"Name:\tx\nUid:\t1000\t0\t0\t0\nThreads:\t3\nShdPnd:\t0000000000000005\nVmData:\t  4 kB\n\
                            voluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t8\n";
    const LIMIT_LINES: &[u8] = b"Limit                     Soft Limit           Hard Limit           Units\n\
                           Max cpu time              unlimited            unlimited            seconds\n\
                           Max open files            1024                 4096                 files\n\
                           Max core file size        0                    0                    bytes\n";

    #[test]
    fn reads_stat() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!((stat.name.as_str(), stat.state_name(), stat.parent), ("a (b) c", "sleep", 1));
        assert_eq!((stat.minor_faults, stat.child_major_faults, stat.user, stat.system), (10, 13, 140, 150));
        assert_eq!((stat.nice, stat.start, stat.size, stat.pages), (-5, 2200, 23000, 24));
        assert_eq!((stat.realtime, stat.waiting), (40, 42));
        assert_eq!(Stat::parse(b"7 (a"), None);
    }

    #[test]
    fn reads_status() {
        let status = Status::parse(STATUS);
        assert_eq!((status.uid, status.effective_uid, status.threads), (1000, 0, 3));
        assert_eq!((status.voluntary_switches, status.involuntary_switches), (9, 8));
        assert_eq!((status.data, status.pending), (4096, 2));
    }

    #[test]
    fn reads_limits_and_sums() {
        let got: Vec<_> = limits(LIMIT_LINES).collect();
        assert_eq!(got, [("cpu_time", u64::MAX, u64::MAX), ("num_fds", 1024, 4096)]);
        let sums = maps(b"00-ff r--p\nSize:  4 kB\nPss: 3 kB\nff-100 r--p\nSize:  5 kB\nSwapPss: 7 kB\n");
        assert_eq!((sums[0], sums[1], sums[8]), (9, 3, 0));
        assert_eq!(Io::parse(b"rchar: 1\nwchar: 2\nsyscr: 3\nread_bytes: 5\n").disk_read_bytes, 5);
    }

    #[test]
    fn names_are_completed_by_the_command_line() {
        assert_eq!(full_name("a-very-long-nam", b"/opt/bin/a-very-long-name-indeed\0-x\0"), "a-very-long-name-indeed");
        assert_eq!(full_name("a-very-long-nam", b"other\0"), "a-very-long-nam");
        assert_eq!(full_name("sh", b"/bin/shell\0"), "sh");
        assert_eq!(command_line(b"/bin/sh\0-c\0a b\0"), "/bin/sh -c a b");
    }

    #[test]
    fn takes_anything() {
        for sample in [STAT, STATUS, LIMIT_LINES] {
            noise(sample, |text| {
                Stat::parse(text);
                Status::parse(text);
                Io::parse(text);
                maps(text);
                limits(text).count();
                full_name(&command_line(text), text);
                boot_time(text);
            });
        }
    }
}
