//! Numbers that have names: months, days of the week and durations (Go package `time`).
//!
//! They print as names, yet count and compare as the numbers that they are: `{{ printf "%02d" .Time.Month }}` is "09".

use super::Value;
use crate::duration;
use crate::time::{MONTHS, WEEKDAYS};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// From 1, January.
    Month,
    /// From 0, Sunday.
    Weekday,
    /// Nanoseconds.
    Duration,
}

impl Unit {
    /// Go's name of the type.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Unit::Month => "time.Month",
            Unit::Weekday => "time.Weekday",
            Unit::Duration => "time.Duration",
        }
    }

    /// Appends the number as Go prints it.
    pub(super) fn print(self, number: i64, out: &mut String) {
        let name = match self {
            Unit::Month => number.checked_sub(1).and_then(|month| MONTHS.get(usize::try_from(month).ok()?)),
            Unit::Weekday => usize::try_from(number).ok().and_then(|day| WEEKDAYS.get(day)),
            Unit::Duration => return duration::format_into(number, out),
        };
        match name {
            Some(name) => out.push_str(name),
            None => out.push_str(&format!("%!{}({number})", self.type_name().trim_start_matches("time."))),
        }
    }

    /// The method `name` of the number.
    pub(super) fn member<'a>(self, number: i64, name: &str, args: &[Value<'a>]) -> Option<Value<'a>> {
        let nanos = |number: i64| Some(Value::Counted(number, Unit::Duration));
        match (self, name, args) {
            (_, "String", []) => {
                let mut text = String::new();
                self.print(number, &mut text);
                Some(text.into())
            }
            (Unit::Duration, "Nanoseconds", []) => Some(number.into()),
            (Unit::Duration, "Microseconds", []) => Some((number / 1_000).into()),
            (Unit::Duration, "Milliseconds", []) => Some((number / 1_000_000).into()),
            (Unit::Duration, "Seconds", []) => Some(duration::seconds(number).into()),
            (Unit::Duration, "Minutes", []) => Some(parts(number, duration::MINUTE).into()),
            (Unit::Duration, "Hours", []) => Some(parts(number, duration::HOUR).into()),
            (Unit::Duration, "Abs", []) => nanos(number.saturating_abs()),
            (Unit::Duration, "Truncate", [step]) => match step.whole()? {
                step if step > 0 => nanos(number - number % step),
                _ => nanos(number),
            },
            (Unit::Duration, "Round", [step]) => match step.whole()? {
                step if step > 0 => nanos(rounded(number, step)),
                _ => nanos(number),
            },
            _ => None,
        }
    }
}

/// Whole units and the rest apart, as Go adds them: the last digit may differ from that of a division.
fn parts(nanos: i64, unit: i64) -> f64 {
    (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64
}

/// To the nearest step, halves away from zero.
fn rounded(nanos: i64, step: i64) -> i64 {
    let rest = nanos % step;
    let down = nanos - rest;
    match rest.unsigned_abs() * 2 >= step.unsigned_abs() {
        true => down.saturating_add(step * rest.signum()),
        false => down,
    }
}
