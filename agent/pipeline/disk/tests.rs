//! A disk queue with its thread over real files.

use super::*;
use crate::config::Keys;
use agent_api::metric::{Outcome, Receipt};
use agent_api::stats::Counter;
use agent_api::{Batch, Value};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A folder that is gone with the value.
pub(in super::super) struct Folder(pub(in super::super) PathBuf);

impl Folder {
    pub(in super::super) fn new() -> Self {
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
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

pub(in super::super) fn settings(max_bytes: u64) -> DiskBuffer {
    DiskBuffer { directory: String::new(), sync: true, sync_interval: Duration::ZERO, max_bytes, keys: Keys::default() }
}

async fn open(directory: &Path, batch: usize) -> Disk {
    open_as(directory, batch, Queueing::default()).await
}

async fn open_as(directory: &Path, batch: usize, how: Queueing) -> Disk {
    let log = Log::new("outputs.test", None, Counter::default());
    let disk = Disk::new(directory.to_owned(), &settings(1 << 30), how, batch, log);
    disk.start();
    disk.opened().await;
    disk
}

pub(in super::super) fn metrics(from: i64, n: i64) -> Batch {
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

pub(in super::super) fn numbers(chunk: &Chunk) -> Vec<i64> {
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

#[tokio::test]
async fn beyond_its_size_the_oldest_go() {
    let folder = Folder::new();
    let log = Log::new("outputs.test", None, Counter::default());
    let disk = Disk::new(folder.0.clone(), &settings(300 << 10), Queueing::default(), 1000, log);
    disk.start();
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

#[tokio::test]
async fn one_that_waits_for_another_to_let_go_says_nothing() {
    let (folder, errors) = (Folder::new(), Counter::default());
    let first = open(&folder.0, 10).await;
    push_and_wait(&first, 0, 5).await;
    let log = Log::new("outputs.test", None, errors.clone());
    let second = Disk::new(folder.0.clone(), &settings(1 << 29), Queueing::default(), 10, log);
    second.push(View::all(metrics(5, 5)));
    first.close().await;
    drop(first);
    second.start();
    second.opened().await;
    assert_eq!((drain(&second).await, errors.read()), ((0..10).collect::<Vec<i64>>(), 0));
}

#[tokio::test]
async fn the_newest_give_way_or_senders_wait_where_asked() {
    for full in [Full::DropNewest, Full::Block] {
        let folder = Folder::new();
        let log = Log::new("outputs.test", None, Counter::default());
        let how = Queueing { full, ..Queueing::default() };
        let disk = Disk::new(folder.0.clone(), &settings(300 << 10), how, 1000, log);
        disk.start();
        disk.opened().await;
        let mut pushed = 0;
        while pushed < 100_000 && disk.has_room() {
            let (tell, told) = tokio::sync::oneshot::channel();
            let mut batch = metrics(pushed, 1000);
            batch.set_receipt(Receipt::new(move |outcome| assert!(tell.send(outcome).is_ok())));
            disk.push(View::all(batch));
            assert!(told.await.is_ok());
            pushed += 1000;
        }
        let (left, dropped) = (disk.len() as i64, disk.take_dropped() as i64);
        assert_eq!(left + dropped, pushed);
        assert_eq!((dropped > 0, pushed < 100_000), (full == Full::DropNewest, full == Full::Block));
        assert_eq!(drain(&disk).await, (0..left).collect::<Vec<i64>>());
        assert!(disk.has_room());
    }
}

#[tokio::test]
async fn what_is_fresh_never_waits_for_a_backlog() {
    let folder = Folder::new();
    let how = Queueing { order: Order::NewestFirst, ..Queueing::default() };
    let (backlog, all) = (20_000, 20_200);
    let disk = open_as(&folder.0, 1000, how).await;
    for from in (0..backlog).step_by(500) {
        push_and_wait(&disk, from, 500).await;
    }
    disk.close().await;
    drop(disk);

    // Of the backlog a batch at a time, of what comes meanwhile everything at once.
    let disk = open_as(&folder.0, 1000, how).await;
    let mut old = Vec::new();
    for fresh in (backlog..all).step_by(20) {
        let before = disk.take(false).await;
        push_and_wait(&disk, fresh, 20).await;
        old.extend(numbers(&before));
        disk.settle(before, Settled::Delivered);
        let chunk = disk.take(false).await;
        let found = numbers(&chunk);
        assert_eq!(found[found.len() - 20..], (fresh..fresh + 20).collect::<Vec<i64>>());
        old.extend(&found[..found.len() - 20]);
        disk.settle(chunk, Settled::Delivered);
    }
    assert_eq!(old, (0..old.len() as i64).collect::<Vec<i64>>());
    assert_eq!(disk.len() as i64, backlog - old.len() as i64);
    disk.close().await;
    drop(disk);

    // Which of them are done is known to the metric afterwards, and to an agent that sends the oldest first as well.
    let left: Vec<i64> = (old.len() as i64..backlog).collect();
    assert_eq!(drain(&open(&folder.0, 1000).await).await, left);
}
