//! How long processors take for a metric: each of a chain of ten, and a small script.
//!
//! `cargo bench -p processors` prints nanoseconds for a metric and the share of each processor.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{Build, Family, find};
use agent_api::{Batch, Env};
use processors as _;
use serde_json::{Value, json};
use std::time::Instant;

/// Metrics of a batch.
const METRICS: usize = 1000;
/// Batches that are measured.
const ROUNDS: usize = 500;

fn main() {
    let chain = [
        ("rename", json!({"replace": [{"tag": "host", "dest": "node"}]})),
        ("regex", json!({"tags": [{"key": "node", "pattern": "^server(\\d+)$", "replacement": "srv-${1}"}]})),
        ("strings", json!({"uppercase": [{"tag": "region"}]})),
        ("converter", json!({"fields": {"integer": ["usage_idle"]}})),
        (
            "enum",
            json!({"mapping": [{"tags": ["rack"], "dest": "row", "default": 0, "value_mappings": {"r001": 1, "r002": 2}}]}),
        ),
        ("defaults", json!({"fields": {"usage_steal": 0.0}})),
        ("override", json!({"tags": {"env": "prod"}})),
        ("filter", json!({"default": "pass", "rule": [{"name": ["nothing_*"], "action": "drop"}]})),
        ("date", json!({"tag_key": "day", "date_format": "2006-01-02"})),
        ("template", json!({"tag": "key", "template": "{{ .Tag \"node\" }}.{{ .Tag \"region\" }}"})),
    ];
    measure(&chain);
    let script = "def apply(metric):\n    metric.fields[\"busy\"] = 100.0 - metric.fields[\"usage_idle\"]\n    \
                  metric.tags[\"level\"] = \"high\" if metric.fields[\"busy\"] > 90.0 else \"low\"\n    return metric\n";
    measure(&[("starlark", json!({"source": script}))]);
}

/// Runs the processors one after the other over fresh batches and prints the time of each.
fn measure(chain: &[(&str, Value)]) {
    let mut processors = Vec::new();
    for (name, settings) in chain {
        let Some(Build::Processor(make)) = find(Family::Processors, name).map(|e| e.build) else {
            panic!("no processor {name}")
        };
        let Setting::Table(table) = setting(settings) else { panic!("settings of {name} are no table") };
        processors.push(make(&table, &Env::new(name)).unwrap_or_else(|e| panic!("{name}: {e}")));
    }
    let mut times = vec![0; chain.len()];
    let original = batch();
    for _ in 0..ROUNDS {
        let mut batch = original.clone();
        for (processor, time) in processors.iter_mut().zip(&mut times) {
            let start = Instant::now();
            processor.apply(&mut batch);
            *time += start.elapsed().as_nanos();
        }
        assert_eq!(batch.len(), METRICS);
    }
    for ((name, _), time) in chain.iter().zip(&times) {
        println!("{name:12} {:6} ns", time / (METRICS * ROUNDS) as u128);
    }
    let sum: u128 = times.iter().sum();
    println!(
        "{:12} {:6} ns, {} a processor",
        "all",
        sum / (METRICS * ROUNDS) as u128,
        sum / (METRICS * ROUNDS * chain.len()) as u128
    );
}

fn batch() -> Batch {
    let mut batch = Batch::new();
    for i in 0..METRICS {
        batch
            .metric("cpu")
            .tag("host", &format!("server{:05}", i * 7 % 10_000))
            .tag("rack", &format!("r{:03}", i % 40))
            .tag("region", ["eu-west", "us-east", "ap-south"][i % 3])
            .tag("cpu", &format!("cpu{}", i % 8))
            .field("usage_idle", 90.5 + i as f64 / 1000.0)
            .field("usage_user", 4.25)
            .field("usage_system", 1.5)
            .field("procs", i as i64)
            .time(1_700_000_000_000_000_000 + i as i64 * 1_000_000);
    }
    batch
}

fn setting(value: &Value) -> Setting {
    let item = |value| Item { value: setting(value), span: Span::default() };
    match value {
        Value::String(text) => Setting::Str(text.clone()),
        Value::Bool(v) => Setting::Bool(*v),
        Value::Array(items) => Setting::Array(items.iter().map(item).collect()),
        Value::Object(entries) => {
            let mut table = Table::new(Span::default());
            for (key, value) in entries {
                table.set(key, Span::default(), item(value));
            }
            Setting::Table(table)
        }
        Value::Number(number) => match number.as_i64() {
            Some(v) => Setting::Int(v),
            None => Setting::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::Null => panic!("null is no setting"),
    }
}
