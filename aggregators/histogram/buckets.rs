//! Which fields are counted in which buckets, and the borders of the buckets.

use agent_api::{Result, ensure};
use agent_golang::number::{FloatStyle, append_float};
use std::collections::HashMap;

/// The upper borders of buckets, ascending; the last bucket has none.
pub(super) struct Borders {
    values: Vec<f64>,
    /// Each as a tag, then that of the last bucket.
    texts: Vec<String>,
}

impl Borders {
    /// Sorts the borders; one given twice counts once.
    pub(super) fn new(borders: &[f64]) -> Result<Self> {
        ensure!(borders.iter().all(|b| !b.is_nan()), "buckets: NaN is no border");
        let mut values = borders.to_vec();
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| a == b);
        // The bucket without a border is added anyway.
        values.retain(|b| *b != f64::INFINITY);
        let text = |value: &f64| {
            let mut text = String::new();
            append_float(*value, FloatStyle::Plain, &mut text);
            text
        };
        let texts = values.iter().chain([&f64::INFINITY]).map(text).collect();
        Ok(Borders { values, texts })
    }

    /// Number of borders; there is one bucket more.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The bucket of a value: the first whose border is not below it.
    pub(super) fn bucket(&self, value: f64) -> usize {
        self.values.partition_point(|border| *border < value)
    }

    /// The upper border of a bucket.
    pub(super) fn upper(&self, bucket: usize) -> f64 {
        self.values.get(bucket).copied().unwrap_or(f64::INFINITY)
    }

    /// The upper border of the bucket before.
    pub(super) fn lower(&self, bucket: usize) -> f64 {
        bucket.checked_sub(1).map_or(f64::NEG_INFINITY, |before| self.upper(before))
    }

    /// The bucket with this upper border.
    pub(super) fn place_of(&self, upper: f64) -> Option<usize> {
        let place = self.bucket(upper);
        (self.upper(place) == upper).then_some(place)
    }

    /// The upper border as a tag.
    pub(super) fn upper_text(&self, bucket: usize) -> &str {
        &self.texts[bucket]
    }

    /// The upper border of the bucket before as a tag.
    pub(super) fn lower_text(&self, bucket: usize) -> &str {
        bucket.checked_sub(1).map_or("-Inf", |before| &self.texts[before])
    }
}

/// Which fields of which metrics are counted in which buckets.
#[derive(Default)]
pub(super) struct Plan {
    borders: Vec<Borders>,
    by_name: HashMap<String, Rules>,
}

/// What holds for metrics of one name, in the order of the settings.
#[derive(Default)]
pub(super) struct Rules(Vec<(Vec<String>, u32)>);

impl Plan {
    /// Counts these fields (all, if none is named) of metrics of this name.
    pub(super) fn add(&mut self, name: &str, fields: &[String], borders: Borders) {
        let number = self.borders.len() as u32;
        self.borders.push(borders);
        self.by_name.entry(name.to_owned()).or_default().0.push((fields.to_vec(), number));
    }

    /// What holds for metrics of this name.
    pub(super) fn rules(&self, name: &str) -> Option<&Rules> {
        self.by_name.get(name)
    }

    /// The borders of a number that [`Rules::borders_of`] gave.
    pub(super) fn borders(&self, number: u32) -> &Borders {
        &self.borders[number as usize]
    }
}

impl Rules {
    /// The number of the borders for a field: the last rule that fits.
    pub(super) fn borders_of(&self, field: &str) -> Option<u32> {
        let fits = |fields: &[String]| fields.is_empty() || fields.iter().any(|f| f == field);
        self.0.iter().rev().find(|(fields, _)| fits(fields)).map(|(_, number)| *number)
    }
}
