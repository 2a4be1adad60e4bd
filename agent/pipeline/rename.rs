//! Naming and tags that inputs, aggregators and outputs put on metrics.

use crate::config::Naming;
use agent_api::Batch;

/// Name changes, then tags for metrics that do not have them.
#[derive(Clone, Debug, Default)]
pub(super) struct Renaming {
    naming: Naming,
    /// In order of precedence: a plugin's own tags before the global ones.
    tags: Vec<(String, String)>,
}

impl Renaming {
    pub(super) fn new(naming: &Naming, tags: Vec<(String, String)>) -> Self {
        Renaming { naming: naming.clone(), tags }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.naming.is_empty() && self.tags.is_empty()
    }

    /// Changes every metric of a batch.
    pub(super) fn apply(&self, batch: &mut Batch) {
        if self.is_empty() {
            return;
        }
        let Naming { name, prefix, suffix } = &self.naming;
        let mut new = String::new();
        batch.each(|m| {
            if !self.naming.is_empty() {
                new.clear();
                new.push_str(prefix);
                new.push_str(if name.is_empty() { m.name() } else { name });
                new.push_str(suffix);
                m.set_name(&new);
            }
            for (key, value) in &self.tags {
                m.default_tag(key, value);
            }
        });
    }
}
