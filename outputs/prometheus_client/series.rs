//! Metrics as series: the two ways in which Telegraf maps them, `metric_version` 1 and 2.
//!
//! Version 1 takes a histogram or summary as one metric whose fields are the buckets or quantiles (`0.5`, `sum`, `count`);
//! version 2 takes it as several metrics with a tag `le` or `quantile`, as the parser of the same version gives them.

use super::table::{Identity, Table, push_label};
use agent_api::{Chunk, Kind, MetricRef, Result, Value};
use agent_formats::exposition::names::Sanitization;
use agent_formats::exposition::text::{Point, Spread};
use agent_golang::glob::Filter;
use agent_golang::number::parse_float;
use std::borrow::Cow;
use std::time::Instant;

/// How metrics become series.
pub(super) struct Mapping {
    /// 1 or 2.
    pub(super) version: u8,
    /// Whether text fields become labels.
    pub(super) strings: bool,
    /// What names have to be like.
    pub(super) names: Sanitization,
    counters: Filter,
    gauges: Filter,
}

impl Mapping {
    /// `counters` and `gauges` are patterns of names.
    pub(super) fn new(version: u8, strings: bool, names: Sanitization, kinds: [&[String]; 2]) -> Result<Self> {
        let [counters, gauges] = kinds;
        let (counters, gauges) = (Filter::compile(counters, &[])?, Filter::compile(gauges, &[])?);
        Ok(Mapping { version, strings, names, counters, gauges })
    }

    /// Takes metrics in, older ones first, and gives the number of values that were left out for want of room or for
    /// their kind.
    pub(super) fn add(&self, metrics: &Chunk, table: &mut Table, now: Instant) -> usize {
        let mut sorted: Vec<MetricRef<'_>> = metrics.iter().collect();
        sorted.sort_by_key(|m| m.time());
        let mut left_out = 0;
        for metric in sorted {
            let Some(who) = self.identity(metric) else { continue };
            let mut sink = Sink { mapping: self, table: &mut *table, metric, who, now, left_out: 0 };
            match (self.version, metric.kind()) {
                (1, Kind::Histogram | Kind::Summary) => sink.spread_by_fields(),
                (1, _) => sink.numbers(),
                (_, Kind::Histogram | Kind::Summary) => sink.spread_by_tag(),
                _ => sink.numbers(),
            }
            left_out += sink.left_out;
        }
        left_out
    }

    /// The labels; None if one of them is reserved (`__name__` and the like), as no reader would take the series.
    fn identity(&self, metric: MetricRef<'_>) -> Option<Identity> {
        let own = match (self.version, metric.kind()) {
            (2, Kind::Histogram) => "le",
            (2, Kind::Summary) => "quantile",
            _ => "",
        };
        let mut pairs: Vec<(Cow<'_, str>, &str)> = Vec::new();
        for (key, value) in metric.tags().filter(|(k, _)| *k != own) {
            if let Some(name) = self.names.label(key) {
                pairs.push((name, value));
            }
        }
        for (key, value) in metric.fields().filter(|_| self.strings) {
            let (Value::Str(text), Some(name)) = (value, self.names.label(key)) else { continue };
            match pairs[..].iter_mut().find(|p| p.0 == name) {
                // Version 1 prefers the field, version 2 the tag.
                Some(pair) if self.version == 1 => pair.1 = text,
                Some(_) => {}
                None => pairs.push((name, text)),
            }
        }
        if pairs.iter().any(|(name, _)| name.starts_with("__")) {
            return None;
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        let shown = encode(pairs.iter().map(|(k, v)| (&**k, *v)));
        // In version 1 a text is not what tells a series, so one that changes does not begin another.
        Some(match self.version {
            1 => Identity::with_key(encode(metric.tags()), shown),
            _ => Identity::new(shown),
        })
    }

    /// The kind that the user wants for a name.
    fn kind(&self, name: &str, kind: Kind) -> Kind {
        match kind {
            Kind::Histogram | Kind::Summary => kind,
            _ if self.gauges.is_match(name) => Kind::Gauge,
            _ if self.counters.is_match(name) => Kind::Counter,
            _ => kind,
        }
    }
}

fn encode<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = Vec::new();
    labels.for_each(|(name, value)| push_label(&mut out, name, value));
    out
}

/// Where the values of one metric go.
struct Sink<'a> {
    mapping: &'a Mapping,
    table: &'a mut Table,
    metric: MetricRef<'a>,
    who: Identity,
    now: Instant,
    left_out: usize,
}

impl Sink<'_> {
    fn point(&mut self, name: &str, kind: Kind) -> Option<&mut Point> {
        let point = self.table.point(name, kind, &self.who, self.metric.time(), self.now);
        self.left_out += usize::from(point.is_none());
        point
    }

    /// Every field is a series of its own.
    fn numbers(&mut self) {
        let (name, kind, first) = (self.metric.name(), self.metric.kind(), self.mapping.version == 1);
        for (key, value) in self.metric.fields() {
            let number = match value {
                Value::Bool(b) if !first => f64::from(u8::from(b)),
                other => match other.number() {
                    Some(number) => number,
                    None => continue,
                },
            };
            let bare = first
                && match kind {
                    Kind::Counter => key == "counter" || key == "value",
                    Kind::Gauge => key == "gauge" || key == "value",
                    _ => key == "value",
                };
            let full = match bare {
                true => Cow::Borrowed(name),
                false if !first && name == "prometheus" => Cow::Borrowed(key),
                false => Cow::Owned(format!("{name}_{key}")),
            };
            let Some(full) = self.mapping.names.metric(&full) else { continue };
            let kind = self.mapping.kind(&full, kind);
            if let Some(Point::Number(old)) = self.point(&full, kind) {
                *old = number;
            }
        }
    }

    /// Version 1: the metric is the whole histogram or summary.
    fn spread_by_fields(&mut self) {
        let metric = self.metric;
        let is_part = |key: &str| matches!(key, "sum" | "count") || parse_float(key).is_ok();
        if !metric.fields().any(|(key, value)| is_part(key) && value.number().is_some()) {
            // A piece in the form of version 2: shown as a whole it would be empty, with the label `le` twice.
            self.left_out += 1;
            return;
        }
        let Some(name) = self.mapping.names.metric(metric.name()) else { return };
        let Some(Point::Spread(spread)) = self.point(&name, metric.kind()) else { return };
        **spread = Spread::default();
        for (key, value) in metric.fields() {
            let Some(number) = value.number() else { continue };
            match (key, parse_float(key)) {
                ("sum", _) => spread.sum = number,
                ("count", _) => spread.count = number as u64,
                (_, Ok(at)) => spread.set(at, number),
                _ => {}
            }
        }
    }

    /// Version 2: the metric is a bucket, a quantile, or sum and count.
    fn spread_by_tag(&mut self) {
        let (metric, kind) = (self.metric, self.metric.kind());
        let tag = if kind == Kind::Histogram { "le" } else { "quantile" };
        let at = metric.tag(tag).and_then(|text| parse_float(text).ok());
        for (key, value) in metric.fields() {
            let Some(number) = value.number() else { continue };
            let part = ["_bucket", "_sum", "_count"].into_iter().find(|end| key.ends_with(end)).unwrap_or_default();
            let stem = &key[..key.len() - part.len()];
            // A count is never negative; a histogram has no other fields, and of a summary they are quantiles.
            let wanted = match part {
                "_sum" => true,
                "_count" => number >= 0.0,
                "_bucket" => kind == Kind::Histogram && number >= 0.0 && at.is_some(),
                _ => kind == Kind::Summary && at.is_some(),
            };
            let full = match metric.name() {
                "prometheus" => Cow::Borrowed(stem),
                name => Cow::Owned(format!("{name}_{stem}")),
            };
            let Some(full) = self.mapping.names.metric(&full).filter(|_| wanted) else { continue };
            let Some(Point::Spread(spread)) = self.point(&full, kind) else { continue };
            match (part, at) {
                ("_sum", _) => spread.sum = number,
                ("_count", _) => spread.count = number as u64,
                (_, Some(at)) => spread.set(at, number),
                _ => {}
            }
        }
    }
}
