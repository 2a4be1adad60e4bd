//! The lines of the processors in `/proc/stat`, and what follows from two of them.
//!
//! Format: <https://docs.kernel.org/filesystems/proc.html>, section 1.8. Time as a guest is also counted as user time, and
//! niced time as a guest as nice time.

use crate::host::scan;

/// Seconds since the start of the machine, in the order of the file's columns.
pub(super) type Times = [f64; 10];

const USER: usize = 0;
const NICE: usize = 1;
const SYSTEM: usize = 2;
const IDLE: usize = 3;
const IOWAIT: usize = 4;
const IRQ: usize = 5;
const SOFTIRQ: usize = 6;
const STEAL: usize = 7;
const GUEST: usize = 8;
const GUEST_NICE: usize = 9;

/// Names of the times as fields.
pub(super) const TIME_FIELDS: [&str; 10] = [
    "time_user",
    "time_nice",
    "time_system",
    "time_idle",
    "time_iowait",
    "time_irq",
    "time_softirq",
    "time_steal",
    "time_guest",
    "time_guest_nice",
];

/// Names of the shares as fields.
pub(super) const USAGE_FIELDS: [&str; 10] = [
    "usage_user",
    "usage_nice",
    "usage_system",
    "usage_idle",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];

/// Times where the system knows no others.
pub(super) fn times(user: f64, system: f64, idle: f64, irq: f64) -> Times {
    let mut times = Times::default();
    (times[USER], times[SYSTEM], times[IDLE], times[IRQ]) = (user, system, idle, irq);
    times
}

/// Name and times of each processor; the sum of all is named `cpu`. Columns that an old kernel lacks are 0; lines with less
/// than seven columns, or with one that is no number, are left out.
pub(super) fn parse(text: &[u8], ticks: f64) -> impl Iterator<Item = (&str, Times)> {
    scan::lines(text).take_while(|l| l.starts_with(b"cpu")).filter_map(move |line| {
        let mut words = scan::words(line);
        let name = std::str::from_utf8(words.next()?).ok()?;
        let mut times = Times::default();
        let mut columns = 0;
        for (time, word) in times.iter_mut().zip(words) {
            *time = scan::uint(word)? as f64 / ticks;
            columns += 1;
        }
        (columns >= 7).then_some((name, times))
    })
}

/// All time.
pub(super) fn total(t: &Times) -> f64 {
    t[USER] + t[SYSTEM] + t[NICE] + t[IOWAIT] + t[IRQ] + t[SOFTIRQ] + t[STEAL] + t[IDLE]
}

/// All time but idle.
pub(super) fn active(t: &Times) -> f64 {
    total(t) - t[IDLE]
}

/// Shares of the time between two readings in percent; user and nice time without that of guests.
pub(super) fn usage(before: &Times, now: &Times) -> Times {
    let elapsed = total(now) - total(before);
    let spent = |i: usize| now[i] - before[i];
    std::array::from_fn(|i| {
        let time = match i {
            USER => spent(USER) - spent(GUEST),
            NICE => spent(NICE) - spent(GUEST_NICE),
            i => spent(i),
        };
        100.0 * time / elapsed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const STAT: &[u8] =
        b"cpu  41200 310 9800 880400 2500 0 730 120 60 10\ncpu0 1 2 3 4 5 6 7\nintr 5\ncpu1 1 1 1 1 1 1 1\n";

    #[test]
    fn reads_the_processors_before_the_first_other_line() {
        let got: Vec<_> = parse(STAT, 100.0).collect();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0], ("cpu", [412.0, 3.1, 98.0, 8804.0, 25.0, 0.0, 7.3, 1.2, 0.6, 0.1]));
        assert_eq!(got[1], ("cpu0", [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.0, 0.0, 0.0]));
    }

    #[test]
    fn leaves_out_lines_that_are_short_or_broken() {
        let text = b"cpu0 1 2 3 4 5 6\ncpu1 1 2 3 4 5 6 x\ncpu2 1 2 3 4 5 6 7\n";
        assert_eq!(parse(text, 1.0).map(|p| p.0).collect::<Vec<_>>(), ["cpu2"]);
    }

    #[test]
    fn takes_anything() {
        noise(STAT, |text| {
            for (_, times) in parse(text, 100.0) {
                assert!(times.iter().all(|t| *t >= 0.0));
            }
        });
    }
}
