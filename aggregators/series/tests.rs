//! Tests of the table, most of them against a plain map.

use super::*;
use crate::testing::batch;
use agent_api::{Batch, Collector, Metric};
use std::collections::BTreeMap;

/// Adds 1 to the slot of every field, and counts the metrics of each series in its head.
fn count(table: &mut Table, metrics: &Batch) {
    for metric in metrics.iter() {
        let (series, _) = table.series(metric, None).unwrap();
        table.head(series)[0] += 1;
        for (place, (key, _)) in metric.fields().enumerate() {
            table.slot(series, place, key).unwrap().0[0] += 1;
        }
    }
}

/// What a row says: its name and tags with the head, then keys with states, sorted.
fn told(row: &Row<'_>) -> (String, BTreeMap<String, u64>) {
    let mut out = Collector::new();
    drop(row.metric(&mut out).field("n", row.head()[0] as i64));
    let text = format!("{:?}", Metric::from(out.take().at(0)).read());
    (text, row.slots().map(|(key, state)| (key.to_owned(), state[0])).collect())
}

fn drained(table: &mut Table) -> Vec<(String, BTreeMap<String, u64>)> {
    let mut rows = Vec::new();
    table.drain(|row| rows.push(told(&row)));
    rows
}

/// Small numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[test]
fn agrees_with_a_map_whatever_comes() {
    let mut numbers = Numbers(7);
    for round in 0..20 {
        let (mut table, mut map) = (Table::new(1, 1), BTreeMap::<String, (u64, BTreeMap<String, u64>)>::new());
        let mut order = Vec::new();
        for _ in 0..400 {
            let series = match numbers.below(40) {
                0 => format!("long{}", "x".repeat(300)),
                1 => format!("m,tag={}", "y".repeat(260)),
                n => format!("m{},h=a{},i={}", n % 3, n, n % 7),
            };
            let fields: Vec<String> =
                (0..1 + numbers.below(5)).map(|_| format!("f{}=1", numbers.below(6 + round * 6))).collect();
            let metric = batch(&format!("{series} {}", fields.join(",")));
            count(&mut table, &metric);
            let metric = metric.at(0);
            let entry = map.entry(series.clone()).or_insert_with(|| {
                order.push(series);
                Default::default()
            });
            entry.0 += 1;
            metric.fields().for_each(|(key, _)| *entry.1.entry(key.to_owned()).or_default() += 1);
            if numbers.below(100) == 0 {
                // Every other series is forgotten.
                let mut keep = false;
                table.sweep(|_| {
                    keep = !keep;
                    keep
                });
                let mut keep = false;
                order.retain(|series| {
                    keep = !keep;
                    keep || map.remove(series).is_none()
                });
            }
        }
        let rows = drained(&mut table);
        assert_eq!(rows.len(), order.len());
        for ((text, slots), series) in rows.iter().zip(&order) {
            let (n, fields) = &map[series];
            let same = format!("{:?}", batch(&format!("{series} n={n}i")).at(0));
            assert_eq!(text.rsplit_once(' ').unwrap().0, same.rsplit_once(' ').unwrap().0);
            assert_eq!(slots, fields);
        }
        assert!(drained(&mut table).is_empty());
    }
}

#[test]
fn very_long_keys_and_very_many_fields_fit() {
    let long = "k".repeat(400_000);
    let fields: Vec<String> = (0..40_000).map(|i| format!("f{i}=1")).collect();
    let metrics = batch(&format!("m,t={long} a=1\nm,t={long}2 a=1\nwide {}\nm,t={long} b=1\nm z=1", fields.join(",")));
    let mut table = Table::new(1, 1);
    count(&mut table, &metrics);
    count(&mut table, &metrics);
    let rows = drained(&mut table);
    let sizes: Vec<(usize, usize, u64)> =
        rows.iter().map(|(t, s)| (t.len() / 100_000, s.len(), s.values().sum())).collect();
    assert_eq!(sizes, [(4, 2, 4), (4, 1, 2), (0, 40_000, 80_000), (0, 1, 2)]);
}

#[test]
fn series_apart_in_time_are_apart() {
    let mut table = Table::new(0, 0);
    let metrics = batch("m,h=a v=1\nm,h=b v=1");
    let mut new = |i: usize, apart| table.series(metrics.at(i), Some(apart)).unwrap().1;
    assert_eq!(
        [new(0, 0), new(0, 1), new(1, 1), new(0, 0), new(1, 1), new(0, -1)],
        [true, true, true, false, false, true]
    );
}

#[test]
fn a_small_table_is_small() {
    let mut table = Table::new(0, 5);
    count_bytes(&mut table, 1);
    assert!(table.words.bytes() < 1000, "{} bytes", table.words.bytes());
    assert!((table.words.bytes() + 1..2000).contains(&table.bytes()), "{} bytes", table.bytes());
    let mut table = Table::new(0, 5);
    count_bytes(&mut table, 20_000);
    let each = table.words.bytes() / 20_000;
    assert!(each < 280, "{each} bytes a series");
}

/// Adds series of the shape that the benchmark has.
fn count_bytes(table: &mut Table, n: usize) {
    for i in 0..n {
        let metric = batch(&format!("cpu_load,host=server{i:06},region=eu-west-1,rack=r017 a=1,b=2,c=3,d=4"));
        let (series, _) = table.series(metric.at(0), None).unwrap();
        for key in ["a", "b", "c", "d"] {
            table.slot(series, 0, key).unwrap();
        }
    }
}

#[test]
fn results_are_written_with_their_own_keys_whatever_came_before() {
    let mut table = Table::new(1, 1);
    let input = "a,h=1,i=x v=1,w=1\na,h=2,i=x v=1,w=1\na,h=3 v=1\na,h=4,j=y w=1\na,h=5,j=y w=1\nb,h=6,j=y w=1\nb v=1,v_n=1\nb,z=1 x=1";
    count(&mut table, &batch(input));
    let (mut writer, mut out) = (Writer::default(), Collector::new());
    table.drain(|row| {
        for (key, state) in row.numbered() {
            writer.add(key, 0, state[0]);
            if row.key_text(key) == "v" {
                writer.add(key, 1, state[0]);
            }
        }
        writer.write(&row, &["", "_n"], &mut out);
    });
    let written: Vec<String> = out.take().iter().map(|m| format!("{m:?}")).collect();
    let expected = [
        "a,h=1,i=x v=Uint(1),v_n=Uint(1),w=Uint(1)",
        "a,h=2,i=x v=Uint(1),v_n=Uint(1),w=Uint(1)",
        "a,h=3 v=Uint(1),v_n=Uint(1)",
        "a,h=4,j=y w=Uint(1)",
        "a,h=5,j=y w=Uint(1)",
        "b,h=6,j=y w=Uint(1)",
        "b v=Uint(1),v_n=Uint(1)",
        "b,z=1 x=Uint(1)",
    ];
    assert_eq!(written.len(), expected.len());
    for (written, expected) in written.iter().zip(expected) {
        assert!(written.starts_with(expected), "{written} is not {expected}");
    }
}
