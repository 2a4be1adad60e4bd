//! Processors: the chain runs on a whole batch inside one worker, and is spread over workers as far as its scope allows.
//!
//! The chain is cut where the scope changes. A piece whose processors see each metric alone runs in as many workers as there
//! are cores: batches are dealt out in turn and collected in the same turn, so their order is kept without any sorting.

use super::stage::{DEPTH, Next};
use crate::config::{Filter, ProcessorConfig};
use agent_api::plugin::DynProcessor;
use agent_api::{Batch, Log, Result, Scope};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Builds the processors of one worker.
pub(super) type Maker = Arc<dyn Fn(&ProcessorConfig) -> Result<Box<dyn DynProcessor>> + Send + Sync>;

/// A processor with its filter.
struct Step {
    processor: Box<dyn DynProcessor>,
    filter: Filter,
    config: ProcessorConfig,
    maker: Maker,
    log: Log,
}

/// How often processors that hold metrics back are asked for what is due.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// Starts tasks for a chain of processors before `next` and gives the entry to it; `next` itself if there are none.
pub(super) fn start(
    configs: &[ProcessorConfig],
    maker: &Maker,
    workers: usize,
    next: Next,
    tasks: &mut JoinSet<()>,
) -> Result<Next> {
    let mut steps = Vec::new();
    for config in configs {
        steps.push(Step::new(config, maker)?);
    }
    let mut pieces: Vec<Vec<Step>> = Vec::new();
    for step in steps {
        match pieces.last_mut() {
            Some(piece) if piece[0].spreads() == step.spreads() => piece.push(step),
            _ => pieces.push(vec![step]),
        }
    }
    let mut next = next;
    for piece in pieces.into_iter().rev() {
        let (entry, batches) = mpsc::channel(DEPTH);
        if workers > 1 && piece[0].spreads() {
            spread(piece, workers, batches, next, tasks)?;
        } else {
            tasks.spawn(work(piece, batches, next));
        }
        next = Next::Stage(entry);
    }
    Ok(next)
}

impl Step {
    fn new(config: &ProcessorConfig, maker: &Maker) -> Result<Self> {
        let processor = maker(config)?;
        let log = Log::new(&config.plugin.log_name(), config.plugin.log_level, agent_api::stats::Counter::default());
        Ok(Step { processor, filter: config.filter.clone(), config: config.clone(), maker: maker.clone(), log })
    }

    fn spreads(&self) -> bool {
        self.processor.scope() == Scope::Metric && !self.processor.ticks()
    }

    /// The same step for another worker.
    fn again(&self) -> Result<Self> {
        Step::new(&self.config, &self.maker)
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
        if std::panic::catch_unwind(AssertUnwindSafe(|| call(&mut *self.processor, batch))).is_err() {
            self.log.error("panicked; starting it anew");
            match (self.maker)(&self.config) {
                Ok(processor) => self.processor = processor,
                Err(e) => self.log.error(format_args!("failed to start anew: {e:#}")),
            }
        }
    }
}

/// Runs a piece of the chain on every batch that comes, until no more come.
async fn work(mut steps: Vec<Step>, mut batches: mpsc::Receiver<Batch>, next: Next) {
    let ticks = steps.iter().any(|s| s.processor.ticks());
    let mut timer = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            batch = batches.recv() => {
                let Some(mut batch) = batch else { break };
                for step in &mut steps {
                    step.apply(&mut batch);
                }
                next.send(batch).await;
            }
            _ = timer.tick(), if ticks => held_back(&mut steps, &next, |p, b| p.tick(b)).await,
        }
    }
    held_back(&mut steps, &next, |p, b| p.finish(b)).await;
}

/// Asks every step for what it held back, and takes that through the steps behind it.
async fn held_back(steps: &mut [Step], next: &Next, call: impl Fn(&mut dyn DynProcessor, &mut Batch)) {
    for i in 0..steps.len() {
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

/// Deals batches out to workers in turn and collects them in the same turn.
fn spread(
    first: Vec<Step>,
    workers: usize,
    mut batches: mpsc::Receiver<Batch>,
    next: Next,
    tasks: &mut JoinSet<()>,
) -> Result<()> {
    let mut copies = Vec::new();
    for _ in 1..workers {
        copies.push(first.iter().map(Step::again).collect::<Result<Vec<_>>>()?);
    }
    copies.push(first);
    let (mut entries, mut exits) = (Vec::new(), Vec::new());
    for steps in copies {
        let (entry, work_in) = mpsc::channel(1);
        let (work_out, exit) = mpsc::channel(1);
        tasks.spawn(work(steps, work_in, Next::Stage(work_out)));
        entries.push(entry);
        exits.push(exit);
    }
    tasks.spawn(async move {
        let mut turn = 0;
        while let Some(batch) = batches.recv().await {
            if entries[turn].send(batch).await.is_err() {
                break;
            }
            turn = (turn + 1) % entries.len();
        }
    });
    tasks.spawn(async move {
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
    });
    Ok(())
}
