//! Telegraf's timestamp formats: unix times in four units, the names of Go's layouts, and layouts.
//!
//! This is what `timestamp_format`, `json_time_format`, `csv_timestamp_format` and their like mean. Text and numbers are
//! both timestamps for the unix units; layouts want text.

use std::fmt;

use super::parse::{self, names_zone};
use super::{Layout, ParseError, Time, Zone, named};

/// A compiled timestamp format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `unix`: seconds since 1970, with a fraction.
    Unix,
    /// `unix_ms`: milliseconds since 1970; a fraction is dropped.
    UnixMs,
    /// `unix_us`: microseconds since 1970; a fraction is dropped.
    UnixUs,
    /// `unix_ns`: nanoseconds since 1970; a fraction is dropped.
    UnixNs,
    /// A layout, by its text or by the name of Go's constant.
    Layout(Layout),
}

/// A timestamp as it stands in the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamp<'a> {
    /// A whole number.
    Int(i64),
    /// A whole number above zero.
    Uint(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text; for unix times a number with `.` or `,` before the fraction.
    Text(&'a str),
}

/// Why a timestamp cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampError {
    /// Text that is no number, for a unix time.
    NotANumber(Box<str>),
    /// The time is outside the years 1677 to 2262.
    OutOfRange(Box<str>),
    /// A number, for a layout.
    NotText,
    /// Text that does not fit the layout.
    Layout(ParseError),
    /// A zone abbreviation that no zone known here has, as only a few are unique.
    Abbreviation(Box<str>),
}

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimestampError::NotANumber(text) => write!(f, "parse unix time {text:?}: no number"),
            TimestampError::OutOfRange(text) => write!(f, "parse time {text:?}: out of range"),
            TimestampError::NotText => f.write_str("parse time: a layout wants text, not a number"),
            TimestampError::Layout(cause) => cause.fmt(f),
            TimestampError::Abbreviation(name) => {
                write!(f, "parse time: cannot resolve time zone abbreviation {name:?}")
            }
        }
    }
}

impl std::error::Error for TimestampError {}

/// Reads one timestamp; compile a [`TimestampFormat`] instead where there are many.
///
/// Gives nanoseconds since 1970. A text without an offset is taken as a clock in `zone`.
pub fn parse_timestamp(format: &str, text: &str, zone: &Zone) -> Result<i64, TimestampError> {
    TimestampFormat::parse_spec(format).parse(Stamp::Text(text), zone)
}

impl TimestampFormat {
    /// Compiles a format: `unix`, `unix_ms`, `unix_us`, `unix_ns`, the name of a Go layout in any case, or a layout.
    pub fn parse_spec(format: &str) -> TimestampFormat {
        match format {
            "unix" => TimestampFormat::Unix,
            "unix_ms" => TimestampFormat::UnixMs,
            "unix_us" => TimestampFormat::UnixUs,
            "unix_ns" => TimestampFormat::UnixNs,
            _ => TimestampFormat::Layout(Layout::parse_spec(named(format).unwrap_or(format))),
        }
    }

    /// Nanoseconds since 1970; an error for times outside the years 1677 to 2262.
    pub fn parse(&self, stamp: Stamp<'_>, zone: &Zone) -> Result<i64, TimestampError> {
        let time = self.parse_time(stamp, zone)?;
        time.unix_nanos().ok_or_else(|| TimestampError::OutOfRange(quoted(stamp)))
    }

    /// The time; a text without an offset is taken as a clock in `zone`.
    pub fn parse_time(&self, stamp: Stamp<'_>, zone: &Zone) -> Result<Time, TimestampError> {
        let per_second = match self {
            TimestampFormat::Layout(layout) => match stamp {
                Stamp::Text(text) => return by_layout(layout, text, zone),
                _ => return Err(TimestampError::NotText),
            },
            TimestampFormat::Unix => 1,
            TimestampFormat::UnixMs => 1_000,
            TimestampFormat::UnixUs => 1_000_000,
            TimestampFormat::UnixNs => 1_000_000_000,
        };
        let (units, fraction) = components(stamp)?;
        if per_second == 1 {
            let seconds = units + i64::from(fraction.div_euclid(NANOS));
            return Ok(Time::new(seconds, fraction.rem_euclid(NANOS) as u32));
        }
        let nanos = units.rem_euclid(per_second) * (i64::from(NANOS) / per_second);
        Ok(Time::new(units.div_euclid(per_second), nanos as u32))
    }

    /// Prints a time: a whole number of units for the unix formats, else by the layout as a clock in `zone` shows it.
    pub fn format_into(&self, ns: i64, zone: &Zone, out: &mut String) {
        match (self.units(ns), self) {
            (Some(units), _) => out.push_str(itoa::Buffer::new().format(units)),
            (None, TimestampFormat::Layout(layout)) => layout.format_into(ns, zone, out),
            (None, _) => {}
        }
    }

    /// Whole units since 1970, rounded towards the past for seconds and towards 1970 below, as Telegraf does; `None` for
    /// a layout.
    pub fn units(&self, ns: i64) -> Option<i64> {
        match self {
            TimestampFormat::Unix => Some(ns.div_euclid(1_000_000_000)),
            TimestampFormat::UnixMs => Some(ns / 1_000_000),
            TimestampFormat::UnixUs => Some(ns / 1_000),
            TimestampFormat::UnixNs => Some(ns),
            TimestampFormat::Layout(_) => None,
        }
    }
}

const NANOS: i32 = 1_000_000_000;

/// Whole units and billionths of a unit, both with the sign of the number.
fn components(stamp: Stamp<'_>) -> Result<(i64, i32), TimestampError> {
    let too_large = || TimestampError::OutOfRange(quoted(stamp));
    match stamp {
        Stamp::Int(units) => Ok((units, 0)),
        Stamp::Uint(units) => Ok((i64::try_from(units).map_err(|_| too_large())?, 0)),
        Stamp::Float(number) => {
            // 2^63 is the first float beyond the integers; a NaN fails here, too.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
                return Err(too_large());
            }
            let fraction = number.fract() * f64::from(NANOS);
            Ok((number.trunc() as i64, fraction as i32))
        }
        Stamp::Text(text) => text_components(text).ok_or_else(|| TimestampError::NotANumber(quoted(stamp))),
    }
}

fn text_components(text: &str) -> Option<(i64, i32)> {
    let Some(separator) = text.find([',', '.']) else {
        return Some((text.parse().ok()?, 0));
    };
    let (units, fraction) = (&text[..separator], &text[separator + 1..]);
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut billionths = 0;
    for index in 0..9 {
        let digit = fraction.as_bytes().get(index).map_or(0, |byte| byte - b'0');
        billionths = billionths * 10 + i32::from(digit);
    }
    // "-0.5" is half a unit before 1970, although -0 has no sign as an integer.
    let sign = if units.starts_with('-') { -1 } else { 1 };
    Some((units.parse().ok()?, sign * billionths))
}

fn by_layout(layout: &Layout, text: &str, zone: &Zone) -> Result<Time, TimestampError> {
    if !names_zone(&layout.items) {
        return layout.parse_time(text, zone).map_err(TimestampError::Layout);
    }
    // An abbreviation is looked for in the host's zone first (Go), then as the name of a zone of its own such as "MST"
    // or "CET" (Telegraf), then in the zone the user gave.
    let parsed = parse::parse(layout, text, &Zone::local()).map_err(TimestampError::Layout)?;
    let Some(abbreviation) = parsed.abbreviation.filter(|_| parsed.unresolved) else {
        return Ok(parsed.time);
    };
    if let Ok(own) = Zone::parse(abbreviation) {
        let clock = parsed.time.unix();
        return Ok(Time::new(own.to_unix(clock), parsed.time.subsecond_nanos()));
    }
    let parsed = parse::parse(layout, text, zone).map_err(TimestampError::Layout)?;
    if parsed.unresolved {
        return Err(TimestampError::Abbreviation(abbreviation.into()));
    }
    Ok(parsed.time)
}

fn quoted(stamp: Stamp<'_>) -> Box<str> {
    let text = match stamp {
        Stamp::Int(number) => number.to_string(),
        Stamp::Uint(number) => number.to_string(),
        Stamp::Float(number) => number.to_string(),
        Stamp::Text(text) => text.chars().take(60).collect(),
    };
    text.into()
}
