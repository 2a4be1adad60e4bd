//! What is read and written, in both versions and both forms, and that reading gives back what was written.

use super::*;
use crate::testing::{build, random_texts, read, text, write};
use crate::wire::{put_bytes, put_double, put_number, put_varint};
use agent_api::options::Setting;
use agent_api::*;

fn version(n: i64) -> [(&'static str, Setting); 1] {
    [("prometheus_metric_version", Setting::Int(n))]
}

fn parse(n: i64, document: &str) -> (String, Option<String>) {
    read(&mut build::<Prometheus>(&version(n)).unwrap(), document)
}

const PAGE: &str = r#"
# HELP jobs_total Jobs. # TYPE own gauge
# TYPE jobs_total counter
jobs_total{queue="a",state="ok"} 17 1700000000123
  jobs_total{queue="b b",state="c:\\x \"y\""} 3
# TYPE level gauge
level -0.250
level{k="v"} +Inf
level{k="none"} NaN
plain{l="",} 5e3
# TYPE wait histogram
wait_bucket{gate="b",le="1"} 2 1700000000000
wait_bucket{gate="a",le="0.50"} 4
wait_bucket{gate="b",le="+Inf"} 3
wait_sum{gate="b"} 5
wait_count{gate="b"} 3
wait_count{gate="a"} 9
# TYPE size summary
size{quantile="0.5"} 3
size_sum 40
size_count 12
"#;

#[test]
fn version_one() {
    let (lines, error) = parse(1, PAGE);
    assert_eq!(error, None);
    assert_eq!(
        lines,
        r#"jobs_total,queue=a,state=ok counter=Float(17.0) 1700000000123000000
jobs_total,queue=b b,state=c:\x "y" counter=Float(3.0) 0
level gauge=Float(-0.25) 0
level,k=v gauge=Float(inf) 0
plain value=Float(5000.0) 0
wait,gate=b count=Float(3.0),sum=Float(5.0),1=Float(2.0),+Inf=Float(3.0) 1700000000000000000
wait,gate=a count=Float(9.0),sum=Float(0.0),0.5=Float(4.0) 0
size count=Float(12.0),sum=Float(40.0),0.5=Float(3.0) 0"#
    );
}

#[test]
fn version_two() {
    let (lines, error) = parse(2, PAGE);
    assert_eq!(error, None);
    assert_eq!(
        lines,
        r#"prometheus,queue=a,state=ok jobs_total=Float(17.0) 1700000000123000000
prometheus,queue=b b,state=c:\x "y" jobs_total=Float(3.0) 0
prometheus level=Float(-0.25) 0
prometheus,k=v level=Float(inf) 0
prometheus plain=Float(5000.0) 0
prometheus,gate=b wait_count=Float(3.0),wait_sum=Float(5.0) 1700000000000000000
prometheus,gate=b,le=1 wait_bucket=Float(2.0) 1700000000000000000
prometheus,gate=b,le=+Inf wait_bucket=Float(3.0) 1700000000000000000
prometheus,gate=a wait_count=Float(9.0),wait_sum=Float(0.0) 0
prometheus,gate=a,le=0.5 wait_bucket=Float(4.0) 0
prometheus,gate=a,le=+Inf wait_bucket=Float(9.0) 0
prometheus size_count=Float(12.0),size_sum=Float(40.0) 0
prometheus,quantile=0.5 size=Float(3.0) 0"#
    );
}

#[test]
fn kinds_are_kept() {
    let mut out = Collector::new();
    Parser::parse(&mut build::<Prometheus>(&[]).unwrap(), &Body::from(PAGE), &mut out).unwrap();
    let kinds: Vec<Kind> = out.batch().iter().map(|m| m.kind()).collect();
    let (c, g, u, h, s) = (Kind::Counter, Kind::Gauge, Kind::Untyped, Kind::Histogram, Kind::Summary);
    assert_eq!(kinds, [c, c, g, g, u, h, h, h, h, h, h, s, s]);
    let clean: Vec<bool> = out.batch().iter().map(MetricRef::clean).collect();
    assert!(clean[0] && !clean[1] && clean[2]);
}

#[test]
fn times_can_be_ignored() {
    let options = [("prometheus_ignore_timestamp", Setting::Bool(true))];
    let document = "a 1 1700000000000\n# TYPE s summary\ns_sum 1 1700000000000\ns_count 1 5";
    let (lines, error) = read(&mut build::<Prometheus>(&options).unwrap(), document);
    assert_eq!(
        (lines.as_str(), error),
        ("prometheus a=Float(1.0) 0\nprometheus s_count=Float(1.0),s_sum=Float(1.0) 0", None)
    );
}

#[test]
fn lenient_where_nothing_is_lost() {
    for (document, want) in [
        ("a 1", "prometheus a=Float(1.0) 0"),
        ("a 1\r\nb{c=\"d\"} 2\r\n", "prometheus a=Float(1.0) 0\nprometheus,c=d b=Float(2.0) 0"),
        ("a 0x1p3\n", "prometheus a=Float(8.0) 0"),
        ("{\"größe.x\"} 1\n", "prometheus größe.x=Float(1.0) 0"),
        ("# TYPE \"a \\\"b\\\"\" gauge\n{\"a \\\"b\\\"\"} 1\n", "prometheus a \"b\"=Float(1.0) 0"),
        ("a 1 0\n", "prometheus a=Float(1.0) 0"),
        ("# TYPE a GAUGE\na 1\n", "prometheus a=Float(1.0) 0"),
        ("a 1 -5\n", "prometheus a=Float(1.0) 0"),
        ("\u{feff}# TYPE a gauge\na 1\n", "prometheus a=Float(1.0) 0"),
        ("", ""),
        ("# EOF\n\n", ""),
        // The first bytes could be lengths.
        ("\r\n\n# TYPE h gauge\nabcd 1", "prometheus abcd=Float(1.0) 0"),
        ("\r\n\nabcdefghij 1\n", "prometheus abcdefghij=Float(1.0) 0"),
    ] {
        assert_eq!(parse(2, document), (want.to_owned(), None), "{document:?}");
    }
}

#[test]
fn a_bad_line_is_told_and_the_others_are_kept() {
    for (bad, cause) in [
        ("b one", "a value is no number"),
        ("b 1_0", "a value is no number"),
        ("b", "a sample has no value"),
        ("b 1 1.5", "a time is no whole number of milliseconds"),
        ("b 1 99999999999999999", "a time is out of range"),
        ("b 1 2 3", "there is more than value and time behind a sample"),
        ("b{c=\"d} 1", "a quote is not closed"),
        ("b{__name__=\"d\"} 1", "the label __name__ is reserved"),
        ("# TYPE b what", "a type is none of counter, gauge, histogram, summary, untyped"),
        ("# TYPE a gauge", "a family has a second type"),
        ("h 1", "a sample of a histogram is none of bucket, sum and count"),
        ("h_bucket 1", "a sample has no label for its bucket or quantile"),
        ("h_bucket{le=\"x\"} 1", "a bucket or quantile is no number"),
        ("late 1", "a sample stands before the type of its family"),
    ] {
        let document = format!("# TYPE a counter\n# TYPE h histogram\na 1\n{bad}\na{{k=\"v\"}} 2\n# TYPE late gauge\n");
        let (lines, error) = parse(2, &document);
        assert_eq!(lines, "prometheus a=Float(1.0) 0\nprometheus,k=v a=Float(2.0) 0", "{bad}");
        let error = error.unwrap_or_default();
        assert!(error.starts_with("line 4: ") && error.contains(cause), "{bad}: {error}");
    }
}

/// A message with its length: one metric with the label `k` and a value.
fn family(name: &str, kind: u64, field: u8, value: &[u8]) -> Vec<u8> {
    let (mut label, mut metric, mut family, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    put_bytes(1, b"k", &mut label);
    put_bytes(2, "é".as_bytes(), &mut label);
    put_bytes(1, &label, &mut metric);
    put_bytes(field, value, &mut metric);
    put_number(6, 1_700_000_000_123, &mut metric);
    put_bytes(1, name.as_bytes(), &mut family);
    put_bytes(2, b"Help.", &mut family);
    put_number(3, kind, &mut family);
    put_bytes(4, &metric, &mut family);
    put_varint(family.len() as u64, &mut out);
    out.extend(family);
    out
}

#[test]
fn protocol_buffers() {
    let (mut number, mut summary, mut histogram, mut native) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    put_double(1, 0.5, &mut number);
    let mut quantile = Vec::new();
    put_double(1, 0.99, &mut quantile);
    put_double(2, 7.0, &mut quantile);
    put_number(1, 12, &mut summary);
    put_double(2, 40.0, &mut summary);
    put_bytes(3, &quantile, &mut summary);
    let mut bucket = Vec::new();
    put_number(1, 4, &mut bucket);
    put_double(2, 1e6, &mut bucket);
    put_number(1, 9, &mut histogram);
    put_bytes(3, &bucket, &mut histogram);
    put_double(2, 3.0, &mut native);
    put_double(4, 2.5, &mut native);
    let mut document = family("c", 0, 3, &number);
    document.extend(family("g", 1, 2, &[]));
    document.extend(family("u", 3, 5, &number));
    document.extend(family("s", 2, 4, &summary));
    document.extend(family("h", 4, 7, &histogram));
    document.extend(family("n", 4, 7, &native));
    let mut parser = build::<Prometheus>(&version(1)).unwrap();
    let mut parse = |document: &[u8]| {
        let mut out = Collector::new();
        let error = parser.parse(&Body::new(document.to_vec()), &mut out).err().map(|e| e.to_string());
        (out.batch().iter().map(|m| format!("{m:?}")).collect::<Vec<_>>(), error)
    };
    let (lines, error) = parse(&document);
    assert_eq!(error, None);
    assert_eq!(
        lines,
        [
            "c,k=é counter=Float(0.5) 1700000000123000000",
            "g,k=é gauge=Float(0.0) 1700000000123000000",
            "u,k=é value=Float(0.5) 1700000000123000000",
            "s,k=é count=Float(12.0),sum=Float(40.0),0.99=Float(7.0) 1700000000123000000",
            "h,k=é count=Float(9.0),sum=Float(0.0),1e+06=Float(4.0) 1700000000123000000",
            "n,k=é count=Float(2.5),sum=Float(3.0) 1700000000123000000",
        ]
    );
    let (lines, error) = parse(&document[..document.len() - 3]);
    assert_eq!((lines.len(), error.as_deref()), (5, Some("the document ends within a message")));
}

#[test]
fn arbitrary_text_never_panics_and_errors_are_told() {
    let parts = [
        "a",
        "b_total",
        "{",
        "}",
        "\"",
        "\\",
        "=",
        ",",
        " ",
        "\n",
        "# TYPE ",
        "histogram",
        "summary",
        "le",
        "_bucket",
        "_sum",
        "1",
        "1.5e3",
        "NaN",
        "é",
        "\r\n",
        "quantile=\"0.5\"",
        "# HELP ",
        "#",
        "\t",
        "__name__",
    ];
    let mut parser = build::<Prometheus>(&[]).unwrap();
    for document in random_texts(&parts, 40, 20_000) {
        let (lines, error) = read(&mut parser, &document);
        assert!(error.as_deref() != Some(""), "{document:?}");
        assert!(lines.lines().all(|l| l.starts_with("prometheus")), "{document:?}: {lines}");
    }
}

#[test]
fn the_fast_path_reads_as_the_other_does() {
    let parts = [
        "a",
        "b_total",
        "h",
        "{b=\"c\"}",
        "{b=\"c,d e\",}",
        "{b=\"\",c=\"d\"}",
        "{le=\"1\"}",
        "{",
        "}",
        "=",
        " ",
        " 1",
        " -2.50",
        " 1e5 17",
        " NaN",
        " +Inf",
        "\n",
        "\n",
        "# TYPE b_total counter\n",
        "# TYPE h histogram\n",
        "_bucket",
        "_count",
        "é",
        "\\",
        "\"",
        "\r",
    ];
    let mut read_fast = 0;
    for document in random_texts(&parts, 24, 20_000) {
        // A line that begins with a blank never takes the fast path.
        let moved: String = document.split_inclusive('\n').map(|line| format!(" {line}")).collect();
        for n in [1, 2] {
            let ((fast, fast_error), (slow, slow_error)) = (parse(n, &document), parse(n, &moved));
            assert_eq!(fast, slow, "{document:?}");
            assert_eq!(fast_error, slow_error, "{document:?}");
            read_fast += usize::from(!fast.is_empty());
        }
    }
    assert!(read_fast > 500, "{read_fast}");
}

fn batch() -> Batch {
    let mut batch = Batch::new();
    batch
        .metric("tram")
        .tag("line", "7")
        .field("load", 0.75)
        .field("people", 42i64)
        .field("note", "late \"x\"")
        .field("open", true)
        .time(1_600_000_000_123_456_789);
    batch.metric("tram").tag("line", "9").field("load", f64::NAN).time(1);
    batch.metric("tram").tag("line", "9").field("load", 3.0).time(0);
    batch
}

#[test]
fn all_numbers_of_a_page_are_floats() {
    let mut batch = Batch::new();
    batch.metric("own").tag("le", "1000000").kind(Kind::Histogram).field("h_bucket", 1_000_000.0).time(1);
    batch.metric("own").kind(Kind::Histogram).field("h_sum", -0.0).field("h_count", 12_345_678.0).time(1);
    let (mut writer, mut out) = (build::<Writer>(&[]).unwrap(), Vec::new());
    writer.serialize_batch(&Chunk::from(batch), &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "# HELP own_h Telegraf collected metric\n# TYPE own_h histogram\nown_h_bucket{le=\"1e+06\"} 1e+06\n\
         own_h_bucket{le=\"+Inf\"} 1.2345678e+07\nown_h_sum 0\nown_h_count 1.2345678e+07\n"
    );
}

#[test]
fn a_page_of_a_batch() {
    let on = |key: &'static str| (key, Setting::Bool(true));
    let page = |options: &[(&str, Setting)]| {
        let (mut writer, mut out) = (build::<Writer>(options).unwrap(), Vec::new());
        writer.serialize_batch(&Chunk::from(batch()), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        page(&[]),
        "# HELP tram_load Telegraf collected metric\n# TYPE tram_load untyped\ntram_load{line=\"7\"} 0.75\ntram_load{line=\"9\"} NaN\n\
         # HELP tram_people Telegraf collected metric\n# TYPE tram_people untyped\ntram_people{line=\"7\"} 42\n\
         # HELP tram_open Telegraf collected metric\n# TYPE tram_open untyped\ntram_open{line=\"7\"} 1\n"
    );
    let mut types = Table::default();
    let span = agent_api::options::Span::default();
    types.set("gauge", span, agent_api::options::Item { value: crate::testing::list(&["*_load"]), span });
    let options = [
        on("prometheus_sort_metrics"),
        on("prometheus_export_timestamp"),
        on("prometheus_compact_encoding"),
        on("prometheus_string_as_label"),
        ("prometheus_metric_types", Setting::Table(types)),
    ];
    assert_eq!(
        page(&options),
        "# TYPE tram_load gauge\ntram_load{line=\"9\"} NaN 0\ntram_load{line=\"7\",note=\"late \\\"x\\\"\"} 0.75 1600000000123\n\
         # TYPE tram_open untyped\ntram_open{line=\"7\",note=\"late \\\"x\\\"\"} 1 1600000000123\n\
         # TYPE tram_people untyped\ntram_people{line=\"7\",note=\"late \\\"x\\\"\"} 42 1600000000123\n"
    );
}

#[test]
fn names_of_any_text() {
    let mut batch = Batch::new();
    batch.metric("größe.x").tag("l m", "v").field("f", 1i64);
    assert!(write::<Writer>(&batch, &[]).ends_with("gr__e_x_f{l_m=\"v\"} 1\n"));
    let utf8 = [("prometheus_name_sanitization", text("utf8"))];
    assert!(write::<Writer>(&batch, &utf8).ends_with("{\"größe.x_f\",\"l m\"=\"v\"} 1\n"));
    assert!(build::<Writer>(&[("prometheus_name_sanitization", text("own"))]).is_err());
    assert!(build::<Prometheus>(&version(3)).is_err());
}

#[test]
fn what_is_written_is_read_again() {
    let values = ["a b", "c\\d", "\"", "x\ny", "é", "=,{}"];
    for (i, value) in random_texts(&values, 4, 500).enumerate() {
        let mut batch = Batch::new();
        let number = (i as f64 - 250.0) * 1.1e-3;
        batch
            .metric("prometheus")
            .tag("k", &format!("v{value}"))
            .kind(Kind::Gauge)
            .field("m", number)
            .time(i as i64 * 1_000_000);
        let tags = || [("gate", value.as_str())].into_iter().filter(|t| !t.1.is_empty());
        let time = 1_600_000_000_000_000_000;
        batch
            .metric("prometheus")
            .tags(tags())
            .kind(Kind::Histogram)
            .field("h_count", i as f64)
            .field("h_sum", number)
            .time(time);
        for le in ["0.5", "+Inf"] {
            batch
                .metric("prometheus")
                .tags(tags())
                .tag("le", le)
                .kind(Kind::Histogram)
                .field("h_bucket", i as f64)
                .time(time);
        }
        let (mut writer, mut out) =
            (build::<Writer>(&[("prometheus_export_timestamp", Setting::Bool(true))]).unwrap(), Vec::new());
        writer.serialize_batch(&Chunk::from(batch.clone()), &mut out).unwrap();
        let mut again = Collector::new();
        let mut parser = build::<Prometheus>(&[]).unwrap();
        parser.parse(&Body::new(out), &mut again).unwrap();
        again.batch().settle_times(0, 0);
        assert_eq!(again.batch().len(), batch.len());
        for (a, b) in again.batch().iter().zip(batch.iter()) {
            assert_eq!(a, b);
        }
    }
}
