//! The threads of the program: one that starts it and writes to it, one that reads its output, one that logs what it says.

use super::exchange::Exchange;
use crate::complaints::{Complaints, quoted};
use agent_api::plugin::{BoxParser, now};
use agent_api::{Collector, Context, Log, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is needed to start the program, time and again.
pub(super) struct Command {
    pub(super) words: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) restart_delay: Duration,
    pub(super) parser: Mutex<BoxParser>,
    pub(super) log: Log,
}

/// Longer lines of the program are cut, in bytes.
const LONGEST: u64 = 16 << 20;
/// After it has been told to end by a closed input, the program gets so long until it is stopped.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for then.
const POLL: Duration = Duration::from_millis(5);

impl Command {
    /// Starts the program.
    pub(super) fn spawn(&self) -> Result<Child> {
        let mut command = std::process::Command::new(&self.words[0]);
        command.args(&self.words[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().with_context(|| format!("start {}", self.words[0]))
    }

    /// Serves the program that has been started, and starts it again when it ends, until there is nothing more to be written to it.
    pub(super) fn run(self, first: Child, exchange: &Exchange) {
        let mut complaints = Complaints::new(&self.log);
        let mut started = Ok(first);
        loop {
            match started {
                Ok(child) => {
                    let status = serve(child, &self.parser, &self.log, exchange);
                    if !exchange.note(|state| state.is_over()) {
                        complaints.add(format_args!("{} ended ({status}), starting it again", self.words[0]));
                    }
                }
                Err(e) => complaints.add(format_args!("{e:#}")),
            }
            if exchange.wait_for(self.restart_delay, |state| state.is_over()) {
                break;
            }
            started = self.spawn();
        }
        exchange.note(|state| state.end());
    }
}

/// Writes to the program until no more is to be written or it takes no more, and waits for its end; says how it ended.
fn serve(mut child: Child, parser: &Mutex<BoxParser>, log: &Log, exchange: &Exchange) -> String {
    exchange.note(|state| state.output_ended = false);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            if let Some(stdout) = stdout {
                read(stdout, &mut parser.lock().unwrap_or_else(PoisonError::into_inner), log, exchange);
            }
            exchange.note(|state| state.output_ended = true);
        });
        scope.spawn(|| {
            for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr.take(u64::MAX)).lines()).flatten() {
                say(log, &line);
            }
        });
        if let Some(mut stdin) = stdin {
            while let Some(text) = exchange.next() {
                match stdin.write_all(&text).and_then(|()| stdin.flush()) {
                    Ok(()) => exchange.written(text.len()),
                    Err(_) => {
                        exchange.put_back(text);
                        break;
                    }
                }
            }
        }
        // Its input is closed now, so it should end by itself.
        let end = Instant::now() + PATIENCE;
        let ended = loop {
            let is_stopped = exchange.wait_for(POLL, |state| state.is_stopped());
            match child.try_wait() {
                Ok(None) if !is_stopped && Instant::now() < end => {}
                Ok(None) => break child.kill().and_then(|()| child.wait()),
                Ok(Some(status)) => break Ok(status),
                Err(e) => break Err(e),
            }
        };
        // Reading ends with the program.
        drop(reader.join());
        match ended {
            Ok(status) => status.to_string(),
            Err(e) => e.to_string(),
        }
    })
}

/// Reads metrics line by line.
fn read(stdout: impl Read, parser: &mut BoxParser, log: &Log, exchange: &Exchange) {
    let mut complaints = Complaints::new(log);
    let (mut stdout, mut line, mut out) = (BufReader::new(stdout), Vec::new(), Collector::new());
    loop {
        line.clear();
        match stdout.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            continue;
        }
        if let Err(e) = parser.parse_line(text, &mut out) {
            complaints.add(format_args!("read a line of the program: {e} in {}", quoted(text)));
        }
        let mut metrics = out.take();
        metrics.settle_times(now(), 0);
        if !metrics.is_empty() {
            exchange.made(&metrics);
        }
    }
}

/// Logs a line at the level that it begins with, as Telegraf's own lines do.
fn say(log: &Log, line: &str) {
    match line.split_at_checked(3) {
        Some(("E! ", text)) => log.error(text),
        Some(("W! ", text)) => log.warn(text),
        Some(("D! ", text)) => log.debug(text),
        Some(("T! ", text)) => log.trace(text),
        Some(("I! ", text)) => log.info(text),
        _ => log.info(line),
    }
}
