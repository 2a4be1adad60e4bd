//! Reading a file into metrics, in parts, so that one of any size needs little memory.

use agent_api::plugin::BoxParser;
use agent_api::{Batch, Body, Collector, Context, ParseError, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// So much is read at a time.
const BLOCK: usize = 128 << 10;
/// The longest record or line, in bytes.
const LONGEST: usize = 64 << 20;
/// The largest document that is parsed at once, in bytes.
const LARGEST: u64 = 1 << 30;

/// How a file is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Each line, or each record where the format can be cut.
    Lines,
    /// The whole.
    Whole,
}

impl Method {
    /// Reads the option `parse_method`.
    pub(super) fn new(name: &str) -> Result<Self> {
        Ok(match name {
            "line-by-line" => Method::Lines,
            "at-once" => Method::Whole,
            other => bail!("parse_method: {other:?} is none of line-by-line, at-once"),
        })
    }
}

/// Reads a file, one that ends in `.gz` unpacked. What can be read goes to `ship`, which may end the reading with an error; bad
/// lines are an error in the end.
pub(super) fn file(
    path: &Path,
    method: Method,
    parser: BoxParser,
    ship: &mut dyn FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).context("open")?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let text: Box<dyn Read> = if packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = Reader { parser, out: Collector::new(), ship, lines: 0, bad: ParseError::default() };
    match method {
        Method::Whole => {
            let mut whole = Vec::new();
            text.take(LARGEST + 1).read_to_end(&mut whole).context("read")?;
            ensure!(whole.len() as u64 <= LARGEST, "larger than {LARGEST} bytes");
            reader.parse(whole)?;
        }
        Method::Lines if reader.parser.cut(b"").is_some() => reader.records(text)?,
        Method::Lines => reader.each_line(BufReader::with_capacity(BLOCK, text))?,
    }
    reader.ship()?;
    reader.bad.or_ok().map_err(Into::into)
}

struct Reader<'a> {
    parser: BoxParser,
    out: Collector,
    ship: &'a mut dyn FnMut(Batch) -> Result<()>,
    /// Lines before the part that is parsed next.
    lines: usize,
    bad: ParseError,
}

impl Reader<'_> {
    /// Cuts what is read after whole records.
    fn records(&mut self, mut text: impl Read) -> Result<()> {
        let mut block = Vec::new();
        loop {
            // Doubled for a record that is longer than a block.
            let want = BLOCK.max(block.len());
            let got = text.by_ref().take(want as u64).read_to_end(&mut block).context("read")?;
            if got < want {
                return self.parse(block);
            }
            let whole = self.parser.cut(&block).unwrap_or(0);
            ensure!(whole > 0 || block.len() < LONGEST, "a record is longer than {LONGEST} bytes");
            if whole > 0 {
                let rest = block.split_off(whole);
                let lines = memchr::memchr_iter(b'\n', &block).count();
                self.parse(std::mem::replace(&mut block, rest))?;
                self.lines += lines;
                self.ship()?;
            }
        }
    }

    fn each_line(&mut self, mut text: impl BufRead) -> Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let got = text.by_ref().take(LONGEST as u64).read_until(b'\n', &mut line).context("read")?;
            if got == 0 {
                return Ok(());
            }
            ensure!(got < LONGEST, "a line is longer than {LONGEST} bytes");
            self.parse(line.trim_ascii_end().to_vec())?;
            self.lines += 1;
            if self.out.batch().len() >= 1000 {
                self.ship()?;
            }
        }
    }

    fn parse(&mut self, text: Vec<u8>) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.parser.parse(&Body::new(text), &mut self.out) {
            self.bad.append(e, self.lines);
        }
        Ok(())
    }

    fn ship(&mut self) -> Result<()> {
        let batch = self.out.take();
        if batch.is_empty() { Ok(()) } else { (self.ship)(batch) }
    }
}
