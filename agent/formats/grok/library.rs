//! The patterns that need no definition: words, numbers, addresses, times and well-known log formats.
//!
//! The names are those of Logstash's core patterns and of Telegraf, and so is what they match; those that need a look behind or
//! ahead, which Go's regular expressions do not have, are written without. The last table has modifiers as Telegraf's has.

use super::firewalls;

/// All built-in patterns as (name, pattern).
pub(super) fn patterns() -> impl Iterator<Item = (&'static str, String)> {
    let tables = [WORDS, NETWORK, PATHS, TIMES, SYSLOG, HTTP, APPLICATIONS, TELEGRAF];
    let plain = tables.into_iter().flatten().map(|&(name, pattern)| (name, pattern.to_owned()));
    plain.chain([("IPV6", ipv6())]).chain(firewalls::patterns())
}

const WORDS: &[(&str, &str)] = &[
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", r".*?"),
    ("GREEDYDATA", r".*"),
    ("QUOTEDSTRING", r#""(?:[^"\\]*(?:\\.[^"\\]*)*)"|'(?:[^'\\]*(?:\\.[^'\\]*)*)'"#),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[[:xdigit:]]{8}(?:-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}"),
    ("USERNAME", r"[\w.-]+"),
    ("USER", "%{USERNAME}"),
    // The characters from + to = are letters of the left side, too.
    ("EMAILLOCALPART", r"[a-zA-Z][\w+-=]+"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("HTTPDUSER", "%{EMAILADDRESS}|%{USER}"),
    ("INT", r"[+-]?\d+"),
    ("POSINT", r"\b[1-9]\d*\b"),
    ("NONNEGINT", r"\b\d+\b"),
    ("BASE10NUM", r"[+-]?\d+(?:\.\d+)?|\.\d+"),
    ("NUMBER", "%{BASE10NUM}"),
    ("BASE16NUM", "0[xX]?[[:xdigit:]]+"),
    (
        "LOGLEVEL",
        "[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|[Ww]arn?(?:ing)?|WARN?(?:ING)?|[Ee]rr?(?:or)?|\
         ERR?(?:OR)?|[Cc]rit?(?:ical)?|CRIT?(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?",
    ),
];

const NETWORK: &[(&str, &str)] = &[
    ("CISCOMAC", r"[[:xdigit:]]{4}(?:\.[[:xdigit:]]{4}){2}"),
    ("WINDOWSMAC", "[[:xdigit:]]{2}(?:-[[:xdigit:]]{2}){5}"),
    ("COMMONMAC", "[[:xdigit:]]{2}(?::[[:xdigit:]]{2}){5}"),
    ("MAC", "%{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}"),
    ("IPV4", r"(?:(?:25[0-5]|2[0-4]\d|[01]?\d\d?)\.){3}(?:25[0-5]|2[0-4]\d|[01]?\d\d?)"),
    ("IP", "%{IPV6}|%{IPV4}"),
    ("HOSTNAME", r"\b[[:alnum:]][[:alnum:]-]{0,62}(?:\.[[:alnum:]][[:alnum:]-]{0,62})*(?:\.?|\b)"),
    ("HOST", "%{HOSTNAME}"),
    ("IPORHOST", "%{IP}|%{HOSTNAME}"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
];

/// An address of IPv6: so many groups, a gap, and so many groups or an IPv4 address, and a zone (RFC 4291, RFC 4007).
fn ipv6() -> String {
    const GROUP: &str = "[[:xdigit:]]{1,4}";
    const DOTTED: &str = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}";
    let mut ways = vec![format!("(?:{GROUP}:){{7}}(?:{GROUP}|:)"), format!("(?:{GROUP}:){{6}}(?::{GROUP}|{DOTTED}|:)")];
    for before in (0..=5).rev() {
        let begin = if before == 0 { ":".to_owned() } else { format!("(?:{GROUP}:){{{before}}}") };
        let (behind, dotted) = (7 - before, 5 - before);
        ways.push(format!("{begin}(?:(?::{GROUP}){{1,{behind}}}|(?::{GROUP}){{0,{dotted}}}:{DOTTED}|:)"));
    }
    format!("(?:{})(?:%.+)?", ways.join("|"))
}

const PATHS: &[(&str, &str)] = &[
    ("PATH", "%{UNIXPATH}|%{WINPATH}"),
    ("UNIXPATH", r"/[\w%!$@:.,-]?/?\S*"),
    ("WINPATH", r"(?:[A-Za-z]:|\\)(?:\\[^\\?*]*)+"),
    ("TTY", r"/dev/(?:pts|tty[pq]?)\w*/?\d+"),
    ("URIPROTO", r"[A-Za-z]+(?:\+[A-Za-z+]+)?"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT:port})?"),
    ("URIPATH", r"(?:/[\w$.+!*'(){},~:;=@#%-]*)+"),
    ("URIPARAM", r"\?[\w$.+!*'|(){},~@#%&/=:;?<>\[\]-]*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", "%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
];

const TIMES: &[(&str, &str)] = &[
    (
        "MONTH",
        // English names and German ones, short and in full.
        r"\b(?:Jan(?:uary?)?|Feb(?:ruary?)?|M[a\x{e4}]?r(?:ch|z)?|Apr(?:il)?|Ma[iy]?|Jun[ei]?|July?|Aug(?:ust)?|Sep(?:tember)?|O[ck]?t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?)\b",
    ),
    ("MONTHNUM", "0?[1-9]|1[0-2]"),
    ("MONTHNUM2", "0[1-9]|1[0-2]"),
    ("MONTHDAY", r"0[1-9]|[12]\d|3[01]|[1-9]"),
    ("DAY", "Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"),
    ("YEAR", r"(?:\d\d){1,2}"),
    ("HOUR", r"2[0-3]|[01]?\d"),
    ("MINUTE", r"[0-5]\d"),
    // The 60th second is a leap second.
    ("SECOND", r"(?:[0-5]?\d|60)(?:[:.,]\d+)?"),
    // A character before and behind is taken in unless it is a digit.
    ("TIME", r"[^0-9]?%{HOUR}:%{MINUTE}:%{SECOND}[^0-9]?"),
    ("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", "%{DATE_US}|%{DATE_EU}"),
    ("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    ("TZ", "[PMCE][SD]T|UTC"),
    ("ISO8601_TIMEZONE", "Z|[+-]%{HOUR}(?::?%{MINUTE})"),
    ("ISO8601_SECOND", "%{SECOND}|60"),
    ("TIMESTAMP_ISO8601", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?"),
    ("DATESTAMP_RFC822", "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"),
    ("DATESTAMP_RFC2822", "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}"),
    ("DATESTAMP_OTHER", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"),
    ("DATESTAMP_EVENTLOG", "%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}"),
    ("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("HTTPDERROR_DATE", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}"),
];

const SYSLOG: &[(&str, &str)] = &[
    // Whatever can be seen but brackets.
    ("PROG", r"[!-Z\\^-~]+"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid}\])?"),
    ("SYSLOGHOST", "%{IPORHOST}"),
    ("SYSLOGFACILITY", "<%{NONNEGINT:facility}.%{NONNEGINT:priority}>"),
    ("SYSLOGBASE", "%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:"),
    (
        "SYSLOGBASE2",
        "(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp8601}) (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    ),
    ("SYSLOGLINE", "%{SYSLOGBASE2} %{GREEDYDATA:message}"),
    (
        "SYSLOGPAMSESSION",
        r"%{SYSLOGBASE} %{WORD:pam_module}\(%{DATA:pam_caller}\): session %{WORD:pam_session_state} for user %{USERNAME:username}(?: by %{GREEDYDATA:pam_by})?",
    ),
    ("CRON_ACTION", "[A-Z ]+"),
    ("CRONLOG", r"%{SYSLOGBASE} \(%{USER:user}\) %{CRON_ACTION:action} \(%{DATA:message}\)"),
    ("SYSLOG5424PRI", "<%{NONNEGINT:syslog5424_pri}>"),
    ("SYSLOG5424SD", r"\[%{DATA}\]+"),
    (
        "SYSLOG5424BASE",
        "%{SYSLOG5424PRI}%{NONNEGINT:syslog5424_ver} +(?:%{TIMESTAMP_ISO8601:syslog5424_ts}|-) +(?:%{HOSTNAME:syslog5424_host}|-) +\
         (?:%{WORD:syslog5424_app}|-) +(?:%{WORD:syslog5424_proc}|-) +(?:%{WORD:syslog5424_msgid}|-) +(?:%{SYSLOG5424SD:syslog5424_sd}|-|)",
    ),
    ("SYSLOG5424LINE", "%{SYSLOG5424BASE} +%{GREEDYDATA:syslog5424_msg}"),
    (
        "AUDIT",
        r"type=%{WORD:audit_type} msg=audit\(%{NUMBER:audit_epoch}:%{NUMBER:audit_counter}\): user pid=%{NUMBER:audit_pid} uid=%{NUMBER:audit_uid} auid=%{NUMBER:audit_audid} subj=%{WORD:audit_subject} msg=%{GREEDYDATA:audit_message}",
    ),
    (
        "AUDITLOGIN",
        r"type=%{WORD:audit_type} msg=audit\(%{NUMBER:audit_epoch}:%{NUMBER:audit_counter}\): login pid=%{NUMBER:audit_pid} uid=%{NUMBER:audit_uid} old auid=%{NUMBER:old_auid} new auid=%{NUMBER:new_auid} old ses=%{NUMBER:old_ses} new ses=%{NUMBER:new_ses}",
    ),
];

const HTTP: &[(&str, &str)] = &[
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{USER:auth} \[%{HTTPDATE:timestamp}\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" %{NUMBER:response} (?:%{NUMBER:bytes}|-)"#,
    ),
    ("COMBINEDAPACHELOG", "%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}"),
    (
        "NGINXACCESS",
        r#"%{IPORHOST:clientip} %{NGUSER:ident} %{NGUSER:auth} \[%{HTTPDATE:timestamp}\] "%{WORD:verb} %{URIPATHPARAM:request} HTTP/%{NUMBER:httpversion}" %{NUMBER:response} +(?:%{NUMBER:bytes}|-) (?:"(?:%{URI:referrer}|-)"|%{QS:referrer}) %{QS:agent} %{QS:xforwardedfor} %{IPORHOST:host} %{BASE10NUM:request_duration}"#,
    ),
    (
        "COMMONENVOYACCESSLOG",
        r#"\[%{TIMESTAMP_ISO8601:timestamp}\] "%{DATA:method} (?:%{URIPATH:uri_path}(?:%{URIPARAM:uri_param})?|%{DATA}) %{DATA:protocol}" %{NUMBER:status_code} %{DATA:response_flags} %{NUMBER:bytes_received} %{NUMBER:bytes_sent} %{NUMBER:duration} (?:%{NUMBER:upstream_service_time}|%{DATA:tcp_service_time}) "%{DATA:forwarded_for}" "%{DATA:user_agent}" "%{DATA:request_id}" "%{DATA:authority}" "%{DATA:upstream_service}""#,
    ),
    ("HAPROXYTIME", "%{HOUR:haproxy_hour}:%{MINUTE:haproxy_minute}:%{SECOND:haproxy_second}"),
    (
        "HAPROXYDATE",
        "%{MONTHDAY:haproxy_monthday}/%{MONTH:haproxy_month}/%{YEAR:haproxy_year}:%{HAPROXYTIME:haproxy_time}.%{INT:haproxy_milliseconds}",
    ),
    ("HAPROXYCAPTUREDREQUESTHEADERS", "%{DATA:captured_request_headers}"),
    ("HAPROXYCAPTUREDRESPONSEHEADERS", "%{DATA:captured_response_headers}"),
    (
        "HAPROXYHTTP",
        r#"%{SYSLOGTIMESTAMP:syslog_timestamp} %{IPORHOST:syslog_server} %{SYSLOGPROG}: %{IP:client_ip}:%{INT:client_port} \[%{HAPROXYDATE:accept_date}\] %{NOTSPACE:frontend_name} %{NOTSPACE:backend_name}/%{NOTSPACE:server_name} %{INT:time_request}/%{INT:time_queue}/%{INT:time_backend_connect}/%{INT:time_backend_response}/%{NOTSPACE:time_duration} %{INT:http_status_code} %{NOTSPACE:bytes_read} %{DATA:captured_request_cookie} %{DATA:captured_response_cookie} %{NOTSPACE:termination_state} %{INT:actconn}/%{INT:feconn}/%{INT:beconn}/%{INT:srvconn}/%{NOTSPACE:retries} %{INT:srv_queue}/%{INT:backend_queue} (?:\{%{HAPROXYCAPTUREDREQUESTHEADERS}\})? ?(?:\{%{HAPROXYCAPTUREDRESPONSEHEADERS}\})? ?"(?:<BADREQ>|%{WORD:http_verb} (?:%{URIPROTO:http_proto}://)?(?:%{USER:http_user}(?::[^@]*)?@)?(?:%{URIHOST:http_host})?(?:%{URIPATHPARAM:http_request})?(?: HTTP/%{NUMBER:http_version})?)?""#,
    ),
    (
        "HAPROXYTCP",
        r"%{SYSLOGTIMESTAMP:syslog_timestamp} %{IPORHOST:syslog_server} %{SYSLOGPROG}: %{IP:client_ip}:%{INT:client_port} \[%{HAPROXYDATE:accept_date}\] %{NOTSPACE:frontend_name} %{NOTSPACE:backend_name}/%{NOTSPACE:server_name} %{INT:time_queue}/%{INT:time_backend_connect}/%{NOTSPACE:time_duration} %{NOTSPACE:bytes_read} %{NOTSPACE:termination_state} %{INT:actconn}/%{INT:feconn}/%{INT:beconn}/%{INT:srvconn}/%{NOTSPACE:retries} %{INT:srv_queue}/%{INT:backend_queue}",
    ),
];

const APPLICATIONS: &[(&str, &str)] = &[
    ("JAVACLASS", r"(?:[a-z-]+\.)+[A-Za-z0-9]+"),
    ("JAVAFILE", r"[\w.-]+"),
    ("JAVASTACKTRACEPART", r"at %{JAVACLASS:class}\.%{WORD:method}\(%{JAVAFILE:file}:%{NUMBER:line}\)"),
    ("REDISTIMESTAMP", "%{MONTHDAY} %{MONTH} %{TIME}"),
    ("REDISLOG", r"\[%{POSINT:pid}\] %{REDISTIMESTAMP:timestamp} \* "),
    ("RUBY_LOGLEVEL", "DEBUG|FATAL|ERROR|WARN|INFO"),
    ("RUBY_LOGGER", r"[DFEWI], \[%{TIMESTAMP_ISO8601} #%{POSINT:pid}\] *%{RUBY_LOGLEVEL} -- : %{DATA:message}"),
];

const TELEGRAF: &[(&str, &str)] = &[
    ("DURATION", "%{NUMBER}[nuµm]?s"),
    ("RESPONSE_CODE", "%{NUMBER:response_code:tag}"),
    ("RESPONSE_TIME", "%{DURATION:response_time_ns:duration}"),
    (
        "EXAMPLE_LOG",
        r"\[%{HTTPDATE:ts:ts-httpd}\] %{NUMBER:myfloat:float} %{RESPONSE_CODE} %{IPORHOST:clientip} %{RESPONSE_TIME}",
    ),
    ("NGUSERNAME", r"[a-zA-Z0-9.@+_%-]+"),
    ("NGUSER", "%{NGUSERNAME}"),
    ("CLIENT", "%{IPV6}|%{IPV4}|%{HOSTNAME}|%{HOSTPORT}"),
    (
        "COMMON_LOG_FORMAT",
        r#"%{CLIENT:client_ip} %{NOTSPACE:ident} %{NOTSPACE:auth} \[%{HTTPDATE:ts:ts-httpd}\] "(?:%{WORD:verb:tag} %{NOTSPACE:request}(?: HTTP/%{NUMBER:http_version:float})?|%{DATA})" %{NUMBER:resp_code:tag} (?:%{NUMBER:resp_bytes:int}|-)"#,
    ),
    ("COMBINED_LOG_FORMAT", r#"%{COMMON_LOG_FORMAT} "%{DATA:referrer}" "%{DATA:agent}""#),
    (
        "HTTPD20_ERRORLOG",
        r"\[%{HTTPDERROR_DATE:timestamp}\] \[%{LOGLEVEL:loglevel:tag}\] (?:\[client %{IPORHOST:clientip}\] ){0,1}%{GREEDYDATA:errormsg}",
    ),
    (
        "HTTPD24_ERRORLOG",
        r"\[%{HTTPDERROR_DATE:timestamp}\] \[%{WORD:module}:%{LOGLEVEL:loglevel:tag}\] \[pid %{POSINT:pid:int}:tid %{NUMBER:tid:int}\](?: \(%{POSINT:proxy_errorcode:int}\)%{DATA:proxy_errormessage}:)?(?: \[client %{IPORHOST:client}:%{POSINT:clientport}\])? %{DATA:errorcode}: %{GREEDYDATA:message}",
    ),
    ("HTTPD_ERRORLOG", "%{HTTPD20_ERRORLOG}|%{HTTPD24_ERRORLOG}"),
];
