//! Logging for plugins: a message gets the plugin's name from the agent and obeys the plugin's own level.

use crate::stats::Counter;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How much is said, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something failed and the user has to know.
    Error = 1,
    /// Something is wrong but goes on.
    Warn,
    /// What a user wants to see once.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

static GLOBAL: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Sets the level of everything that has no level of its own.
pub fn set_level(level: Level) {
    GLOBAL.store(level as u8, Relaxed);
}

/// True if a message of this level is written where no own level is set.
pub fn enabled(level: Level) -> bool {
    level as u8 <= GLOBAL.load(Relaxed)
}

/// The target of events that the agent's subscriber writes whatever its own filter says.
pub const TARGET: &str = "agent";

/// A plugin's logger; cloning shares it.
#[derive(Clone, Debug)]
pub struct Log {
    plugin: Arc<str>,
    level: Option<Level>,
    errors: Counter,
}

impl Log {
    /// A logger for a plugin named as in `inputs.cpu::alias`; `level` None means the agent's; `errors` counts error messages.
    pub fn new(plugin: &str, level: Option<Level>, errors: Counter) -> Self {
        Log { plugin: plugin.into(), level, errors }
    }

    /// The name of the plugin.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// True if a message of this level would be written.
    pub fn enabled(&self, level: Level) -> bool {
        match self.level {
            Some(own) => level <= own,
            None => enabled(level),
        }
    }

    /// Something failed.
    pub fn error(&self, message: impl Display) {
        self.errors.inc();
        if self.enabled(Level::Error) {
            tracing::error!(target: TARGET, plugin = &*self.plugin, "{message}");
        }
    }

    /// Something is wrong but goes on.
    pub fn warn(&self, message: impl Display) {
        if self.enabled(Level::Warn) {
            tracing::warn!(target: TARGET, plugin = &*self.plugin, "{message}");
        }
    }

    /// What a user wants to see once.
    pub fn info(&self, message: impl Display) {
        if self.enabled(Level::Info) {
            tracing::info!(target: TARGET, plugin = &*self.plugin, "{message}");
        }
    }

    /// What helps to find a fault.
    pub fn debug(&self, message: impl Display) {
        if self.enabled(Level::Debug) {
            tracing::debug!(target: TARGET, plugin = &*self.plugin, "{message}");
        }
    }

    /// Everything.
    pub fn trace(&self, message: impl Display) {
        if self.enabled(Level::Trace) {
            tracing::trace!(target: TARGET, plugin = &*self.plugin, "{message}");
        }
    }
}
