//! Blocks of one file in several parsers at once, so that catching up with a large file takes as many cores as there are.
//!
//! Their metrics are taken in the order of the file, whoever is done first.

use super::Shared;
use super::lines::Lines;
use agent_api::{Batch, Collector, Context, Error, ParseError, Result, meter, plugin};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;

/// Whole lines of a file.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: usize,
    /// Held until the metrics have been delivered.
    pub(super) credit: Option<OwnedSemaphorePermit>,
}

/// What a block came to.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) batch: Batch,
    pub(super) errors: Vec<Error>,
    pub(super) bad: ParseError,
    /// The bytes and lines that it had.
    pub(super) bytes: u64,
    pub(super) lines: usize,
    pub(super) credit: Option<OwnedSemaphorePermit>,
}

/// A tag that all metrics of a file get.
#[derive(Clone)]
pub(super) struct Tag(Arc<(String, String)>);

impl Tag {
    /// The path under the key that the user chose; an empty key gives no tag.
    pub(super) fn new(key: &str, path: &Path) -> Self {
        Tag(Arc::new((key.to_owned(), path.to_string_lossy().into_owned())))
    }

    fn put_on(&self, batch: &mut Batch) {
        let (key, path) = &*self.0;
        if !key.is_empty() {
            batch.each(|m| m.set_tag(key, path));
        }
    }
}

impl Block {
    /// Parses the block; the collector knows from the block before how much memory that takes.
    pub(super) fn parse(self, parser: &mut Lines, out: &mut Collector, tag: &Tag) -> Parsed {
        let (bytes, lines) = (self.bytes.len() as u64, self.lines);
        let bad = parser.parse(self.bytes, out);
        Parsed { bytes, lines, credit: self.credit, ..Parsed::of(bad, out, tag) }
    }
}

impl Parsed {
    /// What was added, and what was said of the rest.
    pub(super) fn of(bad: ParseError, out: &mut Collector, tag: &Tag) -> Self {
        let mut batch = out.take();
        tag.put_on(&mut batch);
        Parsed { batch, errors: out.take_errors().0, bad, ..Parsed::default() }
    }
}

/// So many blocks are under way for each parser: one that is parsed, and one that waits so that it need not be waited for.
const EACH: usize = 2;

/// The parsers and what is under way in them.
pub(super) struct Ahead {
    lanes: Vec<Lane>,
    given: usize,
    taken: usize,
}

/// A parser in a thread of its own, which ends when this does. It takes every block of its turn.
struct Lane {
    give: Sender<Block>,
    /// Not bounded by itself: as many as are under way.
    parsed: UnboundedReceiver<Parsed>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// So many parsers as are worth while; none where the format wants blocks one after the other, or there is one core.
    pub(super) fn new(shared: &Shared, tag: &Tag) -> Result<Self> {
        let (mut lanes, workers) = (Vec::new(), plugin::workers_beside_others());
        while workers > 1 && lanes.len() < workers {
            let mut lines = shared.lines()?;
            if !lines.share() {
                break;
            }
            lanes.push(Lane::begin(lines, tag.clone())?);
        }
        Ok(Ahead { lanes, given: 0, taken: 0 })
    }

    /// Begins a block; gives it back if there are enough under way.
    pub(super) fn begin(&mut self, block: Block) -> Option<Block> {
        if self.given == self.taken + self.lanes.len() * EACH {
            return Some(block);
        }
        let turn = self.given % self.lanes.len();
        let refused = self.lanes[turn].give.send(block).err();
        self.given += usize::from(refused.is_none());
        refused.map(|block| block.0)
    }

    /// True if a block is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.taken < self.given
    }

    /// What the first block under way comes to; None if there is none. A panic of its parser goes on here. Nothing is lost where this
    /// is not waited for to its end.
    pub(super) async fn next(&mut self) -> Option<Parsed> {
        if !self.is_busy() {
            return None;
        }
        let turn = self.taken % self.lanes.len();
        let lane = &mut self.lanes[turn];
        let parsed = lane.parsed.recv().await;
        self.taken += 1;
        if parsed.is_none()
            && let Some(Err(panic)) = lane.thread.take().map(JoinHandle::join)
        {
            std::panic::resume_unwind(panic);
        }
        parsed
    }
}

impl Lane {
    /// Starts the thread; the CPU time that it takes counts for the plugin that is being called.
    fn begin(mut lines: Lines, tag: Tag) -> Result<Self> {
        let (give, given) = std::sync::mpsc::channel::<Block>();
        let (done, parsed) = tokio::sync::mpsc::unbounded_channel();
        let cpu = meter::here();
        let work = move || {
            let mut out = Collector::new();
            for block in given {
                let parsed = meter::meter(&cpu, || block.parse(&mut lines, &mut out, &tag));
                // Nobody wants it any more.
                if done.send(parsed).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().spawn(work).context("start a parser")?;
        Ok(Lane { give, parsed, thread: Some(thread) })
    }
}
