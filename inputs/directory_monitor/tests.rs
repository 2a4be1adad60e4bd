//! Folders with files, watched.

use super::*;
use crate::host::testing::Tree;
use crate::testing::{Running, env};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Write;

/// A monitor of `in` in a tree, with `done` beside it.
fn monitor(tree: &Tree, mut settings: Value) -> Running {
    let path = |name: &str| json!(tree.path().join(name));
    settings["directory"] = path("in");
    settings["finished_directory"] = path("done");
    if let Some(name) = settings["error_directory"].as_str().map(str::to_owned) {
        settings["error_directory"] = path(&name);
    }
    if settings["directory_duration_threshold"].is_null() {
        settings["directory_duration_threshold"] = json!("0s");
    }
    let env = env("inputs.directory_monitor", "influx");
    Running::start(DirectoryMonitor::new(Settings::deserialize(settings).unwrap(), &env).unwrap())
}

/// What is gathered in one interval, and the errors with paths below the tree.
async fn once(tree: &Tree, settings: Value) -> (Vec<String>, Vec<String>) {
    let running = monitor(tree, settings);
    running.interval().await;
    let kept = running.stop().await;
    let root = format!("{}/", tree.path().display());
    (kept.lines(), kept.errors().iter().map(|e| e.replace(&root, "")).collect())
}

/// The files of a tree.
fn files(tree: &Tree) -> Vec<String> {
    fn walk(at: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => walk(&path, root, found),
                false => found.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    let mut found = Vec::new();
    walk(tree.path(), tree.path(), &mut found);
    found.sort();
    found
}

const NONE: [String; 0] = [];

#[tokio::test]
async fn files_are_read_and_moved() {
    let tree =
        Tree::of(&[("in/b.lp", "m v=2i 2"), ("in/a.lp", "m v=1i 1\n"), ("in/sub/c.lp", "m v=3i 3"), ("in/d", "")]);
    let got = once(&tree, json!({"file_tag": "file"})).await;
    assert_eq!(got.0, ["m,file=a.lp v=1i 1", "m,file=b.lp v=2i 2"]);
    assert_eq!(
        (got.1, files(&tree)),
        (NONE.to_vec(), ["done/a.lp", "done/b.lp", "done/d", "in/sub/c.lp"].map(String::from).to_vec())
    );
}

#[tokio::test]
async fn folders_below_are_read_but_not_what_is_finished() {
    let tree = Tree::of(&[
        ("in/a", "m v=1i 1"),
        ("in/sub/sub/b", "m v=2i 2"),
        ("in/done/old", "m v=3i 3"),
        ("in/bad/x", "m v=4i 4"),
    ]);
    let settings = json!({
        "directory": tree.path().join("in"), "finished_directory": tree.path().join("in/done"), "recursive": true,
        "error_directory": tree.path().join("in/bad"), "directory_duration_threshold": "0s",
    });
    let env = env("inputs.directory_monitor", "influx");
    let running = Running::start(DirectoryMonitor::new(Settings::deserialize(settings).unwrap(), &env).unwrap());
    running.interval().await;
    assert_eq!(running.stop().await.lines(), ["m v=1i 1", "m v=2i 2"]);
    assert_eq!(files(&tree), ["in/bad/x", "in/done/a", "in/done/old", "in/done/sub/sub/b"]);
}

#[tokio::test]
async fn patterns_are_for_names_and_paths() {
    let tree = Tree::empty();
    for name in ["a.csv", "a.txt", "b.csv", "sub/a.csv", "sub/old/a.csv"] {
        tree.write(&format!("in/{name}"), &format!("m,f={name} v=1i 1"));
    }
    let settings =
        json!({"recursive": true, "files_to_monitor": ["^a.*\\.csv$"], "files_to_ignore": ["^sub/old/", "/none/"]});
    assert_eq!(once(&tree, settings).await.0, ["m,f=a.csv v=1i 1", "m,f=sub/a.csv v=1i 1"]);
    assert_eq!(files(&tree), ["done/a.csv", "done/sub/a.csv", "in/a.txt", "in/b.csv", "in/sub/old/a.csv"]);
}

#[tokio::test]
async fn good_lines_of_a_bad_file_are_taken() {
    let tree = Tree::of(&[("in/a", "m v=1i 1\nbad\nm v=2i 2\n")]);
    let (lines, errors) = once(&tree, json!({"error_directory": "bad"})).await;
    assert_eq!(lines, ["m v=1i 1", "m v=2i 2"]);
    assert!(errors[0].starts_with("read in/a: line 2: "), "{errors:?}");
    assert_eq!(files(&tree), ["bad/a"]);
}

#[tokio::test]
async fn a_bad_file_that_stays_is_read_again_when_it_changes() {
    let tree = Tree::of(&[("in/a", "m v=1i 1\nbad\n")]);
    let running = monitor(&tree, json!({}));
    running.interval().await;
    running.interval().await;
    assert_eq!((running.kept.lines().len(), running.kept.errors().len()), (1, 1));
    tree.write("in/a", "m v=1i 1\ngood v=2i 2\n");
    running.interval().await;
    assert_eq!(running.stop().await.lines(), ["m v=1i 1", "m v=1i 1", "good v=2i 2"]);
    assert_eq!(files(&tree), ["done/a"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_moved_is_not_read_again() {
    // A file is where the folder should be.
    let tree = Tree::of(&[("in/a", "m v=1i 1"), ("done", "")]);
    let running = monitor(&tree, json!({}));
    running.interval().await;
    running.interval().await;
    assert_eq!((running.kept.lines().len(), running.kept.errors().len()), (1, 1));
    std::fs::remove_file(tree.path().join("done")).unwrap();
    running.interval().await;
    assert_eq!(running.stop().await.lines().len(), 1);
    assert_eq!(files(&tree), ["done/a"]);
}

#[tokio::test]
async fn packed_files_are_unpacked() {
    let tree = Tree::of(&[("in/b.gz", "no gzip")]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"m v=1i 1\nm v=2i 2\n").unwrap();
    std::fs::write(tree.path().join("in/a.gz"), packed.finish().unwrap()).unwrap();
    let (lines, errors) = once(&tree, json!({})).await;
    assert_eq!(lines, ["m v=1i 1", "m v=2i 2"]);
    assert!(errors[0].starts_with("read in/b.gz: read: "), "{errors:?}");
}

#[tokio::test]
async fn young_files_have_to_wait() {
    let tree = Tree::of(&[("in/a", "m v=1i 1")]);
    let settings = json!({"directory_duration_threshold": "1h"});
    assert_eq!(once(&tree, settings).await.0, NONE);
    // So little that the interval waits for it.
    let settings = json!({"directory_duration_threshold": "800ms"});
    assert_eq!(once(&tree, settings).await.0, ["m v=1i 1"]);
}

#[tokio::test]
async fn no_more_metrics_than_allowed_are_under_way() {
    let text = |n: usize| (0..n).map(|i| format!("m v={i}i {i}\n")).collect::<String>();
    let tree = Tree::of(&[("in/a", &text(60)), ("in/b", &text(60)), ("in/c", &text(60))]);
    let running = monitor(&tree, json!({"max_buffered_metrics": 100, "file_queue_size": 2}));
    let asked = running.interval();
    let delivered = async {
        assert_eq!(running.kept.wait(|lines| lines.len() >= 60).await.len(), 60);
        // The second batch would be one too many as long as the first is not gone.
        let first = running.kept.take();
        for mut batch in first {
            batch.take_receipt().unwrap().settle(Settled::Delivered);
        }
        assert_eq!(running.kept.wait(|lines| lines.len() >= 60).await.len(), 60);
    };
    tokio::join!(asked, delivered);
    running.stop().await;
    assert_eq!(files(&tree), ["done/a", "done/b", "in/c"]);
}

#[test]
fn large_files_are_read_in_parts_that_know_their_lines() {
    let text: String = (0..20_000).map(|i| format!("metric,tag=value field={i}i {i}\n")).collect();
    let tree = Tree::of(&[("a", &(text + "bad\nlast v=1i 1"))]);
    for method in [Method::Lines, Method::Whole] {
        let (mut batches, mut metrics) = (0, 0);
        let parser = env("x", "influx").parser().unwrap();
        let result = read::file(&tree.path().join("a"), method, parser, &mut |batch| {
            (batches, metrics) = (batches + 1, metrics + batch.len());
            Ok(())
        });
        assert_eq!(metrics, 20_001);
        assert!(result.unwrap_err().to_string().starts_with("line 20001: "));
        assert_eq!(batches > 1, method == Method::Lines);
    }
}

#[test]
fn what_cannot_work_is_refused() {
    for (settings, part) in [
        (json!({"finished_directory": "b"}), "directory is required"),
        (json!({"directory": "a"}), "finished_directory is required"),
        (json!({"directory": "a", "finished_directory": "a"}), "finished_directory and directory are the same"),
        (json!({"directory": "a", "finished_directory": "b", "file_queue_size": 0}), "file_queue_size"),
        (json!({"directory": "a", "finished_directory": "b", "max_buffered_metrics": 0}), "max_buffered_metrics"),
        (json!({"directory": "a", "finished_directory": "b", "parse_method": "twice"}), "\"twice\""),
        (json!({"directory": "a", "finished_directory": "b", "files_to_ignore": ["("]}), "files_to_ignore: "),
    ] {
        let error = DirectoryMonitor::new(Settings::deserialize(settings).unwrap(), &Env::new("x")).err();
        let error = format!("{:#}", error.unwrap());
        assert!(error.contains(part), "{error}");
    }
}
