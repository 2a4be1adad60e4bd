//! What goes out, byte by byte, and what becomes of metrics that cannot; reading back is tested in `tests/ipfix.rs`.

use super::*;
use std::time::Duration as Time;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A chunk of line protocol.
fn chunk(lines: &str) -> Chunk {
    use agent_formats::influx::Influx;
    let mut parser = Influx::new(Default::default(), &Env::new("test")).unwrap();
    let mut out = Collector::new();
    Parser::parse(&mut parser, &Body::from(lines), &mut out).unwrap();
    let mut chunk = Chunk::default();
    chunk.push(View::all(out.take()));
    chunk
}

fn rules(version: Version) -> Rules {
    Rules { version, domain: 7, room: 512, biflows: true, refresh: Some(Time::from_secs(60)) }
}

/// The messages of a write, with their headers, as if they were sent.
fn messages(exporter: &mut Exporter, now: Instant, lines: &str) -> Vec<Message> {
    let plan = exporter.plan(&chunk(lines));
    let mut all = exporter.templates(now);
    exporter.told(now);
    all.extend(plan.messages);
    for message in &mut all {
        exporter.head(message, 1_700_000_000_500_000_000);
        exporter.sent(message);
    }
    all
}

const UDP: &str =
    "flow src=\"10.0.0.1\",dst=\"10.0.0.2\",src_port=1i,dst_port=53i,protocol=17i,src_packets=1i 1700000000123000000\n";

#[test]
fn bytes_of_ipfix() {
    let mut exporter = Exporter::new(rules(Version::Ipfix));
    let all = messages(&mut exporter, Instant::now(), UDP);
    let head = |length: u8, sequence: u8| {
        let mut head = vec![0, 10, 0, length];
        head.extend(1_700_000_000u32.to_be_bytes());
        head.extend([0, 0, 0, sequence, 0, 0, 0, 7]);
        head
    };
    let mut template = head(16 + 4 + 4 + 7 * 4, 0);
    template.extend([0, 2, 0, 36, 1, 0, 0, 7, 0, 8, 0, 4, 0, 12, 0, 4, 0, 7, 0, 2, 0, 11, 0, 2, 0, 4, 0, 1]);
    template.extend([0, 2, 0, 8, 0, 153, 0, 8]);
    let mut data = head(16 + 4 + 29, 0);
    data.extend([1, 0, 0, 33, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 53, 17, 0, 0, 0, 0, 0, 0, 0, 1]);
    data.extend(1_700_000_000_123u64.to_be_bytes());
    assert_eq!(all.iter().map(|m| m.bytes.clone()).collect::<Vec<_>>(), [template, data]);
    // The sequence counts records of data, not templates.
    assert_eq!(messages(&mut exporter, Instant::now(), UDP)[0].bytes[..16], head(49, 1));
}

#[test]
fn bytes_of_version_9_in_both_directions() {
    let mut exporter = Exporter::new(rules(Version::V9));
    let line = "flow src=\"10.0.0.1\",dst=\"10.0.0.2\",src_port=1i,dst_port=53i,src_packets=2i,dst_packets=3i,src_tcp_flags=2i,\
                dst_tcp_flags=18i,http_host=\"left out\",first=1700000000000000000i,last=1700000001000000000i\n";
    let all = messages(&mut exporter, Instant::now(), line);
    assert_eq!(all.len(), 2);
    // Version, number of records, and the sequence, which counts messages.
    assert_eq!((&all[0].bytes[..4], &all[0].bytes[12..16]), (&[0, 9, 0, 1][..], &[0, 0, 0, 0][..]));
    assert_eq!((&all[1].bytes[..4], &all[1].bytes[12..20]), (&[0, 9, 0, 2][..], &[0, 0, 0, 1, 0, 0, 0, 7][..]));
    let record = |ends: [u8; 12], flags: u8, packets: u8| {
        let mut record = ends.to_vec();
        record.push(flags);
        record.extend([0, 0, 0, 0, 0, 0, 0, packets]);
        record.extend(1_700_000_000_000u64.to_be_bytes());
        record.extend(1_700_000_001_000u64.to_be_bytes());
        record
    };
    let there = record([10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 53], 2, 2);
    let back = record([10, 0, 0, 2, 10, 0, 0, 1, 0, 53, 0, 1], 18, 3);
    assert_eq!(all[1].bytes[24..], [there, back].concat());
    assert_eq!(all[1].metrics, [0]);
}

#[test]
fn templates_are_sent_again_and_new_ones_at_once() {
    let mut exporter = Exporter::new(rules(Version::Ipfix));
    let start = Instant::now();
    let templates = |exporter: &mut Exporter, after: u64, lines: &str| -> usize {
        let all = messages(exporter, start + Time::from_secs(after), lines);
        all.iter().filter(|m| m.bytes[16..18] == [0, 2]).map(|m| m.records as usize).sum()
    };
    let v6 = "flow src=\"::1\",dst=\"::2\",src_packets=1i 1\n";
    assert_eq!(templates(&mut exporter, 0, UDP), 1);
    assert_eq!(templates(&mut exporter, 59, UDP), 0);
    assert_eq!(templates(&mut exporter, 59, &format!("{UDP}{v6}")), 1);
    assert_eq!(templates(&mut exporter, 60, UDP), 2);
    assert_eq!(templates(&mut exporter, 61, v6), 0);
    exporter.begin_session();
    assert_eq!(templates(&mut exporter, 62, v6), 2);
}

#[test]
fn messages_stay_within_their_room_and_name_their_metrics() {
    for version in [Version::Ipfix, Version::V9] {
        let mut exporter = Exporter::new(rules(version));
        let lines: String = (0..500)
            .map(|i| format!("flow src=\"10.0.0.1\",dst=\"10.0.0.2\",src_packets={i}i,dst_packets={}i 1\n", i % 2))
            .collect();
        let all = messages(&mut exporter, Instant::now(), &lines);
        assert!(all.iter().all(|m| m.bytes.len() <= 512), "{version:?}");
        assert!(all.len() < if version == Version::V9 { 55 } else { 40 }, "{version:?}: {}", all.len());
        let mut metrics: Vec<usize> = all.iter().flat_map(|m| m.metrics.clone()).collect();
        metrics.sort_unstable();
        assert_eq!(metrics, (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn shapes_are_bounded() {
    let mut exporter = Exporter::new(rules(Version::Ipfix));
    let names = [
        "src_port",
        "dst_port",
        "protocol",
        "tos",
        "vlan",
        "src_bytes",
        "src_mask",
        "dst_mask",
        "http_status",
        "in_snmp",
    ];
    for bits in 0..1024u32 {
        assert_eq!(exporter.trim(), bits == 513, "{bits}");
        let fields: String =
            names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, n)| format!(",{n}=1i")).collect();
        messages(&mut exporter, Instant::now(), &format!("flow src=\"10.0.0.1\",dst=\"10.0.0.2\"{fields} 1\n"));
    }
}

#[test]
fn what_is_no_flow_is_refused_alone() {
    let mut exporter = Exporter::new(rules(Version::Ipfix));
    for (fields, cause) in [
        ("usage=1", "it has no src and dst"),
        ("src=\"10.0.0.1\",dst=\"::1\"", "not of one version of IP"),
        ("src=\"10.0.0.1\",dst=\"a.example\"", "dst is \"a.example\""),
        ("src=\"10.0.0.1\",dst=\"10.0.0.2\",src_port=70000i", "src_port is \"70000\""),
        ("src=\"10.0.0.1\",dst=\"10.0.0.2\",protocol=\"none\"", "protocol is \"none\""),
    ] {
        let plan = exporter.plan(&chunk(&format!("{UDP}flow {fields} 1\n{UDP}")));
        assert_eq!(plan.rejected, [1], "{fields}");
        assert!(plan.cause.contains(cause), "{}", plan.cause);
        assert_eq!(plan.messages.iter().flat_map(|m| m.metrics.clone()).collect::<Vec<_>>(), [0, 2]);
    }
}

fn output(settings: Settings) -> Result<Ipfix> {
    Ipfix::new(settings, &Env::new("outputs.ipfix"))
}

#[tokio::test]
async fn a_stream_that_breaks_begins_a_new_session() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut out = output(Settings { address, ..Settings::default() }).unwrap();
    let mut first_byte = [0; 18];
    out.open().await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    out.write(&chunk(UDP)).await.unwrap();
    peer.read_exact(&mut first_byte).await.unwrap();
    assert_eq!(first_byte[16..], [0, 2], "a template first");
    drop(peer);
    // The kernel takes what goes out before it knows that nobody is there; then what was not sent is kept.
    let lost = loop {
        if let Err(e) = out.write(&chunk(UDP)).await {
            break e;
        }
    };
    let WriteError::Partial { written, rejected, .. } = lost else { panic!("{lost}") };
    assert_eq!((written, rejected), (vec![], vec![]));
    out.write(&chunk(&format!("{UDP}cpu usage=1 1\n"))).await.unwrap_err();
    let (mut peer, _) = listener.accept().await.unwrap();
    peer.read_exact(&mut first_byte).await.unwrap();
    assert_eq!((&first_byte[16..], &first_byte[8..12]), (&[0, 2][..], &[0, 0, 0, 0][..]));
}

#[test]
fn settings_that_cannot_be() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        format!("{:#}", output(settings).err().unwrap())
    };
    assert!(with(|s| s.address = "host:4739".to_owned()).contains("expected udp://host:port"));
    assert!(with(|s| s.address = "udp://host".to_owned()).contains("no valid port"));
    assert!(with(|s| s.protocol = "netflow v5".to_owned()).contains("is unknown"));
    assert!(with(|s| s.max_message_size = Size(100)).contains("512 and 65000"));
    assert!(
        with(|s| (s.address, s.protocol) = ("tcp://host:1".to_owned(), "netflow v9".to_owned())).contains("udp only")
    );
    assert!(output(Settings::default()).is_ok());
}
