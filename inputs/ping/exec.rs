//! Running the system's ping.

use super::statistics::Report;
use super::{Settings, output};
use crate::child::{self, Environment};
use agent_api::{Result, Value, anyhow, ensure};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The program and its arguments.
pub(super) struct Program {
    binary: String,
    arguments: Vec<String>,
}

/// A program that runs longer than this is killed, whatever its own deadline is.
const LONGEST: Duration = Duration::from_secs(65);
/// No ping prints more, in bytes.
const OUTPUT: u64 = 1 << 20;
/// Most programs end with 1 if no packet came back, those of the BSDs with 2.
const LOST: i32 = if cfg!(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_os = "macos"))
{
    2
} else {
    1
};

impl Program {
    pub(super) fn new(settings: &Settings) -> Self {
        let arguments = match settings.arguments.as_slice() {
            [] => arguments(settings, std::env::consts::OS),
            own => own.to_vec(),
        };
        Program { binary: settings.binary.clone(), arguments }
    }

    /// Pings a host.
    pub(super) async fn ping(&self, url: &str) -> Report {
        match self.run(url).await {
            Ok((text, status)) => read(&text, status),
            Err(e) => Report::failed(2, Some(e)),
        }
    }

    async fn run(&self, url: &str) -> Result<(String, ExitStatus)> {
        // A host that begins with a dash would be taken for an option.
        ensure!(!url.is_empty() && !url.starts_with('-'), "this is no host");
        let mut arguments = self.arguments.clone();
        arguments.push(url.to_owned());
        let mut program = child::Program::start(&self.binary, &arguments, &Environment::default(), Stdio::null())?;
        let (stdout, stderr) = program.pipes()?;
        let whole = async {
            let (said, complained) = tokio::join!(all(stdout), all(stderr));
            Ok((said + &complained, program.ended().await?))
        };
        tokio::time::timeout(LONGEST, whole)
            .await
            .unwrap_or_else(|_| Err(anyhow!("{} did not end in {LONGEST:?}", self.binary)))
    }
}

async fn all(from: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    // What was read before an error is as much as there is.
    let _broken = from.take(OUTPUT).read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

fn read(text: &str, status: ExitStatus) -> Report {
    if cfg!(windows) {
        return output::windows(text).unwrap_or_else(|e| {
            let mut report = Report::failed(2, Some(e.context(format!("{status}"))));
            report.add("errors", Value::Float(100.0));
            report
        });
    }
    match status.code() {
        Some(code) if code == 0 || code == LOST => {
            output::unix(text, i64::from(code)).unwrap_or_else(|e| Report::failed(2, Some(e)))
        }
        _ => {
            let said: String = text.trim().chars().take(300).collect();
            Report::failed(2, Some(anyhow!("{}: {said}", child::ending(status))))
        }
    }
}

/// The arguments that options become on a system.
fn arguments(settings: &Settings, system: &str) -> Vec<String> {
    let Settings { count, timeout, deadline, interface, .. } = settings;
    let mut all: Vec<String> = Vec::new();
    let mut add = |name: &str, value: String| all.extend([name.to_owned(), value]);
    let milliseconds = timeout.as_millis().to_string();
    if system == "windows" {
        add("-n", count.to_string());
        if !timeout.is_zero() {
            add("-w", milliseconds);
        }
        return all;
    }
    let bsd = matches!(system, "freebsd" | "netbsd" | "openbsd" | "macos");
    add("-c", count.to_string());
    add("-s", "16".to_owned());
    if !settings.ping_interval.is_zero() {
        let interval = (*settings.ping_interval).max(Duration::from_millis(200));
        add("-i", interval.as_secs_f64().to_string());
    }
    if !timeout.is_zero() {
        add("-W", if bsd { milliseconds } else { timeout.as_secs_f64().to_string() });
    }
    if !deadline.is_zero() {
        add(if bsd { "-t" } else { "-w" }, deadline.as_secs().to_string());
    }
    if !interface.is_empty() {
        add(if bsd && system != "macos" { "-S" } else { "-I" }, interface.clone());
    }
    all.insert(2, "-n".to_owned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_each_system() {
        let settings = Settings {
            count: 3,
            timeout: agent_api::Duration::millis(1500),
            interface: "eth0".to_owned(),
            ..Settings::default()
        };
        let line = |system: &str| arguments(&settings, system).join(" ");
        assert_eq!(line("linux"), "-c 3 -n -s 16 -i 1 -W 1.5 -w 10 -I eth0");
        assert_eq!(line("macos"), "-c 3 -n -s 16 -i 1 -W 1500 -t 10 -I eth0");
        assert_eq!(line("freebsd"), "-c 3 -n -s 16 -i 1 -W 1500 -t 10 -S eth0");
        assert_eq!(line("windows"), "-n 3 -w 1500");
        let fast = Settings {
            ping_interval: agent_api::Duration::millis(1),
            deadline: agent_api::Duration::default(),
            ..Settings::default()
        };
        assert_eq!(arguments(&fast, "linux").join(" "), "-c 1 -n -s 16 -i 0.2");
    }
}
