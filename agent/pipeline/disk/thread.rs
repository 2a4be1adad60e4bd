//! The thread of a disk queue: stores what was pushed, syncs it, notes what was written, removes what is done.
//!
//! Everything that can wait for the disk happens here, and never under the lock.

use super::files::{Files, Stored};
use super::{Core, Phase};
use crate::config::DiskBuffer;
use agent_api::Error;
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
    files: Option<Files>,
    /// Records stored and not yet synced.
    unsynced: Vec<u64>,
    position_unsynced: bool,
    synced: Option<Instant>,
    retry: Option<Instant>,
}

impl Thread {
    pub(super) fn new(core: Arc<Core>, directory: PathBuf, settings: &DiskBuffer) -> Self {
        Thread {
            core,
            directory,
            sync_every: settings.sync.then_some(settings.sync_interval),
            max_bytes: settings.max_bytes,
            files: None,
            unsynced: Vec::new(),
            position_unsynced: false,
            synced: None,
            retry: None,
        }
    }

    /// Works until the queue is closed.
    pub(super) fn run(mut self, told: &watch::Sender<Phase>) {
        if let Err(e) = self.open() {
            self.failed(&e);
        }
        told.send_replace(Phase::Running);
        loop {
            let closing = self.wait();
            if let Err(e) = self.round(closing) {
                self.failed(&e);
            } else if self.retry.take().is_some() {
                self.core.lock().disk_failing = false;
                self.core.log.info("disk queue: the disk works again");
            }
            if closing {
                self.last_words();
                return;
            }
        }
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
                self.sync_due()
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
    fn sync_due(&self) -> Option<Instant> {
        let every = self.sync_every?;
        Some(self.synced.map_or_else(Instant::now, |last| last + every))
    }

    fn round(&mut self, closing: bool) -> Result<(), Error> {
        if self.files.is_none() {
            self.open()?;
        }
        let Some(files) = &mut self.files else { return Ok(()) };
        let mut records = self.core.lock().take_waiting();
        let mut stored = Stored::default();
        let result = files.append(&records, &mut stored);
        {
            let mut inner = self.core.lock();
            for (number, place) in &stored.records {
                while let Some(at) = stored.segments.iter().position(|(first, _)| *first <= place.segment) {
                    let (first, path) = stored.segments.remove(at);
                    inner.begin(first, path);
                }
                inner.stored(*number, *place);
            }
            stored.segments.drain(..).for_each(|(first, path)| inner.begin(first, path));
            records.drain(..stored.records.len());
            if result.is_err() {
                let left: Vec<u64> = records.iter().map(|(number, _)| *number).collect();
                inner.not_stored(&left);
            }
            inner.shrink(self.max_bytes);
        }
        self.unsynced.extend(stored.records.iter().map(|(number, _)| *number));
        if self.sync_every.is_none() {
            self.core.lock().synced(&std::mem::take(&mut self.unsynced));
        }
        result?;
        self.note_position()?;
        let due = self.sync_due().is_some_and(|due| due <= Instant::now());
        if due || closing && self.sync_every.is_some() {
            self.sync()?;
        }
        if closing {
            let mut inner = self.core.lock();
            inner.active = 0;
            inner.remove_done();
        }
        self.remove_garbage();
        Ok(())
    }

    fn open(&mut self) -> Result<(), Error> {
        let size = (self.max_bytes / 8).clamp(64 << 10, 8 << 20);
        let (files, left) = Files::open(&self.directory, size, &self.core.log)?;
        let metrics: usize = left.segments.iter().map(|s| s.left).sum();
        if !self.core.lock().restore(left) {
            agent_api::bail!("take over what is on disk while a write is under way");
        }
        self.files = Some(files);
        if metrics > 0 {
            self.core.log.info(format_args!("disk queue: {metrics} metrics of an earlier run are sent first"));
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

    fn sync(&mut self) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        if !self.unsynced.is_empty() {
            if let Err((e, cut)) = files.sync() {
                let mut inner = self.core.lock();
                inner.not_stored(&std::mem::take(&mut self.unsynced));
                for segment in &mut inner.segments {
                    segment.end = cut.iter().find(|(first, _)| *first == segment.first).map_or(segment.end, |c| c.1);
                }
                return Err(e);
            }
            self.core.lock().synced(&std::mem::take(&mut self.unsynced));
        }
        if std::mem::take(&mut self.position_unsynced) {
            files.sync_position()?;
        }
        self.synced = Some(Instant::now());
        Ok(())
    }

    fn remove_garbage(&self) {
        let garbage = std::mem::take(&mut self.core.lock().garbage);
        for path in garbage {
            if let Err(e) = std::fs::remove_file(&path) {
                self.core.log.warn(format_args!("disk queue: remove {}: {e}", path.display()));
            }
        }
    }

    fn failed(&mut self, e: &Error) {
        if self.retry.is_none() {
            self.core.log.error(format_args!("disk queue: {e:#}; metrics stay in memory until the disk works"));
        }
        self.core.lock().disk_failing = true;
        self.retry = Some(Instant::now() + RETRY);
    }

    /// Says what could not be kept.
    fn last_words(&self) {
        let unstored = self.core.lock().unstored();
        if unstored > 0 {
            self.core.log.error(format_args!("disk queue: {unstored} metrics could not be stored and are lost"));
        }
    }
}
