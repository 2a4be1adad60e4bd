//! Dates (sprig, "Date Functions").

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Args, Function};
use crate::duration;
use crate::template::Value;
use crate::template::access::{ZERO_TIME, add};
use crate::time::{Layout, Time, Zone};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("now", 0, |args| Ok(Value::Time(now(), args.local().clone()))),
    Function::new("date", 2, |args| date(args.text(0)?, args.value(1), args.local())),
    Function::new("dateInZone", 3, |args| date(args.text(0)?, args.value(1), &zone(args.text(2)?))),
    Function::new("date_in_zone", 3, |args| date(args.text(0)?, args.value(1), &zone(args.text(2)?))),
    Function::new("htmlDate", 1, |args| date("2006-01-02", args.value(0), args.local())),
    Function::new("htmlDateInZone", 2, |args| date("2006-01-02", args.value(0), &zone(args.text(1)?))),
    Function::new("dateModify", 2, |args| modify(args, false)),
    Function::new("date_modify", 2, |args| modify(args, false)),
    Function::new("mustDateModify", 2, |args| modify(args, true)),
    Function::new("must_date_modify", 2, |args| modify(args, true)),
    Function::new("duration", 1, |args| {
        let seconds = match args.value(0) {
            Value::Int(seconds) => *seconds,
            Value::Text(text) => text.parse().unwrap_or(0),
            _ => 0,
        };
        Ok(duration::format(seconds.saturating_mul(duration::SECOND)).into())
    }),
    Function::new("durationRound", 1, |args| Ok(round(args).into())),
    Function::new("unixEpoch", 1, |args| match args.value(0) {
        Value::Time(time, _) => Ok(time.unix().to_string().into()),
        other => Err(super::wrong("time.Time", other)),
    }),
    Function::new("toDate", 2, |args| Ok(to_date(args)?.unwrap_or_else(|_| Time::new(ZERO_TIME, 0).into()))),
    Function::new("mustToDate", 2, |args| to_date(args)?),
    Function::new("ago", 1, |args| {
        let since = nanos(now()).saturating_sub(nanos(moment(args.value(0))));
        let half = duration::SECOND / 2;
        let seconds = since.saturating_add(half).div_euclid(duration::SECOND);
        Ok(duration::format(seconds.saturating_mul(duration::SECOND)).into())
    }),
];

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::new(since.as_secs() as i64, since.subsec_nanos())
}

fn nanos(time: Time) -> i64 {
    time.unix_nanos().unwrap_or(if time.unix() < 0 { i64::MIN } else { i64::MAX })
}

/// The time that a value stands for: whole numbers count seconds, what is no time is now.
fn moment(value: &Value<'_>) -> Time {
    match value {
        Value::Time(time, _) => *time,
        Value::Int(seconds) => Time::new(*seconds, 0),
        _ => now(),
    }
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap_or(Zone::Utc)
}

fn date<'a>(layout: &str, value: &Value<'a>, zone: &Zone) -> Result<Value<'a>, String> {
    let mut out = String::new();
    Layout::parse_spec(layout).format_time(moment(value), zone, &mut out);
    Ok(out.into())
}

fn modify<'a>(args: &Args<'_, 'a>, must: bool) -> Result<Value<'a>, String> {
    let Value::Time(time, zone) = args.value(1) else {
        return Err(super::wrong("time.Time", args.value(1)));
    };
    match duration::parse(args.text(0)?) {
        Ok(nanos) => Ok(Value::Time(add(*time, nanos), zone.clone())),
        Err(error) if must => Err(error.to_string()),
        Err(_) => Ok(args.value(1).clone()),
    }
}

/// The inner error is that of the text, the outer one that of a wrong argument.
fn to_date<'a>(args: &Args<'_, 'a>) -> Result<Result<Value<'a>, String>, String> {
    let zone = args.local();
    let parsed = Layout::parse_spec(args.text(0)?).parse_time(args.text(1)?, zone);
    Ok(match parsed {
        Ok(time) => Ok(Value::Time(time, zone.clone())),
        Err(error) => Err(error.to_string()),
    })
}

/// The largest unit of a duration that it is more than one of.
fn round(args: &Args<'_, '_>) -> String {
    let nanos = match args.value(0) {
        Value::Text(text) => duration::parse(text).unwrap_or(0),
        Value::Int(nanos) => *nanos,
        Value::Time(time, _) => nanos(now()).saturating_sub(nanos(*time)),
        _ => 0,
    };
    let size = nanos.unsigned_abs();
    let day = 24 * duration::HOUR;
    let units = [
        (365 * day, "y"),
        (30 * day, "mo"),
        (day, "d"),
        (duration::HOUR, "h"),
        (duration::MINUTE, "m"),
        (duration::SECOND, "s"),
    ];
    let fitting = units.iter().find(|(unit, _)| size > *unit as u64);
    fitting.map_or("0s".to_owned(), |(unit, name)| format!("{}{name}", size / *unit as u64))
}
