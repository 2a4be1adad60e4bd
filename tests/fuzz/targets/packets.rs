//! Capture files, pcap and pcapng: every packet is in a flow or counted by cause, whatever is in the key and however small the table.
#![no_main]

use agent_fuzz::split;
use agent_packets::flow::{Keys, Settings};
use agent_packets::{Capture, Meter};
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|data: &[u8]| {
    let Some((file, options)) = split(data) else { return };
    let on = |bit: u8| options & 1 << bit != 0;
    let Ok(mut capture) = Capture::new(Cursor::new(file.to_vec())) else { return };
    let mut meter = Meter::new(Settings {
        keys: Keys { vlan: on(0), tos: on(1), src_mac: on(1), dst_mac: on(1), dst_port: !on(2), ..Keys::default() },
        spreads: on(3),
        cumulative: on(4),
        // A few flows, or more than a file of this length can have.
        max_flows: if on(5) { 3 } else { 4096 },
        idle: on(6).then_some(1_000_000),
        active: on(7).then_some(1_000_000),
        closed: on(6).then_some(1000),
        ..Settings::default()
    });
    let (mut records, mut packets) = (Vec::new(), 0);
    while let Some(bytes) = capture.batch(&mut records) {
        for record in &records {
            assert_eq!(record.bytes(bytes).len(), record.captured as usize);
            assert!(record.wire >= record.captured);
        }
        meter.batch(&records, bytes);
        packets += meter.table.ended().map(|flow| flow.packets.iter().sum::<u64>()).sum::<u64>();
    }
    meter.cut_off(capture.faults().cut_off);
    meter.table.finish(&mut |flow| {
        assert!(flow.first <= flow.last);
        let _name = (flow.community_id(0), flow.state());
        packets += flow.packets.iter().sum::<u64>();
    });
    assert!(meter.tally().adds_up());
    // Cumulative reports count packets again.
    assert!(packets == meter.tally().in_flows || on(4), "{packets} of {:?}", meter.tally());
});
