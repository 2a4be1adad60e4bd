//! Patterns of messages of firewalls: Cisco's ASA by the number of the message, and NetScreen's log of sessions.
//!
//! Source: Cisco's "ASA Series Syslog Messages". Most messages name two ends of a connection in one of a few forms, so they are put
//! together from those; the keys are the ones that Logstash gives them.

/// The patterns as (name, pattern).
pub(super) fn patterns() -> impl Iterator<Item = (&'static str, String)> {
    let parts = PARTS.iter().map(|&(name, pattern)| (name, pattern.to_owned()));
    parts.chain(MESSAGES.iter().map(|&(name, message)| (name, expand(message))))
}

const PARTS: &[(&str, &str)] = &[
    ("CISCOTIMESTAMP", "%{MONTH} +%{MONTHDAY}(?: %{YEAR})? %{TIME}"),
    ("CISCOTAG", "[A-Z0-9]+-%{INT}-[A-Z0-9_]+"),
    (
        "CISCO_TAGGED_SYSLOG",
        "^<%{POSINT:syslog_pri}>%{CISCOTIMESTAMP:timestamp}(?: %{SYSLOGHOST:sysloghost})?: %%{CISCOTAG:ciscotag}:",
    ),
    (
        "CISCO_ACTION",
        "Built|Teardown|Deny|Denied|denied|requested|permitted|denied by ACL|discarded|est-allowed|Dropping|created|deleted",
    ),
    (
        "CISCO_REASON",
        r"Duplicate TCP SYN|Failed to locate egress interface|Invalid transport field|No matching connection|DNS Response|DNS Query|(?:%{WORD}\s*)*",
    ),
    ("CISCO_DIRECTION", "[Ii]nbound|[Oo]utbound"),
    ("CISCO_INTERVAL", "first hit|%{INT}-second interval"),
    ("CISCO_XLATE_TYPE", "static|dynamic"),
    (
        "NETSCREENSESSIONLOG",
        "%{SYSLOGTIMESTAMP:date} %{IPORHOST:device} %{IPORHOST}: NetScreen device_id=%{WORD:device_id}%{DATA}: start_time=%{QUOTEDSTRING:start_time} \
         duration=%{INT:duration} policy_id=%{INT:policy_id} service=%{DATA:service} proto=%{INT:proto} src zone=%{WORD:src_zone} dst zone=%{WORD:dst_zone} \
         action=%{WORD:action} sent=%{INT:sent} rcvd=%{INT:rcvd} src=%{IPORHOST:src_ip} dst=%{IPORHOST:dst_ip} src_port=%{INT:src_port} dst_port=%{INT:dst_port} \
         src-xlated ip=%{IPORHOST:src_xlated_ip} port=%{INT:src_xlated_port} dst-xlated ip=%{IPORHOST:dst_xlated_ip} port=%{INT:dst_xlated_port} \
         session_id=%{INT:session_id} reason=%{GREEDYDATA:reason}",
    ),
];

/// Messages in a short form: `<action>`, `<direction>`, `<protocol>` and `<reason>` are what their names say, `<at:X>` is interface and
/// address of the end X, `<ip:X>` its address, `<port:X>` a slash and its port, `<user:X>` a user in parentheses who may be missing.
const MESSAGES: &[(&str, &str)] = &[
    (
        "CISCOFW106001",
        "<direction> <protocol> connection <action> from <ip:src><port:src> to <ip:dst><port:dst> flags %{GREEDYDATA:tcp_flags} on interface %{GREEDYDATA:interface}",
    ),
    (
        "CISCOFW106006_106007_106010",
        "<action> <direction> <protocol> (?:from|src) <ip:src><port:src><user:src> (?:to|dst) <ip:dst><port:dst><user:dst> (?:on interface %{DATA:interface}|due to <reason>)",
    ),
    (
        "CISCOFW106014",
        r"<action> <direction> <protocol> src <at:src><user:src> dst <at:dst><user:dst> \(type %{INT:icmp_type}, code %{INT:icmp_code}\)",
    ),
    (
        "CISCOFW106015",
        r"<action> <protocol> \(%{DATA:policy_id}\) from <ip:src><port:src> to <ip:dst><port:dst> flags %{DATA:tcp_flags} +on interface %{GREEDYDATA:interface}",
    ),
    (
        "CISCOFW106021",
        "<action> <protocol> reverse path check from <ip:src> to <ip:dst> on interface %{GREEDYDATA:interface}",
    ),
    (
        "CISCOFW106023",
        r"<action> <protocol> src <at:src>(?:<port:src>)?<user:src> dst <at:dst>(?:<port:dst>)?<user:dst>(?: \(type %{INT:icmp_type}, code %{INT:icmp_code}\))? by access-group %{DATA:policy_id} \[%{DATA:hashcode1}, %{DATA:hashcode2}\]",
    ),
    (
        "CISCOFW106100",
        r"access-list %{WORD:policy_id} <action> <protocol> %{DATA:src_interface}/<ip:src>\(%{INT:src_port}\)<user:src> -> %{DATA:dst_interface}/<ip:dst>\(%{INT:dst_port}\)<user:src> hit-cnt %{INT:hit_count} %{CISCO_INTERVAL:interval} \[%{DATA:hashcode1}, %{DATA:hashcode2}\]",
    ),
    ("CISCOFW110002", "<reason> for <protocol> from <at:src><port:src> to <ip:dst><port:dst>"),
    ("CISCOFW302010", "%{INT:connection_count} in use, %{INT:connection_count_max} most used"),
    (
        "CISCOFW302013_302014_302015_302016",
        r"<action>(?: <direction>)? <protocol> connection %{INT:connection_id} for <at:src><port:src>(?: \(%{IP:src_mapped_ip}/%{INT:src_mapped_port}\))?<user:src> to <at:dst><port:dst>(?: \(%{IP:dst_mapped_ip}/%{INT:dst_mapped_port}\))?<user:dst>(?: duration %{TIME:duration} bytes %{INT:bytes})?(?: <reason>)?(?: \(%{DATA:user}\))?",
    ),
    (
        "CISCOFW302020_302021",
        r"<action>(?: <direction>)? <protocol> connection for faddr <ip:dst>/%{INT:icmp_seq_num}(?:\(%{DATA:fwuser}\))? gaddr %{IP:src_xlated_ip}/%{INT:icmp_code_xlated} laddr <ip:src>/%{INT:icmp_code}(?: \(%{DATA:user}\))?",
    ),
    (
        "CISCOFW305011",
        "<action> %{CISCO_XLATE_TYPE:xlate_type} <protocol> translation from <at:src>(?:<port:src>)?<user:src> to %{DATA:src_xlated_interface}:%{IP:src_xlated_ip}/%{DATA:src_xlated_port}",
    ),
    (
        "CISCOFW313001_313004_313008",
        "<action> <protocol> type=%{INT:icmp_type}, code=%{INT:icmp_code} from <ip:src> on interface %{DATA:interface}(?: to <ip:dst>)?",
    ),
    (
        "CISCOFW313005",
        r"<reason> for <protocol> error message: %{WORD:err_protocol} src <at:err_src><user:err_src> dst <at:err_dst><user:err_dst> \(type %{INT:err_icmp_type}, code %{INT:err_icmp_code}\) on %{DATA:interface} interface\. +Original IP payload: <protocol> src <ip:orig_src><port:orig_src><user:orig_src> dst <ip:orig_dst><port:orig_dst><user:orig_dst>",
    ),
    (
        "CISCOFW402117",
        r"<protocol>: Received a non-IPSec packet \(protocol= %{WORD:orig_protocol}\) from <ip:src> to <ip:dst>",
    ),
    (
        "CISCOFW402119",
        r"<protocol>: Received an %{WORD:orig_protocol} packet \(SPI= %{DATA:spi}, sequence number= %{DATA:seq_num}\) from <ip:src> \(user= %{DATA:user}\) to <ip:dst> that failed anti-replay checking",
    ),
    (
        "CISCOFW419001",
        "<action> <protocol> packet from <at:src><port:src> to <at:dst><port:dst>, reason: %{GREEDYDATA:reason}",
    ),
    ("CISCOFW419002", "<reason> from <at:src><port:src> to <at:dst><port:dst> with different initial sequence number"),
    ("CISCOFW500004", "<reason> for protocol=<protocol>, from <ip:src><port:src> to <ip:dst><port:dst>"),
    (
        "CISCOFW602303_602304",
        r"<protocol>: An <direction> %{GREEDYDATA:tunnel_type} SA \(SPI= %{DATA:spi}\) between <ip:src> and <ip:dst> \(user= %{DATA:user}\) has been <action>",
    ),
    (
        "CISCOFW710001_710002_710003_710005_710006",
        "<protocol> (?:request|access) <action> from <ip:src><port:src> to <at:dst><port:dst>",
    ),
    (
        "CISCOFW713172",
        r"Group = %{GREEDYDATA:group}, IP = <ip:src>, Automatic NAT Detection Status:\s+Remote end\s*%{DATA:is_remote_natted}\s*behind a NAT device\s+This\s+end\s*%{DATA:is_local_natted}\s*behind a NAT device",
    ),
    (
        "CISCOFW733100",
        r"\[\s*%{DATA:drop_type}\s*\] drop %{DATA:drop_rate_id} exceeded. Current burst rate is %{INT:drop_rate_current_burst} per second, max configured rate is %{INT:drop_rate_max_burst}; Current average rate is %{INT:drop_rate_current_avg} per second, max configured rate is %{INT:drop_rate_max_avg}; Cumulative total count is %{INT:drop_total_count}",
    ),
];

/// A message with its short forms written out.
fn expand(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('<') {
        let (form, after) = after.split_once('>').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&match form.split_once(':') {
            Some(("at", end)) => format!("%{{DATA:{end}_interface}}:%{{IP:{end}_ip}}"),
            Some(("ip", end)) => format!("%{{IP:{end}_ip}}"),
            Some(("port", end)) => format!("/%{{INT:{end}_port}}"),
            Some((_, end)) => format!(r"(?:\(%{{DATA:{end}_fwuser}}\))?"),
            None if form == "protocol" => "%{WORD:protocol}".to_owned(),
            None => format!("%{{CISCO_{}:{form}}}", form.to_uppercase()),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}
