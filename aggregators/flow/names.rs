//! Names of protocols and of the services that use well-known ports, as IANA lists them.

/// The name of a protocol above IP in lower case; none if it is rare.
pub(super) fn protocol(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipv4",
        6 => "tcp",
        8 => "egp",
        9 => "igp",
        17 => "udp",
        27 => "rdp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        59 => "ipv6-nonxt",
        88 => "eigrp",
        89 => "ospf",
        97 => "etherip",
        103 => "pim",
        108 => "ipcomp",
        112 => "vrrp",
        115 => "l2tp",
        132 => "sctp",
        136 => "udplite",
        137 => "mpls-in-ip",
        _ => return None,
    })
}

/// The service of a port of TCP, UDP or SCTP.
pub(super) fn service(protocol: u8, port: u16) -> Option<&'static str> {
    if !matches!(protocol, 6 | 17 | 132) {
        return None;
    }
    let at = SERVICES.binary_search_by_key(&port, |(port, _)| *port).ok()?;
    Some(SERVICES[at].1)
}

/// Sorted by port.
const SERVICES: [(u16, &str); 74] = [
    (7, "echo"),
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (43, "whois"),
    (49, "tacacs"),
    (53, "domain"),
    (67, "bootps"),
    (68, "bootpc"),
    (69, "tftp"),
    (80, "http"),
    (88, "kerberos"),
    (110, "pop3"),
    (111, "sunrpc"),
    (119, "nntp"),
    (123, "ntp"),
    (135, "epmap"),
    (137, "netbios-ns"),
    (138, "netbios-dgm"),
    (139, "netbios-ssn"),
    (143, "imap"),
    (161, "snmp"),
    (162, "snmptrap"),
    (179, "bgp"),
    (389, "ldap"),
    (443, "https"),
    (445, "microsoft-ds"),
    (464, "kpasswd"),
    (465, "submissions"),
    (500, "isakmp"),
    (502, "mbap"),
    (514, "syslog"),
    (515, "printer"),
    (520, "router"),
    (546, "dhcpv6-client"),
    (547, "dhcpv6-server"),
    (554, "rtsp"),
    (587, "submission"),
    (631, "ipp"),
    (636, "ldaps"),
    (853, "domain-s"),
    (873, "rsync"),
    (989, "ftps-data"),
    (990, "ftps"),
    (993, "imaps"),
    (995, "pop3s"),
    (1080, "socks"),
    (1433, "ms-sql-s"),
    (1701, "l2f"),
    (1723, "pptp"),
    (1812, "radius"),
    (1813, "radius-acct"),
    (1883, "mqtt"),
    (2049, "nfs"),
    (2181, "eforward"),
    (3128, "ndl-aas"),
    (3260, "iscsi-target"),
    (3306, "mysql"),
    (3389, "ms-wbt-server"),
    (3478, "stun"),
    (4222, "vrml-multi-use"),
    (4500, "ipsec-nat-t"),
    (4789, "vxlan"),
    (5060, "sip"),
    (5061, "sips"),
    (5353, "mdns"),
    (5432, "postgresql"),
    (5672, "amqp"),
    (6379, "redis"),
    (8080, "http-alt"),
    (8883, "secure-mqtt"),
    (9418, "git"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_sorted() {
        assert!(SERVICES.is_sorted_by_key(|(port, _)| *port));
        assert_eq!((service(6, 443), service(1, 443), service(17, 1)), (Some("https"), None, None));
        assert_eq!((protocol(6), protocol(255)), (Some("tcp"), None));
    }
}
