//! Tests that follow real files, through everything that happens to logs.

use super::*;
use crate::testing::{Kept, Running, env};
use agent_api::Settled;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("agent-tail-{name}-{}", std::process::id()));
        let _old = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn start(env: &Env, folder: &Folder, mut settings: serde_json::Value) -> Running {
    let pattern = settings["files"].as_str().unwrap_or("a.log");
    settings["files"] = json!([folder.path(pattern)]);
    if settings["path_tag"].is_null() {
        settings["path_tag"] = json!("");
    }
    Running::start(Tail::new(serde_json::from_value(settings).unwrap(), env).unwrap())
}

fn beginning() -> serde_json::Value {
    json!({"initial_read_offset": "beginning"})
}

/// Names of the metrics so far, once there are so many.
async fn names(kept: &Kept, count: usize) -> Vec<String> {
    let lines = kept.wait(|lines| lines.len() >= count).await;
    lines.iter().map(|line| line.split([' ', ',']).next().unwrap().to_owned()).collect()
}

fn deliver(kept: &Kept, how: Settled) {
    for mut batch in kept.take() {
        batch.take_receipt().unwrap().settle(how);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_as_they_are_written_and_whole() {
    for method in ["inotify", "poll"] {
        let folder = Folder::new(method);
        folder.append("a.log", "a v=1 1\nb v=1");
        let running =
            start(&env("tail", "influx"), &folder, json!({"initial_read_offset": "beginning", "watch_method": method}));
        assert_eq!(names(&running.kept, 1).await, ["a"]);
        folder.append("a.log", " 2\nc v=1 3\n");
        assert_eq!(names(&running.kept, 3).await, ["a", "b", "c"]);
        folder.append("a.log", "no end");
        assert_eq!(running.stop().await.errors(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_renamed_cut_or_removed() {
    let folder = Folder::new("rotation");
    folder.append("a.log", "a v=1 1\n");
    let running = start(&env("tail", "influx"), &folder, beginning());
    assert_eq!(names(&running.kept, 1).await, ["a"]);
    // Renamed: what comes late to the old one is read, too.
    fs::rename(folder.path("a.log"), folder.path("a.log.1")).unwrap();
    folder.append("a.log.1", "b v=1 1\n");
    folder.append("a.log", "c v=1 1\n");
    assert_eq!(names(&running.kept, 3).await, ["a", "b", "c"]);
    folder.append("a.log.1", "d v=1 1\n");
    assert_eq!(names(&running.kept, 4).await, ["a", "b", "c", "d"]);
    // Cut: as copytruncate does.
    fs::write(folder.path("a.log"), "").unwrap();
    folder.append("a.log", "e v=1 1\n");
    assert_eq!(names(&running.kept, 5).await[4], "e");
    // Cut and grown beyond what it was before anybody looked.
    fs::write(folder.path("a.log"), "f v=1 1\ng v=1 1\nh v=1 1\n").unwrap();
    assert_eq!(names(&running.kept, 8).await[5..], ["f", "g", "h"]);
    fs::remove_file(folder.path("a.log")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    folder.append("a.log", "i v=1 1\n");
    assert_eq!(names(&running.kept, 9).await[8], "i");
    assert_eq!(running.stop().await.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_that_fits_the_pattern_is_not_read_again() {
    let folder = Folder::new("pattern");
    folder.append("a.log", "a v=1 1\n");
    let running =
        start(&env("tail", "influx"), &folder, json!({"initial_read_offset": "beginning", "files": "a.log*"}));
    assert_eq!(names(&running.kept, 1).await, ["a"]);
    fs::rename(folder.path("a.log"), folder.path("a.log.1")).unwrap();
    folder.append("a.log", "b v=1 1\n");
    assert_eq!(names(&running.kept, 2).await, ["a", "b"]);
    running.interval().await;
    folder.append("a.log.1", "c v=1 1\n");
    assert_eq!(names(&running.kept, 3).await, ["a", "b", "c"]);
    // A new file is read from its beginning at the next interval.
    folder.append("a.log.2", "d v=1 1\n");
    running.interval().await;
    assert_eq!(names(&running.kept, 4).await, ["a", "b", "c", "d"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_not_read_again_by_the_next_run() {
    let folder = Folder::new("saved");
    let env = env("tail", "influx");
    let saved = || json!({"initial_read_offset": "saved-or-beginning", "max_undelivered_lines": 1});
    folder.append("a.log", "a v=1 1\nb v=1 1\nc v=1 1\n");
    let running = start(&env, &folder, saved());
    assert_eq!(names(&running.kept, 1).await, ["a"]);
    deliver(&running.kept, Settled::Delivered);
    assert_eq!(names(&running.kept, 1).await, ["b"], "one line at a time may be under way");
    // The second is thrown away: it has to come again. Rotation goes on meanwhile.
    drop(running.stop().await.take());
    fs::rename(folder.path("a.log"), folder.path("a.log.1")).unwrap();
    folder.append("a.log", "d v=1 1\n");
    let running = start(&env, &folder, saved());
    for name in ["b", "c", "d"] {
        assert_eq!(names(&running.kept, 1).await, [name]);
        deliver(&running.kept, Settled::Rejected);
    }
    running.stop().await;
    folder.append("a.log", "e v=1 1\n");
    let running = start(&env, &folder, saved());
    assert_eq!(names(&running.kept, 1).await, ["e"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_file_is_begun() {
    let folder = Folder::new("begin");
    folder.append("a.log", "a v=1 1\n");
    for (begin, first) in [("end", "b"), ("saved-or-end", "b"), ("saved-or-beginning", "a"), ("beginning", "a")] {
        fs::write(folder.path("a.log"), "a v=1 1\n").unwrap();
        let running = start(&env("tail", "influx"), &folder, json!({"initial_read_offset": begin}));
        // The follower is at the end of the file when it has read what was appended afterwards.
        running.interval().await;
        if first == "a" {
            names(&running.kept, 1).await;
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        folder.append("a.log", "b v=1 1\n");
        assert_eq!(names(&running.kept, 1).await[0], first, "{begin}");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_told_and_do_no_harm_to_others() {
    let folder = Folder::new("bad");
    folder.append("a.log", "a v=1 1\nb v=\"open 2\nc v=1 3\n\nd v=\"x\" 4\n");
    let running = start(&env("tail", "influx"), &folder, beginning());
    assert_eq!(names(&running.kept, 3).await, ["a", "c", "d"]);
    let errors = running.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("a.log: line 2"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_encodings_and_events_of_several_lines() {
    let folder = Folder::new("text");
    folder.append("a.log", "\x1b[31ma\x1b[0m v=1 1\r\n");
    let running =
        start(&env("tail", "influx"), &folder, json!({"initial_read_offset": "beginning", "filters": ["ansi_color"]}));
    assert_eq!(names(&running.kept, 1).await, ["a"]);
    running.stop().await;

    let wide: Vec<u8> = "\u{feff}ä v=1 1\nb v=1 2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path("a.log"), &wide).unwrap();
    let running = start(
        &env("tail", "influx"),
        &folder,
        json!({"initial_read_offset": "beginning", "character_encoding": "utf-16le", "max_undelivered_lines": 1, "path_tag": "p"}),
    );
    assert_eq!(names(&running.kept, 1).await, ["ä"]);
    deliver(&running.kept, Settled::Delivered);
    let lines = running.kept.wait(|lines| !lines.is_empty()).await;
    assert_eq!(lines, [format!("b,p={} v=1 2", folder.path("a.log").display())]);
    running.stop().await;

    fs::write(folder.path("a.log"), "a \n v=1 \n 1\nb \n v=2 1\n").unwrap();
    let env = env("tail", "influx");
    let events =
        || json!({"initial_read_offset": "saved-or-beginning", "multiline": {"pattern": "^ ", "timeout": "1h"}});
    let running = start(&env, &folder, events());
    assert_eq!(names(&running.kept, 1).await, ["a"]);
    deliver(&running.kept, Settled::Delivered);
    let kept = running.stop().await;
    assert_eq!(names(&kept, 1).await, ["b"], "the end of the run ends the event");
    drop(kept.take());
    let running = start(&env, &folder, events());
    folder.append("a.log", "c v=3 1\n");
    assert_eq!(names(&running.kept, 1).await, ["b"], "its lines are read again, as it was not delivered");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_parts_of_any_size_gives_the_same() {
    let folder = Folder::new("parts");
    let settings = json!({"initial_read_offset": "beginning", "max_undelivered_lines": 5000});
    let running = start(&env("tail", "influx"), &folder, settings);
    let text: String = (0..3000).map(|i| format!("m{i},t=x v={i}i {i}\n")).collect();
    let (mut rest, mut size) = (text.as_str(), 1);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(size.min(rest.len()));
        folder.append("a.log", part);
        (rest, size) = (after, size * 31 % 9973 + 1);
        if size % 3 == 0 {
            running.interval().await;
        }
    }
    running.interval().await;
    let expected: Vec<String> = (0..3000).map(|i| format!("m{i}")).collect();
    assert!(names(&running.kept, 3000).await == expected);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_read_by_several_parsers_keeps_its_order_its_numbers_and_its_place() {
    let folder = Folder::new("large");
    // Three megabytes; one line is none.
    let pad = "x".repeat(280);
    let line = |i: usize| if i == 9_000 { "none\n".to_owned() } else { format!("m v={i}i,p=\"{pad}\" {i}\n") };
    folder.append("a.log", &(0..10_000).map(line).collect::<String>());
    let env = env("tail", "influx");
    let settings = || json!({"initial_read_offset": "saved-or-beginning", "max_undelivered_lines": 6000});
    let numbers = |kept: &Kept| -> Vec<i64> {
        kept.take().iter().flat_map(|b| b.iter().map(|m| m.time()).collect::<Vec<_>>()).collect()
    };

    let running = start(&env, &folder, settings());
    running.kept.wait(|lines| lines.len() > 5000).await;
    let first = running.kept.take();
    let mut read: Vec<i64> = first.iter().flat_map(|b| b.iter().map(|m| m.time()).collect::<Vec<_>>()).collect();
    // What has not been delivered when the agent ends is read again.
    let kept = running.stop().await;
    drop(numbers(&kept));
    first.into_iter().for_each(|mut batch| batch.take_receipt().unwrap().settle(Settled::Delivered));

    let running = start(&env, &folder, settings());
    let mut errors = Vec::new();
    while read.len() < 9_999 {
        let before = read.len();
        running.kept.wait(|lines| !lines.is_empty()).await;
        for mut batch in running.kept.take() {
            read.extend(batch.iter().map(|m| m.time()));
            batch.take_receipt().unwrap().settle(Settled::Delivered);
        }
        errors.extend(running.kept.errors());
        assert!(read.len() > before, "nothing more came after {before} lines");
    }
    running.stop().await;
    assert!(read == (0..10_000).filter(|i| *i != 9_000).collect::<Vec<i64>>());
    assert!(errors.iter().all(|e| e.contains("a.log")) && !errors.is_empty(), "{errors:?}");

    let running = start(&env, &folder, json!({"initial_read_offset": "beginning", "max_undelivered_lines": 20_000}));
    running.kept.wait(|lines| lines.len() >= 9_999).await;
    let errors = running.stop().await.errors();
    assert!(errors.len() == 1 && errors[0].contains("a.log: line 9001"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_one_gathering_reads_to_the_end() {
    let folder = Folder::new("once");
    let text: String = (0..5000).map(|i| format!("m v={i}i {i}\n")).collect();
    folder.append("a.log", &text);
    folder.append("b.log", "b v=1 1\n");
    let mut env = env("tail", "influx");
    env.agent = Arc::new(plugin::AgentInfo { once: true, ..Default::default() });
    let running = start(&env, &folder, json!({"initial_read_offset": "beginning", "files": "*.log"}));
    running.interval().await;
    assert_eq!(running.stop().await.lines().len(), 5001);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_a_pipe_may_come_and_go() {
    let folder = Folder::new("pipe");
    let made = std::process::Command::new("mkfifo").arg(folder.path("a.log")).status().unwrap();
    assert!(made.success());
    let running = start(&env("tail", "influx"), &folder, json!({"pipe": true}));
    for name in ["a", "b"] {
        let path = folder.path("a.log");
        let line = format!("{name} v=1 1\n");
        tokio::task::spawn_blocking(move || fs::write(path, line).unwrap()).await.unwrap();
    }
    assert_eq!(names(&running.kept, 2).await, ["a", "b"]);
    running.stop().await;
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for settings in [
        json!({"multiline": {"pattern": "x", "match_which_line": "above"}}),
        json!({"watch_method": "ask"}),
        json!({"initial_read_offset": "middle"}),
        json!({"filters": ["colour"]}),
        json!({"from_beginning": true}),
    ] {
        assert!(serde_json::from_value::<Settings>(settings.clone()).is_err(), "{settings}");
    }
    for settings in [
        json!({"max_undelivered_lines": 0}),
        json!({"multiline": {"pattern": "("}}),
        json!({"character_encoding": "x"}),
    ] {
        let read = serde_json::from_value(settings.clone()).unwrap();
        assert!(Tail::new(read, &env("tail", "influx")).is_err(), "{settings}");
    }
}
