//! Exchanges with small shell programs.

use super::*;
use crate::testing::{batch, lines};
use agent_api::plugin::{Build, Family, find};
use serde_json::json;

fn execd(script: &str, delay: &str) -> Execd {
    let Some(Build::Parser(parser)) = find(Family::Parsers, "influx").map(|e| e.build) else { panic!("no parser") };
    let Some(Build::Serializer(writer)) = find(Family::Serializers, "influx").map(|e| e.build) else {
        panic!("no serializer")
    };
    let env = Env {
        parsers: Some(Arc::new(move || parser(&Table::default(), &Env::new("influx")).map_err(Error::new))),
        serializers: Some(Arc::new(move || writer(&Table::default(), &Env::new("influx")).map_err(Error::new))),
        ..Env::new("processors.execd")
    };
    let settings = json!({"command": ["sh", "-c", script], "environment": ["SUFFIX=_out"], "restart_delay": delay});
    let mut execd = Execd::new(serde_json::from_value(settings).unwrap(), &env).unwrap();
    execd.open().unwrap();
    execd
}

/// All that comes back for the metrics.
fn answered(script: &str, input: &str) -> String {
    let mut execd = execd(script, "0s");
    let mut out = batch(input);
    execd.apply(&mut out);
    execd.finish(&mut out);
    lines(&out)
}

#[test]
fn what_the_program_makes_comes_back_to_the_last_line() {
    let script = "while read -r line; do echo \"new$SUFFIX v=1i 5\"; echo 'no metric at all'; echo \"$line\"; done; sleep 0.1; echo 'last v=2i 6'";
    assert_eq!(
        answered(script, "m v=1i 1\nn v=2i 2"),
        "new_out v=1i 5\nm v=1i 1\nnew_out v=1i 5\nn v=2i 2\nlast v=2i 6"
    );
}

#[test]
fn more_than_the_pipes_hold_goes_through() {
    let input: Vec<String> = (0..20_000).map(|i| format!("metric,tag=value field={i}i {i}")).collect();
    let input = input.join("\n");
    assert_eq!(answered("cat", &input), input);
}

#[test]
fn a_program_that_ends_is_started_again() {
    let mut execd = execd("read -r line; echo \"$line\"", "0s");
    let mut out = Batch::new();
    for i in 0..3 {
        let mut metrics = batch(&format!("m v={i}i {i}"));
        execd.apply(&mut metrics);
        // Each run answers one line, so the next is only sent when it has come.
        while out.len() + metrics.len() <= i {
            execd.exchange.wait_for(Duration::from_millis(50), |_| false);
            execd.tick(&mut metrics);
        }
        for metric in metrics.iter() {
            out.push(metric);
        }
    }
    execd.finish(&mut out);
    assert_eq!(lines(&out), "m v=0i 0\nm v=1i 1\nm v=2i 2");
}

#[test]
fn a_command_that_is_missing_or_an_environment_without_values_is_refused() {
    let error = |settings| Execd::new(serde_json::from_value(settings).unwrap(), &Env::new("x")).map(drop).unwrap_err();
    assert_eq!(error(json!({})).to_string(), "command is required");
    assert!(error(json!({"command": ["cat"], "environment": ["A"]})).to_string().contains("\"A\""));
}
