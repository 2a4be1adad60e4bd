//! Secrets as files in a folder, one a key.
//!
//! A key is the name of a file and nothing else, so that a reference in a configuration cannot reach a file elsewhere.

use agent_api::{Context, Result, Secret, ensure, plugin};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Docker's own bound on a secret is 500 kB, those of Kubernetes and systemd 1 MiB.
pub(crate) const MOST: u64 = 1 << 20;

/// A folder, and what the names of its files begin with beside the key.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) prefix: String,
}

impl Folder {
    /// The content of the file of a key.
    pub(crate) fn get(&self, key: &str) -> Result<Secret> {
        let name = format!("{}{key}", self.prefix);
        let one_name = Path::new(&name).file_name().is_some_and(|file| *file == *name) && !key.is_empty();
        ensure!(one_name, "secret {key:?}: a key is the name of a file, without a path");
        plugin::blocking(|| read(&self.path.join(name)))
            .with_context(|| format!("read secret {key:?}"))
            .map(Secret::new)
    }

    /// The keys, sorted.
    pub(crate) fn keys(&self) -> Result<Vec<String>> {
        let list = || -> std::io::Result<Vec<String>> {
            let mut keys = Vec::new();
            for entry in std::fs::read_dir(&self.path)? {
                let entry = entry?;
                // What is behind a link counts: Kubernetes mounts every secret as one.
                let is_file = std::fs::metadata(entry.path()).is_ok_and(|found| found.is_file());
                let name = entry.file_name().into_string().ok().filter(|_| is_file);
                keys.extend(name.and_then(|name| name.strip_prefix(&self.prefix).map(str::to_owned)));
            }
            keys.sort();
            Ok(keys)
        };
        plugin::blocking(list).with_context(|| format!("list secrets in {}", self.path.display()))
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= MOST, "the file is larger than {MOST} bytes");
    Ok(text)
}
