//! What messages become, what metrics become, and that the one is the other's way back.

use super::{Messages, Writer};
use crate::testing::{build, text};
use agent_api::options::{Item, Setting, Span};
use agent_api::{Batch, Body, Collector, Parser, Plugin, Serializer, Table};

/// Settings as JSON, as they are nested.
fn setting(json: &serde_json::Value) -> Setting {
    let span = Span::default();
    match json {
        serde_json::Value::Bool(v) => Setting::Bool(*v),
        serde_json::Value::Number(v) => Setting::Int(v.as_i64().unwrap()),
        serde_json::Value::String(v) => text(v),
        serde_json::Value::Array(items) => {
            Setting::Array(items.iter().map(|v| Item { value: setting(v), span }).collect())
        }
        serde_json::Value::Object(entries) => {
            let mut table = Table::default();
            entries.iter().for_each(|(key, v)| table.set(key, span, Item { value: setting(v), span }));
            Setting::Table(table)
        }
        serde_json::Value::Null => unreachable!("TOML has no null"),
    }
}

fn make<P: Plugin>(json: &str) -> agent_api::Result<P> {
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let settings: Vec<(String, Setting)> =
        json.as_object().unwrap().iter().map(|(k, v)| (k.clone(), setting(v))).collect();
    build::<P>(&settings.iter().map(|(k, v)| (k.as_str(), v.clone())).collect::<Vec<_>>())
}

fn read(options: &str, message: &[u8]) -> (String, Option<String>) {
    let mut out = Collector::new();
    let error = make::<Messages>(options).unwrap().parse(&Body::new(message.to_vec()), &mut out).err();
    let mut batch = out.take();
    batch.settle_times(0, 0);
    (batch.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>().join("\n"), error.map(|e| e.to_string()))
}

fn entries(entries: &str) -> String {
    format!(r#"{{"endianness": "be", "binary": [{{"entries": [{entries}]}}]}}"#)
}

#[test]
fn elements_follow_each_other_to_the_bit() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            r#"{"name": "a", "type": "uint8"}, {"name": "b", "type": "INT16"}"#,
            &[255, 0xff, 0xfe],
            "test a=Uint(255),b=Int(-2) 0",
        ),
        (
            r#"{"bits": 4, "omit": true}, {"name": "a", "type": "uint16", "bits": 12}"#,
            &[0x1a, 0xbc],
            "test a=Uint(2748) 0",
        ),
        (
            r#"{"name": "f", "type": "float32"}, {"name": "d", "type": "float64"}"#,
            &[0x3f, 0, 0, 0, 0x40, 9, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18],
            "test f=Float(0.5),d=Float(3.141592653589793) 0",
        ),
        (
            r#"{"name": "x", "type": "bool"}, {"name": "y", "type": "bool", "bits": 7}, {"name": "s", "type": "string", "bits": 16}"#,
            &[0x80, b'h', b'i'],
            "test x=Bool(true),y=Bool(false),s=Str(\"hi\") 0",
        ),
        (
            r#"{"assignment": "measurement", "terminator": "null"}, {"name": "t", "assignment": "tag", "terminator": "0x0D0A"}, {"name": "n", "type": "uint8"}"#,
            b"pump\0a\rb\r\n\x07",
            "pump,t=a\rb n=Uint(7) 0",
        ),
        (
            r#"{"name": "t", "assignment": "tag", "type": "float32"}, {"name": "b", "assignment": "tag", "type": "bool", "bits": 8}, {"name": "n", "type": "uint8"}"#,
            &[0x3f, 0x99, 0x99, 0x9a, 1, 5],
            "test,b=true,t=1.2 n=Uint(5) 0",
        ),
        (
            r#"{"name": "n", "type": "uint8"}, {"assignment": "time"}"#,
            &[1, 0, 0, 0, 0, 0x5f, 0x5e, 0x10, 0],
            "test n=Uint(1) 1600000000000000000",
        ),
        (
            r#"{"name": "n", "type": "uint8"}, {"assignment": "time", "type": "2006-01-02 15:04", "timezone": "Europe/Berlin"}"#,
            b"\x012000-07-10 14:00",
            "test n=Uint(1) 963230400000000000",
        ),
        (r#"{"type": "int32", "omit": true}, {"name": "n", "type": "uint8"}"#, &[0, 0, 0, 0, 9], "test n=Uint(9) 0"),
    ];
    for (list, message, want) in cases {
        assert_eq!(read(&entries(list), message), ((*want).to_owned(), None), "{list}");
    }
    let little = r#"{"endianness": "le", "binary": [{"metric_name": "m", "entries": [{"name": "n", "type": "uint32", "bits": 24}]}]}"#;
    assert_eq!(read(little, &[1, 2, 3]).0, "m n=Uint(197121) 0");
}

#[test]
fn filters_choose_sections() {
    let section = |name: &str, filter: &str| {
        format!(
            r#"{{"metric_name": "{name}", "entries": [{{"omit": true, "bits": 8}}, {{"name": "n", "type": "uint8"}}], "filter": {{{filter}}}}}"#
        )
    };
    let options = |more: &str| {
        format!(
            r#"{{"endianness": "be"{more}, "binary": [{}, {}, {}]}}"#,
            section("a", r#""selection": [{"offset": 0, "bits": 4, "match": "0x0A"}]"#),
            section("b", r#""length": 2"#),
            section("c", r#""length_min": 3"#)
        )
    };
    assert_eq!(read(&options(""), &[0xa0, 1]).0, "a n=Uint(1) 0\nb n=Uint(1) 0");
    assert_eq!(read(&options(""), &[0xb0, 1, 2]).0, "c n=Uint(1) 0");
    assert_eq!(
        read(&options(""), &[1]),
        (String::new(), Some("no section matches this message of 1 bytes".to_owned()))
    );
    assert_eq!(read(&options(", \"allow_no_match\": true"), &[1]), (String::new(), None));
    let (got, error) = read(&options(""), &[0xa0]);
    assert!(got.is_empty() && error.unwrap().contains("ends before the 8 bits at bit 8"));
}

#[test]
fn messages_may_be_packed() {
    let packed = |encoding: &str| {
        format!(r#"{{"endianness": "be", {encoding}, "binary": [{{"entries": [{{"name": "n", "type": "uint16"}}]}}]}}"#)
    };
    for (encoding, message) in [
        (r#""binary_encoding": "hex""#, "0x 00\t2A\n"),
        (r#""hex_encoding": true"#, "002a"),
        (r#""binary_encoding": "base64""#, "ACo=\n"),
    ] {
        assert_eq!(read(&packed(encoding), message.as_bytes()), ("test n=Uint(42) 0".to_owned(), None), "{encoding}");
    }
    assert!(read(&packed(r#""binary_encoding": "hex""#), b"0x1").1.unwrap().starts_with("decode hex: "));
    assert!(read(&packed(r#""binary_encoding": "base64""#), b"?").1.unwrap().starts_with("decode base64: "));
}

#[test]
fn mistakes_in_settings() {
    let bad = [
        r#"{"type": "uint8"}"#,
        r#"{"name": "a"}"#,
        r#"{"name": "a", "type": "uint7"}"#,
        r#"{"name": "a", "type": "uint8", "bits": 9}"#,
        r#"{"name": "a", "type": "string"}"#,
        r#"{"name": "a", "type": "string", "bits": 7}"#,
        r#"{"name": "a", "type": "string", "bits": 8, "terminator": "null"}"#,
        r#"{"name": "a", "type": "string", "terminator": "0xzz"}"#,
        r#"{"name": "a", "type": "uint8"}, {"name": "a", "type": "uint8"}"#,
        r#"{"name": "a", "type": "uint8", "assignment": "odd"}"#,
        r#"{"name": "a", "type": "uint8"}, {"omit": true}"#,
        r#"{"name": "a", "type": "uint8"}, {"omit": true, "type": "string"}"#,
        r#"{"name": "a", "type": "uint8"}, {"assignment": "measurement", "type": "uint8"}"#,
        r#"{"name": "a", "type": "uint8"}, {"assignment": "time", "timezone": "No/Where"}"#,
        r#"{"name": "a", "type": "uint8"}, {"assignment": "time", "bits": 65}"#,
        r#"{"name": "a", "type": "uint8", "assignment": "tag"}"#,
    ];
    for list in bad {
        let error = make::<Messages>(&entries(list)).err().unwrap_or_else(|| panic!("{list}"));
        assert!(format!("{error:#}").starts_with("binary: section 1: "), "{error:#}");
    }
    assert!(make::<Messages>(r#"{"endianness": "middle", "binary": []}"#).is_err());
    assert!(make::<Messages>(r#"{"endianness": "be"}"#).is_err());
    assert!(make::<Messages>(r#"{"binary_encoding": "rot13", "binary": []}"#).is_err());
}

fn metric() -> Batch {
    let mut batch = Batch::new();
    let m = batch.metric("pump").tag("zone", "north").field("rpm", 1200i64).field("load", 0.5).field("on", true);
    drop(m.field("big", u64::MAX).field("text", "42").time(1_600_000_000_123_456_789));
    batch
}

#[test]
fn metrics_become_messages() {
    let write = |list: &str| {
        let mut out = Vec::new();
        let mut writer = make::<Writer>(&format!(r#"{{"endianness": "be", "entries": [{list}]}}"#))?;
        writer.serialize(metric().at(0), &mut out).map(|()| out)
    };
    let cases: &[(&str, &[u8])] = &[
        (r#"{"name": "rpm", "data_format": "int16"}, {"name": "on", "data_format": "uint8"}"#, &[4, 0xb0, 1]),
        (
            r#"{"name": "load", "data_format": "float32"}, {"name": "text", "data_format": "int8"}"#,
            &[0x3f, 0, 0, 0, 42],
        ),
        (
            r#"{"read_from": "name", "string_length": 6}, {"read_from": "tag", "name": "zone", "data_format": "string", "string_length": 4, "string_terminator": "0x21"}"#,
            b"pump\0\0nor!",
        ),
        (
            r#"{"read_from": "time", "data_format": "uint32"}, {"read_from": "time", "time_format": "unix_ms", "data_format": "int64"}"#,
            &[0x5f, 0x5e, 0x10, 0, 0, 0, 1, 0x74, 0x87, 0x6e, 0x80, 0x7b],
        ),
        (
            r#"{"name": "load", "data_format": "string", "string_length": 4}, {"name": "big", "data_format": "uint64"}"#,
            b"0.5\0\xff\xff\xff\xff\xff\xff\xff\xff",
        ),
    ];
    for (list, want) in cases {
        assert_eq!(write(list).unwrap(), *want, "{list}");
    }
    for list in [
        r#"{"name": "none", "data_format": "int8"}"#,
        r#"{"name": "rpm", "data_format": "int8"}"#,
        r#"{"name": "big", "data_format": "int64"}"#,
        r#"{"read_from": "tag", "name": "zone", "data_format": "float64"}"#,
        r#"{"data_format": "int8"}"#,
        r#"{"name": "rpm"}"#,
        r#"{"name": "rpm", "data_format": "int9"}"#,
        r#"{"name": "rpm", "data_format": "string"}"#,
        r#"{"name": "rpm", "data_format": "string", "string_length": 3, "string_terminator": "0x0d0a"}"#,
        r#"{"read_from": "name", "data_format": "int8"}"#,
        r#"{"read_from": "time", "data_format": "int64", "time_format": "hours"}"#,
        r#"{"read_from": "odd", "name": "rpm", "data_format": "int8"}"#,
        "",
    ] {
        assert!(write(list).is_err(), "{list}");
    }
}

#[test]
fn what_was_written_is_read_back() {
    let fields = [("rpm", "int32"), ("load", "float64"), ("on", "uint8"), ("big", "uint64")];
    for order in ["be", "le"] {
        let list = |kind: &str| {
            fields.map(|(name, format)| format!(r#"{{"name": "{name}", "{kind}": "{format}"}}"#)).join(",")
        };
        let mut out = Vec::new();
        let mut writer =
            make::<Writer>(&format!(r#"{{"endianness": "{order}", "entries": [{}]}}"#, list("data_format"))).unwrap();
        writer.serialize(metric().at(0), &mut out).unwrap();
        let options = format!(
            r#"{{"endianness": "{order}", "binary": [{{"metric_name": "pump", "entries": [{}]}}]}}"#,
            list("type")
        );
        assert_eq!(
            read(&options, &out).0,
            "pump rpm=Int(1200),load=Float(0.5),on=Uint(1),big=Uint(18446744073709551615) 0"
        );
    }
}
