//! Millions of packets a second on one core: decoding alone, and with the table.
//!
//! `cargo bench -p agent-packets`, or `-- FILE` for a capture, which is then read as well. Packets are made in memory: 300 000 conversations, some far busier than others, 15 % IPv6,
//! 96 bytes each, the mix of the trace in which other tools were measured. The best of five runs counts.

use agent_packets::flow::Settings;
use agent_packets::{Capture, Decoder, Meter, Record};
use std::time::{Duration, Instant};

const PACKETS: usize = 5_000_000;
const FLOWS: u64 = 300_000;
const BATCH: usize = 2048;
const SNAP: usize = 96;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn packet(flow: u64, back: bool, sequence: &mut u32, out: &mut [u8]) {
    out.fill(0);
    let ends = [flow.wrapping_mul(0x9e37_79b9_7f4a_7c15), flow.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)];
    let (a, b) = if back { (ends[1], ends[0]) } else { (ends[0], ends[1]) };
    let protocol = if flow.is_multiple_of(4) { 17 } else { 6 };
    let transport = if flow % 100 < 15 {
        (out[12], out[13]) = (0x86, 0xdd);
        (out[14], out[18], out[19], out[20]) = (0x60, 2, 0, protocol);
        out[30..38].copy_from_slice(&a.to_be_bytes());
        out[46..54].copy_from_slice(&b.to_be_bytes());
        54
    } else {
        (out[12], out[13]) = (8, 0);
        (out[14], out[16], out[17], out[23]) = (0x45, 2, 0, protocol);
        out[26..30].copy_from_slice(&a.to_be_bytes()[..4]);
        out[30..34].copy_from_slice(&b.to_be_bytes()[..4]);
        34
    };
    // Neither is the port of a tunnel.
    let port = |end: u64| (((end >> 20) as u16) | 0x8000).to_be_bytes();
    out[transport..transport + 2].copy_from_slice(&port(a));
    out[transport + 2..transport + 4].copy_from_slice(&port(b));
    if protocol == 6 {
        out[transport + 4..transport + 8].copy_from_slice(&sequence.to_be_bytes());
        (out[transport + 12], out[transport + 13], out[transport + 14]) = (0x50, 0x10, 1);
        *sequence += 512 - 20 - if transport == 34 { 20 } else { 0 };
    }
}

fn trace() -> (Vec<u8>, Vec<Record>) {
    let mut random = Random(1);
    let mut sequences = vec![[0; 2]; FLOWS as usize];
    let mut bytes = vec![0; PACKETS * SNAP];
    let mut records = Vec::with_capacity(PACKETS);
    for (i, out) in bytes.chunks_exact_mut(SNAP).enumerate() {
        // The product of two even distributions: a few flows have many of the packets.
        let (x, y) = (random.next() % FLOWS, random.next() % FLOWS);
        let (flow, back) = (x * y / FLOWS, random.next().is_multiple_of(2));
        packet(flow, back, &mut sequences[flow as usize][usize::from(back)], out);
        records.push(Record {
            time: i as i64 * 1000,
            start: (i % BATCH * SNAP) as u32,
            captured: SNAP as u32,
            wire: 526,
            link: 1,
            interface: 0,
        });
    }
    (bytes, records)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn best(what: &str, mut run: impl FnMut() -> u64) {
    let mut least = Duration::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        found = run();
        least = least.min(begun.elapsed());
    }
    let rate = PACKETS as f64 / least.as_secs_f64() / 1e6;
    println!("{what}: {rate:.1} Mpps, {:.1} ns a packet ({found})", least.as_nanos() as f64 / PACKETS as f64);
}

/// Reads, decodes and counts a capture.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn file(path: &str) {
    let mut least = Duration::MAX;
    let (mut packets, mut flows) = (0, 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let mut capture = Capture::open(path.as_ref()).expect("a capture");
        let mut meter = Meter::new(Settings::default());
        let mut records = Vec::new();
        while let Some(bytes) = capture.batch(&mut records) {
            meter.batch(&records, bytes);
        }
        flows = 0;
        meter.table.finish(&mut |_| flows += 1);
        packets = meter.tally().read;
        least = least.min(begun.elapsed());
    }
    let rate = packets as f64 / least.as_secs_f64() / 1e6;
    println!("{path}: {packets} packets, {flows} flows, {rate:.1} Mpps");
}

fn main() {
    if let Some(path) = std::env::args().skip(1).find(|a| !a.starts_with('-')) {
        return file(&path);
    }
    let (bytes, records) = trace();
    let batches = || bytes.chunks(BATCH * SNAP).zip(records.chunks(BATCH));
    best("decode", || {
        let mut decoder = Decoder::new();
        let mut sum = 0;
        for (bytes, records) in batches() {
            for record in records {
                sum += decoder.decode(1, record.bytes(bytes), record.wire).map_or(0, |p| u64::from(p.dst_port & 1));
            }
        }
        sum
    });
    best("decode and table", || {
        let mut meter = Meter::new(Settings::default());
        for (bytes, records) in batches() {
            meter.batch(records, bytes);
        }
        assert!(meter.tally().adds_up());
        meter.table.len() as u64
    });
}
