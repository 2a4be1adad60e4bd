//! Time zones by the names Go's `time.LoadLocation` takes: `""`, `UTC`, `Local` and IANA names.
//!
//! The IANA rules come from jiff, which carries its own copy of the database, so a host without `/usr/share/zoneinfo` (a
//! scratch container, Windows) knows the same zones. UTC is a case of its own: it is the default everywhere and needs no
//! look-up.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A set of rules that says how far local time is from UTC at any moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Zone {
    /// No offset, abbreviated "UTC".
    #[default]
    Utc,
    /// A constant offset in seconds east of Greenwich, with the abbreviation that was written with it (may be empty).
    Fixed {
        /// Seconds east of Greenwich.
        offset: i32,
        /// What `MST` prints; empty prints the offset in digits.
        abbreviation: Box<str>,
    },
    /// A zone of the IANA database or of the host.
    Iana(TimeZone),
}

/// The zone's name is in no database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError {
    name: String,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.name.chars().take(60).collect();
        write!(f, "unknown time zone {name:?}")
    }
}

impl std::error::Error for ZoneError {}

impl Zone {
    /// Finds a zone: `""` and `UTC` are UTC, `Local` (or `local`) is the host's zone, all else an IANA name.
    pub fn parse(name: &str) -> Result<Zone, ZoneError> {
        match name {
            "" | "UTC" => Ok(Zone::Utc),
            "Local" | "local" => Ok(Zone::local()),
            _ => match TimeZone::get(name) {
                Ok(zone) => Ok(Zone::Iana(zone)),
                Err(_) => Err(ZoneError { name: name.to_owned() }),
            },
        }
    }

    /// The zone of the host; UTC where it cannot be found out.
    pub fn local() -> Zone {
        match TimeZone::try_system() {
            Ok(zone) if !zone.is_unknown() => Zone::Iana(zone),
            _ => Zone::Utc,
        }
    }

    /// A constant offset in seconds east of Greenwich.
    pub fn fixed(offset: i32, abbreviation: &str) -> Zone {
        Zone::Fixed { offset, abbreviation: abbreviation.into() }
    }

    /// Seconds east of Greenwich at the moment `unix` (seconds since 1970).
    pub fn offset_at(&self, unix: i64) -> i32 {
        match self {
            Zone::Utc => 0,
            Zone::Fixed { offset, .. } => *offset,
            Zone::Iana(zone) => zone.to_offset(instant(unix)).seconds(),
        }
    }

    /// Calls `with` with the offset and the abbreviation in force at `unix`.
    pub(super) fn look_up<R>(&self, unix: i64, with: impl FnOnce(i32, &str) -> R) -> R {
        match self {
            Zone::Utc => with(0, "UTC"),
            Zone::Fixed { offset, abbreviation } => with(*offset, abbreviation),
            Zone::Iana(zone) => {
                let info = zone.to_offset_info(instant(unix));
                with(info.offset().seconds(), info.abbreviation())
            }
        }
    }

    /// The abbreviation in force at `unix`, as `MST` prints it.
    pub fn abbreviation_at(&self, unix: i64) -> String {
        self.look_up(unix, |_, abbreviation| abbreviation.to_owned())
    }

    /// From what a clock in this zone shows (as seconds since 1970 if the clock were UTC) to the true seconds.
    ///
    /// In the hour that a change of the clock skips or repeats, the offset is the one in force at the guessed moment, as
    /// Go's `time.Date` does it.
    pub(super) fn to_unix(&self, clock: i64) -> i64 {
        let first = self.offset_at(clock);
        if first == 0 {
            return clock;
        }
        clock - i64::from(self.offset_at(clock - i64::from(first)))
    }

    /// The offset that the abbreviation stands for near `clock`, if this zone ever used it.
    pub(super) fn offset_of(&self, abbreviation: &str, clock: i64) -> Option<i32> {
        let zone = match self {
            Zone::Utc => return (abbreviation == "UTC").then_some(0),
            Zone::Fixed { offset, abbreviation: own } => return (&**own == abbreviation).then_some(*offset),
            Zone::Iana(zone) => zone,
        };
        let around = instant(clock);
        let mut any = None;
        let mut check = |offset: Offset, name: &str| -> Option<i32> {
            if name != abbreviation {
                return None;
            }
            let offset = offset.seconds();
            any.get_or_insert(offset);
            let in_force = self.look_up(clock - i64::from(offset), |_, now| now == abbreviation);
            in_force.then_some(offset)
        };
        let now = zone.to_offset_info(around);
        if let Some(offset) = check(now.offset(), now.abbreviation()) {
            return Some(offset);
        }
        // A zone keeps one set of abbreviations for decades, so a bounded look to both sides finds what is in use.
        for transition in zone.preceding(around).take(64) {
            if let Some(offset) = check(transition.offset(), transition.abbreviation()) {
                return Some(offset);
            }
        }
        for transition in zone.following(around).take(8) {
            if let Some(offset) = check(transition.offset(), transition.abbreviation()) {
                return Some(offset);
            }
        }
        any
    }
}

/// The moment for jiff, which knows the years -9999 to 9999; no zone has rules outside them.
fn instant(unix: i64) -> Timestamp {
    let bounded = unix.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
}
