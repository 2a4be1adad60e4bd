//! `startup_error_behavior`: what becomes of outputs and inputs that cannot be started, by what the user wants.

use crate::agent::{self, Agent};
use crate::client::Clients;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// An output whose server is not there, beside one that works.
fn output(port: u16, gone: u16, behavior: &str) -> String {
    format!(
        r#"
[agent]
  omit_hostname = true
  flush_interval = "100ms"
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:{port}"
[[outputs.socket_writer]]
  address = "tcp://127.0.0.1:{gone}"
  startup_error_behavior = "{behavior}"
[[outputs.file]]
  files = ["out"]
"#
    )
}

/// An input whose program is not there, beside one that works.
fn input(port: u16, behavior: &str) -> String {
    format!(
        r#"
[agent]
  omit_hostname = true
  interval = "100ms"
  flush_interval = "100ms"
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:{port}"
[[inputs.execd]]
  command = ["./late"]
  signal = "none"
  data_format = "influx"
  startup_error_behavior = "{behavior}"
[[outputs.file]]
  files = ["out"]
"#
    )
}

/// What an agent says that does not start.
fn refusal(config: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("agent.conf"), config).expect("the folder can be written");
    let ran = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["--config", "agent.conf"])
        .current_dir(&folder)
        .output()
        .expect("the agent starts");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    said
}

/// Sends some metrics and gives how many.
fn send(port: u16) -> usize {
    let clients = Clients::start(port, 1, 10);
    std::thread::sleep(Duration::from_millis(200));
    clients.stop().metrics as usize
}

#[test]
fn an_output_that_must_start_ends_the_start() {
    let port = agent::free_port();
    for behavior in ["error", ""] {
        let said = refusal(&output(port, agent::free_port(), behavior));
        assert!(said.contains("connect outputs.socket_writer"), "{said}");
    }
}

#[test]
fn an_output_that_is_ignored_is_left_out() {
    let (port, gone) = (agent::free_port(), agent::free_port());
    let mut agent = Agent::start("ignore", &output(port, gone, "ignore"), port);
    let sent = send(port);
    let file = agent.file("out");
    let log = agent.stop();
    assert!(log.contains("failed to connect, leaving the output out"), "{log}");
    let written = std::fs::read_to_string(file).expect("the other output wrote it");
    assert_eq!(written.lines().count(), sent);
}

#[test]
fn an_output_that_is_tried_again_gets_what_came_meanwhile() {
    let (port, gone) = (agent::free_port(), agent::free_port());
    let mut agent = Agent::start("retry", &output(port, gone, "retry"), port);
    let sent = send(port);
    agent.says("failed to connect");
    let server = TcpListener::bind(("127.0.0.1", gone)).expect("the port is free");
    let (connection, _) = server.accept().expect("it comes back");
    let lines = BufReader::new(connection).lines().take(sent);
    assert_eq!(lines.map_while(Result::ok).count(), sent);
    agent.stop();
}

#[test]
fn an_input_that_must_start_ends_the_start() {
    let said = refusal(&input(agent::free_port(), "error"));
    assert!(said.contains("starting input inputs.execd"), "{said}");
}

#[test]
fn an_input_that_is_ignored_or_cannot_be_probed_is_left_out() {
    for behavior in ["ignore", "probe"] {
        let port = agent::free_port();
        let mut agent = Agent::start(behavior, &input(port, behavior), port);
        agent.says("failed to start");
        let sent = send(port);
        let file = agent.file("out");
        agent.stop();
        let written = std::fs::read_to_string(file).expect("it wrote what the other input gave");
        assert_eq!(written.lines().count(), sent);
    }
}

#[test]
fn an_input_that_is_tried_again_starts_when_it_can() {
    let port = agent::free_port();
    let mut agent = Agent::start("later", &input(port, "retry"), port);
    agent.says("failed to start");
    let program = agent.file("late.new");
    std::fs::write(&program, "#!/bin/sh\necho 'late i=1i'\nexec sleep 600\n").expect("the folder can be written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    std::fs::rename(&program, agent.file("late")).expect("the folder can be written");
    let begun = std::time::Instant::now();
    while !std::fs::read_to_string(agent.file("out")).is_ok_and(|text| text.starts_with("late i=1i")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it was not started again");
        std::thread::sleep(Duration::from_millis(20));
    }
    agent.stop();
}
