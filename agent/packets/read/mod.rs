//! Capture files: pcap and pcapng, bare or in gzip or zstd, from a file or a pipe.
//!
//! Records are found in one buffer that is refilled in place and handed out as descriptors into it, a few hundred at a time: no
//! copy and no allocation for a packet. Reading instead of mapping is as fast for whole frames, works on pipes and growing files and
//! keeps the memory flat. A file that ends early, or in which something cannot be, gives the packets before that place.

mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is read at once. Larger does not pay: 1 MiB was a fifth slower than this.
const CHUNK: usize = 256 << 10;
/// The largest record that is taken in.
const MAX_RECORD: usize = 16 << 20;
/// Packets of one batch at most: so few that their headers are still in the nearest cache when they are decoded.
const BATCH: usize = 256;
/// A packet longer than this on the wire, while less of it was captured, has a broken length. Offloading makes frames of up to
/// 512 KiB.
const MAX_WIRE: u32 = 1 << 20;

/// One captured packet: where it is in the batch's bytes, and what the file says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The place of its bytes in the batch.
    pub start: u32,
    /// The bytes that were captured.
    pub captured: u32,
    /// The bytes that were on the wire, at least those captured.
    pub wire: u32,
    /// The kind of link, a `LINKTYPE_` number of the tcpdump group.
    pub link: u16,
    /// The number of the interface in its section of a pcapng file, else 0.
    pub interface: u16,
}

impl Record {
    /// The captured bytes.
    #[inline]
    #[must_use]
    pub fn bytes<'a>(&self, batch: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        batch.get(start..start + self.captured as usize).unwrap_or_default()
    }
}

/// A capture file being read.
pub struct Capture {
    source: Box<dyn Read + Send>,
    /// `buffer[start..end]` was read and is not yet used up.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of an uninteresting block that are still to come.
    skip: u64,
    ended: bool,
    format: Format,
    faults: Faults,
    consumed: Arc<AtomicU64>,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

/// What was wrong with a file that could be read in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Packets in which the file ends.
    pub cut_off: u64,
    /// Packets whose length on the wire could not be and was taken to be what was captured.
    pub lengths: u64,
    /// Why the rest of the file was not read.
    pub stopped: Option<String>,
}

impl Faults {
    /// Brings a wire length that cannot be back to what was captured.
    #[inline]
    fn mend(&mut self, packet: &mut Record) {
        if packet.wire < packet.captured || packet.wire > MAX_WIRE.max(packet.captured) {
            self.lengths += 1;
            packet.wire = packet.captured;
        }
    }
}

/// What finding a record in the buffer came to.
enum Step {
    /// Bytes used up and the packet in them, if there was one.
    Used(usize, Option<Record>),
    /// More bytes are needed: this many in all, from the record's begin.
    More(usize),
    /// This many bytes are of no interest; they need not be in the buffer.
    Skip(u64),
    /// It cannot be.
    Bad(String),
}

impl Capture {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// The file cannot be read, or is no capture.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") { Self::new(io::stdin()) } else { Self::new(File::open(path)?) }
    }

    /// Reads from anything. What is packed with gzip or zstd is unpacked.
    ///
    /// # Errors
    /// It cannot be read, or is no capture.
    pub fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let mut source: Box<dyn Read + Send> = Box::new(Counted { source, consumed: Arc::clone(&consumed) });
        let mut head = peek(&mut source)?;
        let known: Vec<u8> = head.clone();
        source = Box::new(io::Cursor::new(known).chain(source));
        match head.as_slice() {
            [0x1f, 0x8b, ..] => {
                source = Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(CHUNK, source)))
            }
            [0x28, 0xb5, 0x2f, 0xfd] => source = Box::new(zstd::Decoder::new(source)?),
            _ => {}
        }
        // The first four bytes again, now those of the capture itself.
        head = peek(&mut source)?;
        let mut capture = Self {
            buffer: vec![0; CHUNK],
            start: 0,
            end: head.len(),
            skip: 0,
            ended: false,
            format: Format::Pcapng(pcapng::Section::default()),
            faults: Faults::default(),
            consumed,
            source,
        };
        capture.buffer[..head.len()].copy_from_slice(&head);
        if head != pcapng::SECTION_HEADER {
            capture.fill(pcap::HEADER);
            let header = pcap::Header::parse(&capture.buffer[..capture.end]).map_err(io::Error::other)?;
            capture.start = pcap::HEADER;
            capture.format = Format::Pcap(header);
        }
        Ok(capture)
    }

    /// Reads the next packets in place of those in `records`. What it returns holds their bytes; `None` is the end.
    pub fn batch(&mut self, records: &mut Vec<Record>) -> Option<&[u8]> {
        records.clear();
        while records.is_empty() {
            let need = self.collect(records);
            if records.is_empty() && !self.refill(need) {
                return None;
            }
        }
        Some(&self.buffer)
    }

    /// What was wrong so far.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The bytes taken from the file so far; can be asked for while another thread reads.
    #[must_use]
    pub fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    /// Takes whole records out of the buffer; says how many bytes the next one needs.
    fn collect(&mut self, records: &mut Vec<Record>) -> usize {
        let section = match &mut self.format {
            Format::Pcap(header) => {
                let rest = &self.buffer[self.start..self.end];
                let (used, need) = header.collect(rest, self.start, BATCH, &mut self.faults, records);
                self.start += used;
                return if need > MAX_RECORD { self.stop(format!("a record of {need} bytes")) } else { need };
            }
            Format::Pcapng(section) => section,
        };
        loop {
            if self.skip > 0 {
                let skipped = self.skip.min((self.end - self.start) as u64);
                self.skip -= skipped;
                self.start += usize::try_from(skipped).unwrap_or(0);
                if self.skip > 0 {
                    return 1;
                }
            }
            if records.len() == BATCH {
                return 0;
            }
            let rest = &self.buffer[self.start..self.end];
            match section.next(rest) {
                Step::Used(used, packet) => {
                    if let Some(mut packet) = packet {
                        packet.start += u32::try_from(self.start).unwrap_or(0);
                        self.faults.mend(&mut packet);
                        records.push(packet);
                    }
                    self.start += used;
                }
                Step::More(need) if need > MAX_RECORD => return self.stop(format!("a record of {need} bytes")),
                Step::More(need) => return need,
                Step::Skip(bytes) => self.skip = bytes,
                Step::Bad(why) => return self.stop(why),
            }
        }
    }

    /// Gives up the rest of the file.
    fn stop(&mut self, why: String) -> usize {
        self.faults.stopped = Some(why);
        self.ended = true;
        self.start = self.end;
        0
    }

    /// Moves what is left to the front and reads until `need` bytes are there; false at the end of the file.
    fn refill(&mut self, need: usize) -> bool {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let before = self.end;
        self.fill(need.max(1));
        if self.end > before {
            return true;
        }
        let cut = match &self.format {
            Format::Pcap(_) => self.end > 0,
            Format::Pcapng(section) => section.is_packet(&self.buffer[..self.end]),
        };
        self.faults.cut_off += u64::from(cut);
        if self.faults.stopped.is_none() && (self.end > 0 || self.skip > 0) {
            self.faults.stopped = Some("the file ends within a record".to_owned());
        }
        // Asked again, there is nothing left to be cut off.
        (self.end, self.skip) = (0, 0);
        false
    }

    /// Reads at least until `need` bytes are in the buffer, unless the file ends.
    fn fill(&mut self, need: usize) {
        if need > self.buffer.len() {
            self.buffer.resize(need.next_multiple_of(CHUNK), 0);
        }
        while self.end < need && !self.ended {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    if e.kind() != io::ErrorKind::UnexpectedEof {
                        self.faults.stopped = Some(format!("read: {e}"));
                    }
                }
            }
        }
    }
}

/// The first four bytes, or what there is: something packed may end early, too.
fn peek(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    let mut have = 0;
    while have < head.len() {
        match source.read(&mut head[have..]) {
            Ok(0) => break,
            Ok(read) => have += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(e),
        }
    }
    Ok(head[..have].to_vec())
}

/// Counts what is read, for the progress.
struct Counted<R> {
    source: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A number at a place, in the byte order of the file. The caller has checked the length.
#[inline]
fn u32_at(bytes: &[u8], place: usize, big: bool) -> u32 {
    let word = bytes.get(place..place + 4).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
    if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
}

#[inline]
fn u16_at(bytes: &[u8], place: usize, big: bool) -> u16 {
    let word = bytes.get(place..place + 2).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
    if big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }
}
