//! The files of a disk queue: found at the start, appended to, synced, removed.
//!
//! A run never appends to a segment of an earlier run. What was appended by a call that failed is cut off again, so that
//! the records of a segment are those that were said to be stored.

use super::entry::Place;
use super::fs::{Appended, FileSystem, Lock};
use super::position::{Position, PositionFile};
use super::segment::{self, HEADER, Header};
use super::state::{Leftover, Segment};
use crate::pipeline::seal::{Key, Keyring, OPEN, Owner, Seal};
use agent_api::metric::{Packed, Packer};
use agent_api::{Context, Log, Result, View, bail};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many bytes are encoded and written at once, about.
const BLOCK: usize = 1 << 20;

pub(super) struct Files {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    /// Held, so that no other process uses the directory.
    _lock: Lock,
    position: PositionFile,
    active: Option<Active>,
    packer: Packer,
    /// Segments that are not written to any more and not synced yet.
    full: Vec<Active>,
    /// With which what is written is encrypted.
    key: Option<Arc<Key>>,
    /// A segment of this size is full.
    size: u64,
    /// The number of the next segment: larger than that of any file, so that a name is never used twice.
    next: u64,
}

#[derive(Debug)]
struct Active {
    file: Box<dyn Appended>,
    path: PathBuf,
    id: u64,
    end: u64,
    /// Up to here it outlives the machine.
    synced: u64,
}

/// What was stored, and what was begun for it.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) segments: VecDeque<Segment>,
    pub(super) records: Vec<(u64, Place)>,
}

impl Files {
    /// Opens the directory, made if it is not there, and looks for what an earlier run left in it, encrypted with
    /// one of the keys perhaps. With a current one, what is written is encrypted.
    pub(super) fn open(
        fs: Arc<dyn FileSystem>,
        directory: &Path,
        size: u64,
        keys: &Keyring,
        log: &Log,
    ) -> Result<(Files, Leftover)> {
        let shown = directory.display();
        fs.create_directory(directory).with_context(|| format!("create {shown}"))?;
        let Some(lock) = fs.lock(&directory.join("lock")).with_context(|| format!("lock {shown}/lock"))? else {
            bail!("lock {shown}: another agent or output is using it");
        };
        let (file, position) =
            PositionFile::open(fs.clone(), directory).with_context(|| format!("read {shown}/position"))?;
        let left = leftover(&*fs, directory, position, &|id| Seal::of(id, keys), log)?;
        let files = Files {
            directory: directory.to_owned(),
            _lock: lock,
            position: file,
            active: None,
            packer: Packer::default(),
            full: Vec::new(),
            key: keys.current().cloned(),
            size,
            next: left.segments.back().map_or(0, |s| s.id) + 1,
            fs,
        };
        Ok((files, left))
    }

    /// Appends records; what `stored` says when it fails has been stored all the same.
    pub(super) fn append(&mut self, records: &[(u64, View)], stored: &mut Stored) -> Result<()> {
        let (mut bytes, mut at) = (Vec::with_capacity(BLOCK + BLOCK / 8), 0);
        while at < records.len() {
            self.roll(records[at].0, stored)?;
            let Some(active) = &mut self.active else { break };
            bytes.clear();
            let (mut end, mut places) = (active.end, Vec::new());
            while at < records.len() && bytes.len() < BLOCK {
                let (number, view) = &records[at];
                let (from, metrics) = (bytes.len(), view.len() as u32);
                let payload = |out: &mut Vec<u8>| {
                    let from = out.len();
                    self.packer.write(view, out);
                    let owner = Owner::Record { number: *number, metrics };
                    self.key.as_ref().map_or(Ok(()), |key| key.seal(owner, out, from))
                };
                segment::put_with(*number, metrics, &mut bytes, payload)?;
                let len = bytes.len() - from - segment::RECORD;
                if len > segment::PAYLOAD_MAX {
                    bail!("store {} metrics: {len} bytes are too large for a record", view.len());
                }
                let start = std::mem::replace(&mut end, active.end + bytes.len() as u64);
                places.push((*number, Place { segment: active.id, start, end }));
                at += 1;
            }
            if let Err(e) = active.file.append(&bytes) {
                let error = Err(e).with_context(|| format!("write {}", active.path.display()));
                if active.file.cut(active.end).is_err() {
                    self.full.extend(self.active.take());
                }
                return error;
            }
            active.end = end;
            stored.records.append(&mut places);
        }
        Ok(())
    }

    /// Begins a segment if there is none or it is full.
    fn roll(&mut self, first: u64, stored: &mut Stored) -> Result<()> {
        if self.active.as_ref().is_some_and(|a| a.end < self.size) {
            return Ok(());
        }
        let (fs, directory, id) = (&self.fs, &self.directory, self.next);
        let path = directory.join(format!("{id:020}.segment"));
        let (key, seal) = (self.key.as_ref().map_or(OPEN, |key| key.id()), Seal::new(self.key.as_ref()));
        let begun = fs.create(&path).and_then(|mut file| {
            file.append(&segment::header(first, key))?;
            fs.sync_directory(directory)?;
            Ok(file)
        });
        let file = match begun {
            Ok(file) => file,
            Err(e) => {
                // If it cannot be removed either, the next try begins it anew.
                drop(fs.remove(&path));
                return Err(e).with_context(|| format!("create {}", path.display()));
            }
        };
        self.next += 1;
        stored.segments.push_back(Segment::new(id, first, path.clone(), HEADER, seal));
        self.full.extend(self.active.take());
        self.active = Some(Active { file, path, id, end: HEADER as u64, synced: HEADER as u64 });
        Ok(())
    }

    /// Makes all that was appended outlive the machine. If that fails nobody knows what the disk holds of the rest: it is cut
    /// off, and its segments are left. Gives their numbers and ends.
    pub(super) fn sync(&mut self) -> Result<(), (agent_api::Error, Vec<(u64, u64)>)> {
        let synced = self.full.iter_mut().chain(&mut self.active).try_for_each(|a| {
            if a.synced < a.end {
                let result = a.file.sync();
                result.map_err(|e| agent_api::Error::new(e).context(format!("sync {}", a.path.display())))?;
                a.synced = a.end;
            }
            Ok(())
        });
        let full = self.full.drain(..);
        synced.map_err(|e| {
            let cut = |mut a: Active| {
                // Where it cannot be cut its records are found a second time, by the same numbers, and left out.
                drop(a.file.cut(a.synced));
                (a.id, a.synced)
            };
            (e, full.chain(self.active.take()).map(cut).collect())
        })
    }

    /// Stores where the output is.
    pub(super) fn move_to(&mut self, position: &Position) -> Result<()> {
        self.position.write(position).with_context(|| format!("write {}/position", self.directory.display()))
    }

    /// Syncs the position.
    pub(super) fn sync_position(&mut self) -> Result<()> {
        self.position.sync().with_context(|| format!("sync {}/position", self.directory.display()))
    }
}

/// The segments in a directory that hold something still.
///
/// The last first: where a segment could not be cut after a failure, what follows there has been written again to a later one,
/// under the same numbers, and only those copies are known to have been synced.
///
/// `seal` says how the payloads of a file are kept, by the id of the key in its header, where that can be read.
pub(super) fn leftover(
    fs: &dyn FileSystem,
    directory: &Path,
    position: Position,
    seal: &dyn Fn(Option<[u8; 8]>) -> Result<Seal>,
    log: &Log,
) -> Result<Leftover> {
    let mut names: Vec<(u64, PathBuf)> = Vec::new();
    for path in fs.list(directory).with_context(|| format!("list {}", directory.display()))? {
        let id = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok());
        if let Some(id) = id.filter(|_| path.extension().is_some_and(|e| e == "segment")) {
            names.push((id, path));
        }
    }
    names.sort();
    let mut found = Leftover::default();
    let mut bound = u64::MAX;
    for (i, (number, path)) in names.into_iter().rev().enumerate() {
        let bytes = fs.read(&path, 0, u64::MAX).with_context(|| format!("read {}", path.display()))?;
        let (first, begin, id) = match segment::read_header(&bytes) {
            Header::Whole(head) => (head.first, head.begin, Some(head.key)),
            Header::Version(version) => {
                bail!("read {}: it is of version {version}, which this agent does not know", path.display())
            }
            Header::Damaged => {
                if bytes.len() > HEADER {
                    log.warn(format_args!(
                        "disk queue: the header of {} is damaged; its records are read all the same",
                        path.display()
                    ));
                }
                let first = segment::far_before(if bound < u64::MAX { bound } else { position.low });
                (first, segment::begin_by_records(&bytes, first.saturating_sub(1)), None)
            }
        };
        let seal = seal(id).with_context(|| format!("read {}", path.display()))?;
        let mut segment = Segment::new(number, first, path, begin, seal);
        let mut damaged = |path: &Path, from: usize, to: usize| {
            found.damages += 1;
            log.error(format_args!("disk queue: skipped damaged records, bytes {from} to {to} of {}", path.display()));
        };
        let (mut at, mut last, mut copied) = (begin, first.saturating_sub(1), false);
        while let Some(record) = segment::next(&bytes, at, last) {
            copied = record.number >= bound;
            if record.start > at {
                damaged(&segment.path, at, record.start);
            }
            if copied {
                break;
            }
            segment.left += position.left(record.number, record.metrics as usize);
            (at, last) = (record.end, record.number);
        }
        if at < bytes.len() && !copied {
            let whole = segment::length(&bytes, at).is_some_and(|len| at + len <= bytes.len());
            if whole || i > 0 {
                damaged(&segment.path, at, bytes.len());
            } else {
                let rest = bytes.len() - at;
                log.warn(format_args!(
                    "disk queue: left out {rest} bytes of an unfinished record at the end of {}",
                    segment.path.display()
                ));
            }
        }
        if at > begin
            && let Some(record) = segment::next(&bytes, begin, first.saturating_sub(1))
        {
            bound = record.number;
        }
        found.last = found.last.max(last);
        (segment.end, segment.cold) = (at as u64, segment.left);
        found.segments.push_front(segment);
    }
    found.position = position;
    Ok(found)
}

/// Bytes of a segment that are kept for the next reads.
#[derive(Debug, Default)]
pub(super) struct Window {
    segment: u64,
    from: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The record at `reading.from`, or the next whole one before `reading.to`.
    pub(super) fn read(
        &mut self,
        fs: &dyn FileSystem,
        reading: &super::giving::Reading,
        log: &Log,
    ) -> Result<Option<super::giving::Found>> {
        let mut want = BLOCK;
        loop {
            self.fill(fs, reading, want)?;
            let at = (reading.from - self.from) as usize;
            let until = (reading.to - self.from).min(self.bytes.len() as u64) as usize;
            let bytes = &self.bytes[..until];
            let all = self.from + self.bytes.len() as u64 >= reading.to;
            // Only with all of the rest at hand is it known that a record is not whole.
            let record = match segment::record_at(bytes, at, reading.after) {
                None if !all => {
                    want = (reading.to - reading.from) as usize;
                    continue;
                }
                None => segment::next(bytes, at, reading.after),
                record => record,
            };
            return Ok(record.map(|record| {
                let (start, end) = (self.from + record.start as u64, self.from + record.end as u64);
                let payload = reading.seal.open(record.number, record.metrics, record.payload);
                let batch = payload.and_then(|payload| Packed::read(&payload));
                if let Err(e) = &batch {
                    log.error(format_args!(
                        "disk queue: skipped a record of {} metrics, bytes {start} to {end} of {}: {e}",
                        record.metrics,
                        reading.path.display()
                    ));
                }
                super::giving::Found { number: record.number, metrics: record.metrics as usize, batch, start, end }
            }));
        }
    }

    fn fill(&mut self, fs: &dyn FileSystem, reading: &super::giving::Reading, want: usize) -> Result<()> {
        let end = self.from + self.bytes.len() as u64;
        let there = self.segment == reading.segment && self.from <= reading.from && reading.from < end;
        let enough = there
            && (reading.to <= end || end - reading.from >= want as u64 || {
                let at = (reading.from - self.from) as usize;
                want == BLOCK && segment::record_at(&self.bytes, at, reading.after).is_some()
            });
        if enough {
            return Ok(());
        }
        let failed = || format!("read {}", reading.path.display());
        let limit = (reading.to - reading.from).min(want as u64);
        self.bytes.clear();
        (self.segment, self.from) = (reading.segment, reading.from);
        self.bytes = fs.read(&reading.path, reading.from, limit).with_context(failed)?;
        if (self.bytes.len() as u64) < limit {
            bail!("read {}: it is shorter than it was", reading.path.display());
        }
        Ok(())
    }
}
