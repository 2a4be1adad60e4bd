//! There are no such keyrings on other systems, so there is no value of this type either.

use agent_api::{Result, bail};

/// Never made.
pub(super) enum Keys {}

impl Keys {
    pub(super) fn new(_: String) -> Result<Self> {
        bail!("only Linux has such a keyring")
    }

    pub(super) fn read(&self, _: &str) -> Result<String> {
        match *self {}
    }

    pub(super) fn list(&self) -> Result<Vec<String>> {
        match *self {}
    }

    pub(super) fn write(&self, _: &str, _: &str) -> Result<()> {
        match *self {}
    }

    pub(super) fn remove(&self, _: &str) -> Result<()> {
        match *self {}
    }
}
