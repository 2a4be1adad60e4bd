//! The body of a request: a series with one point for every number.

use agent_api::*;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use std::borrow::Cow;
use std::time::Duration;

#[derive(Serialize)]
struct Series<'a> {
    metric: Cow<'a, str>,
    points: [(i64, f64); 1],
    host: &'a str,
    #[serde(rename = "type", skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    interval: u64,
}

/// Appends the body; false if there is nothing to send.
pub(super) fn write(metrics: &Chunk, rate_interval: Duration, out: &mut Vec<u8>) -> Result<bool> {
    let any = metrics.iter().any(|metric| metric.fields().any(|(_, value)| number(value).is_some()));
    if any {
        out.extend_from_slice(b"{\"series\":");
        all(metrics, rate_interval, &mut serde_json::Serializer::new(&mut *out)).context("write the body")?;
        out.push(b'}');
    }
    Ok(any)
}

fn all<S: Serializer>(metrics: &Chunk, rate_interval: Duration, out: S) -> std::result::Result<S::Ok, S::Error> {
    let mut list = out.serialize_seq(None)?;
    for metric in metrics.iter() {
        let tags: Vec<String> = metric.tags().map(|(key, value)| format!("{key}:{value}")).collect();
        for (key, value) in metric.fields() {
            let Some(mut value) = number(value) else { continue };
            let (mut kind, mut interval) = match metric.kind() {
                Kind::Counter => ("count", 1),
                Kind::Gauge => ("gauge", 1),
                _ => ("", 1),
            };
            let countable = matches!(metric.kind(), Kind::Counter | Kind::Untyped);
            if countable && !rate_interval.is_zero() && is_count(metric, key) {
                value /= rate_interval.as_secs_f64();
                (kind, interval) = ("rate", rate_interval.as_secs());
            }
            let name = match key {
                "value" => Cow::Borrowed(metric.name()),
                _ => Cow::Owned(format!("{}.{key}", metric.name())),
            };
            let host = metric.tag("host").unwrap_or_default();
            let points = [(metric.time().div_euclid(1_000_000_000), value)];
            list.serialize_element(&Series { metric: name, points, host, kind, tags: &tags, interval })?;
        }
    }
    list.end()
}

/// The value as Datadog takes it: numbers, and booleans as 0 and 1.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Bool(v) => Some(f64::from(u8::from(v))),
        other => other.number().filter(|v| v.is_finite()),
    }
}

/// True for what `inputs.statsd` has counted.
fn is_count(metric: MetricRef<'_>, field: &str) -> bool {
    match metric.tag("metric_type") {
        Some("counter") => true,
        Some("timing" | "histogram") => field == "count",
        _ => false,
    }
}
