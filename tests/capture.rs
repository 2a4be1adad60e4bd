//! Live capture over a pair of interfaces in a network namespace of its own: every packet is counted.
//!
//! Making a namespace needs CAP_SYS_ADMIN, capturing CAP_NET_RAW. Where they are missing the test says so and does nothing; that the agent then
//! says what is missing is the other test.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Sends datagrams into one end, with the agent at the other, and stops it at once.
const SCRIPT: &str = r#"
set -e
ip link add v0 type veth peer name v1
ip link set lo up
ip link set v0 up
ip link set v1 up
ip address add 10.9.0.1/24 dev v0
ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0
"$AGENT" --config agent.conf > out.txt 2> log.txt &
agent=$!
for try in $(seq 500); do grep -q "capturing from v1" log.txt && break; sleep 0.02; done
for i in $(seq 200); do for port in 9001 9002 9003; do echo "$i" > /dev/udp/10.9.0.2/$port; done; done
kill $agent
wait $agent
"#;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("agent-capture-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn in_namespace(folder: &Path, config: &str, script: &str) -> Output {
    std::fs::write(folder.join("agent.conf"), config).expect("the configuration");
    Command::new("unshare")
        .args(["--net", "bash", "-c", script])
        .current_dir(folder)
        .env("AGENT", env!("CARGO_BIN_EXE_agent"))
        .output()
        .expect("util-linux is there")
}

fn may_make_namespaces() -> bool {
    Command::new("unshare").args(["--net", "true"]).output().is_ok_and(|o| o.status.success())
}

#[test]
fn every_packet_of_an_interface_is_counted() {
    if !may_make_namespaces() {
        eprintln!("left out: no right to make a network namespace");
        return;
    }
    for workers in [1, 3] {
        let folder = folder(&format!("veth-{workers}"));
        let config = format!(
            "[agent]\nomit_hostname = true\n[[inputs.pcap]]\ninterfaces = [\"v[1-9]\"]\nring_size = \"1MiB\"\nworkers = {workers}\n\
             filter = \"8, 40 0 0 12, 21 0 5 2048, 48 0 0 23, 21 0 3 17, 48 0 0 30, 21 0 1 10, 6 0 0 200, 6 0 0 0\"\n\
             [[aggregators.flow]]\nkeys = [\"dst_port\", \"protocol\", \"interface\"]\ntags = [\"dst_port\", \"interface\"]\n\
             [[outputs.file]]\nfiles = [\"stdout\"]\n"
        );
        let output = in_namespace(&folder, &config, SCRIPT);
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (out, log) = (read("out.txt"), read("log.txt"));
        let why = || format!("{out}\n{log}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}", why());
        for port in [9001, 9002, 9003] {
            let of_port = format!("flow,dst_port={port},interface=v1 ");
            let lines: Vec<&str> = out.lines().filter(|line| line.starts_with(&of_port)).collect();
            let packets: u64 = lines.iter().map(|line| field(line, "src_packets")).sum();
            assert_eq!(packets, 200, "{port}: {}", why());
        }
        let captured =
            out.lines().rfind(|line| line.starts_with("pcap,source=v1 ")).unwrap_or_else(|| panic!("{}", why()));
        assert_eq!((field(captured, "packets_read"), field(captured, "packets_dropped")), (600, 0), "{}", why());
        assert!(log.contains("600 packets read = 600 in flows + 0 not counted"), "{}", why());
        std::fs::remove_dir_all(&folder).expect("the folder");
    }
}

fn field(line: &str, name: &str) -> u64 {
    let value = line.split([' ', ',']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|v| v.trim_end_matches(['i', 'u']).parse().ok()).unwrap_or_else(|| panic!("{name} in {line}"))
}

#[test]
fn without_the_right_the_agent_says_how_to_give_it() {
    let folder = folder("right");
    let config = "[[inputs.pcap]]\ninterfaces = [\"lo\"]\n[[aggregators.flow]]\n[[outputs.discard]]\n";
    std::fs::write(folder.join("agent.conf"), config).expect("the configuration");
    // Root has the right, unless it is taken off; others do not have it.
    let taken_off = Command::new("capsh").arg("--drop=cap_net_raw").args(["--", "-c", "true"]).output();
    let mut command = if taken_off.is_ok_and(|o| o.status.success()) {
        let mut command = Command::new("capsh");
        let agent = format!("exec {} --config agent.conf", env!("CARGO_BIN_EXE_agent"));
        command.args(["--drop=cap_net_raw", "--", "-c", &agent]);
        command
    } else {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        command.args(["--config", "agent.conf"]);
        command
    };
    let mut child =
        command.current_dir(&folder).stderr(std::process::Stdio::piped()).spawn().expect("the agent starts");
    // Where this user does have the right, the agent runs, and there is nothing to be seen.
    for _ in 0..250 {
        if child.try_wait().expect("a child").is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ran = child.try_wait().expect("a child").is_none();
    child.kill().expect("a child");
    let log = String::from_utf8_lossy(&child.wait_with_output().expect("its output").stderr).into_owned();
    std::fs::remove_dir_all(&folder).expect("the folder");
    assert!(ran || log.contains("capturing needs CAP_NET_RAW: run `sudo setcap cap_net_raw+ep "), "{log}");
}
