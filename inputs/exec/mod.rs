//! Runs programs at every interval and reads what they write.
//!
//! The programs run side by side and the metrics of each go on as soon as it has ended, so that a slow one holds nobody up.

mod nagios;
mod run;
mod words;

#[cfg(test)]
mod tests;

use crate::child::{self, Environment};
use crate::globpath::GlobPath;
use agent_api::options::{Item, Setting};
use agent_api::plugin::BoxParser;
use agent_api::*;
use futures_util::StreamExt;
use run::Ended;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ffi::OsString;

register!(Entry::input::<Exec>());

/// Runs its programs anew each time.
struct Exec {
    commands: Vec<Command>,
    environment: Environment,
    settings: Settings,
    parser: BoxParser,
    log: Log,
}

/// Which programs are run, and what is made of what they write.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Commands: each a list of the program and its arguments, or a text that is split at blanks outside of quotes. There is no
    /// shell. Where the program is a pattern (`*`, `?`, `[...]`), all that it matches are run.
    commands: Vec<Words>,
    /// Variables of their environment beside the agent's own, each as `NAME=value`.
    environment: Vec<String>,
    /// A program that takes longer is ended together with all that it has started.
    timeout: Duration,
    /// Take what a program wrote even if it did not end with 0.
    ignore_error: bool,
    /// Log what the programs write to their standard error: at the level of a line's begin (`E! `, `W! `, `I! `, `D! `, `T! `),
    /// other lines as errors.
    log_stderr: bool,
    /// Format of what the programs write. For `nagios` it counts how they end.
    data_format: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            commands: Vec::new(),
            environment: Vec::new(),
            timeout: Duration::secs(5),
            ignore_error: false,
            log_stderr: false,
            data_format: "json".to_owned(),
        }
    }
}

/// A command as users write it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a command: a text, or a list of the program and its arguments")]
enum Words {
    /// To be split.
    Text(String),
    /// Program and arguments.
    List(Vec<String>),
}

/// A command.
struct Command {
    program: String,
    /// Where the program is a pattern.
    pattern: Option<GlobPath>,
    arguments: Vec<String>,
}

/// Most programs that run at a time.
const CONCURRENT: usize = 32;

impl Plugin for Exec {
    const NAME: &'static str = "exec";
    const ABOUT: &'static str = "Runs programs and reads metrics from their output in any data format.";
    const FORMAT: Format = Format::Parses("json");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Exec {
            commands: settings.commands.iter().map(Command::new).collect::<Result<_>>()?,
            environment: Environment::new(&settings.environment)?,
            parser: env.parser()?,
            log: env.log.clone(),
            settings,
        })
    }

    fn migrate(table: &mut options::Table, _: &mut Vec<String>) {
        // The option of the first versions, which Telegraf still takes beside the list.
        let Some(command) = table.remove("command") else { return };
        match table.get_mut("commands") {
            Some(Item { value: Setting::Array(commands), .. }) => commands.push(command.item),
            _ => {
                let list = Item { span: command.item.span, value: Setting::Array(vec![command.item]) };
                table.set("commands", command.at, list);
            }
        }
    }
}

impl Command {
    fn new(words: &Words) -> Result<Self> {
        let (words, shown) = match words {
            Words::Text(text) => {
                (words::split(text).with_context(|| format!("commands: split {}", quoted(text)))?, quoted(text))
            }
            Words::List(list) => (list.clone(), format!("{list:?}")),
        };
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.with_context(|| format!("commands: empty command {shown}"))?;
        let pattern = GlobPath::new(&program).context("commands")?;
        let pattern = Some(pattern).filter(|pattern| !pattern.is_plain());
        Ok(Command { program, pattern, arguments: words.collect() })
    }

    /// The programs that it names now; one that is not to be found is an error when it is started.
    fn programs(&self) -> Vec<OsString> {
        let found = self.pattern.as_ref().map(GlobPath::files).unwrap_or_default();
        match found.is_empty() {
            true => vec![OsString::from(&self.program)],
            false => found.into_iter().map(OsString::from).collect(),
        }
    }

    /// For messages.
    fn shown(&self, program: &OsString) -> String {
        let words = [program.to_string_lossy().into_owned()].into_iter().chain(self.arguments.iter().cloned());
        quoted(&words.collect::<Vec<_>>().join(" "))
    }
}

impl Input for Exec {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let Exec { commands, environment, settings, parser, log } = self;
        let mut jobs = Vec::new();
        for command in commands.iter() {
            for program in command.programs() {
                let (environment, limit) = (&*environment, *settings.timeout);
                jobs.push(async move {
                    let ended = run::run(&program, &command.arguments, environment, limit).await;
                    (command.shown(&program), ended)
                });
            }
        }
        let mut left = jobs.len();
        let mut runs = futures_util::stream::iter(jobs).buffer_unordered(CONCURRENT);
        while let Some((command, ended)) = runs.next().await {
            left -= 1;
            if settings.log_stderr
                && let Ok(ended) = &ended
            {
                for line in String::from_utf8_lossy(&ended.said.errors).lines() {
                    child::log_line(log, line);
                }
            }
            if let Err(e) = settings.read(ended, parser, out) {
                out.error(e.context(format!("run {command}")));
            }
            if left > 0 {
                out.ship();
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Adds the metrics of one run.
    fn read(&self, ended: Result<Ended>, parser: &mut BoxParser, out: &mut Collector) -> Result<()> {
        if self.data_format == "nagios" {
            return nagios::read(ended, parser, out);
        }
        let Ended { status, said } = ended?;
        if !status.success() && !self.ignore_error {
            return Err(said.explain(anyhow!("{}", child::ending(status))));
        }
        parser.reset();
        parser.parse(&Body::new(said.output), out).context("read its output")
    }
}

/// A text for a message, cut at 60 characters.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
