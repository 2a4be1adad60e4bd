//! Databases made here, byte by byte: what they say, and what is none.

use super::*;
use crate::flow::Flow as Task;
use crate::testing::build;
use agent_api::{Aggregator, Cargo, Value};
use agent_packets::{Packet, Packets};
use serde_json::json;
use std::net::Ipv6Addr;

/// A value in the form of the data section (MaxMind DB, version 2.0): type and size, then the bytes.
fn put(value: &serde_json::Value, out: &mut Vec<u8>) {
    let mut control = |kind: u8, size: usize| {
        let (size, more) = if size < 29 { (size as u8, None) } else { (29, Some(size as u8 - 29)) };
        let (kind, extended) = if kind > 7 { (0, Some(kind - 7)) } else { (kind, None) };
        out.push(kind << 5 | size);
        out.extend(extended);
        out.extend(more);
    };
    match value {
        serde_json::Value::String(text) => {
            control(2, text.len());
            out.extend(text.as_bytes());
        }
        serde_json::Value::Number(number) => {
            control(6, 4);
            out.extend((number.as_u64().unwrap() as u32).to_be_bytes());
        }
        serde_json::Value::Array(values) => {
            control(11, values.len());
            values.iter().for_each(|value| put(value, out));
        }
        serde_json::Value::Object(map) => {
            control(7, map.len());
            for (key, value) in map {
                put(&json!(key), out);
                // The types that the specification gives to what is said about the database.
                match (key.as_str(), value.as_u64()) {
                    ("record_size" | "ip_version" | "binary_format_major_version", Some(n)) => {
                        out.extend([5 << 5 | 2, 0, n as u8]);
                    }
                    ("binary_format_minor_version", _) => out.push(5 << 5),
                    ("build_epoch", Some(n)) => out.extend([1, 9 - 7, n as u8]),
                    _ => put(value, out),
                }
            }
        }
        _ => panic!("not needed"),
    }
}

/// A database of these networks, for IPv6 with IPv4 in its lowest part.
fn database(networks: &[(&str, u8, serde_json::Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    // Of each node what is on the left and on the right: a node, or data behind all nodes.
    let mut nodes: Vec<[Option<Result<usize, usize>>; 2]> = vec![[None; 2]];
    for (address, bits, value) in networks {
        let (address, bits) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), bits + 96),
            IpAddr::V6(v6) => (Ipv6Addr::to_bits(v6), *bits),
        };
        let mut node = 0;
        for depth in 0..bits {
            let side = (address >> (127 - depth) & 1) as usize;
            if depth + 1 == bits {
                nodes[node][side] = Some(Err(data.len()));
            } else {
                node = match nodes[node][side] {
                    Some(Ok(next)) => next,
                    _ => {
                        nodes.push([None; 2]);
                        nodes[node][side] = Some(Ok(nodes.len() - 1));
                        nodes.len() - 1
                    }
                };
            }
        }
        put(value, &mut data);
    }
    let mut out = Vec::new();
    for side in nodes.iter().flatten() {
        let record = match side {
            None => nodes.len(),
            Some(Ok(node)) => *node,
            Some(Err(at)) => nodes.len() + 16 + at,
        };
        out.extend(&(record as u32).to_be_bytes()[1..]);
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    let about = json!({
        "node_count": nodes.len(), "record_size": 24, "ip_version": 6, "database_type": "Test", "languages": ["en"],
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1, "description": {"en": "test"},
    });
    put(&about, &mut out);
    out
}

fn written(name: &str, networks: &[(&str, u8, serde_json::Value)]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("agent-geo-{}-{name}.mmdb", std::process::id()));
    std::fs::write(&path, database(networks)).unwrap();
    path
}

#[test]
fn databases_complete_each_other() {
    let cities = written(
        "cities",
        &[
            (
                "10.0.0.0",
                8,
                json!({"country": {"iso_code": "DE", "geoname_id": 7}, "city": {"names": {"de": "Köln", "en": "Cologne"}}}),
            ),
            ("2001:db8::", 32, json!({"country": {"iso_code": "FR"}})),
        ],
    );
    let systems = written(
        "systems",
        &[("10.1.0.0", 16, json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example"}))],
    );
    let missing = PathBuf::from("/nowhere/db.mmdb");
    let mut geo = Geo::new(&[&cities, &systems, &missing].map(|path| path.display().to_string()));
    let mut out = Collector::new();
    geo.ready(&mut out);
    geo.ready(&mut out);
    let (errors, _) = out.take_errors();
    assert!(errors.len() == 1 && format!("{:#}", errors[0]).contains("read \"/nowhere/db.mmdb\""), "{errors:?}");
    let place = |address: &str| geo.place(address.parse().unwrap());
    let expected =
        Place { country: Some("DE"), city: Some("Cologne"), asn: Some(64_500), organization: Some("Example") };
    assert_eq!(place("10.1.2.3"), expected);
    assert_eq!(place("10.2.0.0"), Place { asn: None, organization: None, ..expected });
    assert_eq!(place("2001:db8:1::"), Place { country: Some("FR"), ..Place::default() });
    assert_eq!((place("11.0.0.1"), place("::1")), Default::default());
    [cities, systems].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn flows_say_where_their_ends_are() {
    let path =
        written("flows", &[("10.0.0.0", 8, json!({"country": {"iso_code": "DE"}, "autonomous_system_number": 7}))]);
    let settings = json!({"geoip_databases": [path.display().to_string()], "tags": ["src_country"]});
    let mut task: Task = build(settings).unwrap();
    let mut run = || {
        let packet = Packet { src: 0x0a00_0001, dst: 0x0b00_0001, protocol: 17, ..Packet::default() };
        let packets: Packets = [(packet, 5, 60)].into_iter().collect();
        let mut out = Collector::new();
        task.load(&(Arc::new(packets) as Cargo), &mut out);
        task.flush(&mut out);
        assert!(out.take_errors().0.is_empty());
        let batch = out.take();
        let flow = batch.at(0);
        assert_eq!((flow.field("dst_country"), flow.field("dst_asn")), (None, None));
        (flow.tag("src_country").map(str::to_owned), flow.field("src_asn").and_then(|v: Value<'_>| v.number()))
    };
    assert_eq!(run(), (Some("DE".to_owned()), Some(7.0)));
    // It is replaced by one that knows more, and then by one that is none.
    std::fs::write(&path, database(&[("10.0.0.0", 8, json!({"country": {"iso_code": "AT"}}))])).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    run();
    assert_eq!(run(), (Some("AT".to_owned()), None));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_no_database() {
    let path = std::env::temp_dir().join(format!("agent-geo-{}-none.mmdb", std::process::id()));
    std::fs::write(&path, "nothing").unwrap();
    let mut out = Collector::new();
    let mut geo = Geo::new(&[path.display().to_string()]);
    geo.ready(&mut out);
    let (errors, _) = out.take_errors();
    assert!(format!("{:#}", errors[0]).contains("no database of MaxMind's format"), "{errors:?}");
    assert_eq!(geo.place("10.0.0.1".parse().unwrap()), Place::default());
    std::fs::remove_file(&path).unwrap();
}
