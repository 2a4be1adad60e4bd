//! The secret stores, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(any(feature = "docker", feature = "systemd"))]
mod folder;

#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "jose")]
mod jose;
#[cfg(feature = "oauth2")]
mod oauth2;
#[cfg(feature = "os")]
mod os;
#[cfg(feature = "systemd")]
mod systemd;
#[cfg(feature = "vault")]
mod vault;
