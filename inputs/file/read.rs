//! Reading a file into a parser: block by block where the format can be cut, so that a file of any size needs little memory, and by
//! several parsers where blocks can be read apart, so that a large file takes as many cores as there are.

use crate::encoding::Encoding;
use agent_api::plugin::{BoxParser, DynParser, in_order, workers, workers_beside_others};
use agent_api::{Batch, Body, Collector, Context, Env, ParseError, Result, meter};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::panic::resume_unwind;
use std::path::Path;

/// So much is read at a time.
const BLOCK: usize = 256 << 10;
/// The largest file of a format that cannot be cut, and the longest record of one that can.
const LARGEST: usize = 1 << 30;
/// Smaller files are not worth more than one parser.
pub(super) const LARGE: u64 = 1 << 20;

/// What is put on every batch.
pub(super) type Tag<'a> = &'a dyn Fn(&mut Batch);

/// Reads a file; where there is a `tag`, it is put on every batch.
pub(super) fn file(
    path: &Path,
    encoding: Encoding,
    env: &Env,
    out: &mut Collector,
    tag: Option<Tag<'_>>,
) -> Result<()> {
    let mut parser = env.parser()?;
    let mut file = File::open(path).context("open")?;
    if !encoding.is_bytes() || parser.cut(b"").is_none() {
        return whole(&mut file, encoding, &mut *parser, out, tag);
    }
    let (mut bad, mut blocks) = (ParseError::default(), Blocks::new(file));
    let large = blocks.file.metadata().is_ok_and(|file| file.len() >= LARGE);
    let several = if large && out.ships() { sharing(env, workers_beside_others())? } else { Vec::new() };
    if several.is_empty() {
        while let Some(block) = blocks.next(&*parser) {
            if let Err(e) = parse(&mut *parser, Body::new(block.bytes), out, tag) {
                bad.append(e, block.lines_before);
            }
        }
    } else {
        side_by_side(several, &*parser, env.parser()?, &mut blocks, out, tag, &mut bad);
    }
    bad.or_ok()?;
    blocks.failed.map_or(Ok(()), Err)
}

/// Reads a file of a format that cannot be cut.
fn whole(
    file: &mut File,
    encoding: Encoding,
    parser: &mut dyn DynParser,
    out: &mut Collector,
    tag: Option<Tag<'_>>,
) -> Result<()> {
    let size = file.metadata().map_or(0, |file| usize::try_from(file.len()).unwrap_or(LARGEST)).min(LARGEST);
    let workers = if out.ships() { workers().min(size / PIECE) } else { 1 };
    // At once: a file that grows into its memory is copied again and again.
    let mut block = if workers > 1 { by_several(file, size, workers)? } else { Vec::with_capacity(size + 1) };
    agent_api::ensure!(fill(file, &mut block, LARGEST)?, "larger than {LARGEST} bytes");
    Ok(parse(parser, Body::new(encoding.decode(block)), out, tag)?)
}

/// A file is not read in pieces of less than so many bytes.
const PIECE: usize = 4 << 20;

/// Reads so many bytes of a file by several threads, as most of the time goes into memory that is touched for the first time; less if the
/// file has become shorter. The file then stands behind them.
pub(super) fn by_several(file: &mut File, size: usize, workers: usize) -> Result<Vec<u8>> {
    // With room for the read that finds the end. Zeros that come from the kernel cost nothing until they are touched.
    let mut block = vec![0; size + BLOCK];
    block.truncate(size);
    let long = size.div_ceil(workers).max(1);
    let (cpu, reader) = (&meter::here(), &*file);
    let read = std::thread::scope(|scope| {
        let start =
            |(n, piece): (usize, _)| scope.spawn(move || meter::meter(cpu, || fill_at(reader, piece, n * long)));
        let pieces: Vec<_> = block.chunks_mut(long).enumerate().map(start).collect();
        let ended = pieces.into_iter().map(|piece| piece.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.collect::<std::io::Result<Vec<usize>>>()
    });
    let read = read.context("read")?;
    // A short piece is the end.
    let whole = read.iter().take_while(|read| **read == long).count();
    block.truncate(whole * long + read.get(whole).copied().unwrap_or(0));
    file.seek(SeekFrom::Start(block.len() as u64)).context("seek")?;
    Ok(block)
}

/// Reads from a place of a file until the piece is full or the file ends; gives the number of bytes.
fn fill_at(file: &File, piece: &mut [u8], from: usize) -> std::io::Result<usize> {
    let mut got = 0;
    while got < piece.len() {
        match read_at(file, &mut piece[got..], (from + got) as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

#[cfg(unix)]
fn read_at(file: &File, piece: &mut [u8], from: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, piece, from)
}

#[cfg(windows)]
fn read_at(file: &File, piece: &mut [u8], from: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, piece, from)
}

/// Parsers that read blocks apart; none where the format does not allow it.
fn sharing(env: &Env, count: usize) -> Result<Vec<BoxParser>> {
    let mut parsers = Vec::new();
    while count > 1 && parsers.len() < count {
        let mut parser = env.parser()?;
        if !parser.share() {
            return Ok(Vec::new());
        }
        parsers.push(parser);
    }
    Ok(parsers)
}

/// Reads blocks, as the cutter cuts them, by several parsers; their metrics come in the order of the file.
fn side_by_side(
    parsers: Vec<BoxParser>,
    cutter: &dyn DynParser,
    mut joiner: BoxParser,
    blocks: &mut Blocks,
    out: &mut Collector,
    tag: Option<Tag<'_>>,
    bad: &mut ParseError,
) {
    // A collector knows from the block before how much memory the next one takes.
    let workers = parsers.into_iter().map(|parser| (parser, Collector::new())).collect();
    let work = |(parser, part): &mut (BoxParser, Collector), block: Block| {
        let result = parser.parse(&Body::new(block.bytes), part);
        (part.take(), part.take_errors().0, result, block.lines_before)
    };
    in_order(workers, std::iter::from_fn(|| blocks.next(cutter)), work, |(mut batch, errors, result, lines_before)| {
        joiner.join(&mut batch);
        if let Some(tag) = tag {
            tag(&mut batch);
        }
        out.add_batch(batch);
        for error in errors {
            out.error(error);
        }
        if let Err(e) = result {
            bad.append(e, lines_before);
        }
        true
    });
}

/// Parses all of a file or a block of it.
fn parse(parser: &mut dyn DynParser, body: Body, out: &mut Collector, tag: Option<Tag<'_>>) -> Result<(), ParseError> {
    let Some(tag) = tag else {
        let result = parser.parse(&body, out);
        out.checkpoint();
        return result;
    };
    let mut part = Collector::new();
    let result = parser.parse(&body, &mut part);
    let mut batch = part.take();
    tag(&mut batch);
    out.add_batch(batch);
    result
}

/// A file, block by block.
struct Blocks {
    file: File,
    /// The begin of a record whose end has not been read yet.
    rest: Vec<u8>,
    /// Lines before `rest`.
    lines: usize,
    ended: bool,
    /// Why the blocks ended before the file did.
    failed: Option<agent_api::Error>,
}

/// Whole records.
struct Block {
    bytes: Vec<u8>,
    lines_before: usize,
}

impl Blocks {
    fn new(file: File) -> Self {
        Blocks { file, rest: Vec::new(), lines: 0, ended: false, failed: None }
    }

    /// The next block; None at the end of the file, or where it cannot be read.
    fn next(&mut self, parser: &dyn DynParser) -> Option<Block> {
        if self.ended {
            return None;
        }
        match self.read(parser) {
            Ok(block) => Some(block),
            Err(e) => {
                (self.ended, self.failed) = (true, Some(e));
                None
            }
        }
    }

    fn read(&mut self, parser: &dyn DynParser) -> Result<Block> {
        let lines_before = self.lines;
        loop {
            let size = BLOCK.max(self.rest.len() * 2);
            let mut bytes = std::mem::take(&mut self.rest);
            self.ended = fill(&mut self.file, &mut bytes, size)?;
            if self.ended {
                return Ok(Block { bytes, lines_before });
            }
            let whole = parser.cut(&bytes).unwrap_or(0);
            if whole == 0 {
                agent_api::ensure!(bytes.len() < LARGEST, "a record is longer than {LARGEST} bytes");
                self.rest = bytes;
                continue;
            }
            self.rest = bytes[whole..].to_vec();
            bytes.truncate(whole);
            self.lines += memchr::memchr_iter(b'\n', &bytes).count();
            return Ok(Block { bytes, lines_before });
        }
    }
}

/// Reads until the block has `size` bytes; true at the end of the file.
fn fill(file: &mut File, block: &mut Vec<u8>, size: usize) -> Result<bool> {
    let want = size.saturating_sub(block.len());
    block.reserve(want.min(BLOCK));
    let got = file.take(want as u64).read_to_end(block).context("read")?;
    Ok(got < want)
}
