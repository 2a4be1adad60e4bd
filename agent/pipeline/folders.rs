//! The folders of outputs: each has one for its queue and one for its dead letters.
//!
//! A folder is named after the alias of its output, else after the plugin, with a number from the second of that name on. Never
//! after options, so that changing one does not orphan what is there.

use crate::config::{Config, Keys, OutputConfig};
use std::path::{Path, PathBuf};

/// Where an output keeps what outlives a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its name among the outputs.
    pub name: String,
    /// None: its queue is in memory.
    pub queue: Option<PathBuf>,
    /// With which queue and dead letters are encrypted.
    pub keys: Keys,
    /// None: they are not kept.
    pub dead_letters: Option<PathBuf>,
}

/// The folders of the outputs of a configuration, in the order of the file.
pub fn folders(config: &Config) -> Vec<Folder> {
    let mut taken: Vec<String> = Vec::new();
    let mut named = |name: &str| {
        let mut safe: String =
            name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
        if safe.starts_with('.') {
            safe.replace_range(..1, "_");
        }
        let numbered = (1..).map(|n| if n == 1 { safe.clone() } else { format!("{safe}-{n}") });
        let free = numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(free.clone());
        free
    };
    let of = |o: &OutputConfig| {
        let name = named(o.plugin.queue_name());
        let within = |directory: &String| Path::new(directory).join(&name);
        let queue = o.disk.as_ref().map(|disk| within(&disk.directory));
        let dead_letters = o.dead_letters.as_ref().map(|kept| within(&kept.directory));
        Folder { name, queue, keys: o.keys().cloned().unwrap_or_default(), dead_letters }
    };
    config.outputs.iter().map(of).collect()
}
