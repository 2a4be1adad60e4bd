//! Packets of one source: filtered, sampled, decoded, and handed on in batches.

use super::sources::Source;
use agent_api::plugin::step_aside;
use agent_api::{Batch, Sender};
use agent_capture::Filter;
use agent_packets::metadata::Inspector;
use agent_packets::{Decoder, Packets, Record, Tally};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Packets of one batch: few enough to stay in the caches on the way to whoever counts them, and enough that waking them is nothing.
const BATCH: usize = 8192;
/// Batches on their way that are taken back when nobody has them any more: as many as wait between this and the last who counts them.
const ON_THEIR_WAY: usize = 16;

/// What is done to packets before they are handed on.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// One of so many is taken.
    pub(super) sampling: u32,
    /// Bytes of each that are looked at.
    pub(super) snaplen: u32,
    /// Looks into them.
    pub(super) inspector: Option<Arc<Mutex<Inspector>>>,
}

/// Takes the packets of a source in.
pub(super) struct Feed {
    decoder: Decoder,
    filter: Option<Filter>,
    options: Options,
    /// Packets until the next one is taken.
    turn: u32,
    packets: Packets,
    /// Handed on, the first of them first.
    sent: Vec<Arc<Packets>>,
    /// To be handed on.
    full: Vec<Batch>,
    counted: Counted,
    out: Sender,
    source: Arc<Source>,
}

/// What was counted since it was last entered in the source.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) bytes: u64,
    pub(super) filtered: u64,
    pub(super) sampled: u64,
    pub(super) tally: Tally,
}

impl Feed {
    pub(super) fn new(filter: Option<Filter>, options: Options, out: Sender, source: Arc<Source>) -> Self {
        Feed {
            decoder: Decoder::new(),
            filter,
            turn: 0,
            packets: Packets::with_capacity(BATCH, options.inspector.clone()),
            sent: Vec::new(),
            full: Vec::new(),
            options,
            counted: Counted::default(),
            out,
            source,
        }
    }

    /// Takes packets whose bytes are in `bytes`. Their interface is the source.
    pub(super) fn take_all(&mut self, records: &mut [Record], bytes: &[u8]) {
        for record in &mut *records {
            record.interface = self.source.number;
            record.captured = record.captured.min(self.options.snaplen);
            self.counted.bytes += u64::from(record.wire);
        }
        if self.filter.is_none() && self.options.sampling == 1 {
            let mut rest: &[Record] = records;
            while !rest.is_empty() {
                // As many as there is room for, so that the list never grows.
                let (now, later) = rest.split_at(rest.len().min(BATCH - self.packets.seen().len()));
                let mut inspector = self.options.inspector.as_ref().map(locked);
                self.packets.decode(&mut self.decoder, now, bytes, inspector.as_deref_mut());
                drop(inspector);
                self.close_full();
                rest = later;
            }
            return;
        }
        for record in &*records {
            self.take_one(record, record.bytes(bytes), None);
        }
    }

    /// Takes a packet of an interface that may have taken off its tag, and whose kernel has run the filter.
    pub(super) fn take(&mut self, record: Record, bytes: &[u8], vlan: Option<u16>) {
        self.counted.bytes += u64::from(record.wire);
        let record =
            Record { interface: self.source.number, captured: record.captured.min(self.options.snaplen), ..record };
        self.take_one(&record, record.bytes(bytes), vlan);
    }

    fn take_one(&mut self, record: &Record, frame: &[u8], tag: Option<u16>) {
        if self.wanted(frame, record.wire) {
            let mut inspector = self.options.inspector.as_ref().map(locked);
            self.packets.decode_one(&mut self.decoder, record, frame, tag, inspector.as_deref_mut());
            drop(inspector);
            self.close_full();
        }
    }

    /// Counts packets in which a file ends.
    pub(super) fn cut_off(&mut self, packets: u64) {
        for _ in 0..packets {
            self.packets.tally.not_counted(agent_packets::Cause::CutOff);
        }
    }

    /// Goes on where another ended, whose packets are handed on first.
    pub(super) fn after(mut self, before: Option<Self>) -> Self {
        if let Some(mut before) = before {
            before.close();
            self.full = before.full;
        }
        self
    }

    /// Whether there is something to hand on.
    pub(super) fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Hands on the batches that are closed; of a source that can wait.
    pub(super) async fn hand_on(&mut self) {
        for batch in self.full.drain(..) {
            self.out.send(batch).await;
            step_aside().await;
        }
    }

    /// Hands on the batches that are closed, from a thread of the source; of one that cannot wait.
    pub(super) fn hand_on_live(&mut self) {
        for batch in self.full.drain(..) {
            self.out.send_live_blocking(batch);
        }
    }

    /// Closes the batch, whatever is in it.
    pub(super) fn close(&mut self) {
        let tally = self.packets.tally;
        self.counted.tally = tally;
        self.source.add(&std::mem::take(&mut self.counted));
        if tally == Tally::default() {
            return;
        }
        let next = self.next();
        let full = Arc::new(std::mem::replace(&mut self.packets, next));
        if self.sent.len() < ON_THEIR_WAY {
            self.sent.push(full.clone());
        }
        let mut batch = Batch::new();
        batch.set_cargo(full);
        self.full.push(batch);
    }

    /// Room for packets: that of the latest batch that everybody is done with, as it is in the nearest caches. Memory that is freed by another
    /// thread than the one that takes it is slow to come by, and not in its caches.
    fn next(&mut self) -> Packets {
        let done = self.sent.iter().rposition(|packets| Arc::strong_count(packets) == 1);
        if let Some(Ok(mut packets)) = done.map(|place| Arc::try_unwrap(self.sent.remove(place))) {
            packets.clear();
            packets.tally = Tally::default();
            return packets;
        }
        Packets::with_capacity(BATCH, self.options.inspector.clone())
    }

    fn close_full(&mut self) {
        if self.packets.seen().len() >= BATCH {
            self.close();
        }
    }

    /// True if neither filter nor sampling leaves it out.
    #[inline]
    fn wanted(&mut self, bytes: &[u8], wire: u32) -> bool {
        if self.filter.as_ref().is_some_and(|filter| !filter.wants(bytes, wire)) {
            self.counted.filtered += 1;
            return false;
        }
        if self.turn > 0 {
            self.turn -= 1;
            self.counted.sampled += 1;
            return false;
        }
        self.turn = self.options.sampling - 1;
        true
    }
}

fn locked(inspector: &Arc<Mutex<Inspector>>) -> MutexGuard<'_, Inspector> {
    inspector.lock().unwrap_or_else(PoisonError::into_inner)
}
