//! A flow as a metric.

use super::geo::{Geo, Place};
use super::names;
use super::networks::Networks;
use super::{Counting, Settings};
use agent_api::{Builder, Collector, Result, Value, bail};
use agent_packets::flow::{Keys, Spread};
use agent_packets::metadata::{self, Cell, Metadata};
use agent_packets::{Flow, interface_name, text};
use std::fmt::Write;

/// Defines the fields with their names, in an order in which those that can be tags come first.
macro_rules! fields {
    ($($field:ident $name:literal,)+) => {
        #[derive(Clone, Copy)]
        enum Field { $($field),+ }
        static NAMES: [&str; [$($name),+].len()] = [$($name),+];
    };
}
fields! {
    Src "src", Dst "dst", SrcPort "src_port", DstPort "dst_port", Protocol "protocol", Vlan "vlan", Vni "vni", SrcMac "src_mac",
    DstMac "dst_mac", Tos "tos", Interface "interface", EndReason "end_reason", Service "service", Direction "direction",
    TunnelType "tunnel_type", SrcCountry "src_country", DstCountry "dst_country", SrcAsn "src_asn", DstAsn "dst_asn",
    TcpState "tcp_state",
    SrcCity "src_city", DstCity "dst_city", SrcOrganization "src_as_organization", DstOrganization "dst_as_organization",
    TunnelId "tunnel_id", TunnelSrc "tunnel_src", TunnelDst "tunnel_dst", InnerVlan "inner_vlan", CommunityId "community_id",
    First "first", Last "last",
    SrcPackets "src_packets", SrcBytes "src_bytes", SrcIpBytes "src_ip_bytes",
    DstPackets "dst_packets", DstBytes "dst_bytes", DstIpBytes "dst_ip_bytes",
    IcmpType "icmp_type", IcmpCode "icmp_code", SrcTcpFlags "src_tcp_flags", DstTcpFlags "dst_tcp_flags",
    SrcRetransmissions "src_retransmissions", SrcOutOfOrder "src_out_of_order", SrcZeroWindows "src_zero_windows",
    DstRetransmissions "dst_retransmissions", DstOutOfOrder "dst_out_of_order", DstZeroWindows "dst_zero_windows",
    DstLatency "dst_latency", SrcLatency "src_latency", Rtt "rtt",
}

/// Those that can be tags.
fn tags() -> &'static [&'static str] {
    &NAMES[..=Field::TcpState as usize]
}

/// Makes metrics of flows.
pub(super) struct Writer {
    keys: Keys,
    uniflow: bool,
    community_id: Option<u16>,
    service: bool,
    networks: Networks,
    pub(super) geo: Geo,
    /// A bit for each field that is a tag.
    tags: u32,
    text: String,
}

impl Writer {
    pub(super) fn new(settings: &Settings, table: Counting, networks: Networks, geo: Geo) -> Result<Self> {
        let mut chosen = 0;
        for tag in &settings.tags {
            match tags().iter().position(|known| known == tag) {
                Some(place) => chosen |= 1 << place,
                None => bail!("tags: {tag:.60?} cannot be a tag; what can be is {}", tags().join(", ")),
            }
        }
        Ok(Writer {
            keys: table.keys,
            uniflow: table.uniflow,
            community_id: settings.community_id.then_some(settings.community_id_seed),
            service: settings.service,
            networks,
            geo,
            tags: chosen,
            text: String::new(),
        })
    }

    /// Adds the metric of a flow, with what its first packets say, if that is known.
    pub(super) fn write(&mut self, flow: &Flow, metadata: Option<&Metadata>, out: &mut Collector) {
        self.geo.ready(out);
        let metric = out.metric("flow").time(flow.last);
        let mut line = Line { metric, tags: self.tags, text: &mut self.text };
        let keys = self.keys;
        if keys.src {
            line.written(Field::Src, |text| text::address(text, flow.src));
        }
        if keys.dst {
            line.written(Field::Dst, |text| text::address(text, flow.dst));
        }
        if keys.src_port {
            line.number(Field::SrcPort, flow.src_port);
        }
        if keys.dst_port {
            line.number(Field::DstPort, flow.dst_port);
        }
        if keys.protocol {
            match names::protocol(flow.protocol) {
                Some(name) => line.text(Field::Protocol, name),
                None => line.written(Field::Protocol, |text| text::number(text, flow.protocol.into())),
            }
        }
        if flow.vlans != [0; 2] {
            line.number(Field::Vlan, flow.vlans[0]);
        }
        if flow.tunnel.network != 0 {
            line.number(Field::Vni, flow.tunnel.network);
        }
        if keys.src_mac {
            line.written(Field::SrcMac, |text| mac(text, flow.macs[0]));
        }
        if keys.dst_mac {
            line.written(Field::DstMac, |text| mac(text, flow.macs[1]));
        }
        if keys.tos {
            line.number(Field::Tos, flow.tos);
        }
        if keys.interface
            && let Some(name) = interface_name(flow.interface)
        {
            line.text(Field::Interface, &name);
        }
        line.text(Field::EndReason, flow.ended.name());
        if self.service
            && let Some(name) = service(flow)
        {
            line.text(Field::Service, name);
        }
        if !self.networks.is_empty() {
            line.text(Field::Direction, self.networks.direction(flow.src, flow.dst));
        }
        if let Some((src, dst)) = flow.tunnel.ends() {
            line.text(Field::TunnelType, flow.tunnel.kind.name());
            line.field(Field::TunnelId, u64::from(flow.tunnel.id));
            line.written(Field::TunnelSrc, |text| text::address(text, src));
            line.written(Field::TunnelDst, |text| text::address(text, dst));
        }
        if !self.geo.is_empty() {
            let [src, dst] = [flow.src, flow.dst].map(|address| self.geo.place(address));
            line.place(src, [Field::SrcCountry, Field::SrcAsn, Field::SrcCity, Field::SrcOrganization]);
            line.place(dst, [Field::DstCountry, Field::DstAsn, Field::DstCity, Field::DstOrganization]);
        }
        if flow.vlans[1] != 0 {
            line.field(Field::InnerVlan, u64::from(flow.vlans[1]));
        }
        if let Some(seed) = self.community_id {
            line.field(Field::CommunityId, flow.community_id(seed).as_str());
        }
        line.field(Field::First, flow.first);
        line.field(Field::Last, flow.last);
        line.counts(flow, self.uniflow);
        if keys.protocol {
            line.of_protocol(flow, self.uniflow, keys.conversation());
        }
        let mut metric = line.metric;
        if let Some(spreads) = &flow.spreads {
            for (side, [sizes, gaps]) in SPREADS.iter().enumerate().take(if self.uniflow { 1 } else { 2 }) {
                spread(&mut metric, sizes, &spreads.sizes[side]);
                spread(&mut metric, gaps, &spreads.gaps[side]);
            }
        }
        for (name, cell) in metadata.iter().flat_map(|m| metadata::NAMES.iter().zip(m.cells())) {
            match cell {
                Cell::Nothing => {}
                Cell::Number(number) => metric.add_field(name, number),
                Cell::Text(text) => metric.add_field(name, &*text),
            }
        }
    }
}

/// The metric of a flow in the making.
struct Line<'a> {
    metric: Builder<'a>,
    tags: u32,
    /// For what is still to become text.
    text: &'a mut String,
}

impl Line<'_> {
    #[inline]
    fn field<'v>(&mut self, field: Field, value: impl Into<Value<'v>>) {
        self.metric.add_field_of(&NAMES, field as usize, value);
    }

    /// Adds a text, as a tag where that is wanted.
    fn text(&mut self, field: Field, value: &str) {
        if self.tags & 1 << field as u32 != 0 {
            self.metric.add_tag(NAMES[field as usize], value);
        } else {
            self.field(field, value);
        }
    }

    /// Adds what `write` writes.
    #[inline]
    fn written(&mut self, field: Field, write: impl FnOnce(&mut String)) {
        let mut text = std::mem::take(self.text);
        text.clear();
        write(&mut text);
        self.text(field, &text);
        *self.text = text;
    }

    fn number(&mut self, field: Field, value: impl Into<u64>) {
        let value = value.into();
        if self.tags & 1 << field as u32 != 0 {
            self.written(field, |text| text::number(text, value));
        } else {
            self.field(field, value);
        }
    }

    /// Adds what is known of where an end is.
    fn place(&mut self, place: Place<'_>, [country, asn, city, organization]: [Field; 4]) {
        for (field, text) in [(country, place.country), (city, place.city), (organization, place.organization)] {
            if let Some(text) = text {
                self.text(field, text);
            }
        }
        if let Some(number) = place.asn {
            self.number(asn, number);
        }
    }

    fn counts(&mut self, flow: &Flow, uniflow: bool) {
        self.field(Field::SrcPackets, flow.packets[0]);
        self.field(Field::SrcBytes, flow.bytes[0]);
        self.field(Field::SrcIpBytes, flow.ip_bytes[0]);
        if !uniflow {
            self.field(Field::DstPackets, flow.packets[1]);
            self.field(Field::DstBytes, flow.bytes[1]);
            self.field(Field::DstIpBytes, flow.ip_bytes[1]);
        }
    }

    /// What only some protocols have.
    fn of_protocol(&mut self, flow: &Flow, uniflow: bool, conversation: bool) {
        if matches!(flow.protocol, 1 | 58) {
            self.field(Field::IcmpType, u64::from(flow.icmp.0));
            self.field(Field::IcmpCode, u64::from(flow.icmp.1));
        }
        if flow.protocol != 6 {
            return;
        }
        self.field(Field::SrcTcpFlags, u64::from(flow.tcp_flags[0]));
        if !uniflow {
            self.field(Field::DstTcpFlags, u64::from(flow.tcp_flags[1]));
        }
        if let Some(state) = flow.state().filter(|_| !uniflow && conversation) {
            self.text(Field::TcpState, state);
        }
        let Some(tcp) = &flow.tcp else { return };
        self.field(Field::SrcRetransmissions, u64::from(tcp.retransmissions[0]));
        self.field(Field::SrcOutOfOrder, u64::from(tcp.out_of_order[0]));
        self.field(Field::SrcZeroWindows, u64::from(tcp.zero_windows[0]));
        if uniflow {
            return;
        }
        self.field(Field::DstRetransmissions, u64::from(tcp.retransmissions[1]));
        self.field(Field::DstOutOfOrder, u64::from(tcp.out_of_order[1]));
        self.field(Field::DstZeroWindows, u64::from(tcp.zero_windows[1]));
        for (field, latency) in [(Field::DstLatency, tcp.dst_latency), (Field::SrcLatency, tcp.src_latency)] {
            if latency > 0 {
                self.field(field, latency);
            }
        }
        if tcp.dst_latency > 0 && tcp.src_latency > 0 {
            self.field(Field::Rtt, tcp.dst_latency + tcp.src_latency);
        }
    }
}

/// The service of the side that was called; of the other if only that one has a known port.
fn service(flow: &Flow) -> Option<&'static str> {
    names::service(flow.protocol, flow.dst_port).or_else(|| names::service(flow.protocol, flow.src_port))
}

/// The names of how sizes and gaps of each direction are spread.
const SPREADS: [[[&str; 4]; 2]; 2] = [
    [
        ["src_size_min", "src_size_max", "src_size_mean", "src_size_stddev"],
        ["src_gap_min", "src_gap_max", "src_gap_mean", "src_gap_stddev"],
    ],
    [
        ["dst_size_min", "dst_size_max", "dst_size_mean", "dst_size_stddev"],
        ["dst_gap_min", "dst_gap_max", "dst_gap_mean", "dst_gap_stddev"],
    ],
];

fn spread(metric: &mut Builder<'_>, names: &[&str; 4], spread: &Spread) {
    if spread.count > 0 {
        metric.add_field(names[0], spread.min);
        metric.add_field(names[1], spread.max);
        metric.add_field(names[2], spread.mean());
        metric.add_field(names[3], spread.deviation());
    }
}

fn mac(text: &mut String, [a, b, c, d, e, f]: [u8; 6]) {
    // A string takes everything.
    let _always = write!(text, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
}
