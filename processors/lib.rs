//! The processors, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod complaints;
mod encoding;
mod memo;
mod scalar;

#[cfg(test)]
mod testing;

#[cfg(feature = "converter")]
mod converter;
#[cfg(feature = "date")]
mod date;
#[cfg(feature = "dedup")]
mod dedup;
#[cfg(feature = "defaults")]
mod defaults;
#[cfg(feature = "enum")]
mod r#enum;
#[cfg(feature = "filter")]
mod filter;
#[cfg(feature = "override")]
mod r#override;
#[cfg(feature = "regex")]
mod regex;
#[cfg(feature = "rename")]
mod rename;
#[cfg(feature = "strings")]
mod strings;
