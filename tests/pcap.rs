//! `agent flows` over captures that nobody here made, held against what other tools say of them (`tests/pcap/README.md`).

use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of a hundred sessions at least so many are as expected.
const EQUAL_PERCENT: usize = 98;

/// Sessions whose packets or bytes differ: the capture, the end that began as the other tool has it, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("arkime/igmp.pcap.gz", "20.0.1.100", "Arkime has one session for all of IGMP, whatever the groups"),
    ("arkime/ospf.pcap.gz", "10.0.0.1", "Arkime has one session for all of IGMP"),
    ("arkime/ospf.pcap.gz", "10.0.0.2", "Arkime has one session for all of PIM"),
    ("arkime/pim.pcap.gz", "10.0.0.6", "Arkime has one session for all of PIM"),
    ("arkime/vxlan.pcap.gz", "192.168.56.11", "VXLAN that carries ARP: Arkime leaves the tunnel's ports off"),
    ("arkime/wireshark-dhcp.pcap.gz", "0.0.0.0", "Arkime joins DHCP by its transaction, whatever the addresses"),
    ("zeek/auth_change_session_keys.pcap.gz", "192.168.1.2", "the answers have wrong checksums, Zeek leaves them out"),
    (
        "zeek/globus-url-copy.pcap.gz",
        "192.168.57.103",
        "bulk data of GridFTP, of which Zeek has fewer packets (not traced further)",
    ),
];

/// Sessions whose packets and bytes are equal, but where the other tool says that the other end began.
const TURNED: &[(&str, &str, &str)] = &[
    (
        "zeek/wikipedia.pcap.gz",
        "173.192.163.128",
        "the only packet is a SYN with ACK: for Zeek its sender began, for us it answered",
    ),
    ("zeek/dhcp.pcap.gz", "128.2.6.97", "the server's packet comes first: for Zeek the client began, by its port"),
    ("zeek/dhcp.pcap.gz", "128.2.6.189", "the server's packet comes first: for Zeek the client began, by its port"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pcap")
}

/// The flows of a capture, and the summary, whose sums are checked.
fn flows(capture: &Path) -> (Vec<Value>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_agent"))
        .args(["flows", "--format", "json", "--summary"])
        .arg(capture)
        .output()
        .expect("the agent runs");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("each line is JSON")).collect();
    let summary = lines.pop().unwrap_or_else(|| panic!("{capture:?}: {}", String::from_utf8_lossy(&output.stderr)));
    let in_flows: u64 = lines.iter().map(|f| number(f, "src_packets") + number(f, "dst_packets")).sum();
    assert_eq!(number(&summary, "packets_in_flows"), in_flows, "{capture:?}");
    let not_counted: u64 =
        summary["not_counted"].as_object().expect("an object").values().map(|v| v.as_u64().expect("a number")).sum();
    assert_eq!(number(&summary, "packets_read"), in_flows + not_counted, "{capture:?}");
    (lines, summary)
}

fn number(flow: &Value, name: &str) -> u64 {
    flow[name].as_u64().unwrap_or_else(|| panic!("{name} of {flow}"))
}

type End = (IpAddr, u64);

/// What two ends sent each other; `turned` is whether the higher one began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    packets: [u64; 2],
    bytes: [u64; 2],
    turned: bool,
}

/// The ends in order, and what each sent.
fn ordered(src: End, dst: End, packets: [u64; 2], bytes: [u64; 2]) -> ((End, End), Sum) {
    if src <= dst {
        ((src, dst), Sum { packets, bytes, turned: false })
    } else {
        let turn = |[a, b]: [u64; 2]| [b, a];
        ((dst, src), Sum { packets: turn(packets), bytes: turn(bytes), turned: true })
    }
}

#[test]
fn sessions_are_as_other_tools_have_them() {
    let text = std::fs::read_to_string(folder().join("sessions.csv")).expect("the expectations");
    let mut read: HashMap<String, Vec<Value>> = HashMap::new();
    let (mut sessions, mut equal, mut unexplained) = (0, 0, Vec::new());
    let mut unused: Vec<_> = EXCEPTIONS.iter().chain(TURNED).collect();
    for line in text.lines().skip(1) {
        let [capture, kind, src, src_port, dst, dst_port, protocol, rest @ ..] =
            line.split(',').collect::<Vec<_>>()[..].try_into().map(|row: [&str; 12]| row).expect("twelve columns");
        let [a, b, c, d, records] = rest.map(|n| n.parse::<u64>().expect("a number"));
        let end = |address: &str, port: &str| -> End {
            (address.parse().expect("an address"), port.parse().expect("a port"))
        };
        let (ends, expected) = ordered(end(src, src_port), end(dst, dst_port), [a, b], [c, d]);
        let found = read.entry(capture.to_owned()).or_insert_with(|| flows(&folder().join(capture)).0);
        let ours = sum(found, ends, protocol.parse().expect("a number"), kind == "frame");
        sessions += 1;
        // Others split by their timeouts, so we may have fewer records, but never more.
        let same = ours
            .is_some_and(|(s, flows)| (s.packets, s.bytes) == (expected.packets, expected.bytes) && flows <= records);
        equal += usize::from(same);
        let turned = kind != "unordered" && ours.is_some_and(|(s, _)| s.turned != expected.turned);
        let known = match (same, turned) {
            (true, false) => continue,
            (true, true) => TURNED,
            (false, _) => EXCEPTIONS,
        };
        match known.iter().find(|(c, s, _)| *c == capture && *s == src) {
            Some(exception) => unused.retain(|e| *e != exception),
            None => unexplained.push(format!("{line}\n    we have {ours:?}")),
        }
    }
    assert!(unexplained.is_empty(), "not as expected:\n{}", unexplained.join("\n"));
    assert!(unused.is_empty(), "no exception any more: {unused:?}");
    assert!(equal * 100 >= sessions * EQUAL_PERCENT, "{equal} of {sessions} sessions are equal");
}

/// All flows between two ends in one, and how many there are; the first one says which end began.
fn sum(flows: &[Value], ends: (End, End), protocol: u64, frames: bool) -> Option<(Sum, u64)> {
    let mut all: Option<(Sum, u64)> = None;
    for f in flows.iter().filter(|f| number(f, "protocol") == protocol) {
        let end = |side: &str| -> End {
            (f[side].as_str().and_then(|a| a.parse().ok()).expect("an address"), number(f, &format!("{side}_port")))
        };
        let pair = |what: &str| [number(f, &format!("src_{what}")), number(f, &format!("dst_{what}"))];
        let bytes = pair(if frames { "bytes" } else { "ip_bytes" });
        let (found, part) = ordered(end("src"), end("dst"), pair("packets"), bytes);
        if found == ends {
            let (all, count) = all.get_or_insert((Sum { turned: part.turned, ..Sum::default() }, 0));
            *count += 1;
            for side in 0..2 {
                all.packets[side] += part.packets[side];
                all.bytes[side] += part.bytes[side];
            }
        }
    }
    all
}

#[test]
fn nothing_of_odd_captures_gets_lost() {
    let mut captures = 0;
    for family in ["zeek-odd", "community-id", "pcapng"] {
        for path in std::fs::read_dir(folder().join(family)).expect("the captures").flatten().map(|e| e.path()) {
            if path.extension().is_some_and(|e| e == "gz") {
                flows(&path);
                captures += 1;
            }
        }
    }
    assert!(captures > 90, "{captures} captures");
}

#[test]
fn tunnels_give_their_inner_flow() {
    for (capture, kind, packets) in [
        ("4in6", "ipip", 1),
        ("6in6in6", "ipip", 1),
        ("erspanI", "erspan", 10),
        ("erspanII", "erspan", 4),
        ("geneve", "geneve", 6),
        ("gre-within-gre", "gre", 628),
        ("gre-over-udp-4754", "gre", 14),
        ("gtp_ext_header", "gtp", 2),
        ("gtp1_gn_normal_incl_fragmentation", "gtp", 108),
        ("vxlan-triple-v2", "vxlan", 1),
    ] {
        let (flows, _) = flows(&folder().join(format!("zeek-odd/{capture}.pcap.gz")));
        let inner = flows.iter().filter(|f| f["tunnel"]["type"] == kind);
        let counted: u64 = inner.map(|f| number(f, "src_packets") + number(f, "dst_packets")).sum();
        assert_eq!(counted, packets, "{capture}");
    }
}

#[test]
fn both_byte_orders_of_pcapng_give_the_same() {
    let mut compared = 0;
    for path in std::fs::read_dir(folder().join("pcapng")).expect("the captures").flatten().map(|e| e.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(rest) = name.strip_prefix("le-") {
            let other = path.with_file_name(format!("be-{rest}"));
            assert_eq!(flows(&path), flows(&other), "{rest}");
            compared += 1;
        }
    }
    assert_eq!(compared, 21);
}

#[test]
fn community_ids_are_those_of_the_specification() {
    let (flows, summary) = flows(&folder().join("community-id/combined.pcap.gz"));
    let mut ids: Vec<&str> = flows.iter().filter_map(|f| f["community_id"].as_str()).collect();
    ids.sort_unstable();
    let mut expected = [
        "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=",
        "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=",
        "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
        "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=",
        "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
        "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
        "1:YHxtAirCG//0OzkcVAukqKQN9xM=",
        "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
        "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
        "1:hLZd0XGWojozrvxqE0dWB1iM6R0=",
        "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=",
        "1:pkvHqCL88/tg1k4cPigmZXUtL00=",
    ];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(summary["not_counted"]["arp"], 6);
}
