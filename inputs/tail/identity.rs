//! Which file a path stands for: its number on the disk, and a fingerprint of its begin, as numbers are given anew.

use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;

/// The number of a file; all 0 where the system gives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Number {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Number {
    #[cfg(unix)]
    pub(super) fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Number { device: meta.dev(), inode: meta.ino() }
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Self {
        Number::default()
    }
}

/// A fingerprint of the first bytes of a file, which do not change while it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    len: u64,
    hash: u64,
}

/// So many bytes count.
const LEN: u64 = 256;

impl Default for Head {
    /// That of a file of which nothing was read.
    fn default() -> Self {
        Head { len: 0, hash: fnv(&[]) }
    }
}

impl Head {
    /// That of a file that was read up to `offset`.
    pub(super) fn of(file: &File, offset: u64) -> io::Result<Self> {
        let len = offset.min(LEN);
        Ok(Head { len, hash: hash(file, len)? })
    }

    /// True if a file begins with the same bytes.
    pub(super) fn fits(&self, file: &File) -> bool {
        hash(file, self.len).is_ok_and(|hash| hash == self.hash)
    }

    /// True if more bytes can be taken in.
    pub(super) fn is_short(&self) -> bool {
        self.len < LEN
    }
}

/// FNV-1a of the first `len` bytes; an error if there are fewer.
fn hash(file: &File, len: u64) -> io::Result<u64> {
    let mut bytes = [0; LEN as usize];
    // `len` is at most that of the array, but for a state that somebody has edited.
    let part = bytes.get_mut(..len as usize).ok_or(io::ErrorKind::InvalidData)?;
    read_at_start(file, part)?;
    Ok(fnv(part))
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(unix)]
fn read_at_start(file: &File, to: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, to, 0)
}

#[cfg(not(unix))]
fn read_at_start(file: &File, to: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = file;
    let at = file.stream_position()?;
    file.seek(SeekFrom::Start(0))?;
    let read = file.read_exact(to);
    file.seek(SeekFrom::Start(at))?;
    read
}

/// A place in a file, to be found again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) number: Number,
    pub(super) head: Head,
}

impl Place {
    /// True if the place is in this file.
    pub(super) fn is_in(&self, file: &File, meta: &Metadata) -> bool {
        self.number == Number::of(meta) && meta.len() >= self.offset && self.head.fits(file)
    }
}
