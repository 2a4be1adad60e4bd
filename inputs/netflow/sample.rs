//! The headers of a sampled packet: from the frame inwards, each layer over what the one around it said.
//!
//! What is inside of tunnels is what counts in the end, as users of Telegraf know it.

use super::names::{TCP_FLAGS, ethernet_type, flags};
use super::value::{ip, mac, protocol_name};
use super::wire::Reader;
use agent_api::Builder;

/// So many layers are looked into.
const DEPTH: usize = 16;

/// Where a metric's fields go.
struct Fields<'a, 'b> {
    metric: &'a mut Builder<'b>,
    scratch: &'a mut String,
}

/// What comes next in a packet.
enum Layer {
    Ethernet,
    /// What an Ethernet type says.
    Type(u16),
    /// What a protocol of IP says.
    Protocol(u8),
    /// IP of either version.
    Ip,
}

/// Adds what a sampled header says; `protocol` is sFlow's. What is cut off has no fields.
pub(super) fn header(protocol: u32, bytes: &[u8], metric: &mut Builder<'_>, scratch: &mut String) {
    let mut fields = Fields { metric, scratch };
    let mut next = match protocol {
        1 => Some(Layer::Ethernet),
        11 => Some(Layer::Type(0x0800)),
        12 => Some(Layer::Type(0x86dd)),
        13 => Some(Layer::Type(0x8847)),
        _ => None,
    };
    let mut r = Reader(bytes);
    for _ in 0..DEPTH {
        let Some(layer) = next else { return };
        next = match layer {
            Layer::Ethernet => fields.ethernet(&mut r),
            Layer::Type(0..0x600) => snap(&mut r),
            Layer::Type(0x8100 | 0x88a8 | 0x9100) => fields.vlan(&mut r),
            Layer::Type(0x8847 | 0x8848) | Layer::Protocol(137) => labels(&mut r),
            Layer::Type(0x8864) => point_to_point(&mut r),
            Layer::Type(0x0800) | Layer::Protocol(4) => fields.ipv4(&mut r),
            Layer::Type(0x86dd) | Layer::Protocol(41) => fields.ipv6(&mut r),
            Layer::Type(0x6558) => Some(Layer::Ethernet),
            Layer::Type(0x88be) => r.take(8).map(|_| Layer::Ethernet),
            Layer::Protocol(97) => r.take(2).map(|_| Layer::Ethernet),
            Layer::Protocol(6) => fields.tcp(&mut r),
            Layer::Protocol(17) => fields.udp(&mut r),
            Layer::Protocol(47) => gre(&mut r),
            Layer::Protocol(0 | 43 | 60) => extension(&mut r),
            Layer::Ip => r.0.first().map(|b| Layer::Type(if b >> 4 == 6 { 0x86dd } else { 0x0800 })),
            Layer::Type(_) | Layer::Protocol(_) => None,
        };
    }
}

impl Fields<'_, '_> {
    fn text(&mut self, key: &str, write: impl FnOnce(&mut String)) {
        self.scratch.clear();
        write(self.scratch);
        self.metric.add_field(key, self.scratch.as_str());
    }

    fn protocol(&mut self, number: u8) {
        self.scratch.clear();
        self.metric.add_field("protocol", protocol_name(number, self.scratch));
    }

    fn ethernet(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let (dst, src, kind) = (r.take(6)?, r.take(6)?, r.u16()?);
        self.text("in_src_mac", |out| mac(src, out));
        self.text("out_dst_mac", |out| mac(dst, out));
        self.metric.add_field("datalink_frame_type", ethernet_type(kind));
        // IEEE 802.3: a small number is the length of the frame.
        if (1..0x600).contains(&kind) {
            self.metric.add_field("eth_header_len", kind);
        }
        Some(Layer::Type(kind))
    }

    fn vlan(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let (tag, kind) = (r.u16()?, r.u16()?);
        self.metric.add_field("vlan_id", tag & 0xfff);
        self.metric.add_field("vlan_priority", tag >> 13);
        self.metric.add_field("vlan_drop_eligible", tag >> 12 & 1 == 1);
        Some(Layer::Type(kind))
    }

    fn ipv4(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let header = r.take(20)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (words, total, fragment) = (header[0] & 15, word(2), word(6));
        if words < 5 {
            return None;
        }
        self.metric.add_field("ip_version", version(header[0] >> 4));
        self.metric.add_field("ipv4_inet_header_len", words);
        self.metric.add_field("src_tos", header[1]);
        self.metric.add_field("ipv4_total_len", total);
        self.metric.add_field("ipv4_id", word(4));
        self.metric.add_field("ttl", header[8]);
        self.protocol(header[9]);
        self.text("src", |out| ip(&header[12..16], out));
        self.text("dst", |out| ip(&header[16..20], out));
        let bit = |n: u32, letter: char| if fragment >> n & 1 == 1 { letter } else { '.' };
        self.text("fragment_flags", |out| {
            out.extend(".....".chars().chain([bit(13, 'M'), bit(14, 'D'), bit(15, 'E')]))
        });
        self.metric.add_field("fragment_offset", fragment & 0x1fff);
        self.metric.add_field("ip_total_len", total);
        r.take((usize::from(words) - 5) * 4)?;
        // Of a fragment nobody knows whether a header follows.
        (fragment & 0x3fff == 0).then_some(Layer::Protocol(header[9]))
    }

    fn ipv6(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let header = r.take(40)?;
        let length = u16::from_be_bytes([header[4], header[5]]);
        self.metric.add_field("ip_version", version(header[0] >> 4));
        self.metric.add_field("ipv6_total_len", length);
        self.metric.add_field("ttl", header[7]);
        self.protocol(header[6]);
        self.text("src", |out| ip(&header[8..24], out));
        self.text("dst", |out| ip(&header[24..40], out));
        self.metric.add_field("ip_total_len", length);
        Some(Layer::Protocol(header[6]))
    }

    fn tcp(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let mut r = Reader(r.take(20)?);
        self.metric.add_field("src_port", r.u16()?);
        self.metric.add_field("dst_port", r.u16()?);
        self.metric.add_field("tcp_seq_number", r.u32()?);
        self.metric.add_field("tcp_ack_number", r.u32()?);
        let set = flags((r.u16()? & 0xff) as u8, TCP_FLAGS);
        self.metric.add_field("tcp_window_size", r.u16()?);
        r.u16()?;
        self.metric.add_field("tcp_urgent_ptr", r.u16()?);
        self.metric.add_field("tcp_flags", std::str::from_utf8(&set).unwrap_or_default());
        None
    }

    fn udp(&mut self, r: &mut Reader<'_>) -> Option<Layer> {
        let (src, dst, length) = (r.u16()?, r.u16()?, r.u16()?);
        r.u16()?;
        self.metric.add_field("src_port", src);
        self.metric.add_field("dst_port", dst);
        self.metric.add_field("ip_total_len", length);
        match dst {
            // RFC 7348: flags, network, one byte.
            4789 => r.take(8).map(|_| Layer::Ethernet),
            6081 => geneve(r),
            2152 => gtp(r),
            _ => None,
        }
    }
}

fn version(number: u8) -> &'static str {
    match number {
        4 => "IPv4",
        6 => "IPv6",
        _ => "unknown",
    }
}

/// IEEE 802.2 with a type behind it.
fn snap(r: &mut Reader<'_>) -> Option<Layer> {
    match r.take(8)? {
        [0xaa, 0xaa, 3, 0, 0, 0, high, low] => Some(Layer::Type(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn labels(r: &mut Reader<'_>) -> Option<Layer> {
    // RFC 3032: the bottom of the stack has its bit set.
    while r.u32()? >> 8 & 1 == 0 {}
    Some(Layer::Ip)
}

/// RFC 2516 and PPP's two bytes of protocol.
fn point_to_point(r: &mut Reader<'_>) -> Option<Layer> {
    r.take(6)?;
    match r.u16()? {
        0x21 => Some(Layer::Type(0x0800)),
        0x57 => Some(Layer::Type(0x86dd)),
        _ => None,
    }
}

/// RFC 8200, 4.2: the next header and the length in units of 8 bytes beyond the first.
fn extension(r: &mut Reader<'_>) -> Option<Layer> {
    let (next, length) = (r.u8()?, r.u8()?);
    r.take(usize::from(length) * 8 + 6)?;
    Some(Layer::Protocol(next))
}

/// RFC 2784 and 2890; of version 1 (PPTP) nothing is read.
fn gre(r: &mut Reader<'_>) -> Option<Layer> {
    let (flags, kind) = (r.u16()?, r.u16()?);
    let optional = [0x8000, 0x2000, 0x1000].into_iter().filter(|bit| flags & bit != 0).count();
    if flags & 7 != 0 {
        return None;
    }
    r.take(optional * 4)?;
    Some(Layer::Type(kind))
}

/// RFC 8926.
fn geneve(r: &mut Reader<'_>) -> Option<Layer> {
    let (first, _, kind) = (r.u8()?, r.u8()?, r.u16()?);
    r.take(4 + usize::from(first & 0x3f) * 4)?;
    Some(Layer::Type(kind))
}

/// 3GPP TS 29.281: only messages that carry a packet.
fn gtp(r: &mut Reader<'_>) -> Option<Layer> {
    let (flags, message) = (r.u8()?, r.u8()?);
    r.take(6)?;
    if flags >> 5 != 1 || message != 255 {
        return None;
    }
    if flags & 7 != 0 {
        let mut next = r.take(4)?[3];
        while next != 0 {
            let length = usize::from(r.u8()?);
            next = *r.take((length * 4).checked_sub(1)?)?.last()?;
        }
    }
    Some(Layer::Ip)
}
