//! All outputs of a run: opened in the order of the file, exchanged one by one at a reload, ended together.
//!
//! A queue belongs to the alias of an output, or to its plugin's name, and not to the plugin: one whose options change is opened
//! beside the old one, which ends after the write under way, and goes on with its queue; what waits there and the receipts of it
//! stay as they are. One whose own options are the same goes on, whatever its common options have become.

use super::board::Seat;
use super::buffer::Buffer;
use super::change::{Match, pair};
use super::dead_letters::DeadLetters;
use super::fanout::Fanout;
use super::folders::{Folder, folders};
use super::lanes::Lanes;
use super::link::{Link, OutputHandle, Pace};
use super::odd;
use super::output::{Ending, Writer};
use super::pour::pour;
use super::printer::printer;
use crate::config::{Built, Config, Full, OutputConfig, Surroundings};
use agent_api::plugin::DynOutput;
use agent_api::{Log, Result, Settled, anyhow, bail};
use agent_net::server::{Leaving, Sockets};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// All outputs of a run.
pub(super) struct Outputs {
    surroundings: Surroundings,
    /// What everything before them hands metrics to.
    pub(super) fanout: Fanout,
    running: Vec<Running>,
    /// Those that a reload has taken out and that write what they have left.
    leaving: JoinSet<()>,
    /// Ends the printer of `--test`.
    printing: Option<watch::Sender<Ending>>,
}

/// An output that runs.
struct Running {
    config: OutputConfig,
    directory: Option<PathBuf>,
    link: Arc<Link>,
    log: Log,
    ending: watch::Sender<Ending>,
    task: JoinHandle<usize>,
    sockets: Sockets,
}

/// An output that is open and has not begun.
struct Waiting {
    config: OutputConfig,
    directory: Option<PathBuf>,
    link: Arc<Link>,
    log: Log,
    writer: Writer,
    ending: watch::Sender<Ending>,
    sockets: Sockets,
}

/// What a reload is going to do.
pub(super) struct Change {
    slots: Vec<Slot>,
}

enum Slot {
    /// Goes on, with other common options perhaps.
    Kept(usize, Box<OutputConfig>),
    /// Begins, with the queue of another perhaps.
    Fresh(Box<Waiting>, Option<usize>),
}

impl Outputs {
    /// No outputs yet.
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        Outputs {
            surroundings: surroundings.clone(),
            fanout: Fanout::default(),
            running: Vec::new(),
            leaving: JoinSet::new(),
            printing: None,
        }
    }

    /// Begins with the printer of `--test` alone; the others are built for their mistakes.
    pub(super) async fn print(&mut self, config: &Config) -> Result<()> {
        for output in &config.outputs {
            let Built::Output(_) = output.plugin.build(&self.surroundings)? else { return Err(odd(&output.plugin)) };
        }
        let (ending, told) = watch::channel(Ending::None);
        let (handle, mut writer) = printer(told);
        writer.open(true, false).await.map_err(|e| anyhow!("open standard output: {e}"))?;
        self.fanout.hold().await.push(handle);
        self.leaving.spawn(async move {
            let _left = writer.run().await;
        });
        self.printing = Some(ending);
        Ok(())
    }

    /// Builds and opens what is new, in the order of the file. Nothing that runs is touched. With `strict` one that must open
    /// and does not ends it.
    pub(super) async fn prepare(&self, config: &Config, strict: bool) -> Result<Change> {
        let of = |o: usize, n: usize| (&self.running[o].config, &config.outputs[n]);
        let same = |o, n| matches!(of(o, n), (a, b) if a.plugin.own == b.plugin.own && same_queue(a, b) && a.dead_letters == b.dead_letters && a.max_concurrent_requests == b.max_concurrent_requests);
        let instead = |o, n| matches!(of(o, n), (a, b) if a.plugin.queue_name() == b.plugin.queue_name());
        let matches = pair(self.running.len(), config.outputs.len(), same, instead);
        let leaving = Arc::new(Leaving::default());
        for (i, running) in self.running.iter().enumerate() {
            if !matches.contains(&Match::Same(i)) {
                leaving.add(&running.sockets);
            }
        }
        let folders = self.folders(config, &matches);
        let mut slots = Vec::new();
        for ((output, how), folder) in config.outputs.iter().zip(matches).zip(folders) {
            let from = match how {
                Match::Same(i) => {
                    slots.push(Slot::Kept(i, Box::new(output.clone())));
                    continue;
                }
                Match::Instead(i) => Some(i),
                Match::New => None,
            };
            if let Some(waiting) = self.open(output, folder, from, config, &leaving, strict).await? {
                slots.push(Slot::Fresh(Box::new(waiting), from));
            }
        }
        Ok(Change { slots })
    }

    async fn open(
        &self,
        output: &OutputConfig,
        folder: Folder,
        from: Option<usize>,
        config: &Config,
        leaving: &Arc<Leaving>,
        strict: bool,
    ) -> Result<Option<Waiting>> {
        let Built::Output(plugin) = output.plugin.build(&self.surroundings)? else { return Err(odd(&output.plugin)) };
        let (log, before) = (output.plugin.log(), from.map(|i| &self.running[i]));
        let directory = folder.queue;
        let account = before.map(|b| b.link.account.clone()).unwrap_or_default();
        let queue = match before {
            Some(before) if same_queue(&before.config, output) => before.link.queue.clone(),
            _ => {
                let queue = Buffer::new(output, directory.clone(), &log);
                // One that the output before has its files in begins when that has let go of them.
                if before.is_none_or(|before| before.directory != directory) {
                    queue.start();
                }
                Arc::new(queue)
            }
        };
        let link = Link::new(queue, account, output, Pace::new(output, &config.agent));
        let (ending, told) = watch::channel(Ending::None);
        let startup = output.startup_error_behavior;
        let mut writer = Writer::new(plugin, startup, link.clone(), log.clone(), told);
        writer.lanes = self.lanes(output, &*writer.output)?;
        let letters = |directory| Arc::new(DeadLetters::new(directory, output.plugin.log_name(), folder.keys));
        writer.dead_letters = folder.dead_letters.map(letters);
        let sockets = Sockets::default();
        let goes_on = before.is_some();
        match sockets.open(leaving, writer.open(strict, goes_on)).await {
            Ok(true) => {
                let config = output.clone();
                Ok(Some(Waiting { config, directory, link, log, writer, ending, sockets }))
            }
            Ok(false) => Ok(None),
            Err(e) => bail!("connect {}: {e}", output.plugin.log_name()),
        }
    }

    /// The instances of an output that write beside each other, where there are to be several.
    fn lanes(&self, output: &OutputConfig, first: &dyn DynOutput) -> Result<Lanes> {
        let most = output.max_concurrent_requests;
        if most < 2 {
            return Ok(Lanes::new(Vec::new()));
        }
        if !first.concurrent() {
            let log = output.plugin.log();
            log.warn("max_concurrent_requests has no effect: this output writes one request at a time");
            return Ok(Lanes::new(Vec::new()));
        }
        let another = |_| match output.plugin.build(&self.surroundings)? {
            Built::Output(plugin) => Ok(plugin),
            _ => Err(odd(&output.plugin)),
        };
        Ok(Lanes::new((0..most).map(another).collect::<Result<_>>()?))
    }

    /// The folders of outputs: those of queues in use stay with their outputs while these run.
    fn folders(&self, config: &Config, matches: &[Match]) -> Vec<Folder> {
        let stays = |n: usize| match matches[n] {
            Match::Same(o) => self.running[o].directory.clone(),
            Match::Instead(o) if same_queue(&self.running[o].config, &config.outputs[n]) => {
                self.running[o].directory.clone()
            }
            _ => None,
        };
        let mut used: Vec<PathBuf> = (0..matches.len()).filter_map(stays).collect();
        let free = |asked: PathBuf, used: &mut Vec<PathBuf>| {
            let mut free = asked.clone();
            let mut n = 1;
            while used.contains(&free) {
                n += 1;
                let mut name = asked.clone().into_os_string();
                name.push(format!("-{n}"));
                free = PathBuf::from(name);
            }
            used.push(free.clone());
            free
        };
        let mut folders = folders(config);
        for (n, folder) in folders.iter_mut().enumerate() {
            folder.queue = stays(n).or_else(|| folder.queue.take().map(|asked| free(asked, &mut used)));
        }
        folders
    }

    /// Does what was prepared: from one batch to the next everything goes to the new outputs.
    pub(super) async fn commit(&mut self, change: Change, config: &Config) {
        let mut fanout = self.fanout.hold().await;
        let mut old: Vec<Option<Running>> = self.running.drain(..).map(Some).collect();
        for slot in change.slots {
            match slot {
                Slot::Kept(i, own) => {
                    let Some(mut running) = old[i].take() else { continue };
                    running.link.adjust(&own, Pace::new(&own, &config.agent));
                    running.config = *own;
                    self.running.push(running);
                }
                Slot::Fresh(waiting, from) => {
                    let before = from.and_then(|i| old[i].take());
                    waiting.link.adjust(&waiting.config, Pace::new(&waiting.config, &config.agent));
                    self.running.push(waiting.begin(before));
                }
            }
        }
        *fanout = self.running.iter().map(|r| OutputHandle::new(&r.config, r.link.clone())).collect();
        drop(fanout);
        for running in old.into_iter().flatten() {
            running.ending.send_replace(Ending::Flush);
            self.leaving.spawn(running.gone());
        }
        while let Some(ended) = self.leaving.try_join_next() {
            super::report(ended.err());
        }
    }

    /// Lets all write what they can and gives the number of metrics left, after nobody hands them anything any more.
    pub(super) async fn end(mut self) -> usize {
        for running in &self.running {
            running.ending.send_replace(Ending::Flush);
        }
        drop(self.printing);
        let mut unsent = 0;
        for running in self.running {
            match running.task.await {
                Ok(left) => unsent += left,
                Err(e) => super::report(Some(e)),
            }
            running.sockets.clear();
        }
        while let Some(ended) = self.leaving.join_next().await {
            super::report(ended.err());
        }
        unsent
    }

    /// The queues of those that are to block when they are full.
    pub(super) fn blocking(&self) -> Vec<Arc<Buffer>> {
        let block = |r: &&Running| r.config.queue.full == Full::Block;
        self.running.iter().filter(block).map(|r| r.link.queue.clone()).collect()
    }

    /// Those that run.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.running.iter().map(|r| Seat::new(&r.config.plugin, &r.link.account).with_queue(&r.link))
    }
}

/// True if outputs with these options can go on with each other's queue.
fn same_queue(a: &OutputConfig, b: &OutputConfig) -> bool {
    a.disk == b.disk && a.queue == b.queue
}

impl Waiting {
    /// Begins to write when the one before has ended.
    fn begin(self, before: Option<Running>) -> Running {
        let Waiting { config, directory, link, log, writer, ending, sockets } = self;
        let same_directory = before.as_ref().is_some_and(|b| b.directory.is_some() && b.directory == directory);
        let (queue, own) = (link.queue.clone(), log.clone());
        link.account.health.begin();
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                before.sockets.hand_over();
                before.ending.send_replace(Ending::HandOver);
                super::report(before.task.await.err());
                before.sockets.clear();
                let old = &before.link.queue;
                if !Arc::ptr_eq(old, &queue) {
                    if !same_directory {
                        pour(old, &queue, before.directory.as_deref(), &own).await;
                    }
                    old.close().await;
                    queue.start();
                }
            }
            writer.run().await
        });
        Running { config, directory, link, log, ending, task, sockets }
    }
}

impl Running {
    /// Waits for the end of one that was taken out, and says what became of what it could not write.
    async fn gone(self) {
        let left = match self.task.await {
            Ok(left) => left,
            Err(e) => return super::report(Some(e)),
        };
        self.sockets.clear();
        if left == 0 {
            return;
        }
        if let Some(directory) = &self.directory {
            let place = directory.display();
            return self.log.warn(format_args!("taken out with {left} metrics not written; they stay in {place}"));
        }
        self.link.drop_for("output taken out", left);
        self.log.warn(format_args!("taken out with {left} metrics not written, which are dropped"));
        loop {
            let chunk = self.link.queue.take(false).await;
            if chunk.is_empty() {
                break;
            }
            self.link.queue.settle(chunk, Settled::Rejected);
        }
    }
}
