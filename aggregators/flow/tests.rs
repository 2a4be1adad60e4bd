//! Shares that add up, periods, memory, and what is refused.

use super::*;
use crate::testing::refusal;
use agent_packets::{Cause, Packet};
use serde_json::json;
use std::sync::Arc;

fn packets(count: u32) -> Cargo {
    let packet = |i: u32| Packet {
        src: u128::from(i % 700) + 1,
        dst: 9,
        src_port: 5,
        dst_port: 53,
        protocol: 17,
        ..Packet::default()
    };
    let mut packets: Packets = (0..count).map(|i| (packet(i), i64::from(i), 100)).collect();
    packets.tally.not_counted(Cause::Arp);
    Arc::new(packets)
}

/// The instances of a task, as the agent makes them.
fn instances(settings: serde_json::Value, count: usize, alias: &str) -> Vec<Flow> {
    let env = Env { alias: alias.to_owned(), ..Env::new("aggregators.flow") };
    let mut all: Vec<Flow> =
        (0..count).map(|_| Flow::new(serde_json::from_value(settings.clone()).unwrap(), &env).unwrap()).collect();
    all.iter_mut().enumerate().for_each(|(index, instance)| instance.share(index, count));
    all
}

fn sum(batch: &Batch, name: &str) -> f64 {
    batch.iter().filter_map(|m| m.field(name)?.number()).sum()
}

fn counters(alias: &str) -> Vec<(String, i64)> {
    let env = Env { alias: alias.to_owned(), ..Env::new("aggregators.flow") };
    env.stats("flow", &[]).read().into_iter().filter(|(_, n)| *n != 0).collect()
}

#[test]
fn instances_divide_the_flows_and_the_ledger_adds_up() {
    let mut all = instances(json!({}), 3, "divide");
    let mut out = Collector::new();
    for _ in 0..4 {
        let cargo = packets(5000);
        all.iter_mut().for_each(|instance| instance.load(&cargo, &mut out));
    }
    all.iter_mut().for_each(|instance| instance.flush(&mut out));
    let held: usize = all.iter().map(|instance| instance.table.len()).sum();
    assert_eq!((held, counters("divide").iter().find(|(n, _)| n == "flows_held").map(|(_, n)| *n)), (700, Some(700)));
    let cargo = packets(500);
    all.iter_mut().for_each(|instance| instance.load(&cargo, &mut out));
    all.iter_mut().for_each(|instance| instance.finish(&mut out));
    let batch = out.take();
    // One record for the period, one for what came after.
    assert_eq!((batch.len(), sum(&batch, "src_packets"), sum(&batch, "src_bytes")), (1200, 20_500.0, 2_050_000.0));
    assert_eq!(out.take_errors().0.len(), 0);
    let expected = [
        ("packets_read", 20_505),
        ("packets_in_flows", 20_500),
        ("packets_arp", 5),
        ("packets_counted", 20_500),
        ("packets_reported", 20_500),
        ("flows_reported", 1200),
        ("instances_ended", 3),
    ];
    assert_eq!(counters("divide"), expected.map(|(name, n)| (name.to_owned(), n)));
}

#[test]
fn a_ledger_that_does_not_add_up_is_an_error() {
    let mut all = instances(json!({}), 2, "wrong");
    let mut out = Collector::new();
    // Only one of the two is told.
    all[0].load(&packets(5000), &mut out);
    all.iter_mut().for_each(|instance| instance.finish(&mut out));
    let (errors, _) = out.take_errors();
    assert!(errors.len() == 1 && errors[0].to_string().contains("does not add up: 5001 packets read"), "{errors:?}");
}

#[test]
fn memory_is_bounded_and_nothing_gets_lost() {
    let mut all = instances(json!({"memory_limit": "1MiB"}), 1, "bounded");
    let mut out = Collector::new();
    for round in 0..20u32 {
        let packet =
            |i: u32| Packet { src: u128::from(round * 1000 + i) + 1, dst: 9, protocol: 17, ..Packet::default() };
        let packets: Packets = (0..1000).map(|i| (packet(i), i64::from(round), 60)).collect();
        all[0].load(&(Arc::new(packets) as Cargo), &mut out);
        assert!(all[0].table.len() < 4000, "{}", all[0].table.len());
    }
    all[0].finish(&mut out);
    let batch = out.take();
    let evicted = batch.iter().filter(|m| m.field("end_reason") == Some(Value::Str("evicted"))).count();
    assert!((16_000..20_000).contains(&evicted), "{evicted}");
    assert_eq!((sum(&batch, "src_packets"), out.take_errors().0.len()), (20_000.0, 0));
}

#[test]
fn what_others_carry_is_nothing_to_it() {
    let mut all = instances(json!({}), 1, "others");
    let mut out = Collector::new();
    all[0].load(&(Arc::new(5u32) as Cargo), &mut out);
    all[0].flush(&mut out);
    all[0].finish(&mut out);
    assert!(out.take().is_empty() && out.take_errors().0.is_empty());
}

#[test]
fn settings_that_cannot_be() {
    for (settings, why) in [
        (json!({"keys": []}), "keys: without any"),
        (json!({"ipv4_prefix": 33}), "ipv4_prefix"),
        (json!({"ipv6_prefix": 129}), "ipv6_prefix"),
        (json!({"memory_limit": "10KiB"}), "memory_limit"),
        (json!({"local_networks": ["10/8"]}), "local_networks: \"10/8\" is no network"),
        (json!({"tags": ["bytes"]}), "tags: \"bytes\" cannot be a tag"),
    ] {
        let refusal = refusal::<Flow>(settings);
        assert!(refusal.contains(why), "{refusal}");
    }
}
