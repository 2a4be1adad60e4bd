//! The parser on messages written by hand; Telegraf's own cases run from outside.

use super::flatten::{Value, decimal};
use super::schema::Schema;
use super::*;
use crate::testing::{build, list, random_texts, text};
use agent_api::options::Setting;
use agent_api::{Body, Collector, Parser, Value as Field};
use agent_net::testing::{Reply, Stub};

/// What a parser gives of a message, a line for each metric, or its error.
fn read(parser: &mut Avro, message: &[u8]) -> String {
    let mut out = Collector::new();
    let error = parser.parse(&Body::new(message.to_vec()), &mut out).err();
    let mut batch = out.take();
    batch.settle_times(0, 0);
    let mut lines: Vec<String> = batch
        .iter()
        .map(|m| {
            let tags: String = m.tags().map(|(k, v)| format!(",{k}={v}")).collect();
            let fields: Vec<String> = m
                .fields()
                .map(|(k, v)| match v {
                    Field::Str(v) => format!("{k}={v:?}"),
                    Field::Float(v) => format!("{k}={v}"),
                    Field::Int(v) => format!("{k}={v}i"),
                    Field::Uint(v) => format!("{k}={v}u"),
                    Field::Bool(v) => format!("{k}={v}"),
                })
                .collect();
            format!("{}{tags} {} {}", m.name(), fields.join(","), m.time())
        })
        .collect();
    lines.extend(error.map(|e| e.to_string()));
    lines.join("\n")
}

fn with(schema: &str, options: &[(&str, Setting)]) -> Avro {
    let mut all = vec![("avro_schema", text(schema))];
    all.extend_from_slice(options);
    build::<Avro>(&all).unwrap()
}

const ALL: &str = r#"{"type": "record", "name": "All", "namespace": "n", "fields": [
    {"name": "b", "type": "boolean"}, {"name": "i", "type": "int"}, {"name": "l", "type": {"type": "long"}},
    {"name": "f", "type": "float"}, {"name": "d", "type": "double"}, {"name": "s", "type": "string"},
    {"name": "y", "type": "bytes"}, {"name": "x", "type": {"type": "fixed", "name": "Two", "size": 2}},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
    {"name": "a", "type": {"type": "array", "items": "int"}}, {"name": "m", "type": {"type": "map", "values": "string"}},
    {"name": "u", "type": ["null", "E", {"type": "record", "name": "Inner", "fields": [{"name": "v", "type": "int"}]}]}]}"#;

fn all() -> Vec<u8> {
    [
        &[1, 3, 0x80, 2][..],
        &0.5f32.to_le_bytes(),
        &1.5f64.to_le_bytes(),
        &[4, b'h', b'i', 2, b'y', b'o', b'k', 2],
        // An array in two blocks, the second with its size; a map.
        &[2, 2, 1, 2, 4, 0, 2, 2, b'k', 2, b'v', 0],
        &[4, 14],
    ]
    .concat()
}

#[test]
fn every_type() {
    let expected = "n.All b=true,i=-2i,l=128i,f=0.5,d=1.5,s=\"hi\",y=\"y\",x=\"ok\",e=\"B\",a_0=1i,a_1=2i,m_k=\"v\",u_n.Inner_v=7i 0";
    assert_eq!(read(&mut with(ALL, &[("avro_field_separator", text("_"))]), &all()), expected);
    let bare = expected.replace("u_n.Inner_v", "u_v");
    let options = [("avro_field_separator", text("_")), ("avro_union_mode", text("nullable"))];
    assert_eq!(read(&mut with(ALL, &options), &all()), bare);
    let json =
        br#"{"b": true, "i": -2, "l": 128, "f": 0.5, "d": 1.5, "s": "hi", "y": "y", "x": "ok", "e": "B", "a": [1, 2],
        "m": {"k": "v"}, "u": {"n.Inner": {"v": 7}}}"#;
    let options = [("avro_field_separator", text("_")), ("avro_format", text("json"))];
    assert_eq!(read(&mut with(ALL, &options), json), expected);
}

#[test]
fn names_tags_fields_and_times() {
    let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "host", "type": "string"}, {"name": "m", "type": "string"},
        {"name": "t", "type": ["null", "long"]}, {"name": "v", "type": {"type": "bytes", "logicalType": "decimal", "scale": 2}}]}"#;
    let message =
        [&[2, b'a', 6, b'c', b'p', b'u', 2][..], &[0x80, 0x80, 0xf8, 0xfa, 0x87, 0x5d], &[4, 0x01, 0x2d]].concat();
    let options = [
        ("avro_measurement_field", text("m")),
        ("avro_tags", list(&["host"])),
        ("avro_fields", list(&["v"])),
        ("avro_timestamp", text("t")),
        ("avro_timestamp_format", text("unix_ms")),
    ];
    assert_eq!(read(&mut with(schema, &options), &message), "cpu,host=a v=3.01 1598796267520000000");
    assert_eq!(
        read(&mut with(schema, &[("avro_tags", list(&["host", "m"]))]), &message),
        "R,host=a,m=cpu tlong=1598796267520i,v=3.01 0"
    );
    let options =
        [("avro_measurement", text("x")), ("avro_tags", list(&["host", "m", "v"])), ("avro_fields", list(&["none"]))];
    assert_eq!(read(&mut with(schema, &options), &message), "a record without fields");
    let options = [("avro_timestamp", text("none"))];
    assert_eq!(read(&mut with(schema, &options), &message), "avro_timestamp: no field \"none\"");
}

#[test]
fn arrays_give_a_metric_of_each_record_and_single_objects_lose_their_mark() {
    let list =
        r#"{"type": "array", "items": {"type": "record", "name": "R", "fields": [{"name": "v", "type": "int"}]}}"#;
    let options = [("avro_measurement", text("m")), ("avro_include_index_tag", Setting::Bool(true))];
    assert_eq!(read(&mut with(list, &options), &[4, 2, 4, 0]), "m,array_index=0 v=1i 0\nm,array_index=1 v=2i 0");
    let one = r#"{"type": "record", "name": "R", "fields": [{"name": "v", "type": "long"}]}"#;
    let mut parser = with(one, &[]);
    assert_eq!(read(&mut parser, &[0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 6]), "R v=3i 0");
    assert_eq!(read(&mut parser, &[0xc3, 1]), "R v=-98i 0");
}

#[test]
fn defaults_of_json_and_records_that_hold_themselves() {
    let schema = r#"{"type": "record", "name": "R", "namespace": "a.b", "fields": [{"name": "v", "type": ["int", "null"], "default": 5},
        {"name": "next", "type": ["null", "R"], "default": null}]}"#;
    let options =
        [("avro_format", text("json")), ("avro_union_mode", text("any")), ("avro_field_separator", text("."))];
    let mut parser = with(schema, &options);
    assert_eq!(read(&mut parser, br#"{"next": {"a.b.R": {"v": {"int": 6}}}}"#), "a.b.R v=5i,next.v=6i 0");
    assert_eq!(read(&mut parser, br#"{"v": {"null": null}, "next": {"a.b.R": {}}}"#), "a.b.R next.v=5i 0");
    // On the wire: without end.
    let mut parser = with(schema, &[]);
    assert!(read(&mut parser, &[2, 2].repeat(500)).ends_with("nested deeper than 100 levels"));
}

#[test]
fn what_is_no_message_is_refused() {
    let mut parser = with(ALL, &[]);
    for (message, error) in [
        (&[][..], "byte 0: \"b\": it ends too early"),
        (&[2], "byte 1: \"b\": 2 is no boolean"),
        (
            &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "byte 11: \"i\": a number longer than ten bytes",
        ),
    ] {
        assert_eq!(read(&mut parser, message), format!("read Avro: {error}"), "{message:x?}");
    }
    // Many values in few bytes.
    let mut parser = with(r#"{"type": "array", "items": "null"}"#, &[]);
    let long = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert!(read(&mut parser, &long).ends_with("too many values"));
}

#[test]
fn mistakes_in_settings_are_found_at_the_start() {
    let error = |options: &[(&str, Setting)]| format!("{:#}", build::<Avro>(options).err().unwrap());
    let schema = ("avro_schema", text("\"int\""));
    assert_eq!(error(&[]), "exactly one of avro_schema and avro_schema_registry has to be given, not none");
    assert!(error(&[schema.clone(), ("avro_schema_registry", text("http://a"))]).ends_with("not both"));
    assert_eq!(error(&[schema.clone(), ("avro_format", text("xml"))]), "avro_format: \"xml\" is none of binary, json");
    assert!(error(&[schema.clone(), ("avro_union_mode", text("x"))]).starts_with("avro_union_mode"));
    assert!(error(&[schema, ("avro_timestamp_format", text("x"))]).starts_with("avro_timestamp_format"));
    assert!(error(&[("avro_schema_registry", text("ftp://a"))]).contains("unsupported scheme"));
    for (schema, cause) in [
        ("{", "EOF"),
        ("\"Other\"", "unknown type \"Other\""),
        ("{\"type\": \"record\", \"name\": \"R\"}", "a record without fields"),
        ("{\"type\": \"fixed\", \"name\": \"F\"}", "\"F\" has no size"),
        ("{\"type\": \"enum\", \"symbols\": []}", "without a name"),
        ("5", "5 is no type"),
    ] {
        let error = error(&[("avro_schema", text(schema))]);
        assert!(error.starts_with("avro_schema: read schema: ") && error.contains(cause), "{schema}: {error}");
    }
}

#[test]
fn decimals() {
    assert_eq!(decimal(&[0x01, 0x2d], 2), Some(Value::Float(3.01)));
    assert_eq!(decimal(&[0xff], 1), Some(Value::Float(-0.1)));
    assert_eq!(decimal(&[], 0), Some(Value::Float(0.0)));
    assert_eq!(decimal(&[0; 17], 0), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_a_registry_are_asked_for_once() {
    let stub = Stub::new(|seen| match seen.line.as_str() {
        "GET /base/schemas/ids/7" => Reply::new(
            200,
            r#"{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"}]}"}"#,
        ),
        _ => Reply::new(404, "no such schema"),
    })
    .await;
    let url = stub.url("/base/").replace("http://", "http://us%40er:pass@");
    let mut parser = build::<Avro>(&[("avro_schema_registry", text(&url))]).unwrap();
    assert_eq!(read(&mut parser, &[0, 0, 0, 0, 7, 2]), "R v=1i 0");
    assert_eq!(read(&mut parser, &[0, 0, 0, 0, 7, 4]), "R v=2i 0");
    let error = read(&mut parser, &[0, 0, 0, 0, 8, 4]);
    assert!(
        error.starts_with("ask ") && error.contains("for schema 8: answer 404") && !error.contains("pass"),
        "{error}"
    );
    assert_eq!(read(&mut parser, &[0, 0, 0, 0, 8, 4]), error);
    assert_eq!(read(&mut parser, &[0, 0, 0]), "read Avro: 3 bytes are too few for the number of a schema");
    assert!(read(&mut parser, &[1, 0, 0, 0, 8, 4]).contains("does not begin with 0"));
    let seen = stub.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].header("authorization"), Some("Basic dXNAZXI6cGFzcw=="));
}

/// Any bytes are read by any schema, or refused.
#[test]
fn anything_is_read_or_refused() {
    let mut parsers: Vec<Avro> =
        [ALL, r#"{"type": "array", "items": ["null", "long", {"type": "map", "values": "bytes"}]}"#]
            .iter()
            .flat_map(|schema| [with(schema, &[]), with(schema, &[("avro_format", text("json"))])])
            .collect();
    for document in
        random_texts(&["\u{0}", "\u{1}", "\u{2}", "\u{4}", "a", "{", "}", "[", "]", "\"a\"", ":", ",", "é"], 20, 3000)
    {
        for parser in &mut parsers {
            read(parser, document.as_bytes());
        }
    }
    let mut good = 0;
    for schema in random_texts(
        &["[", "]", ",", "\"int\"", "{\"type\":", "}", "\"null\"", "{\"type\":\"array\",\"items\":\"int\"}"],
        8,
        3000,
    ) {
        good += usize::from(Schema::parse(&schema).is_ok());
    }
    assert!(good > 10, "{good}");
}
