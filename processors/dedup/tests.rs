//! What counts as news, and what is known after a restart.

use super::*;
use crate::testing::{batch, lines};

/// A time that is never too old.
const LATE: i64 = 4_102_444_800_000_000_000;

fn dedup(state: &State) -> Dedup {
    let env = Env { state: state.clone(), ..Env::new("processors.dedup") };
    Dedup::new(Settings::default(), &env).unwrap()
}

/// What passes of metrics of one series, one a second, each given by its fields.
fn passed(dedup: &mut Dedup, fields: &[&str]) -> Vec<String> {
    let input: Vec<String> =
        fields.iter().enumerate().map(|(i, f)| format!("m {f} {}", LATE + i as i64 * 1_000_000_000)).collect();
    let mut batch = batch(&input.join("\n"));
    dedup.apply(&mut batch);
    lines(&batch).lines().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn repetitions_are_dropped_field_by_field() {
    let mut dedup = dedup(&State::default());
    assert_eq!(passed(&mut dedup, &["a=1i,b=2i", "a=1i", "b=3i", "a=1i,b=3i", "a=2i"]), ["a=1i,b=2i", "b=3i", "a=2i"]);
}

#[test]
fn a_field_that_comes_later_is_news_once() {
    let mut dedup = dedup(&State::default());
    assert_eq!(passed(&mut dedup, &["a=1i", "b=2i", "b=2i", "b=3i", "a=1i"]), ["a=1i", "b=2i", "b=3i"]);
}

#[test]
fn another_type_is_another_value() {
    let mut dedup = dedup(&State::default());
    let all = ["v=1i", "v=1", "v=\"1\"", "v=true"];
    assert_eq!(passed(&mut dedup, &all), all);
}

#[test]
fn old_metrics_are_never_repetitions() {
    let mut dedup = dedup(&State::default());
    let mut old = batch("m v=1i 1700000000000000000\nm v=1i 1700000001000000000");
    dedup.apply(&mut old);
    assert_eq!(old.len(), 2);
}

#[test]
fn a_restart_forgets_nothing_even_with_several_workers() {
    let state = State::default();
    for (mut worker, line) in [(dedup(&state), "m,h=a v=1i,f=0.5"), (dedup(&state), "m,h=b v=2i,s=\"x\"")] {
        let mut metrics = batch(&format!("{line} {LATE}"));
        worker.apply(&mut metrics);
        assert_eq!(metrics.len(), 1);
        worker.finish(&mut Batch::new());
    }
    let mut next = dedup(&state);
    let mut metrics = batch(&format!("m,h=a v=1i,f=0.5 {LATE}\nm,h=b v=2i,s=\"x\" {LATE}\nm,h=b v=3i {LATE}"));
    next.apply(&mut metrics);
    assert_eq!(lines(&metrics), format!("m,h=b v=3i {LATE}"));
}
