//! An input that waits for what it handed on makes outputs write it, whatever their batches and flush intervals are.

use crate::agent::{self, Agent};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Without urging, what may be under way would wait for a flush, and the rest of the file for that.
fn config(port: u16, under_way: usize, middle: &str) -> String {
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
  max_undelivered_lines = {under_way}
  data_format = "influx"
[[outputs.file]]
  files = ["out"]
{middle}
"#
    )
}

/// The agent lets no more metrics be under way than half of what the smallest queue holds, 10,000 by default.
const MOST: usize = 5000;

const MIDDLE: &str = "[[processors.rename]]\n[[aggregators.minmax]]\n  period = \"10m\"\n";

/// A file of these lines, each of which becomes so many `times` one, is written but for what may be under way at the end, which is written
/// when the agent stops.
fn all_lines_come(name: &str, lines: usize, under_way: usize, times: usize, middle: &str) {
    let port = agent::free_port();
    let mut agent = Agent::start(name, &config(port, under_way, middle), port);
    let mut text = String::new();
    for i in 0..lines {
        writeln!(text, "m i={i}i").expect("a String takes everything");
    }
    std::fs::write(agent.file("in"), text).expect("the folder can be written");
    let begun = Instant::now();
    while agent.file("out").metadata().map_or(0, |_| agent.lines("out").len()) < times * (lines - under_way.min(MOST)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "only {} lines came", agent.lines("out").len());
        std::thread::sleep(Duration::from_millis(20));
    }
    agent.stop();
    assert_eq!(agent.lines("out").iter().filter(|line| !line.contains("i_max")).count(), times * lines);
}

#[test]
fn a_tail_with_few_lines_under_way_need_not_wait_for_flushes() {
    all_lines_come("urging", 5000, 100, 1, "");
}

#[test]
fn nor_with_processors_and_aggregators_in_between() {
    all_lines_come("urging-middle", 5000, 100, 1, MIDDLE);
}

#[test]
fn what_waits_for_the_room_of_queues_need_not_wait_for_flushes() {
    all_lines_come("urging-room", 50_000, 1_000_000, 1, "");
    all_lines_come("urging-room-middle", 50_000, 1_000_000, 1, MIDDLE);
}

#[test]
fn what_processors_multiply_is_not_dropped() {
    let clones = "[[processors.clone]]\n  name_suffix = \"_b\"\n".repeat(3);
    all_lines_come("urging-multiplied", 20_000, 1_000_000, 8, &clones);
}
