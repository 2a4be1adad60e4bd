//! A program that is kept running, and the way to its standard input.

use agent_api::{Context, Log, Result, bail, plugin};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, PoisonError, mpsc};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{sleep, timeout};

/// What is run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    name: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    delay: Duration,
}

/// A program that reads nothing for so long is killed and started anew.
const STUCK: Duration = Duration::from_secs(30);
/// Time to read the rest and end, once its input is closed ...
const CLOSED: Duration = Duration::from_secs(3);
/// ... and once it was told to end; then it is killed.
const TOLD: Duration = Duration::from_secs(1);
/// Longer lines of what a program says are cut, in bytes.
const LINE: u64 = 64 << 10;

impl Program {
    /// `variables` are `NAME=value`.
    pub(super) fn new(command: &[String], variables: &[String], delay: Duration) -> Result<Self> {
        let Some((name, arguments)) = command.split_first().filter(|(name, _)| !name.is_empty()) else {
            bail!("command is not set");
        };
        let pair = |text: &String| {
            let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
            Some((key.to_owned(), value.to_owned()))
        };
        let pairs = variables.iter().map(|v| pair(v).with_context(|| format!("environment: {v:?} is no NAME=value")));
        Ok(Program {
            name: name.clone(),
            arguments: arguments.to_vec(),
            variables: pairs.collect::<Result<_>>()?,
            delay,
        })
    }

    fn start(&self) -> Result<Group> {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).envs(self.variables.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        Ok(Group(command.spawn().with_context(|| format!("start {:?}", self.name))?))
    }
}

/// Keeps a program running until it is dropped, which waits for the program to end.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    /// Says nothing, and that for ever, once the program is not kept any more.
    ended: std::sync::Mutex<mpsc::Receiver<()>>,
}

struct Shared {
    /// The way to the program that runs; none between two.
    stdin: Mutex<Option<ChildStdin>>,
    /// The program takes nothing any more.
    stuck: Notify,
}

impl Keeper {
    /// Starts a program; an error if there is none.
    pub(super) fn start(program: Program, log: Log) -> Result<Self> {
        let mut first = program.start()?;
        let shared = Shared { stdin: Mutex::new(first.0.stdin.take()), stuck: Notify::new() };
        let ((stop, stopping), (alive, ended)) = (watch::channel(false), mpsc::channel());
        let shared = Arc::new(shared);
        tokio::spawn(keep(program, first, shared.clone(), stopping, log, alive));
        Ok(Keeper { shared, stop, ended: ended.into() })
    }

    /// Gives the program all of `text`. After an error it has got a part of it, or nothing.
    pub(super) async fn write(&self, text: &[u8]) -> Result<()> {
        let mut stdin = self.shared.stdin.lock().await;
        let Some(open) = stdin.as_mut() else { bail!("the program is not running") };
        let write = async {
            open.write_all(text).await?;
            open.flush().await
        };
        let written = timeout(STUCK, write).await;
        if !matches!(written, Ok(Ok(()))) {
            *stdin = None;
        }
        match written {
            Ok(result) => result.context("write to its standard input"),
            Err(_) => {
                self.shared.stuck.notify_one();
                bail!("the program read nothing for {STUCK:?}")
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Nobody to tell means that it has ended already.
        let _ended = self.stop.send(true);
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ended = plugin::blocking(|| ended.recv_timeout(CLOSED + TOLD + TOLD));
    }
}

/// How a life of the program ended.
enum End {
    Itself(ExitStatus),
    Stuck,
    Stopped,
}

async fn keep(
    program: Program,
    first: Group,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    log: Log,
    _alive: mpsc::Sender<()>,
) {
    let mut next = Some(first);
    loop {
        let started = match next.take() {
            Some(first) => Ok(first),
            None => program.start(),
        };
        match started {
            Err(e) => log.error(format_args!("{e:#}; trying again in {:?}", program.delay)),
            Ok(mut group) => match live(&mut group, &shared, &mut stop, &log).await {
                Ok(End::Stopped) => return,
                Ok(End::Stuck) => log.error(format_args!("killed, starting it again in {:?}", program.delay)),
                Ok(End::Itself(status)) => {
                    log.error(format_args!(
                        "{:?} ended: {status}; starting it again in {:?}",
                        program.name, program.delay
                    ));
                }
                Err(e) => log.error(format_args!("{e:#}")),
            },
        }
        tokio::select! {
            () = sleep(program.delay) => {}
            _ = stop.changed() => return,
        }
    }
}

/// One life of the program.
async fn live(group: &mut Group, shared: &Shared, stop: &mut watch::Receiver<bool>, log: &Log) -> Result<End> {
    let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
    if let Some(stdin) = group.0.stdin.take() {
        *shared.stdin.lock().await = Some(stdin);
    }
    let mut talk = std::pin::pin!(async {
        tokio::join!(listen(stdout, |line| log.info(line)), listen(stderr, |line| complain(log, line)))
    });
    let mut heard = false;
    let end = loop {
        tokio::select! {
            status = group.0.wait() => break End::Itself(status.context("wait for its end")?),
            () = shared.stuck.notified() => break End::Stuck,
            _ = stop.changed() => break End::Stopped,
            _ = &mut talk, if !heard => heard = true,
        }
    };
    *shared.stdin.lock().await = None;
    match end {
        End::Stopped => {
            let end = async {
                tokio::join!(group.0.wait(), async {
                    if !heard {
                        talk.as_mut().await;
                    }
                })
                .0
            };
            if timeout(CLOSED, end).await.is_err() {
                group.terminate();
                if timeout(TOLD, group.0.wait()).await.is_err() {
                    log.warn("the program did not end when it was told to, killing it");
                }
            }
        }
        // What it said last.
        End::Itself(_) if !heard => drop(timeout(TOLD, talk).await),
        _ => {}
    }
    Ok(end)
}

/// Hands on the lines of what a program says, to the end.
async fn listen(from: Option<impl AsyncRead + Unpin>, each: impl Fn(&str)) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut from).take(LINE).read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        if !text.trim_end().is_empty() {
            each(text.trim_end());
        }
        line.clear();
    }
}

/// Logs a line of a program's errors at the level that it begins with, as the agent's own lines do; others are errors.
fn complain(log: &Log, line: &str) {
    match line.split_at_checked(3) {
        Some(("W! ", text)) => log.warn(text),
        Some(("I! ", text)) => log.info(text),
        Some(("D! " | "T! ", text)) => log.debug(text),
        Some(("E! ", text)) => log.error(text),
        _ => log.error(line),
    }
}

/// A program with all that it started: if it is dropped while the program runs, all of them are killed.
struct Group(Child);

impl Group {
    /// Tells all of them to end.
    fn terminate(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        // There is no number once the program has been waited for; then the group may be another's.
        if let Some(group) = self.0.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            let _ended_meanwhile = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
    }
}
