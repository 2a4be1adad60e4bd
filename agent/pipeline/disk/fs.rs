//! What a disk queue asks of a file system, so that a test can give it one that tears, loses and fails.

use std::any::Any;
use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file system. Everything is found by its path; what is written outlives the machine only once synced.
pub(super) trait FileSystem: Debug + Send + Sync {
    /// Makes a directory and those above it, where they are not there.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Holds a file, made if it is not there, against all other processes; None if one of them holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;
    /// The paths in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Up to `most` bytes of a file, from the place `from`.
    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>>;
    /// A new file, in the place of what may be there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>>;
    /// A file that is there, to be written to at its end.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Appended>>;
    /// Gives a file another name, in the place of what may have it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names of a directory outlive the machine.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// Something that is held as long as it lives.
pub(super) type Lock = Box<dyn Any + Send + Sync>;

/// A file that is written at its end.
pub(super) trait Appended: Debug + Send {
    /// Writes at the end; after an error some of the bytes may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts it to a length.
    fn cut(&mut self, len: u64) -> io::Result<()>;
    /// Makes its content outlive the machine.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug)]
pub(super) struct Local;

impl FileSystem for Local {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(directory)?.map(|entry| entry.map(|e| e.path())).collect()
    }

    fn read(&self, path: &Path, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let there = file.metadata()?.len().saturating_sub(from).min(most);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::with_capacity(there as usize);
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        Ok(Box::new(OpenOptions::new().create(true).truncate(true).write(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        // Only Unix gives a handle for it; elsewhere the system keeps names itself.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }
}

impl Appended for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::Start(len)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
