//! From packets to metrics, by protocol: what is common to NetFlow, IPFIX and sFlow, and NetFlow version 5, which is all fixed places.

use super::elements::Elements;
use super::template::Templates;
use super::value::{hex, ip, protocol_name};
use super::wire::Reader;
use super::{flow, names, sflow};
use agent_api::{Batch, Log, ParseError, stats};
use std::net::{IpAddr, Ipv4Addr};

/// What a socket is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    V5,
    /// NetFlow version 9 and IPFIX, which tell themselves apart.
    Flows,
    Sflow,
}

/// Reads the packets of one socket.
pub(super) struct Decoder {
    pub(super) protocol: Protocol,
    pub(super) elements: Elements,
    pub(super) templates: Templates,
    pub(super) log: Log,
    /// Sets of records whose template is not known.
    pub(super) missing: stats::Counter,
    /// Holds one text at a time.
    pub(super) scratch: String,
    source: String,
    raw: String,
}

/// What a packet is read into.
pub(super) struct Out<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) bad: &'a mut ParseError,
}

impl Decoder {
    pub(super) fn new(protocol: Protocol, log: Log, missing: stats::Counter) -> Self {
        Decoder {
            protocol,
            elements: Elements::default(),
            templates: Templates::default(),
            log,
            missing,
            scratch: String::new(),
            source: String::new(),
            raw: String::new(),
        }
    }

    /// Reads one packet. What can be read of it is added even where something in it is wrong.
    pub(super) fn packet(&mut self, from: Option<IpAddr>, bytes: &[u8], out: &mut Out<'_>) {
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let mut source = std::mem::take(&mut self.source);
        source.clear();
        match from {
            IpAddr::V4(a) => ip(&a.octets(), &mut source),
            IpAddr::V6(a) => ip(&a.octets(), &mut source),
        }
        let read = match self.protocol {
            Protocol::V5 => self.v5(&source, bytes, out),
            Protocol::Flows => flow::read(self, (from, &source), bytes, out),
            Protocol::Sflow => sflow::read(self, &source, bytes, out),
        };
        if let Err(cause) = read {
            self.raw.clear();
            hex(&bytes[..bytes.len().min(40)], &mut self.raw);
            out.bad.add(0, &self.raw, format_args!("packet of {source}: {cause}"));
        }
        self.source = source;
    }

    /// <https://www.cisco.com/c/en/us/td/docs/net_mgmt/netflow_collection_engine/3-6/user/guide/format.html>
    fn v5(&mut self, source: &str, bytes: &[u8], out: &mut Out<'_>) -> Result<(), String> {
        const RECORD: usize = 48;
        let mut r = Reader(bytes);
        let version = r.u16().ok_or("shorter than its header")?;
        if version != 5 {
            return Err(other_version(version.into()));
        }
        let mut header =
            || -> Option<[u32; 6]> { Some([r.u16()?.into(), r.u32()?, r.u32()?, r.u32()?, r.u32()?, r.u32()?]) };
        let [count, uptime, seconds, nanos, sequence, engine] = header().ok_or("shorter than its header")?;
        let [engine_type, engine_id, ..] = engine.to_be_bytes();
        let time = i64::from(seconds) * 1_000_000_000 + i64::from(nanos);
        let records = (r.len() / RECORD).min(count as usize);
        for _ in 0..records {
            let record = Reader(r.take(RECORD).unwrap_or_default());
            let mut metric = out.batch.metric("netflow").tag("source", source).tag("version", "NetFlowV5").time(time);
            metric.add_field("flows", count);
            metric.add_field("sys_uptime", uptime);
            metric.add_field("seq_number", sequence);
            metric.add_field("engine_type", engine_name(engine_type, &mut self.scratch));
            self.scratch.clear();
            hex(&[engine_id], &mut self.scratch);
            metric.add_field("engine_id", self.scratch.as_str());
            metric.add_field("sampling_interval", engine & 0xffff);
            v5_record(record, &mut metric, &mut self.scratch).ok_or("a record is cut off")?;
        }
        if records < count as usize {
            return Err(format!("{records} of {count} records, the rest is cut off"));
        }
        Ok(())
    }
}

/// The fields of a record of version 5.
fn v5_record(mut r: Reader<'_>, metric: &mut agent_api::Builder<'_>, scratch: &mut String) -> Option<()> {
    for key in ["src", "dst", "next_hop"] {
        scratch.clear();
        ip(r.take(4)?, scratch);
        metric.add_field(key, scratch.as_str());
    }
    metric.add_field("in_snmp", r.u16()?);
    metric.add_field("out_snmp", r.u16()?);
    for key in ["in_packets", "in_bytes", "first_switched", "last_switched"] {
        metric.add_field(key, r.u32()?);
    }
    metric.add_field("src_port", r.u16()?);
    metric.add_field("dst_port", r.u16()?);
    r.u8()?;
    let flags = names::flags(r.u8()?, names::TCP_FLAGS);
    metric.add_field("tcp_flags", std::str::from_utf8(&flags).unwrap_or_default());
    scratch.clear();
    metric.add_field("protocol", protocol_name(r.u8()?, scratch));
    scratch.clear();
    hex(&[r.u8()?], scratch);
    metric.add_field("src_tos", scratch.as_str());
    metric.add_field("bgp_src_as", r.u16()?);
    metric.add_field("bgp_dst_as", r.u16()?);
    metric.add_field("src_mask", r.u8()?);
    metric.add_field("dst_mask", r.u8()?);
    Some(())
}

fn engine_name(engine: u8, scratch: &mut String) -> &str {
    match engine {
        0 => "RP",
        1 => "VIP/linecard",
        2 => "PFC/DFC",
        other => {
            scratch.clear();
            scratch.push_str(&other.to_string());
            scratch
        }
    }
}

/// Why a packet of another version is refused, with the setting that takes it.
pub(super) fn other_version(version: u32) -> String {
    let takes = match version {
        5 => "; netflow version 5 needs protocol = \"netflow v5\", sflow version 5 protocol = \"sflow v5\"",
        9 | 10 => "; it needs protocol = \"ipfix\"",
        _ => "",
    };
    format!("version {version} is not of the configured protocol{takes}")
}
