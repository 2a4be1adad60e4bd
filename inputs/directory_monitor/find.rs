//! Finding the files of a folder that are to be read and have lain there long enough to be complete.

use agent_api::{Context, Result};
use agent_golang::regexp::Regexp;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Folders are searched so deep below the folder.
const DEPTH: usize = 128;
/// So many files are looked at in one round.
const MOST: usize = 1_000_000;

/// Which files are to be read.
pub(super) struct Selection {
    pub(super) folder: PathBuf,
    pub(super) recursive: bool,
    /// Folders below it that are none of it, as what was read is put there.
    pub(super) others: Vec<PathBuf>,
    /// Empty for all.
    pub(super) wanted: Vec<Regexp>,
    pub(super) ignored: Vec<Regexp>,
    /// How long ago a file must have been changed.
    pub(super) age: Duration,
}

/// A file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path below the folder.
    pub(super) below: PathBuf,
    pub(super) stamp: Stamp,
}

/// What changes when a file is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    changed: Option<SystemTime>,
    size: u64,
}

/// What a look at the folder gives.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Files that are to be read now, sorted.
    pub(super) ready: Vec<Found>,
    /// When the next file will have lain there long enough.
    pub(super) next: Option<Duration>,
}

impl Selection {
    /// Looks at the folder. Folders below it that cannot be read are left out.
    pub(super) fn look(&self) -> Result<Look> {
        let mut look = Look::default();
        self.walk(Path::new(""), 0, &mut look).with_context(|| format!("read {}", self.folder.display()))?;
        look.ready.sort_by(|a, b| a.below.cmp(&b.below));
        Ok(look)
    }

    fn walk(&self, below: &Path, depth: usize, look: &mut Look) -> std::io::Result<()> {
        for entry in std::fs::read_dir(self.folder.join(below))?.flatten() {
            if look.ready.len() >= MOST {
                break;
            }
            let path = below.join(entry.file_name());
            // A link to a folder above would never end, so only links to files are followed.
            if entry.file_type()?.is_dir() {
                let is_other = self.others.iter().any(|other| *other == self.folder.join(&path));
                if self.recursive && !is_other && depth < DEPTH {
                    let _unreadable = self.walk(&path, depth + 1, look);
                }
                continue;
            }
            let Ok(meta) = entry.path().metadata() else { continue };
            if !meta.is_file() || !self.selects(&path) {
                continue;
            }
            match self.still_young(&meta) {
                None => look.ready.push(Found { below: path, stamp: Stamp::of(&meta) }),
                Some(wait) => look.next = Some(look.next.map_or(wait, |next| next.min(wait))),
            }
        }
        Ok(())
    }

    /// Whether a file is to be read by its name, or its path below the folder with or without a slash before it.
    fn selects(&self, below: &Path) -> bool {
        let path = format!("/{}", below.to_string_lossy());
        let name = below.file_name().unwrap_or_default().to_string_lossy();
        let any = |patterns: &[Regexp]| {
            patterns.iter().any(|p| p.is_match(&name) || p.is_match(&path) || p.is_match(&path[1..]))
        };
        (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.ignored)
    }

    /// How long a file still has to lie there. One that claims to be from the future is complete for all we know.
    fn still_young(&self, meta: &Metadata) -> Option<Duration> {
        let age = meta.modified().ok()?.elapsed().ok()?;
        self.age.checked_sub(age).filter(|left| !left.is_zero())
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Stamp { changed: meta.modified().ok(), size: meta.len() }
    }
}
