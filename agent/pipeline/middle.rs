//! What lies between inputs and outputs: processors, aggregators, and processors again for the results.
//!
//! A reload that changes one of them holds the gate, lets what is inside run out, and puts the stages together again from the
//! processors and aggregators that go on, with what they know, and those that are new. Shards of aggregators run through it.

use super::account::{Account, Key, keys};
use super::aggregate::{self, Aggregation, Router};
use super::board::Seat;
use super::change::{Match, carry_state, pair};
use super::process::{self, Chain, Steps};
use super::stage::{Gate, Held, Next};
use super::{Credit, Fanout, input, odd};
use crate::config::{AggregatorConfig, Built, Config, Instance, ProcessorConfig, Surroundings};
use agent_api::plugin::DynAggregator;
use agent_api::{Result, anyhow};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The stages between inputs and outputs.
pub(super) struct Middle {
    surroundings: Surroundings,
    processors: process::Maker,
    aggregators: aggregate::Maker,
    workers: usize,
    /// Where inputs send to.
    pub(super) entry: Gate,
    /// The credit of inputs that can wait.
    pub(super) credit: Credit,
    results: Gate,
    results_credit: Credit,
    outputs: Fanout,
    before: Option<Chain>,
    router: Option<Router>,
    after: Option<Chain>,
    /// Aggregators that a reload has taken out and that hand on their last results.
    ending: JoinSet<()>,
    layout: Layout,
}

/// What runs, by key, in order.
#[derive(Default)]
struct Layout {
    processors: Vec<(Key, ProcessorConfig, Arc<Account>)>,
    aggregators: Vec<(Key, AggregatorConfig, Arc<Account>)>,
    before: Vec<Key>,
    after: Vec<Key>,
    round: bool,
}

/// What is built for a new layout.
#[derive(Default)]
pub(super) struct Change {
    layout: Layout,
    before: Steps,
    after: Steps,
    aggregators: HashMap<Key, Vec<Box<dyn DynAggregator>>>,
    /// The running plugins that new ones take the place of, by the key of the new one.
    instead: HashMap<Key, (Key, Instance, Instance)>,
}

impl Middle {
    /// Stages without processors and aggregators: what comes goes to the outputs.
    pub(super) fn new(surroundings: &Surroundings, outputs: &Fanout) -> Self {
        let processors: process::Maker = {
            let surroundings = surroundings.clone();
            Arc::new(move |p| match p.plugin.build(&surroundings)? {
                Built::Processor(mut plugin) => {
                    plugin.open().map_err(|e| anyhow!("start {}: {e:#}", p.plugin.log_name()))?;
                    Ok(plugin)
                }
                _ => Err(odd(&p.plugin)),
            })
        };
        let aggregators: aggregate::Maker = {
            let surroundings = surroundings.clone();
            Arc::new(move |a| match a.plugin.build(&surroundings)? {
                Built::Aggregator(plugin) => Ok(plugin),
                _ => Err(odd(&a.plugin)),
            })
        };
        Middle {
            surroundings: surroundings.clone(),
            processors,
            aggregators,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            entry: Gate::new(Next::Outputs(outputs.clone())),
            credit: Credit::new(0),
            results: Gate::new(Next::Outputs(outputs.clone())),
            results_credit: Credit::new(0),
            outputs: outputs.clone(),
            before: None,
            router: None,
            after: None,
            ending: JoinSet::new(),
            layout: Layout::default(),
        }
    }

    /// Builds what is new; None if nothing changes.
    pub(super) fn prepare(&self, config: &Config) -> Result<Option<Change>> {
        let agent = &config.agent;
        let mut change = Change::default();
        let old: Vec<_> = self.layout.processors.iter().map(|p| (p.0, &p.1.plugin, &p.2)).collect();
        let accounts = self.accounts_of(&old, config.processors.iter().map(|p| &p.plugin), &mut change);
        change.layout.processors =
            accounts.into_iter().zip(&config.processors).map(|((k, a), p)| (k, p.clone(), a)).collect();
        let old: Vec<_> = self.layout.aggregators.iter().map(|a| (a.0, &a.1.plugin, &a.2)).collect();
        let accounts = self.accounts_of(&old, config.aggregators.iter().map(|a| &a.plugin), &mut change);
        change.layout.aggregators =
            accounts.into_iter().zip(&config.aggregators).map(|((k, a), p)| (k, p.clone(), a)).collect();

        let all: Vec<Key> = change.layout.processors.iter().map(|p| p.0).collect();
        if !agent.skip_processors_before_aggregators {
            change.layout.before.clone_from(&all);
        }
        if !agent.skip_processors_after_aggregators.unwrap_or(false) && !config.aggregators.is_empty() {
            change.layout.after = all;
        }
        change.layout.round = agent.round_interval;
        for (key, config, account) in &change.layout.processors {
            let build = || process::build(config, *key, account, &self.processors, self.workers);
            if change.layout.before.contains(key) && !self.layout.before.contains(key) {
                change.before.insert(*key, build()?);
            }
            if change.layout.after.contains(key) && !self.layout.after.contains(key) {
                change.after.insert(*key, build()?);
            }
        }
        for (key, config, _) in &change.layout.aggregators {
            if !self.keeps(*key, &change.layout) {
                change.aggregators.insert(*key, aggregate::build(config, &self.aggregators, self.workers)?);
            }
        }
        let aggregators = |layout: &Layout| layout.aggregators.iter().map(|a| a.0).collect::<Vec<_>>();
        let same = change.aggregators.is_empty()
            && aggregators(&change.layout) == aggregators(&self.layout)
            && change.layout.before == self.layout.before
            && change.layout.after == self.layout.after;
        Ok((!same).then_some(change))
    }

    /// True if the aggregator goes on under a new layout.
    fn keeps(&self, key: Key, layout: &Layout) -> bool {
        self.layout.round == layout.round && self.layout.aggregators.iter().any(|a| a.0 == key)
    }

    /// The keys of plugins with the accounts of those that they are or take the place of.
    fn accounts_of<'a>(
        &self,
        old: &[(Key, &Instance, &Arc<Account>)],
        new: impl Iterator<Item = &'a Instance> + Clone,
        change: &mut Change,
    ) -> Vec<(Key, Arc<Account>)> {
        let (keys, plugins): (Vec<Key>, Vec<&Instance>) = (keys(new.clone()), new.collect());
        let same = |o: usize, n: usize| old[o].0 == keys[n];
        let instead = |o: usize, n: usize| old[o].1.log_name() == plugins[n].log_name();
        let matches = pair(old.len(), keys.len(), same, instead);
        let account = |(n, found): (usize, Match)| match found {
            Match::Same(o) => (keys[n], old[o].2.clone()),
            Match::Instead(o) => {
                change.instead.insert(keys[n], (old[o].0, old[o].1.clone(), plugins[n].clone()));
                (keys[n], old[o].2.clone())
            }
            Match::New => (keys[n], Arc::default()),
        };
        matches.into_iter().enumerate().map(account).collect()
    }

    /// Puts the stages together anew. Whoever hands something on waits meanwhile; `outputs` is done in between.
    pub(super) async fn commit(&mut self, change: Option<Change>, config: &Config, outputs: impl AsyncFnOnce()) {
        let smallest = config.outputs.iter().map(|o| o.metric_buffer_limit).min().unwrap_or(10_000);
        // Together they fill the smallest queue.
        self.credit.resize(smallest / 2);
        self.results_credit.resize(smallest / 2);
        let Some(mut change) = change else {
            outputs().await;
            return;
        };
        let mut entry = self.entry.hold().await;
        let (mut before, mut kept) = self.drain(&mut entry, &change.layout.before).await;
        let wanted: HashSet<Key> =
            change.layout.aggregators.iter().map(|a| a.0).filter(|k| self.keeps(*k, &change.layout)).collect();
        let (going_on, ending): (Vec<_>, Vec<_>) = kept.drain(..).partition(|a| wanted.contains(&a.key));
        let replaced: HashSet<Key> = change.instead.values().map(|i| i.0).collect();
        for aggregation in ending {
            if replaced.contains(&aggregation.key) {
                // Its successor begins with its state.
                aggregation.end().await;
            } else {
                self.ending.spawn(aggregation.end());
            }
        }
        if change.layout.after != self.layout.after {
            let mut results = self.results.hold().await;
            let mut steps =
                Self::drain_chain(self.after.take(), &change.layout.after, || *results = Next::Closed).await;
            self.add_fresh(&mut steps, std::mem::take(&mut change.after), &change);
            let (chain, next) =
                Chain::start(&change.layout.after, &mut steps, self.workers, Next::Outputs(self.outputs.clone()));
            (self.after, *results) = (Some(chain), next);
        }
        outputs().await;
        let mut all = self.start_aggregators(going_on, &mut change, config);
        let mut next = Next::Outputs(self.outputs.clone());
        if !all.is_empty() {
            let place: HashMap<Key, usize> =
                change.layout.aggregators.iter().enumerate().map(|(i, a)| (a.0, i)).collect();
            all.sort_by_key(|a| place.get(&a.key).copied());
            let (router, to) = aggregate::start(all, self.outputs.clone());
            (self.router, next) = (Some(router), to);
        }
        self.add_fresh(&mut before, std::mem::take(&mut change.before), &change);
        let (chain, next) = Chain::start(&change.layout.before, &mut before, self.workers, next);
        (self.before, *entry) = (Some(chain), next);
        self.layout = change.layout;
    }

    /// Lets all that is inside run out; gives the processors that stay and all aggregators.
    async fn drain(&mut self, entry: &mut Held, stay: &[Key]) -> (Steps, Vec<Aggregation>) {
        let steps = Self::drain_chain(self.before.take(), stay, || **entry = Next::Closed).await;
        let mut all = Vec::new();
        if let Some(router) = self.router.take() {
            match router.await {
                Ok(aggregations) => all = aggregations,
                Err(e) => super::report(Some(e)),
            }
        }
        (steps, all)
    }

    async fn drain_chain(chain: Option<Chain>, stay: &[Key], close: impl FnOnce()) -> Steps {
        match chain {
            Some(chain) => chain.drained(stay.iter().copied().collect(), close).await,
            None => {
                close();
                Steps::new()
            }
        }
    }

    /// Adds processors that are new; those that take another's place are built once more, with the state that it has left.
    fn add_fresh(&self, steps: &mut Steps, fresh: Steps, change: &Change) {
        for (key, built) in fresh {
            let again = change.instead.get(&key).and_then(|(_, old, new)| {
                if !carry_state(&self.surroundings, old, new) {
                    return None;
                }
                let (_, config, account) = change.layout.processors.iter().find(|p| p.0 == key)?;
                process::build(config, key, account, &self.processors, self.workers).ok()
            });
            steps.insert(key, again.unwrap_or(built));
        }
    }

    /// Starts the aggregators that are new.
    fn start_aggregators(&self, mut all: Vec<Aggregation>, change: &mut Change, config: &Config) -> Vec<Aggregation> {
        let agent = &config.agent;
        let plan = aggregate::Plan {
            round: agent.round_interval,
            precision: config.inputs.iter().map(|i| input::precision(i, agent, false)).max().unwrap_or(1),
            results_precision: input::agent_precision(agent),
            results: self.results.clone(),
            credit: self.results_credit.clone(),
        };
        let running: HashSet<Key> = all.iter().map(|a| a.key).collect();
        for (key, config, account) in &change.layout.aggregators {
            let Some(mut instances) = change.aggregators.remove(key) else { continue };
            debug_assert!(!running.contains(key));
            if let Some((_, old, new)) = change.instead.get(key)
                && carry_state(&self.surroundings, old, new)
                && let Ok(again) = aggregate::build(config, &self.aggregators, self.workers)
            {
                instances = again;
            }
            all.push(Aggregation::start(config, *key, account, instances, &plan));
        }
        all
    }

    /// Lets everything run out, after all inputs have ended: held back metrics, the windows that are open, their results.
    pub(super) async fn end(mut self) {
        *self.entry.hold().await = Next::Closed;
        if let Some(chain) = self.before.take() {
            chain.ended().await;
        }
        if let Some(router) = self.router.take() {
            match router.await {
                Ok(all) => all.into_iter().for_each(|aggregation| drop(self.ending.spawn(aggregation.end()))),
                Err(e) => super::report(Some(e)),
            }
        }
        while let Some(ended) = self.ending.join_next().await {
            super::report(ended.err());
        }
        *self.results.hold().await = Next::Closed;
        if let Some(chain) = self.after.take() {
            chain.ended().await;
        }
    }

    /// Those that run.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        let processors = self.layout.processors.iter().map(|p| Seat::new(&p.1.plugin, &p.2));
        processors.chain(self.layout.aggregators.iter().map(|a| Seat::new(&a.1.plugin, &a.2)))
    }
}
