//! Credentials that systemd hands to a service (`LoadCredential=`, `SetCredentialEncrypted=` and the like): files in a folder that only
//! the service can read, named by the environment variable `CREDENTIALS_DIRECTORY` (systemd.exec(5)).

#[cfg(test)]
mod tests;

use crate::folder::Folder;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

register!(Entry::secret_store::<Systemd>());

/// The store.
struct Systemd {
    folder: Folder,
}

/// Where the credentials are.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Folder of the credentials; empty means the one that systemd names in `CREDENTIALS_DIRECTORY`.
    path: String,
    /// What the names of the credentials of this agent begin with; it is no part of the key.
    prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { path: String::new(), prefix: "telegraf.".to_owned() }
    }
}

impl Plugin for Systemd {
    const NAME: &'static str = "systemd";
    const ABOUT: &'static str = "Reads secrets from the credentials that systemd hands to a service.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        ensure!(!settings.prefix.contains('/'), "prefix: {:?} cannot begin the name of a file", settings.prefix);
        let path = if settings.path.is_empty() { given()? } else { PathBuf::from(settings.path) };
        Ok(Systemd { folder: Folder { path, prefix: settings.prefix } })
    }
}

fn given() -> Result<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .context("CREDENTIALS_DIRECTORY is not set: start the agent as a service with LoadCredential=, or set path")
}

impl SecretStore for Systemd {
    async fn get(&self, key: &str) -> Result<Secret> {
        self.folder.get(key)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        self.folder.keys()
    }

    async fn set(&self, key: &str, _: &str) -> Result<()> {
        bail!("set secret {key:?}: credentials of systemd can only be read")
    }

    async fn remove(&self, key: &str) -> Result<()> {
        bail!("remove secret {key:?}: credentials of systemd can only be read")
    }

    fn at_hand(&self) -> bool {
        true
    }
}
