//! A disk queue against a plain list, over real files: no metric lost, none invented, none out of order.

use super::*;
use agent_api::metric::{Outcome, Packed, Receipt};
use agent_api::stats::Counter;
use agent_api::{Batch, Value};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A folder that is gone with the value.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("agent-disk-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Repeatable numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

fn settings(max_bytes: u64) -> DiskBuffer {
    DiskBuffer { directory: String::new(), sync: true, sync_interval: Duration::ZERO, max_bytes }
}

async fn open(directory: &Path, batch: usize) -> Disk {
    let log = Log::new("outputs.test", None, Counter::default());
    let disk = Disk::new(directory.to_owned(), &settings(1 << 30), batch, log);
    disk.opened().await;
    disk
}

fn metrics(from: i64, n: i64) -> Batch {
    let mut batch = Batch::new();
    for i in from..from + n {
        batch.metric("m").tag("host", "a").field("i", i).field("text", "some text").time(i);
    }
    batch
}

/// Pushes metrics and waits until they are said to be kept.
async fn push_and_wait(disk: &Disk, from: i64, n: i64) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut batch = metrics(from, n);
    batch.set_receipt(Receipt::new(move |outcome| assert!(tell.send(outcome).is_ok())));
    disk.push(View::all(batch));
    assert_eq!(told.await, Ok(Outcome::Delivered));
}

fn numbers(chunk: &Chunk) -> Vec<i64> {
    chunk.iter().filter_map(|m| if let Some(Value::Int(v)) = m.field("i") { Some(v) } else { None }).collect()
}

/// All that is in the queue.
async fn drain(disk: &Disk) -> Vec<i64> {
    let mut all = Vec::new();
    loop {
        let chunk = disk.take(false).await;
        if chunk.is_empty() {
            return all;
        }
        all.extend(numbers(&chunk));
        disk.settle(chunk, Settled::Delivered);
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut segments: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == "segment")).collect();
    segments.sort();
    segments
}

/// Flips a bit of some record that is whole; gives the metrics that it held.
fn flip(folder: &Path, random: &mut Random) -> Vec<i64> {
    let segments = segments(folder);
    let Some(path) = segments.get(random.below(segments.len().max(1))) else { return Vec::new() };
    let mut bytes = std::fs::read(path).unwrap();
    let (mut at, mut last, mut records) = (segment::HEADER, 0, Vec::new());
    while let Some(record) = segment::next(&bytes, at, last) {
        let batch = Packed::read(record.payload).unwrap();
        records.push((record.start, record.end, numbers(&Chunk::from(batch))));
        (at, last) = (record.end, record.number);
    }
    if records.is_empty() {
        return Vec::new();
    }
    let (start, end, lost) = records.swap_remove(random.below(records.len()));
    let byte = start + random.below(end - start);
    bytes[byte] ^= 1 << random.below(8);
    std::fs::write(path, bytes).unwrap();
    lost
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        // The thread may remove a segment that is done just now.
        if let Ok(bytes) = std::fs::read(&path) {
            std::fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
}

/// One random sequence of all that can happen to a queue.
async fn sequence(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut folder = Folder::new();
    let batch = 1 + random.below(400);
    let mut disk = open(&folder.0, batch).await;
    let (mut model, mut next) = (VecDeque::new(), 0i64);
    for _ in 0..40 {
        match random.below(10) {
            0..=3 => {
                let most = if random.below(3) == 0 { 600 } else { 20 };
                let n = 1 + random.below(most) as i64;
                if random.below(4) == 0 {
                    push_and_wait(&disk, next, n).await;
                } else {
                    disk.push(View::all(metrics(next, n)));
                }
                model.extend(next..next + n);
                next += n;
            }
            4..=5 => {
                let chunk = disk.take(random.below(2) == 0).await;
                let n = chunk.len();
                assert!(n <= batch);
                assert_eq!(numbers(&chunk), model.drain(..n).collect::<Vec<i64>>(), "seed {seed}");
                disk.settle(chunk, Settled::Delivered);
            }
            6 => {
                let chunk = disk.take(false).await;
                disk.put_back(chunk);
            }
            7 => {
                // The second half was written, the first is tried again.
                let chunk = disk.take(false).await;
                let (n, half) = (chunk.len(), chunk.len() / 2);
                let (first, second) = (chunk.part(0, half), chunk.part(half, n));
                drop(model.drain(half..n));
                disk.settle(second, Settled::Delivered);
                disk.put_back(first);
            }
            8 => {
                disk.close().await;
                match random.below(3) {
                    0 => {
                        if let Some(path) = segments(&folder.0).last() {
                            let mut bytes = std::fs::read(path).unwrap();
                            let mut torn = Vec::new();
                            segment::put(u64::MAX, 5, &[7; 100], &mut torn);
                            bytes.extend_from_slice(&torn[..random.below(torn.len())]);
                            std::fs::write(path, bytes).unwrap();
                        }
                    }
                    1 => {
                        let lost = flip(&folder.0, &mut random);
                        model.retain(|i| !lost.contains(i));
                    }
                    _ => {}
                }
                disk = open(&folder.0, batch).await;
            }
            _ => {
                // Killed: what was said to be kept is there, and what was done shortly before may be there again.
                push_and_wait(&disk, next, 1).await;
                model.push_back(next);
                next += 1;
                let other = Folder::new();
                copy(&folder.0, &other.0);
                disk.close().await;
                disk = open(&other.0, batch).await;
                folder = other;
                let found = drain(&disk).await;
                let known = model.iter().all(|i| found.binary_search(i).is_ok());
                assert!(known && found.is_sorted() && found.iter().all(|i| (0..next).contains(i)), "seed {seed}");
                model.clear();
            }
        }
        assert_eq!(disk.len(), model.len(), "seed {seed}");
    }
    disk.close().await;
    drop(disk);
    let disk = open(&folder.0, batch).await;
    assert_eq!(drain(&disk).await, Vec::from(model), "seed {seed}");
    disk.close().await;
    assert_eq!(segments(&folder.0), Vec::<PathBuf>::new(), "seed {seed}");
}

#[tokio::test]
async fn loses_and_invents_nothing() {
    for seed in 1..=60 {
        sequence(seed).await;
    }
}

#[tokio::test]
async fn beyond_its_size_the_oldest_go() {
    let folder = Folder::new();
    let log = Log::new("outputs.test", None, Counter::default());
    let disk = Disk::new(folder.0.clone(), &settings(300 << 10), 1000, log);
    let mut taken = disk.take(false).await;
    for from in (0..100_000).step_by(1000) {
        push_and_wait(&disk, from, 1000).await;
        if from == 0 {
            taken = disk.take(false).await;
        }
    }
    assert_eq!(numbers(&taken), (0..1000).collect::<Vec<i64>>());
    disk.put_back(taken);
    let (left, dropped) = (disk.len(), disk.take_dropped());
    assert_eq!(left + dropped, 100_000);
    assert!(left > 0 && dropped > 0);
    assert_eq!(drain(&disk).await, (dropped as i64..100_000).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_disk_that_fails_is_used_when_it_works_again() {
    let folder = Folder::new();
    let directory = folder.0.join("queue");
    std::fs::write(&directory, "in the way").unwrap();
    let disk = open(&directory, 10).await;
    disk.push(View::all(metrics(0, 15)));
    let chunk = disk.take(false).await;
    assert_eq!(numbers(&chunk), (0..10).collect::<Vec<i64>>());
    disk.settle(chunk.part(0, 4), Settled::Delivered);
    disk.put_back(chunk.part(4, 10));
    std::fs::remove_file(&directory).unwrap();
    push_and_wait(&disk, 15, 5).await;
    disk.close().await;
    drop(disk);
    assert_eq!(drain(&open(&directory, 10).await).await, (4..20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn one_directory_has_one_user() {
    let folder = Folder::new();
    let first = open(&folder.0, 10).await;
    push_and_wait(&first, 0, 5).await;
    let second = open(&folder.0, 10).await;
    assert!(second.core.lock().disk_failing);
    first.close().await;
    drop(first);
    push_and_wait(&second, 5, 5).await;
    assert_eq!(drain(&second).await, (0..10).collect::<Vec<i64>>());
}
