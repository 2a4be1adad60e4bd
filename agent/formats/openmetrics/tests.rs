//! What is read, in both versions and both forms.

use super::*;
use crate::testing::{build, random_texts, read};
use crate::wire::{put_bytes, put_double, put_number};
use agent_api::options::Setting;
use agent_api::*;

fn parse(n: i64, document: &str) -> (String, Option<String>) {
    read(&mut build::<OpenMetrics>(&[("openmetrics_metric_version", Setting::Int(n))]).unwrap(), document)
}

const PAGE: &str = r##"# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds Time.
wait_seconds_bucket{gate="a",le="0.5"} 4 1600000000.123 # {trace_id="abc"} 0.3 1600000000.1
wait_seconds_bucket{gate="a",le="+Inf"} 11 1600000000.123
wait_seconds_sum{gate="a"} 21.5 1600000000.123
wait_seconds_count{gate="a"} 11 1600000000.123
wait_seconds_created{gate="a"} 1500000000.5 1600000000.123
# TYPE size summary
size{quantile="0.5"} 3
size_count 2
# TYPE hits counter
hits_total{k="v"} 7
hits_created{k="v"} 5
hits_odd{k="v"} 9
hits_total{k="w"} NaN
# TYPE level gauge
level 1.5
level_other 2
# TYPE build info
build_info{version="1"} 1
# TYPE door stateset
door{door="half open",room="r"} 1
door{door="shut",room="r"} 0
# TYPE g gaugehistogram
g_bucket{le="1"} 1
g_gsum 2
g_gcount 3
plain{e=""} 4
# EOF
"##;

#[test]
fn version_one() {
    let (lines, error) = parse(1, PAGE);
    assert_eq!(error, None);
    assert_eq!(
        lines,
        "wait_seconds,gate=a,unit=seconds count=Float(11.0),sum=Float(21.5),created=Float(1500000000.5),0.5=Float(4.0),+Inf=Float(11.0) \
         1600000000123000000
size count=Float(2.0),0.5=Float(3.0) 0
hits,k=v counter=Float(7.0) 0
level gauge=Float(1.5) 0
level_other value=Float(2.0) 0
build,version=1 info=Uint(1) 0
door,room=r half_open=Bool(true),shut=Bool(false) 0
g count=Float(3.0),sum=Float(2.0),1=Float(1.0) 0
plain value=Float(4.0) 0"
    );
}

#[test]
fn version_two() {
    let (lines, error) = parse(0, PAGE);
    assert_eq!(error, None);
    assert_eq!(
        lines,
        "openmetric,gate=a,unit=seconds wait_seconds_count=Float(11.0),wait_seconds_sum=Float(21.5),wait_seconds_created=Float(1500000000.5) \
         1600000000123000000
openmetric,gate=a,le=0.5,unit=seconds wait_seconds_bucket=Float(4.0) 1600000000123000000
openmetric,gate=a,le=+Inf,unit=seconds wait_seconds_bucket=Float(11.0) 1600000000123000000
openmetric size_count=Float(2.0) 0
openmetric,quantile=0.5 size=Float(3.0) 0
openmetric,k=v hits=Float(7.0) 0
openmetric level=Float(1.5) 0
openmetric level_other=Float(2.0) 0
openmetric,version=1 build_info=Uint(1) 0
openmetric,room=r door_half_open=Bool(true) 0
openmetric,room=r door_shut=Bool(false) 0
openmetric g_count=Float(3.0),g_sum=Float(2.0) 0
openmetric,le=1 g_bucket=Float(1.0) 0
openmetric,le=+Inf g_bucket=Float(3.0) 0
openmetric plain=Float(4.0) 0"
    );
}

#[test]
fn points_of_several_times_are_several_metrics() {
    let document = "# TYPE c counter\nc_total 1 1\nc_total 2 2\n# EOF";
    assert_eq!(
        parse(1, document),
        ("c counter=Float(1.0) 1000000000\nc counter=Float(2.0) 2000000000".to_owned(), None)
    );
    let options = [("openmetrics_ignore_timestamp", Setting::Bool(true))];
    let (lines, _) = read(&mut build::<OpenMetrics>(&options).unwrap(), "a 1 5\n# EOF\n");
    assert_eq!(lines, "openmetric a=Float(1.0) 0");
}

#[test]
fn nothing_is_taken_of_a_document_with_a_mistake() {
    for (bad, cause) in [
        ("\n", "line 2: a line is blank"),
        ("# comment\n", "line 2: a comment is none of HELP, TYPE, UNIT and EOF"),
        ("# TYPE b what\n", "line 2: a type is none of those of OpenMetrics"),
        ("# UNIT b seconds\n", "line 2: a unit is not the last part of the name"),
        ("# TYPE  gauge\n", "line 2: a family has no name"),
        ("b one\n", "line 2: a value or time is no number"),
        ("b 1 NaN\n", "line 2: a time is out of range"),
        ("b 1 1e300\n", "line 2: a time is out of range"),
        ("b 1 2 3\n", "line 2: there is more than value and time behind a sample"),
        ("b 1 # x\n", "line 2: an exemplar has no labels"),
        ("b{c=\"d} 1\n", "line 2: a quote is not closed"),
        ("# TYPE h histogram\nh_bucket 1\n", "line 3: a sample has no label for its bucket or quantile"),
        ("# TYPE s stateset\ns 1\n", "line 3: a sample of a stateset has no label with its state"),
        ("# EOF\nb 1\n", "line 3: there is more behind # EOF"),
    ] {
        let (lines, error) = parse(1, &format!("a 1\n{bad}# EOF\n"));
        assert_eq!(lines, "", "{bad}");
        assert!(error.as_ref().is_some_and(|e| e.starts_with(cause)), "{bad}: {error:?}");
    }
    let (lines, error) = parse(1, "a 1\n");
    assert_eq!((lines.as_str(), error.as_deref()), ("", Some("the document does not end with # EOF")));
    assert!(build::<OpenMetrics>(&[("openmetrics_metric_version", Setting::Int(3))]).is_err());
}

/// A family of one metric with the label `k` and one point.
fn family(name: &str, kind: u64, field: u8, value: &[u8]) -> Vec<u8> {
    let (mut label, mut stamp, mut point, mut metric, mut family, mut set) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    put_bytes(1, b"k", &mut label);
    put_bytes(2, b"v", &mut label);
    put_number(1, 1_600_000_000, &mut stamp);
    put_number(2, 5, &mut stamp);
    put_bytes(field, value, &mut point);
    put_bytes(8, &stamp, &mut point);
    put_bytes(1, &label, &mut metric);
    put_bytes(2, &point, &mut metric);
    put_bytes(1, name.as_bytes(), &mut family);
    put_number(2, kind, &mut family);
    put_bytes(3, b"u", &mut family);
    put_bytes(5, &metric, &mut family);
    put_bytes(1, &family, &mut set);
    set
}

#[test]
fn protocol_buffers() {
    let message = |write: fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    let nested = |field: u8, write: fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        put_bytes(field, &message(write), &mut out);
        out
    };
    let mut histogram = message(|m| put_double(1, 2.5, m));
    histogram.extend(message(|m| put_number(3, 7, m)));
    histogram.extend(nested(4, |m| put_number(1, 9, m)));
    histogram.extend(nested(5, |m| {
        put_number(1, 3, m);
        put_double(2, 0.5, m);
    }));
    let mut summary = message(|m| put_number(2, 4, m));
    summary.extend(nested(5, |m| {
        put_double(1, 0.9, m);
        put_double(2, 8.0, m);
    }));
    let mut states = nested(1, |m| {
        put_number(1, 1, m);
        put_bytes(2, b"half open", m);
    });
    states.extend(nested(1, |m| put_bytes(2, b"shut", m)));
    let info = nested(1, |m| {
        put_bytes(1, b"version", m);
        put_bytes(2, b"1", m);
    });
    let families = [
        family("un", 0, 1, &message(|m| put_number(2, -3i64 as u64, m))),
        family("ga", 1, 2, &message(|m| put_double(1, 0.5, m))),
        family("co", 2, 3, &message(|m| put_number(2, 6, m))),
        family("st", 3, 5, &states),
        family("in", 4, 6, &info),
        family("hi", 5, 4, &histogram),
        family("gh", 6, 4, &histogram),
        family("su", 7, 7, &summary),
    ];
    let document = families.concat();
    let mut parser = build::<OpenMetrics>(&[("openmetrics_metric_version", Setting::Int(1))]).unwrap();
    let mut out = Collector::new();
    parser.parse(&Body::new(document.clone()), &mut out).unwrap();
    let lines: Vec<String> = out.take().iter().map(|m| format!("{m:?}").replace(" 1600000000000000005", "")).collect();
    assert_eq!(
        lines,
        [
            "un,k=v,unit=u value=Float(-3.0)",
            "ga,k=v,unit=u gauge=Float(0.5)",
            "co,k=v,unit=u counter=Float(6.0)",
            "st,k=v,unit=u half_open=Bool(true),shut=Bool(false)",
            "in,k=v,unit=u,version=1 info=Uint(1)",
            "hi,k=v,unit=u count=Float(7.0),sum=Float(2.5),created=Float(9.0),0.5=Float(3.0)",
            "gh,k=v,unit=u count=Float(7.0),sum=Float(2.5),created=Float(9.0),0.5=Float(3.0)",
            "su,k=v,unit=u count=Float(0.0),sum=Float(4.0),0.9=Float(8.0)",
        ]
    );
    let cut = Body::new(document[..document.len() - 4].to_vec());
    let mut out = Collector::new();
    assert!(parser.parse(&cut, &mut out).is_err() && out.batch().is_empty());
}

#[test]
fn arbitrary_text_never_panics_and_errors_are_told() {
    let parts = [
        "a",
        "_total",
        "{",
        "}",
        "\"",
        "=",
        ",",
        " ",
        "\n",
        "# TYPE a ",
        "histogram",
        "stateset",
        "le=\"1\"",
        "_bucket",
        "_sum",
        "1",
        "NaN",
        "é",
        "# UNIT a_b b",
        "# EOF\n",
        " # {",
        "info",
        "_created",
    ];
    let mut parser = build::<OpenMetrics>(&[]).unwrap();
    for document in random_texts(&parts, 30, 20_000) {
        let (lines, error) = read(&mut parser, &document);
        assert!(error.is_none() || lines.is_empty(), "{document:?}");
        assert!(error.as_deref() != Some(""), "{document:?}");
    }
}
