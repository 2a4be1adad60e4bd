//! Which fields of a metric become which information elements, and how their values are written.
//!
//! A metric of a flow has the fields of `agent flows` (what `aggregators.flow` makes), or those of `inputs.netflow`, so that what was collected can
//! be sent on.

use agent_api::Value;
use agent_packets::protocols;
use std::net::IpAddr;

/// How the value of a field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A whole number, or one in digits or `0x` and hexadecimal digits.
    Number,
    /// An address of IP.
    Address,
    /// An address of Ethernet.
    Mac,
    /// A protocol of IP, by name or number.
    Protocol,
    /// Flags of TCP: a number, or letters and dots.
    TcpFlags,
    /// Why a flow ended: a number, or a name of `agent flows` or of IPFIX.
    EndReason,
    /// Nanoseconds since 1970, or RFC 3339; sent in milliseconds.
    Time,
    /// Milliseconds since 1970.
    Millis,
    /// A text.
    Text,
}

/// Which of a flow's two directions a column is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The same for both.
    Both,
    /// Of one direction; in a record of the other one the column at this place stands for it.
    One(usize),
    /// Of the way back; the column at this place is the same of the way there. Sent as it is in a biflow (RFC 5103).
    Back(usize),
}

/// An information element and where its value comes from.
#[derive(Debug)]
pub(super) struct Column {
    /// Its number, and that for IPv6 where it is another one.
    pub(super) element: (u16, u16),
    /// Bytes; `VARIABLE` for texts.
    pub(super) length: u16,
    pub(super) way: Way,
    /// Names of fields, the first that a metric has counts, and how they are read.
    pub(super) fields: &'static [(&'static str, Read)],
}

/// The length of an element that says its length in each record.
pub(super) const VARIABLE: u16 = 0xffff;

const fn column(element: u16, length: u16, way: Way, fields: &'static [(&'static str, Read)]) -> Column {
    Column { element: (element, element), length, way, fields }
}

const fn address(v4: u16, v6: u16, way: Way, fields: &'static [(&'static str, Read)]) -> Column {
    // The length is that of the record's version of IP.
    Column { element: (v4, v6), length: 0, way, fields }
}

use Read::{Address, EndReason, Mac, Millis, Number, Protocol, TcpFlags, Text, Time};
use Way::{Back, Both, One};

pub(super) const SRC: usize = 0;
pub(super) const DST: usize = 1;
pub(super) const PROTOCOL: usize = 4;
pub(super) const FIRST: usize = 10;
pub(super) const LAST: usize = 11;
pub(super) const VLAN: usize = 13;
pub(super) const INNER_VLAN: usize = 15;
pub(super) const TUNNEL: usize = 16;
/// Type and code of ICMP, from two fields.
pub(super) const ICMP: usize = 14;
/// That `src` of a biflow is who began.
pub(super) const BIFLOW: usize = 35;
/// What of the way back says that there is one.
pub(super) const BACK_PACKETS: usize = 36;
/// The next hop, which may be of another version of IP than the flow.
pub(super) const NEXT_HOP: usize = 19;

/// All columns, in the order in which records have them. Numbers are those of IANA's registry "ipfix".
pub(super) const COLUMNS: [Column; 41] = [
    address(8, 27, One(1), &[("src", Address)]),
    address(12, 28, One(0), &[("dst", Address)]),
    column(7, 2, One(3), &[("src_port", Number)]),
    column(11, 2, One(2), &[("dst_port", Number)]),
    column(4, 1, Both, &[("protocol", Protocol)]),
    column(5, 1, One(40), &[("src_tos", Number), ("tos", Number)]),
    column(6, 1, One(39), &[("src_tcp_flags", TcpFlags), ("tcp_flags", TcpFlags)]),
    column(2, 8, One(36), &[("src_packets", Number), ("in_packets", Number)]),
    column(1, 8, One(37), &[("src_ip_bytes", Number), ("in_bytes", Number)]),
    column(352, 8, One(38), &[("src_bytes", Number), ("l2_bytes", Number)]),
    column(152, 8, Both, &[("first", Time), ("flow_start_ms", Millis)]),
    column(153, 8, Both, &[("last", Time), ("flow_end_ms", Millis)]),
    column(136, 1, Both, &[("end_reason", EndReason), ("flow_end_reason", EndReason)]),
    column(58, 2, Both, &[("vlan", Number), ("vlan_src", Number), ("vlan_id", Number)]),
    Column { element: (32, 139), length: 2, way: Both, fields: &[] },
    column(245, 2, Both, &[("inner_vlan", Number), ("vlan_customer_id", Number)]),
    column(351, 8, Both, &[("vni", Number), ("tunnel_network", Number), ("l2_segment_id", Number)]),
    column(10, 4, One(18), &[("in_snmp", Number)]),
    column(14, 4, One(17), &[("out_snmp", Number)]),
    address(15, 62, Both, &[("next_hop", Address)]),
    column(16, 4, One(21), &[("bgp_src_as", Number), ("src_as", Number)]),
    column(17, 4, One(20), &[("bgp_dst_as", Number), ("dst_as", Number)]),
    Column { element: (9, 29), length: 1, way: One(23), fields: &[("src_mask", Number)] },
    Column { element: (13, 30), length: 1, way: One(22), fields: &[("dst_mask", Number)] },
    column(56, 6, One(25), &[("src_mac", Mac), ("in_src_mac", Mac)]),
    column(80, 6, One(24), &[("dst_mac", Mac), ("in_dst_mac", Mac)]),
    column(57, 6, Both, &[("out_dst_mac", Mac)]),
    column(34, 4, Both, &[("sampling_interval", Number)]),
    column(85, 8, Both, &[("in_total_bytes", Number)]),
    column(86, 8, Both, &[("in_total_packets", Number)]),
    column(61, 1, Both, &[("flow_direction", Number)]),
    column(457, 2, Both, &[("http_status", Number), ("http_status_code", Number)]),
    column(459, VARIABLE, Both, &[("http_method", Text), ("http_request_method", Text)]),
    column(460, VARIABLE, Both, &[("http_host", Text), ("http_request_host", Text)]),
    column(96, VARIABLE, Both, &[("app_name", Text)]),
    column(239, 1, Both, &[]),
    column(2, 8, Back(7), &[("dst_packets", Number)]),
    column(1, 8, Back(8), &[("dst_ip_bytes", Number)]),
    column(352, 8, Back(9), &[("dst_bytes", Number)]),
    column(6, 1, Back(6), &[("dst_tcp_flags", TcpFlags)]),
    column(5, 1, Back(5), &[("dst_tos", Number)]),
];

/// A value as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent<'a> {
    Number(u64),
    Address(IpAddr),
    Mac([u8; 6]),
    Text(&'a str),
}

/// Reads a value; None if it is not of the kind.
pub(super) fn read<'a>(how: Read, value: Value<'a>) -> Option<Sent<'a>> {
    let text = match value {
        Value::Str(text) => Some(text),
        _ => None,
    };
    Some(match how {
        Read::Number => Sent::Number(number(value)?),
        Read::Address => Sent::Address(text?.parse::<IpAddr>().ok()?.to_canonical()),
        Read::Mac => Sent::Mac(mac(text?)?),
        Read::Protocol => Sent::Number(match text {
            Some(name) => protocols::number(name)?.into(),
            None => number(value)?,
        }),
        Read::TcpFlags => Sent::Number(match text {
            Some(letters) => flags(letters)?,
            None => number(value)?,
        }),
        Read::EndReason => Sent::Number(match text {
            Some(name) => end_reason(name)?,
            None => number(value)?,
        }),
        Read::Time => Sent::Number(match text {
            Some(text) => u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()?,
            None => number(value)? / 1_000_000,
        }),
        Read::Millis => Sent::Number(number(value)?),
        Read::Text => Sent::Text(text?),
    })
}

pub(super) fn number(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Uint(n) => Some(n),
        Value::Int(n) => u64::try_from(n).ok(),
        // A processor may have made a float of a counter.
        Value::Float(n) if (0.0..9_007_199_254_740_992.0).contains(&n) && n.fract() == 0.0 => Some(n as u64),
        Value::Float(_) => None,
        Value::Bool(b) => Some(b.into()),
        Value::Str(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// Letters in any order; those of IPFIX's second byte are left out.
fn flags(letters: &str) -> Option<u64> {
    letters.bytes().try_fold(0, |bits, letter| {
        Some(match letter {
            b'.' | b'*' => bits,
            letter => bits | 1 << b"FSRPAUEC".iter().position(|l| *l == letter.to_ascii_uppercase())?,
        })
    })
}

fn end_reason(name: &str) -> Option<u64> {
    Some(match name {
        "idle" | "idle timeout" => 1,
        "active" | "active timeout" => 2,
        "end" | "end of flow" => 3,
        "forced" | "forced end" => 4,
        "evicted" | "lack of resources" => 5,
        number => number.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_lead_to_each_other() {
        for (i, column) in COLUMNS.iter().enumerate() {
            match column.way {
                One(other) => assert!(COLUMNS[other].way == One(i) || COLUMNS[other].way == Back(i), "column {i}"),
                Back(other) => {
                    assert_eq!(COLUMNS[other].way, One(i), "column {i}");
                    assert_eq!(COLUMNS[other].element, column.element, "column {i}");
                }
                Both => {}
            }
        }
        assert_eq!((COLUMNS[SRC].element.0, COLUMNS[DST].element.0, COLUMNS[NEXT_HOP].element.0), (8, 12, 15));
        assert_eq!((COLUMNS[FIRST].element.0, COLUMNS[LAST].element.0, COLUMNS[ICMP].element.0), (152, 153, 32));
        assert_eq!((COLUMNS[BIFLOW].element.0, COLUMNS[BACK_PACKETS].element.0), (239, 2));
    }

    #[test]
    fn values_of_each_kind() {
        let text = |how, text: &'static str| read(how, Value::Str(text));
        assert_eq!(text(Number, "0x1f"), Some(Sent::Number(31)));
        assert_eq!(read(Number, Value::Float(3.0)), Some(Sent::Number(3)));
        assert_eq!(read(Number, Value::Float(3.5)), None);
        assert_eq!(read(Number, Value::Int(-1)), None);
        assert_eq!(text(Address, "::ffff:10.0.0.1"), Some(Sent::Address([10, 0, 0, 1].into())));
        assert_eq!(text(Address, "host"), None);
        assert_eq!(text(Mac, "02:00:00:00:00:FF"), Some(Sent::Mac([2, 0, 0, 0, 0, 255])));
        assert_eq!((text(Mac, "02:00"), text(Mac, "02:00:00:00:00:00:00")), (None, None));
        assert_eq!((text(Protocol, "tcp"), text(Protocol, "17")), (Some(Sent::Number(6)), Some(Sent::Number(17))));
        assert_eq!(text(TcpFlags, "...AP.S."), Some(Sent::Number(0x1a)));
        assert_eq!(text(TcpFlags, ".......*....S..."), None.or(text(TcpFlags, "S")));
        assert_eq!(text(TcpFlags, "x"), None);
        assert_eq!((text(EndReason, "evicted"), text(EndReason, "9")), (Some(Sent::Number(5)), Some(Sent::Number(9))));
        assert_eq!(text(Time, "2026-01-02T03:04:05.678901Z"), Some(Sent::Number(1_767_323_045_678)));
        assert_eq!(read(Time, Value::Int(1_767_323_045_678_901_000)), Some(Sent::Number(1_767_323_045_678)));
        assert_eq!(text(Time, "yesterday"), None);
    }
}
