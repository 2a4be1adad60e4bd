//! Small shell programs beside the test.

use super::*;
use crate::testing::{Kept, Running, env};
use serde::Deserialize;
use serde_json::{Value, json};

fn execd(mut settings: Value, script: &str) -> Execd {
    settings["command"] = json!(["sh", "-c", script]);
    Execd::new(Settings::deserialize(settings).unwrap(), &env("inputs.execd", "influx")).unwrap()
}

async fn running(settings: Value, script: &str) -> Running {
    let mut execd = execd(settings, script);
    execd.open().await.unwrap();
    Running::start(execd)
}

/// Waits for so many metrics.
async fn wait(kept: &Kept, count: usize) -> Vec<String> {
    kept.wait(|lines| lines.len() >= count).await
}

#[tokio::test]
async fn what_a_program_writes_is_read_as_it_comes() {
    let running = running(
        json!({"environment": ["A=1"], "buffer_size": "16B"}),
        "echo \"m v=${A}i 5\"; echo bad; echo 'n v=2i 6'; sleep 60",
    )
    .await;
    assert_eq!(wait(&running.kept, 2).await, ["m v=1i 5", "n v=2i 6"]);
    let kept = running.stop().await;
    assert!(kept.errors()[0].contains("\"bad\""), "{:?}", kept.errors());
}

#[tokio::test]
async fn what_it_says_at_the_stop_is_read() {
    let script = "trap 'echo last v=1i 6; exit' TERM; echo m v=1i 5; while :; do sleep 0.01; done";
    let running = running(json!({}), script).await;
    wait(&running.kept, 1).await;
    // The last line has no line end.
    assert_eq!(running.stop().await.lines(), ["m v=1i 5", "last v=1i 6"]);
    let running = self::running(json!({"signal": "STDIN"}), "while read -r _; do printf 'm v=1i 5'; done").await;
    running.interval().await;
    assert_eq!(running.stop().await.lines(), ["m v=1i 5"]);
}

#[tokio::test]
async fn a_program_that_will_not_end_is_killed_with_what_it_started() {
    let running = running(json!({}), "trap '' TERM; echo \"m v=$$i 5\"; while :; do sleep 0.1; done").await;
    let line = wait(&running.kept, 1).await.remove(0);
    let id: i32 = line.trim_start_matches("m v=").trim_end_matches("i 5").parse().unwrap();
    running.stop().await;
    let group = rustix::process::Pid::from_raw(id).unwrap();
    // Its last child may take a moment to be gone.
    for _ in 0..100 {
        if rustix::process::test_kill_process_group(group).is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the group is still there");
}

#[tokio::test]
async fn each_interval_is_told() {
    let line = running(json!({"signal": "STDIN"}), "while read -r _; do echo m v=1i 5; done").await;
    let script = |signal: &str| format!("sleep 0.2; trap 'echo m v=1i 5' {signal}; while :; do sleep 0.01; done");
    // A shell cannot handle what was ignored when it began, as SIGHUP is where the tests run under nohup.
    let default = format!("exec env --default-signal=HUP sh -c \"{}\"", script("HUP"));
    let hangup = running(json!({"signal": "SIGHUP"}), &default).await;
    let user1 = running(json!({"signal": "SIGUSR1"}), &script("USR1")).await;
    let user2 = running(json!({"signal": "SIGUSR2"}), &script("USR2")).await;
    for running in [line, hangup, user1, user2] {
        for i in 1..=2 {
            running.interval().await;
            assert_eq!(wait(&running.kept, i).await.len(), i, "{:?}", running.kept.errors());
        }
        assert_eq!(running.stop().await.errors(), [""; 0]);
    }
}

#[tokio::test]
async fn a_signal_that_would_end_the_program_is_not_sent() {
    let running = running(json!({"signal": "SIGUSR1"}), "echo m v=1i 5; exec sleep 60").await;
    running.interval().await;
    let kept = running.stop().await;
    assert_eq!(kept.lines(), ["m v=1i 5"]);
    assert!(kept.errors()[0].contains("does not handle User1"), "{:?}", kept.errors());
}

#[tokio::test]
async fn a_program_that_ends_is_started_again() {
    let running = running(json!({"restart_delay": "0s"}), "echo m v=1i 5; exit 3").await;
    assert!(wait(&running.kept, 3).await.len() >= 3);
    let kept = running.stop().await;
    assert_eq!(kept.errors()[0], "sh ended: exit status 3; starting it again in 0s");
}

#[tokio::test]
async fn after_an_error_it_may_stay_ended() {
    let settings = json!({"restart_delay": "0s", "stop_on_error": true});
    let tree = crate::host::testing::Tree::empty();
    // The first run ends well, the second does not, and a third is not to be.
    let script = format!("echo m v=1i 5; mkdir {}/once", tree.path().display());
    let running = running(settings, &script).await;
    for _ in 0..250 {
        if !running.kept.errors().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running.interval().await;
    let kept = running.stop().await;
    assert_eq!(kept.lines().len(), 2);
    assert_eq!(kept.errors(), ["sh ended: exit status 1; not starting it again"]);
}

#[tokio::test]
async fn more_than_the_pipe_holds_comes_through() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo \"metric,tag=value field=${i}i $i\"; i=$((i+1)); done";
    let running = running(json!({"restart_delay": "1h"}), script).await;
    let lines = wait(&running.kept, 20_000).await;
    assert_eq!((lines.len(), lines[19_999].as_str()), (20_000, "metric,tag=value field=19999i 19999"));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let error = |settings| Execd::new(Settings::deserialize::<Value>(settings).unwrap(), &Env::new("x")).err().unwrap();
    assert_eq!(error(json!({})).to_string(), "command is required");
    assert!(error(json!({"command": ["a"], "signal": "SIGKILL"})).to_string().contains("signal: \"SIGKILL\""));
    assert!(error(json!({"command": ["a"], "environment": ["A"]})).to_string().contains("\"A\""));
    let settings = Settings { command: vec!["/no/such/program".to_owned()], ..Settings::default() };
    let opened = Execd::new(settings, &Env::new("x")).unwrap().open().await;
    assert!(matches!(opened, Err(StartError::Retry(e)) if e.to_string() == "start /no/such/program"));
}
