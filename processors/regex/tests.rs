//! Rules over whole metrics: which tags and fields they reach, and where results go.

use super::*;
use crate::testing::{applied, build};
use serde_json::json;

#[test]
fn named_groups_become_tags_unless_they_match_nothing() {
    let settings = json!({"tags": [{"key": "unit", "pattern": r"^(?P<site>[a-z]+)(?P<row>\d+)?-(?P<slot>\d+)$"}]});
    let input = "rack,row=kept,unit=rome-9 v=1i 1\nrack,unit=? v=2i 2";
    let expected = "rack,row=kept,site=rome,slot=9,unit=rome-9 v=1i 1\nrack,unit=? v=2i 2";
    assert_eq!(applied::<Regex>(settings, input), expected);
}

#[test]
fn a_wildcard_reaches_the_fields_that_hold_text() {
    let settings = json!({"fields": [{"key": "a*", "pattern": r"\d", "replacement": "X", "result_key": "r"}]});
    assert_eq!(applied::<Regex>(settings, "m a1=1i,a2=\"v2\",b=\"3\" 1"), "m a1=1i,a2=\"v2\",b=\"3\",r=\"vX\" 1");
}

#[test]
fn append_adds_to_tags_and_fields() {
    let rule = json!([{"key": "k", "pattern": "^(.)$", "replacement": "<$1>", "result_key": "all", "append": true}]);
    let settings = json!({"tags": rule, "fields": rule});
    assert_eq!(applied::<Regex>(settings, "m,all=a,k=b k=\"c\",all=\"d\" 1"), "m,all=a<b>,k=b k=\"c\",all=\"d<c>\" 1");
}

#[test]
fn renaming_keeps_or_overwrites_what_is_in_the_way() {
    let rename = |result_key: &str| {
        let rules = json!([{"pattern": "^x_", "replacement": "", "result_key": result_key}]);
        let settings = json!({"tag_rename": rules, "field_rename": rules});
        applied::<Regex>(settings, "m,a=1,x_a=2,x_b=3 a=1i,x_a=2i,x_b=3i 1")
    };
    assert_eq!(rename("keep"), "m,a=1,b=3,x_a=2 a=1i,x_a=2i,b=3i 1");
    assert_eq!(rename("overwrite"), "m,a=2,b=3 a=2i,b=3i 1");
}

#[test]
fn a_rule_without_a_key_or_with_a_bad_pattern_is_refused() {
    let error = |rule| build::<Regex>(json!({"tags": [rule]})).map(drop).map_err(|e| format!("{e:#}"));
    assert_eq!(error(json!({"pattern": "a"})), Err("tags 1: key is required".to_owned()));
    assert!(error(json!({"key": "a", "pattern": "("})).is_err());
}
