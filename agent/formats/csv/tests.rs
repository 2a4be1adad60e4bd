//! Rows both ways, documents in parts, and what is wrong with bad ones.

use super::*;
use crate::testing::{build, list, parse, random_texts, read, text, write};
use agent_api::options::Setting;
use agent_api::*;

const HEADER: (&str, Setting) = ("csv_header_row_count", Setting::Int(1));

fn with(options: &[(&'static str, Setting)]) -> Vec<(&'static str, Setting)> {
    [&[HEADER], options].concat()
}

#[test]
fn rows_become_metrics() {
    let cases = [
        ("a,b\n1,2.5\ntrue,x\n", with(&[]), "test a=Int(1),b=Float(2.5) 0\ntest a=Bool(true),b=Str(\"x\") 0"),
        (
            "\u{feff}a,b\r\n\r\n\"x \"\"y\"\"\",\"1\r\n2\"\r\n",
            with(&[]),
            "test a=Str(\"x \\\"y\\\"\"),b=Str(\"1\\n2\") 0",
        ),
        ("a;b\n1,5;,", with(&[("csv_delimiter", text(";"))]), "test a=Str(\"1,5\"),b=Str(\",\") 0"),
        ("#x\na\n# 2\n3\n", with(&[("csv_comment", text("#"))]), "test a=Int(3) 0"),
        ("h,v\nx,1\n,2", with(&[("csv_tag_columns", list(&["h"]))]), "test,h=x v=Int(1) 0\ntest,h= v=Int(2) 0"),
        (
            "n,v\nm,1\n,2\n7,3",
            with(&[("csv_measurement_column", text("n"))]),
            "m v=Int(1) 0\ntest v=Int(2) 0\n7 v=Int(3) 0",
        ),
        ("a,b\n-,1\n2,-", with(&[("csv_skip_values", list(&["-"]))]), "test b=Int(1) 0\ntest a=Int(2) 0"),
        (" a , b\n 1 , x ", with(&[("csv_trim_space", Setting::Bool(true))]), "test a=Int(1),b=Str(\"x\") 0"),
        ("x,y,a\nu,v,1", with(&[("csv_skip_columns", Setting::Int(2))]), "test a=Int(1) 0"),
        (
            "x\ny\na,b\n_c,_d\n1,2",
            vec![("csv_header_row_count", Setting::Int(2)), ("csv_skip_rows", Setting::Int(2))],
            "test a_c=Int(1),b_d=Int(2) 0",
        ),
        ("1,2,3\n4\n", vec![("csv_column_names", list(&["a", "b"]))], "test a=Int(1),b=Int(2) 0\ntest a=Int(4) 0"),
        (
            "1,2,T,4",
            vec![
                ("csv_column_names", list(&["a", "b", "c", "d"])),
                ("csv_column_types", list(&["float", "int", "bool", "odd"])),
            ],
            "test a=Float(1.0),b=Int(2),c=Bool(true),d=Str(\"4\") 0",
        ),
        (
            "t,v\n2021-07-01 12:00,1",
            with(&[
                ("csv_timestamp_column", text("t")),
                ("csv_timestamp_format", text("2006-01-02 15:04")),
                ("csv_timezone", text("America/Chicago")),
            ]),
            "test v=Int(1) 1625158800000000000",
        ),
        (
            "# unit = cm\nsite:north=1\nsite,v\ns,1",
            with(&[
                ("csv_metadata_rows", Setting::Int(2)),
                ("csv_metadata_separators", list(&["=", ":"])),
                ("csv_metadata_trim_set", text(" #")),
                ("csv_tag_columns", list(&["site"])),
            ]),
            "test,site=s,site:north=1,unit=cm v=Int(1) 0",
        ),
        ("site=m\nsite,v\ns,1", with(&metadata(false)), "test,site=m v=Int(1) 0"),
        ("site=m\nsite,v\ns,1", with(&metadata(true)), "test,site=s v=Int(1) 0"),
        ("a,b\n", with(&[]), ""),
        ("", with(&[]), ""),
    ];
    for (document, options, want) in cases {
        assert_eq!(parse::<Csv>(document, &options), want, "{document:?}");
    }
}

fn metadata(overwrite: bool) -> [(&'static str, Setting); 4] {
    [
        ("csv_metadata_rows", Setting::Int(1)),
        ("csv_metadata_separators", list(&["="])),
        ("csv_tag_columns", list(&["site"])),
        ("csv_tag_overwrite", Setting::Bool(overwrite)),
    ]
}

#[test]
fn bad_rows_are_named_and_the_good_ones_kept() {
    let mut parser: Csv = build(&with(&[])).unwrap();
    let (got, error) = read(&mut parser, "a,b\n1,x\"y\n2,\"z\"w\n3,4\n5,\"open\n6,7\n");
    assert_eq!(got, "test a=Int(3),b=Int(4) 0\ntest a=Int(6),b=Int(7) 0");
    assert_eq!(
        error.unwrap(),
        "line 2: quote in a field that is not quoted in \"1,x\\\"y\"; line 3: text behind a closing quote in \"2,\\\"z\\\"w\"; \
         line 5: quoted field without an end in \"5,\\\"open\""
    );
    let mut parser: Csv =
        build(&with(&[("csv_column_types", list(&["int"])), ("csv_skip_errors", Setting::Bool(true))])).unwrap();
    assert_eq!(read(&mut parser, "a\nx\n2"), ("test a=Int(2) 0".to_owned(), None));
    for options in [
        vec![],
        with(&[("csv_delimiter", text(";;"))]),
        with(&[("csv_comment", text(","))]),
        with(&[("csv_timezone", text("Mars/Olympus"))]),
        with(&[("csv_reset_mode", text("often"))]),
        with(&[("csv_timestamp_column", text("t"))]),
        with(&[("csv_metadata_rows", Setting::Int(1))]),
        vec![("csv_column_names", list(&["a"])), ("csv_column_types", list(&["int", "int"]))],
    ] {
        assert!(build::<Csv>(&options).is_err(), "{options:?}");
    }
}

#[test]
fn a_document_may_come_in_parts() {
    let document = "skip \"me\nk=1\na,b\n1,\"x\ny\"\n2,\"q\"\"\"\n3,z\n";
    let options = with(&[
        ("csv_skip_rows", Setting::Int(1)),
        ("csv_metadata_rows", Setting::Int(1)),
        ("csv_metadata_separators", list(&["="])),
    ]);
    let whole = parse::<Csv>(document, &options);
    assert_eq!(whole.lines().count(), 3);
    for at in 0..document.len() {
        let mut parser: Csv = build(&options).unwrap();
        let cut = parser.cut(&document.as_bytes()[..at]).unwrap();
        assert!(cut <= at);
        let (first, _) = read(&mut parser, &document[..cut]);
        let (second, error) = read(&mut parser, &document[cut..]);
        assert_eq!(error, None);
        let both = [first, second].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("\n");
        assert_eq!(both, whole, "cut at {cut}");
    }
    let mut parser: Csv = build(&with(&[])).unwrap();
    let mut out = Collector::new();
    for line in ["a,b", "1,2", "", "3,4"] {
        parser.parse_line(line, &mut out).unwrap();
    }
    assert_eq!(out.take().len(), 2);
    parser.reset();
    parser.parse_line("5,6", &mut out).unwrap();
    assert!(out.take().is_empty());
}

fn sample() -> Batch {
    let mut batch = Batch::new();
    drop(batch.metric("m").tag("t", "a b").field("z", 1e21).field("a", "x,\"y\"").time(1_600_000_000_000_000_001));
    drop(batch.metric("n").tag("t", "").field("a", " lead").field("u", 7u64).field("b", true).time(-1));
    batch
}

#[test]
fn metrics_become_rows() {
    let cases: &[(&[(&str, Setting)], &str)] = &[
        (&[], "1600000000,m,a b,\"x,\"\"y\"\"\",1000000000000000000000\n-1,n,,\" lead\",true,7\n"),
        (
            &[("csv_separator", text(";")), ("csv_timestamp_format", text("unix_ns"))],
            "1600000000000000001;m;a b;\"x,\"\"y\"\"\";1000000000000000000000\n-1;n;;\" lead\";true;7\n",
        ),
        (
            &[
                ("csv_columns", list(&["field.u", "tag.t", "name", "timestamp"])),
                ("csv_header", Setting::Bool(true)),
                ("csv_timestamp_format", text("RFC3339")),
            ],
            "u,t,name,timestamp\n,a b,m,2020-09-13T12:26:40Z\n7,,n,1969-12-31T23:59:59Z\n",
        ),
    ];
    for (options, want) in cases {
        assert_eq!(write::<Writer>(&sample(), options), *want);
    }
    let header =
        write::<Writer>(&sample(), &[("csv_header", Setting::Bool(true)), ("csv_column_prefix", Setting::Bool(true))]);
    assert!(header.starts_with("timestamp,measurement,tag_t,field_a,field_z\n"), "{header}");
    for (option, value) in
        [("csv_separator", text("::")), ("csv_timestamp_format", text("x")), ("csv_columns", list(&["x"]))]
    {
        assert!(build::<Writer>(&[(option, value)]).is_err(), "{option}");
    }
}

#[test]
fn random_texts_never_panic_and_what_was_written_reads_back() {
    for document in random_texts(&["a", ",", "\n", "\"", "\"\"", "1", " ", "\r\n", "ä", "#", ";", "-", "."], 30, 20_000)
    {
        let mut parser: Csv = build(&[("csv_column_names", list(&["a", "b"])), ("csv_comment", text("#"))]).unwrap();
        let _cut = parser.cut(document.as_bytes());
        let _read = read(&mut parser, &document);
        let mut batch = Batch::new();
        drop(batch.metric("m").field("a", document.as_str()).field("b", 5i64).time(0));
        let row = write::<Writer>(&batch, &[("csv_columns", list(&["field.a", "field.b"]))]);
        let options = [("csv_column_names", list(&["a", "b"])), ("csv_column_types", list(&["string", "int"]))];
        let got = parse::<Csv>(&row, &options);
        assert_eq!(got, format!("test a={:?},b=Int(5) 0", Value::Str(&document.replace("\r\n", "\n"))), "{row:?}");
    }
}
