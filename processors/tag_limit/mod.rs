//! Removes tags from metrics that have too many.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<TagLimit>());

/// Removes tags down to the limit.
struct TagLimit {
    limit: usize,
    keep: Vec<String>,
}

/// How many tags stay.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Most tags of a metric, 0 or more. Of those beyond, the ones whose keys come first in the alphabet are removed.
    limit: usize,
    /// Keys of tags that are never removed, no more than `limit` allows.
    keep: Vec<String>,
}

impl Plugin for TagLimit {
    const NAME: &'static str = "tag_limit";
    const ABOUT: &'static str = "Limits the number of tags of a metric.";
    type Settings = Settings;

    fn new(Settings { mut limit, keep }: Settings, env: &Env) -> Result<Self> {
        if keep.len() > limit {
            let (n, limit) = (keep.len(), std::mem::replace(&mut limit, usize::MAX));
            env.log.error(format_args!("{n} tags to keep are more than the limit of {limit}, so no tag is removed"));
        }
        Ok(TagLimit { limit, keep })
    }
}

impl Processor for TagLimit {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            let mut over = m.tag_len().saturating_sub(self.limit);
            if over == 0 {
                return;
            }
            m.retain_tags(|key, _| {
                let stays = over == 0 || self.keep.iter().any(|keep| keep == key);
                if !stays {
                    over -= 1;
                }
                stays
            });
        });
    }
}
