//! Groups of metrics, their values by field, and which of them are best.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the values of a group become one.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Aggregation {
    Sum,
    Mean,
    Min,
    Max,
}

/// The groups of a period, numbered as they came.
#[derive(Default)]
pub(super) struct Groups {
    numbers: HashMap<Box<str>, usize, RandomState>,
    /// Of each group the rows of its metrics.
    rows: Vec<Vec<u32>>,
    /// Of each group the values of the fields.
    values: Vec<Total>,
    fields: usize,
}

#[derive(Clone, Copy, Default)]
struct Total {
    value: f64,
    count: u64,
    mean: bool,
}

impl Groups {
    /// No groups yet; they will be judged by so many fields.
    pub(super) fn new(fields: usize) -> Self {
        Groups { fields, ..Groups::default() }
    }

    /// Takes the groups of the period that ends.
    pub(super) fn take(&mut self) -> Groups {
        std::mem::replace(self, Groups::new(self.fields))
    }

    /// Puts a row into the group of this name and gives the group's number.
    pub(super) fn add(&mut self, name: &str, row: u32) -> usize {
        let group = match self.numbers.get(name) {
            Some(&group) => group,
            None => {
                self.numbers.insert(name.into(), self.rows.len());
                self.rows.push(Vec::new());
                self.values.resize(self.values.len() + self.fields, Total::default());
                self.rows.len() - 1
            }
        };
        self.rows[group].push(row);
        group
    }

    /// Counts the value of a field into a group.
    pub(super) fn count(&mut self, group: usize, field: usize, aggregation: Aggregation, value: f64) {
        let total = &mut self.values[group * self.fields + field];
        total.value = match aggregation {
            _ if total.count == 0 => value,
            Aggregation::Sum | Aggregation::Mean => total.value + value,
            Aggregation::Min => total.value.min(value),
            Aggregation::Max => total.value.max(value),
        };
        total.count += 1;
        total.mean = aggregation == Aggregation::Mean;
    }

    /// The value of a group; 0 if no metric of it has the field.
    pub(super) fn value(&self, group: usize, field: usize) -> f64 {
        let total = self.values[group * self.fields + field];
        if total.mean { total.value / total.count as f64 } else { total.value }
    }

    /// The rows of a group.
    pub(super) fn rows(&self, group: usize) -> &[u32] {
        &self.rows[group]
    }

    /// The `k` groups with the largest values of a field (the smallest with `bottom`), best first; of equal ones the first that
    /// came.
    pub(super) fn best(&self, field: usize, k: usize, bottom: bool) -> impl Iterator<Item = usize> + use<> {
        let mut groups: Vec<usize> = (0..self.rows.len()).collect();
        groups.sort_by(|&a, &b| {
            let (a, b) = (self.value(a, field), self.value(b, field));
            if bottom { a.total_cmp(&b) } else { b.total_cmp(&a) }
        });
        groups.into_iter().take(k)
    }
}
