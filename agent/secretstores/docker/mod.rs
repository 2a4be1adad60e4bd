//! Secrets as files in a folder, one a key: what Docker, Podman and Kubernetes mount into a container.
//!
//! A key is the name of a file and nothing else, so that a reference in a configuration cannot reach a file elsewhere.

#[cfg(test)]
mod tests;

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

register!(Entry::secret_store::<Docker>());

/// The store.
struct Docker {
    path: PathBuf,
    dynamic: bool,
}

/// Which folder, and when its files are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder with the files.
    path: String,
    /// Read a file at every use of its secret; otherwise once.
    dynamic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { path: "/run/secrets".to_owned(), dynamic: false }
    }
}

/// Docker's own bound on a secret is 500 kB, that of Kubernetes 1 MiB.
const MOST: u64 = 1 << 20;

impl Plugin for Docker {
    const NAME: &'static str = "docker";
    const ABOUT: &'static str = "Reads secrets from the files that Docker mounts into a container.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let path = if settings.path.is_empty() { Settings::default().path } else { settings.path };
        Ok(Docker { path: PathBuf::from(path), dynamic: settings.dynamic })
    }
}

impl SecretStore for Docker {
    async fn get(&self, key: &str) -> Result<Secret> {
        let one_name = Path::new(key).file_name().is_some_and(|name| name == key);
        ensure!(one_name, "secret {key:?}: a key is the name of a file, without a path");
        plugin::blocking(|| read(&self.path.join(key))).with_context(|| format!("read secret {key:?}")).map(Secret::new)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let list = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.path)? {
                let entry = entry?;
                // What is behind a link counts: Kubernetes mounts every secret as one.
                let is_file = std::fs::metadata(entry.path()).is_ok_and(|found| found.is_file());
                names.extend(entry.file_name().into_string().ok().filter(|_| is_file));
            }
            names.sort();
            Ok(names)
        };
        plugin::blocking(list).with_context(|| format!("list secrets in {}", self.path.display()))
    }

    async fn set(&self, key: &str, _: &str) -> Result<()> {
        bail!("set secret {key:?}: this store can only be read")
    }

    async fn remove(&self, key: &str) -> Result<()> {
        bail!("remove secret {key:?}: this store can only be read")
    }

    fn dynamic(&self) -> bool {
        self.dynamic
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= MOST, "the file is larger than {MOST} bytes");
    Ok(text)
}
