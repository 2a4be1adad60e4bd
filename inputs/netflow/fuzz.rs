//! The way of packets through the collector without its socket, for `tests/fuzz` and the benchmark.

use super::decoder::{Decoder, Out, Protocol};
use agent_api::{Batch, Log, ParseError, stats};
use std::net::{IpAddr, Ipv4Addr};

/// A collector without a socket.
pub struct Collector {
    decoder: Decoder,
    /// What was read since it was last taken.
    pub batch: Batch,
    /// Bad packets so far.
    pub bad: ParseError,
}

impl Collector {
    /// One for a protocol: 0 is NetFlow version 9 and IPFIX, 1 NetFlow version 5, 2 sFlow.
    pub fn new(protocol: u8) -> Self {
        let protocol = [Protocol::Flows, Protocol::V5, Protocol::Sflow][usize::from(protocol % 3)];
        let log = Log::new("fuzz", None, stats::Counter::default());
        let decoder = Decoder::new(protocol, log, stats::Counter::default());
        Collector { decoder, batch: Batch::new(), bad: ParseError::default() }
    }

    /// Reads a packet of a sender.
    pub fn packet(&mut self, sender: u8, packet: &[u8]) {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, sender));
        let mut out = Out { batch: &mut self.batch, bad: &mut self.bad };
        self.decoder.packet(Some(from), packet, &mut out);
    }
}

/// Reads packets, each behind two bytes of its length, in one of the three protocols by `mode`; returns how many metrics they became
/// and how many packets were bad. What was learnt is stored and restored in between.
pub fn packets(mut packets: &[u8], mode: u8) -> (usize, usize) {
    let mut collector = Collector::new(mode);
    let mut metrics = 0;
    let mut senders = [1, 2].into_iter().cycle();
    while let [high, low, rest @ ..] = packets {
        let (packet, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(rest.len()));
        packets = rest;
        collector.packet(senders.next().unwrap_or_default(), packet);
        let batch = collector.batch.take();
        // Nothing makes much of little.
        assert!(batch.iter().map(|m| m.fields().len()).sum::<usize>() <= 4 * packet.len() + 4096);
        metrics += batch.len();
        if let Some(stored) = collector.decoder.templates.changes() {
            let mut again = Collector::new(mode).decoder;
            again.templates.restore(stored.clone(), &again.elements);
            again.templates.mark();
            assert_eq!(again.templates.changes(), Some(stored));
        }
    }
    (metrics, collector.bad.bad)
}
