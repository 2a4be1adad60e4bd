//! The table counts nearly all packets in a short way: they must come out as if all had gone the long way.

use super::*;
use crate::decode::{Kind, Packet, Random};

impl Table {
    /// As `add`, though no packet finds its record in time for the short way.
    fn add_slowly(&mut self, packets: &Packets) {
        let mut numbers = 0..packets.seen().len();
        loop {
            let coming = self.gather(packets, &mut numbers);
            let Self { settings, v4, v6, wide, .. } = self;
            v4.locate(packets, settings);
            v6.locate(packets, settings);
            wide.locate(packets, settings);
            v4.lose();
            v6.lose();
            wide.lose();
            self.run(packets, coming);
            if coming == 0 {
                break;
            }
        }
        packets.latest().into_iter().for_each(|latest| self.passed(latest));
    }
}

/// Connections as they are: mostly in order, sometimes with everything that happens.
struct Traffic {
    random: Random,
    time: i64,
    /// The next number of each side of each connection.
    next: Vec<[u32; 2]>,
    /// Some packets are in tunnels.
    tunnels: bool,
}

impl Traffic {
    fn packet(&mut self) -> (Packet, i64, u32) {
        let r = &mut self.random;
        let flow = r.below(self.next.len());
        let side = r.below(2);
        self.time += match r.below(400) {
            0 => 40_000_000_000,
            1 => -3_000_000_000,
            2 => 20_000_000_000_000,
            _ => r.below(30_000_000) as i64,
        };
        let (v6, protocol) = (flow.is_multiple_of(5), if flow.is_multiple_of(3) { 17 } else { 6 });
        let ends = [(7 + flow as u128, 999), (5 + flow as u128 * 2, 80)];
        let ((src, src_port), (dst, dst_port)) = (ends[side], ends[1 - side]);
        let payload = if r.below(3) == 0 { 0 } else { r.below(1400) as u32 };
        let tcp_flags = [0x02, 0x12, 0x11, 0x14, 0x18, 0x10, 0x10, 0x10, 0x10, 0x10][r.below(10).max(r.below(10))];
        let tcp_header = protocol == 6 && r.below(50) > 0;
        let next = &mut self.next[flow][side];
        let sequence = match r.below(20) {
            0 => next.wrapping_sub(100),
            1 => next.wrapping_add(100),
            _ => *next,
        };
        *next = sequence.wrapping_add(payload + u32::from(tcp_flags & 3 != 0));
        let tunnel = if r.below(100) == 0 && self.tunnels {
            Tunnel { kind: Kind::Vxlan, network: r.below(2) as u32, ..Tunnel::default() }
        } else {
            Tunnel::default()
        };
        let packet = Packet {
            v6,
            protocol,
            src,
            dst,
            src_port,
            dst_port,
            vlans: [if r.below(30) == 0 { r.below(3) as u16 } else { 0 }, 0],
            tunnel,
            ip_bytes: payload + 40,
            tcp_flags: if protocol == 6 { tcp_flags } else { 0 },
            tcp_header,
            sequence: if tcp_header { sequence } else { 0 },
            payload: if tcp_header { payload } else { 0 },
            window: if tcp_header { r.below(10) as u16 } else { 0 },
            ..Packet::default()
        };
        // The sums are to overflow their lower halves.
        (packet, self.time, if r.below(9) == 0 { u32::MAX } else { payload + 54 })
    }
}

#[test]
fn the_short_way_counts_as_the_long_way() {
    let second = 1_000_000_000;
    let plain = Settings::default();
    let all = [
        plain,
        Settings { tcp: false, ..plain },
        Settings { idle: Some(10 * second), active: Some(60 * second), closed: Some(second), spreads: true, ..plain },
        Settings { active: Some(20_000 * second), cumulative: true, ..plain },
        Settings { keys: Keys { vlan: true, ..Keys::default() }, idle: Some(0), ..plain },
        Settings { uniflow: true, idle: Some(30 * second), ..plain },
        Settings { share: (1, 2), max_flows: 2000, closed: Some(0), ..plain },
        Settings { keys: Keys { tos: true, ..Keys::default() }, active: Some(0), ..plain },
    ];
    // Without tunnels all flows of the usual keys are of one scope.
    let all = all.into_iter().flat_map(|settings| [(settings, false), (settings, true)]);
    for (i, (settings, tunnels)) in all.enumerate() {
        let mut traffic = Traffic { random: Random(i as u64 + 1), time: 1 << 60, next: vec![[0; 2]; 300], tunnels };
        let (mut quick, mut slow) = (Table::new(settings), Table::new(settings));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..60 {
            let packets: Packets = (0..500).map(|_| traffic.packet()).collect();
            quick.add(&packets);
            slow.add_slowly(&packets);
            ours.extend(quick.ended());
            theirs.extend(slow.ended());
            if round % 20 == 7 {
                quick.report(traffic.time, &mut |flow| ours.push(flow));
                slow.report(traffic.time, &mut |flow| theirs.push(flow));
            }
        }
        quick.finish(&mut |flow| ours.push(flow));
        slow.finish(&mut |flow| theirs.push(flow));
        assert!(ours.len() >= 100 && ours == theirs, "{settings:?}: {} and {} records", ours.len(), theirs.len());
        assert_eq!(quick.taken(), slow.taken());
    }
}
