//! Follows files as they grow, and through rotation.
//!
//! A task for each file reads what is new in blocks of whole lines. How far a file was read is kept over restarts, but only once
//! everything before has been delivered: what was under way when the agent ended is read again. `offsets` keeps these places,
//! `follow` is the life of one path, `reader` reads one file, `lines` makes metrics of blocks and `ahead` of several at once, `watch` says
//! when there is something new.

mod ahead;
mod ansi;
mod follow;
mod identity;
mod lines;
mod multiline;
mod offsets;
mod pipe;
mod reader;
mod watch;

#[cfg(test)]
mod tests;

use crate::encoding::Encoding;
use crate::globpath::GlobPath;
use agent_api::plugin::ParserMaker;
use agent_api::*;
use follow::Follower;
use lines::Lines;
use multiline::Multiline;
use offsets::Offsets;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use watch::Watch;

register!(Entry::listener::<Tail>());

/// Finds files and starts a follower for each.
struct Tail {
    globs: Vec<GlobPath>,
    shared: Arc<Shared>,
}

/// What the followers of all files share.
struct Shared {
    settings: Settings,
    encoding: Encoding,
    multiline: Option<Multiline>,
    parsers: ParserMaker,
    offsets: Offsets,
    /// Lines that may still be under way.
    credit: Arc<Semaphore>,
    /// Followers that have not come to the end of their file yet.
    behind: AtomicUsize,
    /// Rung when one has.
    caught_up: Notify,
    /// The run ends after one gathering.
    once: bool,
    log: Log,
}

/// Which files, and how they are read. The options of the data format, which is line protocol if none is named, stand beside these.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Files to follow; `*`, `?`, `[...]`, `{a,b}` stand for parts of one name, `**` for any number of folders. New files are
    /// looked for at every interval.
    files: Vec<String>,
    /// Where a file is begun that was there at the start: `beginning`, `end`, or where it was left by the run before
    /// (`saved-or-beginning`, `saved-or-end`). Files that come later are read from their beginning.
    initial_read_offset: Begin,
    /// The files are named pipes.
    pipe: bool,
    /// How changes are noticed: `inotify`, or `poll` for file systems that do not tell. Both look every second or more often.
    watch_method: WatchMethod,
    /// So many lines may be under way to the outputs; reading waits until some of them have been written. Outputs that are
    /// waited for write batches that are not full yet, so that fewer than `metric_batch_size` make requests smaller, but nothing slower.
    max_undelivered_lines: usize,
    /// Encoding of the files: `utf-8`, `utf-16le`, `utf-16be`; nothing takes the bytes as they are.
    character_encoding: String,
    /// Tag that gets the path of the file; empty for none.
    path_tag: String,
    /// What is taken out of lines first: `ansi_color`.
    filters: Vec<LineFilter>,
    /// How events of several lines are put together.
    multiline: multiline::Settings,
    /// How the lines are read.
    data_format: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            files: Vec::new(),
            initial_read_offset: Begin::default(),
            pipe: false,
            watch_method: WatchMethod::default(),
            max_undelivered_lines: 1000,
            character_encoding: String::new(),
            path_tag: "path".to_owned(),
            filters: Vec::new(),
            multiline: multiline::Settings::default(),
            data_format: "influx".to_owned(),
        }
    }
}

/// Where a file is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Begin {
    Beginning,
    End,
    SavedOrBeginning,
    #[default]
    #[serde(alias = "")]
    SavedOrEnd,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum WatchMethod {
    #[default]
    Inotify,
    Poll,
}

/// What is taken out of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum LineFilter {
    AnsiColor,
}

impl Plugin for Tail {
    const NAME: &'static str = "tail";
    const ABOUT: &'static str = "Follows files as they grow.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(settings.max_undelivered_lines > 0, "max_undelivered_lines: 0 lines are too few");
        let globs = settings.files.iter().map(|file| GlobPath::new(file)).collect::<Result<_>>().context("files")?;
        let parsers = env.parsers.clone().context("no data format")?;
        // Options that do not fit are found now.
        parsers()?;
        // Under --once nothing is written before everything is read.
        let once = env.agent.once;
        let credit = if once { Semaphore::MAX_PERMITS } else { settings.max_undelivered_lines.min(u32::MAX as usize) };
        let shared = Shared {
            encoding: Encoding::new(&settings.character_encoding)?,
            multiline: Multiline::new(&settings.multiline)?,
            parsers,
            offsets: Offsets::load(&env.state),
            credit: Arc::new(Semaphore::new(credit)),
            behind: AtomicUsize::new(0),
            caught_up: Notify::new(),
            once,
            log: env.log.clone(),
            settings,
        };
        Ok(Tail { globs, shared: Arc::new(shared) })
    }
}

impl Listener for Tail {
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let watch = Watch::new(self.shared.settings.watch_method, &self.shared.log);
        let (mut known, mut followers) = (HashSet::new(), JoinSet::new());
        let mut at_start = true;
        loop {
            for path in self.new_files(&mut known) {
                self.shared.behind.fetch_add(1, SeqCst);
                let (shared, out, stop) = (self.shared.clone(), out.clone(), stop.clone());
                if shared.settings.pipe {
                    followers.spawn(meter::inherit(pipe::follow(shared, path, out, stop)));
                } else {
                    let wake = watch.add(&path);
                    followers.spawn(meter::inherit(Follower::new(shared, path, at_start, wake, out, stop).run()));
                }
            }
            at_start = false;
            let Some(request) = stop.next().await else { break };
            if self.shared.once {
                self.shared.all_caught_up().await;
            }
            drop(request);
        }
        while let Some(ended) = followers.join_next().await {
            ended.context("follow a file")?;
        }
        self.shared.offsets.finish();
        Ok(())
    }
}

impl Tail {
    /// Files that are there and were not there before, sorted.
    fn new_files(&self, known: &mut HashSet<PathBuf>) -> Vec<PathBuf> {
        let found = plugin::blocking(|| {
            self.globs.iter().flat_map(|g| if g.is_plain() { g.matches() } else { g.files() }).collect::<Vec<_>>()
        });
        found.into_iter().filter(|path| known.insert(path.clone())).collect()
    }
}

impl Shared {
    /// Something that makes metrics of the blocks of one file.
    fn lines(&self) -> Result<Lines> {
        let takes_colors_out = self.settings.filters.contains(&LineFilter::AnsiColor);
        let is_influx = self.settings.data_format == "influx";
        Ok(Lines::new((self.parsers)()?, self.encoding, takes_colors_out, self.multiline.clone(), is_influx))
    }

    /// A follower has come to the end of its file for the first time.
    fn catch_up(&self) {
        self.behind.fetch_sub(1, SeqCst);
        self.caught_up.notify_waiters();
    }

    async fn all_caught_up(&self) {
        loop {
            let notified = self.caught_up.notified();
            if self.behind.load(SeqCst) == 0 {
                return;
            }
            notified.await;
        }
    }
}
