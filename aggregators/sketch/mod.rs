//! What cannot be counted exactly in little memory: distinct values, heavy hitters, spreaders and scanners, entropy.
//!
//! Takes the packets of `inputs.pcap` beside `aggregators.flow`, several sketches in one pass. Every sketch has a bound of its error, which is
//! reported beside it; each period begins with nothing known.

mod distinct;
mod entropy;
mod heavy;
mod key;
mod spreaders;
#[cfg(test)]
mod tests;

use agent_api::*;
use agent_packets::Packets;
use distinct::Distinct;
use entropy::Entropy;
use foldhash::quality::{FixedState, RandomState};
use heavy::Heavy;
use key::{Key, Parts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spreaders::Spreaders;
use std::hash::BuildHasher;

register!(Entry::aggregator::<Sketch>());

/// All sketches of a task.
struct Sketch {
    settings: Settings,
    distinct: Vec<(Parts, Distinct)>,
    heavy: Vec<(Parts, Heavy<Key, u64>)>,
    spreaders: Vec<(Parts, Parts, Spreaders<Key>)>,
    entropy: Vec<(Parts, Entropy)>,
    seed: FixedState,
    latest: Option<i64>,
}

/// What is estimated. Parts of packets are `src`, `dst`, `src_port`, `dst_port`, `protocol`, `vlan`, `vni`, several with commas between.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Parts of which the number of different values is wanted.
    distinct: Vec<String>,
    /// 2 to this are the registers for each of these, 4 to 18; 14 has an error of 0.8 %.
    distinct_precision: u8,
    /// Parts of which the values with most traffic are wanted.
    heavy_hitters: Vec<String>,
    /// What traffic is: `bytes` or `packets`.
    weight: Weight,
    /// Pairs as `src > dst` (who talks to most others) or `src > dst_port` (who scans ports).
    spreaders: Vec<String>,
    /// Parts of which the entropy is wanted.
    entropy: Vec<String>,
    /// So many are reported of heavy hitters and of spreaders.
    top: usize,
    /// Counters of each table: the error of heavy hitters is the whole traffic divided by so many.
    counters: usize,
    /// Report an event for what has more than so much of `weight` in a period; 0 is never.
    heavy_above: u64,
    /// Report an event for who reaches more than so many in a period; 0 is never.
    spread_above: u64,
    /// Seed of the hashes; the same in agents whose figures are to be the same. 0 is another one in each process.
    seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            distinct: Vec::new(),
            distinct_precision: 14,
            heavy_hitters: Vec::new(),
            weight: Weight::Bytes,
            spreaders: Vec::new(),
            entropy: Vec::new(),
            top: 10,
            counters: 4096,
            heavy_above: 0,
            spread_above: 0,
            seed: 0,
        }
    }
}

/// What traffic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Weight {
    Bytes,
    Packets,
}

impl Plugin for Sketch {
    const NAME: &'static str = "sketch";
    const ABOUT: &'static str = "Estimates distinct values, heavy hitters, spreaders and entropy of captured packets.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let precision = settings.distinct_precision;
        ensure!((4..=18).contains(&precision), "distinct_precision: {precision} is not from 4 to 18");
        ensure!((1..=1 << 20).contains(&settings.counters), "counters: {} is not from 1 to 1048576", settings.counters);
        let Settings { distinct, heavy_hitters, spreaders, entropy, .. } = &settings;
        let all = [distinct, heavy_hitters, spreaders, entropy];
        ensure!(
            all.iter().any(|list| !list.is_empty()),
            "nothing is to be estimated: see distinct, heavy_hitters, spreaders, entropy"
        );
        ensure!(all.iter().all(|list| list.len() <= 64), "more than 64 sketches of one kind");
        // Whoever sends packets should not know it.
        let seed = if settings.seed == 0 { RandomState::default().hash_one(0) } else { settings.seed };
        let seed = FixedState::with_seed(seed);
        let parts = |name: &str, list: &[String]| {
            list.iter().map(|text| Parts::new(text)).collect::<Result<Vec<_>>>().with_context(|| name.to_owned())
        };
        let pairs = spreaders.iter().map(|text| Parts::pair(text)).collect::<Result<Vec<_>>>().context("spreaders")?;
        let counters = settings.counters;
        Ok(Sketch {
            distinct: parts("distinct", distinct)?.into_iter().map(|p| (p, Distinct::new(precision))).collect(),
            heavy: parts("heavy_hitters", heavy_hitters)?
                .into_iter()
                .map(|p| (p, Heavy::new(counters, seed.clone())))
                .collect(),
            spreaders: pairs.into_iter().map(|(s, e)| (s, e, Spreaders::new(counters, seed.clone()))).collect(),
            entropy: parts("entropy", entropy)?.into_iter().map(|p| (p, Entropy::new())).collect(),
            seed,
            latest: None,
            settings,
        })
    }
}

impl Aggregator for Sketch {
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    /// Metrics are nothing to it.
    fn add(&mut self, _: MetricRef<'_>) {}

    fn loads(&self) -> bool {
        true
    }

    fn load(&mut self, cargo: &Cargo, _: &mut Collector) {
        let Some(packets) = cargo.downcast_ref::<Packets>() else { return };
        let seed = &self.seed;
        let by_bytes = self.settings.weight == Weight::Bytes;
        // One sketch after the other, so that each has the caches for itself.
        for (parts, distinct) in &mut self.distinct {
            packets.seen.iter().for_each(|seen| distinct.add(seed.hash_one(parts.of(seen))));
        }
        for (parts, entropy) in &mut self.entropy {
            packets.seen.iter().for_each(|seen| entropy.add(seed.hash_one(parts.of(seen))));
        }
        for (parts, heavy) in &mut self.heavy {
            for seen in &packets.seen {
                let weight = if by_bytes { u64::from(seen.wire) } else { 1 };
                *heavy.add(parts.of(seen), weight, || 0) += 1;
            }
        }
        for (source, element, spreaders) in &mut self.spreaders {
            for seen in &packets.seen {
                let (source, element) = (source.of(seen), seed.hash_one(element.of(seen)));
                spreaders.add(source, seed.hash_one((source, element)), element);
            }
        }
        self.latest = self.latest.max(packets.latest());
    }

    fn flush(&mut self, out: &mut Collector) {
        let Some(time) = self.latest.take() else { return };
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
}

impl Sketch {
    fn heavy(&mut self, time: i64, out: &mut Collector) {
        let (top, above) = (self.settings.top, self.settings.heavy_above);
        let unit = if self.settings.weight == Weight::Bytes { "bytes" } else { "packets" };
        for (parts, heavy) in &mut self.heavy {
            let (error, total) = (heavy.error(), heavy.total());
            let wanted = if above > 0 { usize::MAX } else { top };
            for (rank, counter) in heavy.top(wanted).into_iter().enumerate() {
                if rank < top {
                    let metric = out.metric("sketch_heavy").time(time).tag("of", &parts.text);
                    let metric = parts.write(&counter.key, metric.tag("rank", &(rank + 1).to_string()));
                    let metric = metric.field(unit, counter.least).field("error", error);
                    drop(metric.field("share", counter.least as f64 / total as f64));
                }
                if above > 0 && counter.least > above {
                    let metric = out.metric("sketch_event").time(time).tag("type", "heavy").tag("of", &parts.text);
                    drop(parts.write(&counter.key, metric).field("value", counter.least).field("threshold", above));
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
