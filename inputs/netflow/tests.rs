//! Packets made by hand, one protocol after the other; what becomes of damaged ones; the collector over loopback.

use super::decoder::{Decoder, Out, Protocol};
use super::template::FIELDS;
use super::*;
use crate::testing::Running;
use std::collections::BTreeMap;
use std::net::IpAddr;

const A: &str = "10.0.0.1";
const B: &str = "10.0.0.2";

/// Bytes from numbers of several widths.
#[derive(Clone, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn n<const N: usize>(mut self, width: usize, numbers: [u64; N]) -> Self {
        for n in numbers {
            self.0.extend_from_slice(&n.to_be_bytes()[8 - width..]);
        }
        self
    }
    fn u8<const N: usize>(self, numbers: [u64; N]) -> Self {
        self.n(1, numbers)
    }
    fn u16<const N: usize>(self, numbers: [u64; N]) -> Self {
        self.n(2, numbers)
    }
    fn u32<const N: usize>(self, numbers: [u64; N]) -> Self {
        self.n(4, numbers)
    }
    fn u64<const N: usize>(self, numbers: [u64; N]) -> Self {
        self.n(8, numbers)
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

fn b() -> Bytes {
    Bytes::default()
}

fn set(id: u64, body: Bytes) -> Bytes {
    b().u16([id, body.0.len() as u64 + 4]).raw(&body.0)
}

fn v9(domain: u64, sets: &[Bytes]) -> Vec<u8> {
    let head = b().u16([9, sets.len() as u64]).u32([1000, 1_700_000_000, 7, domain]);
    sets.iter().fold(head, |m, s| m.raw(&s.0)).0
}

fn ipfix(domain: u64, sets: &[Bytes]) -> Vec<u8> {
    let length = 16 + sets.iter().map(|s| s.0.len() as u64).sum::<u64>();
    let head = b().u16([10, length]).u32([1_700_000_000, 7, domain]);
    sets.iter().fold(head, |m, s| m.raw(&s.0)).0
}

/// A template of plain elements.
fn template(id: u64, fields: &[(u64, u64)]) -> Bytes {
    fields.iter().fold(b().u16([id, fields.len() as u64]), |t, f| t.u16([f.0, f.1]))
}

fn decoder(protocol: Protocol) -> Decoder {
    Decoder::new(protocol, Log::new("test", None, stats::Counter::default()), stats::Counter::default())
}

/// The metrics of packets and the errors, fields sorted, so that it does not matter which comes first.
fn read(decoder: &mut Decoder, packets: &[(&str, Vec<u8>)]) -> (Vec<String>, Vec<String>) {
    let (mut batch, mut bad) = (Batch::new(), ParseError::default());
    for (from, packet) in packets {
        decoder.packet(from.parse::<IpAddr>().ok(), packet, &mut Out { batch: &mut batch, bad: &mut bad });
    }
    let lines = batch.iter().map(|m| {
        let fields: BTreeMap<&str, String> = m.fields().map(|(k, v)| (k, text(v))).collect();
        let fields: Vec<String> = fields.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        format!("{} {} {} {}", m.name(), m.tag("source").unwrap(), m.tag("version").unwrap(), fields.join(" "))
    });
    (lines.collect(), bad.lines.iter().map(|l| l.cause.clone()).collect())
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Uint(n) => format!("{n}u"),
        Value::Int(n) => format!("{n}i"),
        Value::Str(s) => format!("{s:?}"),
        Value::Float(f) => format!("{f:?}"),
        Value::Bool(b) => b.to_string(),
    }
}

/// The fields of one IPFIX record of one value.
fn value(element: u64, raw: &[u8]) -> String {
    let sets = [set(2, template(300, &[(element, raw.len() as u64), (4, 1)])), set(300, b().raw(raw).u8([6]))];
    let (lines, _) = read(&mut decoder(Protocol::Flows), &[(A, ipfix(1, &sets))]);
    let (_, fields) = lines[0].split_once("IPFIX ").unwrap();
    fields.replace("protocol=\"tcp\"", "").trim().to_owned()
}

#[test]
fn values_of_every_type() {
    for (element, raw, expected) in [
        (1, &[0, 0, 1][..], "in_bytes=1u"),
        (1, &[0; 9], ""),
        (434, &[255, 254], "mib_obj_value_int=-2i"),
        (311, &0.5f64.to_be_bytes(), "sampling_probability=0.5"),
        (311, &0.5f32.to_be_bytes(), "sampling_probability=0.5"),
        (311, &[1, 2], ""),
        (276, &[1], "data_records_reliability=true"),
        (276, &[2], "data_records_reliability=false"),
        (276, &[3], "data_records_reliability=3u"),
        (5, &[0xb8], "src_tos=\"0xb8\""),
        (82, b"eth0\0\0", "interface=\"eth0\""),
        (82, &[0xff, b'a'], "interface=\"\u{fffd}a\""),
        (8, &[192, 0, 2, 255], "src=\"192.0.2.255\""),
        (27, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "src=\"2001:db8::1\""),
        (27, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 7], "src=\"10.0.0.7\""),
        (8, &[1, 2], "src=\"?0102\""),
        (56, &[0, 0x1b, 0x21, 0xff, 2, 3], "in_src_mac=\"00:1b:21:ff:02:03\""),
        (6, &[0x12], "tcp_flags=\"...A..S.\""),
        (6, &[1, 0xff], "tcp_flags=\".......*CEUAPRSF\""),
        (197, &[0x40], "fragment_flags=\".D......\""),
        (32, &[8, 3], "icmp_code=3u icmp_type=8u"),
        (89, &[0x82], "fwd_reason=\"ACL drop\" fwd_status=\"dropped\""),
        (35, &[2], "sampling_algo=\"random\""),
        (35, &[9], "sampling_algo=\"9\""),
        (38, &[1], "engine_type=\"VIP/linecard\""),
        (46, &[10], "mpls_top_label_type=\"BGP segment routing Prefix-SID\""),
        (60, &[6], "ip_version=\"IPv6\""),
        (60, &[5], "ip_version=\"5\""),
        (61, &[1], "direction=\"egress\""),
        (136, &[3], "flow_end_reason=\"end of flow\""),
        (136, &[6], "flow_end_reason=\"unassigned\""),
        (208, &[0, 0x40, 0, 9], "ipv4_options=\"EOOL,LSR,UA22\""),
        (233, &[2], "fw_event=\"flow deleted\""),
        (239, &[1], "biflow_direction=\"initiator\""),
        (277, &[3], "observation_point_type=\"vlan\""),
        (285, &[0x0c, 3], "anon_flags=\"PmA,LOR\" anon_stability_class=\"stable\""),
        (286, &[0, 8], "anon_technique=\"noise\""),
        (286, &[0], ""),
        (288, b"yes", "p2p=\"yes\""),
        (289, &[2], "tunnel=\"no\""),
        (290, b"x", "encryption=\"undefined\""),
        (297, &[0, 1], "nat_type=\"NAT44\""),
        (304, &[0, 5], "selector_algo=\"property match filtering\""),
        (384, &[7], "value_dist_method=\"direct\""),
        (408, &[0, 1], "datalink_frame_type=\"IEEE802.3 ethernet\""),
        (448, &[4], "mib_capture_time_semantics=\"average\""),
        (267, &[1], ""),
        (339, &[1, 2], "type_339=\"0x0102\""),
        (9999, &[0xab], "type_9999=\"0xab\""),
        (0x4000 + 1, &[5], "rev_in_bytes=5u"),
    ] {
        assert_eq!(value(element, raw), expected, "element {element} of {raw:?}");
    }
}

#[test]
fn protocols_by_name_or_number() {
    let packet = |n| ipfix(1, &[set(2, template(300, &[(4, 1)])), set(300, b().u8([n]))]);
    let (lines, _) = read(&mut decoder(Protocol::Flows), &[(A, packet(58)), (A, packet(200))]);
    assert!(lines[0].ends_with("protocol=\"ipv6-icmp\"") && lines[1].ends_with("protocol=\"200\""), "{lines:?}");
}

#[test]
fn version_9_with_options_and_padding() {
    let mut d = decoder(Protocol::Flows);
    let data = set(300, b().raw(&[10, 1, 1, 1]).u16([443]).raw(&[10, 1, 1, 2]).u16([53]).raw(&[0, 0, 0]));
    // Scope: interface 2 (system as 1 has 4 bytes); options: name and sampling interval.
    let options = b().u16([301, 4, 8, 2, 2, 82, 4, 34, 4]).u16([0]);
    let facts = set(301, b().u16([7]).raw(b"eth7").u32([100]));
    let sets = [set(0, template(300, &[(8, 4), (7, 2)])), set(1, options), data, facts];
    let (lines, bad) = read(&mut d, &[(A, v9(5, &sets))]);
    assert_eq!(bad, Vec::<String>::new());
    assert_eq!(
        lines,
        [
            "netflow 10.0.0.1 NetFlowV9 src=\"10.1.1.1\" src_port=443u",
            "netflow 10.0.0.1 NetFlowV9 src=\"10.1.1.2\" src_port=53u",
            "netflow_options 10.0.0.1 NetFlowV9 in_packets=7u interface=\"eth7\" sampling_interval=100u",
        ]
    );
}

#[test]
fn enterprises_variable_lengths_and_options_of_ipfix() {
    let mut d = decoder(Protocol::Flows);
    d.elements.add_file(Path::new("/nonexistent/file.csv")).unwrap_err();
    let fields = b().u16([400, 4]).u16([96, 0xffff]).u16([0x8000 | 188, 0xffff]).u32([35632]);
    let fields = fields.u16([0x8000 | 0x4000 | 40, 2]).u32([6871]).u16([0x8000 | 85, 8]).u32([29305]);
    let long = [b'x'; 300];
    let record = b().u8([255]).u16([300]).raw(&long).u8([0]).u16([9]).u64([77]);
    let options = b().u16([401, 2, 1]).u16([149, 4]).u16([0x8000 | 100, 1]).u32([6871]);
    let facts = b().u32([5]).u8([1]);
    let sets = [set(2, fields), set(3, options), set(400, record), set(401, facts)];
    let (lines, bad) = read(&mut d, &[(A, ipfix(5, &sets))]);
    assert_eq!(bad, Vec::<String>::new());
    let name = "x".repeat(300);
    assert_eq!(
        lines,
        [
            format!(
                "netflow 10.0.0.1 IPFIX app_name=\"{name}\" type_29305_85=\"0x000000000000004d\" type_35632_188=\"\" \
                 type_6871_rev_40=\"0x0009\""
            ),
            "netflow_options 10.0.0.1 IPFIX observation_domain_id=5u type_6871_32868=\"0x01\"".to_owned(),
        ]
    );
}

#[test]
fn templates_are_of_one_exporter_domain_and_protocol() {
    let mut d = decoder(Protocol::Flows);
    let of = |fields: &[(u64, u64)]| set(2, template(300, fields));
    let data = || set(300, b().u32([1]));
    let packets = [
        (A, ipfix(1, &[of(&[(1, 4)])])),
        (A, ipfix(2, &[of(&[(2, 4)])])),
        (B, ipfix(1, &[of(&[(3, 4)])])),
        (A, ipfix(1, &[data()])),
        (A, ipfix(2, &[data()])),
        (B, ipfix(1, &[data()])),
        // Nobody said what this looks like.
        (B, ipfix(2, &[data()])),
        (A, v9(1, &[data()])),
        // A template that changes counts from then on; sets around one that is not known are read.
        (A, ipfix(1, &[data(), set(999, b().u32([1])), of(&[(1, 2), (2, 2)]), data()])),
    ];
    let (lines, bad) = read(&mut d, &packets);
    assert_eq!(bad, Vec::<String>::new());
    let fields: Vec<&str> = lines.iter().map(|l| l.split_once("IPFIX ").unwrap().1).collect();
    assert_eq!(fields, ["in_bytes=1u", "in_packets=1u", "flows=1u", "in_bytes=1u", "in_bytes=0u in_packets=1u"]);
    assert_eq!(d.missing.read(), 3);
}

#[test]
fn a_template_is_taken_back() {
    let mut d = decoder(Protocol::Flows);
    let both = set(2, template(300, &[(1, 4)]).raw(&template(301, &[(1, 4)]).0));
    let data = |id| set(id, b().u32([1]));
    let one = set(2, b().u16([300, 0]));
    let (lines, _) = read(&mut d, &[(A, ipfix(1, &[both.clone(), one, data(300), data(301)]))]);
    assert_eq!(lines.len(), 1);
    let all = set(2, b().u16([2, 0]));
    let (lines, bad) = read(&mut d, &[(A, ipfix(1, &[both, all, data(300), data(301)]))]);
    assert_eq!((lines.len(), bad.len(), d.templates.len()), (0, 0, 0));
}

#[test]
fn version_5() {
    let head = b().u16([5, 2]).u32([90_003_000, 1_666_350_481, 5, 42]).u8([1, 0x56]).u16([0x4064]);
    let record = b()
        .raw(&[10, 0, 0, 9, 10, 0, 0, 8, 10, 0, 0, 7])
        .u16([3, 4])
        .u32([78, 87_477, 1000, 2000])
        .u16([443, 55_516])
        .u8([0, 0x18, 6, 0x10])
        .u16([64_500, 64_501])
        .u8([24, 16])
        .u16([0]);
    let packet = head.raw(&record.0).raw(&record.0).0;
    let mut d = decoder(Protocol::V5);
    let mut batch = Batch::new();
    d.packet(A.parse().ok(), &packet, &mut Out { batch: &mut batch, bad: &mut ParseError::default() });
    assert_eq!((batch.len(), batch.at(0).time()), (2, 1_666_350_481_000_000_005));
    let (lines, bad) = read(&mut d, &[(A, packet[..100].to_vec()), (A, v9(1, &[])), (A, vec![0])]);
    assert_eq!(
        lines,
        [
            "netflow 10.0.0.1 NetFlowV5 bgp_dst_as=64501u bgp_src_as=64500u dst=\"10.0.0.8\" dst_mask=16u dst_port=55516u \
          engine_id=\"0x56\" engine_type=\"VIP/linecard\" first_switched=1000u flows=2u in_bytes=87477u in_packets=78u \
          in_snmp=3u last_switched=2000u next_hop=\"10.0.0.7\" out_snmp=4u protocol=\"tcp\" sampling_interval=16484u \
          seq_number=42u src=\"10.0.0.9\" src_mask=24u src_port=443u src_tos=\"0x10\" sys_uptime=90003000u \
          tcp_flags=\"...AP...\""
        ]
    );
    let causes = ["1 of 2 records", "version 9 is not of the configured protocol; it needs", "shorter than its header"];
    assert!(bad.iter().zip(causes).all(|(b, c)| b.contains(c)) && bad.len() == 3, "{bad:?}");
}

fn sflow(samples: &[(u64, Bytes)]) -> Vec<u8> {
    let head = b().u32([5, 1]).raw(&[192, 0, 2, 1]).u32([2, 99, 12_414, samples.len() as u64]);
    samples.iter().fold(head, |m, (format, s)| m.u32([*format, s.0.len() as u64]).raw(&s.0)).0
}

fn record(format: u64, body: Bytes) -> Bytes {
    b().u32([format, body.0.len() as u64]).raw(&body.0)
}

fn ethernet(kind: u64) -> Bytes {
    b().raw(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]).u16([kind])
}

fn ipv4(protocol: u64, last: u64) -> Bytes {
    b().u8([0x45, 8]).u16([100, 7, 0x4000]).u8([63, protocol]).u16([0]).raw(&[10, 9, 0, 1, 10, 9, 0]).u8([last])
}

fn sampled(frame: &Bytes) -> Bytes {
    record(1, b().u32([1, 118, 4, frame.0.len() as u64]).raw(&frame.0))
}

fn flow_sample(records: &[Bytes]) -> Bytes {
    let head = b().u32([8, 3, 200, 4000, 1, 3, 0x8000_0001, records.len() as u64]);
    records.iter().fold(head, |m, r| m.raw(&r.0))
}

#[test]
fn sampled_headers() {
    let tcp = b().u16([443, 5000]).u32([1, 2]).u16([0x5018, 512, 0, 9]);
    let tagged = ethernet(0x8100).u16([0xb064, 0x0800]).raw(&ipv4(6, 2).raw(&tcp.0).0);
    let tunnel = ethernet(0x0800).raw(&ipv4(17, 3).u16([9999, 4789, 80, 0]).raw(&[8, 0, 0, 0, 0, 0, 5, 0]).0);
    let tunnel = tunnel.raw(&ethernet(0x86dd).0).raw(&[0x60, 0, 0, 0, 0, 8, 0, 64]).raw(&[0; 32]);
    let tunnel = tunnel.raw(&[17, 0, 0, 0, 0, 0, 0, 0]).u16([1000, 2000, 8, 0]);
    let fragment = ethernet(0x0800).u8([0x45, 0]).u16([100, 7, 0x2001]).raw(&[9, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    let samples = [&tagged, &tunnel, &fragment].map(|f| (1, flow_sample(&[sampled(f)])));
    let (lines, bad) = read(&mut decoder(Protocol::Sflow), &[(A, sflow(&samples))]);
    assert_eq!(bad, Vec::<String>::new());
    assert_eq!(
        lines[0],
        "netflow 10.0.0.1 sFlowV5 agent_ip=\"192.0.2.1\" agent_subid=2u datalink_frame_type=\"Dot1Q\" direction=\"ingress\" \
         dst=\"10.9.0.2\" dst_port=5000u fragment_flags=\"......D.\" fragment_offset=0u in_snmp=3u \
         in_src_mac=\"02:00:00:00:00:01\" in_total_packets=4000u ip_total_len=100u ip_version=\"IPv4\" ipv4_id=7u \
         ipv4_inet_header_len=5u ipv4_total_len=100u l2_bytes=118u l2_protocol=\"ETHERNET-ISO8023\" \
         out_dst_mac=\"02:00:00:00:00:02\" protocol=\"tcp\" sampling_drops=1u sampling_interval=200u seq_number=8u \
         src=\"10.9.0.1\" src_port=443u src_tos=8u sys_uptime=12414u tcp_ack_number=2u tcp_flags=\"...AP...\" \
         tcp_seq_number=1u tcp_urgent_ptr=9u tcp_window_size=512u ttl=63u vlan_drop_eligible=true vlan_id=100u vlan_priority=5u"
    );
    for part in
        ["protocol=\"hopopt\"", "src=\"::\"", "src_port=1000u", "ip_total_len=8u", "datalink_frame_type=\"IPv6\""]
    {
        assert!(lines[1].contains(part), "{}", lines[1]);
    }
    assert!(lines[2].contains("fragment_flags=\".....M..\" fragment_offset=1u") && !lines[2].contains("port"));
}

#[test]
fn samples_of_other_kinds() {
    let gateway = b().u32([1]).raw(&[10, 0, 0, 254]).u32([
        1,
        2,
        3,
        2,
        2,
        2,
        64_500,
        64_501,
        1,
        1,
        64_502,
        2,
        0xfde8_0001,
        5,
        100,
    ]);
    let expanded = b().u32([9, 1, 7, 200, 4000, 0, 0, 3, 0, 4, 4]).raw(&record(1003, gateway).0);
    let expanded = expanded.raw(&record(1002, b().u32([2]).raw(&[0; 15]).u8([1]).u32([24, 16])).0);
    let ip = b().u32([100, 6]).raw(&[1, 1, 1, 1, 2, 2, 2, 2]).u32([80, 90, 2, 8]);
    let expanded = expanded.raw(&record(3, ip).0).raw(&record(77_777, b().u32([1])).0);
    let dropped = b().u32([10, 0, 3, 6, 3, 4, 259, 3]).raw(&record(1036, b().u32([5])).0);
    let acl = record(1037, b().u32([12, 3]).raw(b"abc\0").u32([2]));
    let dropped = dropped.raw(&acl.0).raw(&record(1038, b().u32([2]).raw(b"fn\0\0")).0);
    let port = record(1005, b().u32([5]).raw(b"eth10\0\0\0"));
    let counters = b().u32([11, 0, 3, 3]).raw(&port.0).raw(&record(2, b().raw(&[0; 52])).0);
    let interface = b().u32([3, 6]).u64([1000]).u32([1, 3]).u64([9]).u32([0; 6]).u64([8]).u32([0; 6]);
    let counters = counters.raw(&record(1, interface).0);
    let mac = record(2, b().u32([60]).raw(&[2, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0]).u32([0x0806]));
    let samples = [(3, expanded), (5, dropped), (4, counters), (1, flow_sample(&[mac])), (0x1001, b())];
    let (lines, bad) = read(&mut decoder(Protocol::Sflow), &[("2001:db8::5", sflow(&samples))]);
    assert_eq!((lines.len(), bad), (4, Vec::new()));
    for (line, part) in [
        (
            0,
            "bgp_as=1u bgp_as_path_length=2u bgp_as_path_type=2u bgp_dst_as=2u bgp_next_as=64500u bgp_next_hop=\"10.0.0.254\"",
        ),
        (0, "communities=\"0xfde80001,0x5\" community_length=2u direction=\"egress\""),
        (0, "in_snmp=3u in_total_packets=4000u in_vlan_id=7u"),
        (0, "next_hop=\"::1\""),
        (0, "ipv4_total_len=100u local_pref=100u"),
        (0, "tcp_flags=\"......S.\""),
        (1, "acl_id=12u acl_name=\"abc\" agent_ip=\"192.0.2.1\" agent_subid=2u direction=\"egress\" function=\"fn\""),
        (1, "out_queue=5u out_snmp=4u reason=259u sampling_drops=6u"),
        (2, "out_bytes=8u"),
        (2, "port_name=\"eth10\" promiscuous=0u"),
        (2, "status=\"up\" sys_uptime=12414u type=\"IEEE 802.3\""),
        (3, "datalink_frame_type=\"ARP\" direction=\"ingress\" eth_total_len=60u"),
        (3, "in_src_mac=\"02:00:00:00:00:01\""),
        (3, "out_dst_mac=\"02:00:00:00:00:02\""),
    ] {
        assert!(lines[line].contains(part), "{part} is not in {}", lines[line]);
    }
}

#[test]
fn what_is_whole_counts_around_what_is_cut_off() {
    let frame = ethernet(0x0800).raw(&ipv4(17, 2).0);
    let good = (1, flow_sample(&[sampled(&frame)]));
    let short = (1, flow_sample(&[record(1001, b().u32([1]))]));
    let mut packet = sflow(&[good.clone(), short, (1, b().u32([1])), good]);
    packet.truncate(packet.len() - 1);
    let (lines, bad) = read(&mut decoder(Protocol::Sflow), &[(A, packet)]);
    assert_eq!(lines.len(), 2);
    assert!(bad.len() == 1 && bad[0].contains("3 of 4 samples"), "{bad:?}");

    let cut = |sets: &[Bytes], less: usize| {
        let mut message = ipfix(1, sets);
        message.truncate(message.len() - less);
        message
    };
    let known = set(2, template(300, &[(1, 4)]));
    let data = set(300, b().u32([1, 2]));
    let packets = [
        (A, cut(&[known, data.clone()], 4)),
        (A, cut(&[set(2, template(301, &[(1, 4)]))], 2)),
        (A, ipfix(1, &[b().u16([300, 3])])),
        (A, ipfix(1, &[set(255, b()), data])),
        (A, ipfix(1, &[set(2, template(20, &[(1, 4)]))])),
        (A, b().u16([10, 0]).0),
    ];
    let (lines, bad) = read(&mut decoder(Protocol::Flows), &packets);
    assert_eq!(lines.len(), 3);
    let causes =
        ["set 300 is cut off", "template is cut off", "shorter than its header", "255, which is reserved", "below 256"];
    assert!(bad.iter().zip(causes).all(|(b, c)| b.contains(c)) && bad.len() == 5, "{bad:?}");
}

#[test]
fn senders_cannot_make_much_of_little() {
    // Fields of no length: a record of one byte becomes a thousand fields.
    let mut fields = vec![(82, 0); FIELDS - 1];
    fields.push((4, 1));
    let sets = [set(2, template(300, &fields)), set(300, b().raw(&[6; 5000]))];
    let (mut d, packet) = (decoder(Protocol::Flows), ipfix(1, &sets));
    let (lines, bad) = read(&mut d, &[(A, packet.clone())]);
    assert!(lines.len() * FIELDS < 2 * packet.len() + 5000, "{}", lines.len());
    assert!(bad[0].contains("more fields than bytes"), "{bad:?}");
    // Records of no length are none.
    let sets = [set(2, template(301, &[(82, 0)])), set(301, b().raw(&[6; 50]))];
    assert_eq!(read(&mut d, &[(A, ipfix(1, &sets))]), (Vec::new(), Vec::new()));
    // Templates beyond all bounds: of one exporter, of many, and too wide.
    for domain in 0..300 {
        let many = (0..100).fold(b(), |t, i| t.raw(&template(256 + i, &[(1, 4), (2, 4)]).0));
        read(&mut d, &[(A, ipfix(domain, &[set(2, many)]))]);
    }
    assert_eq!(d.templates.len(), 2048);
    for n in 0..5000u32 {
        let from = IpAddr::from(n.to_be_bytes()).to_string();
        read(&mut d, &[(&from, ipfix(0, &[set(2, template(256, &[(1, 4); 200]))]))]);
    }
    assert!(d.templates.len() <= (1 << 18) / 200, "{}", d.templates.len());
    let wide: Vec<(u64, u64)> = vec![(1, 1); FIELDS + 1];
    assert!(read(&mut d, &[(A, ipfix(1, &[set(2, template(300, &wide))]))]).1[0].contains("too many fields"));
}

/// What a generator of no quality makes of a seed; tests need no other.
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn damaged_packets_do_no_harm() {
    let options = b().u16([301, 2, 1, 149, 4, 96, 0xffff]);
    let sets = [
        set(2, template(300, &[(8, 4), (4, 1), (96, 0xffff), (6, 2), (285, 2)])),
        set(3, options),
        set(300, b().raw(&[1, 2, 3, 4, 6, 3, b'a', b'b', b'c', 0, 0x12, 0, 3])),
        set(301, b().u32([1]).raw(&[2, b'h', b'i'])),
    ];
    let tunnel = ethernet(0x8847).u32([0x100]).raw(&ipv4(47, 1).u16([0, 0x6558]).0).raw(&ethernet(0x86dd).0);
    let samples = [
        (1, flow_sample(&[sampled(&tunnel.raw(&[0x60; 60]))])),
        (2, b().u32([11, 3, 1]).raw(&record(1005, b().u32([2]).raw(b"ab\0\0")).0)),
    ];
    let v5 = b().u16([5, 1]).u32([1, 2, 3, 4, 5]).raw(&[7; 48]).0;
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for (mode, packet) in [(0, ipfix(1, &sets)), (0, v9(1, &[set(0, sets[0].clone())])), (1, v5), (2, sflow(&samples))]
    {
        let framed = b().u16([packet.len() as u64]).raw(&packet).0;
        let (metrics, _) = fuzz::packets(&framed, mode);
        assert_eq!(metrics == 0, packet[1] == 9, "the packet is good");
        for _ in 0..3000 {
            let mut damaged = framed.repeat(2);
            for _ in 0..1 + random(&mut seed) % 4 {
                let at = (random(&mut seed) % damaged.len() as u64) as usize;
                damaged[at] = random(&mut seed) as u8;
            }
            fuzz::packets(&damaged, mode);
        }
    }
}

async fn start(env: &Env) -> (std::net::SocketAddr, Running) {
    let settings = Settings { service_address: "udp4://127.0.0.1:0".to_owned(), ..Settings::default() };
    let mut plugin = Netflow::new(settings, env).unwrap();
    plugin.open().await.unwrap();
    let at = plugin.bound.as_ref().unwrap().0.local().unwrap();
    (at, Running::start(plugin))
}

#[tokio::test]
async fn templates_outlive_a_restart() {
    let env = Env::new("inputs.netflow");
    let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (at, first) = start(&env).await;
    let known = [set(2, template(300, &[(1, 4), (4, 1)])), set(300, b().u32([1]).u8([6]))];
    client.send_to(&ipfix(1, &known), at).unwrap();
    assert_eq!(first.kept.wait(|l| l.len() == 1).await.len(), 1);
    first.interval().await;
    assert!(env.state.value().is_some(), "stored at the interval already");
    first.stop().await;
    let (at, second) = start(&env).await;
    client.send_to(&ipfix(1, &[set(300, b().u32([2]).u8([17]))]), at).unwrap();
    client.send_to(b"nonsense", at).unwrap();
    let lines = second.kept.wait(|l| l.len() == 1).await;
    let end = "netflow,source=127.0.0.1,version=IPFIX in_bytes=2u,protocol=\"udp\"";
    assert!(lines.len() == 1 && lines[0].starts_with(end), "{lines:?}");
    while second.kept.errors().is_empty() {
        tokio::task::yield_now().await;
    }
    let errors = second.stop().await.errors();
    assert!(errors[0].contains("0x6e6f6e73656e7365") && errors[0].contains("version 28271 is not"), "{errors:?}");
}

#[test]
fn settings_that_cannot_be() {
    for (address, protocol, cause) in [
        ("", "ipfix", "service_address is needed"),
        ("tcp://:2055", "ipfix", "is not udp"),
        ("udp://:2055", "netflow v7", "protocol \"netflow v7\" is unknown"),
    ] {
        let settings =
            Settings { service_address: address.to_owned(), protocol: protocol.to_owned(), ..Settings::default() };
        let error = Netflow::new(settings, &Env::new("inputs.netflow")).err().unwrap();
        assert!(format!("{error:#}").contains(cause), "{error:#}");
    }
}
