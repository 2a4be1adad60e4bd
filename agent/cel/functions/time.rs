//! `now`, and the parts of timestamps and durations.
//!
//! Parts are in UTC unless a zone is given, by IANA name or as an offset such as `+01:30`. Months, days of the month
//! (`getDayOfMonth`) and days of the year count from 0, weekdays from Sunday as 0; `getDate` counts from 1.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Function, no_overload};
use crate::error::{Fault, Outcome, excerpt};
use crate::moment::Moment;
use crate::value::Value;

const OF_TIME: &[&str] = &["timestamp.() -> int", "timestamp.(string) -> int"];
const OF_BOTH: &[&str] = &["timestamp.() -> int", "timestamp.(string) -> int", "duration.() -> int"];

const SECOND: i64 = 1_000_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "now",
        signatures: &["() -> timestamp"],
        run: |context, _| Ok(Value::Timestamp(Moment::from_nanos(context.subject.now_ns()))),
    },
    Function {
        name: "getFullYear",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getFullYear", |civil| i64::from(civil.year())),
    },
    Function {
        name: "getMonth",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getMonth", |civil| i64::from(civil.month()) - 1),
    },
    Function {
        name: "getDate",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getDate", |civil| i64::from(civil.day())),
    },
    Function {
        name: "getDayOfMonth",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getDayOfMonth", |civil| i64::from(civil.day()) - 1),
    },
    Function {
        name: "getDayOfWeek",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getDayOfWeek", |civil| i64::from(civil.weekday().to_sunday_zero_offset())),
    },
    Function {
        name: "getDayOfYear",
        signatures: OF_TIME,
        run: |_, args| of_time(args, "getDayOfYear", |civil| i64::from(civil.day_of_year()) - 1),
    },
    Function {
        name: "getHours",
        signatures: OF_BOTH,
        run: |_, args| of_both(args, "getHours", 3600 * SECOND, |civil| i64::from(civil.hour())),
    },
    Function {
        name: "getMinutes",
        signatures: OF_BOTH,
        run: |_, args| of_both(args, "getMinutes", 60 * SECOND, |civil| i64::from(civil.minute())),
    },
    Function {
        name: "getSeconds",
        signatures: OF_BOTH,
        run: |_, args| of_both(args, "getSeconds", SECOND, |civil| i64::from(civil.second())),
    },
    Function {
        name: "getMilliseconds",
        signatures: OF_BOTH,
        run: |_, args| of_both(args, "getMilliseconds", SECOND / 1000, |civil| i64::from(civil.millisecond())),
    },
];

fn of_time<'a>(args: &[Value<'a>], name: &'static str, part: impl Fn(DateTime) -> i64) -> Outcome<'a> {
    let (moment, offset) = match args {
        [Value::Timestamp(moment)] => (moment, 0),
        [Value::Timestamp(moment), zone] => match zone.text() {
            Some(zone) => (moment, moment.offset_in(&zone_named(zone)?)),
            None => return no_overload(name),
        },
        _ => return no_overload(name),
    };
    match moment.civil(offset) {
        Some(civil) => Ok(Value::Int(part(civil))),
        None => Err("timestamp overflow".into()),
    }
}

/// A duration has these parts, too: itself in whole units.
fn of_both<'a>(args: &[Value<'a>], name: &'static str, unit: i64, part: impl Fn(DateTime) -> i64) -> Outcome<'a> {
    match args {
        [Value::Duration(nanos)] => Ok(Value::Int(nanos / unit)),
        _ => of_time(args, name, part),
    }
}

/// A zone by its IANA name, which is written in one way only, or by `[+-]hours:minutes`.
fn zone_named(name: &str) -> Result<TimeZone, Fault<'static>> {
    if let Some((hours, minutes)) = name.split_once(':') {
        return offset(hours, minutes)
            .map(TimeZone::fixed)
            .ok_or_else(|| format!("invalid time zone offset {:?}", excerpt(name)).into());
    }
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "Local" => Ok(TimeZone::system()),
        _ => match TimeZone::get(name) {
            Ok(zone) if zone.iana_name() == Some(name) => Ok(zone),
            _ => Err(format!("unknown time zone {:?}", excerpt(name)).into()),
        },
    }
}

fn offset(hours: &str, minutes: &str) -> Option<Offset> {
    let sign = if hours.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    if !(-23..=23).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    Offset::from_seconds(sign * (hours.abs() * 3600 + minutes * 60)).ok()
}
