//! `/proc/meminfo` and the watermarks of `/proc/zoneinfo`.
//!
//! Format: <https://docs.kernel.org/filesystems/proc.html#meminfo>. Which lines there are depends on kernel and machine.

use crate::host::scan;
use agent_api::{Result, anyhow};

/// Fields and the lines that they come from.
pub(super) const FIELDS: [(&str, &str); 28] = [
    ("active", "Active"),
    ("buffered", "Buffers"),
    ("commit_limit", "CommitLimit"),
    ("committed_as", "Committed_AS"),
    ("dirty", "Dirty"),
    ("free", "MemFree"),
    ("high_free", "HighFree"),
    ("high_total", "HighTotal"),
    ("huge_page_size", "Hugepagesize"),
    ("huge_pages_free", "HugePages_Free"),
    ("huge_pages_total", "HugePages_Total"),
    ("inactive", "Inactive"),
    ("low_free", "LowFree"),
    ("low_total", "LowTotal"),
    ("mapped", "Mapped"),
    ("page_tables", "PageTables"),
    ("shared", "Shmem"),
    ("slab", "Slab"),
    ("sreclaimable", "SReclaimable"),
    ("sunreclaim", "SUnreclaim"),
    ("swap_cached", "SwapCached"),
    ("swap_free", "SwapFree"),
    ("swap_total", "SwapTotal"),
    ("vmalloc_chunk", "VmallocChunk"),
    ("vmalloc_total", "VmallocTotal"),
    ("vmalloc_used", "VmallocUsed"),
    ("write_back", "Writeback"),
    ("write_back_tmp", "WritebackTmp"),
];

/// Fields of `collect_extended`.
pub(super) const EXTENDED_FIELDS: [(&str, &str); 6] = [
    ("active_file", "Active(file)"),
    ("inactive_file", "Inactive(file)"),
    ("active_anon", "Active(anon)"),
    ("inactive_anon", "Inactive(anon)"),
    ("unevictable", "Unevictable"),
    ("percpu", "Percpu"),
];

/// Lines that are needed for sums.
const OTHERS: [&str; 3] = ["MemTotal", "MemAvailable", "Cached"];
const LEN: usize = FIELDS.len() + EXTENDED_FIELDS.len() + OTHERS.len();

/// The values of the lines that are known, in bytes, or a plain number where the line has no unit.
pub(super) struct Values([Option<u64>; LEN]);

fn keys() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().chain(&EXTENDED_FIELDS).map(|f| f.1).chain(OTHERS)
}

/// Reads the lines that are known; one whose value is no number is an error.
pub(super) fn parse(text: &[u8]) -> Result<Values> {
    let mut values = Values([None; LEN]);
    for line in scan::lines(text) {
        let Some((key, rest)) = scan::split_once(line, b':') else { continue };
        let Some(at) = keys().position(|k| k.as_bytes() == key) else { continue };
        let mut words = scan::words(rest);
        let number = words.next().unwrap_or_default();
        let value = scan::uint(number)
            .ok_or_else(|| anyhow!("invalid number {} of {}", scan::quoted(number), scan::text(key)))?;
        let unit = if words.next() == Some(b"kB") { 1024 } else { 1 };
        values.0[at] = Some(value.saturating_mul(unit));
    }
    Ok(values)
}

impl Values {
    /// The value of a line, if it is there.
    pub(super) fn find(&self, key: &str) -> Option<u64> {
        keys().position(|k| k == key).and_then(|at| self.0[at])
    }

    /// The value of a line, 0 where it is missing.
    pub(super) fn of(&self, key: &str) -> u64 {
        self.find(key).unwrap_or(0)
    }

    /// How much memory is available where the kernel does not say; `low` is the sum of the zones' low watermarks in bytes. Without it, or what
    /// the kernel counts with, all that is free or holds files is.
    pub(super) fn estimate_available(&self, low: Option<u64>) -> u64 {
        let parts = ["Active(file)", "Inactive(file)", "SReclaimable"].map(|k| self.find(k));
        let (Some(low), [Some(active), Some(inactive), Some(slabs)]) = (low, parts) else {
            return self.of("MemFree").saturating_add(self.of("Cached")).saturating_add(self.of("SReclaimable"));
        };
        let cache = active.saturating_add(inactive);
        let cache = cache - low.min(cache / 2);
        let slabs = slabs - low.min(slabs / 2);
        self.of("MemFree").saturating_add(cache).saturating_add(slabs).saturating_sub(low)
    }
}

/// Sum of the low watermarks of all zones in pages.
pub(super) fn low_watermark(zoneinfo: &[u8]) -> u64 {
    let low = scan::lines(zoneinfo).filter_map(|line| {
        let mut words = scan::words(line);
        if words.next()? == b"low" { scan::uint(words.next()?) } else { None }
    });
    low.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::noise;

    const MEMINFO: &[u8] = b"MemTotal:        8112340 kB\nHugePages_Free:  7\nUnknown: x\nActive(file): 1510000 kB\n";

    #[test]
    fn reads_units() {
        let values = parse(MEMINFO).unwrap();
        assert_eq!(values.of("MemTotal"), 8112340 * 1024);
        assert_eq!(values.of("HugePages_Free"), 7);
        assert_eq!(values.find("MemAvailable"), None);
    }

    #[test]
    fn takes_anything() {
        noise(MEMINFO, |text| {
            if let Ok(values) = parse(text) {
                values.estimate_available(Some(low_watermark(text)));
                values.estimate_available(None);
            }
        });
        assert_eq!(low_watermark(b" low 5\n low x\nlow 18446744073709551615\nlowmem 3"), u64::MAX);
    }
}
