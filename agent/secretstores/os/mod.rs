//! The kernel's keyring (keyrings(7)): secrets live in memory that no other user reaches, until the machine is started anew.
//!
//! Keys are of the type `user` in a keyring of their own below the user's keyring, which is where Telegraf and `keyctl` have them.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use agent_api::*;
#[cfg(not(target_os = "linux"))]
use elsewhere::Keys;
#[cfg(target_os = "linux")]
use linux::Keys;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::secret_store::<Os>());

/// The store.
struct Os {
    keys: Keys,
    dynamic: bool,
}

/// Which keyring, and when it is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Name of the keyring below the user's keyring (`@u`).
    keyring: String,
    /// Accepted for compatibility: only Windows and macOS have collections.
    collection: String,
    /// Accepted for compatibility: only macOS locks its keychain with a password.
    password: Secret,
    /// Read a secret at every use; otherwise once.
    dynamic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            keyring: "telegraf".to_owned(),
            collection: String::new(),
            password: Secret::default(),
            dynamic: false,
        }
    }
}

impl Plugin for Os {
    const NAME: &'static str = "os";
    const ABOUT: &'static str = "Keeps secrets in the keyring of the Linux kernel.";
    const LINUX: bool = true;
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let keyring = if settings.keyring.is_empty() { Settings::default().keyring } else { settings.keyring };
        Ok(Os { keys: Keys::new(keyring)?, dynamic: settings.dynamic })
    }
}

impl SecretStore for Os {
    async fn get(&self, key: &str) -> Result<Secret> {
        self.keys.read(key).with_context(|| format!("read secret {key:?}")).map(Secret::new)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        self.keys.list().context("list secrets")
    }

    async fn set(&self, key: &str, value: &str) -> Result<()> {
        ensure!(!key.is_empty() && !value.is_empty(), "set secret {key:?}: the kernel keeps no empty keys");
        self.keys.write(key, value).with_context(|| format!("set secret {key:?}"))
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.keys.remove(key).with_context(|| format!("remove secret {key:?}"))
    }

    fn dynamic(&self) -> bool {
        self.dynamic
    }
}
