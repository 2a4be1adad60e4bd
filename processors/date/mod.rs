//! Adds the time of a metric as a tag or field, written by a layout.
//!
//! Metrics of one batch mostly lie in the same second, so the text of the last time is kept as long as it is the same.

use agent_api::*;
use agent_golang::duration;
use agent_golang::time::{TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

register!(Entry::processor::<Date>());

/// Writes the time of metrics.
struct Date {
    to: To,
    format: TimestampFormat,
    zone: Zone,
    /// Added to the time, in nanoseconds.
    offset: i64,
    /// How long the text stays the same at least, from multiples of it on, in nanoseconds.
    grain: i64,
    /// The grain that the text is of.
    at: Option<i64>,
    text: String,
}

enum To {
    Tag(String),
    Field(String),
}

/// What is written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the tag that is set. This or `field_key` is required.
    tag_key: String,
    /// Key of the field that is set.
    field_key: String,
    /// Layout of the time as Go knows it: the moment "Mon Jan 2 15:04:05 -0700 MST 2006" in the form that is wanted. For fields
    /// also "unix", "unix_ms", "unix_us" and "unix_ns", which give an integer.
    date_format: String,
    /// Added to the time first; may be negative.
    date_offset: Offset,
    /// Time zone: "UTC", "Local" or a name of the IANA database such as "Europe/Berlin"; UTC if empty.
    timezone: String,
}

/// A length of time that may be negative, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, JsonSchema)]
#[schemars(transparent)]
struct Offset(#[schemars(with = "agent_api::Duration")] i64);

impl Plugin for Date {
    const NAME: &'static str = "date";
    const ABOUT: &'static str = "Adds the time of metrics as a tag or field.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let Settings { tag_key, field_key, date_format, date_offset, timezone } = settings;
        let to = match (tag_key.is_empty(), field_key.is_empty()) {
            (false, false) => bail!("tag_key and field_key cannot both be set"),
            (true, true) => bail!("tag_key or field_key is required"),
            (false, true) => To::Tag(tag_key),
            (true, false) => To::Field(field_key),
        };
        if date_format.is_empty() {
            env.log.warn("date_format is empty, so nothing is written");
        }
        let zone = Zone::parse(&timezone).context("timezone")?;
        let format = match (&to, date_format.as_str()) {
            (To::Field(_), "unix" | "unix_ms" | "unix_us" | "unix_ns") => TimestampFormat::parse_spec(&date_format),
            _ => TimestampFormat::Layout(agent_golang::time::Layout::parse_spec(&date_format)),
        };
        let grain = grain(&format, &zone);
        Ok(Date { to, format, zone, offset: date_offset.0, grain, at: None, text: String::new() })
    }
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A time span within which the text does not change: found by writing its first and last moment. In other zones than UTC the day
/// begins elsewhere and the offset may change, so no more than a second is taken for granted there.
fn grain(format: &TimestampFormat, zone: &Zone) -> i64 {
    let same = |span: i64| {
        let text = |ns| {
            let mut text = String::new();
            format.format_into(ns, &Zone::Utc, &mut text);
            text
        };
        text(0) == text(span - 1)
    };
    match zone {
        Zone::Utc if same(DAY) => DAY,
        _ if same(SECOND) => SECOND,
        _ => 1,
    }
}

impl Processor for Date {
    fn apply(&mut self, batch: &mut Batch) {
        let Date { to, format, zone, offset, grain, at, text } = self;
        batch.each(|m| {
            let time = m.time().wrapping_add(*offset);
            if let (To::Field(key), Some(units)) = (&*to, format.units(time)) {
                return m.set_field(key, units);
            }
            let now = time.div_euclid(*grain);
            if *at != Some(now) {
                text.clear();
                format.format_into(time, zone, text);
                *at = Some(now);
            }
            match to {
                To::Tag(key) => m.set_tag(key, text),
                To::Field(key) => m.set_field(key, &*text),
            }
        });
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(&duration::format(self.0))
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Offset;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"-1h\"")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Offset, E> {
                duration::parse_setting(v).map(Offset).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Offset, E> {
                let nanos =
                    v.checked_mul(SECOND).ok_or_else(|| E::custom(format_args!("duration {v} out of range")))?;
                Ok(Offset(nanos))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Offset, E> {
                let nanos = duration::from_seconds(v);
                nanos.map(Offset).ok_or_else(|| E::custom(format_args!("duration {v} out of range")))
            }
        }
        reader.deserialize_any(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept_no_longer_than_it_holds() {
        let grain = |layout: &str, zone: &str| grain(&TimestampFormat::parse_spec(layout), &Zone::parse(zone).unwrap());
        assert_eq!(grain("2006-01-02", "UTC"), DAY);
        assert_eq!(grain("2006-01-02", "Europe/Berlin"), SECOND);
        assert_eq!([grain("PM", "UTC"), grain("2 Jan 04", "UTC"), grain("15:04:05 MST", "UTC")], [SECOND; 3]);
        assert_eq!([grain("15:04:05.000", "UTC"), grain("2006.999999999", "UTC")], [1; 2]);
    }
}
