//! Writing: the samples of a batch by series, as the protocol wants them: labels sorted by name, samples of a series in the order of their times.
//!
//! Labels are written once, as they will stand in the message; whether a series was there already is found by comparing those bytes.
//! Telegraf keeps one sample of a series per batch; here all of different times are kept.

use crate::exposition::names::Sanitization;
use crate::exposition::series::{self, Part};
use crate::wire::{Message, put_bytes, put_double, put_number, put_varint, varint_len};
use agent_api::*;
use agent_golang::number::{FloatStyle, format_float};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

register!(Entry::serializer::<Writer>());

/// How requests are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sort series by number of labels, then by labels.
    prometheus_sort_metrics: bool,
    /// Write text fields as labels; otherwise they are left out.
    prometheus_string_as_label: bool,
}

/// The serializer of remote write.
pub struct Writer {
    settings: Settings,
    request: Request,
    encoder: snap::raw::Encoder,
}

impl Plugin for Writer {
    const NAME: &'static str = "prometheusremotewrite";
    const ABOUT: &'static str = "Requests of Prometheus' remote write, packed by snappy.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Writer { settings, request: Request::default(), encoder: snap::raw::Encoder::new() })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.write([metric].into_iter(), out)
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        self.write(metrics.iter(), out)
    }
}

impl Writer {
    fn write<'m>(&mut self, metrics: impl Iterator<Item = MetricRef<'m>>, out: &mut Vec<u8>) -> Result<()> {
        self.request.clear();
        for metric in metrics {
            self.request.add(metric, self.settings.prometheus_string_as_label);
        }
        let message = self.request.message(self.settings.prometheus_sort_metrics);
        let start = out.len();
        out.resize(start + snap::raw::max_compress_len(message.len()), 0);
        let packed = self.encoder.compress(message, &mut out[start..]).context("pack request")?;
        out.truncate(start + packed);
        Ok(())
    }
}

/// A request on the way; its memory is used again.
#[derive(Default)]
struct Request {
    /// The labels of all series, one behind the other, as they stand in the message.
    labels: Vec<u8>,
    series: Vec<Series>,
    /// Places in `series` by labels.
    index: HashTable<u32>,
    samples: Vec<Sample>,
    /// True if a series has more than one sample.
    several: bool,
    /// Labels of the metric at hand before and behind its name.
    around: [Vec<u8>; 2],
    message: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Series {
    hash: u64,
    from: usize,
    to: usize,
}

#[derive(Clone, Copy)]
struct Sample {
    series: u32,
    millis: i64,
    value: f64,
}

/// The label that holds the name.
const NAME: &str = "__name__";

impl Request {
    fn clear(&mut self) {
        self.labels.clear();
        self.series.clear();
        self.index.clear();
        self.samples.clear();
        self.several = false;
        self.message.clear();
    }

    fn add(&mut self, metric: MetricRef<'_>, texts: bool) {
        let mut labels = series::labels(metric, Sanitization::Legacy, texts);
        if !labels.is_sorted_by(|a, b| a.0 <= b.0) {
            labels.sort_by(|a, b| a.0.cmp(&b.0));
        }
        // A label without a value is none.
        labels.retain(|l| !l.1.is_empty() && l.0 != NAME);
        self.around.iter_mut().for_each(Vec::clear);
        for (name, value) in &labels {
            put_label(name, value, &mut self.around[usize::from(&**name > NAME)]);
        }
        let millis = metric.time().div_euclid(1_000_000);
        for (key, value) in metric.fields() {
            let (Some(part), Some(name)) =
                (series::part(metric, key, value), series::name(metric, key, Sanitization::Legacy))
            else {
                continue;
            };
            let histogram = metric.kind() == Kind::Histogram;
            match part {
                Part::Number(value) => self.sample(&name, millis, value),
                Part::Sum(sum) => self.sample(&format!("{name}_sum"), millis, sum),
                Part::Count(count) => {
                    self.sample(&format!("{name}_count"), millis, count as f64);
                    if histogram {
                        // The bucket that holds all is as large as the count, and some sources leave it out.
                        self.point(&labels, &format!("{name}_bucket"), ("le", f64::INFINITY));
                        self.put(millis, count as f64, true);
                    }
                }
                Part::Point(at, value) => {
                    let name = if histogram { Cow::Owned(format!("{name}_bucket")) } else { name };
                    self.point(&labels, &name, (if histogram { "le" } else { "quantile" }, at));
                    self.put(millis, value, false);
                }
            }
        }
    }

    /// Adds a sample of the metric at hand.
    fn sample(&mut self, name: &str, millis: i64, value: f64) {
        self.begin();
        self.labels.extend_from_slice(&self.around[0]);
        put_label(NAME, name, &mut self.labels);
        self.labels.extend_from_slice(&self.around[1]);
        self.put(millis, value, false);
    }

    /// Writes the labels of a bucket or quantile.
    fn point(&mut self, labels: &[(Cow<'_, str>, &str)], name: &str, (own, at): (&str, f64)) {
        let at = format_float(at, FloatStyle::Shortest, None);
        let mut all: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (&**k, *v)).filter(|l| l.0 != own).collect();
        all.extend([(NAME, name), (own, &at)]);
        all.sort_unstable();
        self.begin();
        for (name, value) in all {
            put_label(name, value, &mut self.labels);
        }
    }

    /// Begins the labels of a series.
    fn begin(&mut self) {
        let from = self.labels.len();
        self.series.push(Series { hash: 0, from, to: from });
    }

    /// Adds a sample to the series whose labels were written last; with `new_only` nothing if it was there already.
    fn put(&mut self, millis: i64, value: f64, new_only: bool) {
        let Some(mut series) = self.series.pop() else { return };
        series.to = self.labels.len();
        let labels = &self.labels[series.from..series.to];
        let mut hasher = FixedState::with_seed(0).build_hasher();
        hasher.write(labels);
        series.hash = hasher.finish();
        let all = &self.series;
        let same = |&i: &u32| self.labels[all[i as usize].from..all[i as usize].to] == *labels;
        let place = match self.index.find(series.hash, same) {
            Some(&place) => {
                self.labels.truncate(series.from);
                if new_only {
                    return;
                }
                self.several = true;
                place
            }
            None => {
                let place = self.series.len() as u32;
                self.series.push(series);
                let all = &self.series;
                self.index.insert_unique(series.hash, place, |&i| all[i as usize].hash);
                place
            }
        };
        self.samples.push(Sample { series: place, millis, value });
    }

    /// The message.
    fn message(&mut self, sorted: bool) -> &[u8] {
        if self.several {
            // Of samples of one time the last stays; the order is stable.
            self.samples.sort_by_key(|s| (s.series, s.millis));
            let mut kept: Vec<Sample> = Vec::with_capacity(self.samples.len());
            for sample in self.samples.drain(..) {
                match kept.last_mut() {
                    Some(last) if (last.series, last.millis) == (sample.series, sample.millis) => *last = sample,
                    _ => kept.push(sample),
                }
            }
            self.samples = kept;
        }
        let mut groups: Vec<&[Sample]> = Vec::new();
        if sorted {
            groups.extend(self.samples.chunk_by(|a, b| a.series == b.series));
            let labels = |group: &[Sample]| read_labels(&self.labels, self.series[group[0].series as usize]);
            groups.sort_by_cached_key(|group| {
                let labels = labels(group);
                (labels.len(), labels)
            });
        }
        let unsorted = self.samples.chunk_by(|a, b| a.series == b.series).filter(|_| !sorted);
        self.message.reserve(self.labels.len() + self.samples.len() * 32);
        for group in unsorted.chain(groups) {
            let series = self.series[group[0].series as usize];
            let labels = &self.labels[series.from..series.to];
            let sample_len = |s: &Sample| 9 + 1 + varint_len(s.millis as u64);
            let len = labels.len() + group.iter().map(|s| 2 + sample_len(s)).sum::<usize>();
            self.message.push(0x0a);
            put_varint(len as u64, &mut self.message);
            self.message.extend_from_slice(labels);
            for sample in group {
                self.message.push(0x12);
                put_varint(sample_len(sample) as u64, &mut self.message);
                put_double(1, sample.value, &mut self.message);
                put_number(2, sample.millis as u64, &mut self.message);
            }
        }
        &self.message
    }
}

/// Appends a label as field 1 of a series.
fn put_label(name: &str, value: &str, out: &mut Vec<u8>) {
    let text = |text: &str| 1 + varint_len(text.len() as u64) + text.len();
    out.push(0x0a);
    put_varint((text(name) + text(value)) as u64, out);
    put_bytes(1, name.as_bytes(), out);
    put_bytes(2, value.as_bytes(), out);
}

/// Name and value of each label that `put_label` wrote.
fn read_labels(labels: &[u8], series: Series) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Message::new(&labels[series.from..series.to]);
    let mut pairs = Vec::new();
    while let Ok(Some((_, label))) = all.next() {
        let Ok(mut label) = label.message() else { break };
        let mut text = || label.next().ok().flatten().and_then(|f| f.1.bytes().ok()).unwrap_or_default().to_vec();
        pairs.push((text(), text()));
    }
    pairs
}
