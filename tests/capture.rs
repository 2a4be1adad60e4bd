//! Live capture in a network namespace of its own, by the kernel's ring and by libpcap: every packet is counted.
//!
//! Making a namespace needs CAP_SYS_ADMIN, capturing CAP_NET_RAW, the second way libpcap (`scripts/setup test` installs it). Where they are
//! missing the tests say so and leave it out; that the agent then says what is missing is tested, too.

#![cfg(target_os = "linux")]

use std::path::Path;
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
# What the ring has is read to its end at the stop; libpcap may not yet have handed on the last of it.
if grep -q 'method = "libpcap"' agent.conf; then
  for try in $(seq 500); do grep -q "^pcap,source=v1 .*packets_read=600i" out.txt && break; sleep 0.02; done
fi
kill $agent
wait $agent
"#;

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

/// What was written and said, behind which stands why it is looked at.
struct Seen {
    out: String,
    log: String,
    why: String,
}

/// Runs a script in a namespace; it has to succeed.
fn seen(name: &str, config: &str, script: &str) -> Seen {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = temporary.path();
    let output = in_namespace(folder, config, script);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (out, log) = (read("out.txt"), read("log.txt"));
    let why = format!("{name}:\n{out}\n{log}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{why}");
    Seen { out, log, why }
}

impl Seen {
    /// The sum of a field of all metrics whose line begins so.
    fn sum(&self, begin: &str, name: &str) -> u64 {
        self.out.lines().filter(|line| line.starts_with(begin)).map(|line| field(line, name)).sum()
    }

    /// A field of the last report of a source.
    fn last(&self, source: &str, name: &str) -> u64 {
        let begin = format!("pcap,source={source} ");
        field(self.out.lines().rfind(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{}", self.why)), name)
    }
}

/// Ways that there are here, with the settings for each.
fn ways() -> Vec<&'static str> {
    if !may_make_namespaces() {
        eprintln!("left out: no right to make a network namespace");
        return Vec::new();
    }
    let mut ways = vec!["method = \"af_packet\"\n", "method = \"af_packet\"\nworkers = 3\n"];
    if has_libpcap() {
        ways.push("method = \"libpcap\"\n");
    }
    ways
}

fn has_libpcap() -> bool {
    // Whoever has it has it there, with or without what is needed to build with it.
    let folders = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"];
    let there =
        folders.iter().any(|f| ["libpcap.so.0.8", "libpcap.so.1"].iter().any(|l| Path::new(f).join(l).exists()));
    if !there {
        eprintln!("left out: libpcap is not installed");
    }
    there
}

fn config(pcap: &str) -> String {
    format!(
        "[agent]\nomit_hostname = true\ninterval = \"200ms\"\nflush_interval = \"200ms\"\n[[inputs.pcap]]\nring_size = \"1MiB\"\n{pcap}\n\
         [[aggregators.flow]]\nkeys = [\"dst_port\", \"protocol\", \"interface\"]\ntags = [\"dst_port\", \"interface\"]\n\
         [[outputs.file]]\nfiles = [\"stdout\"]\n"
    )
}

/// UDP to ports with the first byte 0x23; at most 200 bytes of each packet.
const PROGRAM: &str =
    "filter = \"8, 40 0 0 12, 21 0 5 2048, 48 0 0 23, 21 0 3 17, 48 0 0 36, 21 0 1 35, 6 0 0 200, 6 0 0 0\"\n";

#[test]
fn every_packet_of_an_interface_is_counted() {
    for (n, way) in ways().into_iter().enumerate() {
        let mut filters = vec![PROGRAM];
        if has_libpcap() {
            filters.push("filter = \"udp and dst host 10.9.0.2\"\n");
        }
        for (m, filter) in filters.into_iter().enumerate() {
            let config = config(&format!("interfaces = [\"v[1-9]\"]\n{way}{filter}"));
            let seen = seen(&format!("veth-{n}-{m}"), &config, SCRIPT);
            for port in [9001, 9002, 9003] {
                let packets = seen.sum(&format!("flow,dst_port={port},interface=v1 "), "src_packets");
                assert_eq!(packets, 200, "{port}: {}", seen.why);
            }
            let last = |name| seen.last("v1", name);
            assert_eq!((last("packets_read"), last("packets_dropped")), (600, 0), "{}", seen.why);
            assert!(seen.log.contains("600 packets read = 600 in flows + 0 not counted"), "{}", seen.why);
        }
    }
}

/// An interface without a header of a link; and one of a kind (InfiniBand) that the ring does not know, to be taken by libpcap.
const TUNNELS: &str = r#"
set -e
cat > open.py <<'PYTHON'
import fcntl, os, struct, sys, time
TUNSETIFF, TUNSETLINK = 0x400454ca, 0x400454cd
held = []
for name, kind in (b't0', None), (b't1', 32):
    tun = os.open('/dev/net/tun', os.O_RDWR)
    # Without a header of its own.
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', name, 0x0001 | 0x1000))
    if kind: fcntl.ioctl(tun, TUNSETLINK, kind)
    held.append(tun)
open('opened', 'w').close()
sys.stdin.read()
PYTHON
mkfifo hold
python3 open.py < hold 2> opened.log &
exec 7> hold
for try in $(seq 500); do [ -e opened ] && break; sleep 0.02; done
ip link set t0 up
ip link set t1 up
ip address add 10.9.1.1/24 dev t0
ip address add 10.9.2.1/24 dev t1
"$AGENT" --config agent.conf > out.txt 2> log.txt &
agent=$!
for try in $(seq 500); do grep -q "capturing from t1" log.txt && break; sleep 0.02; done
for i in $(seq 50); do for net in 1 2; do echo "$i" > /dev/udp/10.9.$net.2/9001; done; done
for try in $(seq 500); do grep -q "^pcap,source=t1 .*packets_read=50i" out.txt && break; sleep 0.02; done
kill $agent
wait $agent
exec 7>&-
"#;

#[test]
fn links_that_only_libpcap_knows() {
    if ways().is_empty() || !has_libpcap() || !Path::new("/dev/net/tun").exists() {
        return eprintln!("left out: no namespaces, no libpcap or no tunnels");
    }
    for (name, filter) in [("all", ""), ("filter", "filter = \"udp port 9001\"\n")] {
        let config = config(&format!("interfaces = [\"t0\", \"t1\"]\n{filter}"));
        let seen = seen(&format!("tunnels-{name}"), &config, TUNNELS);
        for interface in ["t0", "t1"] {
            let packets = seen.sum(&format!("flow,dst_port=9001,interface={interface} "), "src_packets");
            assert_eq!(packets, 50, "{interface}: {}", seen.why);
        }
        for said in
            ["capturing from t0, workers: 1", "capturing from t1, by libpcap", "it has links of the unknown kind 32"]
        {
            assert!(seen.log.contains(said), "{said}: {}", seen.why);
        }
    }
}

/// Many packets into a small ring while the agent is stopped (SIGSTOP), and how long it takes to end.
const BURST: &str = r#"
set -e
ip link set lo up
"$AGENT" --config agent.conf > out.txt 2> log.txt &
agent=$!
for try in $(seq 500); do grep -q "capturing from lo" log.txt && break; sleep 0.02; done
kill -STOP $agent
python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3000): s.sendto(b'x' * 1400, ('127.0.0.1', 9001))"
kill -CONT $agent
for try in $(seq 500); do grep -q "^pcap,source=lo .*packets_read=[1-9]" out.txt && break; sleep 0.02; done
date +%s%N > stopped
kill $agent
wait $agent
echo "took=$((($(date +%s%N) - $(cat stopped)) / 1000000))" >> out.txt
"#;

#[test]
fn drops_are_counted_and_the_stop_is_prompt() {
    for (n, way) in ways().into_iter().enumerate() {
        let config = config(&format!("interfaces = [\"lo\"]\n{way}{PROGRAM}"));
        let seen = seen(&format!("burst-{n}"), &config, BURST);
        let (read, dropped) = (seen.last("lo", "packets_read"), seen.last("lo", "packets_dropped"));
        // What goes out on loopback has room in the ring, too, and is dropped with it, before it is known that it is the same packet.
        assert!(read > 0 && dropped > 0 && read < 3000 && read + dropped >= 3000, "{}", seen.why);
        assert_eq!(seen.sum("flow,dst_port=9001,interface=lo ", "src_packets"), read, "{}", seen.why);
        let took = seen.out.lines().find_map(|line| line.strip_prefix("took=")).and_then(|ms| ms.parse::<u64>().ok());
        // 0.2 s where nothing else runs; a thread that waits for packets which never come does not end at all.
        assert!(took.is_some_and(|ms| ms < 5000), "{took:?} ms: {}", seen.why);
    }
}

/// An interface that is down at the start, goes up, down, and up again.
const DOWN: &str = r#"
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip address add 10.9.0.1/24 dev v0
"$AGENT" --config agent.conf > out.txt 2> log.txt &
agent=$!
opened=1
for try in $(seq 500); do grep -q "capturing from lo" log.txt && break; sleep 0.02; done
for round in 1 2; do
  ip link set v0 up
  ip link set v1 up
  ip neighbour replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0
  # Before that nothing goes out.
  for try in $(seq 500); do ip link show v0 | grep -q "state UP" && break; sleep 0.02; done
  for try in $(seq 500); do [ $(grep -c "capturing from v1" log.txt) -ge $opened ] && break; sleep 0.02; done
  for i in $(seq 20); do echo "$i" > /dev/udp/10.9.0.2/9001; done
  for try in $(seq 500); do grep -q "^pcap,source=v1 .*packets_read=$((round * 20))i" out.txt && break; sleep 0.02; done
  ip link set v1 down
  # The ring ends with an error and is opened again; libpcap goes on.
  if grep -q af_packet agent.conf; then
    for try in $(seq 500); do [ $(grep -c "capture from v1" log.txt) = $round ] && break; sleep 0.02; done
    opened=2
  fi
done
kill $agent
wait $agent
"#;

#[test]
fn an_interface_that_goes_down_and_up() {
    for (n, way) in ways().into_iter().enumerate().filter(|(_, way)| !way.contains("workers")) {
        let config = config(&format!("interfaces = [\"lo\", \"v1\"]\n{way}{PROGRAM}"));
        let seen = seen(&format!("down-{n}"), &config, DOWN);
        assert_eq!(seen.last("v1", "packets_read"), 40, "{}", seen.why);
        assert_eq!(seen.log.matches("v1 is not up").count(), 1, "{}", seen.why);
        let errors = if way.contains("af_packet") { 2 } else { 0 };
        assert_eq!(seen.log.matches("E! ").count(), errors, "one for each time that it went down: {}", seen.why);
    }
}

#[test]
fn what_is_not_there() {
    if ways().is_empty() {
        return;
    }
    let script = r#"ip link set lo up; "$AGENT" --config agent.conf > out.txt 2> log.txt; [ $? = 1 ]"#;
    let said = |name: &str, pcap: &str| seen(name, &config(pcap), script).log;
    let log = said("absent", "interfaces = [\"v7\"]\n");
    assert!(log.contains("open interface \"v7\": there is no such interface; there are: lo"), "{log}");
    let waits = r#"
"$AGENT" --config agent.conf > out.txt 2> log.txt & agent=$!
for try in $(seq 500); do grep -q "none of the interfaces" log.txt && break; sleep 0.02; done
kill $agent
wait $agent"#;
    let log = seen("pattern", &config("interfaces = [\"v*\"]\n"), waits).log;
    assert!(log.contains("none of the interfaces is there yet; there are: lo"), "{log}");
    let log = said("workers", "interfaces = [\"lo\"]\nmethod = \"libpcap\"\nworkers = 2\n");
    assert!(log.contains("workers: only AF_PACKET divides the packets of an interface"), "{log}");
    if has_libpcap() {
        let log = said("absent-libpcap", "interfaces = [\"v7\"]\nmethod = \"libpcap\"\n");
        assert!(log.contains("open interface \"v7\": ") && log.contains("there are: "), "{log}");
        for method in ["libpcap", "af_packet"] {
            let log =
                said("mistake", &format!("interfaces = [\"lo\"]\nmethod = \"{method}\"\nfilter = \"udp prot 1\"\n"));
            assert!(
                log.contains("filter: compile \"udp prot 1\": ") && log.contains("syntax error"),
                "{method}: {log}"
            );
        }
    }
}

fn field(line: &str, name: &str) -> u64 {
    let value = line.split([' ', ',']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|v| v.trim_end_matches(['i', 'u']).parse().ok()).unwrap_or_else(|| panic!("{name} in {line}"))
}

#[test]
fn without_the_right_the_agent_says_how_to_give_it() {
    right("af_packet");
    if has_libpcap() {
        right("libpcap");
    }
}

fn right(method: &str) {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = temporary.path();
    let config = format!(
        "[[inputs.pcap]]\ninterfaces = [\"lo\"]\nmethod = \"{method}\"\n[[aggregators.flow]]\n[[outputs.discard]]\n"
    );
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
    let mut child = command.current_dir(folder).stderr(std::process::Stdio::piped()).spawn().expect("the agent starts");
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
    assert!(ran || log.contains("capturing needs CAP_NET_RAW: run `sudo setcap cap_net_raw+ep "), "{log}");
}
