//! Fields of maps and objects, and the methods of times (Go package `time`, type `Time`).

use std::sync::{Arc, LazyLock};

use super::{MemberError, Text, Unit, Value};
use crate::time::{Civil, Layout, Time, Zone};

/// The entry, field or method `name` of a value.
pub(super) fn member<'a>(
    value: &Value<'a>,
    name: &str,
    args: &[Value<'a>],
    local: &Arc<Zone>,
) -> Result<Value<'a>, String> {
    match value {
        Value::Map(map) => match args {
            [] => Ok(map.entries.borrow().get(name).cloned().unwrap_or_default()),
            _ => Err(format!("{name} is not a method but has arguments")),
        },
        Value::Object(object) => object.member(name, args).map_err(|error| match error {
            MemberError::Unknown => {
                format!("can't evaluate field {name} in type {}", object.type_name())
            }
            MemberError::Failed(cause) => format!("{name}: {cause}"),
        }),
        Value::Time(time, zone) => time_member(*time, zone, name, args, local),
        Value::Counted(number, unit) => {
            let found = unit.member(*number, name, args);
            found.ok_or_else(|| format!("can't evaluate field {name} in type {}", unit.type_name()))
        }
        // As in Go, what a map does not hold has members that are nothing either.
        Value::Nil => Ok(Value::Nil),
        _ => Err(format!("can't evaluate field {name} in type {}", value.type_name())),
    }
}

fn time_member<'a>(
    time: Time,
    zone: &Arc<Zone>,
    name: &str,
    args: &[Value<'a>],
    local: &Arc<Zone>,
) -> Result<Value<'a>, String> {
    let civil = || Civil::at(time, zone.offset_at(time.unix()));
    let number = |number: i64| Ok(Value::Int(number));
    let unit = |per_second: i64| {
        let nanos = i64::from(time.subsecond_nanos());
        let below = nanos / (1_000_000_000 / per_second);
        number(time.unix().wrapping_mul(per_second).wrapping_add(below))
    };
    match (name, args) {
        ("UTC", []) => Ok(Value::from(time)),
        ("Local", []) => Ok(Value::Time(time, local.clone())),
        ("Unix", []) => number(time.unix()),
        ("UnixMilli", []) => unit(1_000),
        ("UnixMicro", []) => unit(1_000_000),
        ("UnixNano", []) => number(time.wrapping_unix_nanos()),
        ("Year", []) => number(civil().year),
        ("Month", []) => Ok(Value::Counted(civil().month.into(), Unit::Month)),
        ("Weekday", []) => Ok(Value::Counted(civil().weekday.into(), Unit::Weekday)),
        ("Day", []) => number(civil().day.into()),
        ("YearDay", []) => number(civil().year_day().into()),
        ("Hour", []) => number(civil().hour.into()),
        ("Minute", []) => number(civil().minute.into()),
        ("Second", []) => number(civil().second.into()),
        ("Nanosecond", []) => number(civil().nanos.into()),
        ("IsZero", []) => Ok(Value::Bool(time == Time::new(ZERO_TIME, 0))),
        ("String", []) => {
            let mut out = String::new();
            append_time(time, zone, &mut out);
            Ok(Value::text(out))
        }
        ("Format", [layout]) => {
            let layout = layout.as_text().ok_or("Format: expected a layout")?;
            let mut out = String::new();
            Layout::parse_spec(layout).format_time(time, zone, &mut out);
            Ok(Value::text(out))
        }
        ("Add" | "Truncate" | "Round", [Value::Int(nanos) | Value::Counted(nanos, _)]) => {
            let nanos = match name {
                "Add" => *nanos,
                _ => to_step(time, *nanos, name == "Round"),
            };
            Ok(Value::Time(add(time, nanos), zone.clone()))
        }
        ("AddDate", [years, months, days]) => {
            let [years, months, days] = [years, months, days].map(|count| count.whole().ok_or("AddDate wants numbers"));
            let moved = time.add_date(zone, years?, months?, days?);
            Ok(Value::Time(moved, zone.clone()))
        }
        ("Before" | "After" | "Equal" | "Sub", [Value::Time(other, _)]) => Ok(match name {
            "Before" => Value::Bool(time < *other),
            "After" => Value::Bool(time > *other),
            "Equal" => Value::Bool(time == *other),
            _ => {
                let nanos = time.wrapping_unix_nanos().saturating_sub(other.wrapping_unix_nanos());
                Value::Counted(nanos, Unit::Duration)
            }
        }),
        _ => Err(format!("can't evaluate field {name} in type time.Time")),
    }
}

/// By how much a time is moved to a multiple of the step since the year 1: back, or to the nearest, halves up.
fn to_step(time: Time, step: i64, nearest: bool) -> i64 {
    if step <= 0 {
        return 0;
    }
    let since = (i128::from(time.unix()) - i128::from(ZERO_TIME)) * 1_000_000_000 + i128::from(time.subsecond_nanos());
    // Smaller than the step, as that is positive.
    let rest = since.rem_euclid(i128::from(step)) as i64;
    match nearest && rest >= step - rest {
        true => step - rest,
        false => -rest,
    }
}

/// 0001-01-01T00:00:00Z, which Go calls the zero time.
pub(super) const ZERO_TIME: i64 = -62_135_596_800;

/// A time moved by nanoseconds.
pub(super) fn add(time: Time, nanos: i64) -> Time {
    let moved = i64::from(time.subsecond_nanos()) + nanos.rem_euclid(1_000_000_000);
    let seconds = time.unix().saturating_add(nanos.div_euclid(1_000_000_000));
    Time::new(seconds, moved as u32)
}

/// Appends a time as Go prints it: "2006-01-02 15:04:05.999999999 -0700 MST".
pub(super) fn append_time(time: Time, zone: &Zone, out: &mut String) {
    Layout::parse_spec("2006-01-02 15:04:05.999999999 -0700 MST").format_time(time, zone, out);
}

impl<'a> From<Time> for Value<'a> {
    /// The time as a clock in UTC shows it.
    fn from(time: Time) -> Value<'a> {
        static UTC: LazyLock<Arc<Zone>> = LazyLock::new(|| Arc::new(Zone::Utc));
        Value::Time(time, UTC.clone())
    }
}

impl<'a> From<Text<'a>> for Value<'a> {
    fn from(text: Text<'a>) -> Value<'a> {
        Value::Text(text)
    }
}
