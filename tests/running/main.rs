//! The real binary while it runs: reloads under load, watching, the local API, plugins that cannot start, inputs that wait for outputs.

mod agent;
#[cfg(unix)]
mod api;
mod client;
mod reload;
#[cfg(unix)]
mod startup;
#[cfg(unix)]
mod urging;
mod watch;
