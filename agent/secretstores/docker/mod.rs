//! Secrets as files in a folder, one a key: what Docker, Podman and Kubernetes mount into a container.

#[cfg(test)]
mod tests;

use crate::folder::Folder;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::secret_store::<Docker>());

/// The store.
struct Docker {
    folder: Folder,
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

impl Plugin for Docker {
    const NAME: &'static str = "docker";
    const ABOUT: &'static str = "Reads secrets from the files that Docker mounts into a container.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let path = if settings.path.is_empty() { Settings::default().path } else { settings.path };
        Ok(Docker { folder: Folder { path: PathBuf::from(path), prefix: String::new() }, dynamic: settings.dynamic })
    }
}

impl SecretStore for Docker {
    async fn get(&self, key: &str) -> Result<Secret> {
        self.folder.get(key)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        self.folder.keys()
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

    fn at_hand(&self) -> bool {
        true
    }
}
