//! Headers that users set: names checked once, values revealed at each use as they may come from a secret store.

use agent_api::{Context, Result, Secret};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;

/// Headers as they stand in settings.
pub type HeaderSettings = BTreeMap<String, Secret>;

/// Headers with names that exist.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(HeaderName, Secret)>);

impl Headers {
    /// Checks the names; `option` names the table in errors.
    pub fn new(option: &str, settings: &HeaderSettings) -> Result<Self> {
        settings
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.trim().as_bytes())
                    .with_context(|| format!("{option}: invalid name of a header {name:?}"))?;
                Ok((name, value.clone()))
            })
            .collect::<Result<_>>()
            .map(Headers)
    }

    /// Puts them over those that are there.
    pub fn put(&self, into: &mut HeaderMap) -> Result<()> {
        for (name, value) in &self.0 {
            into.insert(name.clone(), header_value(name.as_str(), &value.reveal()?)?);
        }
        Ok(())
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value of a header; the error does not show it.
pub(crate) fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_bytes(value.as_bytes()).with_context(|| format!("invalid value of header {name}"))
}
