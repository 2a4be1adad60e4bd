//! Hashes of a series: one seeded by the process for tables, one that never changes for partitions.

use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// The state of the process: senders cannot foresee collisions.
pub(super) fn state() -> &'static RandomState {
    static STATE: OnceLock<RandomState> = OnceLock::new();
    STATE.get_or_init(RandomState::default)
}

/// The hash of name and sorted tags, never 0; differs from process to process.
pub(super) fn series<'a>(name: &str, tags: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut h = state().build_hasher();
    write(&mut h, name);
    for (k, v) in tags {
        write(&mut h, k);
        write(&mut h, v);
    }
    h.finish().max(1)
}

/// The hash of a key; differs from process to process.
#[inline]
pub(super) fn text(text: &str) -> u64 {
    state().hash_one(text)
}

fn write(h: &mut impl Hasher, text: &str) {
    h.write(text.as_bytes());
    h.write_u32(text.len() as u32);
}

/// The hash of name and sorted tags for partitions on other machines: FNV-1a, 64 bits, each part ended by a line feed. It is
/// the same in every version and on every machine.
pub fn partition<'a>(name: &str, tags: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |text: &str| {
        for b in text.bytes().chain([b'\n']) {
            h = (h ^ b as u64).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    add(name);
    for (k, v) in tags {
        add(k);
        add(v);
    }
    h
}

/// The hasher for tables whose keys are series hashes already: passes them through.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeriesState;

/// See [`SeriesState`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SeriesHasher(u64);

impl BuildHasher for SeriesState {
    type Hasher = SeriesHasher;
    fn build_hasher(&self) -> SeriesHasher {
        SeriesHasher(0)
    }
}

impl Hasher for SeriesHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = (self.0 ^ b as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
