//! Packets in, flows and the ledger out: what stands between a source of packets and whoever wants their flows.

use crate::decode::Decoder;
use crate::flow::{Settings, Table};
use crate::read::Record;
use crate::tally::{Cause, Tally};

/// Decodes and counts packets.
#[derive(Debug)]
pub struct Meter {
    decoder: Decoder,
    /// The flows.
    pub table: Table,
    tally: Tally,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { decoder: Decoder::new(), table: Table::new(settings), tally: Tally::default() }
    }

    /// Takes in the packets of a batch, whose bytes are in `bytes`.
    pub fn batch(&mut self, records: &[Record], bytes: &[u8]) {
        for record in records {
            match self.decoder.decode(record.link, record.bytes(bytes), record.wire) {
                Ok(packet) => {
                    self.table.add(packet, record.time, record.wire);
                    self.tally.in_flow();
                }
                Err(cause) => self.tally.not_counted(cause),
            }
        }
    }

    /// Counts packets that were cut off by the end of their file.
    pub fn cut_off(&mut self, packets: u64) {
        for _ in 0..packets {
            self.tally.not_counted(Cause::CutOff);
        }
    }

    /// The ledger so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}
