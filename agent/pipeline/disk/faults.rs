//! What goes wrong with a disk, one thing at a time: what is said, that nothing accepted is lost, and that it goes on by itself.

use super::fake::Fake;
use super::tests::{metrics, numbers, settings};
use super::*;
use crate::config::Keys;
use crate::pipeline::seal;
use agent_api::Secret;
use agent_api::metric::{Outcome, Packed, Receipt};
use agent_api::stats::Counter;
use std::fmt::{Debug, Write};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;
use tracing::field::{Field, Visit};

/// All that is logged in this thread.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Visit for &Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            writeln!(self.0.lock().unwrap(), "{value:?}").unwrap();
        }
    }
}

impl tracing::Subscriber for Said {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut &*self);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// A queue over a fake disk, its thread taken step by step.
struct Bench {
    fs: Arc<Fake>,
    disk: Disk,
    thread: Thread,
    now: Instant,
    said: Said,
    _listening: tracing::subscriber::DefaultGuard,
}

impl Bench {
    fn new(fs: Arc<Fake>, key: Option<&str>) -> Self {
        Bench::with_keys(fs, key, &[])
    }

    fn with_keys(fs: Arc<Fake>, key: Option<&str>, old: &[&str]) -> Self {
        let said = Said::default();
        let _listening = tracing::subscriber::set_default(said.clone());
        let (disk, mut thread) = open(&fs, key, old);
        thread.start();
        Bench { fs, disk, thread, now: Instant::now(), said, _listening }
    }

    /// A second passes.
    fn step(&mut self) {
        self.now += Duration::from_secs(1);
        self.thread.step(self.now, false);
    }

    /// Pushes metrics that somebody waits for.
    fn push(&self, from: i64, n: i64) -> tokio::sync::oneshot::Receiver<Outcome> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut batch = metrics(from, n);
        batch.set_receipt(Receipt::new(move |outcome| _ = tell.send(outcome)));
        self.disk.push(View::all(batch));
        told
    }

    /// The machine loses its power and starts again; gives all that is there.
    fn after_a_crash(self) -> Vec<i64> {
        self.fs.crash();
        let (disk, mut thread) = open(&self.fs, None, &[]);
        thread.start();
        all(&disk)
    }
}

fn open(fs: &Arc<Fake>, key: Option<&str>, old: &[&str]) -> (Disk, Thread) {
    let log = Log::new("outputs.test", None, Counter::default());
    let keys = Keys { current: key.map(Secret::new), old: old.iter().copied().map(Secret::new).collect() };
    let settings = DiskBuffer { keys, ..settings(1 << 30) };
    let (disk, thread, told) = Disk::parts(fs.clone(), "/queue".into(), &settings, Queueing::default(), 100, log);
    told.send_replace(Phase::Ended);
    (disk, thread)
}

/// Takes all that is in a queue.
fn all(disk: &Disk) -> Vec<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut all = Vec::new();
    loop {
        let chunk = runtime.block_on(disk.take(false));
        if chunk.is_empty() {
            return all;
        }
        all.extend(numbers(&chunk));
        disk.settle(chunk, Settled::Delivered);
    }
}

/// A disk fails in some way while a queue is in use: it is said once, and all is stored when the cause is gone.
fn fails_and_recovers(fail: impl Fn(&Fake), cure: impl Fn(&Fake), expected: &str) {
    let mut bench = Bench::new(Arc::new(Fake::new(1)), None);
    let mut before = bench.push(0, 10);
    bench.step();
    assert_eq!(before.try_recv(), Ok(Outcome::Delivered));
    bench.said.take();

    fail(&bench.fs);
    let mut during = bench.push(10, 10);
    (0..5).for_each(|_| bench.step());
    assert_eq!(bench.said.take(), format!("disk queue: {expected}; metrics stay in memory until the disk works\n"));
    assert!(during.try_recv().is_err(), "nobody is told that metrics are kept which are not");
    assert_eq!(bench.disk.len(), 20);

    cure(&bench.fs);
    bench.step();
    assert_eq!(bench.said.take(), "disk queue: the disk works again\n");
    assert_eq!(during.try_recv(), Ok(Outcome::Delivered));
    assert_eq!(bench.after_a_crash(), (0..20).collect::<Vec<i64>>());
}

#[test]
fn a_full_disk() {
    let segment = "/queue/00000000000000000001.segment";
    fails_and_recovers(|fs| fs.fail(0, true), |fs| fs.fail(0, false), &format!("write {segment}: no storage space"));
}

#[test]
fn a_file_system_that_becomes_read_only() {
    let segment = "/queue/00000000000000000001.segment";
    fails_and_recovers(
        |fs| fs.refuse(Some(ErrorKind::ReadOnlyFilesystem)),
        |fs| fs.refuse(None),
        &format!("write {segment}: read-only filesystem or storage medium"),
    );
}

#[test]
fn a_folder_that_cannot_be_written_at_the_start() {
    for (kind, cause) in [
        (ErrorKind::PermissionDenied, "permission denied"),
        (ErrorKind::ReadOnlyFilesystem, "read-only filesystem or storage medium"),
        (ErrorKind::NotADirectory, "not a directory"),
    ] {
        let fs = Arc::new(Fake::new(1));
        fs.refuse(Some(kind));
        let mut bench = Bench::new(fs, None);
        let mut waiting = bench.push(0, 10);
        (0..5).for_each(|_| bench.step());
        let expected = format!("disk queue: create /queue: {cause}; metrics stay in memory until the disk works\n");
        assert_eq!(bench.said.take(), expected);
        assert!(waiting.try_recv().is_err());
        bench.fs.refuse(None);
        bench.step();
        assert_eq!(
            (bench.said.take(), waiting.try_recv()),
            ("disk queue: the disk works again\n".to_owned(), Ok(Outcome::Delivered))
        );
        assert_eq!(bench.after_a_crash(), (0..10).collect::<Vec<i64>>());
    }
}

#[test]
fn an_output_goes_on_while_the_disk_fails() {
    let bench = Bench::new(Arc::new(Fake::new(1)), None);
    bench.fs.fail(1000, false);
    let mut waiting = bench.push(0, 10);
    assert_eq!(all(&bench.disk), (0..10).collect::<Vec<i64>>());
    assert_eq!(waiting.try_recv(), Ok(Outcome::Delivered));
}

/// What the first agents wrote: segments of version 1 with metrics of version 1, and a position that marks each metric.
fn version_1(fs: &Fake) {
    let mut file = b"agentseg\x01\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    let crc = crc::crc32c(&[&file]);
    file.extend_from_slice(&crc.to_le_bytes());
    for number in 1..=3u8 {
        // One metric "m" with the field i, the number times ten, and one with a one more.
        let metric = |i: u8| [0, 1, 0, 0, 1, 1, 1, 2 * i];
        let payload = [&[2, 2][..], b"mi", &[2, 1, 1], &metric(10 * number), &metric(10 * number + 1)].concat();
        assert!(Packed::read(&payload).is_ok());
        segment::put(u64::from(number), 2, &payload, &mut file);
    }
    fs.put("/queue/00000000000000000001.segment".as_ref(), file);
    let (mut position, mut payload) = (Vec::new(), 2u64.to_le_bytes().to_vec());
    payload.extend_from_slice(&2u64.to_le_bytes());
    payload.extend_from_slice(&2u32.to_le_bytes());
    payload.push(0b01);
    segment::put(1, 0, &payload, &mut position);
    fs.put("/queue/position".as_ref(), position);
}

#[test]
fn a_queue_of_version_1_goes_on() {
    let fs = Arc::new(Fake::new(1));
    version_1(&fs);
    let bench = Bench::new(fs, None);
    assert_eq!(bench.said.take(), "disk queue: 3 metrics of an earlier run are sent first\n");
    drop(bench.push(100, 2));
    assert_eq!(all(&bench.disk), [21, 30, 31, 100, 101]);
}

#[test]
fn a_queue_of_a_version_to_come_is_left_alone() {
    let fs = Arc::new(Fake::new(1));
    let path = Path::new("/queue/00000000000000000001.segment");
    let mut file = segment::header(1, seal::OPEN).to_vec();
    file[8] = 9;
    let len = file.len();
    let crc = crc::crc32c(&[&file[..len - 4]]);
    file[len - 4..].copy_from_slice(&crc.to_le_bytes());
    fs.put(path, file.clone());
    let mut bench = Bench::new(fs, None);
    (0..3).for_each(|_| bench.step());
    let shown = path.display();
    let cause = format!("read {shown}: it is of version 9, which this agent does not know");
    assert_eq!(bench.said.take(), format!("disk queue: {cause}; metrics stay in memory until the disk works\n"));
    assert_eq!(bench.fs.files(".segment"), [(path.to_owned(), file)]);
    // Whoever takes it away has a queue again.
    let mut waiting = bench.push(0, 5);
    bench.fs.remove(path).unwrap();
    bench.step();
    assert_eq!(waiting.try_recv(), Ok(Outcome::Delivered));
}

#[test]
fn a_wrong_key_keeps_the_queue_and_says_which_is_needed() {
    let (right, wrong) = ("a key of at least 32 characters, 1", "a key of at least 32 characters, 2");
    let id = |text: &str| seal::hex(&seal::Key::new(text).unwrap().id());
    let fs = Arc::new(Fake::new(1));
    let mut bench = Bench::new(fs.clone(), Some(right));
    drop(bench.push(0, 10));
    bench.step();
    let kept = bench.fs.files(".segment");
    assert!(!kept[0].1.windows(9).any(|w| w == b"some text"), "a text of a metric can be read in the file");
    drop(bench);
    for (key, given) in [(None, "none".to_owned()), (Some(wrong), id(wrong))] {
        let mut bench = Bench::new(fs.clone(), key);
        drop(bench.push(100, 5));
        (0..3).for_each(|_| bench.step());
        let (path, needed) = (kept[0].0.display(), id(right));
        assert_eq!(
            bench.said.take(),
            format!(
                "disk queue: read {path}: it is encrypted: buffer_key or buffer_old_keys must have the key with the id \
                 {needed}, given is {given}; metrics stay in memory until the disk works\n"
            )
        );
        assert_eq!((bench.disk.len(), bench.fs.files(".segment")), (5, kept.clone()));
    }
    let bench = Bench::new(fs, Some("too short"));
    assert!(bench.said.take().starts_with("disk queue: buffer_key: a key of 9 characters: expected 32 or more"));
    drop(bench.disk);
    assert_eq!(all(&Bench::new(bench.fs, Some(right)).disk), (0..10).collect::<Vec<i64>>());
}

#[test]
fn an_old_key_is_for_what_is_there_and_the_new_one_for_what_comes() {
    let (old, new) = ("a key of at least 32 characters, 1", "a key of at least 32 characters, 2");
    let fs = Arc::new(Fake::new(1));
    let mut bench = Bench::new(fs.clone(), Some(old));
    drop(bench.push(0, 10));
    bench.step();
    drop(bench);
    let mut bench = Bench::with_keys(fs.clone(), Some(new), &[old]);
    assert_eq!(bench.said.take(), "disk queue: 10 metrics of an earlier run are sent first\n");
    let mut waiting = bench.push(10, 10);
    bench.step();
    assert_eq!(waiting.try_recv(), Ok(Outcome::Delivered));
    let files = bench.fs.files(".segment");
    let keys: Vec<[u8; 8]> = files
        .iter()
        .map(|(_, bytes)| match segment::read_header(bytes) {
            segment::Header::Whole(head) => head.key,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(keys, [old, new].map(|text| seal::Key::new(text).unwrap().id()));
    let taken = all(&bench.disk);
    assert_eq!(taken, (0..20).collect::<Vec<i64>>());
    // Once that is written the old key is not needed any more.
    bench.step();
    drop(bench);
    let bench = Bench::new(fs, Some(new));
    assert_eq!((bench.said.take(), bench.disk.len()), (String::new(), 0));
}

#[test]
fn a_clock_put_back_makes_nothing_older_than_it_is() {
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    assert_eq!(age(began, began + Duration::from_secs(5)), Duration::from_secs(5));
    assert_eq!(age(began, began - Duration::from_secs(500)), Duration::ZERO);
}
