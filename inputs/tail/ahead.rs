//! Blocks of one file in several parsers at once, so that catching up with a large file takes as many cores as there are.
//!
//! Their metrics are taken in the order of the file, whoever is done first.

use super::Shared;
use super::lines::Lines;
use agent_api::{Batch, Collector, Error, ParseError, Result, meter, plugin};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

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

/// So many blocks are under way for each core: one that is parsed, and one that waits so that it need not be waited for, or that is written.
const EACH: usize = 2;

/// The parsers and what is under way in them.
pub(super) struct Ahead {
    /// Those that have nothing to do.
    idle: Vec<Worker>,
    /// In the order of the file.
    under_way: VecDeque<JoinHandle<(Worker, Parsed)>>,
    tag: Tag,
}

/// A parser; the collector knows from the block before how much memory the next one takes.
struct Worker {
    lines: Lines,
    out: Collector,
}

impl Ahead {
    /// So many parsers as are worth while; none where the format wants blocks one after the other, or there is one core.
    pub(super) fn new(shared: &Shared, tag: &Tag) -> Result<Self> {
        let (mut idle, cores) = (Vec::new(), plugin::workers());
        while cores > 1 && idle.len() < cores * EACH {
            let mut lines = shared.lines()?;
            if !lines.share() {
                break;
            }
            idle.push(Worker { lines, out: Collector::new() });
        }
        Ok(Ahead { idle, under_way: VecDeque::new(), tag: tag.clone() })
    }

    /// Begins a block; gives it back if there are enough under way. The CPU time that it takes counts for the plugin that is being called.
    pub(super) fn begin(&mut self, block: Block) -> Option<Block> {
        let Some(mut worker) = self.idle.pop() else { return Some(block) };
        let tag = self.tag.clone();
        self.under_way.push_back(tokio::spawn(meter::inherit(async move {
            let parsed = block.parse(&mut worker.lines, &mut worker.out, &tag);
            (worker, parsed)
        })));
        None
    }

    /// True if a block is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// What the first block under way comes to; None if there is none. A panic of its parser goes on here. Nothing is lost where this
    /// is not waited for to its end.
    pub(super) async fn next(&mut self) -> Option<Parsed> {
        let ended = self.under_way.front_mut()?.await;
        self.under_way.pop_front();
        match ended {
            Ok((worker, parsed)) => {
                self.idle.push(worker);
                Some(parsed)
            }
            Err(e) => match e.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => None,
            },
        }
    }
}
