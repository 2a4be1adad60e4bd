//! Hands metrics to a program that runs beside the agent, and takes back what it makes of them.
//!
//! The program is started before the first metric comes, and started anew when it ends. At the end its input is closed and
//! its output read to the end, so nothing that it still has to say is lost.

mod child;
mod exchange;

#[cfg(test)]
mod tests;

use crate::complaints::Complaints;
use agent_api::plugin::BoxSerializer;
use agent_api::*;
use child::Command;
use exchange::Exchange;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

register!(Entry::processor::<Execd>());

/// The agent's end of the exchange with the program.
struct Execd {
    serializer: BoxSerializer,
    /// What the program's thread needs; taken when it is started.
    command: Option<Command>,
    exchange: Arc<Exchange>,
    complaints: Complaints,
}

/// Which program. The options of the data format, which is line protocol if none is named, stand beside these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The program and its arguments, each a text of its own. It reads metrics from its standard input and writes what it makes
    /// of them to its standard output, line by line; what it writes to its standard error is logged. Required.
    command: Vec<String>,
    /// Variables of its environment beside the agent's own, each as "NAME=value".
    environment: Vec<String>,
    /// How long after its end it is started anew. Metrics wait meanwhile.
    restart_delay: agent_api::Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { command: Vec::new(), environment: Vec::new(), restart_delay: agent_api::Duration::secs(10) }
    }
}

/// How long the program may take to end after its input has been closed.
const LAST: Duration = Duration::from_secs(10);

impl Plugin for Execd {
    const NAME: &'static str = "execd";
    const ABOUT: &'static str = "Hands metrics to a program and takes back what it makes of them.";
    const FORMAT: Format = Format::Both("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(settings.command.first().is_some_and(|program| !program.is_empty()), "command is required");
        let mut environment = Vec::new();
        for variable in &settings.environment {
            let (name, value) =
                variable.split_once('=').with_context(|| format!("environment: no \"=\" in {variable:?}"))?;
            environment.push((name.to_owned(), value.to_owned()));
        }
        let command = Command {
            words: settings.command,
            environment,
            restart_delay: *settings.restart_delay,
            parser: Mutex::new(env.parser()?),
            log: env.log.clone(),
        };
        Ok(Execd {
            serializer: env.serializer()?,
            command: Some(command),
            exchange: Arc::default(),
            complaints: Complaints::new(&env.log),
        })
    }
}

impl Processor for Execd {
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    /// Starts the program; one that cannot be started at all is a mistake that ends the start.
    fn open(&mut self) -> Result<()> {
        if let Some(command) = self.command.take() {
            let child = command.spawn()?;
            let exchange = self.exchange.clone();
            std::thread::spawn(move || command.run(child, &exchange));
        }
        Ok(())
    }

    fn apply(&mut self, batch: &mut Batch) {
        let mut text = Vec::new();
        for metric in batch.iter() {
            let before = text.len();
            if let Err(e) = self.serializer.serialize(metric, &mut text) {
                text.truncate(before);
                self.complaints.add(format_args!("write metric {:?}: {e:#}", metric.name()));
            }
        }
        batch.retain(|_| false);
        self.exchange.send(text, batch);
    }

    fn ticks(&self) -> bool {
        true
    }

    fn tick(&mut self, out: &mut Batch) {
        self.exchange.receive(out);
    }

    fn finish(&mut self, out: &mut Batch) {
        self.exchange.close();
        if self.command.is_none() && !self.exchange.receive_all(out, LAST) {
            self.complaints.add(format_args!("the program did not end within {} s and was stopped", LAST.as_secs()));
        }
    }
}

impl Drop for Execd {
    fn drop(&mut self) {
        self.exchange.stop();
    }
}
