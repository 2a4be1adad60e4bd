//! Runs a command for every batch (or metric) and gives it the metrics on standard input.

mod run;
#[cfg(test)]
mod tests;

use agent_api::*;
use run::Program;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::output::<Exec>());

/// The output.
struct Exec {
    settings: Settings,
    program: Program,
    serializer: plugin::BoxSerializer,
    log: Log,
}

/// What is run and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The program and its arguments; no shell looks at them.
    command: Vec<String>,
    /// Variables that are set for the program besides those of the agent: `["NAME=value"]`.
    environment: Vec<String>,
    /// How long a run may take; then it is killed with all that it started.
    timeout: Duration,
    /// Runs the command once for each batch, which is one document of the format; otherwise once for each metric.
    use_batch_format: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { command: Vec::new(), environment: Vec::new(), timeout: Duration::secs(5), use_batch_format: true }
    }
}

impl Plugin for Exec {
    const NAME: &'static str = "exec";
    const ABOUT: &'static str = "Gives metrics to a command on its standard input.";
    const FORMAT: Format = Format::Serializes("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let program = Program::new(&settings.command, &settings.environment, *settings.timeout)?;
        Ok(Exec { settings, program, serializer: env.serializer()?, log: env.log.clone() })
    }
}

impl Output for Exec {
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        if self.settings.use_batch_format {
            let mut document = Vec::new();
            if let Err(e) = self.serializer.serialize_batch(metrics, &mut document) {
                return Err(WriteError::reject_all(metrics.len(), e.context("serialize")));
            }
            return Ok(self.program.run(&document).await?);
        }
        self.write_each(metrics).await
    }
}

impl Exec {
    /// One failure keeps all metrics, as it always has: a command that fails half way may count on being asked for all again.
    async fn write_each(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let (mut rejected, mut why, mut failed) = (Vec::new(), None, None);
        for (place, metric) in metrics.iter().enumerate() {
            let mut document = Vec::new();
            if let Err(e) = self.serializer.serialize(metric, &mut document) {
                rejected.push(place);
                why.get_or_insert(e.context("serialize"));
            } else if let Err(e) = self.program.run(&document).await {
                self.log.debug(format_args!("{e:#}"));
                failed.get_or_insert(e);
            }
        }
        match (failed, why) {
            (Some(cause), _) => Err(WriteError::Partial { written: Vec::new(), rejected, cause }),
            (None, Some(cause)) => Err(WriteError::Reject { indices: rejected, cause }),
            (None, None) => Ok(()),
        }
    }
}
