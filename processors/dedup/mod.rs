//! Drops metrics that only repeat what their series said before.
//!
//! Each field is remembered with the time at which it was last let through, so a series whose fields come in several metrics is
//! judged field by field: what is new, changed or older than the interval passes, together with the rest of its metric.

mod memory;

#[cfg(test)]
mod tests;

use agent_api::metric::{SeriesState, partition};
use agent_api::plugin::now;
use agent_api::*;
use memory::{Field, Series, Stored};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

register!(Entry::processor::<Dedup>());

/// What each series said last.
struct Dedup {
    /// In nanoseconds.
    interval: i64,
    series: HashMap<u64, Series, SeriesState>,
    /// What the run before remembered, by the hash that is the same in every process; taken over when a series comes again.
    restored: BTreeMap<u64, Series>,
    /// When series that have become too old are looked for next.
    sweep: i64,
    state: State,
}

/// How long a repetition is dropped.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// A value is let through again when the metric that brought it last is this old.
    dedup_interval: agent_api::Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { dedup_interval: agent_api::Duration::secs(600) }
    }
}

impl Plugin for Dedup {
    const NAME: &'static str = "dedup";
    const ABOUT: &'static str = "Drops metrics that repeat the last values of their series.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let interval = i64::try_from(settings.dedup_interval.as_nanos()).unwrap_or(i64::MAX);
        let restored = env.state.load::<Stored>().unwrap_or_default().into_series();
        let sweep = now().saturating_add(interval);
        Ok(Dedup { interval, series: HashMap::default(), restored, sweep, state: env.state.clone() })
    }
}

impl Processor for Dedup {
    fn scope(&self) -> Scope {
        Scope::Series
    }

    fn apply(&mut self, batch: &mut Batch) {
        let oldest = now().saturating_sub(self.interval);
        batch.retain(|m| self.is_news(m.read(), oldest));
        self.sweep(oldest);
    }

    fn finish(&mut self, _: &mut Batch) {
        let oldest = now().saturating_sub(self.interval);
        let series = std::mem::take(&mut self.series);
        self.state.update(|stored: Option<Stored>| {
            let mut all = stored.unwrap_or_default().into_series();
            all.extend(series.into_values().map(|one| (one.partition, one)));
            all.retain(|_, one| one.is_younger(oldest));
            Stored::from_series(all)
        });
    }

    fn held_bytes(&self) -> Option<usize> {
        let fields: usize = self.series.values().chain(self.restored.values()).map(Series::bytes).sum();
        Some(fields + self.series.capacity() * size_of::<(u64, Series)>())
    }
}

impl Dedup {
    /// True if the metric says something new; it is remembered then.
    fn is_news(&mut self, metric: MetricRef<'_>, oldest: i64) -> bool {
        let restored = &mut self.restored;
        let series = self.series.entry(metric.series()).or_insert_with(|| {
            let partition = partition(metric.name(), metric.tags());
            restored.remove(&partition).unwrap_or_else(|| Series::new(partition))
        });
        let is_known = |(key, value): (&str, Value<'_>)| {
            series.field(key).is_some_and(|field| field.time > oldest && field.value == value)
        };
        if metric.fields().all(is_known) {
            return false;
        }
        for (key, value) in metric.fields() {
            series.set(key, Field { value: value.into(), time: metric.time() });
        }
        true
    }

    /// Forgets the series of which nothing is young enough to matter, once an interval.
    fn sweep(&mut self, oldest: i64) {
        let now = oldest.saturating_add(self.interval);
        if now >= self.sweep {
            self.sweep = now.saturating_add(self.interval.max(1_000_000_000));
            self.series.retain(|_, one| one.is_younger(oldest));
            self.restored.retain(|_, one| one.is_younger(oldest));
        }
    }
}
