//! Times written by Go's reference layouts (Go package `time`), and Telegraf's `timestamp_format` on top of them.
//!
//! A [`Layout`] is compiled once and then formats or parses without looking at its text again, since parsers and the
//! date processor run one layout over every metric. A [`Time`] counts seconds and nanoseconds apart, because Go's layouts
//! may leave the year out, and the year 0 does not fit into 64 bits of nanoseconds.
//!
//! ```
//! use agent_golang::time::{Layout, Zone};
//!
//! let layout = Layout::parse_spec("02/Jan/2006:15:04:05 -0700");
//! let time = layout.parse("10/Oct/2000:13:55:36 -0700", &Zone::Utc).unwrap();
//! assert_eq!(time, 971_211_336_000_000_000);
//! assert_eq!(Layout::parse_spec("Mon Jan _2").format(time, &Zone::Utc), "Tue Oct 10");
//! ```

mod calendar;
mod format;
mod layout;
mod parse;
mod scan;
mod timestamp;
mod zone;

pub use calendar::{Civil, MONTHS, WEEKDAYS};
pub use layout::{Layout, named};
pub use parse::ParseError;
pub use timestamp::{Stamp, TimestampError, TimestampFormat, parse_timestamp};
pub use zone::{Zone, ZoneError};

/// A point in time: seconds since 1970-01-01T00:00:00Z and the nanoseconds after that second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    seconds: i64,
    nanos: u32,
}

impl Time {
    /// The time `seconds` after (before, if negative) 1970, plus `nanos` in 0..1_000_000_000.
    ///
    /// More nanoseconds than a second has are carried into the seconds.
    pub fn new(seconds: i64, nanos: u32) -> Time {
        Time { seconds: seconds.saturating_add(i64::from(nanos / 1_000_000_000)), nanos: nanos % 1_000_000_000 }
    }

    /// The time `nanos` nanoseconds after 1970.
    pub fn from_unix_nanos(nanos: i64) -> Time {
        Time { seconds: nanos.div_euclid(1_000_000_000), nanos: nanos.rem_euclid(1_000_000_000) as u32 }
    }

    /// Whole seconds since 1970, rounded towards the past.
    pub fn unix(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after [`unix`](Time::unix), 0..1_000_000_000.
    pub fn subsecond_nanos(self) -> u32 {
        self.nanos
    }

    /// Nanoseconds since 1970, or `None` outside the years 1677 to 2262.
    pub fn unix_nanos(self) -> Option<i64> {
        i64::try_from(i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)).ok()
    }

    /// Nanoseconds since 1970, modulo 2^64: what Go's `UnixNano` gives for times that do not fit.
    ///
    /// Telegraf writes this number for layouts without a year, so a clone may need it.
    pub fn wrapping_unix_nanos(self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanos))
    }
}

#[cfg(test)]
mod tests;
