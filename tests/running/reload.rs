//! Reloads under load over HTTP: nothing lost, nobody turned away, what did not change goes on.

use crate::agent::{self, Agent};
use crate::client::Clients;
use std::collections::HashMap;
use std::time::Duration;

/// A configuration whose `round` changes one plugin after the other.
fn config(port: u16, round: usize) -> String {
    let turn = |kind: usize| (round + 4 - kind) / 5;
    format!(
        r#"
[agent]
  interval = "1s"
  flush_interval = "{flush}ms"
  metric_batch_size = 1000
  metric_buffer_limit = 200000
  omit_hostname = true
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:{port}"
[[inputs.mock]]
  metric_name = "mock"
  [[inputs.mock.constant]]
    name = "round"
    value = {mock}
[[processors.override]]
  namepass = ["load"]
  [processors.override.tags]
    round = "{tag}"
[[processors.starlark]]
  namepass = ["load"]
  source = '''
state = {{"n": 0}}
def apply(metric):
    state["n"] += 1
    metric.fields["seq"] = state["n"]
    return metric
'''
[[aggregators.basicstats]]
  period = "1s"
  grace = "1m"
  namepass = ["load"]
  fieldinclude = ["v"]
  tagexclude = ["round"]
  name_suffix = "_stats"
  stats = ["count"]
[[aggregators.minmax]]
  period = "{minmax}s"
  namepass = ["mock"]
[[outputs.file]]
  alias = "kept"
  files = ["kept.out"]
[[outputs.file]]
  alias = "changed"
  files = ["changed.out"]
  rotation_max_archives = {archives}
"#,
        mock = turn(0),
        tag = turn(1),
        minmax = 600 + turn(2),
        archives = 100 + turn(3),
        flush = 200 + turn(4),
    )
}

#[test]
fn reloads_under_load_lose_nothing_and_turn_nobody_away() {
    let port = agent::free_port();
    let mut agent = Agent::start("load", &config(port, 0), port);
    let clients = Clients::start(port, 3, 200);
    for round in 1..=10 {
        std::thread::sleep(Duration::from_millis(150));
        agent.reload(&config(port, round)).expect("the configuration is good");
    }
    let sent = clients.stop();
    assert_eq!((sent.broken, sent.connections), (Vec::new(), 3));
    let log = agent.stop();
    assert!(!log.contains(" E! "), "{log}");

    for file in ["kept.out", "changed.out"] {
        let lines = agent.lines(file);
        let load: Vec<&String> = lines.iter().filter(|l| l.starts_with("load,")).collect();
        let mut values: Vec<u64> = load.iter().map(|l| agent::field(l, "v")).collect();
        values.sort_unstable();
        assert!(values == (0..sent.metrics).collect::<Vec<_>>(), "{file}: {} of {}", values.len(), sent.metrics);
        // The script that did not change went on counting.
        let mut seq: Vec<u64> = load.iter().map(|l| agent::field(l, "seq")).collect();
        seq.sort_unstable();
        assert!(seq == (1..=sent.metrics).collect::<Vec<_>>(), "{file}: the script's state was lost");
        // The windows of the aggregator that did not change: none cut in two, nothing counted twice or not at all.
        let stats: Vec<&String> = lines.iter().filter(|l| l.starts_with("load_stats,")).collect();
        assert_eq!(stats.iter().map(|l| agent::field(l, "v_count")).sum::<u64>(), sent.metrics);
        let mut ends: HashMap<&str, Vec<u64>> = HashMap::new();
        for line in stats {
            let (series, rest) = line.split_once(' ').expect("a line has fields");
            let time = rest.rsplit(' ').next().and_then(|t| t.parse().ok());
            ends.entry(series).or_default().push(time.expect("a line has a time"));
        }
        for times in ends.values_mut() {
            times.sort_unstable();
            // The last window is open when the agent stops. The others end with a second, and are written somewhat later.
            times.pop();
            assert!(times.windows(2).all(|t| t[1] / 1_000_000_000 > t[0] / 1_000_000_000), "{times:?}");
        }
    }
}

#[test]
fn common_options_change_while_the_plugin_goes_on() {
    let port = agent::free_port();
    let with = |site: &str, prefix: &str| {
        format!(
            "[agent]\n omit_hostname = true\n flush_interval = \"100ms\"\n[global_tags]\n all = \"{site}\"\n\
             [[inputs.influxdb_listener]]\n service_address = \"127.0.0.1:{port}\"\n [inputs.influxdb_listener.tags]\n  \
             site = \"{site}\"\n[[outputs.file]]\n files = [\"out\"]\n name_prefix = \"{prefix}\"\n"
        )
    };
    let mut agent = Agent::start("common", &with("old", "a_"), port);
    let clients = Clients::start(port, 1, 10);
    std::thread::sleep(Duration::from_millis(200));
    agent.reload(&with("new", "b_")).expect("the configuration is good");
    std::thread::sleep(Duration::from_millis(200));
    let sent = clients.stop();
    assert_eq!((sent.broken, sent.connections), (Vec::new(), 1));
    agent.stop();
    let lines = agent.lines("out");
    assert_eq!(lines.len() as u64, sent.metrics);
    assert!(lines.first().is_some_and(|l| l.starts_with("a_load,all=old,client=0,site=old ")), "{lines:?}");
    assert!(lines.last().is_some_and(|l| l.starts_with("b_load,all=new,client=0,site=new ")), "{lines:?}");
}

#[test]
fn a_listener_that_changes_hands_its_socket_over() {
    let port = agent::free_port();
    let with = |time: u32| {
        format!(
            "[agent]\n omit_hostname = true\n flush_interval = \"200ms\"\n[[inputs.influxdb_listener]]\n \
             service_address = \"127.0.0.1:{port}\"\n read_timeout = \"{time}s\"\n[[outputs.file]]\n files = [\"out\"]\n"
        )
    };
    let mut agent = Agent::start("listener", &with(10), port);
    let clients = Clients::start(port, 3, 50);
    for time in 11..16 {
        std::thread::sleep(Duration::from_millis(150));
        agent.reload(&with(time)).expect("the configuration is good");
    }
    let sent = clients.stop();
    assert_eq!(sent.broken, Vec::<String>::new());
    agent.stop();
    let mut values: Vec<u64> = agent.lines("out").iter().map(|l| agent::field(l, "v")).collect();
    values.sort_unstable();
    assert!(values == (0..sent.metrics).collect::<Vec<_>>(), "{} of {}", values.len(), sent.metrics);
}

#[test]
fn a_bad_configuration_changes_nothing_and_says_why() {
    let port = agent::free_port();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let other = taken.local_addr().expect("it is bound").port();
    let good = config(port, 0);
    let mut agent = Agent::start("bad", &good, port);
    let clients = Clients::start(port, 1, 10);
    let listener = format!("[[inputs.influxdb_listener]]\n service_address = \"127.0.0.1:{other}\"\n");
    for (bad, why) in [
        (good.replace("rotation_max_archives", "rotation_max_archive"), "did you mean \"rotation_max_archives\"?"),
        (good.replace("[agent]", "[agent"), "expected \"]\" at the end of the header"),
        (good.replace("[[outputs.file]]", "[[inputs.mem]]").replace("files", "#").replace("rota", "#"), "no outputs"),
        (good.clone() + &listener, "starting input inputs.influxdb_listener: listen on tcp"),
        (good.replace("\"changed.out\"", "\"/nonexistent/changed.out\""), "connect outputs.file::changed"),
    ] {
        let error = agent.reload(&bad).expect_err("the configuration is bad");
        assert!(error.contains(why), "{why:?} is not in {error}");
    }
    agent.reload(&good).expect("nothing has changed");
    let sent = clients.stop();
    assert_eq!(sent.broken, Vec::<String>::new());
    agent.stop();
    let lines = agent.lines("changed.out");
    assert_eq!(lines.iter().filter(|l| l.starts_with("load,")).count() as u64, sent.metrics);
}

#[test]
fn an_output_that_changes_goes_on_with_the_queue() {
    let (port, sink) = (agent::free_port(), agent::free_port());
    let with = |to: &str| {
        format!(
            "[agent]\n omit_hostname = true\n flush_interval = \"100ms\"\n[[inputs.influxdb_listener]]\n \
             service_address = \"127.0.0.1:{port}\"\n[[outputs.{to}]]\n alias = \"one\"\n"
        )
    };
    let dead = format!("http]]\n url = \"http://127.0.0.1:{sink}/\"\n timeout = \"1s\"\n#");
    let mut agent = Agent::start("queue", &with(&dead), port);
    let clients = Clients::start(port, 1, 10);
    std::thread::sleep(Duration::from_millis(500));
    agent.reload(&with("file]]\n files = [\"out\"]\n#")).expect("the configuration is good");
    let sent = clients.stop();
    assert_eq!(sent.broken, Vec::<String>::new());
    agent.stop();
    let values: Vec<u64> = agent.lines("out").iter().map(|l| agent::field(l, "v")).collect();
    assert!(values == (0..sent.metrics).collect::<Vec<_>>(), "{} of {}, in order", values.len(), sent.metrics);
}
