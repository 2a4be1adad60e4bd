//! Which groups pass, and what their metrics get.

use super::*;
use crate::testing::{batch, build, lines};
use serde_json::json;

fn passed(settings: serde_json::Value, input: &str) -> String {
    let mut topk = build::<Topk>(settings).unwrap();
    let (mut metrics, mut out) = (batch(input), Batch::new());
    topk.apply(&mut metrics);
    assert!(metrics.is_empty(), "metrics are held back");
    topk.finish(&mut out);
    lines(&out)
}

const INPUT: &str = "m,h=a value=1 1\nm,h=b value=5i 2\nm,h=a value=6 3\nm,h=c value=4 4\nm,h=d other=9 5";

#[test]
fn the_groups_with_the_largest_mean_pass() {
    assert_eq!(passed(json!({"k": 2}), INPUT), "m,h=b value=5i 2\nm,h=c value=4 4");
    assert_eq!(passed(json!({"k": 1, "bottomk": true, "aggregation": "max"}), INPUT), "m,h=c value=4 4");
    assert_eq!(passed(json!({"k": 1, "aggregation": "sum"}), INPUT), "m,h=a value=1 1\nm,h=a value=6 3");
}

#[test]
fn a_group_is_passed_once_for_all_its_fields() {
    let settings = json!({"k": 1, "fields": ["value", "other"], "group_by": ["h"], "add_groupby_tag": "g",
        "add_rank_fields": ["value"], "add_aggregate_fields": ["value", "other"]});
    let expected =
        "m,g=m&h\\=a&,h=a value=7,other=2,value_topk_aggregate=7,value_topk_rank=1i,other_topk_aggregate=2 1";
    assert_eq!(passed(settings, "m,h=a value=7,other=2 1\nm,h=b value=3,other=1 2"), expected);
}

#[test]
fn the_first_metric_after_a_period_ends_it() {
    let mut topk = build::<Topk>(json!({"k": 1, "period": "0s"})).unwrap();
    let mut metrics = batch("m,h=a value=1 1\nm,h=b value=5i 2");
    topk.apply(&mut metrics);
    assert_eq!(lines(&metrics), "m,h=a value=1 1", "the second one begins the next period");
    let mut metrics = batch("other v=1 3");
    topk.apply(&mut metrics);
    assert_eq!(lines(&metrics), "m,h=b value=5i 2", "a metric without the field ends it as well");
}

#[test]
fn an_unknown_aggregation_is_refused() {
    assert!(build::<Topk>(json!({"aggregation": "median"})).is_err());
}
