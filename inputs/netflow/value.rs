//! What the bytes of an information element become: the types of fields, by the names that mapping files use.

use super::names::*;
use super::wire::{signed, unsigned};
use agent_api::metric::Builder;
use std::fmt::Write;
use std::net::Ipv6Addr;

/// How an element's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Uint,
    Int,
    Float,
    Bool,
    Hex,
    Text,
    Ip,
    Mac,
    Protocol,
    TcpFlags,
    FragmentFlags,
    Ipv4Options,
    ForwardingStatus,
    ForwardingReason,
    AnonymizationClass,
    AnonymizationFlags,
    Technology,
    /// One byte of several.
    Byte(usize),
    /// A code with a name, in so many bytes.
    Code(Codes),
}

/// A small registry: the names of codes that begin at `from`, and what all others are called; nothing means by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Codes {
    bytes: usize,
    from: u8,
    names: &'static [&'static str],
    other: &'static str,
}

const fn codes(bytes: usize, from: u8, names: &'static [&'static str], other: &'static str) -> Option<Kind> {
    Some(Kind::Code(Codes { bytes, from, names, other }))
}

impl Kind {
    /// The types that users may name in files of their own.
    pub(super) const PUBLIC: &'static [&'static str] =
        &["uint", "int", "float", "bool", "hex", "string", "ip", "mac", "proto"];

    /// The type of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "uint" => Some(Kind::Uint),
            "int" => Some(Kind::Int),
            "float" => Some(Kind::Float),
            "bool" => Some(Kind::Bool),
            "hex" => Some(Kind::Hex),
            "string" => Some(Kind::Text),
            "ip" => Some(Kind::Ip),
            "mac" => Some(Kind::Mac),
            "proto" => Some(Kind::Protocol),
            "tcp_flags" => Some(Kind::TcpFlags),
            "fragment_flags" => Some(Kind::FragmentFlags),
            "ipv4_options" => Some(Kind::Ipv4Options),
            "forwarding_status" => Some(Kind::ForwardingStatus),
            "forwarding_reason" => Some(Kind::ForwardingReason),
            "anonymization_class" => Some(Kind::AnonymizationClass),
            "anonymization_flags" => Some(Kind::AnonymizationFlags),
            "technology" => Some(Kind::Technology),
            "byte0" => Some(Kind::Byte(0)),
            "byte1" => Some(Kind::Byte(1)),
            "sampling_algorithm" => codes(1, 1, &["deterministic", "random"], ""),
            "engine_type" => codes(1, 0, &["RP", "VIP/linecard", "PFC/DFC"], ""),
            "mpls_type" => codes(1, 0, MPLS_TYPES, ""),
            "ip_version" => codes(1, 4, &["IPv4", "5", "IPv6"], ""),
            "direction" => codes(1, 0, &["ingress", "egress"], ""),
            "firewall_event" => codes(1, 0, FIREWALL_EVENTS, ""),
            "flow_end_reason" => codes(1, 0, FLOW_END_REASONS, "unassigned"),
            "biflow_direction" => {
                codes(1, 0, &["arbitrary", "initiator", "reverse initiator", "perimeter"], "unassigned")
            }
            "observation_point_type" => {
                codes(1, 0, &["invalid", "physical port", "port channel", "vlan"], "unassigned")
            }
            "anonymization_technique" => codes(2, 0, ANONYMIZATION_TECHNIQUES, "unassigned"),
            "nat_type" => codes(2, 0, NAT_TYPES, "unassigned"),
            "selector_algorithm" => codes(2, 0, SELECTOR_ALGORITHMS, "unassigned"),
            "value_distribution" => codes(1, 0, VALUE_DISTRIBUTIONS, "unassigned"),
            "frame_type" => codes(2, 1, &["IEEE802.3 ethernet", "IEEE802.11 MAC"], "unassigned"),
            "capture_time" => codes(1, 0, &["undefined", "begin", "end", "export", "average"], "unassigned"),
            _ => None,
        }
    }

    /// Adds a field. False if the bytes are too few or too many for the type, and then nothing is added.
    pub(super) fn add(self, key: &str, raw: &[u8], metric: &mut Builder<'_>, scratch: &mut String) -> bool {
        self.read(key, raw, metric, scratch).is_some()
    }

    fn read(self, key: &str, raw: &[u8], metric: &mut Builder<'_>, scratch: &mut String) -> Option<()> {
        scratch.clear();
        match self {
            Kind::Uint => metric.add_field(key, unsigned(raw)?),
            Kind::Int => metric.add_field(key, signed(raw)?),
            Kind::Float => metric.add_field(key, float(raw)?),
            Kind::Byte(i) => metric.add_field(key, *raw.get(i)?),
            // RFC 7011, 6.1.5: 1 is true and 2 is false.
            Kind::Bool => match raw.first()? {
                1 => metric.add_field(key, true),
                2 => metric.add_field(key, false),
                other => metric.add_field(key, *other),
            },
            Kind::Text => metric.add_field(key, String::from_utf8_lossy(text(raw)).as_ref()),
            Kind::Hex => {
                hex(raw, scratch);
                metric.add_field(key, scratch.as_str());
            }
            Kind::Ip => {
                ip(raw, scratch);
                metric.add_field(key, scratch.as_str());
            }
            Kind::Mac => {
                mac(raw, scratch);
                metric.add_field(key, scratch.as_str());
            }
            Kind::Protocol => metric.add_field(key, protocol_name(*raw.first()?, scratch)),
            Kind::TcpFlags => {
                if let [reserved, _, ..] = raw {
                    push(scratch, &flags(*reserved, RESERVED_FLAGS));
                }
                if let Some(last) = raw.get(raw.len().min(2).wrapping_sub(1)) {
                    push(scratch, &flags(*last, TCP_FLAGS));
                }
                metric.add_field(key, scratch.as_str());
            }
            Kind::FragmentFlags => {
                push(scratch, &flags(*raw.first()?, FRAGMENT_FLAGS));
                metric.add_field(key, scratch.as_str());
            }
            Kind::Ipv4Options => {
                let bits = unsigned(raw.get(..4)?)?;
                let set = IPV4_OPTIONS.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
                list(set.map(|(_, name)| *name), scratch);
                metric.add_field(key, scratch.as_str());
            }
            Kind::ForwardingStatus => {
                let names = ["unknown", "forwarded", "dropped", "consumed"];
                metric.add_field(key, names[usize::from(raw.first()? >> 6)]);
            }
            Kind::ForwardingReason => metric.add_field(key, forwarding_reason(*raw.first()?)),
            Kind::AnonymizationClass => {
                let names = ["undefined", "session", "exporter-collector", "stable"];
                metric.add_field(key, names[usize::from(raw.get(1)? & 3)]);
            }
            Kind::AnonymizationFlags => {
                let bits = raw.first()?;
                list([(4, "PmA"), (8, "LOR")].into_iter().filter(|f| bits & f.0 != 0).map(|f| f.1), scratch);
                metric.add_field(key, scratch.as_str());
            }
            Kind::Technology => metric.add_field(key, technology(raw)?),
            Kind::Code(codes) => metric.add_field(key, codes.name(raw, scratch)?),
        }
        Some(())
    }
}

impl Codes {
    fn name<'a>(&self, raw: &[u8], scratch: &'a mut String) -> Option<&'a str> {
        let code = unsigned(raw.get(..self.bytes)?)?;
        let index = code.checked_sub(u64::from(self.from)).and_then(|i| usize::try_from(i).ok());
        Some(match index.and_then(|i| self.names.get(i)) {
            Some(name) => name,
            None if self.other.is_empty() => number(code, scratch),
            None => self.other,
        })
    }
}

/// The name of a protocol of IP, or its number.
pub(super) fn protocol_name(protocol: u8, scratch: &mut String) -> &str {
    match agent_packets::protocols::name(protocol) {
        Some(name) => name,
        None => number(u64::from(protocol), scratch),
    }
}

fn number(n: u64, out: &mut String) -> &str {
    out.clear();
    // Writing to a String does not fail.
    let _infallible = write!(out, "{n}");
    out
}

fn float(raw: &[u8]) -> Option<f64> {
    match raw.len() {
        // RFC 7011, 6.2: an exporter may send a double as a single.
        4 => Some(f64::from(f32::from_be_bytes(raw.try_into().ok()?))),
        8 => Some(f64::from_be_bytes(raw.try_into().ok()?)),
        _ => None,
    }
}

fn text(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    &raw[..end]
}

fn push(out: &mut String, ascii: &[u8]) {
    out.extend(ascii.iter().map(|b| char::from(*b)));
}

fn list<'a>(names: impl Iterator<Item = &'a str>, out: &mut String) {
    for name in names {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
    }
}

fn digits(byte: u8) -> [char; 2] {
    let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n & 15)]);
    [digit(byte >> 4), digit(byte)]
}

/// `0x` and the digits; nothing of nothing.
pub(super) fn hex(raw: &[u8], out: &mut String) {
    if !raw.is_empty() {
        out.push_str("0x");
        out.extend(raw.iter().flat_map(|b| digits(*b)));
    }
}

/// The bytes with colons between them.
pub(super) fn mac(raw: &[u8], out: &mut String) {
    for (i, byte) in raw.iter().enumerate() {
        if i > 0 {
            out.push(':');
        }
        out.extend(digits(*byte));
    }
}

/// An address; one of no known length as Telegraf writes it.
pub(super) fn ip(raw: &[u8], out: &mut String) {
    let mapped: Option<[u8; 16]> = raw.try_into().ok();
    let mapped = mapped.and_then(|b| Ipv6Addr::from(b).to_ipv4_mapped());
    match (mapped, raw) {
        (Some(v4), _) => ipv4(v4.octets(), out),
        (None, [a, b, c, d]) => ipv4([*a, *b, *c, *d], out),
        (None, []) => out.push_str("<nil>"),
        (None, raw) => match <[u8; 16]>::try_from(raw) {
            Ok(v6) => {
                // Writing to a String does not fail.
                let _infallible = write!(out, "{}", Ipv6Addr::from(v6));
            }
            Err(_) => {
                out.push('?');
                out.extend(raw.iter().flat_map(|b| digits(*b)));
            }
        },
    }
}

/// Two addresses a record: worth doing without the formatting machinery.
fn ipv4(octets: [u8; 4], out: &mut String) {
    for (i, octet) in octets.into_iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        if octet >= 100 {
            out.push(char::from(b'0' + octet / 100));
        }
        if octet >= 10 {
            out.push(char::from(b'0' + octet / 10 % 10));
        }
        out.push(char::from(b'0' + octet % 10));
    }
}

/// Yes, no or unassigned: as a word of the registry or as a number.
fn technology(raw: &[u8]) -> Option<&'static str> {
    Some(match raw {
        b"yes" | b"y" | b"1" => "yes",
        b"no" | b"n" | b"2" => "no",
        b"unassigned" | b"u" | b"0" => "unassigned",
        raw => match raw.first()? {
            0 => "unassigned",
            1 => "yes",
            2 => "no",
            _ => "undefined",
        },
    })
}
