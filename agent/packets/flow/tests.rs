//! Directions, ends, bounds.

use super::*;
use crate::decode::Kind;
use crate::decode::Packet;

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

fn by_vlan() -> Settings {
    Settings { keys: Keys { vlan: true, ..Keys::default() }, ..Settings::default() }
}

/// A packet of 100 bytes.
fn seen(packet: Packet, time: i64) -> (Packet, i64, u32) {
    (packet, time, 100)
}

fn run(settings: Settings, all: &[(i64, Packet)]) -> Vec<Flow> {
    let mut table = Table::new(settings);
    table.add(&all.iter().map(|(time, packet)| seen(*packet, *time)).collect());
    assert_eq!(table.taken(), all.len() as u64);
    let mut flows: Vec<Flow> = table.ended().collect();
    table.finish(&mut |flow| flows.push(flow));
    assert!(table.is_empty());
    flows
}

#[test]
fn the_first_packet_says_who_began() {
    for (a, b) in [(1, 2), (2, 1), (1 << 100, 2 << 100), (2 << 100, 1 << 100)] {
        let (there, back) = (packet(a, 500, b, 53, 0), packet(b, 53, a, 500, 0));
        let flows = run(Settings::default(), &[(5, there), (7, back), (6, back)]);
        assert_eq!(flows.len(), 1);
        let f = &flows[0];
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
    let mut flows = run(by_vlan(), &[(0, user), (1, tagged), (2, network), (3, plain)]);
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
    table.add(&Packets::from_iter([seen(packet(1, 9, 2, 80, 0), 0)]));
    table.add(&Packets::from_iter([seen(packet(3, 9, 2, 80, 0), 100 * SECOND)]));
    assert_eq!(table.ended().map(|f| f.ended).collect::<Vec<_>>(), [Ended::Idle]);
    assert_eq!(table.len(), 1);
}

#[test]
fn a_wrong_time_does_not_stop_the_clock() {
    let mut table = Table::new(Settings { idle: Some(30 * SECOND), ..Settings::default() });
    table.add(&Packets::from_iter([seen(packet(1, 9, 2, 80, 0), i64::MAX - 5)]));
    table.add(&Packets::from_iter([seen(packet(3, 9, 2, 80, 0), 0)]));
    table.add(&Packets::from_iter([seen(packet(4, 9, 2, 80, 0), 50 * SECOND)]));
    assert_eq!(table.ended().map(|f| f.src.to_string()).collect::<Vec<_>>(), ["0.0.0.3"]);
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
        let mut one = packet((u128::from(i) + 1) << shift, 1, 2, 2, 0);
        one.tunnel = Tunnel { kind: Kind::Gtp, id: i, ..Tunnel::default() };
        table.add(&Packets::from_iter([seen(one, i64::from(i))]));
        assert!(table.len() <= 100);
        for flow in table.ended() {
            assert_eq!(flow.ended, Ended::Evicted);
            counted += flow.packets[0];
        }
    }
    assert!(table.complete.tunnels.places.len() <= 101, "places are used again");
    table.finish(&mut |flow| counted += flow.packets[0]);
    assert_eq!(counted, 10_000);
}

#[test]
fn what_was_seen_of_late_stays() {
    let mut table = Table::new(Settings { max_flows: 1000, ..Settings::default() });
    for i in 0..20_000_u32 {
        let time = i64::from(i);
        table.add(&Packets::from_iter([
            seen(packet(u128::from(i) + 10, 1, 2, 2, 0), time),
            seen(packet(1, 1, 2, 2, 0), time),
        ]));
    }
    let busy = table.ended().filter(|f| f.packets[0] > 1).count();
    assert_eq!(busy, 0, "the flow that is seen all the time is never evicted");
}

#[test]
fn the_way_back_may_have_other_tags() {
    let tagged = |packet: Packet, vlan: u16| Packet { vlans: [vlan, 0], ..packet };
    let (there, back) = (packet(1, 9, 2, 80, 0), packet(2, 80, 1, 9, 0));
    let flows = run(by_vlan(), &[(0, tagged(there, 5)), (1, tagged(back, 6)), (2, there), (3, tagged(there, 5))]);
    let mut counted: Vec<_> = flows.iter().map(|f| (f.first, f.packets, f.vlans[0])).collect();
    counted.sort_unstable();
    assert_eq!(counted, [(0, [2, 1], 5), (2, [1, 0], 0)]);
    // Two networks with the same addresses: each way back is with the way there.
    let flows =
        run(by_vlan(), &[(0, tagged(there, 5)), (1, tagged(there, 6)), (2, tagged(back, 6)), (3, tagged(back, 5))]);
    assert!(flows.len() == 2 && flows.iter().all(|f| f.packets == [1, 1]));
}

#[test]
fn the_same_ends_in_very_many_networks() {
    let packets: Vec<(i64, Packet)> =
        (0..5000).map(|i| (i64::from(i), Packet { vlans: [i / 100, i % 100], ..packet(1, 9, 2, 80, 0) })).collect();
    let flows = run(by_vlan(), &packets);
    assert_eq!(flows.len(), 64);
    assert_eq!(flows.iter().map(|f| f.packets[0]).sum::<u64>(), 5000);
}

#[test]
fn what_is_not_in_the_key_does_not_tell_apart() {
    let keys = Keys { src: true, dst: true, ipv4_prefix: 24, ..Keys::NONE };
    let settings = Settings { keys, ..Settings::default() };
    let packets = [
        (0, packet(0x0a00_0001, 9, 0x0b00_0001, 80, 0x10)),
        (1, packet(0x0b00_00ff, 7, 0x0a00_0063, 8, 0)),
        (2, packet(0x0a00_0101, 9, 0x0b00_0001, 80, 0)),
        (3, packet(1 << 100, 9, 2 << 100, 80, 0)),
    ];
    let mut flows = run(settings, &packets);
    flows.sort_by_key(|f| f.first);
    let short: Vec<_> = flows.iter().map(|f| (f.src.to_string(), f.src_port, f.protocol, f.packets)).collect();
    let expected = [("10.0.0.0", [1, 1]), ("10.0.1.0", [1, 0]), ("0:10::", [1, 0])];
    assert_eq!(short.len(), 3);
    for ((address, port, protocol, packets), (prefix, counted)) in short.into_iter().zip(expected) {
        let prefix: std::net::IpAddr = prefix.parse().expect("an address");
        assert_eq!((address, port, protocol, packets), (prefix.to_string(), 0, 0, counted));
    }
}

#[test]
fn hardware_addresses_interfaces_and_service_tell_apart_where_asked_for() {
    let keys = Keys { src_mac: true, dst_mac: true, tos: true, interface: true, ..Keys::default() };
    let there = Packet { macs: [[1; 6], [2; 6]], tos: 4, ..packet(1, 9, 2, 80, 0) };
    let back = Packet { macs: [[2; 6], [1; 6]], tos: 4, ..packet(2, 80, 1, 9, 0) };
    let moved = Packet { macs: [[3; 6], [2; 6]], ..there };
    let other = Packet { tos: 8, ..there };
    let mut table = Table::new(Settings { keys, ..Settings::default() });
    let mut packets = Packets::from_iter([seen(there, 0), seen(back, 0), seen(moved, 5), seen(other, 7)]);
    packets.push(&there, 9, 100, 3);
    table.add(&packets);
    let mut flows = Vec::new();
    table.finish(&mut |f| flows.push(f));
    flows.sort_by_key(|f| f.first);
    let short: Vec<_> = flows.iter().map(|f| (f.packets, f.macs[0][0], f.macs[1][0], f.tos, f.interface)).collect();
    assert_eq!(short, [([1, 1], 1, 2, 4, 0), ([1, 0], 3, 2, 4, 0), ([1, 0], 1, 2, 8, 0), ([1, 0], 1, 2, 4, 3)]);
    assert_eq!((flows[0].src, flows[0].protocol), (there.src_ip(), 17));
}

#[test]
fn one_record_a_direction_where_asked_for_and_where_the_key_has_one_end() {
    let packets = [(0, packet(9, 80, 1, 999, 0x12)), (1, packet(1, 999, 9, 80, 0x10))];
    let flows = run(Settings { uniflow: true, ..Settings::default() }, &packets);
    assert_eq!(flows.iter().map(|f| (f.src_port, f.packets)).collect::<Vec<_>>(), [(80, [1, 0]), (999, [1, 0])]);
    let keys = Keys { dst: true, ..Keys::NONE };
    let flows = run(Settings { keys, ..Settings::default() }, &packets);
    let mut to: Vec<_> = flows.iter().map(|f| (f.dst.to_string(), f.packets)).collect();
    to.sort_unstable();
    assert_eq!(to, [("0.0.0.1".to_owned(), [1, 0]), ("0.0.0.9".to_owned(), [1, 0])]);
}

#[test]
fn reports_are_deltas_or_sums() {
    for cumulative in [false, true] {
        let mut table = Table::new(Settings { cumulative, ..Settings::default() });
        let mut reports = Vec::new();
        let one = packet(1, 9, 2, 80, 0);
        for round in 0..3 {
            table.add(&Packets::from_iter([seen(one, round * 10), seen(one, round * 10 + 1)]));
            table.report(round * 10 + 5, &mut |f| reports.push((f.packets[0], f.first, f.last, f.ended)));
            // Without packets there is nothing to report.
            table.report(round * 10 + 6, &mut |f| reports.push((f.packets[0], f.first, f.last, f.ended)));
        }
        table.finish(&mut |f| reports.push((f.packets[0], f.first, f.last, f.ended)));
        let first = |round: i64| if cumulative { 0 } else { round * 10 };
        let packets = |round: i64| if cumulative { 2 * (round as u64 + 1) } else { 2 };
        let expected: Vec<_> = (0..3).map(|r| (packets(r), first(r), r * 10 + 1, Ended::Active)).collect();
        assert_eq!(reports, expected);
        assert!(table.is_empty());
    }
}

#[test]
fn closed_connections_end_soon_and_begin_anew() {
    let settings = Settings { closed: Some(SECOND), idle: Some(60 * SECOND), ..Settings::default() };
    let packets = [
        (0, packet(1, 9, 2, 80, 0x02)),
        (1, packet(2, 80, 1, 9, 0x12)),
        (2, packet(1, 9, 2, 80, 0x11)),
        (3, packet(2, 80, 1, 9, 0x11)),
        (4, packet(1, 9, 2, 80, 0x10)),
        // The same ports at once.
        (5, packet(1, 9, 2, 80, 0x02)),
        (6, packet(2, 80, 1, 9, 0x14)),
        (5 * SECOND, packet(7, 7, 8, 8, 0)),
    ];
    let flows = run(settings, &packets);
    let short: Vec<_> = flows.iter().map(|f| (f.packets, f.ended, f.state())).collect();
    assert_eq!(
        short,
        [([3, 2], Ended::Closed, Some("SF")), ([1, 1], Ended::Closed, Some("REJ")), ([1, 0], Ended::Forced, None)]
    );
}

#[test]
fn shares_divide_the_flows() {
    let packet = |i: u32| {
        let (a, b) = (u128::from(i % 1000) + 10, 1);
        (if i.is_multiple_of(2) { packet(a, 5, b, 6, 0) } else { packet(b, 6, a, 5, 0) }, i64::from(i), 100)
    };
    let packets: Packets = (0..3000).map(packet).collect();
    let (mut taken, mut flows) = (0, 0);
    for share in 0..3 {
        let mut table = Table::new(Settings { share: (share, 3), ..Settings::default() });
        table.add(&packets);
        assert!((200..500).contains(&table.len()), "{}", table.len());
        taken += table.taken();
        flows += table.len();
    }
    assert_eq!((taken, flows), (3000, 1000));
}

#[test]
fn connections_are_followed() {
    let tcp = |src: u128, flags: u8, sequence: u32, payload: u32, window: u16| {
        let (src_port, dst, dst_port) = if src == 1 { (999, 2, 80) } else { (80, 1, 999) };
        Packet { tcp_header: true, sequence, payload, window, ..packet(src, src_port, dst, dst_port, flags) }
    };
    const MS: i64 = 1_000_000;
    let packets = [
        (MS, tcp(1, 0x02, u32::MAX - 1, 0, 9)),
        (31 * MS, tcp(2, 0x12, 500, 0, 9)),
        (35 * MS, tcp(1, 0x10, u32::MAX, 0, 9)),
        // Over the end of the numbers.
        (36 * MS, tcp(1, 0x18, u32::MAX, 100, 9)),
        (37 * MS, tcp(1, 0x18, 99, 50, 9)),
        // Again, long after.
        (900 * MS, tcp(1, 0x18, 99, 50, 9)),
        // One is left out and comes at once.
        (901 * MS, tcp(2, 0x18, 701, 100, 0)),
        (902 * MS, tcp(2, 0x18, 501, 200, 9)),
        (903 * MS, tcp(2, 0x18, 801, 1, 9)),
        // Is somebody there?
        (2000 * MS, tcp(2, 0x10, 801, 1, 9)),
        (2001 * MS, tcp(2, 0x10, 801, 0, 9)),
    ];
    let flows = run(Settings::default(), &packets);
    assert_eq!(
        flows[0].tcp,
        Some(Tcp {
            dst_latency: 30_000_000,
            src_latency: 4_000_000,
            retransmissions: [1, 0],
            out_of_order: [0, 1],
            zero_windows: [0, 1],
        })
    );
    assert_eq!((flows.len(), flows[0].state()), (1, Some("S1")));
    assert_eq!(run(Settings { tcp: false, ..Settings::default() }, &packets)[0].tcp, None);
}

#[test]
fn flows_come_and_go_as_in_a_plain_map() {
    // What the index does at each kind of place: chains, holes, wraps, growth.
    let mut random = crate::decode::Random(9);
    let mut table = Table::new(Settings { idle: Some(3 * SECOND), ..Settings::default() });
    let mut known: std::collections::HashMap<u128, (i64, u64)> = std::collections::HashMap::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..40_000i64 {
        let time = round * SECOND / 1000;
        let src = random.below(4000) as u128 + 10;
        table.add(&Packets::from_iter([seen(packet(src, 1, 2, 2, 0), time)]));
        ours.extend(table.ended().map(|f| (f.first, f.packets[0])));
        let (last, packets) = known.entry(src).or_insert((time, 0));
        if time - *last > 3 * SECOND {
            theirs.push(std::mem::take(packets));
        }
        (*last, *packets) = (time, *packets + 1);
    }
    table.finish(&mut |f| ours.push((f.first, f.packets[0])));
    theirs.extend(known.values().map(|(_, packets)| *packets));
    let mut ours: Vec<u64> = ours.into_iter().map(|(_, packets)| packets).collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
}

/// What idles ends when it should, whatever the clock does: the lists say so, or all flows are looked at.
#[test]
fn ends_are_those_of_looking_at_every_flow() {
    let (idle, closed) = (10 * SECOND, 4 * SECOND);
    for back in [0, 300] {
        let settings = Settings { idle: Some(idle), closed: Some(closed), ..Settings::default() };
        let mut table = Table::new(settings);
        let mut random = crate::decode::Random(7);
        let mut model: std::collections::BTreeMap<u128, (i64, bool)> = std::collections::BTreeMap::new();
        let (mut time, mut ended) = (1000 * SECOND, 0);
        for i in 0..20_000 {
            time += random.below(SECOND as usize / 10) as i64;
            if back > 0 && i % 500 == 499 {
                time -= back * SECOND;
            }
            // The search that comes with time, or another one between two of them.
            table.sweep(time);
            ended += table.ended().count();
            model.retain(|_, (last, reset)| time - *last <= if *reset { closed } else { idle });
            assert_eq!(table.len(), model.len(), "{i} with {back} s back");
            let (source, reset) = (10 + random.below(400) as u128, random.below(4) == 0);
            table.add(&Packets::from_iter([seen(packet(source, 9, 1, 80, if reset { 0x14 } else { 0x10 }), time)]));
            let flow = model.entry(source).or_insert((time, false));
            *flow = (flow.0.max(time), flow.1 || reset);
        }
        assert!(ended > 400, "{ended}");
    }
}

/// One flow as it would be counted without halves, marks and ticks.
#[derive(Default)]
struct Plain {
    first: i64,
    last: i64,
    since: i64,
    packets: [u64; 2],
    bytes: [u64; 2],
    fresh: bool,
}

impl Plain {
    fn report(&mut self, now: i64, cumulative: bool) -> (i64, i64, [u64; 2], [u64; 2]) {
        let report = (self.first, self.last, self.packets, self.bytes);
        (self.since, self.fresh) = (now, false);
        if !cumulative {
            (self.packets, self.bytes) = ([0; 2], [0; 2]);
        }
        report
    }
}

#[test]
fn records_are_those_of_plain_sums_and_times() {
    let hour = 3600 * SECOND;
    let mut reported = 0;
    let limits = [None, Some(0), Some(5 * SECOND), Some(300 * SECOND), Some(3 * hour), Some(12 * hour)];
    for (run, cumulative, active) in (0..12).map(|run| (run, run % 2 == 1, limits[run / 2])) {
        let settings = Settings { active, cumulative, ..Settings::default() };
        let (mut table, mut plain) = (Table::new(settings), Plain::default());
        let mut random = crate::decode::Random(run as u64 + 3);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut time = 1000 * hour;
        for i in 0..4000 {
            // Mostly forth by a little, sometimes back, sometimes by hours and days.
            let step = random.below(20) as i64 * SECOND / 10;
            time += match random.below(60) {
                0 => -step,
                1 => step * 1000,
                2 => step * 20_000,
                3 => -step * 20_000,
                _ => step,
            };
            let (side, wire) = (random.below(2.min(i + 1)), random.below(1 << 32) as u32);
            let one = if side == 0 { packet(1, 9, 2, 80, 0) } else { packet(2, 80, 1, 9, 0) };
            table.add(&Packets::from_iter([(one, time, wire)]));
            if i == 0 {
                (plain.first, plain.last, plain.since) = (time, time, time);
            } else if plain.packets != [0; 2] && active.is_some_and(|active| time - plain.since > active) {
                theirs.extend(plain.fresh.then(|| plain.report(time, cumulative)));
                (plain.since, plain.fresh) = (time, false);
            }
            if plain.packets == [0; 2] {
                (plain.first, plain.since) = (time, time);
            }
            (plain.first, plain.last, plain.fresh) = (plain.first.min(time), plain.last.max(time), true);
            plain.packets[side] += 1;
            plain.bytes[side] += u64::from(wire);
            ours.extend(table.ended().map(|f| (f.first, f.last, f.packets, f.bytes)));
            if random.below(200) == 0 {
                table.report(time, &mut |f| ours.push((f.first, f.last, f.packets, f.bytes)));
                theirs.push(plain.report(time, cumulative));
            }
        }
        table.finish(&mut |f| ours.push((f.first, f.last, f.packets, f.bytes)));
        theirs.extend(plain.fresh.then(|| plain.report(time, cumulative)));
        reported += theirs.len();
        assert_eq!(ours, theirs, "{active:?} {cumulative}");
    }
    assert!(reported > 3000, "{reported}");
}
