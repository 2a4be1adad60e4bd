//! Sketches of several agents as one: each is reported as a whole, in the metric `sketch_state`, and whoever has the same merges it.

use super::Sketch;
use super::state::{Reading, Writing};
use agent_api::{Collector, MetricRef, Value};
use std::hash::BuildHasher;

/// The metric that a sketch is in.
pub(super) const NAME: &str = "sketch_state";

impl Sketch {
    /// What two sketches of a kind must have in common, as a number: seed, sizes, parts.
    fn common(&self, kind: &str, of: &str, over: &str) -> u64 {
        let s = &self.settings;
        let sizes = match kind {
            "distinct" => format!("{}", s.distinct_precision),
            "heavy" => format!("{} {:?} {:?}", s.counters, s.weight, s.heavy_method),
            "spread" => format!("{}", s.counters),
            _ => String::new(),
        };
        self.seed.hash_one((kind, of, over, sizes.as_str()))
    }

    /// Reports all sketches as they are.
    pub(super) fn save(&self, time: i64, out: &mut Collector) {
        let mut add = |kind: &str, of: &str, over: &str, save: &dyn Fn(&mut Writing)| {
            let mut state = Writing::new(self.common(kind, of, over));
            save(&mut state);
            let mut metric = out.metric(NAME).time(time).tag("kind", kind).tag("of", of);
            if !over.is_empty() {
                metric.add_tag("over", over);
            }
            drop(metric.field("state", state.text().as_str()));
            out.checkpoint();
        };
        for (parts, distinct) in &self.distinct {
            add("distinct", &parts.text, "", &|state| distinct.save(state));
        }
        for (parts, entropy) in &self.entropy {
            add("entropy", &parts.text, "", &|state| entropy.save(state));
        }
        for (parts, heavy) in &self.heavy {
            add("heavy", &parts.text, "", &|state| heavy.save(state));
        }
        for (source, element, spreaders) in &self.spreaders {
            add("spread", &source.text, &element.text, &|state| spreaders.save(state, super::Key::save));
        }
    }

    /// Takes in a sketch of another agent, if there is one like it here.
    pub(super) fn merge(&mut self, metric: MetricRef<'_>) {
        if self.merged_in(metric).is_some() {
            self.merged.inc();
            self.latest = self.latest.max(Some(metric.time()));
            return;
        }
        if self.refused.read() == 0 {
            let [kind, of] = ["kind", "of"].map(|tag| metric.tag(tag).unwrap_or_default());
            self.log.warn(format_args!(
                "refused a sketch ({kind:.60?} of {of:.60?}): none here has the same parts, sizes and seed, or it is damaged; more \
                 are only counted (internal_sketch)"
            ));
        }
        self.refused.inc();
    }

    fn merged_in(&mut self, metric: MetricRef<'_>) -> Option<()> {
        let tag = |name: &str| metric.tag(name).unwrap_or_default();
        let Some(Value::Str(text)) = metric.field("state") else { return None };
        let (kind, of, over) = (tag("kind"), tag("of"), tag("over"));
        let mut state = Reading::new(text, self.common(kind, of, over))?;
        match kind {
            "distinct" => {
                let (_, mine) = self.distinct.iter_mut().find(|d| d.0.text == of)?;
                let theirs = mine.load(&mut state).filter(|_| state.is_empty())?;
                mine.merge(&theirs);
                Some(())
            }
            "entropy" => self.entropy.iter_mut().find(|e| e.0.text == of)?.1.merge(&mut state),
            "heavy" => self.heavy.iter_mut().find(|h| h.0.text == of)?.1.merge(&mut state),
            "spread" => {
                let (_, _, mine) = self.spreaders.iter_mut().find(|s| s.0.text == of && s.1.text == over)?;
                mine.merge(&mut state, super::Key::load)
            }
            _ => None,
        }
    }
}
