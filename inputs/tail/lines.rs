//! Makes metrics of what was read: of whole blocks where the format can be cut, else line by line.

use super::ansi;
use super::multiline::Multiline;
use crate::encoding::Encoding;
use agent_api::plugin::BoxParser;
use agent_api::{Batch, Body, Collector, ParseError};

/// Reads the lines of one file.
pub(super) struct Lines {
    parser: BoxParser,
    encoding: Encoding,
    takes_colors_out: bool,
    multiline: Option<Multiline>,
    /// Blocks may be given to the parser as they are.
    takes_blocks: bool,
    is_influx: bool,
    /// Bytes of the file that wait for further lines of their event.
    waiting: usize,
}

impl Lines {
    pub(super) fn new(
        parser: BoxParser,
        encoding: Encoding,
        takes_colors_out: bool,
        multiline: Option<Multiline>,
        is_influx: bool,
    ) -> Self {
        let takes_blocks = multiline.is_none() && parser.cut(b"").is_some();
        Lines { parser, encoding, takes_colors_out, multiline, takes_blocks, is_influx, waiting: 0 }
    }

    /// Makes it one of several that read blocks of one file at the same time; the metrics then want `join`. False where a block cannot
    /// be read without those before.
    pub(super) fn share(&mut self) -> bool {
        // Lines that are parsed one by one are documents of their own.
        self.multiline.is_none() && (!self.takes_blocks || self.parser.share())
    }

    /// Does to the metrics of a block that another has read what depends on the blocks before.
    pub(super) fn join(&mut self, block: &mut Batch) {
        self.parser.join(block);
    }

    /// How many bytes at the start are whole lines.
    pub(super) fn whole(&self, bytes: &[u8]) -> usize {
        match self.encoding {
            Encoding::Bytes | Encoding::Utf8 => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
            wide => {
                bytes.as_chunks::<2>().0.iter().rposition(|unit| wide.is_line_end(*unit)).map_or(0, |at| 2 * at + 2)
            }
        }
    }

    /// How many lines end in these bytes, and where the last of the first `most` lines ends.
    pub(super) fn count(&self, bytes: &[u8], most: usize) -> (usize, usize) {
        let (mut lines, mut end) = (0, 0);
        let mut ended = |at| {
            lines += 1;
            end = at;
            lines < most
        };
        match self.encoding {
            Encoding::Bytes | Encoding::Utf8 => {
                let _all = memchr::memchr_iter(b'\n', bytes).all(|at| ended(at + 1));
            }
            wide => {
                let units = bytes.as_chunks::<2>().0.iter().enumerate();
                let _all = units.filter(|(_, unit)| wide.is_line_end(**unit)).all(|(at, _)| ended(2 * at + 2));
            }
        }
        (lines, end)
    }

    /// Adds the metrics of whole lines; those of an event that may go on wait.
    pub(super) fn parse(&mut self, bytes: Vec<u8>, out: &mut Collector) -> ParseError {
        let mut bad = ParseError::default();
        if self.multiline.is_some() {
            self.parse_events(&bytes, out, &mut bad);
            return bad;
        }
        let bytes = self.text(bytes);
        if !self.takes_blocks {
            self.parse_lines(&bytes, out, &mut bad);
            return bad;
        }
        let body = Body::new(bytes);
        if let Err(e) = self.parser.parse(&body, out) {
            if self.is_influx && memchr::memchr(b'"', body.bytes()).is_some() {
                // A quotation mark that is not closed takes the lines after it along; one by one they are safe from each other.
                out.take();
                self.parse_lines(body.bytes(), out, &mut bad);
            } else {
                bad = e;
            }
        }
        bad
    }

    /// Text as UTF-8 without colours.
    fn text(&self, bytes: Vec<u8>) -> Vec<u8> {
        let bytes = self.encoding.decode(bytes);
        if self.takes_colors_out { ansi::strip(bytes) } else { bytes }
    }

    fn parse_lines(&mut self, bytes: &[u8], out: &mut Collector, bad: &mut ParseError) {
        for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
            self.parse_line(&String::from_utf8_lossy(line), i, out, bad);
        }
    }

    /// Parses a line before which there are `before` others.
    fn parse_line(&mut self, line: &str, before: usize, out: &mut Collector, bad: &mut ParseError) {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return;
        }
        if let Err(e) = self.parser.parse_line(line, out) {
            bad.append(ParseError { lines: e.lines.into_iter().map(|l| one_line(l, line)).collect(), ..e }, before);
        }
    }

    fn parse_events(&mut self, bytes: &[u8], out: &mut Collector, bad: &mut ParseError) {
        let (mut rest, mut number) = (bytes, 0);
        while !rest.is_empty() {
            let (lines, end) = self.count(rest, 1);
            let (raw, after) = rest.split_at(if lines == 0 { rest.len() } else { end });
            rest = after;
            let text = self.text(raw.to_vec());
            let text = String::from_utf8_lossy(&text);
            let Some(multiline) = &mut self.multiline else { return };
            let event = multiline.add(text.trim_end_matches(['\n', '\r']));
            self.waiting = match multiline.waiting() {
                0 => 0,
                1 => raw.len(),
                _ => self.waiting + raw.len(),
            };
            if let Some(event) = event {
                self.parse_line(&event, number, out, bad);
            }
            number += 1;
        }
    }

    /// Ends the event that waits for further lines.
    pub(super) fn flush(&mut self, out: &mut Collector) -> ParseError {
        let mut bad = ParseError::default();
        self.waiting = 0;
        if let Some(event) = self.multiline.as_mut().and_then(Multiline::flush) {
            self.parse_line(&event, 0, out, &mut bad);
        }
        bad
    }

    /// So many bytes of the file wait for further lines.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How long an event waits for a line.
    pub(super) fn patience(&self) -> Option<std::time::Duration> {
        self.multiline.as_ref().filter(|_| self.waiting > 0).map(Multiline::timeout)
    }
}

/// An error about a document of one line as one about that line.
fn one_line(mut bad: agent_api::plugin::BadLine, line: &str) -> agent_api::plugin::BadLine {
    bad.line = 1;
    if bad.text.is_empty() {
        bad.text = line.chars().take(60).collect();
    }
    bad
}
