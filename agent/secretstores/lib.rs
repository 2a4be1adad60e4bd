//! The secret stores, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "docker")]
mod docker;
