//! Cutting a sheet, and what the agent is told.

use super::*;
use agent_formats as _;

fn sheet(groups: &[&[f64]]) -> Sheet {
    let mut batch = Batch::new();
    for (n, value) in groups.iter().flat_map(|g| g.iter()).enumerate() {
        batch.metric("m").tag("n", &n.to_string()).tag("db", "x").field("v", *value).time(1);
    }
    let mut placed = batch.iter().enumerate();
    let groups: Vec<Vec<Placed<'_>>> = groups.iter().map(|g| placed.by_ref().take(g.len()).collect()).collect();
    let env = Env::new("outputs.test");
    Lines::new(influx(&env, &[("influx_omit_timestamp", Setting::Bool(true))]).unwrap()).write(&groups, &["db"])
}

#[test]
fn a_range_of_lines_is_a_slice_of_the_text() {
    let sheet = sheet(&[&[1.0, 2.5], &[f64::NAN, 4.0]]);
    assert_eq!(sheet.groups, [0..2, 2..4]);
    assert_eq!(sheet.text(&(0..2)), "m,n=0 v=1\nm,n=1 v=2.5\n");
    assert_eq!(sheet.text(&(2..3)), "");
    assert_eq!(sheet.text(&(2..4)), "m,n=3 v=4\n");
    assert_eq!(sheet.fitting(&(0..4), 9), 0);
    assert_eq!(sheet.fitting(&(0..4), 10), 1);
    assert_eq!(sheet.fitting(&(1..4), 1000), 3);
}

#[test]
fn the_memory_of_a_sheet_is_used_again() {
    let env = Env::new("outputs.test");
    let mut lines = Lines::new(influx(&env, &[]).unwrap());
    let mut batch = Batch::new();
    batch.metric("m").field("v", 1.0).time(1);
    let placed: Vec<Placed<'_>> = batch.iter().enumerate().collect();
    let first = lines.write(std::slice::from_ref(&placed), &[]);
    let at = first.text.as_ptr();
    lines.reuse(first);
    let second = lines.write(&[placed], &[]);
    assert_eq!(second.text.as_ptr(), at);
}

#[test]
fn the_agent_is_told_what_is_where() {
    let sheet = &mut sheet(&[&[1.0, 2.0, 3.0, 4.0]]);
    assert!(sheet.outcome().result().is_ok());
    let mut all = sheet.outcome();
    all.keep(&(0..4), Some(anyhow!("down")), Some(Duration::from_secs(3)));
    assert!(matches!(all.result(), Err(WriteError::Retry { after: Some(_), .. })));
    let mut some = sheet.outcome();
    some.write(sheet, &(2..4));
    some.write(sheet, &(0..1));
    some.keep(&(1..2), Some(anyhow!("down")), None);
    match some.result() {
        Err(WriteError::Partial { written, rejected, .. }) => assert_eq!((written, rejected), (vec![0, 2, 3], vec![])),
        other => panic!("{other:?}"),
    }
    let mut poison = sheet.outcome();
    poison.write(sheet, &(0..3));
    poison.reject(sheet, &(3..4), anyhow!("bad"));
    assert!(matches!(poison.result(), Err(WriteError::Reject { indices, .. }) if indices == [3]));
}
