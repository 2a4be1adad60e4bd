//! The thread of a disk queue: stores what was pushed, syncs it, notes what was written, removes what is done.
//!
//! Everything that can wait for the disk happens here, and never under the lock. A step that fails keeps none of the others from
//! being taken: a disk that is full gets room by what is removed.

use super::files::{Files, Stored};
use super::{Core, Phase};
use crate::config::{DiskBuffer, Keys};
use crate::pipeline::seal::Keyring;
use agent_api::Error;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// So long a disk that fails is left alone.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Thread {
    core: Arc<Core>,
    directory: PathBuf,
    /// Syncs at most so often; None: never.
    sync_every: Option<Duration>,
    max_bytes: u64,
    /// The keys of encryption, as the user gives them, and once they are known.
    keys: Keys,
    ring: Option<Keyring>,
    pub(super) files: Option<Files>,
    /// Records stored and not yet synced.
    unsynced: Vec<u64>,
    position_unsynced: bool,
    /// Files that could not be removed.
    garbage: Vec<PathBuf>,
    synced: Option<Instant>,
    retry: Option<Instant>,
}

impl std::fmt::Debug for Thread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thread").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Thread {
    pub(super) fn new(core: Arc<Core>, directory: PathBuf, settings: &DiskBuffer) -> Self {
        Thread {
            core,
            directory,
            sync_every: settings.sync.then_some(settings.sync_interval),
            max_bytes: settings.max_bytes,
            keys: settings.keys.clone(),
            ring: None,
            files: None,
            unsynced: Vec::new(),
            position_unsynced: false,
            garbage: Vec::new(),
            synced: None,
            retry: None,
        }
    }

    /// Works until the queue is closed.
    pub(super) fn run(mut self, told: &watch::Sender<Phase>) {
        self.start();
        told.send_replace(Phase::Running);
        loop {
            let closing = self.wait();
            self.step(Instant::now(), closing);
            if closing {
                self.last_words();
                return;
            }
        }
    }

    /// Opens the files, if that is possible now.
    pub(super) fn start(&mut self) {
        if let Err(e) = self.open() {
            self.failed(&e, Instant::now());
        }
    }

    /// Does what there is to do.
    pub(super) fn step(&mut self, now: Instant, closing: bool) {
        if let Err(e) = self.round(now, closing) {
            self.failed(&e, now);
        } else if self.retry.take().is_some() {
            self.core.lock().disk_failing = false;
            self.core.log.info("disk queue: the disk works again");
        }
        self.core.room.notify_waiters();
    }

    /// Waits for work; true if it is the last.
    fn wait(&self) -> bool {
        let mut inner = self.core.lock();
        loop {
            if inner.closing {
                return true;
            }
            let now = Instant::now();
            let due = if inner.has_pending() || inner.moved || !inner.garbage.is_empty() || self.files.is_none() {
                Some(now)
            } else if !self.unsynced.is_empty() || self.position_unsynced {
                self.sync_due(now)
            } else {
                None
            };
            let due = due.map(|due| self.retry.map_or(due, |retry| retry.max(due)));
            inner = match due.map(|due| due.saturating_duration_since(now)) {
                Some(Duration::ZERO) => return false,
                Some(pause) => self.core.work.wait_timeout(inner, pause).unwrap_or_else(PoisonError::into_inner).0,
                None => self.core.work.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// When to sync next; None is never.
    fn sync_due(&self, now: Instant) -> Option<Instant> {
        let every = self.sync_every?;
        Some(self.synced.map_or(now, |last| last + every))
    }

    fn round(&mut self, now: Instant, closing: bool) -> Result<(), Error> {
        if self.files.is_none() {
            self.open()?;
        }
        let stored = self.store();
        let noted = self.note_position();
        let due = self.sync_due(now).is_some_and(|due| due <= now);
        let synced = if due || closing && self.sync_every.is_some() { self.sync(now) } else { Ok(()) };
        if closing {
            let mut inner = self.core.lock();
            inner.active = 0;
            inner.remove_done();
        }
        self.remove_garbage();
        stored.and(noted).and(synced)
    }

    /// Appends what is in memory only.
    fn store(&mut self) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let mut records = self.core.lock().take_waiting();
        let mut stored = Stored::default();
        let result = files.append(&records, &mut stored);
        let mut inner = self.core.lock();
        for (number, place) in &stored.records {
            while let Some(segment) = stored.segments.pop_front_if(|s| s.id <= place.segment) {
                inner.begin(segment);
            }
            inner.stored(*number, *place);
        }
        stored.segments.drain(..).for_each(|segment| inner.begin(segment));
        records.drain(..stored.records.len());
        if result.is_err() {
            let left: Vec<u64> = records.iter().map(|(number, _)| *number).collect();
            inner.not_stored(&left);
        }
        inner.shrink();
        self.unsynced.extend(stored.records.iter().map(|(number, _)| *number));
        if self.sync_every.is_none() {
            inner.synced(&std::mem::take(&mut self.unsynced));
        }
        result
    }

    fn open(&mut self) -> Result<(), Error> {
        let size = (self.max_bytes / 8).clamp(64 << 10, 8 << 20);
        let ring = match self.ring.take() {
            Some(ring) => ring,
            None => Keyring::new(&self.keys)?,
        };
        let ring = self.ring.insert(ring);
        let (fs, log) = (self.core.fs.clone(), &self.core.log);
        let (files, left) = Files::open(fs, &self.directory, size, ring, log)?;
        let metrics: usize = left.segments.iter().map(|s| s.left).sum();
        let damages = left.damages;
        if !self.core.lock().restore(left) {
            agent_api::bail!("take over what is on disk while a write is under way");
        }
        self.files = Some(files);
        let log = &self.core.log;
        match (metrics, damages) {
            (0, 0) => {}
            (_, 0) => log.info(format_args!("disk queue: {metrics} metrics of an earlier run are sent first")),
            _ => log.warn(format_args!(
                "disk queue: {metrics} metrics of an earlier run are sent first; what was damaged at {damages} places is lost"
            )),
        }
        Ok(())
    }

    fn note_position(&mut self) -> Result<(), Error> {
        let position = {
            let mut inner = self.core.lock();
            std::mem::take(&mut inner.moved).then(|| inner.position())
        };
        if let (Some(position), Some(files)) = (position, &mut self.files) {
            if let Err(e) = files.move_to(&position) {
                self.core.lock().moved = true;
                return Err(e);
            }
            self.position_unsynced = true;
        }
        Ok(())
    }

    fn sync(&mut self, now: Instant) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        if !self.unsynced.is_empty() {
            let result = files.sync();
            let numbers = std::mem::take(&mut self.unsynced);
            let mut inner = self.core.lock();
            match result {
                Ok(()) => inner.synced(&numbers),
                Err((e, cuts)) => {
                    inner.cut(&numbers, &cuts);
                    return Err(e);
                }
            }
        }
        if std::mem::take(&mut self.position_unsynced)
            && let Err(e) = files.sync_position()
        {
            self.core.lock().moved = true;
            return Err(e);
        }
        self.synced = Some(now);
        Ok(())
    }

    fn remove_garbage(&mut self) {
        // What cannot be removed is tried again with the next, and said once.
        let known = self.garbage.len();
        self.garbage.append(&mut self.core.lock().garbage);
        let mut at = 0;
        self.garbage.retain(|path| {
            at += 1;
            match self.core.fs.remove(path) {
                Err(e) if e.kind() != ErrorKind::NotFound => {
                    if at > known {
                        self.core.log.warn(format_args!("disk queue: remove {}: {e}", path.display()));
                    }
                    true
                }
                _ => false,
            }
        });
    }

    fn failed(&mut self, e: &Error, now: Instant) {
        if self.retry.is_none() {
            self.core.log.error(format_args!("disk queue: {e:#}; metrics stay in memory until the disk works"));
        }
        self.core.lock().disk_failing = true;
        self.retry = Some(now + RETRY);
    }

    /// Says what could not be kept.
    fn last_words(&self) {
        let unstored = self.core.lock().unstored();
        if unstored > 0 {
            self.core.log.error(format_args!("disk queue: {unstored} metrics could not be stored and are lost"));
        }
    }
}
