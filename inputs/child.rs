//! Programs that inputs run, each in a process group of its own, so that what a program has started ends together with it.

#[cfg(any(feature = "exec", feature = "execd"))]
use agent_api::Log;
use agent_api::{Context, Result};
use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// Variables of a program's environment beside the agent's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    #[cfg(any(feature = "exec", feature = "execd"))]
    /// Reads the option `environment`, whose texts are `NAME=value`.
    pub(crate) fn new(variables: &[String]) -> Result<Self> {
        let split = |variable: &String| {
            let pair = variable.split_once('=').filter(|(name, _)| !name.is_empty());
            let (name, value) = pair.with_context(|| format!("environment: {variable:?} is not NAME=value"))?;
            Ok((name.to_owned(), value.to_owned()))
        };
        variables.iter().map(split).collect::<Result<_>>().map(Environment)
    }
}

/// What a program can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end in an orderly way.
    #[cfg(any(feature = "exec", feature = "execd"))]
    Terminate,
    /// Ends it.
    Kill,
    /// SIGHUP.
    #[cfg(feature = "execd")]
    Hangup,
    /// SIGUSR1.
    #[cfg(feature = "execd")]
    User1,
    /// SIGUSR2.
    #[cfg(feature = "execd")]
    User2,
}

/// A program that runs. It is killed with its group when this is dropped before it has ended.
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// Starts a program. It has pipes for its output and its errors; its input is as told.
    pub(crate) fn start(
        program: impl AsRef<OsStr>,
        arguments: &[String],
        environment: &Environment,
        stdin: Stdio,
    ) -> Result<Self> {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.args(arguments).envs(environment.0.iter().map(|(name, value)| (name, value)));
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        Ok(Program { child })
    }

    /// The pipe to its input, once, if there is one.
    #[cfg(feature = "execd")]
    pub(crate) fn stdin(&mut self) -> Option<tokio::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// The pipes of its output and its errors, once.
    pub(crate) fn pipes(&mut self) -> Result<(ChildStdout, ChildStderr)> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        stdout.zip(stderr).context("the output is read already")
    }

    /// Waits for its end. Afterwards its group cannot be told anything any more.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.context("wait for its end")
    }

    /// The number of its process, until `ended` has been answered.
    #[cfg(unix)]
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Tells the program alone.
    #[cfg(all(unix, feature = "execd"))]
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.group().context("it has ended")?;
        rustix::process::kill_process(id, signal.into()).with_context(|| format!("send {signal:?}"))
    }

    /// Whether the program handles or ignores a signal; nothing where the system does not say.
    #[cfg(feature = "execd")]
    pub(crate) fn handles(&self, signal: Signal) -> Option<bool> {
        #[cfg(target_os = "linux")]
        {
            // proc(5): sets of signals in hexadecimal digits, the first signal the lowest bit.
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?)).ok()?;
            let bit = 1 << (rustix::process::Signal::from(signal).as_raw() - 1);
            let has = |name: &str| {
                let digits = status.lines().find_map(|line| line.strip_prefix(name))?;
                u64::from_str_radix(digits.trim(), 16).ok().map(|set| set & bit != 0)
            };
            Some(has("SigCgt:")? || has("SigIgn:")?)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _unknown = signal;
            None
        }
    }

    /// Tells the program and what it has started.
    #[cfg(unix)]
    pub(crate) fn signal_all(&self, signal: Signal) {
        if let Some(id) = self.group() {
            // It may have ended by itself a moment ago.
            let _ended = rustix::process::kill_process_group(id, signal.into());
        }
    }

    /// As long as the program has not been waited for, its number is that of the group and of nothing else.
    #[cfg(unix)]
    fn group(&self) -> Option<rustix::process::Pid> {
        self.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    }

    /// There are no signals here.
    #[cfg(all(not(unix), feature = "execd"))]
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        agent_api::bail!("this system cannot send {signal:?}")
    }

    /// There are no signals here: the program is killed when this is dropped.
    #[cfg(not(unix))]
    pub(crate) fn signal_all(&self, _: Signal) {}
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal_all(Signal::Kill);
    }
}

#[cfg(unix)]
impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            #[cfg(any(feature = "exec", feature = "execd"))]
            Signal::Terminate => Self::TERM,
            Signal::Kill => Self::KILL,
            #[cfg(feature = "execd")]
            Signal::Hangup => Self::HUP,
            #[cfg(feature = "execd")]
            Signal::User1 => Self::USR1,
            #[cfg(feature = "execd")]
            Signal::User2 => Self::USR2,
        }
    }
}

/// How a program ended, for messages.
pub(crate) fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

#[cfg(any(feature = "exec", feature = "execd"))]
/// Logs a line of a program's errors at the level that it begins with, as Telegraf's own lines do; others are errors.
pub(crate) fn log_line(log: &Log, line: &str) {
    match line.split_at_checked(3) {
        Some(("E! ", text)) => log.error(text),
        Some(("W! ", text)) => log.warn(text),
        Some(("I! ", text)) => log.info(text),
        Some(("D! ", text)) => log.debug(text),
        Some(("T! ", text)) => log.trace(text),
        _ => log.error(line),
    }
}
