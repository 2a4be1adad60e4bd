//! What the protocols above IP are called.
//!
//! Names are those of IANA's registry "protocol-numbers" in small letters, as Telegraf's users have them in their dashboards.

/// Protocols of IP by number; what is not assigned has no name.
const PROTOCOLS: [&str; 145] = [
    "hopopt",
    "icmp",
    "igmp",
    "ggp",
    "ipv4",
    "st",
    "tcp",
    "cbt",
    "egp",
    "igp",
    "bbn-rcc-mon",
    "nvp-ii",
    "pup",
    "argus",
    "emcon",
    "xnet",
    "chaos",
    "udp",
    "mux",
    "dcn-meas",
    "hmp",
    "prm",
    "xns-idp",
    "trunk-1",
    "trunk-2",
    "leaf-1",
    "leaf-2",
    "rdp",
    "irtp",
    "iso-tp4",
    "netblt",
    "mfe-nsp",
    "merit-inp",
    "dccp",
    "3pc",
    "idpr",
    "xtp",
    "ddp",
    "idpr-cmtp",
    "tp++",
    "il",
    "ipv6",
    "sdrp",
    "ipv6-route",
    "ipv6-frag",
    "idrp",
    "rsvp",
    "gre",
    "dsr",
    "bna",
    "esp",
    "ah",
    "i-nlsp",
    "swipe (deprecated)",
    "narp",
    "mobile",
    "tlsp",
    "skip",
    "ipv6-icmp",
    "ipv6-nonxt",
    "ipv6-opts",
    "host internal",
    "cftp",
    "local network",
    "sat-expak",
    "kryptolan",
    "rvd",
    "ippc",
    "distributed fs",
    "sat-mon",
    "visa",
    "ipcv",
    "cpnx",
    "cphb",
    "wsn",
    "pvp",
    "br-sat-mon",
    "sun-nd",
    "wb-mon",
    "wb-expak",
    "iso-ip",
    "vmtp",
    "secure-vmtp",
    "vines",
    "iptm",
    "nsfnet-igp",
    "dgp",
    "tcf",
    "eigrp",
    "ospfigp",
    "sprite-rpc",
    "larp",
    "mtp",
    "ax.25",
    "ipip",
    "micp (deprecated)",
    "scc-sp",
    "etherip",
    "encap",
    "private encryption scheme",
    "gmtp",
    "ifmp",
    "pnni",
    "pim",
    "aris",
    "scps",
    "qnx",
    "a/n",
    "ipcomp",
    "snp",
    "compaq-peer",
    "ipx-in-ip",
    "vrrp",
    "pgm",
    "0-hop",
    "l2tp",
    "ddx",
    "iatp",
    "stp",
    "srp",
    "uti",
    "smp",
    "sm (deprecated)",
    "ptp",
    "isis over ipv4",
    "fire",
    "crtp",
    "crudp",
    "sscopmce",
    "iplt",
    "sps",
    "pipe",
    "sctp",
    "fc",
    "rsvp-e2e-ignore",
    "mobility header",
    "udplite",
    "mpls-in-ip",
    "manet",
    "hip",
    "shim6",
    "wesp",
    "rohc",
    "ethernet",
    "aggfrag",
];

/// The name of a protocol; None if it has none and goes by its number.
#[must_use]
pub fn name(number: u8) -> Option<&'static str> {
    match number {
        253 | 254 => Some("experimental"),
        255 => Some("reserved"),
        _ => PROTOCOLS.get(usize::from(number)).copied(),
    }
}

/// The number of a protocol, from its name in any case (also of those by which everybody knows it), or from its number in digits.
#[must_use]
pub fn number(name: &str) -> Option<u8> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    match name {
        "icmp6" | "icmpv6" => return Some(58),
        "ospf" => return Some(89),
        _ => {}
    }
    (0..=u8::MAX).find(|n| self::name(*n).is_some_and(|known| known.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_stand_at_their_numbers() {
        let known = [
            (0, "hopopt"),
            (1, "icmp"),
            (6, "tcp"),
            (17, "udp"),
            (41, "ipv6"),
            (47, "gre"),
            (50, "esp"),
            (58, "ipv6-icmp"),
            (84, "iptm"),
            (89, "ospfigp"),
            (94, "ipip"),
            (112, "vrrp"),
            (115, "l2tp"),
            (132, "sctp"),
            (137, "mpls-in-ip"),
            (144, "aggfrag"),
            (254, "experimental"),
            (255, "reserved"),
        ];
        for (number, expected) in known {
            assert_eq!(name(number), Some(expected));
        }
        assert_eq!((name(145), name(252)), (None, None));
    }

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for n in 0..=u8::MAX {
            let text = name(n).map_or_else(|| n.to_string(), str::to_owned);
            // Two numbers are for experiments.
            assert_eq!(number(&text), Some(if n == 254 { 253 } else { n }));
        }
        assert_eq!((number("TCP"), number("none"), number("256")), (Some(6), None, None));
        assert_eq!((number("ospf"), number("icmp6")), (Some(89), Some(58)));
    }
}
