//! Directions, ends, bounds.

use super::*;

const SECOND: i64 = 1_000_000_000;

fn packet(src: u128, src_port: u16, dst: u128, dst_port: u16, tcp_flags: u8) -> Packet {
    let protocol = if tcp_flags > 0 { 6 } else { 17 };
    Packet {
        protocol,
        tcp_flags,
        src,
        dst,
        src_port,
        dst_port,
        ip_bytes: 86,
        v6: src > u128::from(u32::MAX),
        ..Packet::default()
    }
}

fn run(settings: Settings, packets: &[(i64, Packet)]) -> Vec<Flow> {
    let mut table = Table::new(settings);
    for (time, packet) in packets {
        table.add(packet, *time, 100);
    }
    table.finish();
    assert!(table.is_empty());
    table.ended().collect()
}

#[test]
fn the_first_packet_says_who_began() {
    for (a, b) in [(1, 2), (2, 1), (1 << 100, 2 << 100), (2 << 100, 1 << 100)] {
        let (there, back) = (packet(a, 500, b, 53, 0), packet(b, 53, a, 500, 0));
        let flows = run(Settings::default(), &[(5, there), (7, back), (6, back)]);
        assert_eq!(flows.len(), 1);
        let f = flows[0];
        assert_eq!((f.src, f.dst, f.src_port, f.dst_port), (there.src_ip(), there.dst_ip(), 500, 53));
        assert_eq!((f.packets, f.bytes, f.ip_bytes), ([1, 2], [100, 200], [86, 172]));
        assert_eq!((f.first, f.last, f.ended), (5, 7, Ended::Forced));
    }
}

#[test]
fn an_answer_that_comes_first_is_turned() {
    let flows = run(Settings::default(), &[(0, packet(9, 80, 1, 999, 0x12)), (1, packet(1, 999, 9, 80, 0x10))]);
    assert_eq!((flows[0].src_port, flows[0].packets, flows[0].tcp_flags), (999, [1, 1], [0x10, 0x12]));
}

#[test]
fn both_must_be_done_or_one_resets() {
    let end = |flags: [u8; 2]| {
        let packets = [(0, packet(1, 9, 2, 80, flags[0])), (1, packet(2, 80, 1, 9, flags[1]))];
        run(Settings::default(), &packets)[0].ended
    };
    assert_eq!(end([0x11, 0x10]), Ended::Forced);
    assert_eq!(end([0x11, 0x11]), Ended::Closed);
    assert_eq!(end([0x10, 0x04]), Ended::Closed);
}

#[test]
fn vlans_and_networks_keep_flows_apart_but_tunnel_numbers_do_not() {
    let plain = packet(1, 9, 2, 80, 0);
    let mut tagged = plain;
    tagged.vlans = [5, 6];
    let mut network = plain;
    network.tunnel = Tunnel { kind: Kind::Vxlan, id: 7, network: 7, src: 3, dst: 4, v6: false };
    let mut user = plain;
    user.tunnel = Tunnel { kind: Kind::Gtp, id: 8, network: 0, src: 3, dst: 4, v6: false };
    let mut flows = run(Settings::default(), &[(0, user), (1, tagged), (2, network), (3, plain)]);
    flows.sort_by_key(|f| f.first);
    assert_eq!(flows.iter().map(|f| f.packets[0]).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(flows.iter().map(|f| f.tunnel.id).collect::<Vec<_>>(), [8, 0, 7]);
    assert_eq!(flows[1].vlans, [5, 6]);
}

#[test]
fn silence_ends_a_flow_and_the_next_packet_begins_another() {
    let settings = Settings { idle: Some(30 * SECOND), ..Settings::default() };
    let packets =
        [(0, packet(1, 9, 2, 80, 0)), (30 * SECOND, packet(1, 9, 2, 80, 0)), (61 * SECOND, packet(2, 80, 1, 9, 0))];
    let flows = run(settings, &packets);
    assert_eq!(
        flows.iter().map(|f| (f.packets, f.src_port, f.ended)).collect::<Vec<_>>(),
        [([2, 0], 9, Ended::Idle), ([1, 0], 80, Ended::Forced),]
    );
}

#[test]
fn silence_is_noticed_by_packets_of_others() {
    let mut table = Table::new(Settings { idle: Some(30 * SECOND), ..Settings::default() });
    table.add(&packet(1, 9, 2, 80, 0), 0, 100);
    table.add(&packet(3, 9, 2, 80, 0), 100 * SECOND, 100);
    assert_eq!(table.ended().map(|f| f.ended).collect::<Vec<_>>(), [Ended::Idle]);
    assert_eq!(table.len(), 1);
}

#[test]
fn a_long_flow_is_reported_piece_by_piece() {
    let settings = Settings { active: Some(10 * SECOND), ..Settings::default() };
    let back = packet(2, 80, 1, 9, 0);
    let packets = [(0, packet(1, 9, 2, 80, 0)), (9 * SECOND, back), (11 * SECOND, back), (12 * SECOND, back)];
    let flows = run(settings, &packets);
    assert_eq!(
        flows.iter().map(|f| (f.packets, f.src_port, f.ended)).collect::<Vec<_>>(),
        [([1, 1], 9, Ended::Active), ([0, 2], 9, Ended::Forced),]
    );
}

#[test]
fn a_full_table_evicts_and_loses_nothing() {
    let mut table = Table::new(Settings { max_flows: 100, ..Settings::default() });
    let mut counted = 0;
    for i in 0..10_000_u32 {
        let shift = if i % 2 == 0 { 64 } else { 0 };
        let mut seen = packet((u128::from(i) + 1) << shift, 1, 2, 2, 0);
        seen.tunnel = Tunnel { kind: Kind::Gtp, id: i, ..Tunnel::default() };
        table.add(&seen, i64::from(i), 100);
        assert!(table.len() <= 100);
        for flow in table.ended() {
            assert_eq!(flow.ended, Ended::Evicted);
            counted += flow.packets[0];
        }
    }
    assert!(table.tunnels.places.len() <= 101, "places are used again");
    table.finish();
    counted += table.ended().map(|f| f.packets[0]).sum::<u64>();
    assert_eq!(counted, 10_000);
}

#[test]
fn what_was_seen_of_late_stays() {
    let mut table = Table::new(Settings { max_flows: 1000, ..Settings::default() });
    for i in 0..20_000_u32 {
        table.add(&packet(u128::from(i) + 10, 1, 2, 2, 0), i64::from(i), 100);
        table.add(&packet(1, 1, 2, 2, 0), i64::from(i), 100);
    }
    let busy = table.ended().filter(|f| f.packets[0] > 1).count();
    assert_eq!(busy, 0, "the flow that is seen all the time is never evicted");
}

#[test]
fn the_way_back_may_have_other_tags() {
    let tagged = |packet: Packet, vlan: u16| Packet { vlans: [vlan, 0], ..packet };
    let (there, back) = (packet(1, 9, 2, 80, 0), packet(2, 80, 1, 9, 0));
    let flows =
        run(Settings::default(), &[(0, tagged(there, 5)), (1, tagged(back, 6)), (2, there), (3, tagged(there, 5))]);
    let mut counted: Vec<_> = flows.iter().map(|f| (f.first, f.packets, f.vlans[0])).collect();
    counted.sort_unstable();
    assert_eq!(counted, [(0, [2, 1], 5), (2, [1, 0], 0)]);
    // Two networks with the same addresses: each way back is with the way there.
    let flows = run(
        Settings::default(),
        &[(0, tagged(there, 5)), (1, tagged(there, 6)), (2, tagged(back, 6)), (3, tagged(back, 5))],
    );
    assert!(flows.len() == 2 && flows.iter().all(|f| f.packets == [1, 1]));
}

#[test]
fn the_same_ends_in_very_many_networks() {
    let packets: Vec<(i64, Packet)> =
        (0..5000).map(|i| (i64::from(i), Packet { vlans: [i / 100, i % 100], ..packet(1, 9, 2, 80, 0) })).collect();
    let flows = run(Settings::default(), &packets);
    assert_eq!(flows.len(), 64);
    assert_eq!(flows.iter().map(|f| f.packets[0]).sum::<u64>(), 5000);
}
