//! The forms of Lustre's files: a line for each counter, a block for each job, a table for each histogram.
//!
//! Source: the Lustre Monitoring and Statistics Guide.

use super::{Found, Subject, number};
use crate::host::scan;
use agent_api::{Context, Result, bail};

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Counters of an object target or its clients.
    Ost,
    /// Counters of a metadata target or its clients.
    Mds,
    /// Jobs of an object target.
    OstJobs,
    /// Jobs of a metadata target.
    MdsJobs,
    /// Histograms.
    Brw,
    /// One number.
    Evictions,
}

impl Sort {
    /// That of a pattern on a side (`Ost`, `Mds`).
    pub(super) fn of(self, pattern: &str) -> Self {
        match self {
            _ if pattern.ends_with("brw_stats") => Sort::Brw,
            _ if pattern.ends_with("eviction_count") => Sort::Evictions,
            Sort::Mds if pattern.ends_with("job_stats") => Sort::MdsJobs,
            _ if pattern.ends_with("job_stats") => Sort::OstJobs,
            Sort::Evictions => Sort::Ost,
            other => other,
        }
    }
}

/// A counter: its name, the place of the number behind it, the field.
type Wanted = (&'static str, usize, &'static str);

const OST: [Wanted; 13] = [
    ("write_bytes", 6, "write_bytes"),
    ("write_bytes", 1, "write_calls"),
    ("read_bytes", 6, "read_bytes"),
    ("read_bytes", 1, "read_calls"),
    ("cache_hit", 1, "cache_hit"),
    ("cache_hit", 1, "cache_hit_samples"),
    ("cache_hit", 6, "cache_hit_pages"),
    ("cache_miss", 1, "cache_miss"),
    ("cache_miss", 1, "cache_miss_samples"),
    ("cache_miss", 6, "cache_miss_pages"),
    ("cache_access", 1, "cache_access"),
    ("cache_access", 1, "cache_access_samples"),
    ("cache_access", 6, "cache_access_pages"),
];
const MDS: [Wanted; 16] = [
    ("open", 1, "open"),
    ("close", 1, "close"),
    ("mknod", 1, "mknod"),
    ("link", 1, "link"),
    ("unlink", 1, "unlink"),
    ("mkdir", 1, "mkdir"),
    ("rmdir", 1, "rmdir"),
    ("rename", 1, "rename"),
    ("getattr", 1, "getattr"),
    ("setattr", 1, "setattr"),
    ("getxattr", 1, "getxattr"),
    ("setxattr", 1, "setxattr"),
    ("statfs", 1, "statfs"),
    ("sync", 1, "sync"),
    ("samedir_rename", 1, "samedir_rename"),
    ("crossdir_rename", 1, "crossdir_rename"),
];
/// Older versions say `read`, newer ones `read_bytes`.
const OST_JOBS: [Wanted; 26] = [
    ("read", 3, "jobstats_read_calls"),
    ("read", 7, "jobstats_read_min_size"),
    ("read", 9, "jobstats_read_max_size"),
    ("read", 11, "jobstats_read_bytes"),
    ("read_bytes", 3, "jobstats_read_calls"),
    ("read_bytes", 7, "jobstats_read_min_size"),
    ("read_bytes", 9, "jobstats_read_max_size"),
    ("read_bytes", 11, "jobstats_read_bytes"),
    ("write", 3, "jobstats_write_calls"),
    ("write", 7, "jobstats_write_min_size"),
    ("write", 9, "jobstats_write_max_size"),
    ("write", 11, "jobstats_write_bytes"),
    ("write_bytes", 3, "jobstats_write_calls"),
    ("write_bytes", 7, "jobstats_write_min_size"),
    ("write_bytes", 9, "jobstats_write_max_size"),
    ("write_bytes", 11, "jobstats_write_bytes"),
    ("getattr", 3, "jobstats_ost_getattr"),
    ("setattr", 3, "jobstats_ost_setattr"),
    ("punch", 3, "jobstats_punch"),
    ("sync", 3, "jobstats_ost_sync"),
    ("destroy", 3, "jobstats_destroy"),
    ("create", 3, "jobstats_create"),
    ("statfs", 3, "jobstats_ost_statfs"),
    ("get_info", 3, "jobstats_get_info"),
    ("set_info", 3, "jobstats_set_info"),
    ("quotactl", 3, "jobstats_quotactl"),
];
const MDS_JOBS: [Wanted; 16] = [
    ("open", 3, "jobstats_open"),
    ("close", 3, "jobstats_close"),
    ("mknod", 3, "jobstats_mknod"),
    ("link", 3, "jobstats_link"),
    ("unlink", 3, "jobstats_unlink"),
    ("mkdir", 3, "jobstats_mkdir"),
    ("rmdir", 3, "jobstats_rmdir"),
    ("rename", 3, "jobstats_rename"),
    ("getattr", 3, "jobstats_getattr"),
    ("setattr", 3, "jobstats_setattr"),
    ("getxattr", 3, "jobstats_getxattr"),
    ("setxattr", 3, "jobstats_setxattr"),
    ("statfs", 3, "jobstats_statfs"),
    ("sync", 3, "jobstats_sync"),
    ("samedir_rename", 3, "jobstats_samedir_rename"),
    ("crossdir_rename", 3, "jobstats_crossdir_rename"),
];
/// Histograms and the value of the tag `brw_section`.
const SECTIONS: [(&str, &str); 5] = [
    ("pages per bulk r/w", "pages_per_bulk_rw"),
    ("discontiguous pages", "discontiguous_pages"),
    ("disk I/Os in flight", "disk_ios_in_flight"),
    ("I/O time (1/1000s)", "io_time"),
    ("disk I/O size", "disk_io_size"),
];

/// Adds what a file says of its subject.
pub(super) fn read(text: &[u8], sort: Sort, about: &Subject, found: &mut Found) -> Result<()> {
    match sort {
        Sort::Ost => counters(text, &OST, about, found),
        Sort::Mds => counters(text, &MDS, about, found),
        Sort::OstJobs => counters(text, &OST_JOBS, about, found),
        Sort::MdsJobs => counters(text, &MDS_JOBS, about, found),
        Sort::Brw => histograms(text, about, found),
        Sort::Evictions => {
            let count = number(text.trim_ascii())?;
            found.entry(about.clone()).or_default().insert("evictions", count);
            Ok(())
        }
    }
}

/// Lines of a name and numbers; `- job_id: NAME` begins those of a job.
fn counters(text: &[u8], wanted: &[Wanted], about: &Subject, found: &mut Found) -> Result<()> {
    let mut about = about.clone();
    for line in scan::lines(text) {
        let line = line.trim_ascii();
        if let Some(job) = line.strip_prefix(b"- job_id:") {
            about.job = scan::text(job.trim_ascii()).trim_matches('"').to_owned();
            continue;
        }
        // Blanks, colons and commas stand between words, braces are words.
        let words: Vec<&[u8]> =
            line.split(|b| b.is_ascii_whitespace() || matches!(b, b':' | b',')).filter(|w| !w.is_empty()).collect();
        let Some(name) = words.first() else { continue };
        for (_, place, field) in wanted.iter().filter(|w| w.0.as_bytes() == *name) {
            let word = match words.get(*place) {
                Some(word) => word,
                // Not every version sums the pages.
                None if field.ends_with("_pages") => continue,
                None => bail!("{} has no {field}", scan::quoted(line)),
            };
            found.entry(about.clone()).or_default().insert(field, number(word)?);
        }
    }
    Ok(())
}

/// Tables of `bucket: ios % cum % | ios % cum %` below a title.
fn histograms(text: &[u8], about: &Subject, found: &mut Found) -> Result<()> {
    let mut section = None;
    for line in scan::lines(text) {
        let words: Vec<&[u8]> = scan::words(line).collect();
        let Some(first) = words.first() else { continue };
        let Some(bucket) = first.strip_suffix(b":") else {
            let title = scan::text(line);
            section = SECTIONS.iter().find(|s| title.starts_with(s.0)).map(|s| s.1);
            continue;
        };
        let Some(section) = section.filter(|_| bucket != b"snapshot_time") else { continue };
        let places = [("read_ios", 1), ("read_percent", 2), ("write_ios", 5), ("write_percent", 6)];
        for (field, place) in places {
            let word = words.get(place).with_context(|| format!("{} has no {field}", scan::quoted(line)))?;
            let subject = Subject { section, bucket: scan::text(bucket).into_owned(), ..about.clone() };
            found.entry(subject).or_default().insert(field, number(word)?);
        }
    }
    Ok(())
}
