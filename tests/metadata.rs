//! `agent flows --metadata` over captures that nobody here made, held against what Arkime says of them (`tests/pcap/README.md`).

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

/// What is not there: the capture, the field, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("arkime/cloudshark-dtls1.pcap.gz", "tls_ja4", "DTLS is not looked into"),
    ("arkime/wireshark-dtls0.pcap.gz", "tls_ja4", "DTLS is not looked into"),
    (
        "arkime/v6-http.pcap.gz",
        "dns_code",
        "only questions, by multicast: Arkime takes the code of a question for that of an answer",
    ),
    ("arkime/openvpn_synthetic.pcap.gz", "tls_ja3", "TLS inside of OpenVPN is not looked into"),
    ("arkime/openvpn_synthetic.pcap.gz", "tls_ja4", "TLS inside of OpenVPN is not looked into"),
    ("arkime/openvpn_synthetic.pcap.gz", "tls_server_name", "TLS inside of OpenVPN is not looked into"),
];

type Flow = (IpAddr, u64, IpAddr, u64);

fn flows(capture: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pcap").join(capture);
    let output = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["flows", "--format", "json", "--metadata"])
        .arg(path)
        .output()
        .expect("the agent runs");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

fn key(flow: &Value) -> Flow {
    let address = |name: &str| flow[name].as_str().and_then(|a| a.parse().ok()).expect("an address");
    let port = |name: &str| flow[name].as_u64().expect("a port");
    (address("src"), port("src_port"), address("dst"), port("dst_port"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A flow, a field of it and the values that are expected there.
type Expected<'a> = (Flow, &'a str, Vec<&'a str>);

#[test]
fn first_packets_say_what_arkime_says() {
    let table = include_str!("pcap/metadata.csv");
    let mut expected: BTreeMap<&str, Vec<Expected<'_>>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let [capture, src, src_port, dst, dst_port, field, values] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let address = |text: &str| text.parse().expect("an address");
        let port = |text: &str| text.parse().expect("a port");
        let flow = (address(src), port(src_port), address(dst), port(dst_port));
        expected.entry(capture).or_default().push((flow, field, values.split(' ').collect()));
    }
    let (mut checked, mut wrong) = (0, Vec::new());
    for (capture, lines) in expected {
        let flows = flows(capture);
        for ((src, src_port, dst, dst_port), field, values) in lines {
            if EXCEPTIONS.iter().any(|e| e.0 == capture && e.1 == field) {
                continue;
            }
            checked += 1;
            let turned = (dst, dst_port, src, src_port);
            let found = flows.iter().find(|f| [(src, src_port, dst, dst_port), turned].contains(&key(f)));
            let got = found.map_or("no such flow".to_owned(), |f| shown(&f[field]));
            if !values.contains(&got.as_str()) {
                wrong.push(format!("{capture} {src} {src_port} {field}: {got}, expected one of {values:?}"));
            }
        }
    }
    assert!(checked > 150 && wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}
