//! Candidate c: metrics of one series share name and tags, found in a table by the text of both; only values are their own.
//!
//! As good as it gets: one table for one thread, without a lock and never swept; the keys of the fields are shared, too, as
//! long as they stay the same from line to line; a series knows its text, so that writing it is one copy.

use crate::Held;
use crate::line::{self, Place, Writer};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Name and tags, with the places of the tags in the text of both.
struct Series {
    text: Box<str>,
    tags: Box<[(Place, Place)]>,
}

impl Series {
    fn new(text: &str) -> Self {
        let name = memchr::memchr(b',', text.as_bytes()).unwrap_or(text.len());
        Series { text: text.into(), tags: line::pairs(text, (name + 1, text.len())).collect() }
    }
}

type Keys = Arc<[Box<str>]>;

#[derive(Clone)]
struct Metric {
    series: Arc<Series>,
    keys: Keys,
    values: Vec<f64>,
    time: i64,
}

/// The table of series.
#[derive(Default)]
pub(crate) struct Table {
    series: HashMap<Box<str>, Arc<Series>, RandomState>,
    keys: Keys,
    scratch: String,
}

impl Table {
    fn series(&mut self, text: &str) -> Arc<Series> {
        if let Some(series) = self.series.get(text) {
            return series.clone();
        }
        let series = Arc::new(Series::new(text));
        self.series.insert(text.into(), series.clone());
        series
    }
}

#[derive(Clone)]
pub(crate) struct Metrics(Vec<Metric>);

impl Held for Metrics {
    type Shared = Table;
    const ABOUT: &'static str = "interned series and values";
    const ALLOCATIONS: &'static str = "1 (4 in a new series), 1";

    fn parse(block: String, table: &mut Table) -> Self {
        let metric = |l: line::Line<'_>| {
            let series = table.series(line::cut(&block, l.head));
            let (mut values, mut known) = (Vec::with_capacity(4), true);
            for (key, value) in l.fields() {
                known &= table.keys.get(values.len()).is_some_and(|k| **k == *line::cut(&block, key));
                values.push(line::number(line::cut(&block, value)));
            }
            if !known || table.keys.len() != values.len() {
                table.keys = l.fields().map(|(key, _)| line::cut(&block, key).into()).collect();
            }
            Metric { series, keys: table.keys.clone(), values, time: line::TIME }
        };
        Metrics(line::lines(&block).map(metric).collect())
    }

    fn change(&mut self, key: &str, value: &str, table: &mut Table) {
        let mut text = std::mem::take(&mut table.scratch);
        for metric in &mut self.0 {
            let old = &metric.series;
            if let Some((_, place)) = old.tags.iter().find(|(k, _)| line::cut(&old.text, *k) == key) {
                text.clear();
                text.push_str(&old.text[..place.0]);
                text.push_str(value);
                text.push_str(&old.text[place.1..]);
                metric.series = table.series(&text);
            }
        }
        table.scratch = text;
    }

    fn write(&self, out: &mut Vec<u8>) {
        for metric in &self.0 {
            let mut line = Writer::head(metric.series.text.as_bytes(), std::iter::empty(), out);
            metric.keys.iter().zip(&metric.values).for_each(|(k, v)| line.float(k.as_bytes(), *v));
            line.end(metric.time);
        }
    }
}
