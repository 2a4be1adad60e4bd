//! Runs a program beside the agent and gives it the metrics on its standard input.
//!
//! The program is started anew when it ends. At the stop its input is closed and it gets time to read what it was given.

mod program;
#[cfg(test)]
mod tests;

use agent_api::*;
use program::{Keeper, Program};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Execd>());

/// The output.
struct Execd {
    settings: Settings,
    program: Program,
    serializer: plugin::BoxSerializer,
    keeper: Option<Keeper>,
    log: Log,
}

/// Which program, and how it is given metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The program and its arguments, each a text of its own; no shell looks at them. Required.
    command: Vec<String>,
    /// Variables of its environment beside the agent's own, each as `NAME=value`.
    environment: Vec<String>,
    /// How long after its end it is started anew.
    restart_delay: Duration,
    /// Leave out metrics that cannot be serialized without a word. They are left out in any case, and else reported.
    ignore_serialization_error: bool,
    /// Writes each batch as one document of the format instead of a document for each metric.
    use_batch_format: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            command: Vec::new(),
            environment: Vec::new(),
            restart_delay: Duration::secs(10),
            ignore_serialization_error: false,
            use_batch_format: false,
        }
    }
}

impl Plugin for Execd {
    const NAME: &'static str = "execd";
    const ABOUT: &'static str = "Gives metrics to a program that runs beside the agent.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let program = Program::new(&settings.command, &settings.environment, *settings.restart_delay)?;
        Ok(Execd { settings, program, serializer: env.serializer()?, keeper: None, log: env.log.clone() })
    }
}

impl Output for Execd {
    async fn open(&mut self) -> Result<(), StartError> {
        self.keeper = None;
        self.keeper = Some(Keeper::start(self.program.clone(), self.log.clone())?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let keeper = self.keeper.as_ref().context("output is not open")?;
        let (mut text, mut rejected, mut why) = (Vec::new(), Vec::new(), None);
        if self.settings.use_batch_format {
            if let Err(e) = self.serializer.serialize_batch(metrics, &mut text) {
                return Err(WriteError::reject_all(metrics.len(), e.context("serialize")));
            }
        } else {
            for (place, metric) in metrics.iter().enumerate() {
                let before = text.len();
                if let Err(e) = self.serializer.serialize(metric, &mut text) {
                    text.truncate(before);
                    rejected.push(place);
                    why.get_or_insert(e.context("serialize"));
                }
            }
        }
        match (keeper.write(&text).await, why) {
            (Err(cause), _) => Err(WriteError::Partial { written: Vec::new(), rejected, cause }),
            (Ok(()), Some(cause)) if !self.settings.ignore_serialization_error => {
                Err(WriteError::Reject { indices: rejected, cause })
            }
            (Ok(()), Some(cause)) => {
                self.log.debug(format_args!("left out {} metrics: {cause:#}", rejected.len()));
                Ok(())
            }
            (Ok(()), None) => Ok(()),
        }
    }
}
