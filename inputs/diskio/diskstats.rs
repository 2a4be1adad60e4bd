//! The lines of `/proc/diskstats`, and the averages between two of them.
//!
//! Format: <https://docs.kernel.org/admin-guide/iostats.html>. A sector is 512 bytes whatever the disk's own are.

use crate::host::scan;

const SECTOR: u64 = 512;

/// Counters of a device, in the order of the file's columns from the fourth on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters([u64; 11]);

const READS: usize = 0;
const MERGED_READS: usize = 1;
const SECTORS_READ: usize = 2;
const READ_TIME: usize = 3;
const WRITES: usize = 4;
const MERGED_WRITES: usize = 5;
const SECTORS_WRITTEN: usize = 6;
const WRITE_TIME: usize = 7;
const IN_PROGRESS: usize = 8;
const IO_TIME: usize = 9;
const WEIGHTED_IO_TIME: usize = 10;

/// Name and counters of a line; nothing if a column is missing or no number.
pub(super) fn parse(line: &[u8]) -> Option<(&[u8], Counters)> {
    let mut words = scan::words(line).skip(2);
    let name = words.next()?;
    let mut counters = Counters::default();
    for counter in &mut counters.0 {
        *counter = scan::uint(words.next()?)?;
    }
    Some((name, counters))
}

impl Counters {
    /// Whether the device was never used, as most loop and RAM devices.
    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|c| *c == 0)
    }

    /// The counters as fields; times in milliseconds.
    pub(super) fn fields(&self) -> [(&'static str, u64); 11] {
        let of = |i: usize| self.0[i];
        [
            ("reads", of(READS)),
            ("writes", of(WRITES)),
            ("read_bytes", of(SECTORS_READ).wrapping_mul(SECTOR)),
            ("write_bytes", of(SECTORS_WRITTEN).wrapping_mul(SECTOR)),
            ("read_time", of(READ_TIME)),
            ("write_time", of(WRITE_TIME)),
            ("io_time", of(IO_TIME)),
            ("weighted_io_time", of(WEIGHTED_IO_TIME)),
            ("iops_in_progress", of(IN_PROGRESS)),
            ("merged_reads", of(MERGED_READS)),
            ("merged_writes", of(MERGED_WRITES)),
        ]
    }

    /// Milliseconds that a request waited and was served on average, and the share of the `elapsed` milliseconds in which the
    /// device was busy in percent. Nothing where there was no request, no time, or a counter went back.
    pub(super) fn averages(&self, before: &Counters, elapsed: f64) -> [Option<(&'static str, f64)>; 3] {
        let spent = |i: usize| self.0[i].checked_sub(before.0[i]).map(|d| d as f64);
        let both = |a: usize, b: usize| Some(spent(a)? + spent(b)?);
        let requests = both(READS, WRITES).filter(|n| *n > 0.0);
        let each = |time: Option<f64>| Some(time? / requests?);
        let busy = spent(IO_TIME).filter(|_| elapsed > 0.0).map(|t| 100.0 * t / elapsed);
        [
            each(both(READ_TIME, WRITE_TIME)).map(|v| ("io_await", v)),
            each(spent(IO_TIME)).map(|v| ("io_svctm", v)),
            busy.map(|v| ("io_util", v)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const LINE: &[u8] = b"   8       0 sda 10 1 100 30 20 2 200 70 3 40 90 0 0 0 0 10 4";

    #[test]
    fn reads_a_line() {
        let (name, counters) = parse(LINE).unwrap();
        assert_eq!(name, b"sda");
        assert_eq!(counters.0, [10, 1, 100, 30, 20, 2, 200, 70, 3, 40, 90]);
        assert!(counters.fields().contains(&("write_bytes", 102_400)));
        assert_eq!(parse(b"8 0 sda 1 2 3 4 5 6 7 8 9 10"), None);
    }

    #[test]
    fn averages_are_by_request() {
        let before = Counters::default();
        let now = parse(LINE).unwrap().1;
        let want = [Some(("io_await", 100.0 / 30.0)), Some(("io_svctm", 40.0 / 30.0)), Some(("io_util", 4.0))];
        assert_eq!(now.averages(&before, 1000.0), want);
        assert_eq!(now.averages(&now, 1000.0), [None, None, Some(("io_util", 0.0))]);
        assert_eq!(before.averages(&now, 1000.0), [None; 3]);
        assert_eq!(now.averages(&before, 0.0)[2], None);
    }

    #[test]
    fn takes_anything() {
        noise(LINE, |text| {
            if let Some((_, counters)) = parse(text) {
                counters.fields();
                counters.averages(&Counters::default(), 1.0);
            }
        });
    }
}
