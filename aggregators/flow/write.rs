//! A flow as a metric.

use super::names;
use super::networks::Networks;
use super::{Counting, Settings};
use agent_api::{Builder, Collector, Result, bail};
use agent_packets::flow::{Keys, Spread};
use agent_packets::metadata::{Cell, Metadata, NAMES};
use agent_packets::{Flow, interface_name};
use std::fmt::Write;

/// What can be a tag, in the order in which it is written.
const TAGS: [&str; 15] = [
    "src",
    "dst",
    "src_port",
    "dst_port",
    "protocol",
    "vlan",
    "vni",
    "src_mac",
    "dst_mac",
    "tos",
    "interface",
    "end_reason",
    "service",
    "direction",
    "tunnel_type",
];

/// Makes metrics of flows.
pub(super) struct Writer {
    keys: Keys,
    uniflow: bool,
    community_id: Option<u16>,
    service: bool,
    networks: Networks,
    /// Which of `TAGS` are tags, and whether the state of TCP is.
    tags: u32,
    state_tag: bool,
    text: String,
}

/// A value on its way into a metric.
#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Number(u64),
}

impl Writer {
    pub(super) fn new(settings: &Settings, table: Counting, networks: Networks) -> Result<Self> {
        let (mut tags, mut state_tag) = (0, false);
        for tag in &settings.tags {
            match TAGS.iter().position(|known| known == tag) {
                Some(place) => tags |= 1 << place,
                None if tag == "tcp_state" => state_tag = true,
                None => bail!("tags: {tag:.60?} cannot be a tag; what can be is {}, tcp_state", TAGS.join(", ")),
            }
        }
        Ok(Writer {
            keys: table.keys,
            uniflow: table.uniflow,
            community_id: settings.community_id.then_some(settings.community_id_seed),
            service: settings.service,
            networks,
            tags,
            state_tag,
            text: String::new(),
        })
    }

    /// Adds the metric of a flow, with what its first packets say, if that is known.
    pub(super) fn write(&mut self, flow: &Flow, metadata: Option<&Metadata>, out: &mut Collector) {
        let (tags, keys) = (self.tags, self.keys);
        let text = &mut self.text;
        let mut metric = out.metric("flow").time(flow.last);
        let mut metric = {
            macro_rules! part {
                ($place:expr, $value:expr) => {
                    metric = add(metric, tags & 1 << $place != 0, TAGS[$place], $value)
                };
            }
            if keys.src {
                part!(0, Part::Text(format(text, format_args!("{}", flow.src))));
            }
            if keys.dst {
                part!(1, Part::Text(format(text, format_args!("{}", flow.dst))));
            }
            if keys.src_port {
                part!(2, Part::Number(flow.src_port.into()));
            }
            if keys.dst_port {
                part!(3, Part::Number(flow.dst_port.into()));
            }
            if keys.protocol {
                match names::protocol(flow.protocol) {
                    Some(name) => part!(4, Part::Text(name)),
                    None => part!(4, Part::Text(format(text, format_args!("{}", flow.protocol)))),
                }
            }
            if flow.vlans != [0; 2] {
                part!(5, Part::Number(flow.vlans[0].into()));
            }
            if flow.tunnel.network != 0 {
                part!(6, Part::Number(flow.tunnel.network.into()));
            }
            if keys.src_mac {
                part!(7, Part::Text(mac(text, flow.macs[0])));
            }
            if keys.dst_mac {
                part!(8, Part::Text(mac(text, flow.macs[1])));
            }
            if keys.tos {
                part!(9, Part::Number(flow.tos.into()));
            }
            if keys.interface
                && let Some(name) = interface_name(flow.interface)
            {
                part!(10, Part::Text(&name));
            }
            part!(11, Part::Text(flow.ended.name()));
            if self.service
                && let Some(name) = service(flow)
            {
                part!(12, Part::Text(name));
            }
            if !self.networks.is_empty() {
                part!(13, Part::Text(self.networks.direction(flow.src, flow.dst)));
            }
            if let Some((src, dst)) = flow.tunnel.ends() {
                part!(14, Part::Text(flow.tunnel.kind.name()));
                metric = metric.field("tunnel_id", u64::from(flow.tunnel.id));
                metric = metric.field("tunnel_src", format(text, format_args!("{src}")));
                metric = metric.field("tunnel_dst", format(text, format_args!("{dst}")));
            }
            metric
        };
        if flow.vlans[1] != 0 {
            metric = metric.field("inner_vlan", u64::from(flow.vlans[1]));
        }
        if let Some(seed) = self.community_id {
            metric = metric.field("community_id", flow.community_id(seed).as_str());
        }
        metric = metric.field("first", flow.first).field("last", flow.last);
        metric = self.counts(metric, flow);
        if keys.protocol {
            metric = self.of_protocol(metric, flow);
        }
        if let Some(spreads) = &flow.spreads {
            metric =
                spread(metric, ["src_size_min", "src_size_max", "src_size_mean", "src_size_stddev"], &spreads.sizes[0]);
            metric = spread(metric, ["src_gap_min", "src_gap_max", "src_gap_mean", "src_gap_stddev"], &spreads.gaps[0]);
            if !self.uniflow {
                metric = spread(
                    metric,
                    ["dst_size_min", "dst_size_max", "dst_size_mean", "dst_size_stddev"],
                    &spreads.sizes[1],
                );
                metric =
                    spread(metric, ["dst_gap_min", "dst_gap_max", "dst_gap_mean", "dst_gap_stddev"], &spreads.gaps[1]);
            }
        }
        for (name, cell) in metadata.iter().flat_map(|m| NAMES.iter().zip(m.cells())) {
            match cell {
                Cell::Nothing => {}
                Cell::Number(number) => metric.add_field(name, number),
                Cell::Text(text) => metric.add_field(name, &*text),
            }
        }
        drop(metric);
    }

    fn counts<'a>(&self, mut metric: Builder<'a>, flow: &Flow) -> Builder<'a> {
        metric = metric
            .field("src_packets", flow.packets[0])
            .field("src_bytes", flow.bytes[0])
            .field("src_ip_bytes", flow.ip_bytes[0]);
        if !self.uniflow {
            metric = metric
                .field("dst_packets", flow.packets[1])
                .field("dst_bytes", flow.bytes[1])
                .field("dst_ip_bytes", flow.ip_bytes[1]);
        }
        metric
    }

    /// What only some protocols have.
    fn of_protocol<'a>(&self, mut metric: Builder<'a>, flow: &Flow) -> Builder<'a> {
        if matches!(flow.protocol, 1 | 58) {
            metric = metric.field("icmp_type", u64::from(flow.icmp.0)).field("icmp_code", u64::from(flow.icmp.1));
        }
        if flow.protocol != 6 {
            return metric;
        }
        metric = metric.field("src_tcp_flags", u64::from(flow.tcp_flags[0]));
        if !self.uniflow {
            metric = metric.field("dst_tcp_flags", u64::from(flow.tcp_flags[1]));
        }
        if let Some(state) = flow.state().filter(|_| !self.uniflow && self.keys.conversation()) {
            metric = add(metric, self.state_tag, "tcp_state", Part::Text(state));
        }
        let Some(tcp) = &flow.tcp else { return metric };
        metric = metric
            .field("src_retransmissions", u64::from(tcp.retransmissions[0]))
            .field("src_out_of_order", u64::from(tcp.out_of_order[0]))
            .field("src_zero_windows", u64::from(tcp.zero_windows[0]));
        if self.uniflow {
            return metric;
        }
        metric = metric
            .field("dst_retransmissions", u64::from(tcp.retransmissions[1]))
            .field("dst_out_of_order", u64::from(tcp.out_of_order[1]))
            .field("dst_zero_windows", u64::from(tcp.zero_windows[1]));
        for (name, latency) in [("dst_latency", tcp.dst_latency), ("src_latency", tcp.src_latency)] {
            if latency > 0 {
                metric = metric.field(name, latency);
            }
        }
        if tcp.dst_latency > 0 && tcp.src_latency > 0 {
            metric = metric.field("rtt", tcp.dst_latency + tcp.src_latency);
        }
        metric
    }
}

fn add<'a>(metric: Builder<'a>, tag: bool, key: &str, value: Part<'_>) -> Builder<'a> {
    match (tag, value) {
        (true, Part::Text(text)) => metric.tag(key, text),
        (true, Part::Number(number)) => metric.tag(key, &number.to_string()),
        (false, Part::Text(text)) => metric.field(key, text),
        (false, Part::Number(number)) => metric.field(key, number),
    }
}

/// The service of the side that was called; of the other if only that one has a known port.
fn service(flow: &Flow) -> Option<&'static str> {
    names::service(flow.protocol, flow.dst_port).or_else(|| names::service(flow.protocol, flow.src_port))
}

fn spread<'a>(metric: Builder<'a>, names: [&str; 4], spread: &Spread) -> Builder<'a> {
    if spread.count == 0 {
        return metric;
    }
    metric
        .field(names[0], spread.min)
        .field(names[1], spread.max)
        .field(names[2], spread.mean())
        .field(names[3], spread.deviation())
}

fn mac(text: &mut String, [a, b, c, d, e, f]: [u8; 6]) -> &str {
    format(text, format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"))
}

fn format<'a>(text: &'a mut String, what: std::fmt::Arguments<'_>) -> &'a str {
    text.clear();
    // A string takes everything.
    let _always = text.write_fmt(what);
    text
}
