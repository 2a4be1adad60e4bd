//! Metric filters: which metrics a plugin sees, and which of their fields and tags (TELEGRAF.md 5).

use agent_api::{Batch, MetricMut, MetricRef};

/// The filter of one plugin, compiled. The default lets everything pass unchanged.
#[derive(Clone, Debug, Default)]
pub struct Filter {}

impl Filter {
    /// True if every metric is selected.
    pub fn selects_all(&self) -> bool {
        true
    }

    /// True if selected metrics are left as they are.
    pub fn modifies_nothing(&self) -> bool {
        true
    }

    /// namepass, namedrop, tagpass, tagdrop and metricpass.
    pub fn selects(&self, _metric: MetricRef<'_>) -> bool {
        true
    }

    /// fieldinclude, fieldexclude, taginclude, tagexclude; false if no field is left.
    pub fn modify(&self, _metric: &mut MetricMut<'_>) -> bool {
        true
    }

    /// `modify` on a whole batch; metrics without fields are removed.
    pub fn modify_all(&self, batch: &mut Batch) {
        if !self.modifies_nothing() {
            batch.retain(|m| self.modify(m));
        }
    }
}
