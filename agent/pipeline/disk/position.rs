//! Which records of the segments are done: all below a number, and metrics of some above it.
//!
//! Positions are appended to a file of their own, so that storing one costs a write of some forty bytes; the last that is
//! whole counts, and a file grown large is begun anew. A position that is lost costs metrics sent twice, never metrics.

use super::fs::{Appended, FileSystem};
use super::segment;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the output is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// All records of smaller numbers are done.
    pub(super) low: u64,
    /// Of these records the metrics so marked are done.
    pub(super) partial: BTreeMap<u64, Vec<bool>>,
}

impl Position {
    /// How many metrics of a record are not done.
    pub(super) fn left(&self, number: u64, metrics: usize) -> usize {
        let done = match self.partial.get(&number) {
            _ if number < self.low => metrics,
            Some(marks) => marks.iter().filter(|done| **done).count(),
            None => 0,
        };
        metrics.saturating_sub(done)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = self.low.to_le_bytes().to_vec();
        for (number, marks) in &self.partial {
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&(marks.len() as u32).to_le_bytes());
            out.extend(marks.chunks(8).map(|c| c.iter().enumerate().fold(0, |b, (i, done)| b | u8::from(*done) << i)));
        }
        out
    }

    /// None if the bytes are no position.
    fn read(bytes: &[u8]) -> Option<Position> {
        let (low, mut rest) = bytes.split_first_chunk()?;
        let mut position = Position { low: u64::from_le_bytes(*low), ..Position::default() };
        while !rest.is_empty() {
            let (number, after) = rest.split_first_chunk()?;
            let (len, after) = after.split_first_chunk()?;
            let len = u32::from_le_bytes(*len) as usize;
            let (bits, after) = after.split_at_checked(len.div_ceil(8))?;
            let marks = (0..len).map(|i| bits[i / 8] >> (i % 8) & 1 == 1).collect();
            position.partial.insert(u64::from_le_bytes(*number), marks);
            rest = after;
        }
        Some(position)
    }
}

/// The file of positions.
#[derive(Debug)]
pub(super) struct PositionFile {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    /// None: it has to be begun anew.
    file: Option<Box<dyn Appended>>,
    len: u64,
    number: u64,
}

/// A file of this size is begun anew.
const LONG: u64 = 256 << 10;

impl PositionFile {
    /// Reads the last position; none yet is the begin. Writes nothing, so that a full disk can be read and so emptied.
    pub(super) fn open(fs: Arc<dyn FileSystem>, directory: &Path) -> io::Result<(PositionFile, Position)> {
        let path = directory.join("position");
        let bytes = match fs.read(&path, 0, u64::MAX) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let (mut position, mut at, mut number) = (Position::default(), 0, 0);
        while let Some(record) = segment::next(&bytes, at, number) {
            (at, number) = (record.end, record.number);
            position = Position::read(record.payload).unwrap_or(position);
        }
        Ok((PositionFile { fs, path, file: None, len: 0, number: 0 }, position))
    }

    /// Stores a position; not yet synced.
    pub(super) fn write(&mut self, position: &Position) -> io::Result<()> {
        self.number += 1;
        let mut bytes = Vec::new();
        segment::put(self.number, 0, &position.write(), &mut bytes);
        let Some(file) = self.file.as_mut().filter(|_| self.len <= LONG) else {
            return self.begin(position);
        };
        // Half a record is no harm: the next that is whole is found behind it.
        file.append(&bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// A file with one position, in the place of the one that is there.
    fn begin(&mut self, position: &Position) -> io::Result<()> {
        self.file = None;
        let beside = self.path.with_extension("new");
        let mut bytes = Vec::new();
        segment::put(1, 0, &position.write(), &mut bytes);
        let mut file = self.fs.create(&beside)?;
        file.append(&bytes)?;
        file.sync()?;
        drop(file);
        self.fs.rename(&beside, &self.path)?;
        self.file = Some(self.fs.open(&self.path)?);
        (self.len, self.number) = (0, 1);
        Ok(())
    }

    /// Makes what was written outlive the machine.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let synced = self.file.as_mut().map_or(Ok(()), |file| file.sync());
        if synced.is_err() {
            // What the disk holds of it is unknown now.
            self.file = None;
        }
        synced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_position_counts() {
        let folder = super::super::tests::Folder::new();
        let fs: Arc<dyn FileSystem> = Arc::new(super::super::fs::Local);
        let open = || PositionFile::open(fs.clone(), &folder.0).unwrap();
        let (mut file, first) = open();
        assert_eq!(first, Position::default());
        let mut position = Position::default();
        for low in 1..9000 {
            position = Position { low, partial: [(low + 2, vec![true, false, low % 2 == 0])].into() };
            file.write(&position).unwrap();
        }
        file.file.as_mut().unwrap().append(b"torn").unwrap();
        assert!(std::fs::metadata(folder.0.join("position")).unwrap().len() < 2 * LONG);
        assert_eq!(open().1, position);
        let (mut file, _) = open();
        position.low += 1;
        file.write(&position).unwrap();
        assert_eq!(open().1, position);
    }
}
