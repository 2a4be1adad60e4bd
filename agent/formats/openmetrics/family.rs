//! A family and its points, in whichever form they came, and the metrics that are made of them.

use crate::exposition::mapping::{Mapping, Spread, Version, add};
use crate::exposition::sample::Text;
use agent_api::*;

/// What a family measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Type {
    #[default]
    Unknown,
    Gauge,
    Counter,
    StateSet,
    Info,
    Histogram,
    GaugeHistogram,
    Summary,
}

/// A family.
#[derive(Default)]
pub(super) struct Family<'a> {
    pub(super) name: Text<'a>,
    pub(super) kind: Type,
    pub(super) unit: &'a str,
}

/// What was measured at one time for one set of labels.
#[derive(Default)]
pub(super) struct Point<'a> {
    /// Without those that tell buckets, quantiles and states apart.
    pub(super) labels: Vec<(Text<'a>, Text<'a>)>,
    /// In nanoseconds since the Unix epoch.
    pub(super) time: Option<i64>,
    /// Of a counter, gauge or unknown family.
    pub(super) value: Option<f64>,
    pub(super) count: f64,
    pub(super) sum: Option<f64>,
    /// In seconds since the Unix epoch.
    pub(super) created: Option<f64>,
    /// Upper bound and cumulated count of each bucket, or quantile and value.
    pub(super) points: Vec<(f64, f64)>,
    /// Name of each state, and whether it is on.
    pub(super) states: Vec<(Text<'a>, bool)>,
}

impl Family<'_> {
    /// Adds the metrics of a point.
    pub(super) fn add(&self, point: &Point<'_>, mapping: &Mapping, to: &mut Batch) {
        let unit = (!self.unit.is_empty()).then_some(("unit", self.unit));
        let labels = point.labels.iter().map(|(k, v)| (&**k, &**v)).filter(|l| !l.1.is_empty());
        let labels: Vec<(&str, &str)> = labels.chain(unit).collect();
        let number = match self.kind {
            Type::Unknown => Some(Kind::Untyped),
            Type::Gauge => Some(Kind::Gauge),
            Type::Counter => Some(Kind::Counter),
            _ => None,
        };
        let spread = match self.kind {
            Type::Histogram | Type::GaugeHistogram => Some(Kind::Histogram),
            Type::Summary => Some(Kind::Summary),
            _ => None,
        };
        if let (Some(kind), Some(value)) = (number, point.value) {
            mapping.number(&self.name, kind, labels, value, point.time, to);
        } else if let Some(kind) = spread {
            let Point { count, sum, created, ref points, time, .. } = *point;
            mapping.spread(&self.name, &labels, &Spread { kind, count, sum, created, points, time }, to);
        } else if self.kind == Type::StateSet {
            self.states(point, labels, mapping, to);
        } else if self.kind == Type::Info {
            let metric = match mapping.version {
                Version::One => to.metric(&self.name).field("info", 1u64),
                Version::Two => to.metric(mapping.name).field(&format!("{}_info", self.name), 1u64),
            };
            add(metric.tags(labels), point.time);
        }
    }

    /// Adds a set of states: in one metric, or each in its own.
    fn states(&self, point: &Point<'_>, labels: Vec<(&str, &str)>, mapping: &Mapping, to: &mut Batch) {
        let states = point.states.iter().map(|(name, on)| (name.replace(' ', "_"), *on));
        if mapping.version == Version::One {
            let mut metric = to.metric(&self.name).tags(labels);
            for (state, on) in states {
                metric.add_field(&state, on);
            }
            return add(metric, point.time);
        }
        for (state, on) in states {
            let field = format!("{}_{state}", self.name);
            add(to.metric(mapping.name).tags(labels.iter().copied()).field(&field, on), point.time);
        }
    }
}
