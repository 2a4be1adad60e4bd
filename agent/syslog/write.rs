//! Writing messages of RFC 5424. Only what the grammar takes can be put into a draft, so every draft can be read again.

use crate::rfc5424::is_name;
use crate::{PRIORITY_MAX, SEVERITIES};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A message that is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    priority: u8,
    version: u16,
    timestamp: Option<String>,
    hostname: Option<&'a str>,
    appname: Option<&'a str>,
    procid: Option<&'a str>,
    msgid: Option<&'a str>,
    data: BTreeMap<&'a str, BTreeMap<&'a str, String>>,
    text: Option<&'a str>,
}

impl<'a> Draft<'a> {
    /// A message of a facility (0 to 23) and a severity (0 to 7); nothing if one of them is greater.
    pub fn new(facility: u8, severity: u8) -> Option<Self> {
        let priority = facility.checked_mul(8)?.checked_add(severity)?;
        (priority <= PRIORITY_MAX && usize::from(severity) < SEVERITIES.len()).then_some(Draft {
            priority,
            version: 1,
            timestamp: None,
            hostname: None,
            appname: None,
            procid: None,
            msgid: None,
            data: BTreeMap::new(),
            text: None,
        })
    }

    /// The version, 1 to 999; false if it is none.
    pub fn version(&mut self, version: u16) -> bool {
        let good = (1..=999).contains(&version);
        if good {
            self.version = version;
        }
        good
    }

    /// The time in nanoseconds since the Unix epoch, written in whole seconds. Years before 0 and after 9999 are left out.
    pub fn timestamp(&mut self, nanos: i64) {
        let time = jiff::Timestamp::from_second(nanos.div_euclid(1_000_000_000)).ok();
        self.timestamp = time.map(|t| t.to_string());
    }

    /// The host, 1 to 255 printable characters; anything else is none.
    pub fn hostname(&mut self, text: &'a str) {
        self.hostname = part(text, 255);
    }

    /// The program, 1 to 48 printable characters; anything else is none.
    pub fn appname(&mut self, text: &'a str) {
        self.appname = part(text, 48);
    }

    /// The process, 1 to 128 printable characters; anything else is none.
    pub fn procid(&mut self, text: &'a str) {
        self.procid = part(text, 128);
    }

    /// The kind of message, 1 to 32 printable characters; anything else is none.
    pub fn msgid(&mut self, text: &'a str) {
        self.msgid = part(text, 32);
    }

    /// A parameter of structured data; left out where identifier or name are none.
    pub fn param(&mut self, id: &'a str, name: &'a str, value: String) {
        if is_name(id) && is_name(name) {
            self.data.entry(id).or_default().insert(name, value);
        }
    }

    /// The text.
    pub fn text(&mut self, text: &'a str) {
        self.text = Some(text).filter(|t| !t.is_empty());
    }

    /// Appends the message.
    pub fn write(&self, out: &mut String) {
        let or_nil = |part: Option<&'a str>| part.unwrap_or("-");
        // Writing to a text never fails.
        let _always = write!(
            out,
            "<{}>{} {} {} {} {} {} ",
            self.priority,
            self.version,
            self.timestamp.as_deref().unwrap_or("-"),
            or_nil(self.hostname),
            or_nil(self.appname),
            or_nil(self.procid),
            or_nil(self.msgid),
        );
        if self.data.is_empty() {
            out.push('-');
        }
        for (id, params) in &self.data {
            out.push('[');
            out.push_str(id);
            for (name, value) in params {
                out.push(' ');
                out.push_str(name);
                out.push_str("=\"");
                for c in value.chars() {
                    if matches!(c, '"' | '\\' | ']') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push('"');
            }
            out.push(']');
        }
        if let Some(text) = self.text {
            out.push(' ');
            out.push_str(text);
        }
    }
}

/// A part of the header: printable, and not longer than allowed. A `-` alone means that there is none, and says so again.
fn part(text: &str, max: usize) -> Option<&str> {
    ((1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}
