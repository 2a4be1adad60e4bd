//! From metrics to messages.
//!
//! Some tags and fields are parts of the message by their key; all others are structured data, if there is an identifier for them.

use super::Settings;
use agent_api::{Context, MetricRef, Result, Value, ensure};
use agent_golang::number::{FloatStyle, append_float};
use agent_syslog::{Draft, is_name};
use std::borrow::Cow;

/// What becomes of tags and fields.
pub(super) struct Mapping {
    separator: String,
    default_sdid: String,
    sdids: Vec<String>,
    severity: u8,
    facility: u8,
    appname: String,
    hostname: String,
}

/// Keys that are parts of a message and no structured data.
const PARTS: [&str; 14] = [
    "version",
    "severity_code",
    "facility_code",
    "procid",
    "msgid",
    "msg",
    "timestamp",
    "sdid",
    "hostname",
    "source",
    "host",
    "severity",
    "facility",
    "appname",
];

impl Mapping {
    /// Checks the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let (severity, facility) = (settings.default_severity_code, settings.default_facility_code);
        ensure!(severity <= 7, "default_severity_code: {severity} is not between 0 and 7");
        ensure!(facility <= 23, "default_facility_code: {facility} is not between 0 and 23");
        for (option, id) in settings
            .sdids
            .iter()
            .map(|id| ("sdids", id))
            .chain(Some(("default_sdid", &settings.default_sdid)).filter(|(_, id)| !id.is_empty()))
        {
            ensure!(
                is_name(id),
                "{option}: {id:?} is no identifier: up to 32 printable characters but blank, =, ] and \""
            );
        }
        Ok(Mapping {
            separator: settings.sdparam_separator.clone(),
            default_sdid: settings.default_sdid.clone(),
            sdids: settings.sdids.clone(),
            severity,
            facility,
            appname: settings.default_appname.clone(),
            hostname: host_name(),
        })
    }

    /// Appends the message of a metric.
    pub(super) fn write(&self, metric: MetricRef<'_>, out: &mut String) -> Result<()> {
        let severity = code(metric, "severity_code", 7).unwrap_or(self.severity);
        let facility = code(metric, "facility_code", 23).unwrap_or(self.facility);
        let mut draft = Draft::new(facility, severity).context("severity or facility out of range")?;
        if let Some(Value::Uint(version)) = metric.field("version") {
            let good = u16::try_from(version).is_ok_and(|v| draft.version(v));
            ensure!(good, "metric {:?}: version {version} is not between 1 and 999", metric.name());
        }
        draft.timestamp(match metric.field("timestamp") {
            Some(Value::Int(nanos)) => nanos,
            _ => metric.time(),
        });
        let host = ["hostname", "source", "host"].iter().find_map(|key| metric.tag(key));
        draft.hostname(host.unwrap_or(&self.hostname));
        draft.appname(metric.tag("appname").unwrap_or(&self.appname));
        let field = |key: &str| metric.field(key).map(shown);
        let (procid, msgid, text) = (field("procid"), field("msgid"), field("msg"));
        if let Some(procid) = &procid {
            draft.procid(procid);
        }
        draft.msgid(msgid.as_deref().unwrap_or(metric.name()));
        if let Some(text) = &text {
            draft.text(text);
        }
        for (key, value) in metric.tags().map(|(k, v)| (k, Value::Str(v))).chain(metric.fields()) {
            if !PARTS.contains(&key)
                && let Some((id, name)) = self.param(key)
            {
                draft.param(id, name, shown(value).into_owned());
            }
        }
        draft.write(out);
        Ok(())
    }

    /// The identifier that a key belongs to, and its name there.
    fn param<'a>(&'a self, key: &'a str) -> Option<(&'a str, &'a str)> {
        let below = |id: &str| key.strip_prefix(id)?.strip_prefix(self.separator.as_str());
        if let Some(found) = self.sdids.iter().find_map(|id| Some((id.as_str(), below(id)?))) {
            return Some(found);
        }
        let id = Some(self.default_sdid.as_str()).filter(|id| !id.is_empty())?;
        Some((id, below(id).unwrap_or(key)))
    }
}

/// The code that a field holds, as a number or as a text; nothing beyond `max`.
fn code(metric: MetricRef<'_>, key: &str, max: u8) -> Option<u8> {
    shown(metric.field(key)?).parse().ok().filter(|code| *code <= max)
}

/// A value as text; true is 1.
fn shown(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Str(v) => Cow::Borrowed(v),
        Value::Int(v) => Cow::Owned(v.to_string()),
        Value::Uint(v) => Cow::Owned(v.to_string()),
        Value::Bool(v) => Cow::Borrowed(if v { "1" } else { "0" }),
        Value::Float(v) => {
            let mut text = String::new();
            append_float(v, FloatStyle::Plain, &mut text);
            Cow::Owned(text)
        }
    }
}

/// The name of this host.
#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of this host; the system sets the variable for every process.
#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
