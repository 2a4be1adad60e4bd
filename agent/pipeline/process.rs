//! Processors: the chain runs on a whole batch inside one worker, and is spread over workers as far as its scope allows.
//!
//! The chain is cut where the scope changes. A piece whose processors see each metric alone runs in as many workers as there
//! are cores: batches are dealt out in turn and collected in the same turn, so their order is kept without any sorting.

use super::account::{Account, Key};
use super::held::Holding;
use super::stage::{DEPTH, Next};
use crate::config::{Filter, ProcessorConfig};
use agent_api::plugin::{DynProcessor, blocking, step_aside};
use agent_api::{Batch, Log, Result, Scope};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Builds the processors of one worker.
pub(super) type Maker = Arc<dyn Fn(&ProcessorConfig) -> Result<Box<dyn DynProcessor>> + Send + Sync>;

/// A processor with its filter.
pub(super) struct Step {
    processor: Box<dyn DynProcessor>,
    filter: Filter,
    config: ProcessorConfig,
    key: Key,
    account: Arc<Account>,
    holding: Holding,
    maker: Maker,
    log: Log,
}

/// The instances of each processor of a chain, one for each worker that has it.
pub(super) type Steps = HashMap<Key, Vec<Step>>;

/// The running tasks of a chain.
pub(super) struct Chain {
    tasks: JoinSet<Vec<Step>>,
    /// Processors that go on in another chain; set before the entry is closed, or never at the end of the run.
    kept: Arc<OnceLock<HashSet<Key>>>,
}

/// From so many metrics on, a batch is worked on apart from the tasks of the runtime, which would have to wait for it.
const LONG: usize = 5000;

/// How often processors that hold metrics back are asked for what is due.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

impl Chain {
    /// Starts tasks for the processors named by `order` before `next`, and gives the entry to them; `next` itself if there are none.
    pub(super) fn start(order: &[Key], steps: &mut Steps, workers: usize, next: Next) -> (Self, Next) {
        let mut chain = Chain { tasks: JoinSet::new(), kept: Arc::default() };
        let mut pieces: Vec<Vec<Vec<Step>>> = Vec::new();
        for key in order {
            let Some(copies) = steps.remove(key) else { continue };
            match pieces.last_mut() {
                Some(piece) if piece.len() == copies.len() => {
                    piece.iter_mut().zip(copies).for_each(|(worker, step)| worker.push(step));
                }
                _ => pieces.push(copies.into_iter().map(|step| vec![step]).collect()),
            }
        }
        debug_assert!(pieces.iter().all(|p| p.len() == 1 || p.len() == workers));
        let mut next = next;
        for mut piece in pieces.into_iter().rev() {
            let (entry, batches) = mpsc::channel(DEPTH);
            if piece.len() > 1 {
                chain.spread(piece, batches, next);
            } else if let Some(steps) = piece.pop() {
                chain.tasks.spawn(work(steps, batches, next, chain.kept.clone()));
            }
            next = Next::Stage(entry);
        }
        (chain, next)
    }

    /// Waits for the end of the chain, whose entry has been closed; all processors hand on what they hold back.
    pub(super) async fn ended(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            super::report(ended.err());
        }
    }

    /// Closes the entry by `close`, waits until all batches are through, and gives back the processors that are `kept`, with
    /// what they hold back. The others hand that on.
    pub(super) async fn drained(mut self, kept: HashSet<Key>, close: impl FnOnce()) -> Steps {
        let mut steps = Steps::new();
        self.kept.get_or_init(|| kept.clone());
        close();
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(own) => own
                    .into_iter()
                    .filter(|step| kept.contains(&step.key))
                    .for_each(|step| steps.entry(step.key).or_default().push(step)),
                Err(e) => super::report(Some(e)),
            }
        }
        steps
    }

    /// Deals batches out to workers in turn and collects them in the same turn.
    fn spread(&mut self, workers: Vec<Vec<Step>>, mut batches: mpsc::Receiver<Batch>, next: Next) {
        let (mut entries, mut exits) = (Vec::new(), Vec::new());
        for steps in workers {
            let (entry, work_in) = mpsc::channel(1);
            let (work_out, exit) = mpsc::channel(1);
            self.tasks.spawn(work(steps, work_in, Next::Stage(work_out), self.kept.clone()));
            entries.push(entry);
            exits.push(exit);
        }
        self.tasks.spawn(async move {
            let mut turn = 0;
            while let Some(batch) = batches.recv().await {
                if entries[turn].send(batch).await.is_err() {
                    break;
                }
                turn = (turn + 1) % entries.len();
            }
            Vec::new()
        });
        self.tasks.spawn(async move {
            let mut turn = 0;
            while let Some(batch) = exits[turn].recv().await {
                next.send(batch).await;
                turn = (turn + 1) % exits.len();
            }
            // The worker whose turn it was has ended; the others may still hand on what their processors held back.
            for mut exit in exits {
                while let Some(batch) = exit.recv().await {
                    next.send(batch).await;
                }
            }
            Vec::new()
        });
    }
}

/// Builds a processor for as many workers as it can be spread over.
pub(super) fn build(
    config: &ProcessorConfig,
    key: Key,
    account: &Arc<Account>,
    maker: &Maker,
    workers: usize,
) -> Result<Vec<Step>> {
    let mut steps = vec![Step::new(config, key, account, maker)?];
    while steps[0].spreads() && steps.len() < workers {
        steps.push(Step::new(config, key, account, maker)?);
    }
    Ok(steps)
}

impl Step {
    fn new(config: &ProcessorConfig, key: Key, account: &Arc<Account>, maker: &Maker) -> Result<Self> {
        let processor = maker(config)?;
        let log = Log::new(&config.plugin.log_name(), config.plugin.log_level, account.errors.clone());
        let (filter, config, holding) = (config.filter.clone(), config.clone(), Holding::new(account));
        Ok(Step { processor, filter, config, key, account: account.clone(), holding, maker: maker.clone(), log })
    }

    fn spreads(&self) -> bool {
        self.processor.scope() == Scope::Metric && !self.processor.ticks()
    }

    /// Applies the processor to the metrics that its filter selects; the others keep their places.
    fn apply(&mut self, batch: &mut Batch) {
        if self.filter.selects_all() {
            self.filter.modify_all(batch);
            return self.guarded(batch, |p, b| p.apply(b));
        }
        let mut selected = batch.clone();
        let (mut row, mut chosen) = (0, Vec::with_capacity(batch.len()));
        selected.retain(|m| {
            let select = self.filter.selects(m.read());
            chosen.push(select);
            select
        });
        self.account.filtered.add((batch.len() - selected.len()) as i64);
        if selected.is_empty() {
            return;
        }
        batch.retain(|_| {
            row += 1;
            !chosen[row - 1]
        });
        self.filter.modify_all(&mut selected);
        self.guarded(&mut selected, |p, b| p.apply(b));
        if batch.is_empty() {
            let (receipt, guard) = (batch.take_receipt(), batch.take_guard());
            *batch = selected;
            receipt.into_iter().for_each(|r| batch.set_receipt(r));
            guard.into_iter().for_each(|g| batch.set_guard(g));
        } else {
            for metric in selected.iter() {
                batch.push(metric);
            }
        }
    }

    /// Calls the processor; a panic is logged and the processor built anew, the batch goes on as it is then.
    fn guarded(&mut self, batch: &mut Batch, call: impl FnOnce(&mut dyn DynProcessor, &mut Batch)) {
        let (account, processor) = (self.account.clone(), &mut *self.processor);
        account.taken.add(batch.len() as i64);
        let done = account.meter(|| std::panic::catch_unwind(AssertUnwindSafe(|| call(processor, batch))));
        account.given.add(batch.len() as i64);
        if done.is_err() {
            self.log.error("panicked; starting it anew");
            match (self.maker)(&self.config) {
                Ok(processor) => self.processor = processor,
                Err(e) => self.log.error(format_args!("failed to start anew: {e:#}")),
            }
        }
        self.holding.look(|| self.processor.held_bytes());
    }
}

/// Runs a piece of the chain on every batch that comes, until no more come; gives the processors back.
async fn work(
    mut steps: Vec<Step>,
    mut batches: mpsc::Receiver<Batch>,
    next: Next,
    kept: Arc<OnceLock<HashSet<Key>>>,
) -> Vec<Step> {
    let ticks = steps.iter().any(|s| s.processor.ticks());
    let mut timer = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            batch = batches.recv() => {
                let Some(mut batch) = batch else { break };
                step_aside().await;
                // What a batch carries beside metrics is no processor's business.
                let mut through = |batch: &mut Batch| steps.iter_mut().for_each(|step| step.apply(batch));
                match batch.len() {
                    0 => {}
                    LONG.. => blocking(|| through(&mut batch)),
                    _ => through(&mut batch),
                }
                next.send(batch).await;
            }
            _ = timer.tick(), if ticks => held_back(&mut steps, &next, |_| true, |p, b| p.tick(b)).await,
        }
    }
    let ends = |step: &Step| !kept.get().is_some_and(|kept| kept.contains(&step.key));
    held_back(&mut steps, &next, ends, |p, b| p.finish(b)).await;
    steps
}

/// Asks the steps that are `asked` for what they held back, and takes that through the steps behind.
async fn held_back(
    steps: &mut [Step],
    next: &Next,
    asked: impl Fn(&Step) -> bool,
    call: impl Fn(&mut dyn DynProcessor, &mut Batch),
) {
    for i in 0..steps.len() {
        if !asked(&steps[i]) {
            continue;
        }
        let mut batch = Batch::new();
        steps[i].guarded(&mut batch, &call);
        if batch.is_empty() {
            continue;
        }
        batch.settle_times(agent_api::plugin::now(), 0);
        for step in &mut steps[i + 1..] {
            step.apply(&mut batch);
        }
        next.send(batch).await;
    }
}
