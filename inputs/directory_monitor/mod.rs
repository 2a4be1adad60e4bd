//! Reads the files that are put into a folder, and moves them to another when they have been read.
//!
//! A thread of its own reads one file after the other: files are large, and a disk may be slow.

mod credit;
mod find;
mod read;
mod round;

#[cfg(test)]
mod tests;

use agent_api::*;
use agent_golang::regexp::Regexp;
use credit::Credit;
use find::Selection;
use read::Method;
use round::Worker;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

register!(Entry::listener::<DirectoryMonitor>());

/// The folder that is watched.
struct DirectoryMonitor {
    plan: Arc<Plan>,
}

/// Which folder, and what is done with its files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder whose files are read. Required.
    directory: String,
    /// Folder to which files are moved that have been read; made if it is not there. Required.
    finished_directory: String,
    /// Folder to which files are moved that could not be read, or not wholly. Without one they stay, and are read again when they change.
    error_directory: String,
    /// Read the files of folders below it too.
    recursive: bool,
    /// How long ago a file must have been changed to be taken for complete.
    directory_duration_threshold: Duration,
    /// Regular expressions for the names of files that are read, or their paths below the folder; empty for all.
    files_to_monitor: Vec<String>,
    /// Regular expressions for the names of files that are not read, or their paths below the folder.
    files_to_ignore: Vec<String>,
    /// Most metrics that are on their way to the outputs at a time; reading waits beyond that.
    max_buffered_metrics: usize,
    /// Most files of one interval; the others have to wait for the next.
    file_queue_size: usize,
    /// Parse the lines (or records) of a file one by one with `line-by-line`, or the whole file with `at-once`.
    parse_method: String,
    /// Tag that gets the name of the file, without its folder; nothing for none.
    file_tag: String,
    /// Files that are moved keep the times of their last change and access. A file that only gets another name on its disk does in any case.
    preserve_timestamps: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            directory: String::new(),
            finished_directory: String::new(),
            error_directory: String::new(),
            recursive: false,
            directory_duration_threshold: Duration::millis(50),
            files_to_monitor: Vec::new(),
            files_to_ignore: Vec::new(),
            max_buffered_metrics: 10_000,
            file_queue_size: 100_000,
            parse_method: "line-by-line".to_owned(),
            file_tag: String::new(),
            preserve_timestamps: false,
        }
    }
}

/// What is done, the same in every round.
struct Plan {
    selection: Selection,
    finished: PathBuf,
    errors: Option<PathBuf>,
    method: Method,
    file_tag: String,
    /// Moved files keep their times.
    keep_times: bool,
    files: usize,
    credit: Credit,
    env: Env,
    stats: Stats,
}

/// Files of all inputs of this kind, and of this folder.
struct Stats {
    read: [stats::Counter; 2],
    dropped: [stats::Counter; 2],
    queued: stats::Counter,
}

impl Plugin for DirectoryMonitor {
    const NAME: &'static str = "directory_monitor";
    const ABOUT: &'static str = "Reads files that are put into a folder, and moves them away.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let Settings { directory, finished_directory, error_directory, .. } = &settings;
        ensure!(!directory.is_empty(), "directory is required");
        ensure!(!finished_directory.is_empty(), "finished_directory is required");
        ensure!(settings.file_queue_size > 0, "file_queue_size must be above 0");
        ensure!(settings.max_buffered_metrics > 0, "max_buffered_metrics must be above 0");
        let folder = PathBuf::from(directory);
        let finished = PathBuf::from(finished_directory);
        let errors = Some(PathBuf::from(error_directory)).filter(|path| !path.as_os_str().is_empty());
        for (name, other) in [("finished_directory", Some(&finished)), ("error_directory", errors.as_ref())] {
            ensure!(other != Some(&folder), "{name} and directory are the same");
        }
        let selection = Selection {
            others: [Some(&finished), errors.as_ref()].into_iter().flatten().map(|path| absolute(path)).collect(),
            folder: absolute(&folder),
            recursive: settings.recursive,
            wanted: patterns("files_to_monitor", &settings.files_to_monitor)?,
            ignored: patterns("files_to_ignore", &settings.files_to_ignore)?,
            age: *settings.directory_duration_threshold,
        };
        let (all, own) = (
            stats::set("directory_monitor", &[]),
            stats::set("directory_monitor", &[("alias", &env.alias), ("directory", directory)]),
        );
        let stats = Stats {
            read: [all.counter("files_processed"), own.counter("files_processed_per_dir")],
            dropped: [all.counter("files_dropped"), own.counter("files_dropped_per_dir")],
            queued: own.counter("files_queue_per_dir"),
        };
        let plan = Plan {
            selection,
            finished,
            errors,
            method: Method::new(&settings.parse_method)?,
            credit: Credit::new(settings.max_buffered_metrics),
            files: settings.file_queue_size,
            file_tag: settings.file_tag,
            keep_times: settings.preserve_timestamps,
            env: env.clone(),
            stats,
        };
        Ok(DirectoryMonitor { plan: Arc::new(plan) })
    }
}

fn patterns(option: &'static str, texts: &[String]) -> Result<Vec<Regexp>> {
    texts.iter().map(|text| Regexp::compile(text).context(option)).collect()
}

/// The path from the root on, as the working folder stays what it is.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

impl Listener for DirectoryMonitor {
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        // An interval that comes while files are being read is none to wait for.
        let (ask, asked) = mpsc::channel(1);
        let worker = Worker::new(self.plan.clone(), out, stop.clone());
        let working = tokio::task::spawn_blocking(move || worker.run(asked));
        while let Some(request) = stop.next().await {
            let _busy = ask.try_send(request);
        }
        drop(ask);
        working.await.context("read files")
    }
}
