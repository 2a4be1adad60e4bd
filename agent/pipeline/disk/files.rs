//! The files of a disk queue: found at the start, appended to, synced, removed.
//!
//! A run never appends to a segment of an earlier run. What was appended by a call that failed is cut off again, so that
//! the records of a segment are those that were said to be stored.

use super::entry::Place;
use super::position::{Position, PositionFile};
use super::segment::{self, HEADER, Header};
use super::state::{Leftover, Segment};
use agent_api::metric::Packed;
use agent_api::{Context, Log, Result, View, bail};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// So many bytes are encoded and written at once, about.
const BLOCK: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// Held, so that no other process uses the directory.
    _lock: File,
    position: PositionFile,
    active: Option<Active>,
    /// Full segments that are not synced yet.
    full: Vec<Active>,
    /// A segment of this size is full.
    size: u64,
}

#[derive(Debug)]
struct Active {
    file: File,
    path: PathBuf,
    first: u64,
    end: u64,
    /// Up to here it outlives the machine.
    synced: u64,
}

/// What was stored, and what was begun for it.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) segments: Vec<(u64, PathBuf)>,
    pub(super) records: Vec<(u64, Place)>,
}

impl Files {
    /// Opens the directory, made if it is not there, and looks for what an earlier run left in it.
    pub(super) fn open(directory: &Path, size: u64, log: &Log) -> Result<(Files, Leftover)> {
        let shown = directory.display();
        std::fs::create_dir_all(directory).with_context(|| format!("create {shown}"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"));
        let lock = lock.with_context(|| format!("open {shown}/lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("lock {shown}: another agent or output is using it"),
            Err(TryLockError::Error(e)) => return Err(e).with_context(|| format!("lock {shown}")),
        }
        let (file, position) = PositionFile::open(directory).with_context(|| format!("read {shown}/position"))?;
        let left = leftover(directory, position, log)?;
        let files = Files {
            directory: directory.to_owned(),
            _lock: lock,
            position: file,
            active: None,
            full: Vec::new(),
            size,
        };
        Ok((files, left))
    }

    /// Appends records; what `stored` says when it fails has been stored all the same.
    pub(super) fn append(&mut self, records: &[(u64, View)], stored: &mut Stored) -> Result<()> {
        let (mut bytes, mut payload, mut at) = (Vec::new(), Vec::new(), 0);
        while at < records.len() {
            self.roll(records[at].0, stored)?;
            let Some(active) = &mut self.active else { break };
            bytes.clear();
            let (mut end, mut places) = (active.end, Vec::new());
            while at < records.len() && bytes.len() < BLOCK {
                let (number, view) = &records[at];
                payload.clear();
                Packed::new(view).write(&mut payload);
                if payload.len() > segment::PAYLOAD_MAX {
                    bail!("store {} metrics: {} bytes are too large for a record", view.len(), payload.len());
                }
                segment::put(*number, view.len() as u32, &payload, &mut bytes);
                let start = std::mem::replace(&mut end, active.end + bytes.len() as u64);
                places.push((*number, Place { segment: active.first, start, end }));
                at += 1;
            }
            if let Err(e) = active.file.write_all(&bytes) {
                let error = Err(e).with_context(|| format!("write {}", active.path.display()));
                if active.file.set_len(active.end).is_err() || active.file.seek(SeekFrom::Start(active.end)).is_err() {
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
        let path = self.directory.join(format!("{first:020}.segment"));
        let failed = || format!("create {}", path.display());
        // One of this name holds nothing: all its records would have smaller numbers.
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).with_context(failed)?;
        file.write_all(&segment::header(first)).with_context(failed)?;
        sync_directory(&self.directory)?;
        stored.segments.push((first, path.clone()));
        self.full.extend(self.active.take());
        self.active = Some(Active { file, path, first, end: HEADER as u64, synced: HEADER as u64 });
        Ok(())
    }

    /// Makes all that was appended outlive the machine. If that fails nobody knows what the disk holds of it: it is cut off, and
    /// the segments are left. Gives their numbers and ends.
    pub(super) fn sync(&mut self) -> Result<(), (agent_api::Error, Vec<(u64, u64)>)> {
        let synced = self.full.iter_mut().chain(&mut self.active).try_for_each(|a| {
            let result = a.file.sync_data();
            result.map_err(|e| agent_api::Error::new(e).context(format!("sync {}", a.path.display())))?;
            a.synced = a.end;
            Ok(())
        });
        let full = self.full.drain(..);
        synced.map_err(|e| {
            let cut = |a: Active| {
                // Where it cannot be cut its records are found a second time, by the same numbers, and left out.
                drop(a.file.set_len(a.synced));
                (a.first, a.synced)
            };
            (e, full.chain(self.active.take()).map(cut).collect())
        })
    }

    /// Stores where the output is.
    pub(super) fn move_to(&mut self, position: &Position) -> Result<()> {
        self.position.write(position).with_context(|| format!("write {}/position", self.directory.display()))
    }

    /// Syncs the position.
    pub(super) fn sync_position(&self) -> Result<()> {
        self.position.sync().with_context(|| format!("sync {}/position", self.directory.display()))
    }
}

/// Makes new names in a directory outlive the machine.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(directory).and_then(|d| d.sync_all()).with_context(|| format!("sync {}", directory.display()))?;
    }
    Ok(())
}

/// The segments in a directory that hold something still.
fn leftover(directory: &Path, position: Position, log: &Log) -> Result<Leftover> {
    let mut names: Vec<(u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|e| e == "segment")) {
            names.push((number, path));
        }
    }
    names.sort();
    let (mut segments, mut last) = (VecDeque::new(), 0u64);
    let count = names.len();
    for (i, (first, path)) in names.into_iter().enumerate() {
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        if let Header::Version(version) = segment::read_header(&bytes) {
            bail!("read {}: it is of version {version}, which this agent does not know", path.display());
        }
        if segment::read_header(&bytes) == Header::Damaged {
            log.warn(format_args!(
                "disk queue: the header of {} is damaged; its records are read all the same",
                path.display()
            ));
        }
        last = last.max(first.saturating_sub(1));
        let (mut at, mut left) = (HEADER, 0);
        while let Some(record) = segment::next(&bytes, at, last) {
            if record.start > at {
                damaged(log, &path, at, record.start);
            }
            let done = match position.partial.get(&record.number) {
                _ if record.number < position.low => record.metrics as usize,
                Some(marks) => marks.iter().filter(|done| **done).count(),
                None => 0,
            };
            left += (record.metrics as usize).saturating_sub(done);
            (at, last) = (record.end, record.number);
        }
        if at < bytes.len() {
            let whole = segment::length(&bytes, at).is_some_and(|len| at + len <= bytes.len());
            if whole || i + 1 < count {
                damaged(log, &path, at, bytes.len());
            } else {
                let cut = bytes.len() - at;
                log.warn(format_args!(
                    "disk queue: cut {cut} bytes of an unfinished record at the end of {}",
                    path.display()
                ));
            }
            cut_at(&path, at as u64)?;
        }
        segments.push_back(Segment { first, path, end: at as u64, left, unread: left });
    }
    Ok(Leftover { segments, position, last })
}

fn cut_at(path: &Path, end: u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path).with_context(|| format!("open {}", path.display()))?;
    file.set_len(end).with_context(|| format!("cut {}", path.display()))
}

/// A damaged record, said with its place.
fn damaged(log: &Log, path: &Path, from: usize, to: usize) {
    log.error(format_args!("disk queue: skipped a damaged record, bytes {from} to {to} of {}", path.display()));
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
    pub(super) fn read(&mut self, reading: &super::state::Reading, log: &Log) -> Result<Option<super::state::Found>> {
        let mut want = BLOCK;
        loop {
            self.fill(reading, want)?;
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
                let batch = Packed::read(record.payload);
                if let Err(e) = &batch {
                    log.error(format_args!(
                        "disk queue: skipped a record of {} metrics, bytes {start} to {end} of {}: {e}",
                        record.metrics,
                        reading.path.display()
                    ));
                }
                super::state::Found { number: record.number, metrics: record.metrics as usize, batch, start, end }
            }));
        }
    }

    fn fill(&mut self, reading: &super::state::Reading, want: usize) -> Result<()> {
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
        let mut file = File::open(&reading.path).with_context(failed)?;
        file.seek(SeekFrom::Start(reading.from)).with_context(failed)?;
        self.bytes.clear();
        let limit = (reading.to - reading.from).min(want as u64);
        file.take(limit).read_to_end(&mut self.bytes).with_context(failed)?;
        (self.segment, self.from) = (reading.segment, reading.from);
        if (self.bytes.len() as u64) < limit {
            bail!("read {}: it is shorter than it was", reading.path.display());
        }
        Ok(())
    }
}
