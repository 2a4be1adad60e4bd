//! The formats by their parsers: what is recorded of Telegraf is in tests/telegraf, here is what it does not hold.

use super::parser::{Source, Xpath};
use crate::testing::{build, random_texts, text};
use agent_api::options::{Item, Setting, Span};
use agent_api::{Body, Collector, MetricRef, Parser, Table, Value};

/// A table of queries.
pub(super) fn table(entries: &[(&str, Setting)]) -> Setting {
    let span = Span::default();
    let mut table = Table::default();
    for (key, value) in entries {
        table.set(key, span, Item { value: value.clone(), span });
    }
    Setting::Table(table)
}

/// A list with one section.
pub(super) fn section(entries: &[(&str, Setting)]) -> (&'static str, Setting) {
    ("xpath", Setting::Array(vec![Item { value: table(entries), span: Span::default() }]))
}

pub(super) fn queries(entries: &[(&str, &str)]) -> Setting {
    table(&entries.iter().map(|(name, query)| (*name, text(query))).collect::<Vec<_>>())
}

const NATIVE: (&str, Setting) = ("xpath_native_types", Setting::Bool(true));

/// What a parser gives of bytes, a line for each metric.
pub(super) fn bytes<P: Parser>(options: &[(&str, Setting)], bytes: &[u8]) -> (String, Option<String>) {
    let mut out = Collector::new();
    let mut parser = build::<P>(options).unwrap();
    let error = parser.parse(&Body::new(bytes.to_vec()), &mut out).err().map(|e| e.to_string());
    let mut batch = out.take();
    batch.settle_times(0, 0);
    (batch.iter().map(line).collect::<Vec<_>>().join("\n"), error)
}

/// A metric as line protocol, but for what would be escaped.
fn line(m: MetricRef<'_>) -> String {
    let tags: String = m.tags().map(|(k, v)| format!(",{k}={v}")).collect();
    let value = |v: Value<'_>| match v {
        Value::Str(v) => format!("{v:?}"),
        Value::Float(v) => format!("{v}"),
        Value::Int(v) => format!("{v}i"),
        Value::Uint(v) => format!("{v}u"),
        Value::Bool(v) => format!("{v}"),
    };
    let fields: Vec<String> = m.fields().map(|(k, v)| format!("{k}={}", value(v))).collect();
    format!("{}{tags} {} {}", m.name(), fields.join(","), m.time())
}

/// What a parser with these options gives of a document, and its error.
fn read<P: Parser>(parser: &mut P, document: &str) -> (String, Option<String>) {
    let mut out = Collector::new();
    let error = parser.parse(&Body::from(document), &mut out).err().map(|e| e.to_string());
    let mut batch = out.take();
    batch.settle_times(0, 0);
    (batch.iter().map(line).collect::<Vec<_>>().join("\n"), error)
}

/// What a parser with these options gives of a document that it can read.
fn parse<P: Parser>(document: &str, options: &[(&str, Setting)]) -> String {
    let (lines, error) = read(&mut build::<P>(options).unwrap(), document);
    assert!(error.is_none(), "{document:?}: {error:?}");
    lines
}

#[cfg(feature = "xml")]
mod xml {
    use super::*;
    use crate::xpath::xml::Xml;

    fn field(document: &str, query: &str) -> String {
        parse::<Xpath<Xml>>(document, &[section(&[("fields", queries(&[("v", query)]))])])
    }

    #[test]
    fn blanks_are_passed_over_between_siblings_and_the_document_has_no_text() {
        let document = "<r> <a>1</a> <b>2</b> </r>";
        for (query, value) in [
            ("count(//text())", "3"),
            ("count(/r/node())", "3"),
            ("string(/r/node()[2])", "\"1\""),
            ("string(//a/following-sibling::node())", "\"2\""),
            ("count(//b/preceding-sibling::node())", "1"),
            ("string(/r)", "\" 1 2 \""),
            ("string(/)", "\"\""),
        ] {
            assert!(field(document, query).contains(&format!("v={value} ")), "{query}: {}", field(document, query));
        }
    }

    #[test]
    fn attributes_can_be_selected_as_fields_and_tags() {
        let document = "<r a='1' x:b='2' xmlns:x='urn:x'><c d='3'/></r>";
        let options = [section(&[
            ("field_selection", text("//@*[name() != 'xmlns:x']")),
            ("tag_selection", text("/r/c/@d")),
            ("tag_name_expansion", Setting::Bool(true)),
        ])];
        assert_eq!(parse::<Xpath<Xml>>(document, &options), "test,r_c_d=3 a=\"1\",x:b=\"2\",d=\"3\" 0");
    }

    #[test]
    fn prefixes_are_compared_as_written() {
        let document = "<p:a xmlns:p='urn:p' xmlns='urn:d'><b>1</b><p:b>2</p:b></p:a>";
        assert_eq!(field(document, "/p:a/p:b"), "test v=\"2\" 0");
        assert_eq!(field(document, "/p:a/b"), "test v=\"1\" 0");
        assert_eq!(field(document, "namespace-uri(/p:a/b)"), "test v=\"urn:d\" 0");
        assert_eq!(field(document, "string(/a)"), "test v=\"\" 0");
    }

    #[test]
    fn names_that_occur_again_are_numbered() {
        let document = "<r><a>1</a><a_1>2</a_1><a>3</a><a>4</a></r>";
        let options = [section(&[("metric_selection", text("/r")), ("field_selection", text("*"))])];
        assert_eq!(parse::<Xpath<Xml>>(document, &options), "test a=\"1\",a_1=\"2\",a_2=\"3\",a_3=\"4\" 0");
    }

    #[test]
    fn texts_are_named_by_what_they_are_in() {
        let options = [section(&[("metric_selection", text("/r")), ("field_selection", text(".//text()"))])];
        assert_eq!(parse::<Xpath<Xml>>("<r><a>1</a><b>2</b></r>", &options), "test a=\"1\",b=\"2\" 0");
    }

    #[test]
    fn a_bad_metric_leaves_the_others_alone() {
        let document = "<r><a>1</a><a>x</a><a>3</a></r>";
        let mut parser = build::<Xpath<Xml>>(&[section(&[
            ("metric_selection", text("//a")),
            ("fields_int", queries(&[("v", ".")])),
        ])])
        .unwrap();
        let (lines, error) = read(&mut parser, document);
        assert_eq!(lines, "test v=1i 0\ntest v=3i 0");
        assert_eq!(error.unwrap(), "field \"v\": parse \"x\": invalid syntax");
    }

    #[test]
    fn encodings() {
        let options = [section(&[("fields", queries(&[("v", "/a")]))])];
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>gr\xfc\xdfe</a>";
        assert_eq!(bytes::<Xpath<Xml>>(&options, latin).0, "test v=\"grüße\" 0");
        let wide: Vec<u8> = "\u{feff}<a>grüße</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(bytes::<Xpath<Xml>>(&options, &wide).0, "test v=\"grüße\" 0");
        let unknown = b"<?xml version='1.0' encoding='klingon'?><a/>";
        assert_eq!(bytes::<Xpath<Xml>>(&options, unknown).1.unwrap(), "read XML: unknown encoding \"klingon\"");
    }

    #[test]
    fn what_is_no_xml_is_refused_with_its_line() {
        let options = [section(&[("fields", queries(&[("v", "/a")]))])];
        for (document, error) in [
            ("<a>\n<b></a>", "line 2: ill-formed document: expected `</b>`, but `</a>` was found"),
            ("<a>", "line 1: an element is not closed"),
            ("<a>&up;</a>", "line 1: unknown entity \"up\""),
            ("<a b='&up;'/>", "line 1: at 1..3: unrecognized entity `up`"),
        ] {
            let (lines, found) = read(&mut build::<Xpath<Xml>>(&options).unwrap(), document);
            assert_eq!((lines.as_str(), found.unwrap()), ("", format!("read XML: {error}")), "{document}");
        }
        let deep = "<a>".repeat(2000);
        assert!(read(&mut build::<Xpath<Xml>>(&options).unwrap(), &deep).1.unwrap().contains("nested deeper"));
    }

    #[test]
    fn mistakes_in_queries_are_found_at_the_start() {
        let error = |options: &[(&str, Setting)]| format!("{:#}", build::<Xpath<Xml>>(options).err().unwrap());
        let one = section(&[("fields", queries(&[("n", "count(")]))]);
        assert_eq!(error(&[one]), "fields n \"count(\": expected a name or a value, not the end at byte 6");
        let zone = error(&[section(&[("timezone", text("Mars/Olympus"))])]);
        assert!(zone.contains("Mars/Olympus"), "{zone}");
    }

    #[test]
    fn the_older_name_of_the_sections_adds_to_them() {
        let span = Span::default();
        let older = Setting::Array(vec![Item { value: table(&[("fields", queries(&[("b", "/r/b")]))]), span }]);
        let options = [section(&[("fields", queries(&[("a", "/r/a")]))]), ("xml", older)];
        assert_eq!(parse::<Xpath<Xml>>("<r><a>1</a><b>2</b></r>", &options), "test a=\"1\" 0\ntest b=\"2\" 0");
    }

    #[test]
    fn any_text_is_read_or_refused() {
        let parts = [
            "<a>",
            "</a>",
            "<a b='1'>",
            "<a/>",
            "&amp;",
            "&#x20;",
            "&x;",
            "x",
            "<!--c-->",
            "<![CDATA[d]]>",
            "<?p?>",
            "<",
            ">",
        ];
        let options = [
            section(&[("metric_selection", text("//*")), ("field_selection", text("descendant::node()|@*"))]),
            ("xpath_allow_empty_selection", Setting::Bool(true)),
        ];
        any_text_is_read_or_refused_by::<Xml>(&parts, &options);
    }
}

/// No document makes the parser fail otherwise than by an error, and what is read of one is read again.
fn any_text_is_read_or_refused_by<S: Source>(parts: &[&str], options: &[(&str, Setting)]) {
    let mut parser = build::<Xpath<S>>(options).unwrap();
    let mut good = 0;
    for document in random_texts(parts, 12, 5000) {
        let (lines, error) = read(&mut parser, &document);
        assert_eq!(read(&mut parser, &document), (lines.clone(), error.clone()), "{document:?}");
        assert!(error.is_none_or(|e| !e.is_empty()));
        good += usize::from(!lines.is_empty());
    }
    assert!(good > 20, "{good} of 5000 documents were read");
}

#[cfg(feature = "xpath_json")]
mod json {
    use super::*;
    use crate::xpath::json::Json;

    fn fields(document: &str, native: bool, list: &[(&str, &str)]) -> String {
        let options = [section(&[("fields", queries(list))]), ("xpath_native_types", Setting::Bool(native))];
        parse::<Xpath<Json>>(document, &options)
    }

    #[test]
    fn values_as_text_and_as_they_are() {
        let document = r#"{"o":{"b":1,"a":[1.5,"x",null,true]},"n":1000000,"s":"<\u00e9>","t":true,"z":null}"#;
        let list = [("o", "/o"), ("n", "/n"), ("s", "/s"), ("t", "/t"), ("z", "/z")];
        assert_eq!(
            fields(document, false, &list),
            r#"test n="1000000",o="{\"a\":[1.5,\"x\",null,true],\"b\":1}",s="<é>",t="true",z="null" 0"#
        );
        assert_eq!(
            fields(document, true, &list),
            r#"test n=1000000,o="map[a:[1.5 x <nil> true] b:1]",s="<é>",t=true 0"#
        );
        // The text below an element is the value as Go prints it.
        assert_eq!(
            fields(document, false, &[("n", "/n/text()"), ("z", "/z/text()")]),
            "test n=\"1e+06\",z=\"<nil>\" 0"
        );
    }

    #[test]
    fn members_are_in_order_and_the_last_of_a_name_counts() {
        let document = r#"{"b":1,"a":2,"\u0062":3}"#;
        assert_eq!(
            fields(document, true, &[("v", "count(/*)"), ("b", "/b"), ("first", "name(/*)")]),
            "test b=3,first=\"a\",v=2 0"
        );
    }

    #[test]
    fn elements_of_arrays_are_named_by_their_number() {
        let document = r#"{"a":[[1,2],[{"x":3}]],"b":[5]}"#;
        let options = [
            section(&[
                ("field_selection", text("descendant::*[not(*)]")),
                ("field_name_expansion", Setting::Bool(true)),
            ]),
            NATIVE,
        ];
        assert_eq!(parse::<Xpath<Json>>(document, &options), "test a_0_0=1,a_0_1=2,a_1_0_x=3,b_0=5 0");
        let options = [section(&[("field_selection", text("/b/*"))]), NATIVE];
        assert_eq!(parse::<Xpath<Json>>(document, &options), "test b_0=5 0");
    }

    #[test]
    fn tags_times_and_names() {
        let document = r#"{"m":"disk","t":1600000000.5,"list":[{"id":7,"up":true,"v":1},{"id":8,"up":false,"v":2}]}"#;
        let options = [
            section(&[
                ("metric_selection", text("/list/*")),
                ("metric_name", text("/m")),
                ("timestamp", text("/t")),
                ("tag_selection", text("id")),
                ("tags", queries(&[("up", "up"), ("big", "number(id) * 1000000")])),
                ("fields_int", queries(&[("v", "v"), ("none", "number(w)")])),
            ]),
            NATIVE,
        ];
        assert_eq!(
            parse::<Xpath<Json>>(document, &options),
            "disk,big=7E+06,id=7,up=true v=1i 1600000000500000000\ndisk,big=8E+06,id=8,up=false v=2i 1600000000500000000"
        );
        let missing = [section(&[("metric_name", text("name")), ("fields", queries(&[("m", "/m")]))])];
        let (lines, error) = read(&mut build::<Xpath<Json>>(&missing).unwrap(), document);
        assert_eq!(lines, "");
        assert_eq!(error.unwrap(), "metric_name \"name\" leads to nothing (a fixed name needs quotes of its own)");
    }

    #[test]
    fn nothing_after_an_empty_selection_is_read() {
        let span = Span::default();
        let of = |query| Item {
            value: table(&[("metric_selection", text(query)), ("fields", queries(&[("v", ".")]))]),
            span,
        };
        let sections = ("xpath", Setting::Array(vec![of("/a"), of("/none"), of("/b")]));
        let (lines, error) =
            read(&mut build::<Xpath<Json>>(std::slice::from_ref(&sections)).unwrap(), r#"{"a":1,"b":2}"#);
        assert_eq!(
            (lines.as_str(), error.unwrap().as_str()),
            ("test v=\"1\" 0", "metric_selection \"/none\" selects nothing")
        );
        let allow = ("xpath_allow_empty_selection", Setting::Bool(true));
        assert_eq!(parse::<Xpath<Json>>(r#"{"a":1,"b":2}"#, &[sections, allow]), "test v=\"1\" 0\ntest v=\"2\" 0");
    }

    #[test]
    fn hostile_documents_are_refused() {
        let options = [section(&[("fields", queries(&[("v", "//a")]))])];
        let deep = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
        let error = read(&mut build::<Xpath<Json>>(&options).unwrap(), &deep).1.unwrap();
        assert_eq!(error, "read JSON: nested deeper than 500 levels");
    }

    #[test]
    fn any_text_is_read_or_refused() {
        let parts = [
            r#"{"a":[1,2]}"#,
            r#"{"b":{"a":null},"a":"\u00e9"}"#,
            "[",
            "]",
            "{",
            "}",
            ",",
            r#""a":"#,
            "-2.5e3",
            "true",
        ];
        let options = [
            section(&[("metric_selection", text("//*")), ("field_selection", text("descendant-or-self::node()"))]),
            ("xpath_allow_empty_selection", Setting::Bool(true)),
            NATIVE,
        ];
        any_text_is_read_or_refused_by::<Json>(&parts, &options);
    }
}

#[cfg(feature = "xpath_msgpack")]
mod msgpack {
    use super::*;
    use crate::xpath::msgpack::MsgPack;

    fn value(bytes: &[u8]) -> String {
        let mut document = vec![0x81, 0xa1, b'v'];
        document.extend_from_slice(bytes);
        let options = [section(&[("fields", queries(&[("v", "/v")]))]), NATIVE];
        let (lines, error) = super::bytes::<Xpath<MsgPack>>(&options, &document);
        error.unwrap_or(lines)
    }

    #[test]
    fn every_type() {
        for (bytes, expected) in [
            (&[0x07][..], "7"),
            (&[0xff], "-1"),
            (&[0xc3], "true"),
            (&[0xcc, 200], "200"),
            (&[0xcd, 1, 0], "256"),
            (&[0xd0, 0x80], "-128"),
            (&[0xd1, 0xff, 0xfe], "-2"),
            (&[0xd3, 255, 255, 255, 255, 255, 255, 255, 253], "-3"),
            (&[0xca, 0x3d, 0xcc, 0xcc, 0xcd], "0.1"),
            (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
            (&[0xa2, b'h', b'i'], "\"hi\""),
            (&[0xd9, 2, b'h', b'i'], "\"hi\""),
            (&[0xc4, 2, 1, 2], "\"AQI=\""),
            (&[0x92, 1, 0xc0], "\"[1 <nil>]\""),
            (&[0x81, 0x05, 1], "\"map[5:1]\""),
            (&[0xd6, 0xff, 0x5f, 0x5e, 0x10, 0], "\"2020-09-13T12:26:40Z\""),
            (&[0xd4, 7, 9], "\"map[data:CQ== type:7]\""),
        ] {
            assert_eq!(value(bytes), format!("test v={expected} 0"), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_messagepack_is_refused() {
        assert_eq!(value(&[0xc1]), "read MessagePack at byte 4: 0xc1 is no type");
        assert_eq!(value(&[0xdd, 255, 255, 255, 255]), "read MessagePack at byte 8: it ends too early");
        assert!(value(&[0x91; 1000]).contains("nested deeper"));
    }

    #[test]
    fn a_map_in_the_key_of_a_map_in_a_key_is_refused() {
        // Each level would double the backslashes of the one within; 180 bytes filled the memory.
        assert_eq!(value(&[0x81; 100]), "read MessagePack at byte 4: a map or an array as a key");
        assert_eq!(value(&[0x81, 0xdc, 0, 0, 1]), "read MessagePack at byte 4: a map or an array as a key");
    }
}

#[cfg(feature = "xpath_cbor")]
mod cbor {
    use super::*;
    use crate::xpath::cbor::Cbor;

    fn ask(bytes: &[u8], native: bool) -> String {
        let mut document = vec![0xa1, 0x61, b'v'];
        document.extend_from_slice(bytes);
        let options = [section(&[("fields", queries(&[("v", "/v")]))]), ("xpath_native_types", Setting::Bool(native))];
        let (lines, error) = super::bytes::<Xpath<Cbor>>(&options, &document);
        error.unwrap_or(lines)
    }

    #[test]
    fn every_type() {
        for (bytes, native, text) in [
            (&[0x07][..], "7u", "7"),
            (&[0x38, 0x63], "-100i", "-100"),
            (&[0x18, 200], "200u", "200"),
            (&[0xf9, 0x3e, 0], "1.5", "1.5"),
            (&[0xfa, 0x47, 0xc3, 0x50, 0], "100000", "100000"),
            (&[0xfb, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0], "-1.5", "-1.5"),
            (&[0xf5], "true", "true"),
            (&[0x62, b'h', b'i'], "\"hi\"", "hi"),
            (&[0x7f, 0x61, b'h', 0x61, b'i', 0xff], "\"hi\"", "hi"),
            (&[0x42, 1, 2], "\"\\u{1}\\u{2}\"", "[1 2]"),
            (&[0xa1, 0x01, 0x02], "\"map[n1:2]\"", "map[n1:2]"),
            (&[0xc1, 0x1a, 0x5f, 0x5e, 0x10, 0], "\"2020-09-13 12:26:40 +0000 UTC\"", "2020-09-13 12:26:40 +0000 UTC"),
            (&[0xc2, 0x42, 1, 0], "\"256\"", "256"),
        ] {
            assert_eq!(ask(bytes, true), format!("test v={native} 0"), "{bytes:x?}");
            assert_eq!(ask(bytes, false), format!("test v={text:?} 0"), "{bytes:x?}");
        }
        assert_eq!(ask(&[0xf6], true), "");
        assert_eq!(ask(&[0xf6], false), "test v=\"<nil>\" 0");
    }

    #[test]
    fn arrays_repeat_their_name() {
        // {"a": [1, [2]], "b": {}}
        let document = [0xa2, 0x61, b'a', 0x82, 1, 0x81, 2, 0x61, b'b', 0xa0];
        let options = [
            section(&[
                ("field_selection", text("descendant::*[not(*)]")),
                ("field_name_expansion", Setting::Bool(true)),
            ]),
            NATIVE,
        ];
        let (lines, error) = super::bytes::<Xpath<Cbor>>(&options, &document);
        assert_eq!((lines.as_str(), error), ("test a=1u,a_element=2u,b=\"map[]\" 0", None));
    }

    #[test]
    fn what_is_no_cbor_is_refused() {
        assert_eq!(
            ask(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255], true),
            "read CBOR at byte 12: it ends too early"
        );
        assert_eq!(ask(&[1, 2], true), "read CBOR: 1 bytes behind the document");
        assert_eq!(ask(&[0x1c], true), "read CBOR at byte 4: 28 is no length");
        assert_eq!(ask(&[0xff], true), "read CBOR at byte 4: an end without a beginning");
        assert!(ask(&[0x81; 1000], true).contains("nested deeper"));
        assert!(ask(&[0xc0; 1000], true).contains("nested deeper"));
    }
}
