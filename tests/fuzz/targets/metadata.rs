//! What is behind the headers of packets: each a byte of flags (direction, protocol, port), a byte of sequence, two of length.
#![no_main]

use agent_packets::Packet;
use agent_packets::metadata::Inspector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut inspector = Inspector::new(8);
    let (mut rest, mut time) = (data, 0);
    while let [flags, sequence, high, low, behind @ ..] = rest {
        let (data, next) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(behind.len()));
        rest = next;
        time += 1;
        let port = [53, 80, 443, 5353][usize::from(flags >> 2 & 3)];
        let ends = [(1, 40_000), (2, port)];
        let (src, dst) = if flags & 1 == 0 { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        let packet = Packet {
            protocol: if flags & 2 == 0 { 6 } else { 17 },
            src: src.0,
            src_port: src.1,
            dst: dst.0,
            dst_port: dst.1,
            sequence: u32::from(*sequence) * 16,
            tcp_header: true,
            ..Packet::default()
        };
        inspector.packet(time, &packet, data);
    }
});
