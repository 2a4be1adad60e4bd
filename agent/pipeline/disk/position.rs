//! Which records of the segments are done: all below a number, ranges above it, and metrics of some in between.
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
    /// So are these.
    pub(super) done: Ranges,
    /// Of these records the metrics so marked are done.
    pub(super) partial: BTreeMap<u64, Vec<bool>>,
}

/// In the place of a number of metrics: a range of records follows, of which all are done.
const RANGE: u32 = u32::MAX;

/// A set of numbers, kept as ranges: from each key to its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    pub(super) fn insert(&mut self, number: u64) {
        let first = match self.0.range(..=number).next_back() {
            Some((_, last)) if *last >= number => return,
            Some((first, last)) if last + 1 == number => *first,
            _ => number,
        };
        let last = number.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(number);
        self.0.insert(first, last);
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    /// The largest number, or 0.
    pub(super) fn last(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, last)| *last)
    }

    /// Removes the numbers below `low`.
    pub(super) fn forget_below(&mut self, low: u64) {
        let mut kept = self.0.split_off(&low);
        if self.last() >= low {
            kept.insert(low, self.last());
        }
        self.0 = kept;
    }
}

impl Position {
    /// How many metrics of a record are not done.
    pub(super) fn left(&self, number: u64, metrics: usize) -> usize {
        let done = match self.partial.get(&number) {
            _ if number < self.low || self.done.contains(number) => metrics,
            Some(marks) => marks.iter().filter(|done| **done).count(),
            None => 0,
        };
        metrics.saturating_sub(done)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = self.low.to_le_bytes().to_vec();
        for (first, last) in &self.done.0 {
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&RANGE.to_le_bytes());
            out.extend_from_slice(&last.to_le_bytes());
        }
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
            let len = u32::from_le_bytes(*len);
            if len == RANGE {
                let (last, after) = after.split_first_chunk()?;
                position.done.0.insert(u64::from_le_bytes(*number), u64::from_le_bytes(*last));
                rest = after;
                continue;
            }
            let len = len as usize;
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
            let mut done = Ranges::default();
            (low + 7..low + 9).for_each(|number| done.insert(number));
            position = Position { low, done, partial: [(low + 2, vec![true, false, low % 2 == 0])].into() };
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

    #[test]
    fn ranges_are_the_set_of_what_was_put_in() {
        let mut random = super::super::tests::Random::new(1);
        let (mut ranges, mut set) = (Ranges::default(), std::collections::BTreeSet::new());
        for round in 0..2000 {
            let number = random.below(300) as u64 + 1;
            ranges.insert(number);
            set.insert(number);
            if round % 50 == 49 {
                ranges.forget_below(number);
                set = set.split_off(&number);
            }
            assert!((0..310).all(|n| ranges.contains(n) == set.contains(&n)));
            assert_eq!(ranges.last(), set.last().copied().unwrap_or(0));
            let apart = ranges.0.iter().zip(ranges.0.iter().skip(1)).all(|(a, b)| a.1 + 1 < *b.0);
            assert!(apart && ranges.0.iter().all(|(first, last)| first <= last));
        }
    }
}
