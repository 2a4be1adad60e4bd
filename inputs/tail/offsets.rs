//! How far each file was delivered, kept over restarts.
//!
//! A path can stand for several files one after the other, and what was read of an older one may still be under way when the next
//! is read; so each path has a list of places, the oldest first. A place moves on when everything before it has been delivered.

use super::identity::{Head, Number, Place};
use agent_api::State;
use agent_api::metric::Outcome;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The places of all files.
pub(super) struct Offsets(Arc<Mutex<Inner>>);

struct Inner {
    /// Places of the run before that nobody has taken up yet.
    saved: BTreeMap<String, Vec<Place>>,
    files: BTreeMap<String, Vec<Reading>>,
    /// Where each file that was read is continued if it turns up under another name.
    seen: HashMap<Number, Seen>,
    next: u64,
    state: State,
    stored: Instant,
    /// A change waits for the end of the pause.
    due: bool,
    runtime: Option<Handle>,
    finished: bool,
}

/// A file that is or was read.
struct Reading {
    id: u64,
    place: Place,
    /// Ends of what is under way, in order, and whether it was delivered.
    under_way: VecDeque<(u64, bool)>,
    closed: bool,
}

struct Seen {
    place: Place,
    /// The path under which it is read now.
    owner: String,
    open: bool,
}

/// The state is written at most so often.
const PAUSE: Duration = Duration::from_millis(100);
/// Files that are not read any more are remembered up to this number.
const REMEMBERED: usize = 10_000;

impl Offsets {
    /// Those that the run before has stored.
    pub(super) fn load(state: &State) -> Self {
        let saved = state.load::<BTreeMap<String, Vec<Place>>>().unwrap_or_default();
        Offsets(Arc::new(Mutex::new(Inner {
            saved,
            files: BTreeMap::new(),
            seen: HashMap::new(),
            next: 0,
            state: state.clone(),
            stored: Instant::now(),
            due: false,
            // What is delivered is told by threads that have none.
            runtime: Handle::try_current().ok(),
            finished: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }

    /// Where the run before has left the files of a path, the oldest first.
    pub(super) fn saved(&self, path: &str) -> Vec<Place> {
        self.lock().saved.remove(path).unwrap_or_default()
    }

    /// Where this run has left a file that was read under another path.
    pub(super) fn seen(&self, number: Number) -> Option<Place> {
        if number == Number::default() {
            return None;
        }
        self.lock().seen.get(&number).map(|seen| seen.place)
    }

    /// Begins to read a file of a path at a place.
    pub(super) fn begin(&self, path: &str, place: Place) -> Track {
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.files.entry(path.to_owned()).or_default().push(Reading {
            id,
            place,
            under_way: VecDeque::new(),
            closed: false,
        });
        if inner.seen.len() > REMEMBERED {
            inner.seen.retain(|_, seen| seen.open);
        }
        inner.seen.insert(place.number, Seen { place, owner: path.to_owned(), open: true });
        Track { inner: self.0.clone(), path: path.into(), id, number: place.number }
    }

    /// Nothing more is read: from now on every change is stored at once. Forgets files that are gone and nobody has asked for.
    pub(super) fn finish(&self) {
        let mut inner = self.lock();
        inner.finished = true;
        inner.saved.retain(|path, _| std::path::Path::new(path).exists());
        inner.store();
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // A panic while the lock is held leaves places that are at most too far back.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores what has changed, now or at the end of the pause.
fn changed(shared: &Arc<Mutex<Inner>>, inner: &mut Inner) {
    if inner.finished || inner.stored.elapsed() >= PAUSE {
        inner.store();
    } else if let Some(runtime) = inner.runtime.as_ref().filter(|_| !inner.due) {
        let weak = Arc::downgrade(shared);
        runtime.spawn(async move {
            tokio::time::sleep(PAUSE).await;
            if let Some(shared) = weak.upgrade() {
                let mut inner = lock(&shared);
                inner.due = false;
                inner.store();
            }
        });
        inner.due = true;
    }
}

impl Inner {
    fn store(&mut self) {
        let mut places = self.saved.clone();
        for (path, readings) in &self.files {
            let own = places.entry(path.clone()).or_default();
            own.extend(readings.iter().map(|reading| reading.place));
        }
        self.state.store(&places);
        self.stored = Instant::now();
    }

    fn with(&mut self, track: &Track, change: impl FnOnce(&mut Reading)) {
        let Some(readings) = self.files.get_mut(&*track.path) else { return };
        if let Some(reading) = readings.iter_mut().find(|r| r.id == track.id) {
            change(reading);
        }
        // Of a path the last place stays, as the one to go on from.
        let last = readings.len() - 1;
        let mut i = 0;
        readings.retain(|r| {
            i += 1;
            !(r.closed && r.under_way.is_empty() && i <= last)
        });
    }
}

/// Keeps the place of one file.
#[derive(Clone)]
pub(super) struct Track {
    inner: Arc<Mutex<Inner>>,
    path: Arc<str>,
    id: u64,
    number: Number,
}

impl Track {
    /// Something that was read up to `end` goes on its way; the answer says what became of it.
    pub(super) fn under_way(&self, end: u64) -> impl FnOnce(Outcome) + Send + 'static {
        lock(&self.inner).with(self, |reading| reading.under_way.push_back((end, false)));
        let track = self.clone();
        // What was lost stays under way: the next run begins there.
        move |outcome| {
            if outcome != Outcome::Lost {
                track.delivered(end);
            }
        }
    }

    fn delivered(&self, end: u64) {
        let mut inner = lock(&self.inner);
        inner.with(self, |reading| {
            if let Some(part) = reading.under_way.iter_mut().find(|(e, done)| *e == end && !done) {
                part.1 = true;
            }
            while let Some((end, true)) = reading.under_way.front().copied() {
                reading.place.offset = end;
                reading.under_way.pop_front();
            }
        });
        changed(&self.inner, &mut inner);
    }

    /// The file was read up to `offset`, and begins like this.
    pub(super) fn read_to(&self, offset: u64, head: Head) {
        let mut inner = lock(&self.inner);
        inner.with(self, |reading| reading.place.head = head);
        if let Some(seen) = inner.seen.get_mut(&self.number) {
            seen.place.offset = offset;
            seen.place.head = head;
        }
    }

    /// True if the file is read under another path now.
    pub(super) fn is_handed_on(&self) -> bool {
        lock(&self.inner).seen.get(&self.number).is_some_and(|seen| *seen.owner != *self.path)
    }

    /// Nothing more is read of the file.
    pub(super) fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.with(self, |reading| reading.closed = true);
        if let Some(seen) = inner.seen.get_mut(&self.number).filter(|seen| *seen.owner == *self.path) {
            seen.open = false;
        }
        changed(&self.inner, &mut inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_of_several_changes_is_stored_though_nothing_follows() {
        let state = State::default();
        let offsets = Offsets::load(&state);
        let track = offsets.begin("log", Place::default());
        let parts: Vec<_> = (1..=3).map(|end| track.under_way(end)).collect();
        parts.into_iter().for_each(|part| part(Outcome::Delivered));
        let stored = || Some(state.load::<BTreeMap<String, Vec<Place>>>()?.get("log")?.last()?.offset);
        let began = Instant::now();
        while stored() != Some(3) {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", stored());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
