//! All sketches at once over three periods, and what is refused.

use super::*;
use crate::testing::{build, refusal};
use agent_packets::Packet;
use serde_json::json;
use std::sync::Arc;

/// A number that looks random and is the same each time (SplitMix64: Steele, Lea, Flood 2014).
pub(super) fn hash(run: u64, i: u64) -> u64 {
    let z = (run << 40 ^ i).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Keys with weights: a few keys have much, very many have little.
pub(super) fn skewed(run: u64, count: u64) -> Vec<(u64, u64)> {
    let packet = |i| {
        let r = hash(run, i);
        let key = if r.is_multiple_of(3) { r >> 8 } else { (r >> 8) % 2u64.pow((r % 13) as u32) };
        (key, 40 + (r >> 40) % 1460)
    };
    (0..count).map(packet).collect()
}

/// 5000 hosts of both versions of IP; one sends a third of all, one scans ports.
fn packets() -> Vec<(Packet, i64, u32)> {
    let packet = |i: u64| {
        let r = hash(4, i);
        let host = r % 5000;
        let packet = match r >> 32 & 7 {
            0..=2 => {
                Packet { src: 0x0a01_3ff4, dst: 9, src_port: 443, dst_port: 50_000, protocol: 6, ..Packet::default() }
            }
            3 => {
                Packet { src: 0x0a00_0001, dst: 7, dst_port: (r >> 40) as u16 % 1000, protocol: 6, ..Packet::default() }
            }
            _ if host.is_multiple_of(7) => Packet {
                v6: true,
                src: 1 << 100 | u128::from(host),
                dst: 5,
                dst_port: 53,
                protocol: 17,
                ..Packet::default()
            },
            _ => {
                Packet { src: u128::from(host) + 0x0b00_0000, dst: 5, dst_port: 53, protocol: 17, ..Packet::default() }
            }
        };
        (packet, i as i64, 1000)
    };
    (0..30_000).map(packet).collect()
}

fn cargo() -> Cargo {
    Arc::new(packets().into_iter().collect::<Packets>())
}

fn field<'a>(m: MetricRef<'a>, name: &str) -> Value<'a> {
    m.field(name).unwrap_or_else(|| panic!("{name} of {}", m.name()))
}

#[test]
fn three_periods_are_alike_and_right() {
    let mut sketch: Sketch = build(json!({
        "distinct": ["src", "src,dst"], "heavy_hitters": ["src"], "spreaders": ["src > dst_port"], "entropy": ["protocol"],
        "counters": 100, "top": 3, "heavy_above": 3_000_000, "spread_above": 500, "seed": 5,
    }))
    .unwrap();
    let mut before: Option<Vec<String>> = None;
    for _ in 0..3 {
        let mut out = Collector::new();
        sketch.load(&cargo(), &mut out);
        sketch.flush(&mut out);
        let batch = out.take();
        let lines: Vec<String> =
            batch.iter().map(|m| format!("{} {:?}", m.name(), m.fields().collect::<Vec<_>>())).collect();
        let of = |name: &str| batch.iter().filter(|m| m.name() == name).collect::<Vec<_>>();
        let distinct = field(of("sketch_distinct")[0], "count").number().unwrap();
        assert!((4500.0..5100.0).contains(&distinct), "{distinct}");
        let heavy = of("sketch_heavy");
        assert_eq!((heavy.len(), field(heavy[0], "src")), (3, Value::Str("10.1.63.244")));
        let (least, error) = (field(heavy[0], "bytes").number().unwrap(), field(heavy[0], "error").number().unwrap());
        let sent = 1000.0 * (0..30_000).filter(|i| (hash(4, *i) >> 32 & 7) < 3).count() as f64;
        assert!(least <= sent && sent <= least + error && error <= 30_000_000.0 / 100.0, "{least} {sent} {error}");
        let spread = of("sketch_spread");
        assert_eq!(field(spread[0], "src"), Value::Str("10.0.0.1"));
        let ports = field(spread[0], "count").number().unwrap();
        assert!((ports / 1000.0 - 1.0).abs() < 0.2, "{ports}");
        let bits = field(of("sketch_entropy")[0], "bits").number().unwrap();
        assert!((bits - 1.0).abs() < 0.01, "half of the packets are TCP: {bits}");
        let events: Vec<_> = of("sketch_event").iter().map(|m| (m.tag("type"), field(*m, "src"))).collect();
        assert_eq!(
            events,
            [
                (Some("heavy"), Value::Str("10.1.63.244")),
                (Some("heavy"), Value::Str("10.0.0.1")),
                (Some("spread"), Value::Str("10.0.0.1"))
            ]
        );
        assert!(before.as_ref().is_none_or(|before| *before == lines), "periods differ");
        before = Some(lines);
    }
    // A period without packets says nothing.
    let mut out = Collector::new();
    sketch.flush(&mut out);
    assert!(out.take().is_empty());
}

#[test]
fn settings_that_cannot_be() {
    for (settings, why) in [
        (json!({}), "nothing is to be estimated"),
        (json!({"distinct": ["sorce"]}), "distinct: \"sorce\" is none of src"),
        (json!({"spreaders": ["src"]}), "spreaders: \"src\" is not of the form"),
        (json!({"distinct": ["src"], "distinct_precision": 3}), "distinct_precision"),
        (json!({"distinct": ["src"], "counters": 0}), "counters"),
    ] {
        let refusal = refusal::<Sketch>(settings);
        assert!(refusal.contains(why), "{refusal}");
    }
}

/// Two agents that see every other packet each, and a third that only merges, against one that sees all.
#[test]
fn what_several_agents_saw_is_merged() {
    let (whole, all) = (cargo(), packets());
    let half = |which: usize| -> Cargo {
        let half = all.iter().enumerate().filter(|(i, _)| i % 2 == which).map(|(_, packet)| *packet);
        Arc::new(half.collect::<Packets>())
    };
    for method in ["space_saving", "count_min", "cuckoo"] {
        let settings = json!({
            "distinct": ["src"], "heavy_hitters": ["src", "src,dst_port"], "spreaders": ["src > dst_port"], "entropy": ["protocol"],
            "counters": 6000, "top": 3, "heavy_method": method, "seed": 5, "state": true,
        });
        let mut one: Sketch = build(settings.clone()).unwrap();
        let mut expected = Collector::new();
        one.load(&whole, &mut expected);
        one.flush(&mut expected);
        let mut engine: Sketch = build(settings.clone()).unwrap();
        for which in 0..2 {
            let mut probe: Sketch = build(settings.clone()).unwrap();
            let mut out = Collector::new();
            probe.load(&half(which), &mut out);
            probe.flush(&mut out);
            out.take().iter().for_each(|metric| engine.add(metric));
        }
        let mut merged = Collector::new();
        engine.flush(&mut merged);
        let lines = |batch: Batch| {
            let reports = batch.iter().filter(|m| m.name() != "sketch_state");
            let line = |m: MetricRef<'_>| format!("{} {} {:?}", m.name(), m.time(), m.fields().collect::<Vec<_>>());
            reports.map(line).collect::<Vec<_>>()
        };
        let expected = lines(expected.take());
        // As there are counters for every key, nothing is estimated but what is estimated alike.
        assert_eq!(lines(merged.take()), expected, "{method}");
        assert_eq!(expected.len(), 11);
    }
}

#[test]
fn sketches_that_do_not_fit_are_refused() {
    let settings =
        |seed: u32, counters: u32| json!({"heavy_hitters": ["src"], "counters": counters, "seed": seed, "state": true});
    let mut probe: Sketch = build(settings(5, 100)).unwrap();
    let mut out = Collector::new();
    probe.load(&cargo(), &mut out);
    probe.flush(&mut out);
    let mut batch = out.take();
    let fits = |batch: &Batch, settings| {
        let mut engine: Sketch = build(settings).unwrap();
        batch.iter().for_each(|metric| engine.add(metric));
        let mut out = Collector::new();
        engine.flush(&mut out);
        !out.take().is_empty()
    };
    assert!(fits(&batch, settings(5, 100)));
    assert!(!fits(&batch, settings(6, 100)) && !fits(&batch, settings(5, 101)));
    let Some(Value::Str(state)) = batch.at(0).field("state") else { panic!("no state") };
    let cut = state[..state.len() - 8].to_owned();
    batch.at_mut(0).set_field("state", cut.as_str());
    assert!(!fits(&batch, settings(5, 100)), "half a sketch");
    assert!(refusal::<Sketch>(json!({"heavy_hitters": ["src"], "state": true})).contains("state: needs a seed"));
}

/// Neighbouring addresses, as networks have them, are as different as any other values, whatever the seed.
#[test]
fn hashes_of_neighbours_are_spread() {
    let parts = Parts::new("src").unwrap();
    let (mut together, mut outside) = (0, 0);
    for seed in 1..=200 {
        let seed = FixedState::with_seed(seed);
        let hash = |i: u32| {
            let packet = Packet { src: (0x0a00_0000 + i).into(), ..Packet::default() };
            let packets: Packets = [(packet, 0, 0)].into_iter().collect();
            seed.hash_one(parts.of(&packets, &packets.seen()[0]))
        };
        let few: std::collections::BTreeSet<u64> = (1..20).map(|i| hash(i) >> 50).collect();
        together += 19 - few.len();
        let mut distinct = Distinct::new(10);
        (0..4000).for_each(|i| distinct.add(hash(i)));
        outside += usize::from((distinct.estimate() / 4000.0 - 1.0).abs() > 3.0 * distinct.error());
    }
    // Two of 19 are in one of 2^14 classes once in a hundred times.
    assert!(together <= 8 && outside <= 4, "{together} together, {outside} outside");
}
