//! One run of a program: what it wrote and how it ended, within bounds of time and size.

use super::quoted;
use crate::child::{Environment, Program, Signal};
use agent_api::{Error, Result, anyhow, ensure};
use std::ffi::OsStr;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout, timeout_at};

/// A program may write so many bytes to its output.
const OUTPUT: u64 = 64 << 20;
/// So many bytes of its errors are kept; the rest is read and thrown away.
const ERRORS: u64 = 64 << 10;
/// So long a program that took too long may take to end after it has been told to.
const GRACE: Duration = Duration::from_secs(2);

/// What a program left when it had ended by itself.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) said: Said,
}

/// What a program wrote.
#[derive(Default)]
pub(super) struct Said {
    pub(super) output: Vec<u8>,
    pub(super) errors: Vec<u8>,
}

/// Runs a program to its end. One that takes longer than `limit`, leaves something behind that holds its output open, or writes
/// too much is ended together with all that it has started: an error, which quotes what the program complained of.
pub(super) async fn run(
    program: &OsStr,
    arguments: &[String],
    environment: &Environment,
    limit: Duration,
) -> Result<Ended> {
    let end = Instant::now() + limit;
    let mut program = Program::start(program, arguments, environment, Stdio::null())?;
    let (stdout, stderr) = program.pipes()?;
    let mut said = Said::default();
    let cause = {
        let mut reading = pin!(said.read(stdout, stderr));
        match timeout_at(end, &mut reading).await {
            // It is waited for only now, as its group cannot be ended any more afterwards.
            Ok(Ok(())) => match timeout_at(end, program.ended()).await {
                Ok(status) => Ok(status?),
                Err(_) => {
                    program.signal_all(Signal::Terminate);
                    let _late = timeout(GRACE, program.ended()).await;
                    Err(anyhow!("timed out after {limit:?}"))
                }
            },
            Ok(Err(cause)) => Err(cause),
            Err(_) => {
                program.signal_all(Signal::Terminate);
                let _late = timeout(GRACE, reading).await;
                Err(anyhow!("timed out after {limit:?}"))
            }
        }
    };
    match cause {
        Ok(status) => Ok(Ended { status, said }),
        // What is left of it is killed as `program` is dropped.
        Err(cause) => Err(said.explain(cause)),
    }
}

impl Said {
    async fn read(&mut self, stdout: impl AsyncRead + Unpin, mut stderr: impl AsyncRead + Unpin) -> Result<()> {
        let Said { output, errors } = self;
        let reading = async {
            stdout.take(OUTPUT + 1).read_to_end(output).await?;
            ensure!(output.len() as u64 <= OUTPUT, "more than {} MiB of output", OUTPUT >> 20);
            Ok(())
        };
        let draining = async {
            (&mut stderr).take(ERRORS).read_to_end(errors).await?;
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
            Ok(())
        };
        tokio::try_join!(reading, draining).map(drop)
    }

    /// An error with the first line of what the program complained of.
    pub(super) fn explain(&self, cause: Error) -> Error {
        match self.complaint() {
            Some(line) => anyhow!("{cause:#}: {}", quoted(&line)),
            None => cause,
        }
    }

    /// The first line that says something of what the program complained of.
    pub(super) fn complaint(&self) -> Option<String> {
        let errors = String::from_utf8_lossy(&self.errors);
        errors.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}
