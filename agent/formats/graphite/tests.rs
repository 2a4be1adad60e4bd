//! Lines both ways.

use super::*;
use crate::testing::{build, list, parse, random_texts, read, text, write};
use agent_api::options::Setting;
use agent_api::*;

type Options<'a> = &'a [(&'a str, Setting)];

#[test]
fn lines_become_metrics() {
    let cases: &[(&str, Options<'_>, &str)] = &[
        ("\r\na 1 1600000000\r\n\n  b.c\t2 \n", &[], "a value=Float(1.0) 1600000000000000000\nb.c value=Float(2.0) 0"),
        ("a 1 1600000000.5\nb 1 -1", &[], "a value=Float(1.0) 1600000000500000000\nb value=Float(1.0) 0"),
        ("m.f;host=h2;x;=y;z=;a!b=1;c=~d;e=f=g 2 5", &[], "m.f,host=h2 value=Float(2.0) 5000000000"),
        (
            "h1.load;host=tag;dc=eu 1 1",
            &[("templates", list(&["host.measurement"]))],
            "load,dc=eu,host=tag value=Float(1.0) 1000000000",
        ),
        (
            "disk.h1.sda.read.bytes 5 1",
            &[("templates", list(&["measurement.host.dev.field*"])), ("separator", text("_"))],
            "disk,dev=sda,host=h1 read_bytes=Float(5.0) 1000000000",
        ),
    ];
    for (document, options, want) in cases {
        assert_eq!(parse::<Graphite>(document, options), *want, "{document}");
    }
    let mut parser: Graphite = build(&[]).unwrap();
    let (got, error) = read(&mut parser, "a\nb x\nc 1 y\nd 1 2 3\ne 1 1e300\nf 1 1");
    assert_eq!(got, "f value=Float(1.0) 1000000000");
    assert!(
        error
            .unwrap()
            .starts_with("line 1: expected path and value in \"a\"; line 2: the value is no number in \"b x\"")
    );
    assert!(build::<Graphite>(&[("templates", list(&["host.field"]))]).is_err());
}

fn sample() -> Batch {
    let mut batch = Batch::new();
    let m = batch
        .metric("tram")
        .tag("host", "h.1")
        .tag("line", "7")
        .tag("stop", "Old Mill")
        .field("load", 0.75)
        .field("value", 9i64);
    drop(m.field("open", true).field("note", "x").field("nan", f64::NAN).time(1_600_000_000_999_999_999));
    batch
}

#[test]
fn metrics_become_lines() {
    let cases: &[(Options<'_>, &[&str])] = &[
        (&[], &["h_1.7.Old_Mill.tram.load 0.75", "h_1.7.Old_Mill.tram 9", "h_1.7.Old_Mill.tram.open 1"]),
        (
            &[("template", text("line.none.measurement.tags.field")), ("prefix", text("p"))],
            &["p.7.tram.h_1.Old_Mill.load 0.75", "p.7.tram.h_1.Old_Mill 9", "p.7.tram.h_1.Old_Mill.open 1"],
        ),
        (
            &[("templates", list(&["tr* measurement.line.field", "host"]))],
            &["tram.7.load 0.75", "tram.7 9", "tram.7.open 1"],
        ),
        (
            &[("graphite_tag_support", Setting::Bool(true)), ("graphite_separator", text("_"))],
            &[
                "tram_load;host=h.1;line=7;stop=Old_Mill 0.75",
                "tram;host=h.1;line=7;stop=Old_Mill 9",
                "tram_open;host=h.1;line=7;stop=Old_Mill 1",
            ],
        ),
        (
            &[
                ("graphite_tag_support", Setting::Bool(true)),
                ("graphite_tag_sanitize_mode", text("compatible")),
                ("graphite_strict_sanitize_regex", text("[a-m]")),
            ],
            &[
                "tr__._o__;host=h.1;line=7;stop=Old Mill 0.75",
                "tr__;host=h.1;line=7;stop=Old Mill 9",
                "tr__.op_n;host=h.1;line=7;stop=Old Mill 1",
            ],
        ),
    ];
    for (options, want) in cases {
        let want: String = want.iter().map(|line| format!("{line} 1600000000\n")).collect();
        assert_eq!(write::<Writer>(&sample(), options), want);
    }
    for (option, value) in [
        ("graphite_strict_sanitize_regex", text("[a-")),
        ("graphite_tag_sanitize_mode", text("odd")),
        ("templates", list(&["a b c"])),
    ] {
        assert!(build::<Writer>(&[(option, value)]).is_err(), "{option}");
    }
}

#[test]
fn random_texts_never_panic_and_what_was_written_reads_back() {
    let mut parser: Graphite = build(&[]).unwrap();
    for document in random_texts(&["a", ".", ";", "=", " ", "1", "-", "\n", "ä", "~", "/", "\\"], 14, 20_000) {
        let _read = read(&mut parser, &document);
        let mut batch = Batch::new();
        drop(
            batch
                .metric(&format!("m{document}"))
                .tag("t", &format!("v{document}"))
                .field("value", 1.5)
                .time(5_000_000_000),
        );
        let line = write::<Writer>(&batch, &[("graphite_tag_support", Setting::Bool(true))]);
        let (got, error) = read(&mut parser, &line);
        assert!(error.is_none() && got.ends_with(" value=Float(1.5) 5000000000"), "{line:?}: {got} {error:?}");
    }
}
