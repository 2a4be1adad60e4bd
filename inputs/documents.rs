//! Parsing documents that were sent to a listener: in blocks, so that batches stay small and other tasks get their turn.

use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{BoxParser, ParserMaker};
use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use std::sync::{Arc, Mutex, PoisonError};

/// Parsers of one kind, made when needed and kept for the next document.
pub(crate) struct Parsers {
    make: ParserMaker,
    free: Mutex<Vec<BoxParser>>,
}

/// What a document came to.
#[derive(Default)]
pub(crate) struct Parsed {
    /// The metrics in order, in batches that borrow the document.
    pub(crate) batches: Vec<Batch>,
    /// What could not be read.
    pub(crate) bad: ParseError,
}

impl Parsed {
    /// Number of metrics.
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }

    /// Gives every metric a tag, in place of its own of that key.
    pub(crate) fn set_tag(&mut self, key: &str, value: &str) {
        for batch in &mut self.batches {
            batch.each(|m| m.set_tag(key, value));
        }
    }
}

/// So much of a document is parsed at a time. The metrics of a block and what parsing them touches stay in the cache.
const BLOCK: usize = 256 << 10;

impl Parsers {
    /// Parsers that `make` makes; one is made now, so that options that do not fit are found.
    pub(crate) fn new(make: ParserMaker) -> Result<Self> {
        let first = make()?;
        Ok(Parsers { make, free: Mutex::new(vec![first]) })
    }

    /// Those of the plugin's data format.
    pub(crate) fn of(env: &Env) -> Result<Self> {
        Parsers::new(env.parsers.clone().context("no data format")?)
    }

    /// Those of line protocol, with timestamps in `unit` (`1ns` to `1h`), `kind` being `internal` or `upstream`.
    #[cfg(feature = "_influx")]
    pub(crate) fn influx(env: &Env, unit: &str, kind: &str) -> Result<Self> {
        let entry = find(Family::Parsers, "influx").context("this build has no parser \"influx\"")?;
        let Build::Parser(build) = entry.build else { bail!("\"influx\" is no parser") };
        let (mut table, env) = (Table::default(), env.clone());
        for (key, value) in [("influx_timestamp_precision", unit), ("influx_parser_type", kind)] {
            let span = Span::default();
            table.set(key, span, Item { value: Setting::Str(value.to_owned()), span });
        }
        Parsers::new(Arc::new(move || Ok(build(&table, &env)?)))
    }

    /// A parser, as new.
    pub(crate) fn take(&self) -> Result<BoxParser> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match free {
            Some(mut parser) => {
                parser.reset();
                Ok(parser)
            }
            None => (self.make)(),
        }
    }

    /// Takes a parser back.
    pub(crate) fn give(&self, parser: BoxParser) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(parser);
    }

    /// Parses a document that was sent as a whole.
    pub(crate) async fn parse(&self, bytes: Vec<u8>) -> Result<Parsed> {
        let mut parser = self.take()?;
        let body = Body::new(bytes);
        let (mut parsed, mut out, mut at) = (Parsed::default(), Collector::new(), 0);
        while at < body.len() {
            let end = block_end(&parser, body.bytes(), at);
            let block = body.slice(at, end);
            if let Err(bad) = parser.parse(&block, &mut out) {
                let before = memchr::memchr_iter(b'\n', &body.bytes()[..at]).count();
                parsed.bad.append(bad, before);
            }
            for error in out.take_errors().0 {
                parsed.bad.add(0, "", format_args!("{error:#}"));
            }
            if !out.batch().is_empty() {
                parsed.batches.push(out.take());
            }
            at = end;
            if at < body.len() {
                tokio::task::yield_now().await;
            }
        }
        self.give(parser);
        Ok(parsed)
    }
}

/// Where the block that begins at `at` ends.
fn block_end(parser: &BoxParser, bytes: &[u8], at: usize) -> usize {
    let mut most = BLOCK;
    while at + most < bytes.len() {
        match parser.cut(&bytes[at..at + most]) {
            Some(0) => most *= 2,
            Some(whole) => return at + whole,
            None => break,
        }
    }
    bytes.len()
}
