//! Counts how many values of a field fall below each of a list of borders.

mod buckets;

use crate::series::{Row, Table};
use agent_api::plugin::now;
use agent_api::*;
use buckets::{Borders, Plan};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::aggregator::<Histogram>());

/// Counts of all series, over periods unless `reset`.
struct Histogram {
    settings: Settings,
    plan: Plan,
    /// Head: whether something came since the last results, when it expires. State of a field: number of its borders in the
    /// plan and where its counts are.
    table: Table,
    counts: Counts,
    /// The key being put together.
    key: String,
}

/// What is counted, and what is given out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Counts every period from 0. Otherwise counts go on growing as long as the agent runs.
    reset: bool,
    /// A bucket counts all values up to its border (tag `le`). Otherwise only those above the border before (tag `gt`).
    cumulative: bool,
    /// A series of which nothing came for so long is forgotten; "0s" means never.
    expiration_interval: Duration,
    /// Gives out only series of which something came in the period.
    push_only_on_update: bool,
    /// What is counted. Where several fit a field the last one counts.
    config: Vec<Config>,
}

/// Which fields are counted in which buckets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Upper borders of the buckets; one without a border is always added. Without this nothing is counted.
    #[schemars(with = "Vec<f64>")]
    buckets: Option<Vec<f64>>,
    /// Name of the metrics.
    measurement_name: String,
    /// Keys of the fields; empty for all numeric ones.
    fields: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            reset: false,
            cumulative: true,
            expiration_interval: Duration::secs(0),
            push_only_on_update: false,
            config: Vec::new(),
        }
    }
}

impl Plugin for Histogram {
    const NAME: &'static str = "histogram";
    const ABOUT: &'static str = "Counts the values of fields in buckets.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let mut plan = Plan::default();
        for Config { buckets, measurement_name, fields } in &settings.config {
            if let Some(borders) = buckets {
                plan.add(measurement_name, fields, Borders::new(borders)?);
            }
        }
        Ok(Histogram { settings, plan, table: Table::new(2, 1), counts: Counts::default(), key: String::new() })
    }
}

const UPDATED: usize = 0;
const EXPIRES: usize = 1;

impl Aggregator for Histogram {
    fn add(&mut self, metric: MetricRef<'_>) {
        let Histogram { settings, plan, table, counts, .. } = self;
        let Some(rules) = plan.rules(metric.name()) else { return };
        let mut series = None;
        for (key, value) in metric.fields() {
            let Some(value) = value.number().filter(|v| !v.is_nan()) else { continue };
            let Some(number) = rules.borders_of(key) else { continue };
            let (series, place) = match &mut series {
                Some((series, place)) => {
                    *place += 1;
                    (*series, *place)
                }
                none => {
                    let Some((found, _)) = table.series(metric, None) else { return };
                    *none = Some((found, 0));
                    (found, 0)
                }
            };
            let borders = plan.borders(number);
            let Some((state, fresh)) = table.slot(series, place, key) else { continue };
            if fresh {
                state[0] = u64::from(number) << 32 | u64::from(counts.take(number, borders.len() + 1));
            }
            counts.of(state[0] as u32, borders.len() + 1)[borders.bucket(value)] += 1;
        }
        if let Some((series, _)) = series {
            let lifetime = i64::try_from(settings.expiration_interval.as_nanos()).unwrap_or(i64::MAX);
            let expires = if lifetime > 0 { now().saturating_add(lifetime) } else { i64::MAX };
            table.head(series).copy_from_slice(&[1, expires as u64]);
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Histogram { settings, plan, table, counts, key } = self;
        table.report(out);
        let now = now();
        table.sweep(|mut row| {
            let expired = now > row.head()[EXPIRES] as i64;
            let silent = settings.push_only_on_update && row.head()[UPDATED] == 0;
            if !(expired || silent) {
                row.head_mut()[UPDATED] = 0;
                write(&row, plan, counts, settings.cumulative, key, out);
            }
            let keep = !(expired || settings.reset);
            if !keep {
                for (_, state) in row.slots() {
                    let (number, at) = number_and_place(state);
                    counts.give_back(number, at, plan.borders(number).len() + 1);
                }
            }
            keep
        });
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes() + self.counts.bytes())
    }
}

/// Number of the borders and place of the counts of a field.
fn number_and_place(state: &[u64]) -> (u32, u32) {
    ((state[0] >> 32) as u32, state[0] as u32)
}

/// Adds a metric for each bucket of a series: fields with the same border share it.
fn write(row: &Row<'_>, plan: &Plan, counts: &Counts, cumulative: bool, key: &mut String, out: &mut Collector) {
    let mut numbers: Vec<u32> = row.slots().map(|(_, state)| number_and_place(state).0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut buckets: Vec<(usize, &Borders)> =
        numbers.iter().flat_map(|n| (0..=plan.borders(*n).len()).map(move |i| (i, plan.borders(*n)))).collect();
    if numbers.len() > 1 {
        let range = |(i, borders): &(usize, &Borders)| {
            let lower = if cumulative { f64::NEG_INFINITY } else { borders.lower(*i) };
            (borders.upper(*i), lower)
        };
        let order = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        buckets.sort_by(|a, b| order(&range(a), &range(b)));
        buckets.dedup_by(|a, b| range(a) == range(b));
    }
    for (i, borders) in buckets {
        let mut metric = row.metric(out).tag("le", borders.upper_text(i));
        if !cumulative {
            metric.add_tag("gt", borders.lower_text(i));
        }
        for (field, state) in row.slots() {
            let (number, at) = number_and_place(state);
            let own = plan.borders(number);
            let counts = counts.read(at, own.len() + 1);
            let Some(place) = own.place_of(borders.upper(i)) else { continue };
            let count: u64 = if cumulative {
                counts[..=place].iter().sum()
            } else if own.lower(place) == borders.lower(i) {
                counts[place]
            } else {
                continue;
            };
            key.clear();
            key.push_str(field);
            key.push_str("_bucket");
            metric.add_field(key, i64::try_from(count).unwrap_or(i64::MAX));
        }
        drop(metric);
        out.checkpoint();
    }
}

/// The counts of all fields in one list; room that was given back is used again for the same borders.
#[derive(Default)]
struct Counts {
    all: Vec<u64>,
    free: Vec<Vec<u32>>,
}

impl Counts {
    /// Room for the counts of a field, all 0.
    fn take(&mut self, number: u32, len: usize) -> u32 {
        if let Some(at) = self.free.get_mut(number as usize).and_then(Vec::pop) {
            return at;
        }
        let at = self.all.len();
        self.all.resize(at + len, 0);
        // Addresses of fields in the table are used up long before.
        at as u32
    }

    fn of(&mut self, at: u32, len: usize) -> &mut [u64] {
        &mut self.all[at as usize..at as usize + len]
    }

    fn read(&self, at: u32, len: usize) -> &[u64] {
        &self.all[at as usize..at as usize + len]
    }

    fn bytes(&self) -> usize {
        let free: usize = self.free.iter().map(Vec::capacity).sum();
        self.all.capacity() * size_of::<u64>() + free * size_of::<u32>()
    }

    fn give_back(&mut self, number: u32, at: u32, len: usize) {
        self.of(at, len).fill(0);
        if self.free.len() <= number as usize {
            self.free.resize_with(number as usize + 1, Vec::new);
        }
        self.free[number as usize].push(at);
    }
}

#[cfg(test)]
mod tests;
