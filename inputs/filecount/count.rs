//! Walks through a folder and counts what fulfils the conditions.

use agent_golang::glob::Glob;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Which files are counted.
pub(super) struct Conditions {
    pub(super) name: Glob,
    pub(super) recursive: bool,
    pub(super) regular_only: bool,
    pub(super) follow_links: bool,
    /// At least so many bytes; below 0, fewer than that many.
    pub(super) size: i64,
    /// Not changed for so many nanoseconds; below 0, changed in that time.
    pub(super) age: i64,
}

/// What was counted. Times in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) files: i64,
    pub(super) bytes: i64,
    pub(super) oldest: Option<i64>,
    pub(super) newest: Option<i64>,
    /// Folders that could not be read.
    pub(super) unread: i64,
}

/// Links that lead above themselves end at this depth.
const DEPTH: usize = 128;

/// Counts files in a folder; None where that is not done by `end`.
pub(super) fn files(folder: &Path, conditions: &Conditions, now: SystemTime, end: Option<Instant>) -> Option<Count> {
    let mut count = Count::default();
    let mut rest: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = rest.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            count.unread += 1;
            continue;
        };
        for entry in entries.flatten() {
            if end.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            let path = entry.path();
            let meta = if conditions.follow_links { path.metadata() } else { path.symlink_metadata() };
            // It has gone meanwhile, or is a link that leads nowhere.
            let Ok(meta) = meta else { continue };
            if meta.is_dir() && conditions.recursive && depth < DEPTH {
                rest.push((path, depth + 1));
            }
            if conditions.hold(&entry.file_name().to_string_lossy(), &meta, now) {
                count.add(&meta);
            }
        }
    }
    Some(count)
}

impl Conditions {
    fn hold(&self, name: &str, meta: &Metadata, now: SystemTime) -> bool {
        (meta.is_file() || !self.regular_only)
            && self.name.is_match(name)
            && self.size_fits(meta)
            && self.age_fits(meta, now)
    }

    fn size_fits(&self, meta: &Metadata) -> bool {
        // Only files have a size that says something.
        self.size == 0 || meta.is_file() && (meta.len() >= self.size.unsigned_abs()) == (self.size > 0)
    }

    fn age_fits(&self, meta: &Metadata, now: SystemTime) -> bool {
        if self.age == 0 {
            return true;
        }
        let since = std::time::Duration::from_nanos(self.age.unsigned_abs());
        let (Ok(changed), Some(then)) = (meta.modified(), now.checked_sub(since)) else { return self.age < 0 };
        (changed < then) == (self.age > 0)
    }
}

impl Count {
    fn add(&mut self, meta: &Metadata) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(i64::try_from(meta.len()).unwrap_or(i64::MAX));
        let changed = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        if let Some(nanos) = changed.and_then(|t| i64::try_from(t.as_nanos()).ok()) {
            self.oldest = Some(self.oldest.map_or(nanos, |o| o.min(nanos)));
            self.newest = Some(self.newest.map_or(nanos, |n| n.max(nanos)));
        }
    }
}
