//! Reading protocol buffers: one message `openmetrics.MetricSet`.

use super::family::{Family, Point, Type};
use crate::exposition::mapping::Mapping;
use crate::exposition::sample::Text;
use crate::wire::{Malformed, Message, Wire};
use agent_api::Batch;
use std::borrow::Cow;

/// True if the document begins with a family that begins with its name. No text begins with a line feed.
pub(super) fn is_metric_set(bytes: &[u8]) -> bool {
    let Ok(Some((1, Wire::Bytes(family)))) = Message::new(bytes).next() else { return false };
    matches!(Message::new(family).next(), Ok(Some((1, Wire::Bytes(_)))))
}

/// Adds the metrics of a document; with an error some may have been added.
pub(super) fn parse(bytes: &[u8], mapping: &Mapping, times: bool, to: &mut Batch) -> Result<(), Malformed> {
    let mut set = Message::new(bytes);
    while let Some((field, value)) = set.next()? {
        if field == 1 {
            family(value.message()?, mapping, times, to)?;
        }
    }
    Ok(())
}

fn family(message: Message<'_>, mapping: &Mapping, times: bool, to: &mut Batch) -> Result<(), Malformed> {
    let (mut family, mut fields) = (Family::default(), message);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => family.name = Cow::Borrowed(value.text()?),
            2 => {
                family.kind = match value.number()? {
                    1 => Type::Gauge,
                    2 => Type::Counter,
                    3 => Type::StateSet,
                    4 => Type::Info,
                    5 => Type::Histogram,
                    6 => Type::GaugeHistogram,
                    7 => Type::Summary,
                    _ => Type::Unknown,
                }
            }
            3 => family.unit = value.text()?,
            _ => {}
        }
    }
    let mut fields = message;
    while let Some((field, value)) = fields.next()? {
        if field == 5 {
            metric(value.message()?, &family, mapping, times, to)?;
        }
    }
    Ok(())
}

fn metric(
    message: Message<'_>,
    family: &Family<'_>,
    mapping: &Mapping,
    times: bool,
    to: &mut Batch,
) -> Result<(), Malformed> {
    let (mut labels, mut fields) = (Vec::new(), message);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            labels.push(label(value.message()?)?);
        }
    }
    let mut fields = message;
    while let Some((field, value)) = fields.next()? {
        if field == 2 {
            let mut point = Point { labels: labels.clone(), ..Point::default() };
            read_point(value.message()?, family.kind, &mut point)?;
            point.time = point.time.filter(|_| times);
            family.add(&point, mapping, to);
        }
    }
    Ok(())
}

fn label<'a>(mut message: Message<'a>) -> Result<(Text<'a>, Text<'a>), Malformed> {
    let (mut name, mut value) = ("", "");
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => name = wire.text()?,
            2 => value = wire.text()?,
            _ => {}
        }
    }
    Ok((Cow::Borrowed(name), Cow::Borrowed(value)))
}

fn read_point<'a>(mut message: Message<'a>, kind: Type, point: &mut Point<'a>) -> Result<(), Malformed> {
    while let Some((field, wire)) = message.next()? {
        match (field, kind) {
            (1, Type::Unknown) | (2, Type::Gauge) | (3, Type::Counter) => {
                let mut value = wire.message()?;
                while let Some((field, wire)) = value.next()? {
                    if let 1 | 2 = field {
                        point.value = Some(float(wire)?);
                    }
                }
            }
            (4, Type::Histogram | Type::GaugeHistogram) | (7, Type::Summary) => spread(wire.message()?, kind, point)?,
            (5, Type::StateSet) => {
                let mut states = wire.message()?;
                while let Some((field, wire)) = states.next()? {
                    if field == 1 {
                        point.states.push(state(wire.message()?)?);
                    }
                }
            }
            (6, Type::Info) => {
                let mut labels = wire.message()?;
                while let Some((field, wire)) = labels.next()? {
                    if field == 1 {
                        point.labels.push(label(wire.message()?)?);
                    }
                }
            }
            (8, _) => {
                let (seconds, nanos) = timestamp(wire.message()?)?;
                point.time = seconds.checked_mul(1_000_000_000).and_then(|t| t.checked_add(nanos));
            }
            _ => {}
        }
    }
    Ok(())
}

fn spread(mut message: Message<'_>, kind: Type, point: &mut Point<'_>) -> Result<(), Malformed> {
    while let Some((field, wire)) = message.next()? {
        match field {
            1 | 2 => point.sum = Some(float(wire)?),
            3 => point.count = wire.number()? as f64,
            4 => {
                let (seconds, nanos) = timestamp(wire.message()?)?;
                point.created = Some(seconds as f64 + nanos as f64 / 1e9);
            }
            5 => {
                let (mut at, mut value, mut pair) = (0.0, 0.0, wire.message()?);
                while let Some((field, wire)) = pair.next()? {
                    match (field, kind) {
                        (1, Type::Summary) | (2, Type::Histogram | Type::GaugeHistogram) => at = wire.double()?,
                        (1, _) => value = wire.number()? as f64,
                        (2, _) => value = wire.double()?,
                        _ => {}
                    }
                }
                point.points.push((at, value));
            }
            _ => {}
        }
    }
    Ok(())
}

fn state<'a>(mut message: Message<'a>) -> Result<(Text<'a>, bool), Malformed> {
    let (mut on, mut name) = (false, "");
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => on = wire.number()? != 0,
            2 => name = wire.text()?,
            _ => {}
        }
    }
    Ok((Cow::Borrowed(name), on))
}

/// Seconds since the Unix epoch, and nanoseconds behind them.
fn timestamp(mut message: Message<'_>) -> Result<(i64, i64), Malformed> {
    let (mut seconds, mut nanos) = (0, 0);
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => seconds = wire.signed()?,
            2 => nanos = wire.signed()?,
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

/// A number that is a float or whole.
fn float(wire: Wire<'_>) -> Result<f64, Malformed> {
    match wire {
        Wire::Varint(n) => Ok(n as i64 as f64),
        wire => wire.double(),
    }
}
