//! sFlow version 5 (sflow.org/sflow_version_5.txt, sflow_drops.txt): samples of packets and counters, in XDR.

use super::decoder::{Decoder, Out, other_version};
use super::names::{TCP_FLAGS, ethernet_type, flags, sampled_protocol};
use super::sample;
use super::value::{ip, mac, protocol_name};
use super::wire::Reader;
use agent_api::Builder;
use std::fmt::Write;

/// Parts of an AS path, and communities, that are read of one record.
const MOST: usize = 1000;

/// What a datagram says of all its samples.
struct Agent<'a> {
    source: &'a str,
    ip_version: u32,
    address: &'a [u8],
    sub: u32,
    uptime: u32,
}

/// Reads a datagram. Samples and records of kinds that are not known are passed over.
pub(super) fn read(decoder: &mut Decoder, source: &str, bytes: &[u8], out: &mut Out<'_>) -> Result<(), String> {
    let mut r = Reader(bytes);
    let version = r.u32().ok_or("shorter than its header")?;
    if version != 5 {
        // NetFlow has 16 bits of version.
        return Err(other_version(if version > 0xffff { version >> 16 } else { version }));
    }
    let (ip_version, address) = address(&mut r).ok_or("an agent without an address")?;
    let mut header = || Some((r.u32()?, r.u32()?, r.u32()?, r.u32()?));
    let (sub, _sequence, uptime, samples) = header().ok_or("shorter than its header")?;
    let agent = Agent { source, ip_version, address, sub, uptime };
    let mut wrong = Ok(());
    for i in 0..samples {
        let Some((format, data)) = part(&mut r) else {
            return Err(format!("{i} of {samples} samples, the rest is cut off"));
        };
        if !(1..=5).contains(&format) {
            continue;
        }
        let mut metric = out.batch.metric("netflow").tag("source", agent.source).tag("version", "sFlowV5");
        match read_sample(format, data, &agent, &mut metric, &mut decoder.scratch) {
            Some(true) => {}
            Some(false) => wrong = Err(format!("a record of sample {i} (format {format}) is cut off")),
            None => {
                metric.discard();
                wrong = Err(format!("sample {i} (format {format}) is cut off"));
            }
        }
    }
    wrong
}

/// A sample or record: its format and its bytes.
fn part<'a>(r: &mut Reader<'a>) -> Option<(u32, Reader<'a>)> {
    let (format, length) = (r.u32()?, r.u32()?);
    Some((format, Reader(r.take(usize::try_from(length).ok()?)?)))
}

/// Version and bytes of an address.
fn address<'a>(r: &mut Reader<'a>) -> Option<(u32, &'a [u8])> {
    let version = r.u32()?;
    Some((version, r.take([0, 4, 16].get(usize::try_from(version).ok()?).copied()?)?))
}

/// Adds the fields of a sample; false if not all records could be read, None if the sample itself could not.
fn read_sample(
    format: u32,
    mut r: Reader<'_>,
    agent: &Agent<'_>,
    metric: &mut Builder<'_>,
    scratch: &mut String,
) -> Option<bool> {
    metric.add_field("ip_version", ["unknown", "IPv4", "IPv6"][agent.ip_version.min(2) as usize]);
    metric.add_field("sys_uptime", agent.uptime);
    metric.add_field("agent_subid", agent.sub);
    add_ip("agent_ip", agent.address, metric, scratch);
    metric.add_field("seq_number", r.u32()?);
    let (kind, index) = if matches!(format, 1 | 2) {
        let both = r.u32()?;
        (both >> 24, both & 0xff_ffff)
    } else {
        (r.u32()?, r.u32()?)
    };
    let mut input = None;
    match format {
        1 => {
            sampling(&mut r, metric)?;
            let (from, to) = (r.u32()?, r.u32()?);
            input = Some(from);
            // The highest bit: no single interface.
            if to >> 31 == 0 {
                metric.add_field("out_snmp", to);
            }
        }
        3 => {
            sampling(&mut r, metric)?;
            r.u32()?;
            input = Some(r.u32()?);
            let (to_kind, to) = (r.u32()?, r.u32()?);
            if to_kind == 0 {
                metric.add_field("out_snmp", to);
            }
        }
        5 => {
            metric.add_field("sampling_drops", r.u32()?);
            input = Some(r.u32()?);
            metric.add_field("out_snmp", r.u32()?);
            metric.add_field("reason", r.u32()?);
        }
        _ => {}
    }
    if let Some(input) = input {
        metric.add_field("in_snmp", input);
        metric.add_field("direction", if index == input { "ingress" } else { "egress" });
    }
    match kind {
        0 => metric.add_field("in_snmp", index),
        1 => metric.add_field("in_vlan_id", index),
        2 => metric.add_field("in_phy_interface", index),
        _ => {}
    }
    let mut whole = true;
    for _ in 0..r.u32()? {
        let Some((format, record)) = part(&mut r) else { return Some(false) };
        let read = match input {
            Some(_) => flow_record(format, record, metric, scratch),
            None => counters(format, record, metric),
        };
        whole &= read.is_some();
    }
    Some(whole)
}

fn sampling(r: &mut Reader<'_>, metric: &mut Builder<'_>) -> Option<()> {
    metric.add_field("sampling_interval", r.u32()?);
    metric.add_field("in_total_packets", r.u32()?);
    metric.add_field("sampling_drops", r.u32()?);
    Some(())
}

fn flow_record(format: u32, mut r: Reader<'_>, metric: &mut Builder<'_>, scratch: &mut String) -> Option<()> {
    match format {
        1 => {
            let protocol = r.u32()?;
            metric.add_field("l2_protocol", sampled_protocol(protocol));
            metric.add_field("l2_bytes", r.u32()?);
            r.u32()?;
            let length = usize::try_from(r.u32()?).ok()?;
            let header = r.take(length.min(r.len()))?;
            sample::header(protocol, header, metric, scratch);
        }
        2 => {
            metric.add_field("eth_total_len", r.u32()?);
            for key in ["in_src_mac", "out_dst_mac"] {
                // Six bytes, padded to a multiple of four as all of XDR.
                scratch.clear();
                mac(&r.take(8)?[..6], scratch);
                metric.add_field(key, scratch.as_str());
            }
            metric.add_field("datalink_frame_type", ethernet_type((r.u32()? & 0xffff) as u16));
        }
        3 | 4 => sampled_ip(format == 4, &mut r, metric, scratch)?,
        1001 => {
            for key in ["vlan_src", "vlan_src_priority", "vlan_dst", "vlan_dst_priority"] {
                metric.add_field(key, r.u32()?);
            }
        }
        1002 => {
            add_ip("next_hop", address(&mut r)?.1, metric, scratch);
            metric.add_field("src_mask", r.u32()?);
            metric.add_field("dst_mask", r.u32()?);
        }
        1003 => gateway(&mut r, metric, scratch)?,
        1036 => metric.add_field("out_queue", r.u32()?),
        1037 => {
            metric.add_field("acl_id", r.u32()?);
            metric.add_field("acl_name", text(&mut r)?.as_ref());
            metric.add_field(
                "direction",
                match r.u32()? {
                    1 => "ingress",
                    2 => "egress",
                    _ => "unknown",
                },
            );
        }
        1038 => metric.add_field("function", text(&mut r)?.as_ref()),
        _ => {}
    }
    Some(())
}

fn sampled_ip(v6: bool, r: &mut Reader<'_>, metric: &mut Builder<'_>, scratch: &mut String) -> Option<()> {
    metric.add_field(if v6 { "ipv6_total_len" } else { "ipv4_total_len" }, r.u32()?);
    scratch.clear();
    metric.add_field("protocol", protocol_name((r.u32()? & 0xff) as u8, scratch));
    for key in ["src", "dst"] {
        add_ip(key, r.take(if v6 { 16 } else { 4 })?, metric, scratch);
    }
    metric.add_field("src_port", r.u32()?);
    metric.add_field("dst_port", r.u32()?);
    let set = flags((r.u32()? & 0xff) as u8, TCP_FLAGS);
    metric.add_field("tcp_flags", std::str::from_utf8(&set).unwrap_or_default());
    if !v6 {
        metric.add_field("src_tos", r.u32()?);
    }
    Some(())
}

/// What a border router knows: autonomous systems and communities.
fn gateway(r: &mut Reader<'_>, metric: &mut Builder<'_>, scratch: &mut String) -> Option<()> {
    let (version, next_hop) = address(r)?;
    metric.add_field("next_hop_ip_version", version);
    add_ip("next_hop", next_hop, metric, scratch);
    add_ip("bgp_next_hop", next_hop, metric, scratch);
    metric.add_field("bgp_as", r.u32()?);
    metric.add_field("bgp_src_as", r.u32()?);
    metric.add_field("bgp_prev_as", r.u32()?);
    let segments = r.u32()?;
    metric.add_field("bgp_dst_as", segments);
    let (mut kind, mut length, mut next) = (0, 0, None);
    for i in 0..count(segments)? {
        let (segment, systems) = (r.u32()?, r.u32()?);
        let path = r.take(count(systems)? * 4)?;
        if i == 0 {
            (kind, length, next) = (segment, systems, Reader(path).u32());
        }
    }
    metric.add_field("bgp_as_path_type", kind);
    metric.add_field("bgp_as_path_length", length);
    if let Some(next) = next {
        metric.add_field("bgp_next_as", next);
    }
    let communities = r.u32()?;
    metric.add_field("community_length", communities);
    scratch.clear();
    for i in 0..count(communities)? {
        let comma = if i > 0 { "," } else { "" };
        // Writing to a String does not fail.
        let _infallible = write!(scratch, "{comma}{:#x}", r.u32()?);
    }
    metric.add_field("communities", scratch.as_str());
    metric.add_field("local_pref", r.u32()?);
    Some(())
}

/// A number of things, if it is not absurd.
fn count(n: u32) -> Option<usize> {
    usize::try_from(n).ok().filter(|n| *n <= MOST)
}

fn add_ip(key: &str, address: &[u8], metric: &mut Builder<'_>, scratch: &mut String) {
    scratch.clear();
    ip(address, scratch);
    metric.add_field(key, scratch.as_str());
}

/// A string of XDR.
fn text<'a>(r: &mut Reader<'a>) -> Option<std::borrow::Cow<'a, str>> {
    let length = usize::try_from(r.u32()?).ok()?;
    let bytes = r.take(length)?;
    // Padding; the last one of a record may lack it.
    r.take((length.next_multiple_of(4) - length).min(r.len()))?;
    Some(String::from_utf8_lossy(bytes))
}

/// Counters of an interface: 0 bytes of name are left out, `wide` ones have 64 bits.
const INTERFACE: [(&str, bool); 19] = [
    ("interface", false),
    ("interface_type", false),
    ("speed", true),
    ("", false),
    ("status", false),
    ("in_bytes", true),
    ("in_unicast_packets_total", false),
    ("in_mcast_packets_total", false),
    ("in_broadcast_packets_total", false),
    ("in_dropped_packets", false),
    ("in_errors", false),
    ("in_unknown_protocol", false),
    ("out_bytes", true),
    ("out_unicast_packets_total", false),
    ("out_mcast_packets_total", false),
    ("out_broadcast_packets_total", false),
    ("out_dropped_packets", false),
    ("out_errors", false),
    ("promiscuous", false),
];

const ETHERNET: [&str; 13] = [
    "errors_alignment",
    "errors_fcs",
    "collision_frames_single",
    "collision_frames_multi",
    "errors_sqetest",
    "deferred",
    "collisions_late",
    "collisions_excessive",
    "errors_internal_mac_tx",
    "errors_carrier_sense",
    "errors_frame_too_long",
    "errors_internal_mac_rx",
    "errors_symbols",
];

fn counters(format: u32, mut r: Reader<'_>, metric: &mut Builder<'_>) -> Option<()> {
    match format {
        1 => {
            for (key, wide) in INTERFACE {
                let value = if wide { r.u64()? } else { r.u32()?.into() };
                match key {
                    "" => {}
                    "status" => metric.add_field(key, if value == 0 { "down" } else { "up" }),
                    key => metric.add_field(key, value),
                }
            }
        }
        2 => {
            metric.add_field("type", "IEEE 802.3");
            for key in ETHERNET {
                metric.add_field(key, r.u32()?);
            }
        }
        // The name of a port of OpenFlow.
        1005 => metric.add_field("port_name", text(&mut r)?.as_ref()),
        _ => {}
    }
    Some(())
}
