//! Adds up the fields of each series, and puts each sum beside its field.

use agent_api::metric::SeriesState;
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Instant;

register!(Entry::processor::<CumulativeSum>());

/// The sums so far.
struct CumulativeSum {
    fields: Filter,
    expiry: std::time::Duration,
    series: HashMap<u64, Sums, SeriesState>,
    /// When series that have expired were looked for last.
    swept: Instant,
    /// The key at hand.
    key: String,
}

struct Sums {
    used: Instant,
    fields: Vec<(Box<str>, f64)>,
}

/// What is added up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Keys of the fields to add up, wildcards allowed; all if empty. Booleans count as 0 and 1, texts that are numbers as those.
    fields: Vec<String>,
    /// A series of which nothing came for so long is forgotten, and its sums begin at 0 again; "0s" means never, and memory grows
    /// with the number of series.
    expiry_interval: agent_api::Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { fields: vec!["*".to_owned()], expiry_interval: agent_api::Duration::secs(0) }
    }
}

impl Plugin for CumulativeSum {
    const NAME: &'static str = "cumulative_sum";
    const ABOUT: &'static str = "Adds up the fields of each series.";
    type Settings = Settings;

    fn new(mut settings: Settings, _: &Env) -> Result<Self> {
        if settings.fields.is_empty() {
            settings.fields = Settings::default().fields;
        }
        Ok(CumulativeSum {
            fields: Filter::compile(&settings.fields, &[]).context("fields")?,
            expiry: *settings.expiry_interval,
            series: HashMap::default(),
            swept: Instant::now(),
            key: String::new(),
        })
    }
}

impl Processor for CumulativeSum {
    fn scope(&self) -> Scope {
        Scope::Series
    }

    fn apply(&mut self, batch: &mut Batch) {
        let now = Instant::now();
        self.sweep(now);
        let CumulativeSum { fields, series, key, .. } = self;
        batch.each(|m| {
            let sums = series.entry(m.read().series()).or_insert_with(|| Sums { used: now, fields: Vec::new() });
            sums.used = now;
            for i in 0..m.field_len() {
                let (field, value) = m.field_at(i);
                let number = match value {
                    Value::Bool(v) => Some(f64::from(v)),
                    Value::Str(text) => parse_float(text).ok(),
                    number => number.number(),
                };
                let Some(number) = number.filter(|_| fields.is_match(field)) else { continue };
                let sum = sums.add(field, number);
                key.clear();
                key.push_str(field);
                key.push_str("_sum");
                m.set_field(key, sum);
            }
        });
    }

    fn held_bytes(&self) -> Option<usize> {
        let sums =
            |sums: &Sums| sums.fields.iter().map(|(key, _)| key.len() + size_of::<(Box<str>, f64)>()).sum::<usize>();
        let fields: usize = self.series.values().map(sums).sum();
        Some(fields + self.series.capacity() * size_of::<(u64, Sums)>())
    }
}

impl Sums {
    fn add(&mut self, field: &str, number: f64) -> f64 {
        let place = self.fields.iter().position(|(own, _)| **own == *field).unwrap_or_else(|| {
            self.fields.push((field.into(), 0.0));
            self.fields.len() - 1
        });
        let sum = &mut self.fields[place].1;
        *sum += number;
        *sum
    }
}

impl CumulativeSum {
    /// Forgets what has expired; looks at all series at most ten times in the interval.
    fn sweep(&mut self, now: Instant) {
        if !self.expiry.is_zero() && now.duration_since(self.swept) >= self.expiry / 10 {
            self.swept = now;
            self.series.retain(|_, sums| now.duration_since(sums.used) < self.expiry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{applied, batch, build, lines};
    use serde_json::json;

    #[test]
    fn each_series_and_field_has_its_sum() {
        let input = "m,h=a a=1i,b=true,c=\"2.5\",d=\"x\" 1\nm,h=b a=5i 2\nm,h=a a=2.5,b=true 3";
        let expected = "m,h=a a=1i,b=true,c=\"2.5\",d=\"x\",a_sum=1,b_sum=1,c_sum=2.5 1\nm,h=b a=5i,a_sum=5 2\n\
                        m,h=a a=2.5,b=true,a_sum=3.5,b_sum=2 3";
        assert_eq!(applied::<CumulativeSum>(json!({}), input), expected);
    }

    #[test]
    fn a_series_that_expired_begins_at_zero() {
        let mut sum = build::<CumulativeSum>(json!({"expiry_interval": "1h"})).unwrap();
        let mut run = || {
            let mut metrics = batch("m a=1i 1");
            sum.apply(&mut metrics);
            sum.sweep(Instant::now() + std::time::Duration::from_secs(3600));
            lines(&metrics)
        };
        assert_eq!([run(), run()], ["m a=1i,a_sum=1 1"; 2]);
    }
}
