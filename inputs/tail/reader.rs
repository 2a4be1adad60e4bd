//! Reading one file from where it was left: in blocks of whole lines, up to its end.
//!
//! Blocks are handed on in the order of the file, also where several of them are parsed at once: how far the file has been
//! read is the end of the last one that was handed on.

use super::Shared;
use super::ahead::{Ahead, Block, Parsed, Tag};
use super::follow::LINGER;
use super::identity::{Head, Number, Place};
use super::lines::Lines;
use super::offsets::Track;
use agent_api::{Collector, Context, ParseError, Receipt, Result, Sender, Stop, plugin};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// So much is read at a time.
const BLOCK: usize = 256 << 10;
/// After so many full blocks on end there is a file to catch up with, which is worth more than one parser.
const CATCHES_UP: usize = 4;
/// A longer line is left out, in bytes.
const LONGEST: usize = 16 << 20;

/// Reads one file.
pub(super) struct Reader {
    shared: Arc<Shared>,
    path: PathBuf,
    lines: Lines,
    metrics: Collector,
    tag: Tag,
    /// Blocks that are parsed while others are read; only where there is much to catch up with.
    ahead: Option<Ahead>,
    /// Full blocks that were read on end.
    full: usize,
    /// None for a pipe.
    source: Option<(File, Track)>,
    number: Number,
    head: Head,
    /// The end of what was handed on. Where no blocks are under way, `rest` begins there.
    offset: u64,
    /// What was read and not parsed yet: the begin of a line whose end was not there.
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
            metrics: Collector::new(),
            tag: Tag::new(&shared.settings.path_tag, path),
            ahead: None,
            full: 0,
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
    pub(super) fn is(&self, meta: &Metadata) -> bool {
        self.number == Number::of(meta)
    }

    /// True if the file is shorter than what was read of it, or begins in another way.
    pub(super) fn was_cut(&self, meta: &Metadata) -> bool {
        let Some((file, _)) = &self.source else { return false };
        meta.len() < self.offset + self.rest.len() as u64 || !self.head.fits(file)
    }

    /// True if a file that was replaced need not be read any more.
    pub(super) fn is_over(&self) -> bool {
        self.progress.elapsed() > LINGER || self.source.as_ref().is_some_and(|(_, track)| track.is_handed_on())
    }

    /// How long an event waits for further lines.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.lines.patience()
    }

    /// The file is looked at for a while from now on, even if nothing comes.
    pub(super) fn progressed(&mut self) {
        self.progress = Instant::now();
    }

    /// Reads to the end of the file; false if the agent stops.
    pub(super) async fn advance(&mut self, out: &Sender, stop: &Stop) -> Result<bool> {
        self.full = 0;
        let ended = self.read_on(out, stop).await;
        self.settle(out).await;
        // Parsers and memory are kept for a file only while they are needed.
        (self.ahead, self.metrics) = (None, Collector::new());
        ended
    }

    async fn read_on(&mut self, out: &Sender, stop: &Stop) -> Result<bool> {
        while !stop.is_stopped() {
            let read = plugin::briefly(|| self.read()).await?;
            if read == 0 {
                return Ok(true);
            }
            self.full = if read == BLOCK { self.full + 1 } else { 0 };
            // Where more files are behind than there are cores, each core has one of them.
            if self.full == CATCHES_UP && self.ahead.is_none() && self.shared.behind.load(SeqCst) < plugin::workers() {
                self.ahead = Some(Ahead::new(&self.shared, &self.tag)?);
            }
            self.progressed();
            if !self.take(out, stop).await {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Takes what is left of a file that is not read any more: its last line may lack an end.
    pub(super) async fn finish(&mut self, out: &Sender, stop: &Stop) {
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
            self.drop_front(end, out).await;
            (whole, self.skips) = (whole - end, false);
        }
        if whole == 0 && self.rest.len() > LONGEST {
            out.error(agent_api::anyhow!("{}: a line of over {LONGEST} bytes is left out", self.path.display()));
            self.drop_front(self.rest.len(), out).await;
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

    async fn drop_front(&mut self, len: usize, out: &Sender) {
        self.settle(out).await;
        self.rest.drain(..len);
        self.offset += len as u64;
    }

    /// Parses whole lines and hands their metrics on, when there is credit for them; false if the agent stops.
    async fn hand_on(&mut self, bytes: Vec<u8>, lines: usize, out: &Sender, stop: &Stop) -> bool {
        let Some(credit) = self.credit(lines, out, stop).await else { return false };
        let mut block = Block { bytes, lines, credit: Some(credit) };
        while let Some(ahead) = &mut self.ahead {
            match ahead.begin(block) {
                None => return true,
                Some(again) => block = again,
            }
            if !self.settle_first(out).await {
                break;
            }
        }
        let parsed = block.parse(&mut self.lines, &mut self.metrics, &self.tag);
        self.deliver(parsed, out).await;
        true
    }

    /// Room for lines below what may be under way; None if the agent stops. Meanwhile what is under way here is handed on, as it gives its
    /// room back only then; once all is, the outputs are urged.
    async fn credit(&mut self, lines: usize, out: &Sender, stop: &Stop) -> Option<OwnedSemaphorePermit> {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let mut permit = std::pin::pin!(self.shared.credit.clone().acquire_many_owned(lines));
        while let Some(ahead) = self.ahead.as_mut().filter(|ahead| ahead.is_busy()) {
            let parsed = tokio::select! {
                biased;
                permit = &mut permit => return permit.ok(),
                parsed = ahead.next() => parsed,
            };
            self.take_in(parsed, out).await;
        }
        tokio::select! {
            biased;
            permit = out.urging(permit) => permit.ok(),
            () = stop.stopped() => None,
        }
    }

    /// Hands on all that is under way.
    async fn settle(&mut self, out: &Sender) {
        while self.settle_first(out).await {}
    }

    /// Hands on the first block that is under way; false if there is none.
    async fn settle_first(&mut self, out: &Sender) -> bool {
        let Some(ahead) = &mut self.ahead else { return false };
        let parsed = ahead.next().await;
        self.take_in(parsed, out).await
    }

    /// Hands on what a parser has made; false if it is nothing.
    async fn take_in(&mut self, parsed: Option<Parsed>, out: &Sender) -> bool {
        let Some(mut parsed) = parsed else { return false };
        self.lines.join(&mut parsed.batch);
        self.deliver(parsed, out).await;
        true
    }

    /// Ends the event that waits for further lines.
    pub(super) async fn flush(&mut self, out: &Sender) {
        if self.lines.waiting() > 0 {
            let bad = self.lines.flush(&mut self.metrics);
            let parsed = Parsed::of(bad, &mut self.metrics, &self.tag);
            self.deliver(parsed, out).await;
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

    /// Hands the metrics of the next block on.
    async fn deliver(&mut self, parsed: Parsed, out: &Sender) {
        let Parsed { mut batch, errors, bad, bytes, lines, credit } = parsed;
        self.offset += bytes;
        self.report(bad, lines, out);
        // If the file was cut just now, what it began with before is what tells.
        if self.head.is_short()
            && let Some((file, _)) = &self.source
            && self.head.fits(file)
        {
            // A file that cannot be read any more says so at the next block.
            self.head = Head::of(file, self.offset).unwrap_or(self.head);
        }
        for error in errors {
            out.error(error);
        }
        let done = self.source.as_ref().map(|(_, track)| {
            track.read_to(self.offset, self.head);
            track.under_way(self.offset - self.lines.waiting() as u64)
        });
        batch.set_receipt(Receipt::new(move |outcome| {
            drop(credit);
            if let Some(done) = done {
                done(outcome);
            }
        }));
        out.send(batch).await;
        plugin::step_aside().await;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((_, track)) = &self.source {
            track.close();
        }
    }
}
