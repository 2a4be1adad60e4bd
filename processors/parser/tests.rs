//! The ways of merging, read as line protocol.

use super::*;
use crate::testing::{batch, lines};
use agent_api::plugin::{Build, Family, find};
use serde_json::json;
use std::sync::Arc;

fn env() -> Env {
    let Some(Build::Parser(make)) = find(Family::Parsers, "influx").map(|e| e.build) else {
        panic!("no influx parser")
    };
    let parsers = Arc::new(move || make(&Table::default(), &Env::new("influx")).map_err(Error::new));
    Env { parsers: Some(parsers), ..Env::new("processors.parser") }
}

fn parsed(settings: serde_json::Value, input: &str) -> String {
    let mut metrics = batch(input);
    let mut parser = Parser::new(serde_json::from_value(settings).unwrap(), &env()).unwrap();
    parser.apply(&mut metrics);
    lines(&metrics)
}

const INPUT: &str = "log,h=a t=\"in,x=1 w=6i 5\nin,x=2 w=7i 6\",v=1i 1\nlog,h=b v=2i 2";

#[test]
fn metrics_read_stand_beside_their_original() {
    let expected = "log,h=a t=\"in,x=1 w=6i 5\nin,x=2 w=7i 6\",v=1i 1\nin,x=1 w=6i 5\nin,x=2 w=7i 6\nlog,h=b v=2i 2";
    assert_eq!(parsed(json!({"parse_fields": ["t"]}), INPUT), expected);
    assert_eq!(parsed(json!({"parse_fields": ["t"], "drop_original": true}), INPUT), "in,x=1 w=6i 5\nin,x=2 w=7i 6");
}

#[test]
fn all_that_is_read_is_put_into_one_metric() {
    let settings = |merge: &str, drop: bool| json!({"parse_fields": ["t"], "merge": merge, "drop_original": drop});
    let input = "log,h=a t=\"in,x=1 v=6i 5\nin,x=2 w=7i\",v=1i 1";
    let text = "t=\"in,x=1 v=6i 5\nin,x=2 w=7i\"";
    assert_eq!(parsed(settings("override", false), input), format!("in,h=a,x=2 {text},v=6i,w=7i 1"));
    assert_eq!(parsed(settings("override-with-timestamp", false), input), format!("in,h=a,x=2 {text},v=6i,w=7i 5"));
    assert_eq!(parsed(settings("override", true), input), "in,x=2 v=6i,w=7i 5");
}

#[test]
fn each_metric_read_gets_what_the_original_has() {
    let settings = json!({"parse_fields": ["t"], "merge": "parent", "drop_original": true});
    let expected = "b,h=a,x=1 t=\"b,x=1 v=6i\nc w=7i\",v=6i 1\nc,h=a t=\"b,x=1 v=6i\nc w=7i\",v=1i,w=7i 1";
    assert_eq!(parsed(settings, "log,h=a t=\"b,x=1 v=6i\nc w=7i\",v=1i 1"), expected);
}

#[test]
fn bad_text_leaves_the_original_and_nothing_else() {
    let settings = json!({"parse_fields": ["t", "both"], "parse_fields_base64": ["b", "both"], "merge": "override"});
    let input = "log t=\"no metric\",b=\"!!\",both=\"m v=1i 1\" 1";
    assert_eq!(parsed(settings, input), input);
}
