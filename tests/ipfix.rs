//! Flows that `outputs.ipfix` sends are read back equal: by `inputs.netflow`, over UDP and TCP, and by nfdump, a collector that nobody
//! here made.
//!
//! nfdump is looked for and not needed: `scripts/setup test` installs it.

use agent_api::options::{Item, Setting, Span};
use agent_api::plugin::{Build, DynOutput, Family, find};
use agent_api::{Batch, Chunk, Env, Table, Value, View};
use inputs::fuzz::NetflowCollector;
use outputs as _;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

fn output(settings: &[(&str, &str)]) -> Box<dyn DynOutput> {
    let (mut table, span) = (Table::default(), Span::default());
    for (key, value) in settings {
        let value = match value.parse() {
            Ok(n) => Setting::Int(n),
            Err(_) if matches!(*value, "true" | "false") => Setting::Bool(*value == "true"),
            Err(_) => Setting::Str((*value).to_owned()),
        };
        table.set(key, span, Item { value, span });
    }
    let Build::Output(make) = find(Family::Outputs, "ipfix").expect("outputs.ipfix").build else { panic!("no output") };
    make(&table, &Env::new("outputs.ipfix")).unwrap_or_else(|_| panic!("{settings:?} are good"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Flows of no particular kind: either version of IP, one way or both, with and without what need not be there.
struct Flows(u64);

impl Flows {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn add(&mut self, batch: &mut Batch) {
        let v6 = self.next(3) == 0;
        let mut address = |n| match v6 {
            true => format!("2001:db8::{:x}:{n}", self.next(0xffff) + 1),
            false => format!("10.{}.{}.{n}", self.next(256), self.next(256)),
        };
        let (src, dst) = (address(1), address(2));
        let first = 1_700_000_000_000 + self.next(1_000_000) as i64;
        let protocol = [6, 17, 1, 132][self.next(4) as usize];
        let (there, back) = (1 + self.next(1 << 40), self.next(3) * self.next(1 << 40));
        let mut flow = batch
            .metric("flow")
            .field("src", src.as_str())
            .field("dst", dst.as_str())
            .field("src_port", self.next(65536))
            .field("dst_port", self.next(65536))
            .field("protocol", protocol as u64)
            .field("src_packets", there)
            .field("dst_packets", back)
            .field("src_ip_bytes", there * 100)
            .field("dst_ip_bytes", back * 100)
            .field("src_bytes", there * 114)
            .field("dst_bytes", back * 114)
            .field("src_tcp_flags", self.next(64))
            .field("dst_tcp_flags", self.next(64))
            .field("first", first * 1_000_000)
            .field("last", (first + 5000) * 1_000_000)
            .field("end_reason", ["idle", "active", "end", "forced", "evicted"][self.next(5) as usize])
            .field("vlan", self.next(2) * 100);
        if self.next(2) == 0 {
            flow.add_field("http_host", "example.org");
            flow.add_field("http_status", 200u64);
        }
    }
}

fn chunk(batch: Batch) -> Chunk {
    let mut chunk = Chunk::default();
    chunk.push(View::all(batch));
    chunk
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Str(s) => s.to_owned(),
        Value::Uint(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        other => format!("{other:?}"),
    }
}

/// A flow as `inputs.netflow` names its parts; `way` 0 is that of `src`, 1 the way back, 2 both in one record.
fn expected(flow: &BTreeMap<String, String>, way: usize) -> Option<String> {
    let number = |key: &str| flow[key].parse::<u64>().expect("a number");
    let names = |n: u64| {
        ["hopopt", "icmp", "", "", "", "", "tcp"].get(n as usize).copied().unwrap_or(if n == 17 {
            "udp"
        } else {
            "sctp"
        })
    };
    let flags = |n: u64| {
        "CEUAPRSF".chars().enumerate().map(|(i, c)| if n << i & 0x80 != 0 { c } else { '.' }).collect::<String>()
    };
    if way == 1 && number("dst_packets") == 0 {
        return None;
    }
    let side = if way == 1 { ["dst", "src"] } else { ["src", "dst"] };
    let own = |what: &str| flow[&format!("{}_{what}", side[0])].clone();
    let mut parts = BTreeMap::from([
        ("src", flow[side[0]].clone()),
        ("dst", flow[side[1]].clone()),
        ("src_port", own("port")),
        ("dst_port", flow[&format!("{}_port", side[1])].clone()),
        ("protocol", names(number("protocol")).to_owned()),
        ("in_packets", own("packets")),
        ("in_bytes", own("ip_bytes")),
        ("l2_bytes", own("bytes")),
        ("tcp_flags", flags(own("tcp_flags").parse().expect("flags"))),
        ("flow_start_ms", (number("first") / 1_000_000).to_string()),
        ("flow_end_ms", (number("last") / 1_000_000).to_string()),
    ]);
    let reasons =
        [("idle", "idle timeout"), ("active", "active timeout"), ("end", "end of flow"), ("forced", "forced end")];
    let reason = reasons.iter().find(|r| r.0 == flow["end_reason"]).map_or("lack of resources", |r| r.1);
    parts.insert("flow_end_reason", reason.to_owned());
    if flow["vlan"] != "0" {
        parts.insert("vlan_src", flow["vlan"].clone());
    }
    if let Some(host) = flow.get("http_host") {
        parts.insert("http_status_code", flow["http_status"].clone());
        parts.insert("http_request_host", host.clone());
    }
    if way == 2 && number("dst_packets") > 0 {
        parts.insert("biflow_direction", "initiator".to_owned());
        for (element, field) in [("2", "packets"), ("1", "ip_bytes"), ("352", "bytes")] {
            let name = ["type_29305_2", "type_29305_1", "type_29305_352"].into_iter().find(|n| n[11..] == *element);
            parts.insert(name.expect("of these"), format!("{:#018x}", number(&format!("dst_{field}"))));
        }
        parts.insert("type_29305_6", format!("{:#04x}", number("dst_tcp_flags")));
    }
    Some(format!("{parts:?}"))
}

fn fields(batch: &Batch) -> Vec<BTreeMap<String, String>> {
    batch.iter().map(|m| m.fields().map(|(k, v)| (k.to_owned(), text(v))).collect()).collect()
}

/// What a collector makes of messages, and what it should, each sorted.
fn compare(collector: &mut NetflowCollector, sent: &[BTreeMap<String, String>], ways: &[usize], texts: bool) {
    assert_eq!(collector.bad.bad, 0, "{}", collector.bad);
    let mut got: Vec<String> = fields(&collector.batch.take()).iter().map(|f| format!("{f:?}")).collect();
    let plain = |flow: &BTreeMap<String, String>| {
        let mut flow = flow.clone();
        if !texts && flow.remove("http_host").is_some() {
            flow.insert("http_host".to_owned(), String::new());
        }
        flow
    };
    let mut want: Vec<String> =
        ways.iter().flat_map(|way| sent.iter().filter_map(move |f| expected(&plain(f), *way))).collect();
    if !texts {
        want.iter_mut().for_each(|w| *w = w.replace("\"http_request_host\": \"\", ", ""));
    }
    got.sort();
    want.sort();
    assert_eq!(got.len(), want.len());
    for (g, w) in got.iter().zip(&want) {
        assert_eq!(g, w);
    }
}

#[test]
fn read_back_over_udp() {
    for (settings, ways, texts) in [
        (&[("protocol", "ipfix")][..], &[2][..], true),
        (&[("protocol", "ipfix"), ("biflows", "false")], &[0, 1], true),
        (&[("protocol", "netflow v9")], &[0, 1], false),
    ] {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a port");
        receiver.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let address = format!("udp://{}", receiver.local_addr().expect("bound"));
        let mut out = output(&[settings, &[("address", address.as_str())]].concat());
        let (mut collector, mut flows, runtime) = (NetflowCollector::new(0), Flows(0x9e37_79b9_7f4a_7c15), runtime());
        for _ in 0..20 {
            let mut batch = Batch::new();
            (0..100).for_each(|_| flows.add(&mut batch));
            let sent = fields(&batch);
            let wanted: usize = ways.iter().map(|w| sent.iter().filter(|f| expected(f, *w).is_some()).count()).sum();
            runtime.block_on(out.write(&chunk(batch))).expect("written");
            let mut packet = [0; 2000];
            while collector.batch.len() < wanted {
                let length = receiver.recv(&mut packet).expect("all that was sent");
                assert!(length <= 1400);
                collector.packet(1, &packet[..length]);
            }
            compare(&mut collector, &sent, ways, texts);
        }
    }
}

#[test]
fn read_back_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("bound"));
    let reader = std::thread::spawn(move || {
        let mut stream = Vec::new();
        listener.accept().expect("a connection").0.read_to_end(&mut stream).expect("a stream");
        stream
    });
    let mut out = output(&[("address", &address)]);
    let (mut batch, mut flows) = (Batch::new(), Flows(7));
    (0..1000).for_each(|_| flows.add(&mut batch));
    let sent = fields(&batch);
    runtime().block_on(async { out.write(&chunk(batch)).await }).expect("written");
    drop(out);
    let stream = reader.join().expect("the reader");
    let (mut collector, mut rest) = (NetflowCollector::new(0), &stream[..]);
    while let [_, _, high, low, ..] = rest {
        let (message, behind) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        collector.packet(1, message);
        rest = behind;
    }
    compare(&mut collector, &sent, &[2], true);
}

/// The sums over all flows that nfdump tells: flows, packets and bytes of both ways.
fn nfdump(protocol: &str, biflows: &str) -> Option<(u64, u64, u64)> {
    if Command::new("nfcapd").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("nfdump is not installed, so it is not asked");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let mut collector = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-w"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nfcapd starts");
    let udp = || std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let bound = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        udp().contains(&format!("0100007F:{port:04X}"))
    });
    assert!(bound, "nfcapd listens");
    let address = format!("udp://127.0.0.1:{port}");
    let mut out = output(&[("address", &address), ("protocol", protocol), ("biflows", biflows)]);
    let (mut batch, mut flows) = (Batch::new(), Flows(11));
    (0..200).for_each(|_| flows.add(&mut batch));
    let sum = |key: &str| fields(&batch).iter().map(|f| f[key].parse::<u64>().expect("a number")).sum::<u64>();
    let sent = (200, sum("src_packets") + sum("dst_packets"), sum("src_ip_bytes") + sum("dst_ip_bytes"));
    let both = fields(&batch).iter().filter(|f| f["dst_packets"] != "0").count() as u64;
    runtime().block_on(async { out.write(&chunk(batch)).await }).expect("written");
    // What was sent has been read when nothing is left in the socket.
    let read = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        udp().lines().any(|l| l.contains(&format!("0100007F:{port:04X}")) && l.contains("00000000:00000000"))
    });
    assert!(read, "nfcapd reads");
    Command::new("kill").args(["-TERM", &collector.id().to_string()]).status().expect("kill");
    collector.wait().expect("nfcapd ends");
    let shown =
        Command::new("nfdump").arg("-R").arg(folder.path()).args(["-o", "json"]).output().expect("nfdump starts");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("nfdump's JSON");
    let shown = shown.as_array().expect("a list");
    let all = |keys: [&str; 2]| {
        shown.iter().flat_map(|f| keys.map(|k| f.get(k).and_then(|v| v.as_u64()).unwrap_or(0))).sum::<u64>()
    };
    let flows = shown.len() as u64 - if protocol == "ipfix" && biflows == "true" { 0 } else { both };
    assert_eq!(
        (flows, all(["in_packets", "out_packets"]), all(["in_bytes", "out_bytes"])),
        sent,
        "{protocol} {biflows}"
    );
    Some(sent)
}

#[test]
fn read_back_by_nfdump() {
    for (protocol, biflows) in [("ipfix", "true"), ("ipfix", "false"), ("netflow v9", "false")] {
        nfdump(protocol, biflows);
    }
}
