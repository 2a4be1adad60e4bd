//! Blocks of one file in several parsers at once, so that catching up with a large file takes as many cores as there are.
//!
//! Their metrics are taken in the order of the file, whoever is done first.

use super::Shared;
use super::lines::Lines;
use agent_api::stats::Counter;
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

/// The parsers and what is under way in them.
pub(super) struct Ahead {
    idle: Vec<(Lines, Collector)>,
    under_way: VecDeque<JoinHandle<((Lines, Collector), Parsed)>>,
    tag: Tag,
    cpu: Counter,
}

impl Ahead {
    /// So many parsers as are worth while; none where the format wants blocks one after the other, or there is one core.
    pub(super) fn new(shared: &Shared, tag: Tag) -> Result<Self> {
        let mut idle = Vec::new();
        let workers = plugin::workers_beside_others();
        while workers > 1 && idle.len() < workers {
            let mut lines = shared.lines()?;
            if !lines.share() {
                break;
            }
            idle.push((lines, Collector::new()));
        }
        Ok(Ahead { idle, under_way: VecDeque::new(), tag, cpu: meter::here() })
    }

    /// Begins a block; gives it back if no parser is free.
    pub(super) fn begin(&mut self, block: Block) -> Option<Block> {
        let Some((mut lines, mut out)) = self.idle.pop() else { return Some(block) };
        let (tag, cpu) = (self.tag.clone(), self.cpu.clone());
        let work = move || {
            let parsed = meter::meter(&cpu, || block.parse(&mut lines, &mut out, &tag));
            ((lines, out), parsed)
        };
        self.under_way.push_back(tokio::task::spawn_blocking(work));
        None
    }

    /// What the first block under way comes to; None if there is none.
    pub(super) async fn next(&mut self) -> Option<Parsed> {
        let first = self.under_way.front_mut()?;
        let ended = first.await;
        self.under_way.pop_front();
        match ended {
            Ok((idle, parsed)) => {
                self.idle.push(idle);
                Some(parsed)
            }
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and with it this task.
                Err(_) => None,
            },
        }
    }
}
