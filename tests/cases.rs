//! Runs every `<family>/<plugin>/cases/<name>` against the real binary: one named test a case.
//!
//!     cargo test --test cases cpu/        the cases of one plugin
//!     BLESS=1 cargo test --test cases     writes what came out as what is expected
//!
//! A case is a folder: `telegraf.conf` (its first comment says what it shows), input files, and
//!
//!     env           NAME=value lines; $CASE is the folder's place
//!     flags         flags in place of `--config telegraf.conf --once`
//!     mode          time (metrics with their time, any order), exact (without the time), loose (floats to six digits),
//!                   raw (sorted lines of standard output), err (what must be said)
//!     expected.out  standard output
//!     expected.err  for err: parts that must be said, a line each
//!     rc            exit code, where it is not 0
//!
//! Each runs in a copy of its folder, so cases need no order and leave nothing behind.

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn main() {
    let arguments = Arguments::from_args();
    let known: BTreeSet<String> = run(Command::new(env!("CARGO_BIN_EXE_agent")).arg("plugins"))
        .map_or_else(|_| BTreeSet::new(), |o| String::from_utf8_lossy(&o.stdout).lines().map(str::to_owned).collect());
    let mut trials = Vec::new();
    for family in ["inputs", "processors", "aggregators", "outputs"] {
        for plugin in folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join(family)) {
            let name = format!("{family}.{}", file_name(&plugin));
            for case in folders(&plugin.join("cases")) {
                let title = format!("{family}/{}/{}", file_name(&plugin), file_name(&case));
                let absent = !known.contains(&name);
                trials.push(Trial::test(title, move || check(&case)).with_ignored_flag(absent));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Each case removed its own folder below it.
    let _absent = std::fs::remove_dir_all(place());
    conclusion.exit();
}

/// Where the cases of this run are copied to.
fn place() -> PathBuf {
    std::env::temp_dir().join(format!("agent-cases-{}", std::process::id()))
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(of) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(std::process::Stdio::null()).output()
}

fn check(case: &Path) -> Result<(), Failed> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).ok();
    let mode = read("mode").ok_or("the case has no mode")?.trim().to_owned();
    let place = place().join(case.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(case));
    copy(case, &place)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
    let flags = read("flags").unwrap_or_else(|| "--config telegraf.conf --once".to_owned());
    command.current_dir(&place).args(flags.split_whitespace()).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    for line in read("env").unwrap_or_default().lines() {
        if let Some((key, value)) = line.split_once('=') {
            command.env(key, value.replace("$CASE", &place.to_string_lossy()));
        }
    }
    let output = run(&mut command).map_err(|e| format!("start the agent: {e}"))?;
    std::fs::remove_dir_all(&place).map_err(|e| format!("remove {}: {e}", place.display()))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().unwrap_or(-1);
    let want_failure = read("rc").is_some_and(|rc| rc.trim() != "0");
    if want_failure != (code != 0) && mode != "err" {
        return Err(format!("exit code {code}\n{err}").into());
    }
    if mode == "err" {
        let said = format!("{out}{err}").to_lowercase();
        let missing: Vec<String> = read("expected.err")
            .unwrap_or_default()
            .lines()
            .filter(|l| !said.contains(&l.to_lowercase()))
            .map(str::to_owned)
            .collect();
        // An input that fails under --once ends with 1; cases that only ask for what is said allow both.
        if missing.is_empty() && (code != 0 || !want_failure) {
            return Ok(());
        }
        return Err(format!("exit code {code}, not said: {missing:?}\n{err}").into());
    }
    if std::env::var_os("BLESS").is_some() {
        return Ok(std::fs::write(case.join("expected.out"), out.as_bytes())?);
    }
    let (got, want) = (view(&out, &mode)?, view(&read("expected.out").unwrap_or_default(), &mode)?);
    if got == want {
        return Ok(());
    }
    let only =
        |a: &[String], b: &[String]| a.iter().filter(|l| !b.contains(l)).cloned().collect::<Vec<_>>().join("\n  ");
    Err(format!("too much:\n  {}\nmissing:\n  {}\n{err}", only(&got, &want), only(&want, &got)).into())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// What is compared, sorted: the lines themselves, or the metrics.
fn view(text: &str, mode: &str) -> Result<Vec<String>, Failed> {
    let mut lines: Vec<String> = if mode == "raw" {
        text.lines().map(str::to_owned).collect()
    } else {
        use agent_api::{Body, Collector, Env, Parser, Plugin};
        let plain: String = text.lines().map(|l| format!("{}\n", l.strip_prefix("> ").unwrap_or(l))).collect();
        let settings = <agent_formats::influx::Influx as Plugin>::Settings::default();
        let mut parser = agent_formats::influx::Influx::new(settings, &Env::new("cases"))?;
        let mut out = Collector::new();
        Parser::parse(&mut parser, &Body::from(plain), &mut out).map_err(|e| format!("no line protocol: {e}"))?;
        out.take().iter().map(|m| line(m, mode)).collect()
    };
    lines.sort();
    Ok(lines)
}

/// One metric in a form in which equal metrics are equal: fields sorted, integers without regard to their sign's type.
fn line(metric: agent_api::MetricRef<'_>, mode: &str) -> String {
    use agent_api::Value;
    let mut fields: Vec<String> = metric
        .fields()
        .map(|(k, v)| match v {
            Value::Float(v) if mode == "loose" => format!("{k}={v:.6e}"),
            Value::Float(v) => format!("{k}={v}f"),
            Value::Int(v) => format!("{k}={v}i"),
            Value::Uint(v) => format!("{k}={v}i"),
            Value::Bool(v) => format!("{k}={v}"),
            Value::Str(v) => format!("{k}={v:?}"),
        })
        .collect();
    fields.sort();
    let tags: Vec<String> = metric.tags().map(|(k, v)| format!("{k}={v}")).collect();
    let time = if mode == "time" { metric.time().to_string() } else { String::new() };
    format!("{} {tags:?} {fields:?} {time}", metric.name())
}
