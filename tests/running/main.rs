//! The real binary while it runs: reloads under load, watching, the local API.

mod agent;
#[cfg(unix)]
mod api;
mod client;
mod reload;
mod watch;
