//! The time of an object: which member it is, and how it is read.

use super::walk::Leaf;
use crate::jsontext::unescape;
use agent_api::plugin;
use agent_golang::time::{Civil, Stamp, Time, TimestampFormat, Zone};

/// Which member is the time, and how it is read.
#[derive(Clone)]
pub(super) struct TimeKey {
    pub(super) key: String,
    pub(super) format: TimestampFormat,
    pub(super) zone: Zone,
}

impl TimeKey {
    /// The time in nanoseconds since the Unix epoch.
    pub(super) fn read(&self, leaf: Leaf<'_>, scratch: &mut String) -> Result<i64, String> {
        let stamp = match leaf {
            Leaf::Text(text, false) => Stamp::Text(text),
            Leaf::Text(text, true) => {
                scratch.clear();
                unescape(text, scratch);
                Stamp::Text(scratch)
            }
            Leaf::Number(text) => Stamp::Float(super::number(text)),
            Leaf::Bool(value) => return Err(format!("json_time_key {:?} is {value}", self.key)),
        };
        let time = self.format.parse_time(stamp, &self.zone).map_err(|e| e.to_string())?;
        in_this_year(time, &self.zone).unix_nanos().ok_or_else(|| format!("the time of {:?} is out of range", self.key))
    }
}

/// A time whose layout has no year is one of this year, with the same clock in its zone.
fn in_this_year(time: Time, zone: &Zone) -> Time {
    // Zones of the year 0 have the mean time of their place.
    let offset = zone.offset_at(time.unix());
    let civil = Civil::at(time, offset);
    if civil.year != 0 {
        return time;
    }
    let now = Time::from_unix_nanos(plugin::now());
    let year = Civil::at(now, zone.offset_at(now.unix())).year;
    // From the first of January of one year to the same moment of the other; February 29 moves on in a year without.
    let days = |year: i64| {
        let before = year - 1;
        before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let passed = i64::from(civil.month > 2 && leap(0)) - i64::from(civil.month > 2 && leap(year));
    let clock = time.unix() + i64::from(offset) + (days(year) - days(0) - passed) * 86_400;
    let offset = zone.offset_at(clock - i64::from(zone.offset_at(clock)));
    Time::new(clock - i64::from(offset), time.subsecond_nanos())
}
