//! Writing: the metrics of a batch as families; of several values of one series the newest stays.

use crate::exposition::names::Sanitization;
use crate::exposition::series::{self, Part};
use crate::exposition::text::{self, Family, Point, Row, Spread};
use agent_api::*;
use agent_golang::glob::Filter;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::hash::BuildHasher;

register!(Entry::serializer::<Writer>());

/// How metrics are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Write the time of each value; otherwise readers take the time at which they read.
    prometheus_export_timestamp: bool,
    /// Sort families by name and series by labels.
    prometheus_sort_metrics: bool,
    /// Write text fields as labels; otherwise they are left out.
    prometheus_string_as_label: bool,
    /// Leave the lines `# HELP` out.
    prometheus_compact_encoding: bool,
    /// What names are made to fit: `legacy` (ASCII letters, digits, underscores) or `utf8` (any text, in quotes where need be).
    prometheus_name_sanitization: String,
    /// Patterns of names whose type is not the one of the metric.
    prometheus_metric_types: MetricTypes,
}

/// Patterns of names, as they are written; they do not apply to histograms and summaries.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricTypes {
    /// Names that are counters.
    counter: Vec<String>,
    /// Names that are gauges.
    gauge: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            prometheus_export_timestamp: false,
            prometheus_sort_metrics: false,
            prometheus_string_as_label: false,
            prometheus_compact_encoding: false,
            prometheus_name_sanitization: "legacy".to_owned(),
            prometheus_metric_types: MetricTypes::default(),
        }
    }
}

/// The serializer of pages for Prometheus.
pub struct Writer {
    settings: Settings,
    names: Sanitization,
    counters: Filter,
    gauges: Filter,
}

impl Plugin for Writer {
    const NAME: &'static str = "prometheus";
    const ABOUT: &'static str = "Pages for Prometheus, as text.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let types = &settings.prometheus_metric_types;
        let filter = |patterns: &[String]| Filter::compile(patterns, &[]).context("prometheus_metric_types");
        Ok(Writer {
            names: Sanitization::named("prometheus_name_sanitization", &settings.prometheus_name_sanitization)?,
            counters: filter(&types.counter)?,
            gauges: filter(&types.gauge)?,
            settings,
        })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.page([metric].into_iter(), out);
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        self.page(metrics.iter(), out);
        Ok(())
    }
}

/// The text behind `# HELP`; the words are those that Telegraf's readers know.
const HELP: &str = "Telegraf collected metric";

impl Writer {
    fn page<'m>(&self, metrics: impl Iterator<Item = MetricRef<'m>>, out: &mut Vec<u8>) {
        let mut page = Page::default();
        for metric in metrics {
            let labels = series::labels(metric, self.names, self.settings.prometheus_string_as_label);
            for (key, value) in metric.fields() {
                let (Some(part), Some(name)) =
                    (series::part(metric, key, value), series::name(metric, key, self.names))
                else {
                    continue;
                };
                let kind = self.kind(&name, metric.kind());
                page.family(name, kind).take(&labels, metric.time(), part);
            }
        }
        if self.settings.prometheus_sort_metrics {
            page.sort();
        }
        let help = if self.settings.prometheus_compact_encoding { "" } else { HELP };
        for family in page.families {
            let times = self.settings.prometheus_export_timestamp;
            let rows = family.series.iter().map(|series| Row {
                labels: series.labels.clone(),
                point: &series.point,
                time: times.then_some(series.time / 1_000_000),
            });
            let rows = rows.collect();
            text::family(&Family { name: family.name, help, kind: family.kind, rows }, out);
        }
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

/// Families in the order in which they came.
#[derive(Default)]
struct Page<'m> {
    families: Vec<Collected<'m>>,
    index: HashMap<(Cow<'m, str>, Kind), usize, FixedState>,
}

/// A family on the way.
struct Collected<'m> {
    name: Cow<'m, str>,
    kind: Kind,
    series: Vec<Series<'m>>,
    /// Places in `series` by labels.
    index: HashTable<usize>,
}

struct Series<'m> {
    hash: u64,
    labels: Vec<(Cow<'m, str>, &'m str)>,
    time: i64,
    point: Point,
}

impl<'m> Page<'m> {
    fn family(&mut self, name: Cow<'m, str>, kind: Kind) -> &mut Collected<'m> {
        let families = &mut self.families;
        let place = *self.index.entry((name, kind)).or_insert_with_key(|(name, kind)| {
            let (name, kind) = (name.clone(), *kind);
            families.push(Collected { name, kind, series: Vec::new(), index: HashTable::new() });
            families.len() - 1
        });
        &mut families[place]
    }

    fn sort(&mut self) {
        let rank = |kind| match kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Untyped => 2,
            Kind::Summary => 3,
            Kind::Histogram => 4,
        };
        self.families.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| rank(a.kind).cmp(&rank(b.kind))));
        for family in &mut self.families {
            family.series.sort_by(|a, b| a.labels.len().cmp(&b.labels.len()).then_with(|| a.labels.cmp(&b.labels)));
        }
    }
}

impl<'m> Collected<'m> {
    /// Takes a part of a series in, unless a newer one is there.
    fn take(&mut self, labels: &[(Cow<'m, str>, &'m str)], time: i64, part: Part) {
        let hash = FixedState::with_seed(0).hash_one(labels);
        let series = &mut self.series;
        let place = self.index.find(hash, |&i| series[i].labels == labels).copied().unwrap_or_else(|| {
            let point = match part {
                Part::Number(value) => Point::Number(value),
                _ => Point::Spread(Box::<Spread>::default()),
            };
            series.push(Series { hash, labels: labels.to_vec(), time, point });
            let place = series.len() - 1;
            self.index.insert_unique(hash, place, |&i| series[i].hash);
            place
        });
        let series = &mut series[place];
        if time < series.time {
            return;
        }
        series.time = time;
        match (&mut series.point, part) {
            (Point::Number(old), Part::Number(value)) => *old = value,
            (Point::Spread(spread), Part::Point(at, value)) => spread.set(at, value),
            (Point::Spread(spread), Part::Sum(sum)) => spread.sum = sum,
            (Point::Spread(spread), Part::Count(count)) => spread.count = count,
            // A family has one kind, so its series are alike.
            _ => {}
        }
    }
}
