//! Reading protocol buffers: messages `io.prometheus.client.MetricFamily`, each with its length before it.

use crate::exposition::mapping::{Mapping, Spread};
use crate::wire::{Malformed, Message, Wire, varint};
use agent_api::*;

/// True if the document begins with a whole message behind its length: a name, metrics, and nothing but fields that a family has. The begin of
/// a text is none: its first bytes would have to be lengths that fit, and what follows fields.
pub(super) fn is_delimited(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let len = varint(&mut rest).and_then(|len| usize::try_from(len).ok());
    let Some((family, _)) = len.and_then(|len| rest.split_at_checked(len)) else { return false };
    let mut fields = Message::new(family);
    let Ok(Some((1, Wire::Bytes(name)))) = fields.next() else { return false };
    let mut metrics = false;
    loop {
        match fields.next() {
            Ok(None) => return metrics && !name.is_empty() && !name.contains(&b'\n'),
            Ok(Some((4, Wire::Bytes(_)))) => metrics = true,
            Ok(Some((2 | 5, Wire::Bytes(_)) | (3, Wire::Varint(_)))) => {}
            _ => return false,
        }
    }
}

/// Adds the metrics of a document. What is malformed ends it, as nobody knows where the next message begins.
pub(super) fn parse(bytes: &[u8], mapping: &Mapping, times: bool, out: &mut Collector) -> Result<(), ParseError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let family = varint(&mut rest)
            .and_then(|len| rest.split_at_checked(usize::try_from(len).ok()?))
            .ok_or("the document ends within a message");
        let family = match family {
            Ok((family, behind)) => {
                rest = behind;
                family
            }
            Err(cause) => return Err(ParseError::whole(cause)),
        };
        if let Err(cause) = read(Message::new(family), mapping, times, out) {
            return Err(ParseError::whole(cause));
        }
    }
    Ok(())
}

fn read(family: Message<'_>, mapping: &Mapping, times: bool, out: &mut Collector) -> Result<(), Malformed> {
    let (mut name, mut kind, mut fields) = ("", None, family);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => name = value.text()?,
            3 => kind = Some(value.number()?),
            _ => {}
        }
    }
    let kind = match kind {
        Some(0) | None => Kind::Counter,
        Some(1) => Kind::Gauge,
        Some(2) => Kind::Summary,
        Some(4 | 5) => Kind::Histogram,
        Some(_) => Kind::Untyped,
    };
    let mut fields = family;
    while let Some((field, value)) = fields.next()? {
        if field == 4 {
            metric(value.message()?, name, kind, mapping, times, out.batch())?;
            out.checkpoint();
        }
    }
    Ok(())
}

fn metric(
    mut message: Message<'_>,
    name: &str,
    kind: Kind,
    mapping: &Mapping,
    times: bool,
    to: &mut Batch,
) -> Result<(), Malformed> {
    let wanted = match kind {
        Kind::Gauge => 2,
        Kind::Counter => 3,
        Kind::Summary => 4,
        Kind::Untyped => 5,
        Kind::Histogram => 7,
    };
    let (mut labels, mut time, mut value) = (Vec::new(), None, None);
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => labels.push(label(wire.message()?)?),
            6 => time = Some(wire.signed()?).filter(|t| times && *t > 0),
            field if field == wanted => value = Some(wire.message()?),
            _ => {}
        }
    }
    labels.retain(|l| !l.1.is_empty());
    let time = time.and_then(|t| t.checked_mul(1_000_000));
    let Some(mut value) = value else { return Ok(()) };
    if !matches!(kind, Kind::Summary | Kind::Histogram) {
        let mut number = 0.0;
        while let Some((field, wire)) = value.next()? {
            if field == 1 {
                number = wire.double()?;
            }
        }
        mapping.number(name, kind, labels, number, time, to);
        return Ok(());
    }
    let (mut count, mut float_count, mut sum, mut points) = (0, None, 0.0, Vec::new());
    while let Some((field, wire)) = value.next()? {
        match field {
            1 => count = wire.number()?,
            2 => sum = wire.double()?,
            3 => points.push(point(wire.message()?, kind)?),
            4 if kind == Kind::Histogram => float_count = Some(wire.double()?),
            _ => {}
        }
    }
    let count = float_count.filter(|_| count == 0).unwrap_or(count as f64);
    let spread = Spread { kind, count, sum: Some(sum), created: None, points: &points, time };
    mapping.spread(name, &labels, &spread, to);
    Ok(())
}

fn label<'a>(mut message: Message<'a>) -> Result<(&'a str, &'a str), Malformed> {
    let (mut name, mut value) = ("", "");
    while let Some((field, wire)) = message.next()? {
        match field {
            1 => name = wire.text()?,
            2 => value = wire.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// A quantile with its value, or the upper bound of a bucket with its count.
fn point(mut message: Message<'_>, kind: Kind) -> Result<(f64, f64), Malformed> {
    let (mut at, mut value, mut float) = (0.0, 0.0, None);
    while let Some((field, wire)) = message.next()? {
        match (kind, field) {
            (Kind::Histogram, 1) => value = wire.number()? as f64,
            (Kind::Histogram, 2) | (Kind::Summary, 1) => at = wire.double()?,
            (Kind::Histogram, 4) => float = Some(wire.double()?),
            (Kind::Summary, 2) => value = wire.double()?,
            _ => {}
        }
    }
    Ok((at, float.filter(|_| value == 0.0).unwrap_or(value)))
}
