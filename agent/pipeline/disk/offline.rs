//! Disk queues looked at from outside: what waits in one, whether it is whole, and what can be done about it while no agent runs.
//!
//! Looking is possible at any time; whoever changes something holds the lock that an agent holds while it runs.

use super::files::leftover;
use super::fs::{FileSystem, Local, Lock};
use super::position::{Position, PositionFile};
use super::segment::{self, Header};
use crate::config::Keys;
use crate::pipeline::seal::{Keyring, OPEN, Seal};
use agent_api::metric::Packed;
use agent_api::{Context, Log, Result, View, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A queue in its folder.
#[derive(Debug)]
pub struct Offline {
    directory: PathBuf,
    /// The keys of its encryption, where it is encrypted.
    keys: Keys,
    log: Log,
}

/// What is in a queue.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Its files, the oldest first.
    pub files: Vec<SegmentFile>,
    /// Places where records are damaged.
    pub damages: usize,
    /// An agent is using it.
    pub in_use: bool,
}

/// A file of a queue.
#[derive(Clone, Debug)]
pub struct SegmentFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Metrics that are not written yet.
    pub metrics: usize,
}

impl Offline {
    /// The queue in a folder. Opens nothing.
    pub fn new(directory: PathBuf, keys: Keys, log: Log) -> Self {
        Offline { directory, keys, log }
    }

    fn position(&self) -> Result<Position> {
        let (_, position) = PositionFile::open(Arc::new(Local), &self.directory)
            .with_context(|| format!("read {}/position", self.directory.display()))?;
        Ok(position)
    }

    /// What is in it; damage is logged with its place.
    pub fn survey(&self) -> Result<Survey> {
        if !self.directory.exists() {
            return Ok(Survey::default());
        }
        // Nothing of the payloads is looked at.
        let left = leftover(&Local, &self.directory, self.position()?, &|_| Ok(Seal::None), &self.log)?;
        let file = |s: &super::state::Segment| SegmentFile {
            name: s.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: s.end,
            metrics: s.left,
        };
        let in_use = matches!(Local.lock(&self.directory.join("lock")), Ok(None));
        Ok(Survey { files: left.segments.iter().map(file).collect(), damages: left.damages, in_use })
    }

    /// Calls `each` with what is not written yet, in order. Records that cannot be read are logged and counted.
    pub fn export(&self, mut each: impl FnMut(&View) -> Result<()>) -> Result<usize> {
        if !self.directory.exists() {
            return Ok(0);
        }
        let position = self.position()?;
        let keys = Keyring::new(&self.keys)?;
        let seal = |id| Seal::of(id, &keys);
        let left = leftover(&Local, &self.directory, position.clone(), &seal, &self.log)?;
        let mut bad = left.damages;
        for file in &left.segments {
            let bytes = Local.read(&file.path, 0, file.end).with_context(|| format!("read {}", file.path.display()))?;
            let (mut at, mut last) = (file.begin as usize, file.first.saturating_sub(1));
            while let Some(record) = segment::next(&bytes, at, last) {
                (at, last) = (record.end, record.number);
                if position.left(record.number, record.metrics as usize) == 0 {
                    continue;
                }
                let payload = file.seal.open(record.number, record.metrics, record.payload);
                match payload.and_then(|payload| Packed::read(&payload)) {
                    Ok(batch) => {
                        let marks = position.partial.get(&record.number);
                        let done = |i: u32| marks.and_then(|m| m.get(i as usize)).copied().unwrap_or(false);
                        let rows = (0..batch.len() as u32).filter(|i| !done(*i)).collect();
                        each(&View::all(batch).with_rows(rows))?;
                    }
                    Err(e) => {
                        bad += 1;
                        let (from, path) = (record.start, file.path.display());
                        self.log.error(format_args!("disk queue: read the record at byte {from} of {path}: {e}"));
                    }
                }
            }
        }
        Ok(bad)
    }

    /// Writes files that are damaged anew, with the records that are whole; gives how many.
    pub fn repair(&self) -> Result<usize> {
        let _held = self.hold()?;
        let mut repaired = 0;
        for path in self.segments()? {
            let failed = || format!("repair {}", path.display());
            let bytes = Local.read(&path, 0, u64::MAX).with_context(failed)?;
            let (first, begin) = match segment::read_header(&bytes) {
                Header::Whole(head) => (head.first, head.begin),
                Header::Version(version) => bail!("{}: it is of version {version}", failed()),
                Header::Damaged => {
                    let first = segment::far_before(self.position()?.low);
                    (first, segment::begin_by_records(&bytes, first.saturating_sub(1)))
                }
            };
            let head = match (segment::read_header(&bytes), self.keys == Keys::default()) {
                (Header::Damaged, true) => segment::header(first, OPEN).to_vec(),
                // Whether its payloads are encrypted is not known: that it is damaged stays.
                _ => bytes[..begin.min(bytes.len())].to_vec(),
            };
            let (mut at, mut last, mut whole) = (begin, first.saturating_sub(1), head);
            while let Some(record) = segment::next(&bytes, at, last) {
                whole.extend_from_slice(&bytes[record.start..record.end]);
                (at, last) = (record.end, record.number);
            }
            if whole == bytes {
                continue;
            }
            let beside = path.with_extension("new");
            let written = Local.create(&beside).and_then(|mut file| {
                file.append(&whole)?;
                file.sync()?;
                drop(file);
                Local.rename(&beside, &path)?;
                Local.sync_directory(&self.directory)
            });
            written.with_context(failed)?;
            repaired += 1;
        }
        Ok(repaired)
    }

    /// Removes all that is in it.
    pub fn drop_all(&self) -> Result<()> {
        let _held = self.hold()?;
        for path in self.segments()?.into_iter().chain([self.directory.join("position")]) {
            if path.exists() {
                Local.remove(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn segments(&self) -> Result<Vec<PathBuf>> {
        let mut paths = Local.list(&self.directory).with_context(|| format!("list {}", self.directory.display()))?;
        paths.retain(|path| path.extension().is_some_and(|e| e == "segment"));
        paths.sort();
        Ok(paths)
    }

    fn hold(&self) -> Result<Lock> {
        let shown = self.directory.display();
        if !Path::exists(&self.directory) {
            bail!("open {shown}: there is no queue");
        }
        let lock = Local.lock(&self.directory.join("lock")).with_context(|| format!("lock {shown}"))?;
        lock.with_context(|| format!("lock {shown}: an agent is using it; stop it first"))
    }
}
