//! One run of a program: its input, what it complains about, and its end, all within a time.

use agent_api::{Context, Result, bail, ensure};
use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// What is run.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    timeout: Duration,
}

/// So much of what a program complains about is shown.
const SHOWN: usize = 512;
/// Time for the rest of its complaints once a program has ended: what it left running may hold the pipe open.
const REST: Duration = Duration::from_millis(200);

impl Program {
    /// `variables` are `NAME=value`.
    pub(super) fn new(command: &[String], variables: &[String], timeout: Duration) -> Result<Self> {
        let Some((name, arguments)) = command.split_first().filter(|(name, _)| !name.is_empty()) else {
            bail!("command is not set");
        };
        ensure!(!timeout.is_zero(), "timeout has to be more than 0");
        let pair = |text: &String| {
            let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
            Some((key.to_owned(), value.to_owned()))
        };
        let pairs = variables.iter().map(|v| pair(v).with_context(|| format!("environment: {v:?} is no NAME=value")));
        let variables = pairs.collect::<Result<_>>()?;
        Ok(Program { name: name.clone(), arguments: arguments.to_vec(), variables, timeout })
    }

    /// Runs it once. A program that ends well without reading all of its input has done its work.
    pub(super) async fn run(&self, input: &[u8]) -> Result<()> {
        let mut group = Group(self.command().spawn().with_context(|| format!("start {:?}", self.name))?);
        let (stdin, stderr) = (group.0.stdin.take(), group.0.stderr.take());
        let mut said = Vec::new();
        let ended = {
            let feed = async {
                match stdin {
                    Some(mut stdin) => stdin.write_all(input).await,
                    None => Ok(()),
                }
            };
            let talk = async { tokio::join!(feed, listen(stderr, &mut said)).0 };
            let whole = async {
                let mut talk = pin!(talk);
                tokio::select! {
                    fed = &mut talk => (group.0.wait().await, fed),
                    status = group.0.wait() => (status, tokio::time::timeout(REST, talk).await.unwrap_or(Ok(()))),
                }
            };
            tokio::time::timeout(self.timeout, whole).await
        };
        let Ok((status, fed)) = ended else {
            bail!("{:?} timed out: it did not end in {:?}", self.name, self.timeout);
        };
        let status = status.with_context(|| format!("wait for {:?}", self.name))?;
        if !status.success() {
            let said = String::from_utf8_lossy(&said);
            bail!("{:?} failed: {status}: {:?}", self.name, said.trim());
        }
        match fed {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e).context("write to its standard input"),
            _ => Ok(()),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).envs(self.variables.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}

/// Reads all that a program complains about and keeps the begin.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut memory = [0; 4096];
    while let Ok(n @ 1..) = stderr.read(&mut memory).await {
        let room = SHOWN.saturating_sub(said.len());
        said.extend_from_slice(&memory[..n.min(room)]);
    }
}

/// A program with all that it started: if it is dropped while the program runs, all of them are killed.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // `id` is nothing once the program has ended; `kill_on_drop` is for systems without groups.
        #[cfg(unix)]
        if let Some(group) = self.0.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ended_meanwhile = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
