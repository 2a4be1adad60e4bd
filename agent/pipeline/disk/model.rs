//! The queue against a plain list, over a file system that tears, loses and fails: nothing accepted is lost, nothing invented,
//! nothing out of order, or with the newest first nothing old before what is fresh. Every sequence is repeatable: the queue's thread is taken step by step.

use super::entry::{Content, Entry};
use super::fake::Fake;
use super::tests::{Random, metrics, numbers, settings};
use super::*;
use crate::config::Keys;
use crate::pipeline::seal::{Keyring, Seal};
use agent_api::Secret;
use agent_api::metric::{Outcome, Packed, Receipt};
use agent_api::stats::Counter;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Outcomes by the first metric of each push.
type Told = Arc<Mutex<Vec<(i64, Outcome)>>>;

/// Runs what may have to wait for a read.
fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local!(static RUNTIME: tokio::runtime::Runtime = {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    });
    RUNTIME.with(|runtime| runtime.block_on(future))
}

struct Model {
    seed: u64,
    random: Random,
    fs: Arc<Fake>,
    disk: Disk,
    thread: Thread,
    batch: usize,
    now: Instant,
    errors: Counter,
    order: Order,
    /// Every third sequence is encrypted, and its key changes now and then.
    keys: Keys,
    /// What the queue gives, oldest first.
    queue: Vec<i64>,
    /// Pushed since metrics were last taken.
    fresh: BTreeSet<i64>,
    /// What is on the disk and could not be opened yet; comes before.
    hidden: Vec<i64>,
    /// Pushes with a receipt that has not come back: from, to.
    waiting: Vec<(i64, i64)>,
    /// Acknowledged as kept and not written by the output.
    kept: BTreeSet<i64>,
    /// In a file, whether it is synced or not.
    stored: BTreeSet<i64>,
    next: i64,
    told: Told,
}

/// A key, by how many there were before.
fn key(before: usize) -> Secret {
    Secret::new(format!("a key of at least 32 characters, {before}"))
}

fn open(fs: &Arc<Fake>, order: Order, keys: &Keys, batch: usize, errors: &Counter) -> (Disk, Thread) {
    let log = Log::new("outputs.test", None, errors.clone());
    let settings = DiskBuffer { sync_interval: Duration::from_millis(50), keys: keys.clone(), ..settings(1 << 20) };
    let how = Queueing { order, ..Queueing::default() };
    let (disk, mut thread, told) = Disk::parts(fs.clone(), "/queue".into(), &settings, how, batch, log);
    told.send_replace(Phase::Ended);
    // Little memory, so that much is read back.
    disk.core.lock().held_max = 100 * batch;
    thread.start();
    (disk, thread)
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (fs, batch) = (Arc::new(Fake::new(seed)), 1 + random.below(400));
        let errors = Counter::default();
        let order = if seed.is_multiple_of(2) { Order::NewestFirst } else { Order::OldestFirst };
        let keys = Keys { current: seed.is_multiple_of(3).then(|| key(0)), old: Vec::new() };
        let (disk, thread) = open(&fs, order, &keys, batch, &errors);
        Model {
            seed,
            random,
            fs,
            disk,
            thread,
            batch,
            now: Instant::now(),
            errors,
            order,
            keys,
            queue: Vec::new(),
            fresh: BTreeSet::new(),
            hidden: Vec::new(),
            waiting: Vec::new(),
            kept: BTreeSet::new(),
            stored: BTreeSet::new(),
            next: 0,
            told: Told::default(),
        }
    }

    fn push(&mut self) {
        let most = if self.random.below(3) == 0 { 600 } else { 20 };
        let (from, to) = (self.next, self.next + 1 + self.random.below(most) as i64);
        let mut batch = metrics(from, to - from);
        if self.random.below(2) == 0 {
            let told = self.told.clone();
            batch.set_receipt(Receipt::new(move |outcome| told.lock().unwrap().push((from, outcome))));
            self.waiting.push((from, to));
        }
        self.disk.push(View::all(batch));
        self.queue.extend(from..to);
        self.fresh.extend(from..to);
        self.next = to;
    }

    /// The thread does its work; some time passes.
    fn step(&mut self, closing: bool) {
        self.now += Duration::from_millis(self.random.below(80) as u64);
        let hidden = self.thread.files.is_none();
        self.thread.step(self.now, closing);
        if hidden && self.thread.files.is_some() {
            let later = std::mem::take(&mut self.queue);
            self.queue.append(&mut self.hidden);
            self.queue.extend(later);
        }
        let failing = self.disk.core.lock().disk_failing;
        self.stored.extend(self.queue.iter().filter(|_| !failing));
        self.listen(Outcome::Delivered);
        if failing {
            // A sync that fails takes everything back into memory that nobody has been told of.
            self.stored.clone_from(&self.kept);
        }
    }

    /// What the senders have been told. A receipt that ends otherwise does so because the process has ended.
    fn listen(&mut self, expected: Outcome) {
        for (from, outcome) in std::mem::take(&mut *self.told.lock().unwrap()) {
            assert_eq!(outcome, expected, "seed {}", self.seed);
            let i = self.waiting.iter().position(|w| w.0 == from).unwrap();
            let (from, to) = self.waiting.swap_remove(i);
            if outcome == Outcome::Delivered {
                let queued: BTreeSet<i64> = self.queue.iter().copied().collect();
                self.kept.extend((from..to).filter(|i| queued.contains(i)));
            }
        }
    }

    /// What is in memory and was not taken.
    fn in_memory(&self) -> BTreeSet<i64> {
        let inner = self.disk.core.lock();
        let of = |entry: &Entry| match &entry.content {
            Content::Open(batch) => numbers(&Chunk::from(batch.clone())),
            Content::View(view) => numbers(&Chunk::from(view.untracked())),
        };
        inner.entries.iter().flat_map(of).collect()
    }

    fn take(&mut self, full: bool) -> Chunk {
        // What memory was too small for is read back when there is nothing else.
        let fresh: BTreeSet<i64> = self.fresh.intersection(&self.in_memory()).copied().collect();
        let disk = &self.disk;
        let chunk = wait(disk.take(full));
        let n = chunk.len();
        assert!(n <= self.batch);
        let taken = numbers(&chunk);
        if self.order == Order::OldestFirst {
            assert_eq!(taken, self.queue[..n], "seed {}", self.seed);
        } else if n > 0 {
            assert!(taken.is_sorted_by(|a, b| a < b), "seed {}: out of order", self.seed);
            let queued: BTreeSet<i64> = self.queue.iter().copied().collect();
            assert!(taken.iter().all(|i| queued.contains(i)), "seed {}: not what waits", self.seed);
            self.fresh.clear();
            let taken: BTreeSet<i64> = taken.into_iter().collect();
            let (all_fresh, only_fresh) = (fresh.is_subset(&taken), taken.is_subset(&fresh));
            assert!(all_fresh || only_fresh, "seed {}: something old before what is fresh", self.seed);
        }
        chunk
    }

    fn settle(&mut self, chunk: Chunk) {
        let done: BTreeSet<i64> = numbers(&chunk).into_iter().collect();
        self.queue.retain(|i| !done.contains(i));
        self.kept.retain(|i| !done.contains(i));
        self.stored.retain(|i| !done.contains(i));
        self.disk.settle(chunk, Settled::Delivered);
        self.listen(Outcome::Delivered);
    }

    /// The process ends: by itself, killed, or with the machine. Gives what must be there then, what may be damaged, and whether there
    /// may be more: what was written by the output and not noted.
    fn end(&mut self) -> (BTreeSet<i64>, BTreeSet<i64>, bool) {
        match self.random.below(3) {
            0 => {
                self.fs.fail(0, false);
                self.step(true);
                let all = self.queue.iter().copied().collect();
                let damaged = if self.random.below(2) == 0 { self.flip() } else { BTreeSet::new() };
                (&all - &damaged, &all & &damaged, false)
            }
            1 => (self.stored.clone(), BTreeSet::new(), true),
            _ => {
                self.fs.crash();
                (self.kept.clone(), BTreeSet::new(), true)
            }
        }
    }

    /// Flips a bit of a file; gives what its record holds.
    fn flip(&mut self) -> BTreeSet<i64> {
        let files = self.fs.files(".segment");
        if files.is_empty() {
            return BTreeSet::new();
        }
        let (path, bytes) = &files[self.random.below(files.len())];
        let at = self.random.below(bytes.len());
        self.fs.flip(path, at, self.random.below(8));
        let (mut start, mut last) = (segment::HEADER, 0);
        while let Some(record) = segment::next(bytes, start, last) {
            if (record.start..record.end).contains(&at) {
                let key = match segment::read_header(bytes) {
                    segment::Header::Whole(head) => Some(head.key),
                    _ => None,
                };
                let seal = Seal::of(key, &Keyring::new(&self.keys).unwrap());
                let payload = seal.unwrap().open(record.number, record.metrics, record.payload);
                return numbers(&Chunk::from(Packed::read(&payload.unwrap()).unwrap())).into_iter().collect();
            }
            (start, last) = (record.end, record.number);
        }
        BTreeSet::new()
    }

    /// The process is gone.
    fn leave(&mut self) {
        let (disk, thread) = open(&Arc::new(Fake::new(0)), self.order, &self.keys, self.batch, &Counter::default());
        drop((std::mem::replace(&mut self.disk, disk), std::mem::replace(&mut self.thread, thread)));
        self.fresh.clear();
    }

    /// The key changes, or goes, or comes.
    fn exchange_key(&mut self) {
        let next = (self.random.below(4) > 0).then(|| key(self.keys.old.len() + 1));
        self.keys.old.extend(std::mem::replace(&mut self.keys.current, next));
    }

    /// A new process takes over what is there.
    fn restart(&mut self) {
        let before = self.errors.read();
        let (expected, damaged, more) = self.end();
        self.leave();
        self.told.lock().unwrap().clear();
        self.waiting.clear();
        self.fs.fail(0, false);
        if self.seed.is_multiple_of(3) && self.random.below(3) == 0 {
            self.exchange_key();
        }
        (self.disk, self.thread) = open(&self.fs, self.order, &self.keys, self.batch, &self.errors);
        assert!(self.thread.files.is_some(), "seed {}", self.seed);

        let mut found = Vec::new();
        loop {
            let chunk = wait(self.disk.take(false));
            if chunk.is_empty() {
                break;
            }
            found.push(chunk);
        }
        self.queue = found.iter().flat_map(numbers).collect();
        let all: BTreeSet<i64> = self.queue.iter().copied().collect();
        assert!(self.queue.is_sorted_by(|a, b| a < b), "seed {}: out of order or twice", self.seed);
        assert!(all.iter().all(|i| (0..self.next).contains(i)), "seed {}: invented", self.seed);
        let lost: Vec<_> = expected.difference(&all).collect();
        assert!(lost.is_empty(), "seed {}: lost {} from {:?} on", self.seed, lost.len(), lost.first());
        let twice: Vec<_> = all.difference(&(&expected | &damaged)).copied().collect();
        assert!(more || twice.is_empty(), "seed {}: after a graceful end {twice:?} came again", self.seed);
        // The last record of all may look like one that was not finished, which is a warning.
        let lost = damaged.difference(&all).max();
        let told = self.errors.read() > before || lost.is_none_or(|lost| all.last() < Some(lost));
        assert!(told, "seed {}: damage and no word of it", self.seed);
        if self.random.below(2) == 0 {
            found.into_iter().rev().for_each(|chunk| self.disk.put_back(chunk));
        } else {
            found.into_iter().for_each(|chunk| self.disk.settle(chunk, Settled::Delivered));
            self.queue.clear();
        }
        self.stored = self.queue.iter().copied().collect();
        self.kept.retain(|i| self.stored.contains(i));
        self.hidden.clear();
    }

    fn check(&self) {
        assert_eq!(self.disk.len(), self.queue.len(), "seed {}", self.seed);
        assert_eq!((self.disk.take_dropped(), self.disk.take_damaged()), (0, 0), "seed {}", self.seed);
    }

    fn run(mut self) {
        for _ in 0..60 {
            match self.random.below(16) {
                0..=3 => self.push(),
                4..=7 => self.step(false),
                8 | 9 => {
                    let chunk = {
                        let full = self.random.below(2) == 0;
                        self.take(full)
                    };
                    self.settle(chunk);
                }
                10 => {
                    let chunk = self.take(false);
                    if self.random.below(2) == 0 {
                        // While a write is under way.
                        let held = numbers(&chunk);
                        self.queue.retain(|i| !held.contains(i));
                        self.push();
                        self.step(false);
                        self.queue.splice(0..0, held);
                        self.queue.sort_unstable();
                    }
                    self.disk.put_back(chunk);
                }
                11 => {
                    // The second half was written, the first is tried again.
                    let chunk = self.take(false);
                    let (n, half) = (chunk.len(), chunk.len() / 2);
                    let (first, second) = (chunk.part(0, half), chunk.part(half, n));
                    self.settle(second);
                    self.disk.put_back(first);
                }
                12 => {
                    let (often, full) = (self.random.below(600), self.random.below(3) == 0);
                    self.fs.fail(often, full);
                }
                13 => self.fs.fail(0, false),
                14 => self.restart(),
                _ => {
                    // Ended and started while the disk fails.
                    self.fs.fail(0, false);
                    self.step(true);
                    self.leave();
                    self.fs.fail(400, false);
                    (self.disk, self.thread) = open(&self.fs, self.order, &self.keys, self.batch, &self.errors);
                    if self.thread.files.is_none() {
                        self.hidden = std::mem::take(&mut self.queue);
                    }
                }
            }
            self.check();
        }
        self.fs.fail(0, false);
        for _ in 0..3 {
            self.step(false);
        }
        while !self.queue.is_empty() {
            let chunk = self.take(false);
            assert!(!chunk.is_empty(), "seed {}", self.seed);
            self.settle(chunk);
        }
        self.step(true);
        assert_eq!(self.disk.len(), 0, "seed {}", self.seed);
        assert!(self.waiting.is_empty(), "seed {}", self.seed);
        // A file that could be neither begun nor removed goes with the next start.
        self.leave();
        (self.disk, self.thread) = open(&self.fs, self.order, &self.keys, self.batch, &self.errors);
        self.step(true);
        assert_eq!(self.fs.files(".segment"), [], "seed {}", self.seed);
    }
}

#[test]
fn loses_and_invents_nothing() {
    // More of them: AGENT_SEQUENCES=10000 cargo test --lib pipeline::disk::model
    let sequences = std::env::var("AGENT_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for seed in 1..=sequences {
        Model::new(seed).run();
    }
}
