//! Messages both ways, and streams in pieces of every size.

use super::*;

const R5: Standard = Standard::Rfc5424;
/// 2026-11-21 00:00:00 UTC.
const NOW: i64 = 1_795_219_200_000_000_000;

fn good(text: &str) -> Message<'_> {
    Message::parse(text.as_bytes(), R5).unwrap_or_else(|e| panic!("{text}: {}", e.fault))
}

fn broken(bytes: &[u8]) -> (Option<Box<Message<'_>>>, String) {
    let broken = Message::parse(bytes, R5).unwrap_err();
    (broken.read, broken.fault.to_string())
}

fn old(text: &str) -> Result<Message<'_>, Broken<'_>> {
    Message::parse(text.as_bytes(), Standard::Rfc3164 { now: NOW, lines: false })
}

#[test]
fn a_whole_message() {
    let m = good(
        r#"<165>1 2003-10-11T22:14:15.003-07:00 own.example evntslog 77 ID47 [a@1 iut="3" s="A\"B\]\\\n"][b] \u{1F600} text"#,
    );
    assert_eq!((m.facility(), m.severity(), m.version), (20, 5, Some(1)));
    assert_eq!(m.timestamp, Some(1_065_935_655_003_000_000));
    assert_eq!(
        (m.hostname, m.appname, m.procid, m.msgid),
        (Some("own.example"), Some("evntslog"), Some("77"), Some("ID47"))
    );
    assert_eq!(m.data[0].id, "a@1");
    assert_eq!(m.data[0].params, [("iut", "3".into()), ("s", "A\"B]\\\\n".into())]);
    assert_eq!(m.data[1], Element { id: "b", params: Vec::new() });
    assert_eq!(m.text.as_deref(), Some("\\u{1F600} text"));
}

#[test]
fn parts_that_are_not_given() {
    let m = good("<0>999 - - - - - -");
    assert_eq!(m, Message { version: Some(999), ..Message::default() });
    assert_eq!(good("<1>1 - - - - - - \u{feff}x\n").text.as_deref(), Some("x\n"));
    assert_eq!(good("<1>1 - -- - - - - ").hostname, Some("--"));
}

#[test]
fn what_stands_before_a_fault_is_kept() {
    for (text, version, fault) in [
        ("", None, "expecting a priority value within angle brackets [col 0]"),
        ("<192>1", None, "expecting a priority value in the range 1-191 or equal to 0 [col 1]"),
        ("<01>1 ", None, "expecting a priority value in the range 1-191 or equal to 0 [col 1]"),
        ("<1>01 ", None, "expecting a version value in the range 1-999 [col 3]"),
        ("<1>2", Some(2), "parsing error [col 4]"),
        ("<1>217 <11>1 - -", Some(217), "expecting a RFC3339MICRO timestamp or a nil value [col 7]"),
        ("<1>1 2024-13-01T00:00:00Z ", Some(1), "expecting a RFC3339MICRO timestamp or a nil value [col 5]"),
        ("<1>1 - - - - - - ", Some(1), ""),
        ("<1>1 - - - - - x", Some(1), "expecting structured data"),
        ("<1>1 - - - - - [", Some(1), "parsing error [col 16]"),
        ("<1>1 - - - - - [a][a]", Some(1), "duplicate structured data element id [col 19]"),
        ("<1>1 - - - - - [a b=\"c]", Some(1), "expecting a structured data parameter"),
    ] {
        match Message::parse(text.as_bytes(), R5) {
            Ok(m) => assert!(fault.is_empty() && m.version == version, "{text}"),
            Err(e) => {
                assert_eq!(e.read.and_then(|m| m.version), version, "{text}");
                assert!(!fault.is_empty() && e.fault.to_string().starts_with(fault), "{text}: {}", e.fault);
            }
        }
    }
    for (rest, data) in [
        ("[a x=\"1\"", "a"),
        ("[a x=\"1\" y=\"2", "a x=1"),
        ("[a x=\"1\" y]", "a"),
        ("[a x=\"1\"y=\"2\"]", "a"),
        ("[a x=\"1\"]z", "a x=1"),
        ("[a x=\"1\"][b ", "a x=1 b"),
        ("[a x=\"1\"][b", "a x=1"),
        ("[a x=\"1\"][=", ""),
    ] {
        let line = format!("<1>1 - h a p m {rest}");
        let (read, _) = broken(line.as_bytes());
        let data_of = |e: &Element<'_>| {
            let params: Vec<String> = e.params.iter().map(|(k, v)| format!(" {k}={v}")).collect();
            format!("{}{}", e.id, params.concat())
        };
        let got: Vec<String> = read.unwrap().data.iter().map(data_of).collect();
        assert_eq!(got.join(" "), data, "{rest}");
    }
    for (cut, host, app) in [
        ("<1>1 - ho", None, None),
        ("<1>1 - host ap", Some("host"), None),
        ("<1>1 - host app ", Some("host"), Some("app")),
    ] {
        let read = broken(cut.as_bytes()).0.unwrap();
        assert_eq!((read.hostname, read.appname), (host, app), "{cut}");
    }
    let (read, _) = broken(b"<1>1 2024-05-06T07:08:09Zx h a p m -");
    assert_eq!(read.unwrap().timestamp, Some(1_714_979_289_000_000_000));
    let (read, _) = broken(b"<165>1 - host app 1 ID [a x=\"1\" y=");
    let read = read.unwrap();
    assert_eq!((read.hostname, read.msgid), (Some("host"), Some("ID")));
    assert_eq!(read.data[0].params, [("x", "1".into())]);
}

#[test]
fn limits_of_the_header() {
    for (max, part) in [(255, "hostname"), (48, "app-name"), (128, "procid"), (32, "msgid")] {
        let header = |len: usize| {
            let at = ["hostname", "app-name", "procid", "msgid"].iter().position(|p| *p == part).unwrap();
            let mut parts = vec!["-".to_owned(); 4];
            parts[at] = "a".repeat(len);
            format!("<1>1 - {} -", parts.join(" "))
        };
        good(&header(max));
        let long = header(max + 1);
        let (_, fault) = broken(long.as_bytes());
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn the_older_standard() {
    let m = old("<34>Oct 11 22:14:15 mymachine su: 'su root' failed").unwrap();
    assert_eq!((m.facility(), m.severity(), m.version), (4, 2, None));
    assert_eq!(m.timestamp, Some(1_791_756_855_000_000_000));
    assert_eq!((m.hostname, m.appname, m.procid), (Some("mymachine"), Some("su"), None));
    assert_eq!(m.text.as_deref(), Some("'su root' failed"));
    let m = old("<13>Feb  5 17:32:18 10.0.0.99 cron[42]: a\tb: c\n").unwrap();
    assert_eq!((m.appname, m.procid, m.text.as_deref()), (Some("cron"), Some("42"), Some("a\tb: c")));
    let m = old("<13>2026-02-05T17:32:18.5+01:00 h no tag here: x").unwrap();
    assert_eq!((m.appname, m.text.as_deref()), (None, Some("no tag here: x")));
    assert_eq!(m.timestamp, Some(1_770_309_138_500_000_000));
}

#[test]
fn hosts_and_tags_of_the_older_standard_may_be_missing_or_odd() {
    for (rest, host, app, id, text) in [
        ("su: fail", None, Some("su"), None, "fail"),
        ("app[123]: text", None, Some("app"), Some("123"), "text"),
        ("h  app:  x", Some("h"), Some("app"), None, " x"),
        ("h app:x y", Some("h"), Some("app"), None, "app:x y"),
        ("h app[12] x", Some("h"), Some("app"), Some("12"), "12] x"),
        ("h app[a b]: x", Some("h"), Some("app"), Some("a b"), "x"),
        ("h app[]: x", Some("h"), Some("app"), None, "x"),
        ("h -: d", Some("h"), None, None, "d"),
        ("- app: x", None, Some("app"), None, "x"),
        ("h [x]: y", Some("h"), None, None, "[x]: y"),
        ("h %ASA-1-2: y", Some("h"), Some("%ASA-1-2"), None, "y"),
        ("::1 app: y", None, None, None, "::1 app: y"),
        ("h\u{e9} app: x", None, None, None, "h\u{e9} app: x"),
        ("host", None, None, None, "host"),
    ] {
        let line = format!("<13> Feb  5 17:32:18  {rest}");
        let m = old(&line).unwrap();
        assert_eq!((m.hostname, m.appname, m.procid, m.text.as_deref()), (host, app, id, Some(text)), "{rest}");
    }
    for bad in [
        "<13>Feb  5 17:32:18",
        "<13>Feb  5 17:32:18 ",
        "<13>Feb  5 17:32:18x h app: y",
        "<13>Feb  5 17:32:18 h a\u{1}b",
    ] {
        assert!(old(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_year_is_that_of_the_clock_but_at_its_turn() {
    let at = |text: &str, now: i64| {
        Message::parse(text.as_bytes(), Standard::Rfc3164 { now, lines: false }).unwrap().timestamp
    };
    // The clock stands on the first of January 2026, then on the last of December.
    let (first, last) = (1_767_225_600_000_000_000, 1_798_675_200_000_000_000);
    assert_eq!(at("<1>Dec 31 23:59:59 h x", first), Some(first - 1_000_000_000));
    assert_eq!(at("<1>Jan  1 00:00:00 h x", last), Some(1_798_761_600_000_000_000));
    assert!(old("<1>Feb 30 00:00:00 h x").is_err());
}

#[test]
fn line_ends_in_the_older_standard() {
    let text = b"<13>Feb  5 17:32:18 h app: one\ntwo";
    let strict = Message::parse(text, Standard::Rfc3164 { now: NOW, lines: false }).unwrap_err();
    assert_eq!(strict.read.unwrap().text.as_deref(), Some("one"));
    assert!(strict.fault.to_string().starts_with("expecting a content part"));
    let m = Message::parse(text, Standard::Rfc3164 { now: NOW, lines: true }).unwrap();
    assert_eq!(m.text.as_deref(), Some("one\ntwo"));
}

#[test]
fn drafts_are_read_again() {
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let odd =
        ["", "-", "a", "a b", "]", "\"", "\\", "=", "é", "x\ny", "app[1]:", "0123456789012345678901234567890123456789"];
    for _ in 0..5000 {
        let mut pick = || odd[next(odd.len())];
        let parts = [pick(), pick(), pick(), pick(), pick(), pick(), pick(), pick()];
        let (facility, severity) = (next(24) as u8, next(8) as u8);
        let mut draft = Draft::new(facility, severity).unwrap();
        draft.timestamp(next(1 << 31) as i64 * 3_000_000_007);
        draft.hostname(parts[0]);
        draft.appname(parts[1]);
        draft.procid(parts[2]);
        draft.msgid(parts[3]);
        draft.param(parts[4], parts[5], parts[6].to_owned());
        draft.text(parts[7]);
        let mut out = String::new();
        draft.write(&mut out);
        let m = good(&out);
        assert_eq!((m.facility(), m.severity()), (facility, severity));
        assert_eq!(m.text.as_deref().unwrap_or_default(), parts[7], "{out}");
        if is_name(parts[4]) && is_name(parts[5]) {
            assert_eq!(m.data, [Element { id: parts[4], params: vec![(parts[5], parts[6].into())] }], "{out}");
        }
        let printable = |t: &str| !t.is_empty() && t != "-" && t.bytes().all(|b| b.is_ascii_graphic());
        assert_eq!(m.hostname, Some(parts[0]).filter(|t| printable(t)), "{out}");
    }
    assert!(Draft::new(24, 0).is_none() && Draft::new(23, 8).is_none());
}

#[test]
fn anything_can_be_parsed() {
    let samples = [
        "<165>1 2003-10-11T22:14:15.003-07:00 own.example app 77 ID47 [a@1 iut=\"3\" s=\"A\\\"B\"][b] text",
        "<34>Oct 11 22:14:15 mymachine su[7]: 'su root' failed",
    ];
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for i in 0..20_000 {
        let mut bytes = samples[i % 2].as_bytes().to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = next(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        for standard in [R5, Standard::Rfc3164 { now: NOW, lines: true }] {
            if let Err(e) = Message::parse(&bytes, standard) {
                assert!(e.fault.column <= bytes.len());
            }
        }
    }
}

/// The pieces of a stream that comes in parts of `step` bytes, and its error.
fn cut(framing: Framing, stream: &[u8], step: usize) -> (Vec<String>, Option<String>) {
    let (mut splitter, mut buffer, mut pieces) = (Splitter::new(framing), Vec::new(), Vec::new());
    for part in stream.chunks(step) {
        buffer.extend_from_slice(part);
        loop {
            match splitter.next(&buffer) {
                Ok((0, _)) => break,
                Ok((taken, piece)) => {
                    match piece {
                        Some(Piece::Message(at)) => pieces.push(String::from_utf8_lossy(&buffer[at]).into_owned()),
                        Some(Piece::TooLong(len)) => pieces.push(format!("too long: {len}")),
                        None => {}
                    }
                    buffer.drain(..taken);
                }
                Err(e) => return (pieces, Some(e)),
            }
        }
    }
    pieces.extend(splitter.last(&buffer).map(|(at, _)| String::from_utf8_lossy(&buffer[at]).into_owned()));
    (pieces, None)
}

#[test]
fn streams_are_cut_the_same_in_any_pieces() {
    let counted = Framing::OctetCounting { max: 10 };
    let lines = Framing::Trailer(b'\n');
    for step in 1..30 {
        assert_eq!(cut(counted, b"3 abc5 d\nfgh\n2 ij", step).0, ["abc", "d\nfgh", "ij"]);
        assert_eq!(cut(counted, b"11 abcdefghijk3 abc", step).0, ["too long: 11", "abc"]);
        assert_eq!(cut(counted, b"3 abc9 de", step).0, ["abc", "de"]);
        let (pieces, error) = cut(counted, b"3 abcx 2", step);
        assert_eq!(pieces, ["abc"]);
        assert!(error.unwrap().contains("expecting the length"));
        assert_eq!(cut(lines, b"a\n\nb c\nd", step).0, ["a", "b c", "d"]);
        assert_eq!(cut(Framing::Trailer(0), b"a\nb\0c\0", step).0, ["a\nb", "c"]);
    }
    for bad in ["0 ", "012 a", "12345678901 a", " 1 a", "a"] {
        assert!(cut(counted, bad.as_bytes(), 1).1.is_some(), "{bad}");
    }
}

#[test]
fn texts_of_several_lines_are_whole_where_they_come_together() {
    let lines = Framing::Trailer(b'\n');
    assert_eq!(cut(lines, b"<1>a\nb\n\n<2>c\n<3>d\n", 100).0, ["<1>a\nb", "<2>c", "<3>d"]);
    assert_eq!(cut(lines, b"<1>a\nb", 100).0, ["<1>a\nb"]);
    assert_eq!(cut(lines, b"a\nb\n<1>c\n", 100).0, ["a", "b", "<1>c"]);
    // What comes later is a message of its own.
    assert_eq!(cut(lines, b"<1>a\nb\n", 5).0, ["<1>a", "b"]);
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let mut stream = vec![b'x'; 3 * TOO_LONG];
    stream.extend_from_slice(b"\nshort\n");
    let (pieces, error) = cut(Framing::Trailer(b'\n'), &stream, 64 << 10);
    assert!(error.is_none() && pieces.len() == 2 && pieces[0].starts_with("too long") && pieces[1] == "short");
}
