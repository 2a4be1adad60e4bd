//! How a program is told that its interval has come.

use crate::child::{Program, Signal};
use agent_api::{Context, Result, bail, ensure};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

/// So long a program may leave its input unread, or be without a handler for the signal.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a program is told at every interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Nothing: it writes when it has something to say.
    Nothing,
    /// An empty line on its input.
    Line,
    /// A signal.
    Signal(Signal),
}

impl Prompt {
    /// Reads the option `signal`.
    pub(super) fn new(name: &str) -> Result<Self> {
        Ok(match name {
            "none" | "" => Prompt::Nothing,
            "STDIN" => Prompt::Line,
            "SIGHUP" => Prompt::Signal(Signal::Hangup),
            "SIGUSR1" => Prompt::Signal(Signal::User1),
            "SIGUSR2" => Prompt::Signal(Signal::User2),
            other => bail!("signal: {other:?} is none of none, STDIN, SIGHUP, SIGUSR1, SIGUSR2"),
        })
    }

    /// Tells the program.
    pub(super) async fn send(self, program: &Program, stdin: &mut Option<ChildStdin>) -> Result<()> {
        match self {
            Prompt::Nothing => Ok(()),
            Prompt::Line => {
                let pipe = stdin.as_mut().context("write to the program: its input is closed")?;
                let written = tokio::time::timeout(PATIENCE, pipe.write_all(b"\n")).await;
                written.context("write to the program: it does not read its input")?.context("write to the program")
            }
            Prompt::Signal(signal) => {
                ensure!(handled(program, signal).await, "the program does not handle {signal:?}, which would end it");
                program.signal(signal)
            }
        }
    }
}

/// Whether a program handles or ignores a signal. One that was just started gets some time to set its handler, as the signal
/// would end it before. Where the system does not say, it is taken to.
async fn handled(program: &Program, signal: Signal) -> bool {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        if program.handles(signal).unwrap_or(true) {
            return true;
        }
        if tokio::time::Instant::now() >= end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
