//! Reading: each sample is a metric; native histograms are one or several by the version.

use super::histogram::Histogram;
use crate::wire::{Malformed, Message};
use agent_api::*;
use agent_golang::number::{FloatStyle, format_float};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<RemoteWrite>());

/// How metrics are made of a request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How metrics are made. 1: a metric is named after the series, with a field `value`; a native histogram is one metric. 2, the default: all
    /// metrics are named `prometheus_remote_write`, the field has the name of the series, and every bucket is a metric.
    prometheus_metric_version: u8,
}

/// The parser of remote write.
pub struct RemoteWrite {
    first_version: bool,
}

impl Plugin for RemoteWrite {
    const NAME: &'static str = "prometheusremotewrite";
    const ABOUT: &'static str = "What Prometheus sends by remote write.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let version = settings.prometheus_metric_version;
        ensure!(version < 3, "prometheus_metric_version: {version} is none of 1, 2");
        Ok(RemoteWrite { first_version: version == 1 })
    }
}

/// The name of all metrics in version 2.
const NAME: &str = "prometheus_remote_write";

impl Parser for RemoteWrite {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let mut request = Message::new(body.bytes());
        let mut errors = ParseError::default();
        loop {
            match request.next() {
                Ok(None) => return errors.or_ok(),
                Ok(Some((1, series))) => {
                    if let Err(cause) = series.message().and_then(|series| self.series(series, out)) {
                        errors.add(0, "", cause);
                    }
                }
                Ok(Some(_)) => {}
                // Nobody knows where the next series begins.
                Err(cause) => {
                    errors.add(0, "", cause);
                    return Err(errors);
                }
            }
        }
    }
}

impl RemoteWrite {
    fn series(&self, message: Message<'_>, out: &mut Collector) -> Result<(), Malformed> {
        let (mut name, mut labels, mut fields) = ("", Vec::new(), message);
        while let Some((field, value)) = fields.next()? {
            if field == 1 {
                match label(value.message()?)? {
                    ("__name__", value) => name = value,
                    pair => labels.push(pair),
                }
            }
        }
        if name.is_empty() {
            return Err("a series has no name");
        }
        let mut fields = message;
        while let Some((field, value)) = fields.next()? {
            match field {
                2 => self.sample(value.message()?, name, &labels, out.batch())?,
                4 => self.histogram(&Histogram::read(value.message()?)?, name, &labels, out.batch()),
                _ => {}
            }
            out.checkpoint();
        }
        Ok(())
    }

    fn sample(
        &self,
        mut message: Message<'_>,
        name: &str,
        labels: &[(&str, &str)],
        to: &mut Batch,
    ) -> Result<(), Malformed> {
        let (mut value, mut time) = (0.0, 0);
        while let Some((field, wire)) = message.next()? {
            match field {
                1 => value = wire.double()?,
                2 => time = wire.signed()?,
                _ => {}
            }
        }
        // This is also how the end of a series is marked.
        if value.is_nan() {
            return Ok(());
        }
        let (measurement, field) = if self.first_version { (name, "value") } else { (NAME, name) };
        add(to.metric(measurement).tags(labels.iter().copied()).field(field, value), time);
        Ok(())
    }

    fn histogram(&self, histogram: &Histogram, name: &str, labels: &[(&str, &str)], to: &mut Batch) {
        let buckets = histogram.buckets();
        if !self.first_version {
            for (end, value) in [("sum", histogram.sum), ("count", histogram.count)] {
                let metric = to.metric(NAME).tags(labels.iter().copied()).kind(Kind::Untyped);
                add(metric.field(&format!("{name}_{end}"), value), histogram.time);
            }
            let tag = format!("{name}_le");
            for (upper, count) in buckets {
                let metric = to.metric(NAME).tag(&tag, &format_float(upper, FloatStyle::Shortest, None));
                add(metric.tags(labels.iter().copied()).field(name, count), histogram.time);
            }
            return;
        }
        let mut metric = to
            .metric(name)
            .tags(labels.iter().copied())
            .kind(Kind::Histogram)
            .field("counter_reset_hint", histogram.reset_hint)
            .field("schema", histogram.schema)
            .field("zero_threshold", histogram.zero_threshold)
            .field("zero_count", histogram.zero_count)
            .field("count", histogram.count)
            .field("sum", histogram.sum);
        for (upper, count) in buckets {
            metric.add_field(&format_float(upper, FloatStyle::Shortest, None), count);
        }
        for (side, half) in [("positive", &histogram.positive), ("negative", &histogram.negative)] {
            for (i, (offset, length)) in half.spans.iter().enumerate() {
                metric.add_field(&format!("{side}_span_{i}_offset"), *offset);
                metric.add_field(&format!("{side}_span_{i}_length"), *length);
            }
            for (i, count) in half.counts.iter().enumerate() {
                metric.add_field(&format!("{side}_bucket_{i}"), *count);
            }
        }
        add(metric, histogram.time);
    }
}

/// Adds a metric with its time in milliseconds since the Unix epoch; without one it gets the time of reading.
fn add(metric: Builder<'_>, millis: i64) {
    let _added = match millis.checked_mul(1_000_000) {
        Some(time) if time > 0 => metric.time(time),
        _ => metric,
    };
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
