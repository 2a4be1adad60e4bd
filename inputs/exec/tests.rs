//! Runs of small shell programs.

use super::*;
use crate::host::testing::Tree;
use crate::testing::env;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::time::Instant;

fn exec(settings: Json) -> Result<Exec> {
    Exec::new(Settings::deserialize(settings).unwrap(), &env("inputs.exec", "influx"))
}

/// Names and fields of the metrics, sorted, and the errors.
async fn gathered(settings: Json) -> (Vec<String>, Vec<String>) {
    let mut out = Collector::new();
    exec(settings).unwrap().gather(&mut out).await.unwrap();
    let mut lines: Vec<String> = out.batch().iter().map(|m| format!("{} {:?}", m.name(), m.field("v"))).collect();
    lines.sort();
    (lines, out.take_errors().0.iter().map(|e| format!("{e:#}")).collect())
}

/// A command that a shell runs.
fn sh(script: &str) -> Json {
    json!(["sh", "-c", script])
}

#[tokio::test]
async fn commands_are_texts_or_lists() {
    let commands = json!(["echo 'm v=1i'", ["echo", "n v=2i"]]);
    let got = gathered(json!({"commands": commands, "environment": ["A=1"]})).await;
    assert_eq!(got, (vec!["m Some(Int(1))".to_owned(), "n Some(Int(2))".to_owned()], vec![]));
    let got = gathered(json!({"commands": [sh("echo m v=${A}i")], "environment": ["A=7"]})).await;
    assert_eq!(got.0, ["m Some(Int(7))"]);
}

#[tokio::test]
async fn a_pattern_names_all_programs_that_it_finds() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::empty();
    for name in ["collect_a", "collect_b", "other"] {
        let path = tree.write(name, &format!("#!/bin/sh\necho {name} v=$1\n"));
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let (lines, errors) = gathered(json!({"commands": [format!("{}/collect_* 3i", tree.path().display())]})).await;
    assert_eq!(
        (lines.as_slice(), errors.len()),
        (&["collect_a Some(Int(3))", "collect_b Some(Int(3))"].map(String::from)[..], 0)
    );
    let (lines, errors) = gathered(json!({"commands": [format!("{}/none_*", tree.path().display())]})).await;
    assert!(lines.is_empty() && errors[0].contains("none_*"), "{errors:?}");
}

#[tokio::test]
async fn a_failure_is_an_error_with_what_the_program_complained_of() {
    let script = "echo m v=1i; echo >&2; echo 'no disk' >&2; exit 3";
    let (lines, errors) = gathered(json!({"commands": [sh(script), ["echo", "n v=2i"]]})).await;
    assert_eq!(lines, ["n Some(Int(2))"]);
    assert!(
        errors[0].starts_with("run \"sh -c ") && errors[0].ends_with("\": exit status 3: \"no disk\""),
        "{errors:?}"
    );
    let (lines, errors) = gathered(json!({"commands": [sh(script)], "ignore_error": true})).await;
    assert_eq!((lines.as_slice(), errors.len()), (&["m Some(Int(1))".to_owned()][..], 0));
    let (_, errors) = gathered(json!({"commands": [["/no/such/program"]]})).await;
    assert!(errors[0].starts_with("run \"/no/such/program\": start /no/such/program: "), "{errors:?}");
}

#[tokio::test]
async fn good_lines_of_bad_output_are_kept() {
    let (lines, errors) = gathered(json!({"commands": [sh("echo m v=1i; echo bad; echo n v=2i")]})).await;
    assert_eq!(lines, ["m Some(Int(1))", "n Some(Int(2))"]);
    assert!(errors[0].contains("read its output") && errors[0].contains("line 2"), "{errors:?}");
}

#[tokio::test]
async fn what_takes_too_long_is_ended_with_all_that_it_started() {
    let tree = Tree::empty();
    let mark = tree.path().join("mark");
    // The outer shell waits for an inner one, which would leave a mark.
    let script = format!("sh -c 'sleep 1; touch {}'; true", mark.display());
    let started = Instant::now();
    let (lines, errors) = gathered(json!({"commands": [sh(&script)], "timeout": "100ms"})).await;
    assert!(lines.is_empty() && errors[0].contains("timed out after 100ms"), "{errors:?}");
    assert!(started.elapsed() < std::time::Duration::from_millis(900), "{:?}", started.elapsed());
    tokio::time::sleep(std::time::Duration::from_millis(1200).saturating_sub(started.elapsed())).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_program_that_will_not_end_is_killed() {
    let (_, errors) = gathered(
        json!({"commands": [sh("trap '' TERM; echo stuck >&2; while :; do sleep 0.1; done")], "timeout": "100ms"}),
    )
    .await;
    assert!(errors[0].ends_with("timed out after 100ms: \"stuck\""), "{errors:?}");
}

#[tokio::test]
async fn more_output_than_is_sensible_is_refused() {
    let (lines, errors) = gathered(json!({"commands": [["cat", "/dev/zero"]], "timeout": "1m"})).await;
    assert!(lines.is_empty() && errors[0].ends_with("more than 64 MiB of output"), "{errors:?}");
}

#[tokio::test]
async fn many_run_side_by_side() {
    let commands: Vec<Json> = (0..20).map(|i| sh(&format!("sleep 0.2; echo m v={i}i"))).collect();
    let started = Instant::now();
    assert_eq!(gathered(json!({"commands": commands})).await.0.len(), 20);
    assert!(started.elapsed() < std::time::Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_end_of_a_check_is_its_state() {
    let run = async |commands: Json, timeout: &str| {
        let mut out = Collector::new();
        let settings = json!({"commands": commands, "timeout": timeout, "data_format": "nagios"});
        exec(settings).unwrap().gather(&mut out).await.unwrap();
        let fields = |m: MetricRef<'_>| m.fields().map(|(k, v)| format!("{k}={v:?}")).collect::<Vec<_>>().join(" ");
        out.batch().iter().map(fields).collect::<Vec<_>>()
    };
    // The line protocol stands in for the format: what counts is the metric that it makes.
    let ended = run(json!([sh("echo 'nagios_state service_output=\"low\"'; exit 2")]), "5s").await;
    assert_eq!(ended, ["service_output=Str(\"low\") state=Int(2)"]);
    assert_eq!(
        run(json!([sh("echo broken >&2; exit 1")]), "5s").await,
        ["service_output=Str(\"broken\") state=Int(1)"]
    );
    assert_eq!(run(json!([sh("kill -9 $$")]), "5s").await, ["state=Int(3)"]);
    let late = run(json!([["sleep", "5"]]), "50ms").await;
    assert_eq!(late, ["service_output=Str(\"timed out after 50ms\") state=Int(3)"]);
}

#[test]
fn commands_that_cannot_be_run_are_refused() {
    for (commands, part) in [
        (json!([[]]), "empty command []"),
        (json!([""]), "empty command \"\""),
        (json!(["echo 'open"]), "\"echo 'open\": a single quote is not closed"),
        (json!(["a[ b"]), "a["),
    ] {
        let error = exec(json!({"commands": commands})).err().map(|e| format!("{e:#}")).unwrap();
        assert!(error.contains(part), "{error}");
    }
    let error = exec(json!({"environment": ["A"]})).err().unwrap();
    assert!(error.to_string().contains("\"A\""), "{error}");
}

#[test]
fn one_command_of_older_configurations_is_one_of_the_list() {
    let item = |value| Item { value, span: options::Span::default() };
    let text = |text: &str| item(Setting::Str(text.to_owned()));
    for with in [false, true] {
        let mut table = options::Table::new(options::Span::default());
        table.set("command", options::Span::default(), text("b"));
        if with {
            table.set("commands", options::Span::default(), item(Setting::Array(vec![text("a")])));
        }
        Exec::migrate(&mut table, &mut Vec::new());
        let Some(Item { value: Setting::Array(list), .. }) = table.get("commands") else { panic!("{table:?}") };
        assert_eq!(list.len(), 1 + usize::from(with));
        assert!(!table.has("command"));
    }
}
