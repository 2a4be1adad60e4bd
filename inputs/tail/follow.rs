//! The life of one path: reading what is new, and noticing that the file was cut, replaced, renamed or removed.
//!
//! After a file was replaced the one before is read on for a while, as its writer may not have noticed yet.

use super::identity::{Head, Number, Place};
use super::reader::Reader;
use super::watch::Wake;
use super::{Begin, Shared};
use agent_api::{Context, Result, Sender, Stop, plugin};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A file that was replaced is read on until nothing came for so long.
pub(super) const LINGER: Duration = Duration::from_secs(10);

/// Follows one path.
pub(super) struct Follower {
    shared: Arc<Shared>,
    path: PathBuf,
    wake: Wake,
    out: Sender,
    stop: Stop,
    at_start: bool,
    current: Option<Reader>,
    /// Files that the path stood for before.
    previous: Vec<Reader>,
    /// The end of the file has been seen.
    caught_up: bool,
}

impl Follower {
    pub(super) fn new(shared: Arc<Shared>, path: PathBuf, at_start: bool, wake: Wake, out: Sender, stop: Stop) -> Self {
        Follower { shared, path, wake, out, stop, at_start, current: None, previous: Vec::new(), caught_up: false }
    }

    /// Reads until the agent stops.
    pub(super) async fn run(mut self) {
        // What is wrong with a file is said once until it is well again.
        let mut complained = false;
        if let Err(e) = plugin::blocking(|| self.open_saved()) {
            self.out.error(e);
            complained = true;
        }
        loop {
            // Looking comes first: a file that was cut is to be read from its beginning.
            let read = match plugin::blocking(|| self.look()) {
                Ok(()) => self.read().await,
                Err(e) => Err(e),
            };
            match read {
                Ok(true) => complained = false,
                Ok(false) => return self.end().await,
                Err(e) if !complained => {
                    self.out.error(e);
                    complained = true;
                }
                Err(_) => {}
            }
            self.catch_up();
            let patience = self.current.as_ref().and_then(Reader::patience);
            tokio::select! {
                () = self.stop.stopped() => return self.end().await,
                () = self.wake.wait() => {}
                () = tokio::time::sleep(patience.unwrap_or(LINGER)) => {
                    if let Some(reader) = self.current.as_mut().filter(|_| patience.is_some()) {
                        reader.flush(&self.out).await;
                    }
                }
            }
        }
    }

    /// Reads all files to their ends; false if the agent stops.
    async fn read(&mut self) -> Result<bool> {
        // What is new was written after the file was replaced, so the older ones are read first.
        for reader in &mut self.previous {
            if !reader.advance(&self.out, &self.stop).await? {
                return Ok(false);
            }
            if reader.is_over() {
                reader.finish(&self.out, &self.stop).await;
            }
        }
        match &mut self.current {
            Some(reader) => reader.advance(&self.out, &self.stop).await,
            None => Ok(!self.stop.is_stopped()),
        }
    }

    /// Ends the events that wait for further lines.
    async fn end(mut self) {
        for reader in self.previous.iter_mut().chain(&mut self.current) {
            reader.flush(&self.out).await;
        }
        self.catch_up();
    }

    fn catch_up(&mut self) {
        if !std::mem::replace(&mut self.caught_up, true) {
            self.shared.catch_up();
        }
    }

    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Opens what the run before has left, and the file that is there now.
    fn open_saved(&mut self) -> Result<()> {
        let saved = self.shared.offsets.saved(&self.name());
        let takes_up = matches!(self.shared.settings.initial_read_offset, Begin::SavedOrBeginning | Begin::SavedOrEnd);
        if takes_up {
            for place in &saved {
                if let Some(file) = find(&self.path, place) {
                    self.previous.push(Reader::new(&self.shared, &self.path, Some((file, *place)))?);
                }
            }
        }
        let Some((file, meta)) = open(&self.path)? else { return Ok(()) };
        if self.previous.last().is_some_and(|reader| reader.is(&meta)) {
            self.current = self.previous.pop();
            return Ok(());
        }
        let from_end = self.at_start
            && match self.shared.settings.initial_read_offset {
                Begin::Beginning | Begin::SavedOrBeginning => false,
                Begin::End => true,
                Begin::SavedOrEnd => saved.is_empty(),
            };
        self.begin(file, &meta, if from_end { meta.len() } else { 0 })
    }

    /// Begins a file at an offset, or where it was left if it was read under another path.
    fn begin(&mut self, file: File, meta: &Metadata, offset: u64) -> Result<()> {
        let number = Number::of(meta);
        let seen = self.shared.offsets.seen(number).filter(|place| place.is_in(&file, meta));
        let place = match seen {
            Some(place) => place,
            None => Place { offset, number, head: Head::of(&file, offset)? },
        };
        self.current = Some(Reader::new(&self.shared, &self.path, Some((file, place)))?);
        Ok(())
    }

    /// Looks whether the path stands for another file now, or the file was cut.
    fn look(&mut self) -> Result<()> {
        self.previous.retain(|reader| !reader.is_over());
        let Some((file, meta)) = open(&self.path)? else {
            // Gone: whoever has it open may still write.
            self.replace();
            return Ok(());
        };
        let Some(reader) = &self.current else { return self.begin(file, &meta, 0) };
        if !reader.is(&meta) {
            self.replace();
            self.begin(file, &meta, 0)?;
        } else if reader.was_cut(&meta) {
            self.current = None;
            let place = Place { offset: 0, number: Number::of(&meta), head: Head::default() };
            self.current = Some(Reader::new(&self.shared, &self.path, Some((file, place)))?);
        }
        Ok(())
    }

    fn replace(&mut self) {
        if let Some(mut reader) = self.current.take() {
            reader.progressed();
            self.previous.push(reader);
        }
    }
}

/// Opens a file; None if there is none.
fn open(path: &Path) -> Result<Option<(File, Metadata)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("open {}", path.display())),
    };
    let meta = file.metadata().with_context(|| format!("look at {}", path.display()))?;
    Ok(Some((file, meta)))
}

/// Finds the file of a place: under its path, or in the same folder under the name that rotation has given it.
fn find(path: &Path, place: &Place) -> Option<File> {
    let fits =
        |path: &Path| open(path).ok().flatten().filter(|(file, meta)| place.is_in(file, meta)).map(|(file, _)| file);
    if let Some(file) = fits(path) {
        return Some(file);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().take(100_000).map(|entry| entry.path()).filter(|path| path.is_file()).find_map(|path| fits(&path))
}
