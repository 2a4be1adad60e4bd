//! TLS options, spelled as Telegraf spells them, and the rustls configurations that they mean.
//!
//! ring is named as the provider in every configuration, so nothing hangs on a default of the process. Options are checked
//! without I/O (`check`); files are read when a configuration is made; the system's own certificates are read when the first
//! server has to be verified against them, so that an agent without https never pays for them.

mod client;
mod password;
mod pem;
mod protocol;
mod server;
mod validity;
mod verify;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use client::{ClientTls, migrate};
pub use server::ServerTls;
