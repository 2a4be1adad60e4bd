//! Tests of the histogram.

use super::*;
use crate::testing::{Run, refusal};
use serde_json::json;

const THREE: &str = "m v=5i,s=\"x\",b=true\nm v=10\nm v=700u\nother v=1";

#[test]
fn buckets_count_all_values_up_to_their_border() {
    let mut run =
        Run::<Histogram>::new(json!({"config": [{"buckets": [10.0, 0.0, 50, 10.0], "measurement_name": "m"}]}));
    run.add(THREE);
    let expected = "m,le=0 v_bucket=0i 0\nm,le=10 v_bucket=2i 0\nm,le=50 v_bucket=2i 0\nm,le=+Inf v_bucket=3i 0";
    assert_eq!(run.flush(), expected);
    run.add("m v=20");
    let more = "m,le=0 v_bucket=0i 0\nm,le=10 v_bucket=2i 0\nm,le=50 v_bucket=3i 0\nm,le=+Inf v_bucket=4i 0";
    assert_eq!([run.flush(), run.flush()], [more, more], "counts go on over periods");
}

#[test]
fn buckets_may_count_apart_and_anew() {
    let mut run = Run::<Histogram>::new(
        json!({"cumulative": false, "reset": true, "config": [{"buckets": [10.0, 50.0], "measurement_name": "m"}]}),
    );
    run.add(THREE);
    let expected = "m,gt=-Inf,le=10 v_bucket=2i 0\nm,gt=10,le=50 v_bucket=0i 0\nm,gt=50,le=+Inf v_bucket=1i 0";
    assert_eq!([run.flush(), run.flush()], [expected, ""]);
    run.add("m v=1");
    let expected = "m,gt=-Inf,le=10 v_bucket=1i 0\nm,gt=10,le=50 v_bucket=0i 0\nm,gt=50,le=+Inf v_bucket=0i 0";
    assert_eq!(run.flush(), expected);
}

#[test]
fn fields_share_the_metric_of_their_border() {
    let config = json!([
        {"buckets": [1.0, 2.0], "measurement_name": "m"},
        {"buckets": [2.0], "measurement_name": "m", "fields": ["w"]},
    ]);
    let mut run = Run::<Histogram>::new(json!({"config": config}));
    run.add("m v=1,w=1,x=1.5");
    let expected = "m,le=1 v_bucket=1i,x_bucket=0i 0\nm,le=2 v_bucket=1i,w_bucket=1i,x_bucket=1i 0\n\
                    m,le=+Inf v_bucket=1i,w_bucket=1i,x_bucket=1i 0";
    assert_eq!(run.flush(), expected);
    let mut run = Run::<Histogram>::new(json!({"cumulative": false, "config": config}));
    run.add("m v=1,w=1");
    let expected = "m,gt=-Inf,le=1 v_bucket=1i 0\nm,gt=-Inf,le=2 w_bucket=1i 0\nm,gt=1,le=2 v_bucket=0i 0\n\
                    m,gt=2,le=+Inf v_bucket=0i,w_bucket=0i 0";
    assert_eq!(run.flush(), expected);
}

#[test]
fn only_what_changed_and_has_not_expired() {
    let config = json!([{"buckets": [], "measurement_name": "m"}]);
    let mut run = Run::<Histogram>::new(json!({"push_only_on_update": true, "config": config}));
    run.add("m,h=a v=1");
    assert_eq!([run.flush(), run.flush()], ["m,h=a,le=+Inf v_bucket=1i 0", ""]);
    run.add("m,h=a v=1\nm,h=b v=1");
    assert_eq!(run.flush(), "m,h=a,le=+Inf v_bucket=2i 0\nm,h=b,le=+Inf v_bucket=1i 0");

    let mut run = Run::<Histogram>::new(json!({"expiration_interval": "1ns", "config": config}));
    run.add("m,h=a v=1");
    while now() == now() {}
    assert_eq!(run.flush(), "");
    let mut run = Run::<Histogram>::new(json!({"expiration_interval": "1h", "config": config}));
    run.add("m,h=a v=1");
    assert_eq!(run.flush(), "m,h=a,le=+Inf v_bucket=1i 0");
}

#[test]
fn settings_that_count_nothing_or_are_wrong() {
    let mut run = Run::<Histogram>::new(json!({"config": [{"measurement_name": "m"}]}));
    run.add(THREE);
    assert_eq!(run.flush(), "");
    assert!(refusal::<Histogram>(json!({"config": [{"buckets": ["low"]}]})).contains("expected f64"));
}

#[test]
fn borders_are_written_without_exponent() {
    let borders = Borders::new(&[-1.5, 0.0001, 1e3, 2_500_000.0, f64::INFINITY]).unwrap();
    let texts: Vec<&str> = (0..=borders.len()).map(|i| borders.upper_text(i)).collect();
    assert_eq!(texts, ["-1.5", "0.0001", "1000", "2500000", "+Inf"]);
}
