//! Definitions and documents of protobuf; Telegraf's own cases are in tests/telegraf and run from outside.

use super::*;
use crate::testing::{build, list, text};
use crate::xpath::parser::Xpath;
use crate::xpath::print::print;

fn schema(definition: &str) -> Schema {
    link::link(vec![parse::parse("test.proto", definition).unwrap()]).unwrap()
}

/// The document as XML, or the error.
fn show(definition: &str, message: &str, bytes: &[u8]) -> String {
    let schema = schema(definition);
    let message = schema.find(message).unwrap();
    match decode::decode(&schema, message, bytes) {
        Ok(document) => print(&document),
        Err(cause) => format!("error: {cause}"),
    }
}

const ALL: &str = "syntax = \"proto3\"; package t; // every type
    message M { double a = 1; float b = 2; int32 c = 3; int64 d = 4; uint32 e = 5; uint64 f = 6; sint32 g = 7; sint64 h = 8;
    fixed32 i = 9; fixed64 j = 10; sfixed32 k = 11; sfixed64 l = 12; bool m = 13; string n = 14; bytes o = 15; E p = 16; }
    enum E { option allow_alias = true; ZERO = 0; ONE = 1 [deprecated = true]; }";

#[test]
fn every_type() {
    for (bytes, expected) in [
        (&[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f][..], "<a>1.5</a>"),
        (&[0x15, 0xcd, 0xcc, 0xcc, 0x3d], "<b>0.1</b>"),
        (&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "<c>-1</c>"),
        (&[0x20, 0x96, 1], "<d>150</d>"),
        (&[0x28, 0xff, 0xff, 0xff, 0xff, 0x0f], "<e>4294967295</e>"),
        (&[0x30, 1], "<f>1</f>"),
        (&[0x38, 1], "<g>-1</g>"),
        (&[0x40, 2], "<h>1</h>"),
        (&[0x4d, 1, 0, 0, 0], "<i>1</i>"),
        (&[0x51, 2, 0, 0, 0, 0, 0, 0, 0], "<j>2</j>"),
        (&[0x5d, 0xff, 0xff, 0xff, 0xff], "<k>-1</k>"),
        (&[0x61, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "<l>-2</l>"),
        (&[0x68, 1], "<m>true</m>"),
        (&[0x72, 2, b'h', b'i'], "<n>hi</n>"),
        (&[0x7a, 2, 1, 2], "<o>[1 2]</o>"),
        (&[0x80, 1, 1], "<p>1</p>"),
        // Values of zero of proto3 are not there; the last of several counts.
        (&[0x18, 0], ""),
        (&[0x18, 1, 0x18, 2], "<c>2</c>"),
        // Not encoded as it is defined, or not defined.
        (&[0x1d, 1, 0, 0, 0], ""),
        (&[0xf8, 7, 1], ""),
        (&[0xfb, 7, 0x08, 1, 0xfc, 7, 0x20, 5], "<d>5</d>"),
    ] {
        assert_eq!(show(ALL, "t.M", bytes), expected, "{bytes:x?}");
    }
}

#[test]
fn messages_lists_maps_and_groups() {
    let definition = "syntax = 'proto2'; package a.b;
        message Outer {
            required Inner one = 1; repeated Inner many = 2; repeated int32 packed = 3 [packed = true];
            map<string, Inner> by_name = 4; map<int32, string> names = 5;
            optional group Part = 6 { optional int32 x = 1; }
            oneof choice { string left = 7; .a.b.Outer.Kind right = 8; }
            enum Kind { A = 0; }
            message Inner { optional int32 v = 1; extensions 100 to max; }
            reserved 20, 30 to 40; reserved 'old';
        }
        extend Outer.Inner { optional string more = 100; }
        service S { rpc Call (Outer) returns (Outer) { option (x) = { a: 1 }; } }";
    let bytes = [
        &[0x12, 2, 0x08, 2][..],
        &[0x0a, 2, 0x08, 1],
        &[0x12, 0],
        &[0x1a, 2, 7, 8, 0x18, 9],
        &[0x22, 7, 0x0a, 1, b'k', 0x12, 2, 0x08, 3],
        &[0x2a, 5, 0x08, 5, 0x12, 1, b'f', 0x2a, 2, 0x08, 4],
        &[0x33, 0x08, 6, 0x34],
        &[0x40, 0],
        // A second piece of the first message, with the extension.
        &[0x0a, 5, 0xa2, 6, 2, b'o', b'k'],
    ]
    .concat();
    assert_eq!(
        show(definition, "a.b.Outer", &bytes),
        "<one><v>1</v><more>ok</more></one><many><v>2</v></many><many></many>\
         <packed><element>7</element><element>8</element><element>9</element></packed>\
         <by_name><k><v>3</v></k></by_name><names><4></4><5>f</5></names><part><x>6</x></part><right>0</right>"
    );
}

#[test]
fn editions_say_whether_zeros_are_there() {
    let definition = "edition = \"2023\"; message M { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT];
        M c = 3 [features.message_encoding = DELIMITED]; }";
    assert_eq!(show(definition, "M", &[0x08, 0, 0x10, 0, 0x1b, 0x08, 1, 0x1c]), "<a>0</a><c><a>1</a></c>");
    let implicit = "edition = \"2023\"; option features.field_presence = IMPLICIT; message M { int32 a = 1; }";
    assert_eq!(show(implicit, "M", &[0x08, 0]), "");
}

#[test]
fn what_is_no_message_is_refused() {
    for (bytes, error) in [
        (&[0x09, 1][..], "byte 1: it ends too early"),
        (&[0x72, 5, b'a'], "byte 2: it ends too early"),
        (&[0x06, 1], "byte 1: no number of a field"),
        (&[0x0f], "byte 1: no way to encode a value"),
        (&[0xff; 11], "byte 10: a number longer than ten bytes"),
        (&[0x0c], "byte 1: the end of a group that was not begun"),
        (&[0xfb, 7], "byte 2: it ends too early"),
    ] {
        assert_eq!(show(ALL, "t.M", bytes), format!("error: {error}"), "{bytes:x?}");
    }
    let nested = "message M { optional M m = 1; }";
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        let mut outer = vec![0x0a, (bytes.len() & 0x7f | 0x80) as u8, (bytes.len() >> 7) as u8];
        outer.append(&mut bytes);
        bytes = outer;
    }
    assert_eq!(show(nested, "M", &bytes), "error: nested deeper than 300 levels");
    assert_eq!(show(ALL, "t.M", &[0xfb, 7].repeat(1000)), "error: nested deeper than 300 levels");
}

#[test]
fn mistakes_in_definitions_name_their_line() {
    let error = |definition: &str| {
        let linked = parse::parse("test.proto", definition)
            .map_err(|cause| agent_api::anyhow!("{cause}"))
            .and_then(|file| link::link(vec![file]));
        format!("{:#}", linked.unwrap_err())
    };
    for (definition, expected) in [
        ("syntax = \"proto4\";", "line 1: unknown syntax \"proto4\""),
        ("message M {\n int32 a = 0; }", "line 2: \"0\" is no number of a field"),
        ("message M { int32 a 1; }", "line 1: expected '=', not \"1\""),
        ("message M {", "line 1: expected a field, not the end"),
        ("message M { Other a = 1; }", "\"test.proto\": line 1: unknown type \"Other\" of \"a\""),
        ("message M { int32 a = 1; int32 b = 1; }", "\"test.proto\": line 1: number 1 of \"M\" is used twice"),
        ("message M {} message M {}", "\"test.proto\": \"M\" is defined twice"),
        ("extend N { optional int32 a = 1; }", "\"test.proto\": line 1: no message \"N\" to extend"),
        ("/* open", "line 1: a comment is not closed"),
        ("import 'open", "line 1: a text is not closed"),
    ] {
        assert_eq!(error(definition), expected, "{definition}");
    }
    assert!(error(&"message M {".repeat(100)).contains("nested deeper"));
}

#[test]
fn files_are_found_in_the_folders() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    std::fs::write(
        folder.join("main.proto"),
        "syntax = 'proto3'; package p; import 'part.proto'; import 'google/protobuf/timestamp.proto';
         message M { q.Part part = 1; google.protobuf.Timestamp at = 2; }",
    )
    .unwrap();
    std::fs::write(folder.join("part.proto"), "syntax = 'proto3'; package q; message Part { int32 x = 1; }").unwrap();
    let paths = list(&["/nowhere", folder.to_str().unwrap()]);
    let of = |file: &str, message: &str| {
        [
            ("xpath_protobuf_files", list(&[file])),
            ("xpath_protobuf_type", text(message)),
            ("xpath_protobuf_import_paths", paths.clone()),
        ]
    };
    let error = |options: &[(&str, agent_api::options::Setting)]| {
        format!("{:#}", build::<Xpath<Protobuf>>(options).err().unwrap())
    };
    assert!(build::<Xpath<Protobuf>>(&of("main.proto", "p.M")).is_ok());
    assert!(build::<Xpath<Protobuf>>(&of("main.proto", "google.protobuf.Timestamp")).is_ok());
    assert_eq!(
        error(&of("main.proto", "q.Pard")),
        "xpath_protobuf_type: no message \"q.Pard\" in the files, but \"q.Part\""
    );
    assert!(error(&of("other.proto", "p.M")).starts_with("find \"other.proto\": no such file in /nowhere, "));
    assert_eq!(error(&[]), "xpath_protobuf_files: no file is given");
}

/// No definition and no document makes them fail otherwise than by an error.
#[test]
fn anything_is_read_or_refused() {
    let parts = [
        "message N { int32 a = 1; N n = 2; extensions 9; }",
        "message O { map<string, O> x = 2; repeated group G = 4 { string z = 1; } }",
        "message P { oneof q { fixed32 a = 1; bytes b = 4; } repeated sint64 c = 3; }",
        "extend N { optional double y = 3; }",
        "message M {",
        "}",
        "int32 a = 1;",
        "repeated",
        " optional",
        "string b = 2",
        ";",
        "[packed=true]",
        "oneof o {",
        "map<string, M> m = 3;",
        "enum E { A = 0; }",
        "extend M {",
        "reserved 1;",
        "group G = 4 {",
        "option x = 1;",
        "\"",
        "/*",
        "=",
        "extensions 5 to max;",
        "M c = 7;",
        "service",
        "syntax = 'proto3';",
    ];
    let documents: Vec<String> =
        crate::testing::random_texts(&["\u{8}", "\u{1}", "\n", "\u{2}", "\u{1a}", "a", "\u{12}", "#", "$"], 12, 50)
            .collect();
    let mut good = 0;
    for definition in crate::testing::random_texts(&parts, 6, 5000) {
        let Ok(file) = parse::parse("test.proto", &definition) else { continue };
        let Ok(schema) = link::link(vec![file]) else { continue };
        good += usize::from(!schema.messages.is_empty());
        for message in 0..schema.messages.len() {
            for document in &documents {
                let _read_or_refused = decode::decode(&schema, message, document.as_bytes());
            }
        }
    }
    assert!(good > 20, "{good} definitions were good");
}
