//! Points and spans of time: range, arithmetic, text.
//!
//! Points lie in the years 1 to 9999 and spans are 64 bits of nanoseconds, as in CEL; whatever leaves the range is
//! an error. Text is read as strictly as the reference reads it, so the parsers of `jiff` do not serve.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A point in time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    seconds: i64,
    /// Below 1,000,000,000.
    nanos: u32,
}

const NANOS: i128 = 1_000_000_000;
const DAY: i64 = 86_400;
const EPOCH: Date = Date::constant(1970, 1, 1);
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

impl Moment {
    pub(crate) fn from_seconds(seconds: i64) -> Option<Self> {
        (FIRST_SECOND..=LAST_SECOND).contains(&seconds).then_some(Self { seconds, nanos: 0 })
    }

    pub(crate) fn from_nanos(nanos: i64) -> Self {
        Self { seconds: nanos.div_euclid(1_000_000_000), nanos: nanos.rem_euclid(1_000_000_000) as u32 }
    }

    pub(crate) fn seconds(self) -> i64 {
        self.seconds
    }

    fn total(self) -> i128 {
        i128::from(self.seconds) * NANOS + i128::from(self.nanos)
    }

    /// `nanos` later.
    pub(crate) fn plus(self, nanos: i128) -> Option<Self> {
        let total = self.total() + nanos;
        let start = Self::from_seconds(i64::try_from(total.div_euclid(NANOS)).ok()?)?;
        Some(Self { nanos: total.rem_euclid(NANOS) as u32, ..start })
    }

    /// The nanoseconds from `earlier` to here.
    pub(crate) fn since(self, earlier: Self) -> Option<i64> {
        i64::try_from(self.total() - earlier.total()).ok()
    }

    /// Reads RFC 3339 with upper-case `T` and `Z`; digits behind nanoseconds are dropped.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<i32>().ok()
        };
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
            return None;
        }
        let date = Date::new(
            i16::try_from(number(0, 4)?).ok()?,
            i8::try_from(number(5, 7)?).ok()?,
            i8::try_from(number(8, 10)?).ok()?,
        );
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = date.ok()?.duration_since(EPOCH).as_secs();
        let mut rest = text.get(19..)?;
        let mut nanos = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let length = fraction.bytes().position(|byte| !byte.is_ascii_digit())?;
            if length == 0 {
                return None;
            }
            let digits = &fraction[..length.min(9)];
            nanos = digits.parse::<u32>().ok()? * 10_u32.pow(9 - digits.len() as u32);
            rest = &fraction[length..];
        }
        let offset = if rest == "Z" { 0 } else { offset_seconds(rest)? };
        let clock = i64::from(hour * 3600 + minute * 60 + second);
        Some(Self { nanos, ..Self::from_seconds(days + clock - offset)? })
    }

    /// The date and time of day `offset` seconds east of Greenwich; none behind the year 9999.
    ///
    /// Not by way of `jiff::Timestamp`, which ends a day before the year 9999 does.
    pub(crate) fn civil(self, offset: i64) -> Option<DateTime> {
        let seconds = self.seconds + offset;
        let date = EPOCH.checked_add(SignedDuration::from_hours(seconds.div_euclid(DAY) * 24)).ok()?;
        let clock = i32::try_from(seconds.rem_euclid(DAY)).ok()?;
        let part = |unit: i32, count: i32| i8::try_from(clock / unit % count).ok();
        Some(date.at(part(3600, 24)?, part(60, 60)?, part(1, 60)?, i32::try_from(self.nanos).ok()?))
    }

    /// The seconds a zone is east of Greenwich at this moment.
    pub(crate) fn offset_in(self, zone: &TimeZone) -> i64 {
        let seconds = self.seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let timestamp = Timestamp::from_second(seconds).unwrap_or_default();
        i64::from(zone.to_offset(timestamp).seconds())
    }
}

/// `+01:00` as seconds.
fn offset_seconds(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 6
        || bytes[3] != b':'
        || !bytes.iter().enumerate().all(|(at, b)| at % 3 == 0 || b.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes) = (text[1..3].parse::<i64>().ok()?, text[4..6].parse::<i64>().ok()?);
    let seconds = hours * 3600 + minutes * 60;
    match bytes[0] {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// RFC 3339 in UTC, with as many digits behind the second as there are.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.civil(0) {
            Some(civil) => write!(f, "{civil}Z"),
            None => f.write_str("timestamp out of range"),
        }
    }
}

/// A span as its seconds: `5400s`, `-1.5s`.
pub(crate) fn duration_text(nanos: i64) -> String {
    let seconds = (nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9;
    format!("{seconds}s")
}
