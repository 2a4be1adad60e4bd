//! Sections as users write them, and what they give.

use super::*;
use crate::testing::random_texts;
use agent_api::*;
use serde::Deserialize;

fn parser(sections: serde_json::Value) -> Result<Paths> {
    let settings = settings::Settings::deserialize(serde_json::json!({ "json_v2": sections }))?;
    Paths::new(settings, &Env::new("inputs.test"))
}

fn parse(document: &str, section: serde_json::Value) -> Result<String, String> {
    let mut out = Collector::new();
    let mut parser = parser(serde_json::json!([section])).map_err(|e| format!("{e:#}"))?;
    Parser::parse(&mut parser, &Body::from(document), &mut out).map_err(|e| e.to_string())?;
    let mut batch = out.take();
    batch.settle_times(0, 0);
    Ok(batch.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>().join("\n"))
}

const SHIP: &str = r#"{"site": "S1", "rev": 3, "at": "2021-07-01 08:15:00", "none": null, "temps": [4.5, 5],
 "ship": {"name": "Aurora", "deck": {"no": 2, "cargo hold": "c"}, "tons": 900, "void": null},
 "fleet": [{"n": "a", "v": 1, "t": 5}, {"n": "b", "v": 2, "t": 6}],
 "two": {"x": [1, 2], "y": [{"k": 3}, {"k": 4}], "z": 5, "e": [], "o": {}}}"#;

#[test]
fn sections() {
    let cases = [
        (
            serde_json::json!({"field": [{"path": "rev", "type": "int"}, {"path": "ship.deck.cargo hold"}], "tag": [{"path": "site"}]}),
            "test,site=S1 rev=Int(3),cargo_hold=Str(\"c\") 0",
        ),
        (
            serde_json::json!({"field": [{"path": "temps", "rename": "t"}], "tag": [{"path": "site"}], "measurement_name_path": "ship.name"}),
            "Aurora,site=S1 t=Float(4.5) 0\nAurora,site=S1 t=Float(5.0) 0",
        ),
        (
            serde_json::json!({"field": [{"path": "temps", "type": "string"}, {"path": "none"}, {"path": "no", "optional": true}]}),
            "test temps=Str(\"[4.5, 5]\") 0",
        ),
        (
            serde_json::json!({"field": [{"path": "rev"}], "timestamp_path": "at", "timestamp_format": "2006-01-02 15:04:05", "timestamp_timezone": "Asia/Tokyo"}),
            "test rev=Float(3.0) 1625094900000000000",
        ),
        (
            serde_json::json!({"object": [{"path": "ship"}]}),
            "test name=Str(\"Aurora\"),deck_no=Float(2.0),deck_cargo_hold=Str(\"c\"),tons=Float(900.0) 0",
        ),
        (
            serde_json::json!({"object": [{"path": "ship", "tags": ["name"], "included_keys": ["tons", "deck_no"], "fields": {"deck": "int"}, "renames": {"tons": "t"}}]}),
            "test,name=Aurora deck_no=Int(2),t=Float(900.0) 0",
        ),
        (
            serde_json::json!({"object": [{"path": "ship", "excluded_keys": ["tons", "name"], "disable_prepend_keys": true}]}),
            "test no=Float(2.0),cargo_hold=Str(\"c\") 0",
        ),
        (
            serde_json::json!({"object": [{"path": "fleet", "tags": ["n"], "timestamp_key": "t", "timestamp_format": "unix"}], "field": [{"path": "rev", "type": "uint"}]}),
            "test,n=a v=Float(1.0),rev=Uint(3) 5000000000\ntest,n=b v=Float(2.0),rev=Uint(3) 6000000000",
        ),
        (
            serde_json::json!({"object": [{"path": "fleet", "field": [{"path": "#.v", "type": "int"}], "tag": [{"path": "#(v>1).n", "rename": "name"}]}]}),
            "test v=Int(1) 0\ntest,name=b v=Int(2) 0",
        ),
        (serde_json::json!({"field": [{"path": "fleet.#.v"}]}), "test v=Float(1.0) 0\ntest v=Float(2.0) 0"),
        (serde_json::json!({"object": [{"path": "no", "optional": true}]}), ""),
    ];
    for (section, want) in cases {
        let got = parse(SHIP, section.clone()).unwrap();
        let sort = |text: &str| {
            // The order of fields says nothing.
            let mut lines: Vec<Vec<char>> = text.lines().map(|l| l.chars().collect()).collect();
            lines.iter_mut().for_each(|l| l.sort_unstable());
            lines
        };
        assert_eq!(sort(&got), sort(want), "{section}: {got}");
    }
    let two = parse(SHIP, serde_json::json!({"object": [{"path": "two"}]})).unwrap();
    assert_eq!(two.lines().count(), 4, "{two}");
    assert!(
        two.lines().all(|line| line.contains("z=Float(5.0)") && line.contains("x=") && line.contains("y_k=")),
        "{two}"
    );
}

#[test]
fn types() {
    let field = |value: &str, kind: &str| {
        parse(&format!("{{\"f\": {value}}}"), serde_json::json!({"field": [{"path": "f", "type": kind}]}))
    };
    let good = [
        ("7.9", "int", "Int(7)"),
        ("9007199254740993", "int", "Int(9007199254740993)"),
        ("18446744073709551615", "uint", "Uint(18446744073709551615)"),
        ("18446744073709551615", "string", "Str(\"1.8446744073709552e+19\")"),
        ("1", "bool", "Bool(true)"),
        ("true", "int", "Int(1)"),
        ("false", "string", "Str(\"false\")"),
        ("\"007\"", "int", "Int(7)"),
        ("\"2.50\"", "float", "Float(2.5)"),
        ("\"True\"", "bool", "Bool(true)"),
        ("{\"a\":  1}", "string", "Str(\"{\\\"a\\\":  1}\")"),
    ];
    for (value, kind, want) in good {
        assert_eq!(field(value, kind).unwrap(), format!("test f={want} 0"), "{value} {kind}");
    }
    for (value, kind) in
        [("2", "bool"), ("\"4.5\"", "int"), ("\"-1\"", "uint"), ("-1", "uint"), ("\"x\"", "float"), ("\"x\"", "bool")]
    {
        assert!(field(value, kind).is_err(), "{value} {kind}");
    }
}

#[test]
fn mistakes() {
    assert!(
        parse("{\"a\": 1,}", serde_json::json!({"field": [{"path": "a"}]}))
            .unwrap_err()
            .starts_with("invalid JSON at byte 8")
    );
    assert!(
        parse("{}", serde_json::json!({"field": [{"path": "a"}]})).unwrap_err().contains("path \"a\" leads to nothing")
    );
    assert!(parse("{}", serde_json::json!({"timestamp_path": "a", "timestamp_format": "unix"})).is_err());
    assert!(parse("{}", serde_json::json!({"timestamp_path": "a"})).unwrap_err().contains("needs timestamp_format"));
    assert!(parse("{}", serde_json::json!({"field": [{"rename": "a"}]})).unwrap_err().contains("has no path"));
    assert!(parse("{}", serde_json::json!({"odd": 1})).is_err());
    let arrays: Vec<String> = (0..20).map(|i| format!("\"k{i}\": [1, 2, 3, 4]")).collect();
    let error =
        parse(&format!("{{{}}}", arrays.join(",")), serde_json::json!({"object": [{"path": "@this"}]})).unwrap_err();
    assert!(error.contains("are too many"), "{error}");
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert!(parse(&deep, serde_json::json!({"object": [{"path": "@this"}]})).is_err());
}

#[test]
fn random_documents_never_panic() {
    let sections = serde_json::json!([
        {"object": [{"path": "@this", "tags": ["a"], "field": [{"path": "#.a", "optional": true}]}]},
        {"object": [{"path": "a", "optional": true, "timestamp_key": "b", "timestamp_format": "unix_ms"}], "field": [{"path": "b.#", "optional": true}]}
    ]);
    let mut parser = parser(sections).unwrap();
    for document in random_texts(&["{", "}", "[", "]", ",", "\"a\":", "\"b\":", "1", "\"x\"", "null", " "], 14, 20_000)
    {
        let _read = Parser::parse(&mut parser, &Body::from(document), &mut Collector::new());
    }
}
