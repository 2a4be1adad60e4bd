//! Points in time and spans as values: their attributes, their arithmetic and their text.

use crate::builtins::Class;
use crate::compile::code::Operator;
use crate::error::{Result, fail};
use crate::heap::{Heap, Other};
use crate::value::{Symbol, Value};
use agent_golang::duration;
use agent_golang::time::{Civil, Layout, Time, Zone};

/// A point in time with the zone that it is shown in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) time: Time,
    pub(crate) zone: Zone,
}

const TIME_FIELDS: &[&str] = &["day", "hour", "minute", "month", "nanosecond", "second", "unix", "unix_nano", "year"];
const DURATION_FIELDS: &[&str] = &["hours", "microseconds", "milliseconds", "minutes", "nanoseconds", "seconds"];

impl Moment {
    fn nanos(&self) -> i128 {
        i128::from(self.time.unix()) * 1_000_000_000 + i128::from(self.time.subsecond_nanos())
    }

    /// The point `nanos` nanoseconds later.
    pub(super) fn shifted(&self, nanos: i128) -> Moment {
        let nanos = self.nanos() + nanos;
        let seconds = nanos.div_euclid(1_000_000_000).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        Moment { time: Time::new(seconds, nanos.rem_euclid(1_000_000_000) as u32), zone: self.zone.clone() }
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let layout = Layout::parse_spec("2006-01-02 15:04:05.999999999 -0700 MST");
        layout.format_time(self.time, &self.zone, &mut out);
        out
    }
}

/// The attributes of points in time and of spans.
pub(crate) fn attributes(class: Option<Class>) -> &'static [&'static str] {
    match class {
        Some(Class::Time) => TIME_FIELDS,
        Some(Class::Duration) => DURATION_FIELDS,
        _ => &[],
    }
}

impl Heap {
    pub(super) fn time(&mut self, moment: Moment) -> Value {
        self.other(Other::Time(Box::new(moment)))
    }

    pub(super) fn moment(&self, value: Value) -> Option<&Moment> {
        match value {
            Value::Other(id) => match self.other_ref(id) {
                Other::Time(moment) => Some(moment),
                _ => None,
            },
            _ => None,
        }
    }

    /// An attribute of a point in time or of a span.
    pub(crate) fn time_attr(&self, value: Value, name: Symbol) -> Option<Value> {
        let name = self.symbol_name(name);
        if let Value::Duration(nanos) = value {
            return span_attr(nanos, name);
        }
        let Moment { time, zone } = self.moment(value)?;
        let civil = Civil::at(*time, zone.offset_at(time.unix()));
        Some(Value::Int(match name {
            "year" => civil.year,
            "month" => civil.month.into(),
            "day" => civil.day.into(),
            "hour" => civil.hour.into(),
            "minute" => civil.minute.into(),
            "second" => civil.second.into(),
            "nanosecond" => civil.nanos.into(),
            "unix" => time.unix(),
            "unix_nano" => time.wrapping_unix_nanos(),
            _ => return None,
        }))
    }

    /// Operators with a point in time or a span on one side; nothing for all others.
    pub(crate) fn time_operator(&mut self, operator: Operator, a: Value, b: Value) -> Result<Option<Value>> {
        let moment = match (operator, self.moment(a), a, self.moment(b), b) {
            (Operator::Add, Some(moment), _, _, Value::Duration(span)) => moment.shifted(span.into()),
            (Operator::Add, _, Value::Duration(span), Some(moment), _) => moment.shifted(span.into()),
            (Operator::Sub, Some(moment), _, _, Value::Duration(span)) => moment.shifted(-i128::from(span)),
            (Operator::Sub, Some(left), _, Some(right), _) => {
                let span = (left.nanos() - right.nanos()).clamp(i64::MIN.into(), i64::MAX.into());
                return Ok(Some(Value::Duration(span as i64)));
            }
            _ => return span_operator(operator, a, b),
        };
        Ok(Some(self.time(moment)))
    }
}

fn span_attr(nanos: i64, name: &str) -> Option<Value> {
    // The whole units apart from the rest, which loses less.
    let float = |unit: i64| Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64);
    Some(match name {
        "hours" => float(duration::HOUR),
        "minutes" => float(duration::MINUTE),
        "seconds" => float(duration::SECOND),
        "milliseconds" => Value::Int(nanos / 1_000_000),
        "microseconds" => Value::Int(nanos / 1_000),
        "nanoseconds" => Value::Int(nanos),
        _ => return None,
    })
}

fn span_operator(operator: Operator, a: Value, b: Value) -> Result<Option<Value>> {
    use Operator::{Add, Div, FloorDiv, Mul, Sub};
    Ok(Some(match (operator, a, b) {
        (Add, Value::Duration(a), Value::Duration(b)) => Value::Duration(a.wrapping_add(b)),
        (Sub, Value::Duration(a), Value::Duration(b)) => Value::Duration(a.wrapping_sub(b)),
        (Div | FloorDiv, Value::Duration(_), Value::Duration(0) | Value::Int(0)) => fail!("division by zero"),
        (Div, Value::Duration(_), Value::Float(0.0)) => fail!("division by zero"),
        (Div, Value::Duration(a), Value::Duration(b)) => Value::Float(a as f64 / b as f64),
        (FloorDiv, Value::Duration(a), Value::Duration(b)) => Value::Int(a.wrapping_div(b)),
        (Div | FloorDiv, Value::Duration(a), Value::Int(b)) => Value::Duration(a.wrapping_div(b)),
        (Div, Value::Duration(a), Value::Float(b)) => Value::Duration((a as f64 / b) as i64),
        (Mul, Value::Duration(a), Value::Int(b)) | (Mul, Value::Int(a), Value::Duration(b)) => {
            Value::Duration(a.wrapping_mul(b))
        }
        _ => return Ok(None),
    }))
}
