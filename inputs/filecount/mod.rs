//! How many files there are in folders, and how large they are together.
//!
//! Folders are walked on a thread of their own: there may be many, or on a disk that sleeps.

mod count;

use crate::globpath::GlobPath;
use agent_api::*;
use agent_golang::glob::Glob;
use agent_golang::{duration, size};
use count::{Conditions, Count};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

register!(Entry::input::<Filecount>());

/// Counts files.
struct Filecount {
    folders: Arc<[GlobPath]>,
    conditions: Arc<Conditions>,
    timeout: Option<std::time::Duration>,
}

/// Which files are counted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folders, by path or pattern; `**` stands for any number of folders, so that `/var/log/**` is every folder below
    /// `/var/log`.
    directories: Vec<String>,
    /// Older spelling of one folder.
    directory: String,
    /// Names of files, with wildcards.
    name: String,
    /// Count in the folders below too.
    recursive: bool,
    /// Count files only, not folders, sockets and the like.
    regular_only: bool,
    /// Follow links.
    follow_symlinks: bool,
    /// Count files of at least this size in bytes or as `"10KiB"`; if it is negative, files that are smaller.
    size: Amount,
    /// Count files that have not been changed for so long, as `"2h"`; if it is negative, files that have been changed since.
    mtime: Amount,
    /// How long a folder may take; one that takes longer is reported and gives no metric. 0 means as long as it takes.
    timeout: Duration,
}

/// A number with or without a unit, which may be negative.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Amount {
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            directories: Vec::new(),
            directory: String::new(),
            name: "*".to_owned(),
            recursive: true,
            regular_only: true,
            follow_symlinks: false,
            size: Amount::Whole(0),
            mtime: Amount::Text("0s".to_owned()),
            timeout: Duration::default(),
        }
    }
}

impl Amount {
    fn bytes(&self) -> Result<i64> {
        match self {
            Amount::Whole(n) => Ok(*n),
            Amount::Number(n) => Ok(*n as i64),
            Amount::Text(text) => match text.strip_prefix('-') {
                Some(positive) => Ok(-size::parse(positive)?),
                None => Ok(size::parse(text)?),
            },
        }
    }

    fn nanos(&self) -> Result<i64> {
        match self {
            Amount::Whole(n) => n.checked_mul(1_000_000_000).with_context(|| format!("{n} seconds are too many")),
            Amount::Number(n) => duration::from_seconds(*n).with_context(|| format!("{n} seconds are too many")),
            Amount::Text(text) => Ok(duration::parse_setting(text)?),
        }
    }
}

impl Plugin for Filecount {
    const NAME: &'static str = "filecount";
    const ABOUT: &'static str = "Counts files in folders.";
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        if !settings.directory.is_empty() {
            env.log.warn("directory is now directories, a list");
            settings.directories.push(settings.directory);
        }
        let name = if settings.name.is_empty() { "*" } else { &settings.name };
        Ok(Filecount {
            folders: settings
                .directories
                .iter()
                .map(|d| GlobPath::new(d))
                .collect::<Result<_>>()
                .context("directories")?,
            conditions: Arc::new(Conditions {
                name: Glob::compile(name, &[]).context("name")?,
                recursive: settings.recursive,
                regular_only: settings.regular_only,
                follow_links: settings.follow_symlinks,
                size: settings.size.bytes().context("size")?,
                age: settings.mtime.nanos().context("mtime")?,
            }),
            timeout: (!settings.timeout.is_zero()).then_some(*settings.timeout),
        })
    }
}

impl Input for Filecount {
    async fn gather(&mut self, out: &mut Collector) -> Result<()> {
        let (folders, conditions, timeout) = (self.folders.clone(), self.conditions.clone(), self.timeout);
        let walk = move || {
            let now = SystemTime::now();
            let end = || timeout.and_then(|t| Instant::now().checked_add(t));
            let folders = folders.iter().flat_map(GlobPath::matches).filter(|p| p.is_dir());
            folders.map(|p| (count::files(&p, &conditions, now, end()), p)).collect::<Vec<(Option<Count>, PathBuf)>>()
        };
        for (count, path) in tokio::task::spawn_blocking(walk).await.context("count files")? {
            let Some(count) = count else {
                out.error(anyhow!("count files in {}: it took longer than timeout", path.display()));
                continue;
            };
            if count.unread > 0 {
                out.error(anyhow!("read folders below {}: {} cannot be read", path.display(), count.unread));
            }
            out.metric("filecount")
                .tag("directory", &path.to_string_lossy())
                .kind(Kind::Gauge)
                .field("count", count.files)
                .field("size_bytes", count.bytes)
                .field("oldest_file_timestamp", count.oldest.unwrap_or(0))
                .field("newest_file_timestamp", count.newest.unwrap_or(0));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
