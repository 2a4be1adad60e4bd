//! What the sketches have found, as metrics, and events for what is above a threshold.

use super::{Sketch, Weight};
use agent_api::Collector;

impl Sketch {
    /// Reports all sketches; they begin anew.
    pub(super) fn report(&mut self, time: i64, out: &mut Collector) {
        for (parts, distinct) in &mut self.distinct {
            let metric = out.metric("sketch_distinct").time(time).tag("of", &parts.text);
            drop(metric.field("count", distinct.estimate().round() as u64).field("error", distinct.error()));
            distinct.clear();
        }
        for (parts, entropy) in &mut self.entropy {
            let (bits, share) = entropy.bits();
            let metric = out.metric("sketch_entropy").time(time).tag("of", &parts.text);
            drop(metric.field("bits", bits).field("evenness", share));
            entropy.clear();
        }
        self.heavy(time, out);
        self.spread(time, out);
    }

    fn heavy(&mut self, time: i64, out: &mut Collector) {
        let (top, above) = (self.settings.top, self.settings.heavy_above);
        let unit = if self.settings.weight == Weight::Bytes { "bytes" } else { "packets" };
        for (parts, heavy) in &mut self.heavy {
            let (error, total) = (heavy.error(), heavy.total());
            let wanted = if above > 0 { usize::MAX } else { top };
            for (rank, (key, weight)) in heavy.top(wanted).into_iter().enumerate() {
                if rank < top {
                    let metric = out.metric("sketch_heavy").time(time).tag("of", &parts.text);
                    let mut metric = parts.write(&key, metric.tag("rank", &(rank + 1).to_string()));
                    metric.add_field(unit, weight);
                    if let Some(error) = error {
                        metric.add_field("error", error);
                    }
                    metric.add_field("share", weight as f64 / total as f64);
                }
                if above > 0 && weight > above {
                    let metric = out.metric("sketch_event").time(time).tag("type", "heavy").tag("of", &parts.text);
                    drop(parts.write(&key, metric).field("value", weight).field("threshold", above));
                }
                out.checkpoint();
            }
            heavy.clear();
        }
    }

    fn spread(&mut self, time: i64, out: &mut Collector) {
        let (top, above) = (self.settings.top, self.settings.spread_above);
        for (source, element, spreaders) in &mut self.spreaders {
            let wanted = if above > 0 { usize::MAX } else { top };
            for (rank, (key, spread)) in spreaders.top(wanted).into_iter().enumerate() {
                let spread = spread.round() as u64;
                if rank < top {
                    let metric = out.metric("sketch_spread").time(time).tag("of", &source.text);
                    let metric = metric.tag("over", &element.text).tag("rank", &(rank + 1).to_string());
                    drop(source.write(&key, metric).field("count", spread));
                }
                if above > 0 && spread > above {
                    let metric = out.metric("sketch_event").time(time).tag("type", "spread").tag("of", &source.text);
                    let metric = source.write(&key, metric.tag("over", &element.text));
                    drop(metric.field("value", spread).field("threshold", above));
                }
                out.checkpoint();
            }
            spreaders.clear();
        }
    }
}
