//! What the numbers of exporters are called: flags, and the small registries of IPFIX.
//!
//! Names are those of IANA ("ip-parameters", "ipfix", "psamp-parameters") in the spelling that Telegraf's users have in their dashboards.

/// Options of IPv4 by number, as the bits of `ipv4Options` count them.
pub(super) const IPV4_OPTIONS: [&str; 32] = [
    "EOOL", "NOP", "SEC", "LSR", "TS", "E-SEC", "CIPSO", "RR", "SID", "SSR", "ZSU", "MTUP", "MTUR", "FINN", "VISA",
    "ENCODE", "IMITD", "EIP", "TR", "ADDEXT", "RTRALT", "SDB", "UA22", "DPS", "UMP", "QS", "UA26", "UA27", "UA28",
    "UA29", "EXP", "UA31",
];

/// Flags as letters at the places of their bits, a dot where a bit is not set: `letters` from the highest bit down.
pub(super) fn flags(bits: u8, letters: &[u8; 8]) -> [u8; 8] {
    std::array::from_fn(|i| if bits << i & 0x80 != 0 { letters[i] } else { b'.' })
}

pub(super) const TCP_FLAGS: &[u8; 8] = b"CEUAPRSF";
/// All flags of the second byte of IPFIX are reserved.
pub(super) const RESERVED_FLAGS: &[u8; 8] = b"********";
/// Reserved, don't fragment, more fragments.
pub(super) const FRAGMENT_FLAGS: &[u8; 8] = b"RDM*****";

pub(super) const MPLS_TYPES: &[&str] = &[
    "unknown",
    "TE-MIDPT",
    "Pseudowire",
    "VPN",
    "BGP",
    "LDP",
    "Path computation element",
    "OSPFv2",
    "OSPFv3",
    "IS-IS",
    "BGP segment routing Prefix-SID",
];
pub(super) const FIREWALL_EVENTS: &[&str] =
    &["ignore", "flow created", "flow deleted", "flow denied", "flow alert", "flow update"];
pub(super) const FLOW_END_REASONS: &[&str] =
    &["reserved", "idle timeout", "active timeout", "end of flow", "forced end", "lack of resources"];
pub(super) const ANONYMIZATION_TECHNIQUES: &[&str] = &[
    "undefined",
    "none",
    "precision degradation",
    "binning",
    "enumeration",
    "permutation",
    "structure permutation",
    "reverse truncation",
    "noise",
    "offset",
];
pub(super) const NAT_TYPES: &[&str] = &["unknown", "NAT44", "NAT64", "NAT46", "IPv4 no NAT", "NAT66", "IPv6 no NAT"];
pub(super) const SELECTOR_ALGORITHMS: &[&str] = &[
    "reserved",
    "systematic count-based sampling",
    "systematic time-based sampling",
    "random n-out-of-N sampling",
    "uniform probabilistic sampling",
    "property match filtering",
    "hash based filtering using BOB",
    "hash based filtering using IPSX",
    "hash based filtering using CRC",
    "flow-state dependent",
];
pub(super) const VALUE_DISTRIBUTIONS: &[&str] = &[
    "unspecified",
    "start interval",
    "end interval",
    "mid interval",
    "simple uniform distribution",
    "proportional uniform distribution",
    "simulated process",
    "direct",
];

/// Why a packet was forwarded or not: the whole byte of `forwardingStatus`.
pub(super) fn forwarding_reason(status: u8) -> &'static str {
    const FORWARDED: &[&str] = &["unknown", "fragmented", "not fragmented"];
    const DROPPED: &[&str] = &[
        "unknown",
        "ACL deny",
        "ACL drop",
        "unroutable",
        "adjacency",
        "fragmentation and DF set",
        "bad header checksum",
        "bad total length",
        "bad header length",
        "bad TTL",
        "policer",
        "WRED",
        "RPF",
        "for us",
        "bad output interface",
        "hardware",
    ];
    const CONSUMED: &[&str] =
        &["unknown", "terminate punt adjacency", "terminate incomplete adjacency", "terminate for us"];
    let names = [&["unknown"], FORWARDED, DROPPED, CONSUMED][usize::from(status >> 6)];
    names.get(usize::from(status & 0x3f)).copied().unwrap_or("invalid")
}

/// Ethernet types, for sampled frames.
pub(super) fn ethernet_type(number: u16) -> &'static str {
    match number {
        0..0x600 => "LLC",
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x2000 => "CiscoDiscovery",
        0x6558 => "TransparentEthernetBridging",
        0x8100 | 0x88a8 => "Dot1Q",
        0x86dd => "IPv6",
        0x880b => "PPP",
        0x8847 => "MPLSUnicast",
        0x8848 => "MPLSMulticast",
        0x8863 => "PPPoEDiscovery",
        0x8864 => "PPPoESession",
        0x888e => "EAPOL",
        0x88be => "ERSPAN Type II",
        0x88cc => "LinkLayerDiscovery",
        0x9000 => "EthernetCTP",
        _ => "UnknownEthernetType",
    }
}

/// What kind of header a sampled one is (sFlow version 5).
pub(super) fn sampled_protocol(number: u32) -> &'static str {
    const NAMES: [&str; 13] = [
        "ETHERNET-ISO8023",
        "ISO88024-TOKENBUS",
        "ISO88025-TOKENRING",
        "FDDI",
        "FRAME-RELAY",
        "X25",
        "PPP",
        "SMDS",
        "AAL5",
        "AAL5-IP",
        "IPv4",
        "IPv6",
        "MPLS",
    ];
    let index = number.checked_sub(1).and_then(|i| usize::try_from(i).ok());
    index.and_then(|i| NAMES.get(i)).copied().unwrap_or("unassigned")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_at_their_bits() {
        assert_eq!(&flags(0b0001_1000, TCP_FLAGS), b"...AP...");
        assert_eq!(&flags(0xff, TCP_FLAGS), b"CEUAPRSF");
        assert_eq!(&flags(0x40, FRAGMENT_FLAGS), b".D......");
    }

    #[test]
    fn reasons_of_each_status() {
        let reasons = [0, 1, 64, 66, 67, 128, 143, 144, 195, 196].map(forwarding_reason);
        let expected = [
            "unknown",
            "invalid",
            "unknown",
            "not fragmented",
            "invalid",
            "unknown",
            "hardware",
            "invalid",
            "terminate for us",
            "invalid",
        ];
        assert_eq!(reasons, expected);
    }
}
