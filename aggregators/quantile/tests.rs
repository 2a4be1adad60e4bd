//! Tests of the plugin.

use super::*;
use crate::testing::{Run, refusal};
use serde_json::json;

#[test]
fn a_digest_of_few_values_interpolates() {
    let mut run = Run::<Quantile>::new(json!({}));
    run.add("q a=1,s=\"x\"\nq a=2i\nq a=3u,late=5\np s=\"y\"");
    assert_eq!(run.flush(), "q a_025=1.5,a_050=2,a_075=2.5,late_025=5,late_050=5,late_075=5 0");
    assert_eq!(run.flush(), "");
}

#[test]
fn exact_rules_take_one_value_and_the_ends() {
    for algorithm in ["exact R7", "exact R8"] {
        let mut run = Run::<Quantile>::new(json!({"algorithm": algorithm, "quantiles": [0, 0.5, 1]}));
        run.add("q a=7\nr a=3\nr a=1");
        assert_eq!(run.flush(), "q a_000=7,a_050=7,a_100=7 0\nr a_000=1,a_050=2,a_100=3 0");
    }
}

#[test]
fn endings_are_cut_not_rounded() {
    let mut run = Run::<Quantile>::new(json!({"quantiles": [0.29, 0.58, 0.999], "algorithm": "exact R7"}));
    run.add("q a=1");
    assert_eq!(run.flush(), "q a_028=1,a_057=1,a_099=1 0");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    assert!(refusal::<Quantile>(json!({"algorithm": "exact R6"})).contains("exact R6"));
    assert!(refusal::<Quantile>(json!({"compression": 0.5})).contains("compression"));
    assert!(refusal::<Quantile>(json!({"quantiles": [0.5, 1.5]})).contains("1.5"));
    assert!(refusal::<Quantile>(json!({"quantiles": [0.5, 0.5]})).contains("twice"));
}
