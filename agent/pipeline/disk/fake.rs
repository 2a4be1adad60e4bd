//! A file system in memory for tests: it tears what is not synced at a crash, loses pages of it, and fails when told to.

use super::fs::{Appended, FileSystem, Lock};
use super::tests::Random;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Pages are lost whole.
const PAGE: usize = 512;

#[derive(Debug)]
pub(super) struct Fake {
    disk: Arc<Mutex<Contents>>,
}

#[derive(Debug)]
struct Contents {
    files: Vec<File>,
    /// Which file has which name, now and on the disk.
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    locks: Vec<std::sync::Weak<()>>,
    random: Random,
    /// Calls of a thousand that fail.
    failing: usize,
    full: bool,
    /// All that would change something is refused so.
    refusing: Option<ErrorKind>,
}

#[derive(Debug, Default)]
struct File {
    data: Vec<u8>,
    synced: Vec<u8>,
    /// Written, failed to be synced, and taken for clean: never on the disk unless written again.
    lost: Vec<std::ops::Range<usize>>,
}

impl File {
    /// The content with the pages lost that a failed sync lost.
    fn holed(&self) -> Vec<u8> {
        let mut data = self.data.clone();
        for range in &self.lost {
            let end = range.end.min(data.len());
            data[range.start.min(end)..end].fill(0);
        }
        data
    }
}

impl Contents {
    fn fails(&mut self) -> bool {
        self.failing > 0 && self.random.below(1000) < self.failing
    }

    fn check(&mut self) -> io::Result<()> {
        if self.fails() { Err(io::Error::other("input/output error")) } else { Ok(()) }
    }

    /// As `check`, for a call that changes something.
    fn check_change(&mut self) -> io::Result<()> {
        self.refusing.map_or_else(|| self.check(), |kind| Err(kind.into()))
    }

    fn named(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Fake {
    pub(super) fn new(seed: u64) -> Self {
        let contents = Contents {
            files: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            locks: Vec::new(),
            random: Random::new(seed),
            failing: 0,
            full: false,
            refusing: None,
        };
        Fake { disk: Arc::new(Mutex::new(contents)) }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.disk.lock().unwrap()
    }

    /// From now on so many calls of a thousand fail; writes do if it is `full`.
    pub(super) fn fail(&self, of_thousand: usize, full: bool) {
        let mut disk = self.lock();
        (disk.failing, disk.full) = (of_thousand, full);
    }

    /// From now on all that would change something is refused so, or nothing is.
    pub(super) fn refuse(&self, how: Option<ErrorKind>) {
        self.lock().refusing = how;
    }

    /// Puts a file there, as another agent has left it.
    pub(super) fn put(&self, path: &Path, data: Vec<u8>) {
        let mut disk = self.lock();
        let file = disk.files.len();
        disk.files.push(File { synced: data.clone(), data, lost: Vec::new() });
        disk.names.insert(path.to_owned(), file);
        disk.synced_names.insert(path.to_owned(), file);
    }

    /// The machine loses its power: of what is not synced, some is on the disk.
    pub(super) fn crash(&self) {
        let mut disk = self.lock();
        let disk = &mut *disk;
        let paths: Vec<PathBuf> = disk.names.keys().chain(disk.synced_names.keys()).cloned().collect();
        for path in paths {
            let (now, synced) = (disk.names.get(&path).copied(), disk.synced_names.get(&path).copied());
            match if disk.random.below(2) == 0 { now } else { synced } {
                Some(file) => drop(disk.names.insert(path, file)),
                None => drop(disk.names.remove(&path)),
            }
        }
        disk.synced_names = disk.names.clone();
        for file in &mut disk.files {
            let mut data = file.holed();
            if !data.starts_with(&file.synced) {
                // It was cut, and perhaps written to again.
                if disk.random.below(2) == 0 {
                    data.clone_from(&file.synced);
                }
            } else if data.len() > file.synced.len() {
                let more = data.len() - file.synced.len();
                data.truncate(file.synced.len() + disk.random.below(more + 1));
                if disk.random.below(3) == 0 {
                    let page = disk.random.below(data.len() / PAGE + 1) * PAGE;
                    let from = page.max(file.synced.len()).min(data.len());
                    let to = (page + PAGE).min(data.len()).max(from);
                    data[from..to].fill(0);
                }
            }
            *file = File { synced: data.clone(), data, lost: Vec::new() };
        }
        disk.locks.clear();
        (disk.failing, disk.full) = (0, false);
    }

    /// The files whose names end so.
    pub(super) fn files(&self, end: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let disk = self.lock();
        let named = disk.names.iter().filter(|(path, _)| path.to_string_lossy().ends_with(end));
        named.map(|(path, file)| (path.clone(), disk.files[*file].data.clone())).collect()
    }

    /// Flips a bit of a file, also on the disk.
    pub(super) fn flip(&self, path: &Path, byte: usize, bit: usize) {
        let mut disk = self.lock();
        let file = disk.names[path];
        let file = &mut disk.files[file];
        file.data[byte] ^= 1 << bit;
        if let Some(synced) = file.synced.get_mut(byte) {
            *synced ^= 1 << bit;
        }
    }
}

impl FileSystem for Fake {
    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        self.lock().check_change()
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Lock>> {
        let mut disk = self.lock();
        disk.check()?;
        disk.locks.retain(|held| held.strong_count() > 0);
        if !disk.locks.is_empty() {
            return Ok(None);
        }
        let held = Arc::new(());
        disk.locks.push(Arc::downgrade(&held));
        Ok(Some(Box::new(held)))
    }

    fn list(&self, _directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut disk = self.lock();
        disk.check()?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut disk = self.lock();
        let file = disk.named(path)?;
        disk.check()?;
        let data = &disk.files[file].data;
        let from = (from as usize).min(data.len());
        Ok(data[from..from + (most.min((data.len() - from) as u64) as usize)].to_vec())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let mut disk = self.lock();
        disk.check_change()?;
        let file = disk.files.len();
        disk.files.push(File::default());
        disk.names.insert(path.to_owned(), file);
        Ok(Box::new(Open { disk: self.disk.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let mut disk = self.lock();
        disk.check()?;
        let file = disk.named(path)?;
        Ok(Box::new(Open { disk: self.disk.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.check_change()?;
        let file = disk.named(from)?;
        disk.names.remove(from);
        disk.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.check_change()?;
        disk.names.remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.check()?;
        disk.synced_names = disk.names.clone();
        Ok(())
    }
}

#[derive(Debug)]
struct Open {
    disk: Arc<Mutex<Contents>>,
    file: usize,
}

impl Appended for Open {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        let whole = if disk.full { Err(ErrorKind::StorageFull.into()) } else { disk.check_change() };
        let n = if whole.is_ok() { bytes.len() } else { disk.random.below(bytes.len() + 1) };
        disk.files[self.file].data.extend_from_slice(&bytes[..n]);
        whole
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        disk.check()?;
        let file = &mut disk.files[self.file];
        file.data.resize(len as usize, 0);
        file.lost.iter_mut().for_each(|range| range.end = range.end.min(len as usize));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.lock().unwrap();
        let failed = disk.check();
        let file = &mut disk.files[self.file];
        match failed {
            Ok(()) => file.synced = file.holed(),
            Err(_) => file.lost.push(file.synced.len()..file.data.len()),
        }
        failed
    }
}
