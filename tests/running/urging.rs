//! An input that waits for what it handed on makes outputs write it, whatever their batches and flush intervals are.

use crate::agent::{self, Agent};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Without urging, each hundred lines would wait for a flush.
fn config(port: u16, middle: &str) -> String {
    format!(
        r#"
[agent]
  omit_hostname = true
  interval = "100ms"
  flush_interval = "10m"
  metric_batch_size = 5000
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:{port}"
[[inputs.tail]]
  files = ["in"]
  initial_read_offset = "beginning"
  max_undelivered_lines = 100
  data_format = "influx"
[[outputs.file]]
  files = ["out"]
{middle}
"#
    )
}

fn all_lines_come(name: &str, middle: &str) {
    const LINES: usize = 5000;
    let port = agent::free_port();
    let mut agent = Agent::start(name, &config(port, middle), port);
    let mut text = String::new();
    for i in 0..LINES {
        writeln!(text, "m i={i}i").expect("a String takes everything");
    }
    std::fs::write(agent.file("in"), text).expect("the folder can be written");
    let begun = Instant::now();
    while agent.file("out").metadata().map_or(0, |_| agent.lines("out").len()) < LINES - 100 {
        assert!(begun.elapsed() < Duration::from_secs(60), "only {} lines came", agent.lines("out").len());
        std::thread::sleep(Duration::from_millis(20));
    }
    agent.stop();
}

#[test]
fn a_tail_with_few_lines_under_way_need_not_wait_for_flushes() {
    all_lines_come("urging", "");
}

#[test]
fn nor_with_processors_and_aggregators_in_between() {
    all_lines_come("urging-middle", "[[processors.rename]]\n[[aggregators.minmax]]\n  period = \"10m\"\n");
}
