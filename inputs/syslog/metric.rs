//! From messages to metrics.

use agent_api::plugin::now;
use agent_api::{Batch, ParseError};
use agent_syslog::{Broken, FACILITIES, Message, SEVERITIES, Standard};
use std::net::IpAddr;

/// How messages are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// RFC 3164 instead of RFC 5424.
    pub(super) older: bool,
    /// With RFC 3164: messages may hold line ends.
    pub(super) lines: bool,
    /// Messages that end badly count as far as they were read.
    pub(super) best_effort: bool,
    /// Between identifier and name of structured data.
    pub(super) separator: String,
}

/// Messages of one reading, and what was wrong with some. No two have the same time, as two of one series would be one to a
/// database.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) batch: Batch,
    pub(super) bad: ParseError,
    last: i64,
}

impl Messages {
    /// Reads a message that `source` sent.
    pub(super) fn add(&mut self, bytes: &[u8], source: Option<IpAddr>, reading: &Reading) {
        self.last = now().max(self.last + 1);
        let standard = match reading.older {
            true => Standard::Rfc3164 { now: self.last, lines: reading.lines },
            false => Standard::Rfc5424,
        };
        match Message::parse(bytes, standard) {
            Ok(message) => self.put(&message, source, &reading.separator),
            Err(Broken { read, fault }) => {
                self.bad.add(0, &String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]), fault);
                if let Some(message) = read.filter(|_| reading.best_effort) {
                    self.put(&message, source, &reading.separator);
                }
            }
        }
    }

    fn put(&mut self, message: &Message<'_>, source: Option<IpAddr>, separator: &str) {
        let (facility, severity) = (message.facility(), message.severity());
        let mut metric = self.batch.metric("syslog").time(self.last);
        metric.add_tag("facility", FACILITIES[usize::from(facility)]);
        metric.add_tag("severity", SEVERITIES[usize::from(severity)]);
        for (key, value) in [("appname", message.appname), ("hostname", message.hostname)] {
            if let Some(value) = value {
                metric.add_tag(key, value);
            }
        }
        if let Some(source) = source {
            metric.add_tag("source", &source.to_string());
        }
        metric.add_field("facility_code", i64::from(facility));
        metric.add_field("severity_code", i64::from(severity));
        if let Some(version) = message.version {
            metric.add_field("version", u64::from(version));
        }
        if let Some(timestamp) = message.timestamp {
            metric.add_field("timestamp", timestamp);
        }
        for (key, value) in [("procid", message.procid), ("msgid", message.msgid)] {
            if let Some(value) = value {
                metric.add_field(key, value);
            }
        }
        for element in &message.data {
            if element.params.is_empty() {
                metric.add_field(element.id, true);
            }
            for (name, value) in &element.params {
                metric.add_field(&format!("{}{separator}{name}", element.id), &**value);
            }
        }
        if let Some(text) = &message.text {
            metric.add_field("message", text.trim_end());
        }
    }
}
