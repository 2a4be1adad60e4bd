//! Reading a file into a parser: block by block where the format can be cut, so that a file of any size needs little memory.

use crate::encoding::Encoding;
use agent_api::plugin::DynParser;
use agent_api::{Batch, Body, Collector, Context, ParseError, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// So much is read at a time.
const BLOCK: usize = 128 << 10;
/// The largest file of a format that cannot be cut, and the longest record of one that can.
const LARGEST: usize = 1 << 30;

/// Reads a file; where there is a `tag`, it is put on every batch.
pub(super) fn file(
    path: &Path,
    encoding: Encoding,
    parser: &mut dyn DynParser,
    out: &mut Collector,
    tag: Option<&dyn Fn(&mut Batch)>,
) -> Result<()> {
    let mut file = File::open(path).context("open")?;
    let (mut rest, mut lines, mut bad) = (Vec::new(), 0, ParseError::default());
    let cuts = encoding.is_bytes() && parser.cut(b"").is_some();
    loop {
        let size = if cuts { BLOCK.max(rest.len() * 2) } else { LARGEST };
        let mut block = std::mem::take(&mut rest);
        let ended = fill(&mut file, &mut block, size)?;
        if ended || !cuts {
            agent_api::ensure!(ended, "larger than {LARGEST} bytes");
            parse(parser, Body::new(encoding.decode(block)), lines, out, tag, &mut bad);
            break;
        }
        let whole = parser.cut(&block).unwrap_or(0);
        agent_api::ensure!(whole > 0 || block.len() < LARGEST, "a record is longer than {LARGEST} bytes");
        if whole == 0 {
            rest = block;
            continue;
        }
        rest = block[whole..].to_vec();
        block.truncate(whole);
        let read = memchr::memchr_iter(b'\n', &block).count();
        parse(parser, Body::new(block), lines, out, tag, &mut bad);
        lines += read;
    }
    bad.or_ok().map_err(Into::into)
}

/// Parses a part of a file before which there are `lines` lines.
fn parse(
    parser: &mut dyn DynParser,
    body: Body,
    lines: usize,
    out: &mut Collector,
    tag: Option<&dyn Fn(&mut Batch)>,
    bad: &mut ParseError,
) {
    let result = match tag {
        None => {
            let result = parser.parse(&body, out);
            out.checkpoint();
            result
        }
        Some(tag) => {
            let mut part = Collector::new();
            let result = parser.parse(&body, &mut part);
            let mut batch = part.take();
            tag(&mut batch);
            out.add_batch(batch);
            result
        }
    };
    if let Err(e) = result {
        bad.append(e, lines);
    }
}

/// Reads until the block has `size` bytes; true at the end of the file.
fn fill(file: &mut File, block: &mut Vec<u8>, size: usize) -> Result<bool> {
    let want = size.saturating_sub(block.len());
    block.reserve(want.min(BLOCK));
    let got = file.take(want as u64).read_to_end(block).context("read")?;
    Ok(got < want)
}
