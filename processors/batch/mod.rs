//! Deals metrics out to a number of batches in turn, by a tag, so that several outputs can share the work.

use agent_api::Batch as Metrics;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Batch>());

/// Sets the tag.
struct Batch {
    tag: String,
    batches: u64,
    skip_existing: bool,
    /// Metrics so far.
    count: u64,
    text: String,
}

/// How metrics are dealt out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the tag that gets the number of the batch, from 0 on. Required.
    batch_tag: String,
    /// Number of batches, 1 or more. Required.
    batches: u64,
    /// Whether metrics that have the tag keep it.
    skip_existing: bool,
}

impl Plugin for Batch {
    const NAME: &'static str = "batch";
    const ABOUT: &'static str = "Deals metrics out to batches by a tag.";
    type Settings = Settings;

    fn new(Settings { batch_tag, batches, skip_existing }: Settings, _: &Env) -> Result<Self> {
        ensure!(!batch_tag.is_empty(), "batch_tag is required");
        ensure!(batches > 0, "batches has to be 1 or more");
        Ok(Batch { tag: batch_tag, batches, skip_existing, count: 0, text: String::new() })
    }
}

impl Processor for Batch {
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    fn apply(&mut self, metrics: &mut Metrics) {
        metrics.each(|m| {
            if self.skip_existing && m.tag(&self.tag).is_some() {
                return;
            }
            self.text.clear();
            agent_golang::number::append_uint(self.count % self.batches, &mut self.text);
            self.count = self.count.wrapping_add(1);
            m.set_tag(&self.tag, &self.text);
        });
    }
}
