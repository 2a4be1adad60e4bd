//! Syslog messages, read and written, and how a stream is cut into them.
//!
//! One crate for both directions, so that what is written here is what is read here. A message borrows from the bytes it came
//! in; what could be read before a fault is kept, and whoever asked decides whether that is enough.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cursor;
mod fault;
mod framing;
mod rfc3164;
mod rfc5424;
mod time;
mod write;

#[cfg(test)]
mod tests;

pub use fault::{Broken, Fault};
pub use framing::{Framing, Piece, Splitter, TOO_LONG};
pub use rfc5424::is_name;
pub use write::Draft;

use std::borrow::Cow;

/// A message as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Facility times 8 plus severity, at most 191.
    pub priority: u8,
    /// The version, 1 to 999; RFC 3164 knows none.
    pub version: Option<u16>,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// The host that the message is about.
    pub hostname: Option<&'a str>,
    /// The program; with RFC 3164 the tag.
    pub appname: Option<&'a str>,
    /// The process; with RFC 3164 what stands in brackets behind the tag.
    pub procid: Option<&'a str>,
    /// The kind of message.
    pub msgid: Option<&'a str>,
    /// Structured data, in the order in which it came.
    pub data: Vec<Element<'a>>,
    /// The text; bytes that are no UTF-8 are replaced, the byte order mark is taken off.
    pub text: Option<Cow<'a, str>>,
}

/// An element of structured data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its identifier, once in a message.
    pub id: &'a str,
    /// Names and values, unescaped.
    pub params: Vec<(&'a str, Cow<'a, str>)>,
}

/// The standard of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standard {
    /// RFC 5424.
    #[default]
    Rfc5424,
    /// RFC 3164, the older one. `year` is that of the clock and fills in what a time lacks; `lines` lets line ends be part of
    /// the text.
    Rfc3164 {
        /// Nanoseconds since the Unix epoch: the moment at which the message came.
        now: i64,
        /// Whether the text may hold line ends.
        lines: bool,
    },
}

/// Facilities by their code (RFC 5424 section 6.2.1), as syslog.conf names them.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "security", "console", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Severities by their code.
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The highest priority.
pub const PRIORITY_MAX: u8 = 191;

impl<'a> Message<'a> {
    /// Reads a message that fills `bytes`.
    pub fn parse(bytes: &'a [u8], standard: Standard) -> Result<Self, Broken<'a>> {
        match standard {
            Standard::Rfc5424 => rfc5424::parse(bytes),
            Standard::Rfc3164 { now, lines } => rfc3164::parse(bytes, now, lines),
        }
    }

    /// The code of the facility, 0 to 23.
    pub fn facility(&self) -> u8 {
        self.priority / 8
    }

    /// The code of the severity, 0 to 7.
    pub fn severity(&self) -> u8 {
        self.priority % 8
    }
}
