//! Says what goes wrong with metrics without saying it for each of them.

use agent_api::Log;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// So long nothing more is said.
const PAUSE: Duration = Duration::from_secs(10);

/// A log for errors about single metrics: the first is written at once, then one in ten seconds with the number of the others.
pub struct Complaints {
    log: Log,
    next: Option<Instant>,
    silent: u64,
}

impl Complaints {
    /// Complaints of the plugin that the log belongs to.
    pub fn new(log: &Log) -> Self {
        Complaints { log: log.clone(), next: None, silent: 0 }
    }

    /// Reports an error about a metric.
    pub fn add(&mut self, message: impl Display) {
        let now = Instant::now();
        if self.next.is_some_and(|next| now < next) {
            self.silent += 1;
            return;
        }
        match std::mem::take(&mut self.silent) {
            0 => self.log.error(message),
            n => self.log.error(format_args!("{message} (and {n} more errors before)")),
        }
        self.next = Some(now + PAUSE);
    }
}

/// A text for a message, cut at 60 characters.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
