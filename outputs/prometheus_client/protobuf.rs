//! Protocol buffers: a message `io.prometheus.client.MetricFamily` a family, each with its length before it. Written by hand,
//! as a handful of fields needs no generated code (protobuf.dev/programming-guides/encoding; prometheus/client_model).

use agent_api::Kind;
use agent_formats::exposition::text::{Family, Point, Row, Spread};

/// Appends a family.
pub(super) fn family(family: &Family<'_>, out: &mut Vec<u8>) {
    let mut message = Vec::new();
    bytes(1, family.name.as_bytes(), &mut message);
    bytes(2, family.help.as_bytes(), &mut message);
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Untyped => 3,
        Kind::Histogram => 4,
    };
    number(3, kind, &mut message);
    for row in &family.rows {
        bytes(4, &metric(row, family.kind), &mut message);
    }
    varint(message.len() as u64, out);
    out.extend_from_slice(&message);
}

fn metric(row: &Row<'_>, kind: Kind) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &row.labels {
        let mut pair = Vec::new();
        bytes(1, name.as_bytes(), &mut pair);
        bytes(2, value.as_bytes(), &mut pair);
        bytes(1, &pair, &mut out);
    }
    let mut value = Vec::new();
    let field = match (row.point, kind) {
        (Point::Number(v), kind) => {
            double(1, *v, &mut value);
            match kind {
                Kind::Gauge => 2,
                Kind::Counter => 3,
                _ => 5,
            }
        }
        (Point::Spread(spread), Kind::Histogram) => {
            points(spread, &mut value, |at, count, out| {
                number(1, count as u64, out);
                double(2, at, out);
            });
            7
        }
        (Point::Spread(spread), _) => {
            points(spread, &mut value, |at, quantile, out| {
                double(1, at, out);
                double(2, quantile, out);
            });
            4
        }
    };
    bytes(field, &value, &mut out);
    if let Some(time) = row.time {
        number(6, time as u64, &mut out);
    }
    out
}

/// Count, sum and points: summaries and histograms number them alike.
fn points(spread: &Spread, out: &mut Vec<u8>, point: impl Fn(f64, f64, &mut Vec<u8>)) {
    number(1, spread.count, out);
    double(2, spread.sum, out);
    for &(at, value) in &spread.points {
        let mut message = Vec::new();
        point(at, value, &mut message);
        bytes(3, &message, out);
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    varint(value, out);
}

fn double(field: u8, value: f64, out: &mut Vec<u8>) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}
