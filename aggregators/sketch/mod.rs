//! What cannot be counted exactly in little memory: distinct values, heavy hitters, spreaders and scanners, entropy.
//!
//! Takes the packets of `inputs.pcap` beside `aggregators.flow`, several sketches in one pass. Every sketch has a bound of its error, which is
//! reported beside it; each period begins with nothing known. Sketches of other agents come as metrics and are merged.

mod columns;
mod count_min;
mod cuckoo;
mod distinct;
mod entropy;
mod heavy;
mod key;
mod merge;
mod ranked;
mod report;
mod spreaders;
mod state;
#[cfg(test)]
mod tests;

use agent_api::stats::Counter;
use agent_api::*;
use agent_packets::{Packets, Seen};
use columns::Columns;
use distinct::Distinct;
use entropy::Entropy;
use foldhash::quality::{FixedState, RandomState};
use key::{Key, Parts};
use ranked::{Method, Ranked};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spreaders::Spreaders;
use std::hash::BuildHasher;

register!(Entry::aggregator::<Sketch>());

/// Packets that all sketches take in before the next ones.
const TOGETHER: usize = 256;

/// All sketches of a task.
struct Sketch {
    settings: Settings,
    distinct: Vec<(Parts, Distinct)>,
    heavy: Vec<(Parts, Ranked)>,
    spreaders: Vec<(Parts, Parts, Spreaders<Key>)>,
    entropy: Vec<(Parts, Entropy)>,
    columns: Columns,
    seed: FixedState,
    latest: Option<i64>,
    merged: Counter,
    refused: Counter,
    log: Log,
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
    /// How they are kept. `space_saving`: the least that each has, with an error that is certain. `count_min`: the most that each has, with an
    /// error that holds for 98 of 100. `cuckoo`: the least, nearer to the truth, but without a bound.
    heavy_method: Method,
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
    /// Report each sketch as a whole, too, for another agent that has the same ones: it merges them with its own. Needs a `seed`, the same in all.
    state: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            distinct: Vec::new(),
            distinct_precision: 14,
            heavy_hitters: Vec::new(),
            weight: Weight::Bytes,
            heavy_method: Method::SpaceSaving,
            spreaders: Vec::new(),
            entropy: Vec::new(),
            top: 10,
            counters: 4096,
            heavy_above: 0,
            spread_above: 0,
            seed: 0,
            state: false,
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

    fn new(settings: Settings, env: &Env) -> Result<Self> {
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
        ensure!(
            !settings.state || settings.seed != 0,
            "state: needs a seed, the same in all agents whose sketches merge"
        );
        // Whoever sends packets should not know it.
        let seed = if settings.seed == 0 { RandomState::default().hash_one(0) } else { settings.seed };
        let seed = FixedState::with_seed(seed);
        let parts = |name: &str, list: &[String]| {
            list.iter().map(|text| Parts::new(text)).collect::<Result<Vec<_>>>().with_context(|| name.to_owned())
        };
        let pairs = spreaders.iter().map(|text| Parts::pair(text)).collect::<Result<Vec<_>>>().context("spreaders")?;
        let counters = settings.counters;
        let (distinct, entropy) = (parts("distinct", distinct)?, parts("entropy", entropy)?);
        let heavy = parts("heavy_hitters", heavy_hitters)?;
        let sides = pairs.iter().flat_map(|(source, element)| [source, element]);
        Ok(Sketch {
            columns: Columns::new(distinct.iter().chain(&entropy).chain(&heavy).chain(sides)),
            distinct: distinct.into_iter().map(|p| (p, Distinct::new(precision))).collect(),
            heavy: heavy.into_iter().map(|p| (p, Ranked::new(settings.heavy_method, counters, seed.clone()))).collect(),
            spreaders: pairs.into_iter().map(|(s, e)| (s, e, Spreaders::new(counters, seed.clone()))).collect(),
            entropy: entropy.into_iter().map(|p| (p, Entropy::new())).collect(),
            seed,
            latest: None,
            merged: env.stats("sketch", &[]).counter("states_merged"),
            refused: env.stats("sketch", &[]).counter("states_refused"),
            log: env.log.clone(),
            settings,
        })
    }
}

impl Aggregator for Sketch {
    fn scope(&self) -> Scope {
        Scope::Everything
    }

    /// Other metrics than the sketches of other agents are nothing to it.
    fn add(&mut self, metric: MetricRef<'_>) {
        if metric.name() == merge::NAME {
            self.merge(metric);
        }
    }

    fn loads(&self) -> bool {
        true
    }

    fn load(&mut self, cargo: &Cargo, _: &mut Collector) {
        let Some(packets) = cargo.downcast_ref::<Packets>() else { return };
        let Sketch { columns, distinct, entropy, heavy, spreaders, seed, settings, .. } = self;
        let by_bytes = settings.weight == Weight::Bytes;
        // One sketch after the other, so that each has the caches for itself, but for so few packets that they stay in the nearest one.
        for seen in packets.seen().chunks(TOGETHER) {
            columns.fill(packets, seen, seed);
            for (parts, distinct) in &mut *distinct {
                columns.of(parts).iter().for_each(|hash| distinct.add(*hash));
            }
            for (parts, entropy) in &mut *entropy {
                columns.of(parts).iter().for_each(|hash| entropy.add(*hash));
            }
            for (parts, heavy) in &mut *heavy {
                let weight = |seen: &Seen| if by_bytes { u64::from(seen.wire) } else { 1 };
                heavy.add_all(columns.of(parts), |i| (parts.of(packets, &seen[i]), weight(&seen[i])));
            }
            for (source, element, spreaders) in &mut *spreaders {
                spreaders.add_all(columns.of(source), columns.of(element), |i| source.of(packets, &seen[i]));
            }
        }
        self.latest = self.latest.max(packets.latest());
    }

    fn flush(&mut self, out: &mut Collector) {
        if let Some(time) = self.latest.take() {
            if self.settings.state {
                self.save(time, out);
            }
            self.report(time, out);
        }
    }
}
