//! What is read, what is written, and that bad documents give nothing.

use super::*;
use agent_api::options::{Item, Setting, Span};
use agent_api::*;

type Options<'a> = &'a [(&'a str, Setting)];

fn table(options: &[(&str, Setting)]) -> Table {
    let span = Span::default();
    let mut table = Table::default();
    for (key, value) in options {
        table.set(key, span, Item { value: value.clone(), span });
    }
    table
}

fn list(texts: &[&str]) -> Setting {
    let span = Span::default();
    Setting::Array(texts.iter().map(|t| Item { value: Setting::Str((*t).to_owned()), span }).collect())
}

fn text(text: &str) -> Setting {
    Setting::Str(text.to_owned())
}

fn parser(options: &[(&str, Setting)]) -> Result<Json> {
    Json::new(<Json as Plugin>::Settings::load(&table(options)).unwrap(), &Env::new("inputs.test"))
}

fn parse(document: &str, options: &[(&str, Setting)]) -> (String, Option<ParseError>) {
    let mut out = Collector::new();
    let error = Parser::parse(&mut parser(options).unwrap(), &Body::from(document), &mut out).err();
    let mut batch = out.take();
    batch.settle_times(0, 0);
    let lines: Vec<String> = batch.iter().map(|m| format!("{m:?}")).collect();
    (lines.join("\n"), error)
}

#[test]
fn numbers_become_fields_and_the_rest_what_is_asked_for() {
    let cases: &[(&str, Options<'_>, &str)] = &[
        (
            "{\"a\": 1, \"b\": \"x\", \"c\": true, \"d\": null, \"e\": {\"f\": 2.5}}",
            &[],
            "test a=Float(1.0),e_f=Float(2.5) 0",
        ),
        (
            "{\"l\": [1, [2, {\"x\": 3}], {}], \"\": 4, \"n\": {\"\": 5}}",
            &[],
            "test l_0=Float(1.0),l_1_0=Float(2.0),l_1_1_x=Float(3.0),n_=Float(5.0) 0",
        ),
        ("[{\"a\": 1}, {\"b\": \"x\"}, {\"a\": 1e3}]", &[], "test a=Float(1.0) 0\ntest a=Float(1000.0) 0"),
        ("{\"a\\nb\": 1, \"c\": {\"\\u00e4\": 2}}", &[], "test a\nb=Float(1.0),c_ä=Float(2.0) 0"),
        ("{\"a\": 1, \"a\": 2}", &[], "test a=Float(2.0) 0"),
        (
            "{\"h\": \"x\\ty\", \"n\": 1.50, \"t\": true, \"o\": {\"k\": \"v\"}, \"v\": 1}",
            &[("tag_keys", list(&["h", "n", "t", "o_*"]))],
            "test,h=x\ty,n=1.5,o_k=v,t=true v=Float(1.0) 0",
        ),
        (
            "{\"s\": \"a\\\"b\", \"b\": false, \"x\": \"no\"}",
            &[("json_string_fields", list(&["s", "b"]))],
            "test s=Str(\"a\\\"b\"),b=Bool(false) 0",
        ),
        ("{\"m\": {\"n\": \"name\"}, \"v\": 1}", &[("json_name_key", text("m_n"))], "name v=Float(1.0) 0"),
        ("{\"m\": 5, \"v\": 1}", &[("json_name_key", text("m"))], "test m=Float(5.0),v=Float(1.0) 0"),
        ("{\"d\": {\"rows\": [{\"v\": 1}]}}", &[("json_query", text("d.rows"))], "test v=Float(1.0) 0"),
        ("{\"d\": null}", &[("json_query", text("d"))], ""),
        ("{\"d\": null}", &[("json_query", text("e.f"))], ""),
        ("\u{feff} null ", &[], ""),
        (" ", &[], ""),
        ("[]", &[], ""),
    ];
    for (document, options, want) in cases {
        let (got, error) = parse(document, options);
        assert!(error.is_none(), "{document}: {error:?}");
        assert_eq!(got, *want, "{document}");
    }
}

#[test]
fn times() {
    let options = |format: &str| {
        [("json_time_key", text("t")), ("json_time_format", text(format)), ("json_timezone", text("Europe/Berlin"))]
    };
    let time = |document: &str, format: &str| {
        let (got, error) = parse(document, &options(format));
        assert!(error.is_none(), "{error:?}");
        got.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(time("{\"t\": 1600000000.5, \"v\": 1}", "unix"), "1600000000500000000");
    assert_eq!(time("{\"t\": \"1600000000500\", \"v\": 1}", "unix_ms"), "1600000000500000000");
    assert_eq!(time("{\"t\": \"2021-07-01 12:00:00\", \"v\": 1}", "2006-01-02 15:04:05"), "1625133600000000000");
    let this_year = time("{\"t\": \"Mar 1 00:00\", \"v\": 1}", "Jan 2 15:04").parse::<i64>().unwrap();
    assert!((plugin::now() - this_year).abs() < 366 * 86_400 * 1_000_000_000, "{this_year}");
    // Midnight in Berlin's winter of today, whatever its clocks showed in the year 0.
    assert_eq!(this_year / 1_000_000_000 % 86_400, 23 * 3600);
    let documents = "[{\"t\": 1, \"v\": 1}, {\"v\": 2}, {\"t\": true, \"v\": 3}, {\"t\": 4, \"v\": 4}]";
    let (got, error) = parse(documents, &options("unix"));
    assert_eq!(got, "");
    assert_eq!(
        error.unwrap().to_string(),
        "json_time_key \"t\" could not be found in \"{\\\"v\\\": 2}, {\\\"t\\\": true, \\\"v\\\": 3}, {\\\"t\\\": 4, \\\"v\\\": 4}]\""
    );
    let mut lenient = options("unix").to_vec();
    lenient.push(("json_strict", Setting::Bool(false)));
    let (got, error) = parse(documents, &lenient);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got, "test v=Float(1.0) 1000000000\ntest v=Float(4.0) 4000000000");
    assert!(parser(&[("json_time_key", text("t"))]).is_err());
    assert!(parser(&[("json_timezone", text("Mars/Olympus"))]).is_err());
}

#[test]
fn bad_documents_give_nothing_and_say_where() {
    let cases = [
        ("42", "expected an object or an array of objects in \"42\""),
        ("[{\"a\": 1}, 5]", "expected an object in the array in \"5]\""),
        (
            "[{\"a\": 1}, {\"a\": 1x}]",
            "invalid JSON at byte 18: expected a comma or the end of what is open in \"x}]\"",
        ),
        (
            "{\"a\": 1, \"b\": {\"c\": 2}",
            "invalid JSON at byte 22: it ends within an object or array in \"{\\\"a\\\": 1, \\\"b\\\": {\\\"c\\\": 2}\"",
        ),
        ("{\"a\": 1}\n{\"a\": 2}", "invalid JSON at byte 9: text after the end of the document in \"{\\\"a\\\": 2}\""),
    ];
    for (document, want) in cases {
        let (got, error) = parse(document, &[]);
        assert_eq!(got, "", "{document}");
        let error = error.unwrap().to_string();
        assert!(error == want || error.ends_with(want), "{document}: {error}");
    }
    let (_, error) = parse("{\"a\": 5}", &[("json_query", text("a"))]);
    assert!(error.unwrap().to_string().contains("json_query \"a\" must lead to an object"));
}

#[test]
fn an_array_is_shipped_piece_by_piece() {
    let sizes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = sizes.clone();
    let mut out = Collector::shipping(move |batch| seen.lock().unwrap().push(batch.len()));
    let objects: Vec<String> = (0..10_000).map(|i| format!("{{\"v\":{i}}}")).collect();
    let body = Body::from(format!("[{}]", objects.join(",")));
    Parser::parse(&mut parser(&[]).unwrap(), &body, &mut out).unwrap();
    out.ship();
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes.iter().sum::<usize>(), 10_000);
    assert!(sizes.len() > 1 && sizes.iter().all(|n| *n <= 4096), "{sizes:?}");
}

#[test]
fn keys_that_multiply_are_refused() {
    let document =
        format!("{}{}{}", "{\"k\":".repeat(9000), format_args!("[{}0]", "0,".repeat(30_000)), "}".repeat(9000));
    let (got, error) = parse(&document, &[]);
    assert_eq!(got, "");
    assert!(error.unwrap().to_string().starts_with("the keys of an object take too much room"));
}

fn write(batch: &Batch, options: &[(&str, Setting)], whole: bool) -> Result<String> {
    let settings = <Writer as Plugin>::Settings::load(&table(options)).unwrap();
    let mut writer = <Writer as Plugin>::new(settings, &Env::new("outputs.test"))?;
    let mut out = Vec::new();
    if whole {
        writer.serialize_batch(&Chunk::from(batch.clone()), &mut out)?;
    } else {
        for metric in batch.iter() {
            writer.serialize(metric, &mut out)?;
        }
    }
    Ok(String::from_utf8(out).unwrap())
}

fn sample() -> Batch {
    let mut batch = Batch::new();
    let m = batch
        .metric("m<1>")
        .tag("b", "")
        .tag("a", "x")
        .field("z", 1.5)
        .field("nan", f64::NAN)
        .field("i", 9_007_199_254_740_993_i64);
    drop(m.field("u", u64::MAX).field("t", true).field("s", "{\"k\": [1.0, \"<\"]}").time(1_600_000_000_123_456_789));
    drop(batch.metric("n").field("v", 1e21).time(-1));
    batch
}

#[test]
fn objects_are_written_with_sorted_keys() {
    let first = r#"{"fields":{"i":9007199254740993,"s":"{\"k\": [1.0, \"\u003c\"]}","t":true,"u":18446744073709551615,"z":1.5},"name":"m\u003c1\u003e","tags":{"a":"x","b":""},"timestamp":1600000000}"#;
    let second = r#"{"fields":{"v":1e+21},"name":"n","tags":{},"timestamp":0}"#;
    assert_eq!(write(&sample(), &[], false).unwrap(), format!("{first}\n{second}\n"));
    assert_eq!(write(&sample(), &[], true).unwrap(), format!("{{\"metrics\":[{first},{second}]}}\n"));
}

#[test]
fn options_of_the_serializer() {
    let contains = |options: &[(&str, Setting)], want: &str| {
        let got = write(&sample(), options, false).unwrap();
        assert!(got.contains(want), "{want}: {got}");
    };
    contains(&[("json_timestamp_units", text("25ms"))], "\"timestamp\":160000000012}");
    contains(&[("json_timestamp_units", text("1ns"))], "\"timestamp\":1600000000123456789}");
    contains(&[("json_timestamp_units", text("0s"))], "\"timestamp\":1600000000}");
    contains(&[("json_timestamp_format", text("RFC3339"))], "\"timestamp\":\"2020-09-13T12:26:40Z\"");
    contains(&[("json_nested_fields_include", list(&["s"]))], r#""s":{"k":[1,"\u003c"]}"#);
    contains(&[("json_nested_fields_exclude", list(&["s"]))], r#""s":"{\"k\""#);
    let transformation = |text_of: &str| [("json_transformation", text(text_of))];
    assert_eq!(
        write(&sample(), &transformation("metrics.{\"n\": name, \"i\": fields.i}"), true).unwrap(),
        "[{\"i\":9007199254740993,\"n\":\"m\\u003c1\\u003e\"},{\"n\":\"n\"}]\n"
    );
    let e = write(&sample(), &transformation("metrics"), false).unwrap_err();
    assert_eq!(format!("{e:#}"), "maybe it is meant for batches: the expression has no result");
    assert!(write(&sample(), &transformation("metrics["), false).is_err());
}

#[test]
fn random_texts_never_panic_and_what_was_read_reads_back() {
    let mut seed = 5u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let parts = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\":",
        "\"",
        "1",
        "-2.5e3",
        "true",
        "null",
        " ",
        "\\n",
        "\"ä\"",
        "{\"t\":1,\"v\":2}",
    ];
    let options = [("json_string_fields", list(&["*"])), ("tag_keys", list(&["a*"]))];
    for _ in 0..20_000 {
        let document: String = (0..next(14)).map(|_| parts[next(parts.len())]).collect();
        let mut out = Collector::new();
        let _error = Parser::parse(&mut parser(&options).unwrap(), &Body::from(document), &mut out);
        let mut batch = out.take();
        batch.settle_times(7, 0);
        let written = write(&batch, &[], false).unwrap();
        for (line, metric) in written.lines().zip(batch.iter()) {
            let mut again = Collector::new();
            let options = [("json_query", text("fields")), ("json_string_fields", list(&["*"]))];
            Parser::parse(&mut parser(&options).unwrap(), &Body::from(line), &mut again).unwrap();
            let again = again.take();
            for (key, value) in metric.fields() {
                assert_eq!(again.at(0).field(key), Some(value), "{line}");
            }
        }
    }
}

/// What a parser says of a document: of the metrics handed on while it reads, and those of one that keeps all.
fn shipped_and_kept(document: &str, options: &[(&str, Setting)]) -> [(Vec<String>, bool); 2] {
    let read = |out: &mut Collector| Parser::parse(&mut parser(options).unwrap(), &Body::from(document), out).is_err();
    let shown = |batch: &mut Batch| {
        batch.settle_times(0, 0);
        batch.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>()
    };
    let shipped = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let into = shipped.clone();
    let mut out = Collector::shipping(move |mut batch| into.lock().unwrap().extend(shown(&mut batch)));
    let failed = read(&mut out);
    shipped.lock().unwrap().extend(shown(&mut out.take()));
    let mut kept = Collector::new();
    let failed_too = read(&mut kept);
    let shipped = std::mem::take(&mut *shipped.lock().unwrap());
    [(shipped, failed), (shown(&mut kept.take()), failed_too)]
}

#[test]
fn a_large_array_read_by_several_gives_the_same_in_the_same_order() {
    let object = |i: usize| {
        // Some have no time that can be read.
        let time = if i % 1000 == 7 { "\"never\"".to_owned() } else { (1_700_000_000 + i).to_string() };
        format!("{{\"host\": \"h{}\", \"name\": \"n,[]}}{{{}\", \"t\": {time}, \"v\": {{\"a\": {i}}}}}", i % 7, i % 3)
    };
    let document = format!("[{}]", (0..20_000).map(object).collect::<Vec<_>>().join(" ,\n"));
    assert!(document.len() > 1_000_000);
    let times = [("json_time_key", text("t")), ("json_time_format", text("unix"))];
    let mut options = vec![("tag_keys", list(&["host"])), ("json_name_key", text("name"))];
    let [shipped, kept] = shipped_and_kept(&document, &options);
    assert_eq!((kept.0.len(), kept.1), (20_000, false));
    assert!(shipped == kept);
    options.extend(times);
    let [shipped, kept] = shipped_and_kept(&document, &options);
    assert_eq!((kept.0.len(), kept.1), (0, true), "one bad time is enough");
    assert!(shipped == kept);
    options.push(("json_strict", Setting::Bool(false)));
    let [shipped, kept] = shipped_and_kept(&document, &options);
    assert_eq!((kept.0.len(), kept.1), (19_980, false));
    assert!(shipped == kept);
}
