//! Writes the time in a field in another format.

use agent_api::*;
use agent_golang::time::{Stamp, Time, TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Timestamp>());

/// The compiled formats.
struct Timestamp {
    field: String,
    source: TimestampFormat,
    source_zone: Zone,
    destination: TimestampFormat,
    destination_zone: Zone,
    text: String,
}

/// What is read and written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the field. A value that is no time in the source format is left as it is.
    field: String,
    /// Format of the value: "unix", "unix_ms", "unix_us", "unix_ns" or a layout of Go. Required.
    source_timestamp_format: String,
    /// Time zone of values that name none: "UTC", "Local" or a name of the IANA database; UTC if empty.
    source_timestamp_timezone: String,
    /// Format in which it is written: "unix", "unix_ms", "unix_us", "unix_ns", which give an integer, or a layout of Go.
    /// Required.
    destination_timestamp_format: String,
    /// Time zone in which it is written: "UTC", "Local" or a name of the IANA database; UTC if empty.
    destination_timestamp_timezone: String,
}

impl Plugin for Timestamp {
    const NAME: &'static str = "timestamp";
    const ABOUT: &'static str = "Writes the time in a field in another format.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        if settings.field.is_empty() {
            env.log.warn("field is empty, so nothing is changed");
        }
        Ok(Timestamp {
            field: settings.field,
            source: format(&settings.source_timestamp_format, "source_timestamp_format")?,
            source_zone: Zone::parse(&settings.source_timestamp_timezone).context("source_timestamp_timezone")?,
            destination: format(&settings.destination_timestamp_format, "destination_timestamp_format")?,
            destination_zone: Zone::parse(&settings.destination_timestamp_timezone)
                .context("destination_timestamp_timezone")?,
            text: String::new(),
        })
    }
}

fn format(spec: &str, option: &str) -> Result<TimestampFormat> {
    ensure!(!spec.is_empty(), "{option} is required");
    let format = TimestampFormat::parse_spec(spec);
    if let TimestampFormat::Layout(layout) = &format {
        ensure!(layout.has_elements(), "{option}: nothing in {spec:?} stands for a part of a time");
    }
    Ok(format)
}

impl Processor for Timestamp {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            let stamp = match m.field(&self.field) {
                Some(Value::Int(v)) => Stamp::Int(v),
                Some(Value::Uint(v)) => Stamp::Uint(v),
                Some(Value::Float(v)) => Stamp::Float(v),
                Some(Value::Str(v)) => Stamp::Text(v),
                Some(Value::Bool(_)) | None => return,
            };
            let Ok(time) = self.source.parse_time(stamp, &self.source_zone) else { return };
            match &self.destination {
                TimestampFormat::Unix => m.set_field(&self.field, time.unix()),
                TimestampFormat::UnixMs => m.set_field(&self.field, units(time, 1_000)),
                TimestampFormat::UnixUs => m.set_field(&self.field, units(time, 1_000_000)),
                TimestampFormat::UnixNs => m.set_field(&self.field, units(time, 1_000_000_000)),
                TimestampFormat::Layout(layout) => {
                    self.text.clear();
                    layout.format_time(time, &self.destination_zone, &mut self.text);
                    m.set_field(&self.field, &self.text);
                }
            }
        });
    }
}

/// Whole units since 1970, those before it rounded away from it; at the end of the range where there are more.
fn units(time: Time, per_second: i128) -> i64 {
    let nanos = i128::from(time.unix()) * 1_000_000_000 + i128::from(time.subsecond_nanos());
    (nanos * per_second).div_euclid(1_000_000_000).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::applied;
    use serde_json::json;

    #[test]
    fn times_beyond_64_bits_of_nanoseconds_are_written_too() {
        let settings = |to: &str| json!({"field": "at", "source_timestamp_format": "2006-01-02", "destination_timestamp_format": to});
        let written = |to: &str| applied::<Timestamp>(settings(to), "m at=\"0001-01-02\" 1");
        assert_eq!(written("unix"), "m at=-62135510400i 1");
        assert_eq!(written("unix_ms"), "m at=-62135510400000i 1");
        assert_eq!(written("02.01.2006"), "m at=\"02.01.0001\" 1");
    }
}
