//! How serializers make series of metrics: each field is one, named after metric and field, with the tags as labels.

use super::names::Sanitization;
use agent_api::{Kind, MetricRef, Value};
use std::borrow::Cow;

/// What a field says of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    /// Its value.
    Number(f64),
    /// A bucket or quantile, and its value.
    Point(f64, f64),
    /// The sum of a histogram or summary.
    Sum(f64),
    /// The count of a histogram or summary.
    Count(u64),
}

/// Reads a field; None if it is no part of what the kind of its metric measures. Histograms and summaries have a metric for each bucket
/// or quantile, as parsers make them with `metric_version` 2.
pub(crate) fn part(metric: MetricRef<'_>, key: &str, value: Value<'_>) -> Option<Part> {
    let histogram = metric.kind() == Kind::Histogram;
    if !histogram && metric.kind() != Kind::Summary {
        return sample(value).map(Part::Number);
    }
    let at = || agent_golang::number::parse_float(metric.tag(own_label(metric.kind()))?).ok();
    match suffix(key) {
        "_sum" => value.number().map(Part::Sum),
        "_count" => count(value).map(Part::Count),
        "_bucket" if histogram => Some(Part::Point(at()?, count(value)? as f64)),
        _ if histogram => None,
        _ => Some(Part::Point(at()?, sample(value)?)),
    }
}

/// The name of a field's series: that of the family for histograms and summaries. None if no letter of it is good.
pub(crate) fn name<'a>(metric: MetricRef<'a>, key: &'a str, names: Sanitization) -> Option<Cow<'a, str>> {
    let stem = match metric.kind() {
        Kind::Histogram | Kind::Summary => &key[..key.len() - suffix(key).len()],
        _ => key,
    };
    match metric.name() {
        "prometheus" => names.metric(stem),
        name => {
            let full = format!("{name}_{stem}");
            names.metric(&full).map(|fitted| Cow::Owned(fitted.into_owned()))
        }
    }
}

/// The labels: tags in the order of their keys, and the texts among the fields if they are wanted. A tag goes before a text.
pub(crate) fn labels(metric: MetricRef<'_>, names: Sanitization, texts: bool) -> Vec<(Cow<'_, str>, &str)> {
    let own = own_label(metric.kind());
    let mut labels: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(metric.tags().len() + 1);
    let tags = metric.tags().filter(|(key, _)| *key != own);
    let fields = metric.fields().filter_map(|(key, value)| match value {
        Value::Str(text) if texts => Some((key, text)),
        _ => None,
    });
    let before = tags.clone().count();
    for (i, (key, value)) in tags.chain(fields).enumerate() {
        let Some(name) = names.label(key) else { continue };
        // Keys that are good as they are differ; others may have become alike.
        let fresh = i < before && matches!(name, Cow::Borrowed(_));
        if fresh || !labels.iter().any(|l| l.0 == name) {
            labels.push((name, value));
        }
        if i >= before {
            labels.sort_by(|a, b| a.0.cmp(&b.0));
        }
    }
    labels
}

/// The label that tells buckets or quantiles apart; no tag is named so where there is none.
fn own_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Histogram => "le",
        Kind::Summary => "quantile",
        _ => "",
    }
}

fn suffix(key: &str) -> &'static str {
    ["_bucket", "_sum", "_count"].into_iter().find(|end| key.ends_with(end)).unwrap_or_default()
}

/// A value; booleans are 0 and 1.
fn sample(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Bool(v) => Some(f64::from(u8::from(v))),
        other => other.number(),
    }
}

/// A count, which is never negative.
fn count(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Uint(v) => Some(v),
        Value::Int(v) => u64::try_from(v).ok(),
        Value::Float(v) if v >= 0.0 => Some(v as u64),
        _ => None,
    }
}
