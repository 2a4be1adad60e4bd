//! The form of a log line.

use agent_api::{Result, anyhow};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::Level;

/// How a message becomes a line.
#[derive(Clone, Debug)]
pub(super) struct Format {
    zone: TimeZone,
    /// The key of the message, for JSON.
    json: Option<String>,
}

impl Default for Format {
    fn default() -> Self {
        Format { zone: TimeZone::UTC, json: None }
    }
}

impl Format {
    /// `2026-01-02T03:04:05Z I! [inputs.cpu::alias] message`.
    pub(super) fn text(zone: &str) -> Result<Self> {
        Ok(Format { zone: self::zone(zone)?, json: None })
    }

    /// One JSON object a line: time, level, message, category, plugin, alias.
    pub(super) fn structured(zone: &str, message_key: &str) -> Result<Self> {
        let key = if message_key.is_empty() { "msg" } else { message_key };
        Ok(Format { zone: self::zone(zone)?, json: Some(key.to_owned()) })
    }

    pub(super) fn line(&self, level: Level, plugin: &str, message: &str) -> String {
        let now = Timestamp::now().to_zoned(self.zone.clone());
        match &self.json {
            None => {
                let time = self.seconds(&now);
                let plugin = if plugin.is_empty() { String::new() } else { format!("[{plugin}] ") };
                format!("{time} {}! {plugin}{}\n", letter(level), message.trim_end())
            }
            Some(key) => {
                let mut line = Map::new();
                line.insert(
                    "time".to_owned(),
                    now.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string().replace("+00:00", "Z").into(),
                );
                line.insert("level".to_owned(), level.as_str().into());
                line.insert(key.clone(), message.into());
                if let Some((category, rest)) = plugin.split_once('.') {
                    let (name, alias) = rest.split_once("::").unwrap_or((rest, ""));
                    line.insert("category".to_owned(), category.into());
                    line.insert("plugin".to_owned(), name.into());
                    if !alias.is_empty() {
                        line.insert("alias".to_owned(), alias.into());
                    }
                } else if !plugin.is_empty() {
                    line.insert("category".to_owned(), plugin.into());
                }
                format!("{}\n", Value::Object(line))
            }
        }
    }

    fn seconds(&self, now: &jiff::Zoned) -> String {
        let form = if now.offset().is_zero() { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" };
        now.strftime(form).to_string()
    }
}

fn zone(name: &str) -> Result<TimeZone> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "local" | "Local" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|e| anyhow!("log_with_timezone: {name:?} is no time zone: {e}")),
    }
}

fn letter(level: Level) -> char {
    match level {
        Level::ERROR => 'E',
        Level::WARN => 'W',
        Level::INFO => 'I',
        Level::DEBUG => 'D',
        Level::TRACE => 'T',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_time_level_plugin_and_message() {
        let line = Format::default().line(Level::WARN, "inputs.cpu::mine", "careful\n");
        let (time, rest) = line.split_once(' ').expect("a blank after the time");
        assert_eq!((time.len(), &time[19..]), (20, "Z"));
        assert_eq!(rest, "W! [inputs.cpu::mine] careful\n");
    }

    #[test]
    fn json_has_the_parts_of_the_name() {
        let format = Format::structured("Europe/Berlin", "message").expect("the zone is known");
        let line: Value =
            serde_json::from_str(&format.line(Level::ERROR, "inputs.cpu::mine", "a \"b\"")).expect("JSON");
        assert_eq!(line["message"], "a \"b\"");
        assert_eq!(
            (&line["category"], &line["plugin"], &line["alias"]),
            (&"inputs".into(), &"cpu".into(), &"mine".into())
        );
        assert_eq!(line["level"], "ERROR");
        assert!(line["time"].as_str().is_some_and(|t| t.ends_with("+01:00") || t.ends_with("+02:00")));
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        assert!(Format::text("Mars/Olympus").is_err());
    }
}
