//! Reading what a program writes, as it comes: whole records at once where the format can be cut, else line by line.

use crate::child;
use agent_api::plugin::BoxParser;
use agent_api::{Body, Collector, Error, Log, Result, Sender, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// The longest record or line, in bytes.
const LONGEST: usize = 16 << 20;
/// Longer lines of a program's errors are cut, in bytes.
const LINE: u64 = 64 << 10;

/// Reads metrics to the end of the output, `buffer` bytes at a time. What cannot be read is reported, the rest is taken.
pub(super) async fn read(mut from: impl AsyncRead + Unpin, parser: BoxParser, buffer: usize, out: &Sender) {
    let mut records = Records { parser, out };
    let mut text = Vec::with_capacity(buffer);
    loop {
        text.reserve(buffer);
        match from.read_buf(&mut text).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) => {
                out.error(Error::new(e).context("read the output"));
                break;
            }
        }
        if let Err(e) = records.take(&mut text).await {
            out.error(e);
        }
    }
    // The last record may lack its line end.
    records.parse(text).await;
}

/// Logs what a program complains of, to the end.
pub(super) async fn log(from: impl AsyncRead + Unpin, log: &Log) {
    let (mut from, mut line) = (BufReader::new(from), Vec::new());
    while let Ok(1..) = (&mut from).take(LINE).read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            child::log_line(log, text.trim_end());
        }
        line.clear();
    }
}

struct Records<'a> {
    parser: BoxParser,
    out: &'a Sender,
}

impl Records<'_> {
    /// Takes the whole records off the front of `text`.
    async fn take(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let lines = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
        let (whole, by_lines) = match self.parser.cut(text) {
            Some(whole) => (whole, false),
            None => (lines, true),
        };
        let rest = text.split_off(whole);
        let records = std::mem::replace(text, rest);
        if by_lines {
            for line in records.split_inclusive(|b| *b == b'\n') {
                self.parse(line.to_vec()).await;
            }
        } else {
            self.parse(records).await;
        }
        let too_long = text.len() > LONGEST;
        if too_long {
            text.clear();
        }
        ensure!(!too_long, "read the output: a record is longer than {} MiB", LONGEST >> 20);
        Ok(())
    }

    async fn parse(&mut self, records: Vec<u8>) {
        if records.trim_ascii().is_empty() {
            return;
        }
        let mut found = Collector::new();
        if let Err(e) = self.parser.parse(&Body::new(records), &mut found) {
            self.out.error(Error::new(e).context("read the output"));
        }
        for e in found.take_errors().0 {
            self.out.error(e);
        }
        let batch = found.take();
        if !batch.is_empty() {
            self.out.send(batch).await;
        }
    }
}
