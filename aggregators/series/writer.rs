//! Writes the results of series as metrics.
//!
//! Series of one kind come one after the other and have the same tags and fields. So a metric is made as a copy of the one before
//! wherever their keys are the same: the keys are there already, and only values are put in.

use super::Row;
use super::row::text;
use agent_api::{Collector, Value};

/// Makes metrics of results; the key of each field is that of a field of the series and an ending.
#[derive(Default)]
pub struct Writer {
    /// The results of the series at hand.
    results: Vec<(Name, Value<'static>)>,
    /// The names of the results of the metric before.
    before: Vec<Name>,
    /// The key being put together.
    key: String,
}

/// The number of a key, and the number of an ending.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name(u32, u32);

impl Writer {
    /// Adds a result of a field (a number that [`Row::numbered`] gave) with the ending of this number.
    pub fn add(&mut self, key: u32, ending: usize, value: impl Into<Value<'static>>) {
        self.results.push((Name(key, ending as u32), value.into()));
    }

    /// Writes a metric with the results that were added since the last one, if there is any.
    pub fn write<E: AsRef<str>>(&mut self, row: &Row<'_>, endings: &[E], out: &mut Collector) {
        if !self.copy(row, out) {
            let mut metric = row.metric(out);
            for (Name(key, ending), value) in &self.results {
                self.key.clear();
                self.key.push_str(row.key_text(*key));
                self.key.push_str(endings[*ending as usize].as_ref());
                metric.add_field(&self.key, *value);
            }
            // Endings can make two keys equal: then the fields are not those of the results, and no copy can be made.
            let all = metric.field_count() == self.results.len();
            drop(metric);
            self.before.clear();
            let batch = out.batch();
            if all && !self.results.is_empty() && batch.at(batch.len() - 1).fields().len() == self.results.len() {
                self.before.extend(self.results.iter().map(|(name, _)| *name));
            }
        }
        self.results.clear();
        out.checkpoint();
    }

    /// Begins anew: numbers of keys hold within one period.
    pub fn reset(&mut self) {
        *self = Writer::default();
    }

    /// Makes the metric as a copy of the last one of the batch, if that has the same keys; says whether it was done.
    fn copy(&self, row: &Row<'_>, out: &mut Collector) -> bool {
        let same = self.before.len() == self.results.len()
            && self.before.iter().zip(&self.results).all(|(before, (name, _))| before == name);
        let batch = out.batch();
        if !same || self.results.is_empty() || batch.is_empty() {
            return false;
        }
        let last = batch.len() - 1;
        let before = batch.at(last);
        let mut texts = row.texts();
        let same = texts.next() == Some(before.name().as_bytes())
            && row.tag_len() == before.tags().len()
            && before.tags().all(|(key, _)| {
                let own = texts.next();
                texts.next();
                own == Some(key.as_bytes())
            });
        if !same {
            return false;
        }
        let new = batch.duplicate(last);
        let mut metric = batch.at_mut(new);
        for (i, value) in row.texts().skip(2).step_by(2).enumerate() {
            if metric.tag_at(i).1.as_bytes() != value {
                metric.set_tag_at(i, text(value));
            }
        }
        for (i, (_, value)) in self.results.iter().enumerate() {
            metric.set_field_at(i, *value);
        }
        true
    }
}
