//! The kernel's keyring (keyrings(7)): secrets live in memory that no other user reaches, until the machine is started anew.
//!
//! Keys are of the type `user` in a keyring of their own below the user's keyring, which is where Telegraf and `keyctl` have them.

#[cfg(test)]
mod tests;

use agent_api::*;
use keyutils::keytypes::User;
use keyutils::{Keyring, SpecialKeyring};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::secret_store::<Os>());

/// The store.
struct Os {
    keyring: String,
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
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let keyring = if settings.keyring.is_empty() { Settings::default().keyring } else { settings.keyring };
        Ok(Os { keyring, dynamic: settings.dynamic })
    }
}

impl Os {
    /// The keyring, if there is one.
    fn find(&self) -> Result<Keyring> {
        user()?.search_for_keyring(&*self.keyring, None).with_context(|| format!("find keyring {:?}", self.keyring))
    }
}

/// The user's keyring.
fn user() -> Result<Keyring> {
    Keyring::attach_or_create(SpecialKeyring::User).context("open the user's keyring")
}

impl SecretStore for Os {
    async fn get(&self, key: &str) -> Result<Secret> {
        let read = || -> Result<String> {
            let found = self.find()?.search_for_key::<User, _, _>(key, None)?;
            String::from_utf8(found.read()?).context("the value is no text")
        };
        read().with_context(|| format!("read secret {key:?}")).map(Secret::new)
    }

    async fn keys(&self) -> Result<Vec<String>> {
        let list = || -> Result<Vec<String>> {
            let (keys, _) = self.find()?.read()?;
            let mut names = keys
                .iter()
                .map(|key| Ok(key.description()?))
                .filter(|found| found.as_ref().map_or(true, |d| d.type_ == "user"))
                .map(|found: Result<keyutils::Description>| found.map(|d| d.description))
                .collect::<Result<Vec<_>>>()?;
            names.sort();
            Ok(names)
        };
        list().context("list secrets")
    }

    async fn set(&self, key: &str, value: &str) -> Result<()> {
        let write = || -> Result<()> {
            let mut keyring = match self.find() {
                Ok(keyring) => keyring,
                Err(_) => user()?.add_keyring(&*self.keyring)?,
            };
            keyring.add_key::<User, _, _>(key, value.as_bytes())?;
            Ok(())
        };
        ensure!(!key.is_empty() && !value.is_empty(), "set secret {key:?}: the kernel keeps no empty keys");
        write().with_context(|| format!("set secret {key:?}"))
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let remove = || -> Result<()> {
            let mut keyring = self.find()?;
            let found = keyring.search_for_key::<User, _, _>(key, None)?;
            keyring.unlink_key(&found)?;
            Ok(())
        };
        remove().with_context(|| format!("remove secret {key:?}"))
    }

    fn dynamic(&self) -> bool {
        self.dynamic
    }
}
