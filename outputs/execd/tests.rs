//! The output with programs that every unix has.

use super::*;
use crate::testing::{env, metrics};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An output whose program is a script of the shell; `$OUT` is a file of its own, in a folder that is gone with the last value.
fn output(script: &str, own: impl FnOnce(&mut Settings)) -> (Execd, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let mut settings = Settings {
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        environment: vec![format!("OUT={}", file.display())],
        restart_delay: Duration::millis(20),
        ..Settings::default()
    };
    own(&mut settings);
    let env = env("outputs.execd");
    (Execd::new(settings, &env).unwrap(), file, folder)
}

fn take(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let _absent = std::fs::remove_file(file);
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_reads_all_before_the_end() {
    let (mut output, file, _folder) =
        output(r#"while read -r l; do echo "$l" >> "$OUT"; done; echo end >> "$OUT""#, |_| {});
    output.open().await.unwrap();
    output.write(&metrics(&["a", "b"])).await.unwrap();
    output.write(&metrics(&["c"])).await.unwrap();
    drop(output);
    assert_eq!(take(&file), "a\nb\nc\nend\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_started_anew_when_it_ends() {
    let (mut output, file, _folder) = output(r#"read -r l; echo "$l" >> "$OUT""#, |_| {});
    output.open().await.unwrap();
    for name in ["a", "b", "c"] {
        let before = std::fs::read_to_string(&file).unwrap_or_default().len();
        // Between two programs nothing is taken.
        for _ in 0..500 {
            if output.write(&metrics(&[name])).await.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        for _ in 0..500 {
            if std::fs::read_to_string(&file).unwrap_or_default().len() > before {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
    drop(output);
    let lines = take(&file);
    assert!(lines.starts_with("a\n") && lines.lines().count() >= 3, "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_that_cannot_be_written_are_left_out() {
    for ignore in [false, true] {
        let script = r#"while read -r l; do echo "$l" >> "$OUT"; done"#;
        let (mut output, file, _folder) = output(script, |s| s.ignore_serialization_error = ignore);
        output.open().await.unwrap();
        let result = output.write(&metrics(&["a", "bad", "c"])).await;
        match ignore {
            true => assert!(result.is_ok()),
            false => assert!(matches!(result, Err(WriteError::Reject { indices, .. }) if indices == [1])),
        }
        drop(output);
        assert_eq!(take(&file), "a\nc\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_end_is_ended() {
    let (mut output, file, _folder) =
        output(r#"trap 'echo told >> "$OUT"; exit' TERM; while :; do sleep 0.05; done"#, |_| {});
    output.open().await.unwrap();
    output.write(&metrics(&["a"])).await.unwrap();
    drop(output);
    assert_eq!(take(&file), "told\n");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let (mut output, _, _folder) = output("", |s| s.command = vec!["/own/no-such-program".to_owned()]);
    let error = output.open().await.unwrap_err().to_string();
    assert!(error.contains("no-such-program"), "{error}");
    assert!(output.write(&metrics(&["a"])).await.is_err());
}
