//! The local API over real sockets, and the command that reads it.

use crate::agent::{self, Agent};
use crate::client::Clients;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

fn config(port: u16, api: &str) -> String {
    format!(
        r#"
[agent]
  omit_hostname = true
  flush_interval = "100ms"
[agent.api]
{api}
[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:{port}"
[[processors.rename]]
[[aggregators.basicstats]]
  period = "10m"
  namepass = ["other"]
[[outputs.file]]
  alias = "all"
  files = ["out"]
[[outputs.file]]
  files = ["none"]
  namedrop = ["load"]
"#
    )
}

/// Status and body of an answer.
fn ask(stream: impl Read + Write, request: &str, headers: &str) -> (u16, String) {
    let mut stream = stream;
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the agent listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the agent answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("an answer has a status");
    (status, body.to_owned())
}

#[test]
fn the_socket_shows_an_exact_ledger_and_changes_nothing() {
    let port = agent::free_port();
    let mut agent = Agent::start("api", &config(port, "  address = \"unix://api.sock\""), port);
    let socket = agent.file("api.sock");
    let connect = || UnixStream::connect(&socket).expect("the agent listens");
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let clients = Clients::start(port, 2, 100);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let sent = clients.stop().metrics as i64;
    let numbers = |page: &Value, plugin: &str, alias: &str| -> Value {
        let plugins = page["plugins"].as_array().expect("a list");
        let found = plugins.iter().find(|p| p["plugin"] == plugin && p["alias"].as_str().unwrap_or("") == alias);
        found.expect("it runs").clone()
    };
    let n = |status: &Value, key: &str| status[key].as_i64().expect("a number");
    // Once everything is written.
    let page: Value = loop {
        let (status, body) = ask(connect(), "GET /status", "");
        assert_eq!(status, 200);
        let page: Value = serde_json::from_str(&body).expect("JSON");
        if n(&numbers(&page, "outputs.file", "all"), "out") == sent {
            break page;
        }
    };
    let input = numbers(&page, "inputs.influxdb_listener", "");
    assert_eq!((n(&input, "in"), n(&input, "out"), n(&input, "filtered")), (sent, sent, 0));
    let processor = numbers(&page, "processors.rename", "");
    assert_eq!((n(&processor, "in"), n(&processor, "out")), (sent, sent));
    let aggregator = numbers(&page, "aggregators.basicstats", "");
    assert_eq!((n(&aggregator, "in"), n(&aggregator, "filtered")), (0, sent));
    for alias in ["all", ""] {
        let output = numbers(&page, "outputs.file", alias);
        let queued = output["queued"]["metrics"].as_i64().expect("a number");
        let sum = n(&output, "out") + n(&output, "filtered") + n(&output, "rejected") + queued;
        assert_eq!(n(&output, "in"), sum, "{output}");
    }
    assert!(page["process"]["resident_bytes"].as_u64().expect("a number") > 1_000_000);

    let (status, text) = ask(connect(), "GET /metrics", "");
    assert_eq!(status, 200);
    assert!(
        text.contains(&format!("agent_metrics_out_total{{plugin=\"outputs.file\",alias=\"all\"}} {sent}\n")),
        "{text}"
    );
    assert!(text.contains("agent_call_seconds_count{alias=\"all\",output=\"file\",call=\"write\"}"), "{text}");
    assert_eq!(ask(connect(), "GET /health", "").0, 200);
    assert_eq!(ask(connect(), "GET /health/live", ""), (200, "{\"live\":true}".to_owned()));
    assert_eq!(ask(connect(), "GET /health/ready", ""), (200, "{\"ready\":true}".to_owned()));
    assert_eq!(ask(connect(), "POST /reload", "").0, 403);
    assert_eq!((ask(connect(), "POST /status", "").0, ask(connect(), "GET /other", "").0), (405, 404));

    let status = |more: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_agent")).arg("status").args(more).output().expect("it starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("text")
    };
    let address = format!("unix://{}", socket.display());
    let table = status(&["--address", &address]);
    let row = table.lines().find(|l| l.starts_with("outputs.file::all")).expect("it runs");
    assert!(row.split_whitespace().nth(1) == Some(&sent.to_string()), "{table}");
    let json: Value = serde_json::from_str(&status(&["--address", &address, "--json"])).expect("JSON");
    assert_eq!(n(&numbers(&json, "outputs.file", "all"), "out"), sent);

    let log = agent.stop();
    assert!(log.contains("audit: POST \"/reload\" from the socket: 403"), "{log}");
    assert!(!socket.exists());
}

#[test]
fn over_tcp_a_token_is_asked_for_and_a_reload_may_be_allowed() {
    let (port, own) = (agent::free_port(), agent::free_port());
    let api = format!("  address = \"tcp://127.0.0.1:{own}\"\n  token = \"open sesame\"\n  allow_changes = true");
    let mut agent = Agent::start("token", &config(port, &api), port);
    let connect = || TcpStream::connect(("127.0.0.1", own)).expect("the agent listens");
    let token = "Authorization: Bearer open sesame\r\n";
    for bad in ["", "Authorization: Bearer open\r\n", "Authorization: Basic open sesame\r\n"] {
        assert_eq!(ask(connect(), "GET /status", bad).0, 401);
        assert_eq!(ask(connect(), "POST /reload", bad).0, 401);
    }
    assert_eq!(ask(connect(), "GET /health/ready", "").0, 200);
    assert_eq!(ask(connect(), "GET /status", token).0, 200);
    assert_eq!(ask(connect(), "POST /reload", token).0, 200);
    agent.reloaded().expect("the configuration is good");
    agent.write(&config(port, &api).replace("processors.rename", "processors.renam"));
    let (status, body) = ask(connect(), "POST /reload", token);
    assert!(status == 422 && body.contains("did you mean"), "{status} {body}");
    agent.reloaded().expect_err("the configuration is bad");
    // The API goes on where its own table changes, and where it moves.
    agent.reload(&config(port, &api.replace("open sesame", "other"))).expect("the configuration is good");
    assert_eq!(ask(connect(), "GET /status", token).0, 401);
    assert_eq!(ask(connect(), "GET /status", "Authorization: Bearer other\r\n").0, 200);
    let page = ask(connect(), "GET /status", "Authorization: Bearer other\r\n").1;
    let page: Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!((&page["config"]["reloads"], &page["config"]["refused"]), (&2.into(), &1.into()));
    agent.reload(&config(port, "  address = \"unix://api.sock\"")).expect("the configuration is good");
    assert!(agent.file("api.sock").exists());
    // The old socket is closed by a task of its own, soon.
    let begun = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", own)).is_ok() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "the old socket stays open");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let log = agent.stop();
    assert!(log.contains("audit: POST \"/reload\" from 127.0.0.1: 200"), "{log}");
}

#[test]
fn over_tcp_nobody_is_let_in_without_being_asked() {
    let port = agent::free_port();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.conf");
    std::fs::write(&file, config(port, "  address = \"tcp://127.0.0.1:0\"")).expect("it can be written");
    let ran = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["config", "check", "--config"])
        .arg(&file)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && said.contains("can be reached by others: set token"), "{said}");
}
