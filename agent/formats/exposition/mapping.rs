//! How families become metrics, in both versions.

use agent_api::*;
use agent_golang::number::{FloatStyle, format_float};

/// The two ways of Telegraf; see the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

impl Version {
    /// The value of an option; 0 stands for the default of parsers.
    pub(crate) fn numbered(option: &str, number: u8) -> Result<Self> {
        match number {
            1 => Ok(Version::One),
            0 | 2 => Ok(Version::Two),
            other => bail!("{option}: {other} is none of 1, 2"),
        }
    }
}

/// How metrics are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub(crate) version: Version,
    /// The name of all metrics in version 2.
    pub(crate) name: &'static str,
}

/// A histogram or summary.
#[derive(Clone, Debug)]
pub(crate) struct Spread<'a> {
    /// One of the two.
    pub(crate) kind: Kind,
    pub(crate) count: f64,
    pub(crate) sum: Option<f64>,
    /// When it began, in seconds since the Unix epoch.
    pub(crate) created: Option<f64>,
    /// Upper bound and cumulated count of each bucket, or quantile and value.
    pub(crate) points: &'a [(f64, f64)],
    /// In nanoseconds since the Unix epoch; without one the metric gets the time of reading.
    pub(crate) time: Option<i64>,
}

/// The field of a number in version 1.
pub(crate) fn field_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        _ => "value",
    }
}

impl Mapping {
    /// Adds a counter, a gauge or a number of unknown type. One that is no number says that there is none.
    pub(crate) fn number<K: AsRef<str>, V: AsRef<str>>(
        &self,
        family: &str,
        kind: Kind,
        labels: impl IntoIterator<Item = (K, V)>,
        value: f64,
        time: Option<i64>,
        to: &mut Batch,
    ) {
        if value.is_nan() {
            return;
        }
        let (name, field) = match self.version {
            Version::One => (family, field_of(kind)),
            Version::Two => (self.name, family),
        };
        add(to.metric(name).tags(labels).kind(kind).field(field, value), time);
    }

    /// Adds a histogram or summary.
    pub(crate) fn spread<K: AsRef<str>, V: AsRef<str>>(
        &self,
        family: &str,
        labels: &[(K, V)],
        spread: &Spread<'_>,
        to: &mut Batch,
    ) {
        let tags = || labels.iter().map(|(k, v)| (k, v));
        let parts = [("count", Some(spread.count)), ("sum", spread.sum), ("created", spread.created)];
        let parts = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        if self.version == Version::One {
            let mut m = to.metric(family).tags(tags()).kind(spread.kind);
            for (name, value) in parts {
                m.add_field(name, value);
            }
            for (at, value) in spread.points.iter().filter(|p| !p.1.is_nan()) {
                m.add_field(&format_float(*at, FloatStyle::Shortest, None), *value);
            }
            return add(m, spread.time);
        }
        let mut m = to.metric(self.name).tags(tags()).kind(spread.kind);
        for (name, value) in parts {
            m.add_field(&format!("{family}_{name}"), value);
        }
        add(m, spread.time);
        let histogram = spread.kind == Kind::Histogram;
        let bucket = format!("{family}_bucket");
        let (tag, field) = if histogram { ("le", bucket.as_str()) } else { ("quantile", family) };
        // A histogram needs the bucket that holds all; it is as large as the count.
        let open = histogram && !spread.points.iter().any(|p| p.0 == f64::INFINITY);
        for (at, value) in spread.points.iter().copied().chain(open.then_some((f64::INFINITY, spread.count))) {
            let at = format_float(at, FloatStyle::Shortest, None);
            add(to.metric(self.name).tags(tags()).tag(tag, &at).kind(spread.kind).field(field, value), spread.time);
        }
    }
}

/// Adds a metric with its time.
pub(crate) fn add(metric: Builder<'_>, time: Option<i64>) {
    let _added = match time {
        Some(time) => metric.time(time),
        None => metric,
    };
}
