//! The output with commands that every unix has.

use super::*;
use crate::testing::{env, metrics};
use std::path::PathBuf;
use tempfile::TempDir;

/// An output whose command is a script of the shell; `$OUT` is a file of its own, in a folder that is gone with the last value.
fn output(script: &str, own: impl FnOnce(&mut Settings)) -> (Exec, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut settings = Settings {
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        environment: vec![format!("OUT={}", file.display())],
        ..Settings::default()
    };
    own(&mut settings);
    let env = env("outputs.exec");
    (Exec::new(settings, &env).unwrap(), file, folder)
}

fn read(file: &PathBuf) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::remove_file(file).unwrap();
    text
}

#[tokio::test]
async fn a_run_a_batch_or_a_metric() {
    let (mut batch, file, _folder) = output("cat >> $OUT; echo end >> $OUT", |_| {});
    batch.write(&metrics(&["a", "b"])).await.unwrap();
    assert_eq!(read(&file), "a\nb\nend\n");
    let (mut each, file, _folder) = output("cat >> $OUT; echo end >> $OUT", |s| s.use_batch_format = false);
    let result = each.write(&metrics(&["a", "bad", "b"])).await;
    assert!(matches!(result, Err(WriteError::Reject { indices, .. }) if indices == [1]));
    assert_eq!(read(&file), "a\nend\nb\nend\n");
}

#[tokio::test]
async fn a_failure_keeps_everything_and_says_what_the_command_said() {
    let (mut output, _, _folder) = output("cat > /dev/null; echo own words >&2; exit 3", |_| {});
    match output.write(&metrics(&["a"])).await {
        Err(WriteError::Retry { cause, .. }) => {
            let text = format!("{cause:#}");
            assert!(text.contains("own words") && text.contains('3'), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn input_that_is_not_read_is_no_failure() {
    let (mut output, _, _folder) = output("exit 0", |_| {});
    let long = "x".repeat(1 << 20);
    output.write(&metrics(&[&long])).await.unwrap();
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_killed_with_what_it_started() {
    let script = "sleep 60 & echo $! > $OUT; wait";
    let (mut output, file, _folder) = output(script, |s| s.timeout = Duration::millis(300));
    let result = output.write(&metrics(&["a"])).await;
    assert!(matches!(result, Err(WriteError::Retry { .. })), "{result:?}");
    let stat = format!("/proc/{}/stat", read(&file).trim());
    // Dead or a zombie that its new parent has yet to take.
    let runs = || std::fs::read_to_string(&stat).is_ok_and(|s| !s.contains(") Z "));
    let gone = async {
        while runs() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("the child of the shell is killed");
}

#[tokio::test]
async fn what_cannot_be_started_is_named() {
    let (mut output, _, _folder) = output("", |s| s.command = vec!["own-no-such-program".to_owned()]);
    let error = output.write(&metrics(&["a"])).await.unwrap_err().to_string();
    assert!(error.contains("own-no-such-program"), "{error}");
}

#[test]
fn settings_that_make_no_sense() {
    let second = std::time::Duration::from_secs(1);
    let command = ["a".to_owned()];
    assert!(Program::new(&[], &[], second).unwrap_err().to_string().contains("command"));
    assert!(Program::new(&command, &["=x".to_owned()], second).unwrap_err().to_string().contains("environment"));
    assert!(Program::new(&command, &[], std::time::Duration::ZERO).unwrap_err().to_string().contains("timeout"));
}
