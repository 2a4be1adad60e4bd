//! The life of one path: reading what is new, and noticing that the file was cut, replaced, renamed or removed.
//!
//! After a file was replaced the one before is read on for a while, as its writer may not have noticed yet.

use super::identity::{Head, Number, Place};
use super::lines::Lines;
use super::offsets::Track;
use super::watch::Wake;
use super::{Begin, Shared};
use agent_api::{Collector, Context, ParseError, Receipt, Result, Sender, Stop, plugin};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So much is read at a time.
const BLOCK: usize = 256 << 10;
/// A longer line is left out, in bytes.
const LONGEST: usize = 16 << 20;
/// A file that was replaced is read on until nothing came for so long.
const LINGER: Duration = Duration::from_secs(10);

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
            reader.progress = Instant::now();
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

/// Reads one file.
pub(super) struct Reader {
    shared: Arc<Shared>,
    path: PathBuf,
    lines: Lines,
    /// None for a pipe.
    source: Option<(File, Track)>,
    number: Number,
    head: Head,
    /// Where `rest` begins in the file.
    offset: u64,
    /// The begin of a line whose end was not there yet.
    rest: Vec<u8>,
    /// A line that is too long is left out up to its end.
    skips: bool,
    /// Lines read so far, where the file was read from its beginning.
    count: Option<usize>,
    /// When something was read last.
    progress: Instant,
}

impl Reader {
    pub(super) fn new(shared: &Arc<Shared>, path: &Path, source: Option<(File, Place)>) -> Result<Self> {
        let lines = shared.lines()?;
        let place = source.as_ref().map(|(_, place)| *place).unwrap_or_default();
        let source = match source {
            Some((mut file, place)) => {
                file.seek(SeekFrom::Start(place.offset)).with_context(|| format!("seek in {}", path.display()))?;
                Some((file, shared.offsets.begin(&path.to_string_lossy(), place)))
            }
            None => None,
        };
        Ok(Reader {
            shared: shared.clone(),
            path: path.to_path_buf(),
            lines,
            source,
            number: place.number,
            head: place.head,
            offset: place.offset,
            rest: Vec::new(),
            skips: false,
            count: (place.offset == 0).then_some(0),
            progress: Instant::now(),
        })
    }

    /// True if this is the file.
    fn is(&self, meta: &Metadata) -> bool {
        self.number == Number::of(meta)
    }

    /// True if the file is shorter than what was read of it, or begins in another way.
    fn was_cut(&self, meta: &Metadata) -> bool {
        let Some((file, _)) = &self.source else { return false };
        meta.len() < self.offset + self.rest.len() as u64 || !self.head.fits(file)
    }

    /// True if a file that was replaced need not be read any more.
    fn is_over(&self) -> bool {
        self.progress.elapsed() > LINGER || self.source.as_ref().is_some_and(|(_, track)| track.is_handed_on())
    }

    /// How long an event waits for further lines.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.lines.patience()
    }

    /// Reads to the end of the file; false if the agent stops.
    async fn advance(&mut self, out: &Sender, stop: &Stop) -> Result<bool> {
        while !stop.is_stopped() {
            if plugin::blocking(|| self.read())? == 0 {
                return Ok(true);
            }
            self.progress = Instant::now();
            if !self.take(out, stop).await {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Takes what is left of a file that is not read any more: its last line may lack an end.
    async fn finish(&mut self, out: &Sender, stop: &Stop) {
        let rest = std::mem::take(&mut self.rest);
        let is_handed_on = self.source.as_ref().is_some_and(|(_, track)| track.is_handed_on());
        if !(rest.is_empty() || is_handed_on || self.skips) {
            self.hand_on(rest, 1, out, stop).await;
        }
        self.flush(out).await;
    }

    /// Reads a block behind `rest`.
    fn read(&mut self) -> Result<usize> {
        let Some((file, _)) = &mut self.source else { return Ok(0) };
        self.rest.reserve(BLOCK);
        let read = file.take(BLOCK as u64).read_to_end(&mut self.rest);
        read.with_context(|| format!("read {}", self.path.display()))
    }

    /// Adds what was read elsewhere.
    #[cfg(unix)]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// Makes metrics of all whole lines and hands them on; false if the agent stops.
    pub(super) async fn take(&mut self, out: &Sender, stop: &Stop) -> bool {
        let mut whole = self.lines.whole(&self.rest);
        if self.skips && whole > 0 {
            let (_, end) = self.lines.count(&self.rest, 1);
            self.drop_front(end);
            (whole, self.skips) = (whole - end, false);
        }
        if whole == 0 && self.rest.len() > LONGEST {
            out.error(agent_api::anyhow!("{}: a line of over {LONGEST} bytes is left out", self.path.display()));
            self.drop_front(self.rest.len());
            self.skips = true;
        }
        while whole > 0 {
            // Half of what may be under way, so that one half is written while the other is parsed.
            let most = self.shared.settings.max_undelivered_lines.div_ceil(2);
            let most = if self.shared.once { usize::MAX } else { most };
            let (lines, end) = self.lines.count(&self.rest[..whole], most);
            let part = if end == self.rest.len() {
                std::mem::take(&mut self.rest)
            } else {
                let after = self.rest.split_off(end);
                std::mem::replace(&mut self.rest, after)
            };
            whole -= end;
            if !self.hand_on(part, lines, out, stop).await {
                return false;
            }
        }
        true
    }

    fn drop_front(&mut self, len: usize) {
        self.rest.drain(..len);
        self.offset += len as u64;
    }

    /// Parses whole lines and hands their metrics on, when there is credit for them; false if the agent stops.
    async fn hand_on(&mut self, part: Vec<u8>, lines: usize, out: &Sender, stop: &Stop) -> bool {
        let len = part.len() as u64;
        let permit = tokio::select! {
            permit = out.urging(self.shared.credit.clone().acquire_many_owned(u32::try_from(lines).unwrap_or(u32::MAX))) => permit,
            () = stop.stopped() => return false,
        };
        let mut metrics = Collector::new();
        let bad = plugin::blocking(|| self.lines.parse(part, &mut metrics));
        self.offset += len;
        self.report(bad, lines, out);
        // If the file was cut just now, what it began with before is what tells.
        if self.head.is_short()
            && let Some((file, _)) = &self.source
            && self.head.fits(file)
        {
            // A file that cannot be read any more says so at the next block.
            self.head = Head::of(file, self.offset).unwrap_or(self.head);
        }
        self.send(metrics, permit.ok(), out).await;
        true
    }

    /// Ends the event that waits for further lines.
    pub(super) async fn flush(&mut self, out: &Sender) {
        if self.lines.waiting() > 0 {
            let mut metrics = Collector::new();
            let bad = self.lines.flush(&mut metrics);
            self.report(bad, 0, out);
            self.send(metrics, None::<()>, out).await;
        }
    }

    fn report(&mut self, bad: ParseError, lines: usize, out: &Sender) {
        let before = self.count;
        self.count = before.map(|before| before + lines);
        if bad.bad == 0 {
            return;
        }
        let mut all = ParseError::default();
        all.append(bad, before.unwrap_or(0));
        if before.is_none() {
            all.lines.iter_mut().for_each(|line| line.line = 0);
        }
        out.error(agent_api::Error::from(all).context(format!("parse {}", self.path.display())));
    }

    /// Hands metrics on; `hold` is dropped when they have been delivered.
    async fn send(&mut self, mut metrics: Collector, hold: Option<impl Send + 'static>, out: &Sender) {
        for error in metrics.take_errors().0 {
            out.error(error);
        }
        let mut batch = metrics.take();
        let key = &self.shared.settings.path_tag;
        if !key.is_empty() {
            let path = self.path.to_string_lossy();
            batch.each(|m| m.set_tag(key, &path));
        }
        let done = self.source.as_ref().map(|(_, track)| {
            track.read_to(self.offset, self.head);
            track.under_way(self.offset - self.lines.waiting() as u64)
        });
        batch.set_receipt(Receipt::new(move |outcome| {
            drop(hold);
            if let Some(done) = done {
                done(outcome);
            }
        }));
        out.send(batch).await;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((_, track)) = &self.source {
            track.close();
        }
    }
}
