//! Parsing documents that were sent to a listener: in blocks, so that batches stay small and other tasks get their turn.

use crate::parsers::Parsers;
use agent_api::plugin::BoxParser;
use agent_api::*;

/// What a document came to.
#[derive(Default)]
pub(crate) struct Parsed {
    /// The metrics in order, in batches that borrow the document.
    pub(crate) batches: Vec<Batch>,
    /// What could not be read.
    pub(crate) bad: ParseError,
}

impl Parsed {
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
    /// Parses a document that was sent as a whole.
    pub(crate) async fn parse(&self, bytes: Vec<u8>) -> Result<Parsed> {
        let mut parser = self.take()?;
        let body = Body::new(bytes);
        let (mut parsed, mut out, mut at) = (Parsed::default(), Collector::new(), 0);
        // Lines before a place, counted on from the last one that was asked for.
        let (mut before, mut counted) = (0, 0);
        while at < body.len() {
            let end = block_end(&parser, body.bytes(), at);
            let block = body.slice(at, end);
            if let Err(bad) = parser.parse(&block, &mut out) {
                before += memchr::memchr_iter(b'\n', &body.bytes()[counted..at]).count();
                counted = at;
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
