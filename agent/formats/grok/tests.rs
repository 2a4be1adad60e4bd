//! What lines become, and that every pattern means the same to the matcher and to the engine.

use super::parser::Grok;
use super::pattern::Patterns;
use crate::testing::{build, list, parse, random_texts, read, text};
use agent_api::options::Setting;
use agent_api::{Body, Collector, Parser};
use agent_golang::regexp::{Groups, Matcher, Regexp};

/// What patterns make of a document, without the times of reading.
fn grok(patterns: &[&str], document: &str) -> String {
    let lines =
        parse::<Grok>(document, &[("grok_patterns", list(patterns)), ("grok_unique_timestamp", text("disable"))]);
    let of_reading = 1_700_000_000_000_000_000i64;
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((rest, time)) if time.parse::<i64>().unwrap() > of_reading => rest.to_owned(),
        _ => line.to_owned(),
    };
    lines.lines().map(line).collect::<Vec<_>>().join("\n")
}

const ACCESS: &str = r#"192.168.7.12 - frank [10/Oct/2000:13:55:36 -0700] "GET /a%20b.gif?x=1 HTTP/1.1" 200 2326 "http://example.org/start" "Mozilla/5.0 (X11; Linux)""#;

#[test]
fn access_logs() {
    assert_eq!(
        grok(&["%{COMBINED_LOG_FORMAT}"], ACCESS),
        "test,resp_code=200,verb=GET client_ip=Str(\"192.168.7.12\"),ident=Str(\"-\"),auth=Str(\"frank\"),request=Str(\"/a%20b.gif?x=1\"),\
         http_version=Float(1.1),resp_bytes=Int(2326),referrer=Str(\"http://example.org/start\"),agent=Str(\"Mozilla/5.0 (X11; Linux)\") \
         971211336000000000"
    );
    let odd = r#"fe80::1 - - [10/Oct/2000:13:55:36 -0700] "\x16\x03" 400 -"#;
    assert_eq!(
        grok(&["%{COMMON_LOG_FORMAT}"], odd),
        "test,resp_code=400 client_ip=Str(\"fe80::1\"),ident=Str(\"-\"),auth=Str(\"-\") 971211336000000000"
    );
}

#[test]
fn words_of_the_library() {
    let cases = [
        ("^%{SECOND:s}$", "7", "s=Str(\"7\")"),
        ("^%{MONTH:m}$", "M\u{e4}rz", "m=Str(\"M\u{e4}rz\")"),
        ("^%{MONTH:m}$", "Okt", "m=Str(\"Okt\")"),
        ("^%{IPORHOST:h}", "2001:db8::1 x", "h=Str(\"2001:db8::1\")"),
        ("^%{SYSLOGPROG}: ", "kernel:sub(1): x", "program=Str(\"kernel:sub(1)\")"),
        ("^%{HTTPDUSER:u} ", "ann+x@example.org -", "u=Str(\"ann+x@example.org\")"),
        ("^%{URIPARAM:p}$", "?a=<b>", "p=Str(\"?a=<b>\")"),
    ];
    for (pattern, line, fields) in cases {
        assert_eq!(grok(&[pattern], line), format!("test {fields}"), "{pattern}");
    }
    let envoy = r#"[2024-05-06T07:08:09.123Z] "GET /a?b=c HTTP/2" 200 - 0 17 5 4 "10.0.0.1" "curl/8" "id-1" "example.org" "10.0.0.2:80""#;
    let got = grok(&["%{COMMONENVOYACCESSLOG}"], envoy);
    assert!(got.contains("uri_path=Str(\"/a\")") && got.contains("upstream_service=Str(\"10.0.0.2:80\")"), "{got}");
}

#[test]
fn firewalls() {
    let cases = [
        (
            "%{CISCO_TAGGED_SYSLOG} %{CISCOFW106023}",
            "<166>Jan  5 2023 09:29:13: %ASA-4-106023: Deny tcp src outside:10.1.2.3/4444 dst inside:192.168.0.1/22 by access-group \"out_in\" [0x0, 0x0]",
            "test syslog_pri=Str(\"166\"),timestamp=Str(\"Jan  5 2023 09:29:13\"),ciscotag=Str(\"ASA-4-106023\"),action=Str(\"Deny\"),protocol=Str(\"tcp\"),\
             src_interface=Str(\"outside\"),src_ip=Str(\"10.1.2.3\"),src_port=Str(\"4444\"),dst_interface=Str(\"inside\"),dst_ip=Str(\"192.168.0.1\"),\
             dst_port=Str(\"22\"),policy_id=Str(\"\\\"out_in\\\"\"),hashcode1=Str(\"0x0\"),hashcode2=Str(\"0x0\")",
        ),
        (
            "%{CISCOFW302013_302014_302015_302016}",
            "Teardown UDP connection 7 for outside:10.0.0.1/53 to inside:10.0.0.2/5353 duration 0:02:01 bytes 132",
            "test action=Str(\"Teardown\"),protocol=Str(\"UDP\"),connection_id=Str(\"7\"),src_interface=Str(\"outside\"),src_ip=Str(\"10.0.0.1\"),\
             src_port=Str(\"53\"),dst_interface=Str(\"inside\"),dst_ip=Str(\"10.0.0.2\"),dst_port=Str(\"5353\"),duration=Str(\"0:02:01\"),bytes=Str(\"132\")",
        ),
    ];
    for (pattern, line, want) in cases {
        assert_eq!(grok(&[pattern], line), want);
    }
}

#[test]
fn modifiers_make_types() {
    let cases = [
        ("a=%{NOTSPACE:a:int} b=%{NOTSPACE:b:float}", "a=0x1f b=1e3", "test a=Int(31),b=Float(1000.0)"),
        ("a=%{NUMBER:a:int}", "a=089", "test a=Int(89)"),
        ("%{NOTSPACE:d:duration} %{WORD:t:tag} %{WORD:x:drop}", "1m30s east z", "test,t=east d=Int(90000000000)"),
        ("%{WORD:kind:measurement} %{INT:n:int}", "pump 4", "pump n=Int(4)"),
        ("%{WORD::measurement} %{INT:n:int}", "pump 4", "pump n=Int(4)"),
        ("(?P<dir>[NSEW]+) (?P<g0>\\d+)", "NW 12", "test dir=Str(\"NW\"),g0=Str(\"12\")"),
        ("%{WORD:a.b-c}", "x", "test a.b-c=Str(\"x\")"),
        ("%{WORD:a} (%{WORD:b})?", "x ", "test a=Str(\"x\")"),
        ("%{QS:q}", "say \"a \\\" b\"", "test q=Str(\"\\\"a \\\\\\\" b\\\"\")"),
        ("%{WORD:a}|%{NUMBER:a}-", "-- 5-", "test a=Str(\"5\")"),
        ("%{NOTSPACE:u}", "größe", "test u=Str(\"größe\")"),
        ("100 %{WORD:w}%{x %", "100 ab%{x %", "test w=Str(\"ab\")"),
    ];
    for (pattern, line, want) in cases {
        assert_eq!(grok(&[pattern], line), want, "{pattern}");
    }
}

#[test]
fn times() {
    let cases = [
        (
            r#"%{DATA:t:ts-"2006-01-02 15:04:05.000"} x=%{INT:x:int}"#,
            "2000-10-10 20:55:36,250 x=1",
            971_211_336_250_000_000i64,
        ),
        ("%{DATA:t:ts-rfc1123} x=%{INT:x:int}", "Tue, 10 Oct 2000 20:55:36 UTC x=1", 971_211_336_000_000_000),
        ("%{DATA:t:ts} x=%{INT:x:int}", "Tue, 10 Oct 2000 13:55:36 -0700 x=1", 971_211_336_000_000_000),
        ("%{NUMBER:t:ts-epoch} x=%{INT:x:int}", "971211336.5 x=1", 971_211_336_500_000_000),
        ("%{NUMBER:t:ts-epochmilli} x=%{INT:x:int}", "971211336007 x=1", 971_211_336_007_000_000),
        ("%{NUMBER:t:ts-epochnano} x=%{INT:x:int}", "971211336000000007 x=1", 971_211_336_000_000_007),
    ];
    for (pattern, line, want) in cases {
        assert_eq!(grok(&[pattern], line), format!("test x=Int(1) {want}"), "{pattern}");
    }
    let zone = [
        ("grok_patterns", list(&[r#"%{DATA:t:ts-"2006-01-02 15:04"} x=%{INT:x:int}"#])),
        ("grok_timezone", text("Europe/Berlin")),
    ];
    assert_eq!(parse::<Grok>("2000-07-10 14:00 x=1", &zone), "test x=Int(1) 963230400000000000");
}

#[test]
fn equal_times_are_moved_apart() {
    let options = |how: &str| {
        [("grok_patterns", list(&["%{NOTSPACE:t:ts-epoch} %{INT:x:int}"])), ("grok_unique_timestamp", text(how))]
    };
    let times = |how: &str, document: &str| {
        let lines = parse::<Grok>(document, &options(how));
        lines.lines().map(|l| l.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    let second = 1_000_000_000;
    assert_eq!(times("disable", "5 1\n5 2"), [5 * second, 5 * second]);
    assert_eq!(
        times("auto", "5 1\n5 2\n5 3\n6 1"),
        [5 * second, 5 * second + 1_000_000, 5 * second + 2_000_000, 6 * second]
    );
    assert_eq!(times("auto", "5.25 1\n5.25 2"), [5_250_000_000, 5_250_001_000]);
    assert_eq!(times("auto", "5.123456 1\n5.123456 2"), [5_123_456_000, 5_123_456_001]);
    let many = times("auto", &"0 1\n".repeat(3000));
    assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn definitions_are_put_together() {
    let options = [
        ("grok_patterns", list(&["%{ROW}", "%{LATER:v:int}!"])),
        (
            "grok_custom_patterns",
            text("# of ours\n\n  ROW %{FIELDS} end\n FIELDS %{NUMBER:n:int},%{WORD:w:tag}\nLATER [0-9]+"),
        ),
    ];
    let mut parser = build::<Grok>(&options).unwrap();
    let (got, error) = read(&mut parser, "7,x end\n8!\nnothing\n");
    assert_eq!((got.matches("test,w=x n=Int(7)").count(), got.matches("test v=Int(8)").count()), (1, 1), "{got}");
    assert!(error.is_none());
}

#[test]
fn mistakes() {
    let error = |options: &[(&str, Setting)]| format!("{:#}", build::<Grok>(options).err().unwrap());
    let of = |pattern: &str| error(&[("grok_patterns", list(&[pattern]))]);
    assert!(of(" ").contains("no pattern"));
    assert!(of("%{NOPE:x}").contains("no pattern is named \"NOPE\""));
    assert!(of("%{WORD:x:wrod}").contains("\"wrod\" is no modifier"));
    assert!(of("%{WORD:x:ts-nope}").contains("\"ts-nope\" is no timestamp format"));
    assert!(of("%{NUMBER:a:ts-epoch} %{NUMBER:b:ts-epoch}").contains("timestamp"));
    assert!(of("(%{WORD:x}").contains("missing closing )"));
    let looped = [("grok_patterns", list(&["%{A:x}"])), ("grok_custom_patterns", text("A %{B}\nB %{A}%{A}"))];
    assert!(error(&looped).contains("without an end") || error(&looped).contains("bytes long"));
    let alone = [("grok_patterns", list(&["%{WORD:x}"])), ("grok_custom_patterns", text("LONELY"))];
    assert!(error(&alone).contains("line 1: \"LONELY\" is a name without a pattern"));
    let file = [("grok_patterns", list(&["%{WORD:x}"])), ("grok_custom_pattern_files", list(&["/no/such.grok"]))];
    assert!(error(&file).contains("/no/such.grok"));
}

#[test]
fn what_does_not_convert_is_left_out_and_told() {
    let mut parser = build::<Grok>(&[("grok_patterns", list(&["a=%{DATA:a:int} b=%{INT:b:int}"]))]).unwrap();
    let mut out = Collector::new();
    parser.parse(&Body::from("a=1.5 b=2\na=2 b=3\n".repeat(50)), &mut out).unwrap();
    let (errors, _) = out.take_errors();
    let batch = out.take();
    assert_eq!((batch.len(), batch.at(0).fields().count(), batch.at(1).fields().count()), (100, 1, 2));
    // One for all, and of the lines the first few.
    assert_eq!(errors.len(), 1);
    let error = errors[0].to_string();
    assert!(
        error.starts_with("line 1: read \"a\": parse \"1.5\": invalid syntax in \"a=1.5 b=2\"; line 3: "),
        "{error}"
    );
    assert!(error.ends_with("; and 45 more"), "{error}");
    parser.parse_line("a=x b=2", &mut out).unwrap();
    assert_eq!(out.take_errors().0.len(), 1);
}

/// Lines that the built-in patterns are for, and random ones that nearly are.
#[test]
fn the_library_means_the_same_to_matcher_and_engine() {
    let lines = [
        ACCESS,
        r#"host.example.org:443 a b [01/Jan/2024:00:00:00 +0000] "POST /x HTTP/2" 304 - "-" "-""#,
        "Dec 24 18:30:05 box sshd[77]: Accepted for 10.0.0.1 port 22",
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed",
        "[Fri Dec 24 18:30:05.123456 2021] [core:error] [pid 77:tid 12] [client 10.9.8.7:50123] AH00126: Invalid URI",
        "2021-12-24 18:30:05,123 ERROR /var/log/x.log C:\\dir\\file https://user@host:80/p/q?a=b 550e8400-e29b-41d4-a716-446655440000",
        "aa:bb:cc:dd:ee:ff 1234.5678.9abc 2001:db8::8:800:200c:417a ::ffff:1.2.3.4 fe80::1%eth0 'quoted' \"qu\\\"oted\" 0x1F -3.5e2 .5",
    ];
    let pieces = [
        "1", "22", ".", ":", " ", "-", "a", "f", "\"", "[", "]", "/", "Jan", "::", "é", "Mon", "200", "GET ", "\\", ",",
    ];
    let random: Vec<String> = random_texts(&pieces, 16, 40).collect();
    let patterns = Patterns::built_in();
    let mut groups = Groups::default();
    for (name, _) in super::library::patterns() {
        let expression = patterns.expand(&format!("%{{{name}:whole}}")).unwrap().expression;
        let (matcher, regexp) = (Matcher::compile(&expression).unwrap(), Regexp::compile(&expression).unwrap());
        for line in lines.iter().copied().chain(random.iter().map(String::as_str)) {
            let want = regexp.as_regex().captures(line).map(|captures| {
                let named = regexp.names().enumerate().filter(|(_, name)| name.is_some());
                named.map(|(i, _)| captures.get(i).map(|m| (m.start(), m.end()))).collect::<Vec<_>>()
            });
            let found = matcher.find(line, &mut groups).unwrap();
            let got = found.then(|| matcher.groups().map(|(_, slot)| groups.at(slot)).collect::<Vec<_>>());
            assert_eq!(got, want, "{name} on {line:?}");
        }
    }
}

#[test]
fn any_text_is_read_or_left() {
    let patterns = list(&[
        "%{COMBINED_LOG_FORMAT}",
        "%{WORD:a:int} %{DATA:t:ts} %{NUMBER:n:float}",
        "%{GREEDYDATA:all:duration}$",
    ]);
    let mut parser: Grok = build(&[("grok_patterns", patterns)]).unwrap();
    for document in random_texts(&["1", "a", " ", "\"", "[", "\n", "ä", "2006", "-", ".", ":"], 20, 3_000) {
        let _read = read(&mut parser, &document);
    }
}
