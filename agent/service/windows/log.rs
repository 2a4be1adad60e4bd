//! The event log: where people look on Windows for what a service says.

use super::name;
use agent_api::Result;
use agent_windows::{Kind, Source};
use tracing::Level;
use windows_registry::LOCAL_MACHINE;

/// Where the sources of the log "Application" are.
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// A program of Windows whose messages 1 to 1000 are the text of the event alone.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";
/// Errors, warnings and information.
const KINDS: u32 = 1 | 2 | 4;

/// Makes the log know a source, so that it shows its texts as they are.
pub(super) fn register(source: &str) -> Result<()> {
    let key = LOCAL_MACHINE.create(format!(r"{SOURCES}\{source}"))?;
    key.set_u32("CustomSource", 1)?;
    key.set_expand_string("EventMessageFile", MESSAGES)?;
    key.set_u32("TypesSupported", KINDS)?;
    Ok(())
}

/// Makes the log forget a source; one that it does not know is none the less forgotten.
pub(super) fn unregister(source: &str) {
    let _unknown = LOCAL_MACHINE.create(SOURCES).and_then(|key| key.remove_tree(source));
}

/// The log, open for texts of this process.
pub struct EventLog(Source);

impl EventLog {
    /// Opens it under the name of the service, or as `agent` in the foreground.
    pub fn open() -> Result<Self> {
        Ok(EventLog(Source::open(name().unwrap_or("agent"))?))
    }

    /// Adds a text. There is nowhere to say that it cannot be added.
    pub fn write(&self, level: Level, text: &str) {
        let kind = match level {
            Level::ERROR => Kind::Error,
            Level::WARN => Kind::Warning,
            _ => Kind::Information,
        };
        let _unwritten = self.0.write(kind, text);
    }
}
