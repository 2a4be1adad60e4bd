//! The module `time`: its functions, and the methods of points in time.

use super::moment::Moment;
use crate::builtins::{Args, Cx, Function};
use crate::error::{Error, Result, fail};
use crate::heap::Method;
use crate::value::Value;
use agent_golang::duration;
use agent_golang::time::{Layout, Time, Zone};

pub(super) const CONSTANTS: &[(&str, Value)] = &[
    ("hour", Value::Duration(duration::HOUR)),
    ("microsecond", Value::Duration(1_000)),
    ("millisecond", Value::Duration(1_000_000)),
    ("minute", Value::Duration(duration::MINUTE)),
    ("nanosecond", Value::Duration(1)),
    ("second", Value::Duration(duration::SECOND)),
];

pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("from_timestamp", from_timestamp),
    ("is_valid_timezone", is_valid_timezone),
    ("now", now),
    ("parse_duration", parse_duration),
    ("parse_time", parse_time),
    ("time", time),
];

pub(crate) const METHODS: &[(&str, Method)] = &[("format", format), ("in_location", in_location)];

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

fn now(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    args.none("now")?;
    let time = Time::from_unix_nanos(cx.host.now());
    Ok(cx.heap.time(Moment { time, zone: Zone::local() }))
}

fn from_timestamp(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [seconds, nanos] = args.unpack(cx.heap, "from_timestamp", ["sec", "nsec"], 1)?;
    let seconds = cx.small_int(seconds.unwrap_or(Value::None), "from_timestamp", "1")?;
    let nanos = nanos.map_or(Ok(0), |nanos| cx.small_int(nanos, "from_timestamp", "2"))?;
    let start = Moment { time: Time::new(seconds, 0), zone: Zone::local() };
    Ok(cx.heap.time(start.shifted(nanos.into())))
}

fn is_valid_timezone(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [name] = args.unpack(cx.heap, "is_valid_timezone", ["loc"], 1)?;
    let name = cx.need_str(name, "is_valid_timezone", "loc")?;
    Ok(Value::Bool(Zone::parse(&cx.heap.text(Value::Str(name))).is_ok()))
}

fn parse_duration(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [text] = args.unpack(cx.heap, "parse_duration", ["d"], 1)?;
    if let Some(span @ Value::Duration(_)) = text {
        return Ok(span);
    }
    let text = cx.need_str(text, "parse_duration", "d")?;
    match duration::parse(&cx.heap.text(Value::Str(text))) {
        Ok(nanos) => Ok(Value::Duration(nanos)),
        Err(error) => fail!("parse_duration: for parameter 1: time: {error}"),
    }
}

fn parse_time(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let [text, layout, zone] = args.unpack(cx.heap, "parse_time", ["x", "format", "location"], 1)?;
    let text = cx.heap.text(Value::Str(cx.need_str(text, "parse_time", "x")?)).into_owned();
    let layout = match layout {
        Some(layout) => cx.heap.text(Value::Str(cx.need_str(Some(layout), "parse_time", "format")?)).into_owned(),
        None => RFC3339.to_owned(),
    };
    let zone = cx.zone(zone, "parse_time")?;
    let time = Layout::parse_spec(&layout).parse_time(&text, &zone);
    let time = time.map_err(|error| Error::new(format!("parse_time: {error}")))?;
    let zone = written_zone(&layout, &text).unwrap_or(zone);
    Ok(cx.heap.time(Moment { time, zone }))
}

/// The zone that an offset at the end of a text names, if the layout ends in one.
fn written_zone(layout: &str, text: &str) -> Option<Zone> {
    let ends = ["Z07:00", "-07:00", "Z0700", "-0700", "Z07", "-07"];
    if !ends.iter().any(|end| layout.ends_with(end)) {
        return None;
    }
    let at = text.rfind(['+', '-', 'Z'])?;
    let digits: String = text[at + 1..].chars().filter(char::is_ascii_digit).collect();
    let number = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |part| part.parse::<i32>().ok());
    let offset = number(0..2)? * 3600 + number(2..4)? * 60;
    let offset = if text[at..].starts_with('-') { -offset } else { offset };
    Some(if offset == 0 { Zone::Utc } else { Zone::fixed(offset, "") })
}

fn time(cx: &mut Cx<'_>, args: Args<'_>) -> Result<Value> {
    let names = ["year", "month", "day", "hour", "minute", "second", "nanosecond", "location"];
    let parts = args.unpack(cx.heap, "time", names, 0)?;
    let mut numbers = [1, 1, 1, 0, 0, 0, 0];
    for ((number, part), name) in numbers.iter_mut().zip(parts).zip(names) {
        if let Some(part) = part {
            *number = cx.small_int(part, "time", name)?;
        }
    }
    let zone = cx.zone(parts[7], "time")?;
    let [year, month, day, hour, minute, second, nanos] = numbers;
    let Some(clock) = clock_seconds(year, month, day, hour, minute, second) else { fail!("time: out of range") };
    // The offset at the guessed moment counts where a change of the clock skips or repeats an hour.
    let guess = clock - i64::from(zone.offset_at(clock));
    let start = Moment { time: Time::new(clock - i64::from(zone.offset_at(guess)), 0), zone };
    Ok(cx.heap.time(start.shifted(nanos.into())))
}

/// Seconds since 1970 on a clock without offset; parts beyond their range are carried over.
fn clock_seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let months = year.checked_mul(12)?.checked_add(month)?.checked_sub(1)?;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    if year.abs() > 1_000_000 {
        return None;
    }
    // Years from March to February, so that the leap day is their last.
    let (from, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = from * 365 + from.div_euclid(4) - from.div_euclid(100) + from.div_euclid(400) + (153 * shifted + 2) / 5;
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    let days = (days - 719_468).checked_add(day)?.checked_sub(1)?;
    let time = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    let seconds = days.checked_mul(86_400)?.checked_add(time)?;
    (seconds.unsigned_abs() < 1 << 60).then_some(seconds)
}

fn format(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [layout] = args.unpack(cx.heap, "format", ["format"], 1)?;
    let layout = Layout::parse_spec(&cx.heap.text(Value::Str(cx.need_str(layout, "format", "format")?)));
    let mut out = String::new();
    if let Some(moment) = cx.heap.moment(receiver) {
        layout.format_time(moment.time, &moment.zone, &mut out);
    }
    cx.heap.reserve(out.len())?;
    Ok(cx.heap.string(&out))
}

fn in_location(cx: &mut Cx<'_>, receiver: Value, args: Args<'_>) -> Result<Value> {
    let [zone] = args.unpack(cx.heap, "in_location", ["location"], 1)?;
    let zone = cx.zone(zone, "in_location")?;
    match cx.heap.moment(receiver).map(|moment| moment.time) {
        Some(time) => Ok(cx.heap.time(Moment { time, zone })),
        None => fail!("in_location: got {}, want time.time", cx.type_name(receiver)),
    }
}

impl Cx<'_> {
    /// The zone that an optional argument names.
    fn zone(&self, name: Option<Value>, function: &str) -> Result<Zone> {
        let Some(name) = name else { return Ok(Zone::Utc) };
        let name = self.need_str(Some(name), function, "location")?;
        Zone::parse(&self.heap.text(Value::Str(name))).map_err(|error| Error::new(format!("{function}: {error}")))
    }
}
