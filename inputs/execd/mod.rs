//! Runs a program beside the agent and reads what it writes, as it comes.
//!
//! The program is started anew when it ends. At the stop it is told to end and its output is read to the end, so nothing that it
//! still has to say is lost.

mod output;
mod signal;

#[cfg(test)]
mod tests;

use crate::child::{self, Environment, Program, Signal};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use signal::Prompt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

register!(Entry::listener::<Execd>());

/// The program.
struct Execd {
    settings: Settings,
    environment: Environment,
    prompt: Prompt,
    env: Env,
    /// Started, and not yet listened to.
    started: Option<Program>,
}

/// Which program, and how it is told to write.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The program and its arguments, each a text of its own. It writes metrics to its standard output; what it writes to its standard
    /// error is logged. Required.
    command: Vec<String>,
    /// Variables of its environment beside the agent's own, each as `NAME=value`.
    environment: Vec<String>,
    /// What it is told at every interval: `none` (it writes when it wants to), `STDIN` (an empty line on its standard input),
    /// `SIGHUP`, `SIGUSR1` or `SIGUSR2`.
    signal: String,
    /// How long after its end it is started anew.
    restart_delay: Duration,
    /// Bytes that are read at a time, from 16 to 16 MiB.
    buffer_size: Size,
    /// Do not start it anew when it ended with an error (not with 0).
    stop_on_error: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            command: Vec::new(),
            environment: Vec::new(),
            signal: "none".to_owned(),
            restart_delay: Duration::secs(10),
            buffer_size: Size(64 << 10),
            stop_on_error: false,
        }
    }
}

/// After its end, what a program left running may hold its output open for so long.
const REST: std::time::Duration = std::time::Duration::from_secs(1);
/// At the stop, a program that reads its input gets so long to end because that is closed, before it is told to.
const CLOSED: std::time::Duration = std::time::Duration::from_secs(1);
/// So long after the stop it is killed; the agent waits for 5 s.
const KILLED: std::time::Duration = std::time::Duration::from_secs(4);

impl Plugin for Execd {
    const NAME: &'static str = "execd";
    const ABOUT: &'static str = "Runs a program beside the agent and reads metrics from its output as they come.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(settings.command.first().is_some_and(|program| !program.is_empty()), "command is required");
        Ok(Execd {
            environment: Environment::new(&settings.environment)?,
            prompt: Prompt::new(&settings.signal)?,
            settings,
            env: env.clone(),
            started: None,
        })
    }
}

impl Listener for Execd {
    async fn open(&mut self) -> Result<(), StartError> {
        self.started = Some(self.start().map_err(StartError::Retry)?);
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        loop {
            let program = match self.started.take() {
                Some(program) => Ok(program),
                None => self.start(),
            };
            match program {
                Ok(program) => {
                    let Some(status) = self.serve(program, &out, &mut stop).await? else { return Ok(()) };
                    let again = !self.settings.stop_on_error || status.success();
                    self.report(status, again, &out);
                    if !again {
                        while stop.next().await.is_some() {}
                        return Ok(());
                    }
                }
                Err(e) => out.error(e),
            }
            let due = Instant::now() + *self.settings.restart_delay;
            loop {
                tokio::select! {
                    () = sleep_until(due) => break,
                    request = stop.next() => if request.is_none() { return Ok(()) },
                }
            }
        }
    }
}

impl Execd {
    fn start(&self) -> Result<Program> {
        let (program, arguments) = self.settings.command.split_first().context("command is required")?;
        let program = Program::start(program, arguments, &self.environment, Stdio::piped())?;
        self.env.log.debug(format_args!("started {}", self.settings.command[0]));
        Ok(program)
    }

    /// Reads what the program writes until it ends by itself, or until the stop: none then.
    async fn serve(&self, mut program: Program, out: &Sender, stop: &mut Stop) -> Result<Option<ExitStatus>> {
        let buffer = self.settings.buffer_size.0.clamp(16, 16 << 20) as usize;
        let (stdout, stderr) = program.pipes()?;
        let mut stdin = program.stdin();
        let parser = self.env.parser()?;
        let mut reading =
            pin!(async { tokio::join!(output::read(stdout, parser, buffer, out), output::log(stderr, &self.env.log)) });
        let mut is_read = false;
        let status = loop {
            tokio::select! {
                _ = &mut reading, if !is_read => is_read = true,
                status = program.ended() => break Some(status?),
                request = stop.next() => match request {
                    Some(_answered_when_dropped) => {
                        if let Err(e) = self.prompt.send(&program, &mut stdin).await {
                            out.error(e);
                        }
                    }
                    None => break None,
                },
            }
        };
        drop(stdin);
        if status.is_none() {
            let end = Instant::now() + KILLED;
            if self.prompt == Prompt::Line && !is_read {
                is_read = timeout(CLOSED, &mut reading).await.is_ok();
            }
            program.signal_all(Signal::Terminate);
            is_read = is_read || timeout_at(end, &mut reading).await.is_ok();
            // It is waited for only now, as its group cannot be ended any more afterwards.
            if timeout_at(end, program.ended()).await.is_err() {
                self.env.log.warn("the program did not end when it was told to, killing it");
                program.signal_all(Signal::Kill);
            }
        }
        if !is_read {
            // What holds the output open is none of the program's group.
            let _given_up = timeout(REST, reading).await;
        }
        Ok(status)
    }

    fn report(&self, status: ExitStatus, again: bool, out: &Sender) {
        let next = match again {
            true => format!("starting it again in {}", self.settings.restart_delay),
            false => "not starting it again".to_owned(),
        };
        let message = format!("{} ended: {}; {next}", self.settings.command[0], child::ending(status));
        match status.success() {
            true => self.env.log.info(message),
            false => out.error(Error::msg(message)),
        }
    }
}
