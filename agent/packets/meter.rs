//! Packets in, flows and the ledger out: what stands between a source of packets and whoever wants their flows.

use crate::decode::Decoder;
use crate::flow::{Settings, Table};
use crate::metadata::Inspector;
use crate::packets::Packets;
use crate::read::Record;
use crate::tally::{Cause, Tally};

/// Decodes and counts packets.
#[derive(Debug)]
pub struct Meter {
    decoder: Decoder,
    /// The flows.
    pub table: Table,
    /// Looks into the first packets of flows, if anybody does.
    pub inspector: Option<Inspector>,
    /// Decoded, not yet counted; and what became of all.
    block: Packets,
}

/// Packets that are decoded before they are counted: few enough to stay in the nearer caches.
const BLOCK: usize = 256;

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            decoder: Decoder::new(),
            table: Table::new(settings),
            inspector: None,
            block: Packets::with_capacity(BLOCK, None),
        }
    }

    /// Takes in the packets of a batch, whose bytes are in `bytes`.
    pub fn batch(&mut self, records: &[Record], bytes: &[u8]) {
        for records in records.chunks(BLOCK) {
            self.block.decode(&mut self.decoder, records, bytes, self.inspector.as_mut());
            self.table.add(&self.block);
            self.block.clear();
        }
    }

    /// Counts packets that were cut off by the end of their file.
    pub fn cut_off(&mut self, packets: u64) {
        for _ in 0..packets {
            self.block.tally.not_counted(Cause::CutOff);
        }
    }

    /// The ledger so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.block.tally
    }
}
