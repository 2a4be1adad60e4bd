//! The keys of one keyring below the user's, by system calls.

use agent_api::{Context, Result};
use keyutils::keytypes::User;
use keyutils::{Description, Keyring, SpecialKeyring};

/// The keys of a keyring, which need not exist yet.
pub(super) struct Keys {
    keyring: String,
}

impl Keys {
    pub(super) fn new(keyring: String) -> Result<Self> {
        Ok(Keys { keyring })
    }

    /// The keyring, if there is one.
    pub(super) fn find(&self) -> Result<Keyring> {
        user()?.search_for_keyring(&*self.keyring, None).with_context(|| format!("find keyring {:?}", self.keyring))
    }

    pub(super) fn read(&self, key: &str) -> Result<String> {
        let found = self.find()?.search_for_key::<User, _, _>(key, None)?;
        String::from_utf8(found.read()?).context("the value is no text")
    }

    /// The names of the keys, sorted.
    pub(super) fn list(&self) -> Result<Vec<String>> {
        let (keys, _) = self.find()?.read()?;
        let mut names = keys
            .iter()
            .map(|key| Ok(key.description()?))
            .filter(|found| found.as_ref().map_or(true, |d| d.type_ == "user"))
            .map(|found: Result<Description>| found.map(|d| d.description))
            .collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    pub(super) fn write(&self, key: &str, value: &str) -> Result<()> {
        let mut keyring = match self.find() {
            Ok(keyring) => keyring,
            Err(_) => user()?.add_keyring(&*self.keyring)?,
        };
        keyring.add_key::<User, _, _>(key, value.as_bytes())?;
        Ok(())
    }

    pub(super) fn remove(&self, key: &str) -> Result<()> {
        let mut keyring = self.find()?;
        let found = keyring.search_for_key::<User, _, _>(key, None)?;
        keyring.unlink_key(&found)?;
        Ok(())
    }
}

/// The user's keyring.
pub(super) fn user() -> Result<Keyring> {
    Keyring::attach_or_create(SpecialKeyring::User).context("open the user's keyring")
}
