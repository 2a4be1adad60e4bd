//! The log: what plugins and libraries say, in Telegraf's line format or as JSON, to standard error or a rotating file; on
//! Windows also as texts of the event log.
//!
//! It is a small subscriber of `tracing` of its own: there are no spans, and the level of a message is decided where it is
//! made (`agent_api::log`), so nothing has to be asked here.

mod format;

use crate::config::AgentSettings;
use agent_api::log::{Level, TARGET, set_level};
use agent_api::rotate::{RotatingFile, Rotation, make_folder_of};
use agent_api::{Context, Result, bail};
use format::Format;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Where and how it is written; replaced by each configuration.
struct Sink {
    format: Format,
    to: Mutex<To>,
}

/// Where it is written.
enum To {
    Stream(Box<dyn Write + Send>),
    #[cfg(windows)]
    EventLog(crate::service::windows::EventLog),
}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Begins to log to standard error, before any configuration is read.
pub fn start(debug: bool, quiet: bool) {
    static STARTED: OnceLock<()> = OnceLock::new();
    set_level(level(debug, quiet));
    replace(Format::text("UTC").unwrap_or_default(), To::Stream(Box::new(std::io::stderr())));
    STARTED.get_or_init(|| {
        // Fails only if somebody else has set one, and then there is one.
        let _taken = tracing::subscriber::set_global_default(Log);
    });
}

/// Goes on where a service has somebody who reads it.
#[cfg(windows)]
pub fn to_event_log() -> Result<()> {
    replace(Format::default(), event_log()?);
    Ok(())
}

#[cfg(windows)]
fn event_log() -> Result<To> {
    crate::service::windows::EventLog::open().map(To::EventLog).context("open the event log")
}

#[cfg(not(windows))]
fn event_log() -> Result<To> {
    bail!("logformat: only Windows has an event log")
}

/// Where the log goes without a file: nobody sees the standard error of a service of Windows.
fn without_file() -> Result<To> {
    #[cfg(windows)]
    if crate::service::windows::name().is_some() {
        return event_log();
    }
    Ok(To::Stream(Box::new(std::io::stderr())))
}

/// Goes on as a configuration says.
pub fn configure(agent: &AgentSettings, debug: bool, quiet: bool) -> Result<()> {
    set_level(level(debug || agent.debug, quiet || agent.quiet));
    let format = match agent.logformat.as_str() {
        "" | "text" | "eventlog" => Format::text(&agent.log_with_timezone)?,
        "structured" => Format::structured(&agent.log_with_timezone, &agent.structured_log_message_key)?,
        other => bail!("logformat: {other:?} is none of \"text\", \"structured\""),
    };
    let to = if agent.logformat == "eventlog" {
        event_log()?
    } else if agent.logfile.is_empty() {
        without_file()?
    } else {
        let rotation = Rotation {
            interval: agent.logfile_rotation_interval,
            max_size: agent.logfile_rotation_max_size,
            max_archives: agent.logfile_rotation_max_archives,
        };
        let file = make_folder_of(agent.logfile.as_ref()).and_then(|()| RotatingFile::open(&agent.logfile, rotation));
        To::Stream(Box::new(file.with_context(|| format!("open logfile {:?}", agent.logfile))?))
    };
    replace(format, to);
    Ok(())
}

fn level(debug: bool, quiet: bool) -> Level {
    match (debug, quiet) {
        (_, true) => Level::Error,
        (true, false) => Level::Debug,
        (false, false) => Level::Info,
    }
}

fn replace(format: Format, to: To) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = Some(Sink { format, to: Mutex::new(to) });
}

/// The subscriber.
struct Log;

/// The parts of a message.
#[derive(Default)]
struct Parts {
    message: String,
    plugin: String,
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "plugin" => self.plugin = value.to_owned(),
            "message" => self.message = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write;
        if field.name() == "message" {
            // Writing into a String cannot fail.
            let _written = write!(self.message, "{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries are only heard when they warn; they name things that users do not know.
        metadata.target() == TARGET || *metadata.level() <= tracing::Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = sink.as_ref() else { return };
        let level = *event.metadata().level();
        match &mut *sink.to.lock().unwrap_or_else(PoisonError::into_inner) {
            To::Stream(to) => {
                let line = sink.format.line(level, &parts.plugin, &parts.message);
                // There is nowhere left to say that the log cannot be written.
                let _unwritten = to.write_all(line.as_bytes());
            }
            // It has a time and a level of its own.
            #[cfg(windows)]
            To::EventLog(to) if parts.plugin.is_empty() => to.write(level, &parts.message),
            #[cfg(windows)]
            To::EventLog(to) => to.write(level, &format!("[{}] {}", parts.plugin, parts.message)),
        }
    }
}
