//! What is an event and what is none, period by period, and the bounds of the tables.

use super::*;
use crate::flow::Flow as Task;
use crate::testing::{build, refusal};
use agent_api::{Aggregator, Batch, Cargo, MetricRef};
use agent_packets::{Packet, Packets};
use serde_json::json;
use std::sync::Arc;

fn packet(src: u32, src_port: u16, dst: u32, dst_port: u16, flags: u8) -> Packet {
    let (src, dst) = (src.into(), dst.into());
    Packet { src, src_port, dst, dst_port, tcp_flags: flags, protocol: 6, ip_bytes: 60, ..Packet::default() }
}

/// One period with these packets.
fn period(task: &mut Task, packets: Vec<Packet>, wire: u32) -> Batch {
    let packets: Packets = packets.into_iter().map(|packet| (packet, 5, wire)).collect();
    let mut out = Collector::new();
    task.load(&(Arc::new(packets) as Cargo), &mut out);
    task.flush(&mut out);
    out.take()
}

fn events(batch: &Batch) -> Vec<String> {
    let line = |m: MetricRef<'_>| {
        let fields: Vec<String> = m.fields().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{} {}", m.tag("type").unwrap(), fields.join(" "))
    };
    batch.iter().filter(|m| m.name() == "flow_event").map(line).collect()
}

#[test]
fn large_flows() {
    let mut task: Task = build(json!({"flow_above": "1000B"})).unwrap();
    let packets = vec![packet(1, 9, 2, 80, 0x10), packet(2, 80, 1, 9, 0x10), packet(3, 9, 2, 80, 0x10)];
    let expected = r#"bytes src=Str("0.0.0.1") dst=Str("0.0.0.2") src_port=Uint(9) dst_port=Uint(80) protocol=Str("tcp") value=Uint(1200) threshold=Uint(1000)"#;
    for _ in 0..2 {
        assert_eq!(events(&period(&mut task, packets.clone(), 600)), [expected]);
    }
    assert_eq!(events(&period(&mut task, packets, 500)), [""; 0]);
}

#[test]
fn floods_and_scans_in_each_period() {
    let mut task: Task = build(json!({"syn_flood_above": 50, "scan_above": 20})).unwrap();
    for _ in 0..3 {
        let mut packets = Vec::new();
        for i in 0..60u16 {
            // From everywhere to one, half of it answered, none completed.
            packets.push(packet(1000 + u32::from(i), 7, 80, 80, SYN));
            if i % 2 == 0 {
                packets.push(packet(80, 80, 1000 + u32::from(i), 7, SYN_ACK));
            }
            // Completed, to another.
            let client = 2000 + u32::from(i);
            packets.extend([packet(client, 7, 81, 80, SYN), packet(81, 80, client, 7, SYN_ACK)]);
            packets.push(packet(client, 7, 81, 80, 0x10));
            // One tries many ports, which refuse; another one the same again and again from other ports.
            packets.extend([packet(5, 7, 82, 100 + i, SYN), packet(82, 100 + i, 5, 7, 0x14)]);
            packets.push(packet(6, 7000 + i, 83, 25, SYN));
            packets.push(packet(83, 25, 6, 7000 + i, 0x14));
        }
        let expected = [
            r#"syn_flood dst=Str("0.0.0.80") dst_port=Uint(80) value=Uint(60) threshold=Uint(50)"#,
            r#"scan src=Str("0.0.0.5") value=Uint(60) threshold=Uint(20)"#,
        ];
        assert_eq!(events(&period(&mut task, packets, 60)), expected);
    }
}

#[test]
fn listeners_are_new_once_and_not_in_the_first_period() {
    let mut task: Task = build(json!({"new_listeners": true})).unwrap();
    let mut client = 100;
    let mut serve = |ports: &[u16]| {
        let mut packets = Vec::new();
        for port in ports {
            client += 1;
            packets.extend([packet(client, 7, 9, *port, SYN), packet(9, *port, client, 7, SYN_ACK)]);
        }
        // Who refuses does not listen.
        packets.extend([packet(client, 8, 9, 99, SYN), packet(9, 99, client, 8, 0x14)]);
        events(&period(&mut task, packets, 60))
    };
    assert_eq!(serve(&[80, 443]), [""; 0]);
    assert_eq!(serve(&[80, 22]), [r#"listener dst=Str("0.0.0.9") dst_port=Uint(22)"#]);
    assert_eq!(serve(&[22, 443]), [""; 0]);
}

#[test]
fn tables_are_bounded_and_what_is_much_is_told() {
    let mut counts: Counts<u32> = Counts::default();
    for i in 0..200_000 {
        counts.add(i);
        if i % 4 == 0 {
            counts.add(u32::MAX);
        }
        assert!(counts.0.len() <= MAX_KEYS);
    }
    let above = counts.above(40_000);
    assert!(above.len() == 1 && above[0].0 == u32::MAX && above[0].1 <= 50_000, "{above:?}");
    let end = |i: u32| (IpAddr::from(i.to_be_bytes()), 80);
    let mut listeners = Listeners { learned: true, ..Listeners::default() };
    assert!((0..100_000).all(|i| listeners.is_new(end(i))));
    // Those of before there were too many are still known.
    assert!(!listeners.is_new(end(99_999)) && !listeners.is_new(end(1000)));
    assert!(listeners.now.len() <= MAX_KEYS && listeners.before.len() <= MAX_KEYS);
}

#[test]
fn too_many_events_are_counted() {
    let mut task: Task = build(json!({"flow_above": "1B"})).unwrap();
    let packets = (0..1500).map(|i| packet(i, 1, 70_000, 2, 0x10)).collect();
    assert_eq!(events(&period(&mut task, packets, 60)).len(), MAX_EVENTS);
    assert_eq!(events(&period(&mut task, vec![packet(1, 1, 70_000, 2, 0x10)], 60)).len(), 1);
}

#[test]
fn keys_that_tell_nothing_of_connections() {
    for settings in [json!({"scan_above": 5, "keys": ["src"]}), json!({"new_listeners": true, "direction": "uniflow"})]
    {
        assert!(refusal::<Task>(settings).contains("flows have to be conversations"));
    }
}
