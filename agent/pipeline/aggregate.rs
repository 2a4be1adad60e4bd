//! Aggregators: sharded by series, a shard owned by one task, a window closed by a message that passes through its queue.
//!
//! Because the end of a window travels behind the metrics that came before it, nothing is counted twice or missed at the
//! boundary, and no lock is needed. At the stop the last partial window is emitted.

use super::account::{Account, Key};
use super::credit::Credit;
use super::fanout::Fanout;
use super::held::Holding;
use super::rename::Renaming;
use super::shard::{Message, Shard, Window};
use super::stage::{DEPTH, Gate, Next};
use crate::config::{AggregatorConfig, Filter};
use agent_api::plugin::{DynAggregator, now};
use agent_api::stats::{self, Counter};
use agent_api::{Batch, Log, Result, Scope, View};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Builds one shard of an aggregator.
pub(super) type Maker = Arc<dyn Fn(&AggregatorConfig) -> Result<Box<dyn DynAggregator>> + Send + Sync>;

/// One aggregator as the stage sees it. Its shards run on while the stage around it is exchanged.
pub(super) struct Aggregation {
    pub(super) key: Key,
    account: Arc<Account>,
    tasks: JoinSet<()>,
    filter: Filter,
    drop_original: bool,
    shards: Vec<mpsc::Sender<Message>>,
    /// It takes what batches carry beside metrics.
    loads: bool,
    filtered: Counter,
    /// Ends the timer of its windows.
    _ended: DropGuard,
}

/// What the aggregators of a run share.
pub(super) struct Plan {
    /// Windows end on multiples of their period.
    pub(super) round: bool,
    /// Nanoseconds to which inputs round times, the coarsest of them.
    pub(super) precision: i64,
    /// Nanoseconds to which the time of results is rounded, where an aggregator gives them none.
    pub(super) results_precision: i64,
    /// Where results go.
    pub(super) results: Gate,
    /// The credit of results.
    pub(super) credit: Credit,
}

/// The task that takes metrics to aggregators; gives them back when its entry has been closed.
pub(super) type Router = JoinHandle<Vec<Aggregation>>;

/// Starts to take what comes in at the entry to the aggregators and on to `originals`.
pub(super) fn start(all: Vec<Aggregation>, originals: Fanout) -> (Router, Next) {
    let (entry, batches) = mpsc::channel(DEPTH);
    (tokio::spawn(route(all, batches, originals)), Next::Stage(entry))
}

/// Builds the shards of an aggregator.
pub(super) fn build(config: &AggregatorConfig, maker: &Maker, workers: usize) -> Result<Vec<Box<dyn DynAggregator>>> {
    let mut instances = vec![maker(config)?];
    while instances[0].scope() != Scope::Everything && instances.len() < workers {
        instances.push(maker(config)?);
    }
    let count = instances.len();
    for (index, instance) in instances.iter_mut().enumerate() {
        instance.share(index, count);
    }
    Ok(instances)
}

impl Aggregation {
    /// Starts shards; their first window begins now.
    pub(super) fn start(
        config: &AggregatorConfig,
        key: Key,
        account: &Arc<Account>,
        instances: Vec<Box<dyn DynAggregator>>,
        plan: &Plan,
    ) -> Self {
        let Plan { round, precision, results_precision, results, credit } = plan;
        let loads = instances.first().is_some_and(|instance| instance.loads());
        let nanos = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX);
        let period = nanos(config.period).max(1);
        let (begin, end) = first_window(now(), period, *round, *precision);
        let window = Window { start: begin, end, grace: nanos(config.grace), delay: nanos(config.delay) };
        let log = Log::new(&config.plugin.log_name(), config.plugin.log_level, account.errors.clone());
        let set = stats::set("aggregate", &[("aggregator", config.plugin.entry.name), ("alias", &config.plugin.alias)]);
        let (mut shards, mut tasks) = (Vec::new(), JoinSet::new());
        for aggregator in instances {
            let (entry, messages) = mpsc::channel(DEPTH);
            let shard = Shard {
                aggregator,
                window,
                early: Vec::new(),
                renaming: Renaming::new(&config.naming, config.tags.clone().into_iter().collect()),
                results: results.clone(),
                precision: *results_precision,
                credit: credit.clone(),
                log: log.clone(),
                account: account.clone(),
                holding: Holding::new(account),
                dropped: set.counter("metrics_dropped"),
                pushed: set.counter("metrics_pushed"),
                push_time: set.counter("push_time_ns"),
            };
            tasks.spawn(shard.run(messages));
            shards.push(entry);
        }
        let ended = CancellationToken::new();
        let weak = shards.iter().map(mpsc::Sender::downgrade).collect();
        tasks.spawn(close_windows(weak, window, period, ended.clone()));
        Aggregation {
            key,
            account: account.clone(),
            tasks,
            _ended: ended.drop_guard(),
            filter: config.filter.clone(),
            drop_original: config.drop_original,
            shards,
            loads,
            filtered: set.counter("metrics_filtered"),
        }
    }

    /// Ends its shards and waits until they have handed on the results of the window that was open.
    pub(super) async fn end(self) {
        let Aggregation { mut tasks, shards, _ended, .. } = self;
        drop((shards, _ended));
        while let Some(ended) = tasks.join_next().await {
            super::report(ended.err());
        }
    }

    /// Sends the metrics of a view to their shards; gives the rows (ascending) of those that are not to go on.
    async fn add(&self, view: &View) -> Vec<u32> {
        let selected: Vec<u32> = if self.filter.selects_all() {
            (0..view.len()).map(|i| view.row(i)).collect()
        } else {
            (0..view.len()).filter(|i| self.filter.selects(view.at(*i))).map(|i| view.row(i)).collect()
        };
        let others = (view.len() - selected.len()) as i64;
        self.filtered.add(others);
        self.account.filtered.add(others);
        self.account.taken.add(selected.len() as i64);
        let mut mine = view.untracked().with_rows(selected.clone());
        if !self.filter.modifies_nothing() {
            let mut batch = mine.into_batch();
            self.filter.modify_all(&mut batch);
            batch.hash();
            mine = View::all(batch);
        }
        let count = self.shards.len();
        if count == 1 {
            // A shard that has ended has panicked beyond repair, which it has logged.
            let _ended = self.shards[0].send(Message::Add(mine)).await;
        } else {
            let mut rows = vec![Vec::with_capacity(mine.len() / count * 2); count];
            for i in 0..mine.len() {
                // The upper half: tables take the lower bits.
                rows[(mine.at(i).series() >> 32) as usize % count].push(mine.row(i));
            }
            for (shard, rows) in self.shards.iter().zip(rows) {
                if !rows.is_empty() {
                    let _ended = shard.send(Message::Add(mine.with_rows(rows))).await;
                }
            }
        }
        if self.drop_original { selected } else { Vec::new() }
    }
}

/// Takes every batch to all aggregators, then on.
async fn route(all: Vec<Aggregation>, mut batches: mpsc::Receiver<Batch>, originals: Fanout) -> Vec<Aggregation> {
    while let Some(mut batch) = batches.recv().await {
        if let Some(cargo) = batch.take_cargo() {
            let mut taken = false;
            for shard in all.iter().filter(|a| a.loads).flat_map(|a| &a.shards) {
                let _ended = shard.send(Message::Load(cargo.clone())).await;
                taken = true;
            }
            if !taken {
                super::fanout::untaken();
            }
        }
        let urges = batch.urges();
        batch.hash();
        let mut view = View::all(batch);
        let mut gone: Vec<u32> = Vec::new();
        // There is none where a batch only carries something.
        if !view.is_empty() {
            for aggregation in &all {
                gone.extend(aggregation.add(&view).await);
            }
        }
        if !gone.is_empty() {
            gone.sort_unstable();
            let rows: Vec<u32> =
                (0..view.len()).map(|i| view.row(i)).filter(|r| gone.binary_search(r).is_err()).collect();
            let rest = view.with_rows(rows);
            view.settle(agent_api::Settled::Delivered);
            view = rest;
        }
        originals.deliver_view(view).await;
        if urges {
            originals.urge().await;
        }
    }
    all
}

/// Closes windows when their time has come, until the aggregation has ended.
async fn close_windows(
    shards: Vec<mpsc::WeakSender<Message>>,
    mut window: Window,
    period: i64,
    ended: CancellationToken,
) {
    loop {
        let wait = u64::try_from(window.end.saturating_sub(now())).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_nanos(wait)) => {}
            () = ended.cancelled() => return,
        }
        let time = now();
        window.start = window.end;
        window.end = window.end.saturating_add(period);
        if time > window.end || time < window.start {
            // The clock was set, or the machine slept: begin anew from now.
            window.start = time;
            window.end = time.saturating_add(period);
        }
        for shard in &shards {
            let Some(shard) = shard.upgrade() else { return };
            let _ended = shard.send(Message::Close { start: window.start, end: window.end }).await;
        }
    }
}

/// Begin and end of the first window. It begins on a multiple of the precision at or before `now`, as times that are rounded may
/// lie before the moment at which they were taken, and no metric may fall before the first window for that.
fn first_window(now: i64, period: i64, round: bool, precision: i64) -> (i64, i64) {
    if round {
        let end = now - now.rem_euclid(period) + period;
        (end - period, end)
    } else {
        let begin = now - now.rem_euclid(precision.max(1));
        (begin, begin.saturating_add(period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_window_takes_in_what_was_rounded_down() {
        assert_eq!(first_window(10_300, 5000, true, 1000), (10_000, 15_000));
        assert_eq!(first_window(10_000, 5000, true, 1000), (10_000, 15_000));
        assert_eq!(first_window(10_300, 5000, false, 1000), (10_000, 15_000));
        assert_eq!(first_window(10_300, 5000, false, 1), (10_300, 15_300));
    }
}
