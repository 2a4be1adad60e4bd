//! Passes on only the metrics of the groups that are largest, judged over a period.
//!
//! What came in a period is held back until it ends, or until the agent stops.

mod rank;

#[cfg(test)]
mod tests;

use agent_api::*;
use agent_golang::glob::Filter;
use rank::{Aggregation, Groups};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Instant;

register!(Entry::processor::<Topk>());

/// What was held back in this period.
struct Topk {
    settings: Settings,
    group_by: Filter,
    /// The metrics, and of each the number of its group.
    held: Batch,
    groups: Groups,
    /// When the period began.
    began: Instant,
    /// The name of the group at hand.
    key: String,
}

/// Which groups pass.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Length of a period. It ends with the first metric that comes after so long, which still belongs to it.
    period: agent_api::Duration,
    /// So many groups pass for each field.
    k: usize,
    /// Keys of the tags that make a group, together with the name; wildcards allowed. With none every name is one group.
    group_by: Vec<String>,
    /// Keys of the fields by which groups are judged. A metric that has none of them is dropped.
    fields: Vec<String>,
    /// How the values of a group become one: "sum", "mean", "min" or "max".
    aggregation: Aggregation,
    /// Whether the smallest groups pass in place of the largest.
    bottomk: bool,
    /// Key of a tag that gets the name of the group; none if empty.
    add_groupby_tag: String,
    /// Keys of those of `fields` whose metrics get their group's place, from 1 on, as a field with the ending "_topk_rank".
    add_rank_fields: Vec<String>,
    /// Keys of those of `fields` whose metrics get their group's value as a field with the ending "_topk_aggregate".
    add_aggregate_fields: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            period: agent_api::Duration::secs(10),
            k: 10,
            group_by: vec!["*".to_owned()],
            fields: vec!["value".to_owned()],
            aggregation: Aggregation::Mean,
            bottomk: false,
            add_groupby_tag: String::new(),
            add_rank_fields: Vec::new(),
            add_aggregate_fields: Vec::new(),
        }
    }
}

impl Plugin for Topk {
    const NAME: &'static str = "topk";
    const ABOUT: &'static str = "Passes only the largest groups of metrics of each period.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Topk {
            group_by: Filter::compile(&settings.group_by, &[]).context("group_by")?,
            groups: Groups::new(settings.fields.len()),
            settings,
            held: Batch::new(),
            began: Instant::now(),
            key: String::new(),
        })
    }
}

impl Processor for Topk {
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    /// A period ends when a metric comes, not by the clock: inputs and period of one length would race with each other otherwise.
    fn apply(&mut self, batch: &mut Batch) {
        let mut is_over = self.began.elapsed() >= *self.settings.period;
        let mut out = Batch::new();
        for metric in batch.iter() {
            self.hold(metric);
            if std::mem::take(&mut is_over) {
                self.finish(&mut out);
            }
        }
        batch.retain(|_| false);
        for metric in out.iter() {
            batch.push(metric);
        }
    }

    fn finish(&mut self, out: &mut Batch) {
        self.began = Instant::now();
        let groups = self.groups.take();
        let mut held = self.held.take();
        let Settings { k, fields, bottomk, add_rank_fields, add_aggregate_fields, .. } = &self.settings;
        let mut rows = Vec::new();
        for (i, field) in fields.iter().enumerate() {
            let (ranked, aggregated) = (add_rank_fields.contains(field), add_aggregate_fields.contains(field));
            for (place, group) in groups.best(i, *k, *bottomk).enumerate() {
                for &row in groups.rows(group) {
                    rows.push(row);
                    let mut m = held.at_mut(row as usize);
                    if m.field(field).is_none() {
                        continue;
                    }
                    if aggregated {
                        m.set_field(&format!("{field}_topk_aggregate"), groups.value(group, i));
                    }
                    if ranked {
                        m.set_field(&format!("{field}_topk_rank"), place as i64 + 1);
                    }
                }
            }
        }
        held.arrange(&rows);
        for metric in held.iter() {
            out.push(metric);
        }
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.held.bytes())
    }
}

impl Topk {
    fn hold(&mut self, metric: MetricRef<'_>) {
        let Topk { settings, group_by, held, groups, key, .. } = self;
        if !settings.fields.iter().any(|field| metric.field(field).is_some()) {
            return;
        }
        key.clear();
        key.push_str(metric.name());
        key.push('&');
        for (tag, value) in metric.tags().filter(|(tag, _)| group_by.is_match(tag)) {
            key.extend([tag, "=", value, "&"]);
        }
        let row = held.push(metric);
        let group = groups.add(key, row as u32);
        for (i, field) in settings.fields.iter().enumerate() {
            if let Some(number) = metric.field(field).and_then(number) {
                groups.count(group, i, settings.aggregation, number);
            }
        }
        if !settings.add_groupby_tag.is_empty() {
            held.at_mut(row).set_tag(&settings.add_groupby_tag, key);
        }
    }
}

/// The number that a group is judged by; texts that are numbers count.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Str(text) => agent_golang::number::parse_float(text).ok(),
        Value::Bool(v) => Some(v.into()),
        number => number.number(),
    }
}
