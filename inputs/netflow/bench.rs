//! Records a second on one core, from packets in memory to metrics: `cargo bench -p inputs --bench netflow`.
//!
//! Packets hold what they hold on a network: as many records as fit into 1400 bytes, of the fields that routers send. The best of
//! five runs counts.

use inputs::fuzz::NetflowCollector;
use std::time::{Duration, Instant};

const PACKETS: usize = 20_000;

/// Element and length of what a router tells of a flow.
const FIELDS: [(u16, u16); 18] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
];

fn message(version: u16, sets: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let bytes: usize = sets.iter().map(|s| s.1.len() + 4).sum();
    let mut message = version.to_be_bytes().to_vec();
    message.extend(if version == 9 { sets.len() as u16 } else { 16 + bytes as u16 }.to_be_bytes());
    message.extend([0; 12]);
    message.extend(if version == 9 { vec![0; 4] } else { Vec::new() });
    for (id, set) in sets {
        message.extend(id.to_be_bytes());
        message.extend((set.len() as u16 + 4).to_be_bytes());
        message.extend(set);
    }
    message
}

fn flows(version: u16) -> (Vec<u8>, Vec<u8>, usize) {
    let mut template = [300u16, FIELDS.len() as u16].map(u16::to_be_bytes).concat();
    for (element, length) in FIELDS {
        template.extend([element, length].map(u16::to_be_bytes).concat());
    }
    let bytes: usize = FIELDS.iter().map(|f| usize::from(f.1)).sum();
    let records = 1400 / bytes;
    let data: Vec<u8> = (0..records * bytes).map(|i| (i * 131) as u8).collect();
    let first = message(version, &[(if version == 9 { 0 } else { 2 }, template)]);
    (first, message(version, &[(300, data)]), records)
}

fn v5() -> (Vec<u8>, Vec<u8>, usize) {
    let mut packet = [5u16, 29].map(u16::to_be_bytes).concat();
    packet.extend([1; 20]);
    packet.extend((0..29 * 48).map(|i| (i * 131) as u8));
    (packet.clone(), packet, 29)
}

fn sflow() -> (Vec<u8>, Vec<u8>, usize) {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 5, 220, 0, 1, 0x40, 0, 64, 6, 0, 0];
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 1, 187, 200, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    frame.resize(128, 0);
    let mut sample = words(&[1, 40 + 144, 1, 3, 512, 4000, 0, 3, 4, 1, 1, 144, 1, 1518, 4, 128]);
    sample.extend(frame);
    let mut packet = words(&[5, 1, 0x0a00_0001, 0, 1, 1000, 7]);
    (0..7).for_each(|_| packet.extend(&sample));
    (packet.clone(), packet, 7)
}

fn main() {
    for (name, protocol, (first, packet, records)) in
        [("netflow v9", 0, flows(9)), ("ipfix", 0, flows(10)), ("netflow v5", 1, v5()), ("sflow v5", 2, sflow())]
    {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let mut collector = NetflowCollector::new(protocol);
            collector.packet(1, &first);
            collector.batch.clear();
            let (start, mut metrics) = (Instant::now(), 0);
            for _ in 0..PACKETS {
                collector.packet(1, &packet);
                if collector.batch.len() >= 1000 {
                    metrics += collector.batch.len();
                    collector.batch.clear();
                }
            }
            metrics += collector.batch.len();
            best = best.min(start.elapsed());
            assert_eq!((metrics, collector.bad.bad), (PACKETS * records, 0), "{name}");
        }
        let rate = (PACKETS * records) as f64 / best.as_secs_f64();
        let traffic = (PACKETS * packet.len()) as f64 / best.as_secs_f64() / 1e6;
        eprintln!("{name:<12}{rate:>12.0} records/s{traffic:>8.0} MB/s");
    }
}
